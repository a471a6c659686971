"""A model on a set of puzzles: the published protocol and halting, judged from one and the same pass.

The published protocol runs every puzzle through all segments. A halting rule only decides when a puzzle leaves and
does not change what it computes, so what it would have given is read off that pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from ..halting import wants_to_halt
from ..losses import IGNORE
from ..model import HRM
from ..puzzles.base import PuzzleSet
from ..solving import choose_margin, solve
from ..voting import solve_by_vote

FEW = 50  # a margin chosen on fewer puzzles than this would be luck


class Tally:
    """Counts of one protocol, puzzle after puzzle: exact answers, right ones by the rules, right cells, segments."""

    def __init__(self):
        self.n, self.sums = 0, {"exact": 0, "rules": 0, "cells": 0.0, "segments": 0}

    def add(self, puzzles: PuzzleSet, tokens, labels, answers, segments) -> None:
        """Answers (batch, seq_len) to these puzzles; segments (batch,) or a number. labels: `IGNORE` where unscored."""
        scored = labels != IGNORE
        right = (answers == labels) & scored
        self.sums["exact"] += int((right | ~scored).all(1).sum())
        self.sums["cells"] += float((right.sum(1) / scored.sum(1).clamp(min=1)).double().sum())
        self.sums["rules"] += int(puzzles.check(tokens, answers).sum())
        self.sums["segments"] += int(torch.as_tensor(segments).expand(len(tokens)).sum())
        self.n += len(tokens)

    def shares(self) -> dict:
        """{"exact", "rules", "cells"} as shares from 0 to 1, "segments" as their mean."""
        return {name: value / max(1, self.n) for name, value in self.sums.items()}


def labelled(puzzles: PuzzleSet) -> tuple[PuzzleSet, int]:
    """The puzzles that have an answer to be held against, and how many were left out."""
    with_label = (puzzles.labels != 0).any(1)
    return puzzles.select(with_label), int((~with_label).sum())


def pick_margin(model: HRM, puzzles: PuzzleSet, segments: int, batch_size: int) -> tuple[float, int]:
    """A halting margin from a fifth of the puzzles, and how many these are; (0.0, 0) where there are too few.

    They are the first ones, and are not to be reported on.
    """
    apart = min(len(puzzles) // 5, 1_000)
    if apart < FEW:
        return 0.0, 0
    tokens, labels, ids = puzzles.select(slice(apart)).as_tensors()
    margin = choose_margin(model, tokens, labels, segments, puzzle_ids=ids, batch_size=batch_size)
    return margin.value, apart


@torch.no_grad()
def measure(
    model: HRM,
    puzzles: PuzzleSet,
    segments: int,
    margin: float,
    batch_size: int = 256,
    restarts: int = 0,
    votes: int = 0,
    seed: int = 0,
    deadline: float | None = None,
    advance: Callable[[int], object] = lambda number: None,
) -> dict:
    """{"puzzles": how many were measured, "published": {segments: shares}, "halting": shares, …}.

    deadline: no batch is begun after this `time.monotonic()`, but one is measured always. advance: told after each
    batch how many puzzles it had. ``restarts`` and ``votes`` add a protocol of that name each.
    """
    marks = [2**i for i in range(segments.bit_length()) if 2**i < segments] + [segments]
    published, others = {m: Tally() for m in marks}, {"halting": Tally()}
    if restarts:
        others["restarts"] = Tally()
    if votes:
        others["votes"] = Tally()
    device, was_training = model.z_H_init.device, model.training
    model.eval()
    try:
        for start in range(0, len(puzzles), batch_size):
            if start and deadline is not None and time.monotonic() > deadline:
                break
            part = puzzles.select(slice(start, start + batch_size))
            tokens, labels, ids = part.as_tensors(device)
            halted, used = _pass(model, part, tokens, labels, ids, segments, margin, published)
            others["halting"].add(part, tokens, labels, halted, used)
            settings = dict(max_segments=segments, puzzle_ids=ids, batch_size=batch_size)
            if restarts:
                found = solve(model, tokens, margin=margin, restarts=restarts, seed=seed + start, **settings)
                others["restarts"].add(part, tokens, labels, found.tokens, found.segments)
            if votes:
                how = dict(margin=margin, restarts=restarts) if restarts else dict(halt=False)
                found = solve_by_vote(model, part, tokens, votes, seed + start, **how, **settings)
                others["votes"].add(part, tokens, labels, found.tokens, found.segments)
            advance(len(tokens))
    finally:
        model.train(was_training)
    shares = {name: tally.shares() for name, tally in others.items()}
    return {"puzzles": others["halting"].n, "published": {m: t.shares() for m, t in published.items()}} | shares


def _pass(model, part, tokens, labels, ids, segments, margin, published):
    """All segments of one batch into the tallies; the answers that halting would have given, and after how many."""
    z, used = model.initial_latents(len(tokens)), torch.zeros(len(tokens), dtype=torch.long, device=tokens.device)
    halted = torch.zeros_like(tokens)
    for segment in range(1, segments + 1):
        out = model(z, tokens, ids)
        z, answers = out.latents, out.logits.argmax(-1)
        if segment in published:
            published[segment].add(part, tokens, labels, answers, segment)
        stops = (used == 0) & (wants_to_halt(out.q_halt, margin=margin) | (segment == segments))
        halted[stops], used[stops] = answers[stops], segment
    return halted, used
