"""Answers to the exercises of chapter 11."""

from collections import defaultdict
from itertools import pairwise

import numpy as np
import torch


def back(grid, turns, colours):
    return np.argsort(colours)[np.rot90(grid, -turns)]


def back_by_loops(grid, turns, colours):
    old = {int(new): old for old, new in enumerate(colours)}
    rows = [[old[int(c)] for c in row] for row in grid]
    for _ in range((4 - turns) % 4):
        rows = [list(row) for row in zip(*rows, strict=True)][::-1]  # a quarter turn against the clock
    return rows


def turned_on(grid, turns, colours):
    return np.rot90(np.argsort(colours)[grid], turns)


def renamed_twice(grid, turns, colours):
    return colours[np.rot90(grid, -turns)]


def colours_kept(grid, turns, colours):
    return np.rot90(grid, -turns)


def _ranked(cast, key, name=lambda grid: (grid.shape, grid.tobytes()), most=2):
    kept = defaultdict(list)
    for grid, q in cast:
        kept[name(grid)].append((grid, q))
    return [entries[0][0] for entries in sorted(kept.values(), key=key)][:most]


def by_votes(cast):
    return _ranked(cast, lambda es: (-len(es), -sum(q for _, q in es)))


def by_votes_as_lists(cast):
    names = [str(np.asarray(grid).tolist()) for grid, _ in cast]
    count = {n: names.count(n) for n in names}
    mean = {n: np.mean([q for (_, q), m in zip(cast, names, strict=True) if m == n]) for n in names}
    best = sorted(count, key=lambda n: (count[n], mean[n]), reverse=True)
    return [cast[names.index(n)][0].tolist() for n in best[:2]]


def by_belief(cast):
    return _ranked(cast, lambda es: -max(q for _, q in es))


def votes_only(cast):
    return _ranked(cast, lambda es: -len(es))


def shapes_forgotten(cast):
    return _ranked(cast, lambda es: (-len(es), -sum(q for _, q in es)), name=lambda grid: grid.tobytes())


def same_twice(cast):
    return [by_votes(cast)[0]] * 2


def three(cast):
    return _ranked(cast, lambda es: -len(es), most=3)


def share_up(wrong):
    change = torch.diff(wrong, dim=1)
    return (change > 0).sum() / (change != 0).sum().clamp(min=1)


def share_up_by_loops(wrong):
    moves = [b - a for row in wrong.tolist() for a, b in pairwise(row) if a != b]
    return np.float64(np.mean([m > 0 for m in moves])) if moves else 0.0


def share_down(wrong):
    return 1 - share_up(wrong)


def share_of_all(wrong):
    return (wrong.diff(dim=1) > 0).double().mean()


def share_of_questions(wrong):
    return (wrong.diff(dim=1) > 0).any(1).double().mean()


def no_move_no_answer(wrong):
    moves = [b - a for row in wrong.tolist() for a, b in pairwise(row) if a != b]
    return sum(m > 0 for m in moves) / len(moves)


RIGHT = {
    "11.1": [back, back_by_loops],
    "11.2": [by_votes, by_votes_as_lists],
    "11.3": [3 / 88, 0.0341, torch.tensor(3 / 88)],
    "11.4": [share_up, share_up_by_loops],
}
WRONG = {
    "11.1": [(turned_on, "turned further"), (renamed_twice, "renamed a second time"), (colours_kept, "new names")],
    "11.2": [(by_belief, "three votes should come first"), (votes_only, "mean of their q"),
             (shapes_forgotten, "two answers"), (same_twice, "same grid"), (three, "returns 3")],
    "11.3": [(0.0, "answers none, true"), (3.41, "not per cent"), (3 / 77, "share of the tasks"), (0.73, "cells"),
             (0.02, "would be 1.8")],
    "11.4": [(share_down, "nearer to the answer"), (share_of_all, "leave those pairs"),
             (share_of_questions, "Count moves"), (no_move_no_answer, "nothing moves")],
}  # fmt: skip
