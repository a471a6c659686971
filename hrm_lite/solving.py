"""Inference: segment after segment, each row until it is content or the segments run out."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from .halting import wants_to_halt
from .layers import truncated_normal_
from .losses import IGNORE, exact_and_cells, labelled
from .model import HRM, Latents
from .processes import Processes

__all__ = ["Margin", "Solution", "Verdicts", "as_numbers", "choose_margin", "evaluate", "solve", "verdicts"]


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
    batch_size: int = 512,
    restarts: int = 0,
    seed: int = 0,
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
    batch_size: how many puzzles are worked on side by side. One that has stopped leaves, and the next takes its place.
    restarts: so many times a puzzle that is not content after max_segments begins again, from random latents (drawn
    with ``seed``); of its answers the one with the highest q_halt counts. ``record`` shows the first attempt.
    """
    if max_segments < 1 or batch_size < 1 or restarts < 0:
        raise ValueError(
            f"max_segments={max_segments}, batch_size={batch_size}, restarts={restarts} are not usable: at least one "
            "segment must run, on at least one puzzle, and restarts are 0 or more."
        )
    if restarts and not halt:
        raise ValueError("restarts are for puzzles that the halting rule is not content with: they need halt=True.")
    tokens, puzzle_ids = as_numbers(tokens), as_numbers(puzzle_ids, "puzzle_ids")
    _check_fit(model, tokens, puzzle_ids)
    was_training, home = model.training, tokens.device
    model.eval()
    try:
        work = _Work(model, tokens, puzzle_ids, max_segments, batch_size, record)
        rule = (lambda out: wants_to_halt(out.q_halt, out.q_continue if compare else None, margin)) if halt else None
        work.run(torch.arange(len(tokens)), model.initial_latents, rule)
        generator = torch.Generator(model.z_H_init.device).manual_seed(seed)
        for _ in range(restarts):
            doubtful = (~work.content).nonzero().squeeze(1)
            if not len(doubtful):
                break
            work.run(doubtful, lambda count: _random_latents(model, count, generator), rule)
    finally:
        model.train(was_training)
    trace = None if work.trace is None else work.trace.to(home)
    return Solution(work.answer.to(home), work.segments.to(home), work.q_halt.to(home), trace)


def as_numbers(values, what: str = "tokens") -> Tensor | None:
    """Tokens, labels or puzzle_ids as a tensor: a tensor as it is, arrays and lists as int64; None stays None.

    Raises TypeError for what holds no numbers, such as text or a set, and ValueError for numbers that are not whole.
    """
    if values is None:
        return None
    if not isinstance(values, (Tensor, np.ndarray, list, tuple)):
        raise TypeError(
            f"{what} are {type(values).__name__}, but a tensor or an array of whole numbers is needed, a row for each "
            "puzzle: of a set its inputs and puzzle_ids, of text puzzles.encode(text)[None]."
        )
    try:
        numbers = values if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    except (ValueError, TypeError) as error:
        raise ValueError(f"the {what} are no table of numbers: {error}.") from error
    kind = numbers.dtype
    if kind.is_floating_point or kind.is_complex or kind == torch.bool:
        raise ValueError(
            f"the {what} are of type {kind}, but they are whole numbers, each for a character. Where they are whole in "
            f"truth, convert them: {what}.{'long()' if isinstance(values, Tensor) else 'astype(int)'}."
        )
    if what == "labels" and numbers is not values and (numbers == 0).any():
        raise ValueError(
            f"the labels hold zeros. In the arrays of a set 0 is a cell that is not scored; here that is {IGNORE}. "
            "Take tokens, labels and puzzle_ids from puzzles.as_tensors()."
        )
    return numbers if numbers is values else numbers.long()


