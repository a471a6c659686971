"""Answers: puzzles on their way through the model side by side, each until it is content or out of attempts."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from ..halting import wants_to_halt
from ..layers import truncated_normal_
from ..model import HRM, Latents
from ..puzzles.stream import start
from .numbers import as_numbers, check_fit, side_by_side

__all__ = ["Solution", "random_latents", "solve"]


@dataclass
class Solution:
    """What `solve` found, a row for each puzzle, on the device that the puzzles came from."""

    tokens: Tensor
    """(batch, seq_len) the answer"""
    segments: Tensor
    """(batch,) segments used, those of restarts included"""
    q_halt: Tensor
    """(batch,) logit that the answer is right, as the model sees it"""
    trace: Tensor | None = None
    """(batch, max_segments, seq_len) the answer after each segment; a halted row keeps its last one"""


@torch.no_grad()
def solve(
    model: HRM,
    tokens: Tensor,
    max_segments: int = 16,
    halt: bool = True,
    margin: float = 0.0,
    compare: bool = False,
    puzzle_ids: Tensor | None = None,
    record: bool = False,
    batch_size: int | None = None,
    restarts: int = 0,
    seed: int = 0,
    noise: float = 0.0,
) -> Solution:
    """Answers for ``tokens`` (batch, seq_len), whole numbers in a tensor, an array or lists.

    halt: True: a row stops when the rule below lets it. False: all run max_segments (the published evaluation).
    margin: a row stops when q_halt > margin, so when it gives its answer odds better than e^margin to 1. At 0 that is
    "more likely right than wrong", which is too eager wherever another segment would mend the answer (chapter 7);
    `choose_margin` finds a margin that costs next to no accuracy.
    compare: True: it stops when q_halt − q_continue > margin, the paper's rule, which needs a model trained with
    ``continue_loss``.
    puzzle_ids: (batch,) or None.
    record: True keeps the answer after every segment.
    batch_size: how many puzzles are worked on side by side (None: what suits the device). One that has stopped leaves,
    and the next takes its place; one that is to begin again goes to the end of the queue. The answers do not depend on
    it, but for rounding.
    restarts: so many times a puzzle that is not content after max_segments begins again, from random latents; of its
    answers the one with the highest q_halt counts. ``record`` shows the first attempt.
    seed: whole number, 0 or more. The latents of a restart depend on it, on the row of the puzzle and on the number of
    the attempt, and on nothing else.
    noise: in restarts, the deviation of the normal noise that is added to both states between segments (a unit is the
    deviation of the first latents).
    """
    batch_size = side_by_side(model, batch_size)
    if max_segments < 1 or batch_size < 1 or restarts < 0:
        raise ValueError(
            f"max_segments={max_segments}, batch_size={batch_size}, restarts={restarts} are not usable: at least one "
            "segment must run, on at least one puzzle, and restarts are 0 or more."
        )
    if not 0 <= noise < float("inf"):
        raise ValueError(f"noise={noise} is not usable: it is a deviation, 0 or more; .01 to .3 has been of use.")
    if restarts and not halt:
        raise ValueError("restarts are for puzzles that the halting rule is not content with: they need halt=True.")
    tokens, puzzle_ids = as_numbers(tokens), as_numbers(puzzle_ids, "puzzle_ids")
    check_fit(model, tokens, puzzle_ids)
    was_training, home = model.training, tokens.device
    model.eval()
    try:
        work = _Work(model, tokens, puzzle_ids, max_segments, batch_size, record)
        rule = (lambda out: wants_to_halt(out.q_halt, out.q_continue if compare else None, margin)) if halt else None
        work.run(rule, restarts, seed, noise)
    finally:
        model.train(was_training)
    trace = None if work.trace is None else work.trace.to(home)
    return Solution(work.answer.to(home), work.segments.to(home), work.q_halt.to(home), trace)


def random_latents(model: HRM, generators: list[torch.Generator]) -> Latents:
    """Other places to begin, one for each generator: (count, positions, d).

    One vector for each state, drawn as z⁰ was, the same at every position: what the model has been trained to begin at
    is one of these. generators: on the CPU.
    """
    d, device = model.config.d_model, model.z_H_init.device
    shape = (len(generators), model.config.positions_total, d)
    drawn = torch.stack([truncated_normal_(torch.empty(2, 1, d), 1.0, g) for g in generators], 1)  # (2, count, 1, d)
    return Latents(*(z.to(device, model.dtype).expand(shape) for z in drawn))


def _generator(*numbers: int) -> torch.Generator:
    """One for these numbers. Neighbours are far apart."""
    return torch.Generator().manual_seed(start(numbers))


class _Work:
    """Puzzles on their way through the model, ``batch_size`` at a time, and what came out for each."""

    def __init__(self, model: HRM, tokens, puzzle_ids, max_segments: int, batch_size: int, record: bool):
        self.model, self.max_segments, self.batch_size = model, max_segments, batch_size
        self.device, n = model.z_H_init.device, len(tokens)
        self.tokens = tokens.to(self.device)
        self.ids = None if puzzle_ids is None else puzzle_ids.to(self.device)
        self.answer = torch.zeros(n, tokens.shape[1], dtype=torch.long, device=self.device)
        self.segments = torch.zeros(n, dtype=torch.long, device=self.device)
        self.q_halt = torch.full((n,), -torch.inf, device=self.device)
        self.trace = self.answer[:, None].repeat(1, max_segments, 1) if record else None
        self.first = torch.zeros(n, dtype=torch.long)  # how many segments the first attempt has had

    def run(self, rule, restarts: int, seed: int, noise: float) -> None:
        """All puzzles, each until ``rule(output)`` says that it may stop or its restarts are used up."""
        waiting = deque((puzzle, 0) for puzzle in range(len(self.tokens)))
        # What lies in each place of the batch, on the CPU: the puzzle, the attempt, the segments it has had.
        places, z = torch.zeros(0, 3, dtype=torch.long), self.model.initial_latents(0)
        while len(places) or waiting:
            if count := min(self.batch_size - len(places), len(waiting)):
                new = torch.tensor([(*waiting.popleft(), 0) for _ in range(count)])
                places = torch.cat((places, new))
                z = Latents(*(torch.cat(pair) for pair in zip(z, self._begin(new, seed), strict=True)))
            if noise:
                z = self._shake(z, places, seed, noise)
            row = places[:, 0].to(self.device)
            out = self.model(z, self.tokens[row], None if self.ids is None else self.ids[row])
            z, answer = out.latents, out.logits.argmax(-1)
            places[:, 2] += 1
            self.segments[row] += 1
            content = torch.zeros(len(places), dtype=torch.bool) if rule is None else rule(out).cpu()
            leaves = content | (places[:, 2] >= self.max_segments)
            if self.trace is not None:
                first = places[:, 1] == 0
                puzzle, _, age = places[first].T
                self.trace[puzzle.to(self.device), age.to(self.device) - 1] = answer[first.to(self.device)]
                self.first[puzzle] = age
            gone = leaves.to(self.device)
            self._keep(row[gone], answer[gone], out.q_halt[gone].to(self.q_halt.dtype))
            again = places[leaves & ~content]
            waiting.extend((puzzle, attempt + 1) for puzzle, attempt, _ in again.tolist() if attempt < restarts)
            places, z = places[~leaves], Latents(z.z_H[~gone], z.z_L[~gone])
        if self.trace is not None:  # who left early keeps the last answer
            shown = torch.arange(self.max_segments).minimum(self.first[:, None] - 1).to(self.device)
            self.trace = self.trace.gather(1, shown[..., None].expand_as(self.trace))

    def _begin(self, places: Tensor, seed: int) -> Latents:
        """First attempts begin where the model was trained to, others at random."""
        z_H, z_L = self.model.initial_latents(len(places))
        if (other := places[:, 1] > 0).any():
            z_H, z_L, where = z_H.clone(), z_L.clone(), other.to(self.device)
            generators = [_generator(seed, puzzle, attempt) for puzzle, attempt, _ in places[other].tolist()]
            z_H[where], z_L[where] = random_latents(self.model, generators)
        return Latents(z_H, z_L)

    def _shake(self, z: Latents, places: Tensor, seed: int, noise: float) -> Latents:
        """Restarts on their way, with noise on both states; first attempts and first segments as they are."""
        moved = (places[:, 1:] > 0).all(1)
        if not moved.any():
            return z
        shape, where = (2, *z.z_H.shape[1:]), moved.to(self.device)
        draws = torch.stack([torch.randn(shape, generator=_generator(seed, *p)) for p in places[moved].tolist()], 1)
        z_H, z_L = z.z_H.clone(), z.z_L.clone()
        for state, draw in zip((z_H, z_L), draws, strict=True):
            state[where] += noise * draw.to(state)
        return Latents(z_H, z_L)

    def _keep(self, row: Tensor, answer: Tensor, q_halt: Tensor) -> None:
        # A value that is no number is trusted least of all; the answer is kept all the same if it is the only one.
        q_halt = q_halt.nan_to_num(nan=-torch.inf)
        better = (q_halt > self.q_halt[row]) | self.q_halt[row].isneginf()
        row = row[better]
        self.answer[row], self.q_halt[row] = answer[better], q_halt[better]
