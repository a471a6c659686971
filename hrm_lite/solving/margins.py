"""What each halting rule would have given, from one run without halting, and the least margin that costs nothing."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..halting import wants_to_halt
from ..losses import exact_and_cells
from ..model import HRM
from .evaluation import counted_puzzles, segments_of
from .numbers import as_numbers

__all__ = ["Margin", "Verdicts", "choose_margin", "verdicts"]


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
    batch_size: int | None = None,
) -> Verdicts:
    """`Verdicts` on ``tokens``, ``labels`` (n, seq_len), on the CPU. ValueError where no puzzle has a label."""
    tokens, labels, puzzle_ids = as_numbers(tokens), as_numbers(labels, "labels"), as_numbers(puzzle_ids, "puzzle_ids")
    counted = counted_puzzles(labels)
    found = [
        (out.q_halt.float(), out.q_continue.float(), exact_and_cells(out.logits, y)[0])
        for out, y in segments_of(model, tokens, labels, max_segments, puzzle_ids, batch_size)
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
    batch_size: int | None = None,
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