def _check_fit(model: HRM, tokens: Tensor, puzzle_ids: Tensor | None) -> None:
    """Puzzles of another kind would end in an error deep inside the model, on a GPU in one that kills the process."""
    cfg = model.config
    if tokens.dim() != 2 or tokens.shape[1] != cfg.seq_len:
        raise ValueError(
            f"the puzzles have shape {tuple(tokens.shape)}, but the model was made for (batch, {cfg.seq_len}): one row "
            "of tokens for each puzzle. A single puzzle becomes a batch of one with tokens[None]."
        )
    for what, values, count in (("tokens", tokens, cfg.vocab_size), ("puzzle_ids", puzzle_ids, cfg.puzzles)):
        if values is not None and count and values.numel():
            low, high = int(values.min()), int(values.max())
            if low < 0 or high >= count:
                raise ValueError(
                    f"the {what} run from {low} to {high}, but the model knows 0 to {count - 1}: the puzzles are of "
                    "another kind than those it was made for."
                )


def _random_latents(model: HRM, count: int, generator: torch.Generator) -> Latents:
    """Other places to begin: one vector for each state and puzzle, drawn as z⁰ was, the same at every position."""
    d, device = model.config.d_model, model.z_H_init.device
    shape = (count, model.config.positions_total, d)
    draws = (truncated_normal_(torch.empty(count, 1, d, device=device), 1.0, generator) for _ in range(2))
    return Latents(*(z.to(model.dtype).expand(shape) for z in draws))


class _Work:
    """Puzzles on their way through the model, ``batch_size`` at a time, and what came out for each."""

    def __init__(self, model: HRM, tokens, puzzle_ids, max_segments: int, batch_size: int, record: bool):
        self.model, self.max_segments, self.batch_size = model, max_segments, batch_size
        device, n = model.z_H_init.device, len(tokens)
        self.tokens = tokens.to(device)
        self.ids = None if puzzle_ids is None else puzzle_ids.to(device)
        self.answer = torch.zeros(n, tokens.shape[1], dtype=torch.long, device=device)
        self.segments = torch.zeros(n, dtype=torch.long, device=device)
        self.q_halt = torch.full((n,), -torch.inf, device=device)
        self.content = torch.zeros(n, dtype=torch.bool, device=device)
        self.trace = self.answer[:, None].repeat(1, max_segments, 1) if record else None

    def run(self, which: Tensor, begin, rule) -> None:
        """One attempt at the puzzles ``which``: ``begin(count)`` gives latents, ``rule(output)`` says who stops."""
        device = self.tokens.device
        waiting = which.to(device)
        first = self.trace is not None and not self.segments.any()
        row = waiting[:0]  # the puzzle in each place of the batch, and how many segments it has had
        age, z = row.clone(), begin(0)
        while len(row) or len(waiting):
            if len(row) < self.batch_size and len(waiting):
                new, waiting = waiting.split([k := min(self.batch_size - len(row), len(waiting)), len(waiting) - k])
                row, age = torch.cat((row, new)), torch.cat((age, torch.zeros_like(new)))
                z = Latents(*(torch.cat(pair) for pair in zip(z, begin(k), strict=True)))
            out = self.model(z, self.tokens[row], None if self.ids is None else self.ids[row])
            z, age, answer = out.latents, age + 1, out.logits.argmax(-1)
            self.segments[row] += 1
            if first:
                self.trace[row, age - 1] = answer
            content = torch.zeros_like(row, dtype=torch.bool) if rule is None else rule(out)
            leaves = content | (age >= self.max_segments)
            self._keep(row[leaves], answer[leaves], out.q_halt[leaves].to(self.q_halt.dtype), content[leaves])
            row, age, z = row[~leaves], age[~leaves], Latents(z.z_H[~leaves], z.z_L[~leaves])
        if first:  # who left early keeps the last answer
            shown = torch.arange(self.max_segments, device=device).minimum(self.segments[:, None] - 1)
            self.trace = self.trace.gather(1, shown[..., None].expand_as(self.trace))

    def _keep(self, row: Tensor, answer: Tensor, q_halt: Tensor, content: Tensor) -> None:
        # A value that is no number is trusted least of all; the answer is kept all the same if it is the only one.
        q_halt = q_halt.nan_to_num(nan=-torch.inf)
        better = (q_halt > self.q_halt[row]) | self.q_halt[row].isneginf()
        row, answer, q_halt, content = row[better], answer[better], q_halt[better], content[better]
        self.answer[row], self.q_halt[row], self.content[row] = answer, q_halt, content


