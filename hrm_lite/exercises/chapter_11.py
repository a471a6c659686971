"""Checks of chapter 11, ARC. None of them needs ARC's tasks."""

from __future__ import annotations

import numpy as np
import torch

from .base import Unanswered, Wrong, call, exercise, number, tensor

__all__: list[str] = []


def _grids(count: int = 6) -> list[np.ndarray]:
    draw = np.random.default_rng(11)
    return [draw.integers(0, 10, draw.integers(2, 6, 2)) for _ in range(count)]


def _whole(value, what: str) -> np.ndarray:
    """A grid of colours, from a list, an array or a tensor."""
    found = tensor(value, what, (None, None)).numpy()
    if not np.array_equal(found, found.round()):
        raise Wrong(f"{what} should hold colours, which are whole numbers.")
    return found.astype(int)


@exercise("11.1", "a function of a grid, a number of quarter turns and the new names of the ten colours")
def undo(back) -> str:
    draw = np.random.default_rng(12)
    for i, grid in enumerate(_grids()):
        turns, colours = (1, 2, 3, 0)[i % 4], np.concatenate([[0], 1 + draw.permutation(9)])
        shown = colours[np.rot90(grid, turns)]
        found = _whole(call(back, shown, turns, colours), "what your function returns")
        if np.array_equal(found, grid):
            continue
        if np.array_equal(found, np.rot90(np.argsort(colours)[shown], turns)):
            raise Wrong("the colours are right, and the grid is turned further instead of back.")
        if np.array_equal(found, colours[np.rot90(shown, -turns)]):
            raise Wrong(
                "the turn is right, and the colours were renamed a second time. `colours[c]` is the new name of "
                "colour c; you have the new name and want the old one."
            )
        if np.array_equal(found, np.rot90(shown, -turns)):
            raise Wrong("the turn is right; the colours still have their new names.")
        if found.shape != grid.shape:
            raise Wrong(f"a grid of shape {grid.shape} came back with shape {found.shape}.")
        raise Wrong(f"a grid that was turned by {turns} quarters came back with {(found != grid).sum()} wrong cells.")
    return (
        "The order of the two inverses makes no difference here: a turn moves cells and a renaming changes what stands "
        "in them. Votes are counted on grids that were turned back, so one wrong inverse would turn right answers into "
        "scattered ones, and nothing would say so."
    )


def _votes():
    """Three cases: many votes against a confident one; a tie; grids that differ in shape only."""
    a, b, c = np.array([[1, 2]]), np.array([[3, 4]]), np.array([[5]])
    flat = np.array([[1], [2]])  # the numbers of a in another shape
    yield [(a, -2.0), (b, 4.0), (a, -1.0), (c, 0.0), (a, -3.0), (c, 1.0)], [a, c], "many"
    yield [(c, 0.0), (b, 1.0), (a, 2.0), (b, 1.5), (a, 2.5), (c, 0.5)], [a, b], "tie"
    yield [(a, 1.0), (flat, 0.0), (flat, 0.5), (b, 3.0), (flat, 2.0), (a, 1.0)], [flat, a], "shape"
    yield [(b, 1.0), (b, 2.0)], [b], "one"


@exercise("11.2", "a function of a list of pairs (grid, q) that returns at most two grids, the best first")
def two_guesses(choose) -> str:
    for cast, best, case in _votes():
        found = call(choose, [(grid.copy(), q) for grid, q in cast])
        if not isinstance(found, (list, tuple)):
            raise Wrong("your function should return a list of grids.")
        found = [_whole(grid, "each guess") for grid in found]
        if [grid.tolist() for grid in found] == [grid.tolist() for grid in best]:
            continue
        if len(found) > 2:
            raise Wrong(f"ARC allows two guesses, and your function returns {len(found)}.")
        if len(found) == 2 and np.array_equal(*found):
            raise Wrong("both guesses are the same grid: the second one is given away.")
        if case == "many":
            raise Wrong(
                "a grid with three votes should come first, then one with two, even where a single vote is surer of "
                "itself."
            )
        if case == "tie":
            raise Wrong("three grids have two votes each: let the mean of their q decide.")
        if case == "shape":
            raise Wrong("[[1, 2]] and [[1], [2]] are two answers. Does your count tell them apart?")
        raise Wrong("where all votes agree there is one guess, and no second to invent.")
    return (
        "Count first, belief second. A wrong answer is wrong in many ways, so its votes scatter; the Q head decides "
        "only where the count cannot."
    )


@exercise("11.3", "the share of the test inputs that are answered, a number between 0 and 1")
def trivial(answer) -> str:
    share = number(answer, "the share", 0, 100)
    answered, inputs, tasks = 3, 88, 77  # arc.score, and counted by hand over the 77 tasks that fit
    if share > 1:
        raise Wrong("hand over a share between 0 and 1, not per cent.")
    if share == 0:
        raise Wrong("handing the input back answers none, true. The other guess does answer a few.")
    if abs(share - answered / inputs) < 1e-3:
        return (
            "Three of 88, by a guesser that has looked at nothing but one demonstration: as many as the trained "
            "model answers with all its votes. All three come from the second guess; handing the input back gets "
            "73 % of the cells right where the sizes agree, and not one grid. A cell accuracy measures mostly how much "
            "of a grid stays as it is."
        )
    if abs(share - answered / tasks) < 1e-3:
        raise Wrong("that is a share of the tasks. Some tasks ask about two or three inputs: count inputs.")
    if share > 0.5:
        raise Wrong("that looks like a share of cells. Only a whole grid counts.")
    raise Wrong(
        f"{share:.1%} of 88 inputs would be {share * inputs:.1f}. Give two guesses for each test input: the input "
        "itself, and the output of the first demonstration."
    )


@exercise("11.4", "a function of a tensor (questions, segments) of wrong cells that returns a share")
def wrong_way(share_up) -> str:
    cases = torch.tensor([[[5, 3, 3, 4], [2, 2, 2, 2], [9, 8, 9, 7]], [[1, 0, 0, 0], [4, 4, 6, 6], [3, 3, 3, 1]]])
    for wrong in (*cases, cases.flip(2).flatten(0, 1)):
        found = number(call(share_up, wrong), "what your function returns")
        change = wrong.diff(dim=1)
        up, down, all_changes = (change > 0).sum().item(), (change < 0).sum().item(), change.numel()
        if abs(found - up / (up + down)) < 1e-6:
            continue
        if abs(found - down / (up + down)) < 1e-6:
            raise Wrong("that is the share of the moves that lead nearer to the answer. Fewer wrong cells is better.")
        if abs(found - up / all_changes) < 1e-6:
            raise Wrong("where the number stays the same nothing was climbed: leave those pairs of segments out.")
        if abs(found - (change > 0).any(1).double().mean().item()) < 1e-6:
            raise Wrong("that is the share of the questions that get worse at all. Count moves.")
        if abs(found - 100 * up / (up + down)) < 1e-6:
            raise Wrong("hand over a share between 0 and 1, not per cent.")
        raise Wrong(f"of {up + down} moves {up} lead away from the answer, and your function returns {found:g}.")
    try:
        call(share_up, torch.ones(2, 3, dtype=torch.long))
    except Unanswered:
        raise
    except Wrong as wrong:
        raise Wrong(f"where nothing moves, your function should return something all the same: {wrong}") from wrong
    return (
        "For a climber this share is 0. For an answer that wanders it is near one half, and that is what the table "
        "shows for this model."
    )