@dataclass
class Verdicts:
    """Every puzzle run for all its segments, and what the model thought of each answer: what stopping would have given.

    A rule only decides when a row leaves; it does not change what the row computes. So each rule can be judged
    afterwards, from one run without halting.
    """

    q_halt: Tensor
    """(segments, n) logits"""
    q_continue: Tensor
    """(segments, n) logits"""
    right: Tensor
    """(segments, n) bool: the whole answer is right"""
    counted: Tensor | None = None
    """(n,) bool: has a label, so that right means something; None: all have"""

    def stops(self, margin: float, max_segments: int | None = None, compare: bool = False) -> Tensor:
        """The segment (from 1) after which each puzzle would stop: (n,) int64. Arguments as for `solve`."""
        last = len(self.right) if max_segments is None else max_segments
        if not 1 <= last <= len(self.right):
            raise ValueError(
                f"max_segments={last} cannot be judged: expected 1 to {len(self.right)}, for so many segments were run."
            )
        content = wants_to_halt(self.q_halt, self.q_continue if compare else None, margin)[:last].clone()
        content[-1] = True
        return content.int().argmax(0) + 1

    def outcome(self, margin: float, max_segments: int | None = None, compare: bool = False) -> tuple[float, float]:
        """Exact accuracy and mean segments with this rule, of the puzzles that have a label."""
        stops = self.stops(margin, max_segments, compare)
        right = self.right.gather(0, stops[None] - 1)[0]
        if self.counted is not None:
            stops, right = stops[self.counted], right[self.counted]
        return right.double().mean().item(), stops.double().mean().item()


@torch.no_grad()
def verdicts(
    model: HRM,
    tokens: Tensor,
    labels: Tensor,
    max_segments: int = 16,
    puzzle_ids: Tensor | None = None,
    batch_size: int = 512,
) -> Verdicts:
    """`Verdicts` on ``tokens``, ``labels`` (n, seq_len), on the CPU. ValueError where no puzzle has a label."""
    tokens, labels, puzzle_ids = as_numbers(tokens), as_numbers(labels, "labels"), as_numbers(puzzle_ids, "puzzle_ids")
    counted = _counted(labels)
    found = [
        (out.q_halt.float(), out.q_continue.float(), exact_and_cells(out.logits, y)[0])
        for out, y in _segments(model, tokens, labels, max_segments, puzzle_ids, batch_size)
    ]
    # One list, batch after batch: every max_segments-th entry is of the same segment.
    by_segment = (
        torch.stack([torch.cat(x[m::max_segments]) for m in range(max_segments)]) for x in zip(*found, strict=True)
    )
    return Verdicts(*(x.cpu() for x in by_segment), counted.cpu())


@dataclass
class Margin:
    """A halting margin, and what it did on the puzzles that it was chosen on."""

    value: float
    """to be given to `solve` as ``margin``"""
    exact: float
    """exact accuracy with it"""
    exact_without: float
    """exact accuracy after all segments"""
    segments: float
    """mean segments with it"""


def choose_margin(
    model: HRM,
    tokens: Tensor,
    labels: Tensor,
    max_segments: int = 16,
    tolerance: float = 0.001,
    compare: bool = False,
    puzzle_ids: Tensor | None = None,
    batch_size: int = 512,
) -> Margin:
    """The least margin that costs at most ``tolerance`` of exact accuracy, against running all segments.

    tokens, labels: (n, seq_len), puzzles that are neither trained on nor reported on: a margin chosen on the puzzles
    that it is judged by flatters itself.
    Up to 1,000 margins are tried, evenly spread over those that make a difference. If none is good enough, the value
    is infinite: never halt.
    """
    seen = verdicts(model, tokens, labels, max_segments, puzzle_ids, batch_size)
    q = seen.q_halt - seen.q_continue if compare else seen.q_halt
    margins = torch.cat((q.min()[None] - 1, q.flatten().unique()))
    margins = margins[torch.linspace(0, len(margins) - 1, min(len(margins), 1000)).long()]
    without = seen.right[-1][seen.counted].double().mean().item()
    for margin in margins.tolist():
        exact, segments = seen.outcome(margin, compare=compare)
        if exact >= without - tolerance - 1e-12:
            return Margin(margin, exact, without, segments)
    return Margin(float("inf"), without, without, float(max_segments))


def _counted(labels: Tensor) -> Tensor:
    """Which puzzles have a label, (n,) bool. ValueError if none has: then every answer would pass for right."""
    counted = labelled(labels)
    if len(labels) and not counted.any():
        raise ValueError(
            f"none of the {len(labels)} puzzles has a label, so there is nothing to measure answers by. Give puzzles "
            "with answers; `solve` needs none."
        )
    return counted


def _segments(model: HRM, tokens, labels, max_segments: int, puzzle_ids, batch_size: int, deadline=None):
    """(output, labels) after every segment of every batch, without halting; ``labels`` on the model's device.

    deadline: on `time.monotonic`; after it no batch but the first is begun.
    """
    _check_fit(model, tokens, puzzle_ids)
    was_training, device = model.training, model.z_H_init.device
    model.eval()
    try:
        for start in range(0, len(tokens), batch_size):
            if start and deadline is not None and time.monotonic() > deadline:
                return
            part = slice(start, start + batch_size)
            x, y = tokens[part].to(device), labels[part].to(device)
            ids = None if puzzle_ids is None else puzzle_ids[part].to(device)
            z = model.initial_latents(len(x))
            for _ in range(max_segments):
                out = model(z, x, ids)
                z = out.latents
                yield out, y
    finally:
        model.train(was_training)


@torch.no_grad()
def evaluate(
    model: HRM,
    tokens: Tensor,
    labels: Tensor,
    max_segments: int = 16,
    puzzle_ids: Tensor | None = None,
    batch_size: int = 512,
    among: Processes | None = None,
    progress: bool = False,
    max_minutes: float | None = None,
) -> dict[str, list[float]]:
    """Exact and cell accuracy after every segment 1 … max_segments, without halting: {"exact": […], "cells": […]}.

    tokens, labels: (n, seq_len), `losses.IGNORE` where a position is not scored.
    among: processes that divide the puzzles between them; all must call. progress: show a bar. max_minutes: begin no
    further batch after this time; {"puzzles": how many were looked at} comes with it.
    Accuracies are shares in 0 … 1, of the puzzles that have a label. ValueError where none has.
    """
    tokens, labels, puzzle_ids = as_numbers(tokens), as_numbers(labels, "labels"), as_numbers(puzzle_ids, "puzzle_ids")
    _counted(labels)
    if among is not None and among.count > 1:
        own = slice(among.index, None, among.count)
        tokens, labels, puzzle_ids = (None if t is None else t[own] for t in (tokens, labels, puzzle_ids))
    sums = torch.zeros(3, max_segments, dtype=torch.float64, device=model.z_H_init.device)
    deadline = None if max_minutes is None else time.monotonic() + 60 * max_minutes
    quiet = not progress or os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
    with tqdm(total=len(tokens), unit=" puzzles", disable=quiet) as bar:
        each = _segments(model, tokens, labels, max_segments, puzzle_ids, batch_size, deadline)
        for i, (out, y) in enumerate(each):
            exact, cells = exact_and_cells(out.logits, y)
            counted = labelled(y)
            sums[:, i % max_segments] += torch.stack(
                [(exact & counted).sum().double(), cells.double().sum(), counted.sum().double()]
            )
            bar.update(len(y) if (i + 1) % max_segments == 0 else 0)
    exact, cells, counted = sums if among is None else among.sum(sums)
    found = {"exact": (exact / counted).tolist(), "cells": (cells / counted).tolist()}
    return found if max_minutes is None else found | {"puzzles": int(counted[-1])}
