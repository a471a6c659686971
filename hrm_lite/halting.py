"""When to stop thinking: the halting rule, exploration, and the target of Q_continue.

Halting pays 1 if the whole answer is right and 0 otherwise, continuing pays what the next segment is
worth. All values here are the logits of the Q head; comparing logits or probabilities is the same.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .model import Output

__all__ = ["continue_target", "least_segments", "wants_to_halt"]


def wants_to_halt(q_halt: Tensor, q_continue: Tensor | None = None, margin: float = 0.0) -> Tensor:
    """Q̂_halt > Q̂_continue + margin, in logits; without q_continue, q_halt > margin. (b,) → (b,) bool.

    Without a continue value the rule at margin 0 reads: halt when the answer is more likely right than wrong. That is
    too eager wherever going on would help, also with a well-calibrated q_halt; `solving.choose_margin` finds a better
    one.
    """
    return q_halt > margin if q_continue is None else q_halt - q_continue > margin


def least_segments(batch: int, max_segments: int, exploration: float, generator: torch.Generator) -> Tensor:
    """M_min of every row: with probability ``exploration`` uniform in 2..max_segments, else 1. (batch,) int64.

    Without it a model that once halts early never sees what a second thought would have been worth.
    """
    device = generator.device
    explores = torch.rand(batch, generator=generator, device=device) < exploration
    drawn = torch.randint(2, max(max_segments, 2) + 1, (batch,), generator=generator, device=device)
    return drawn.where(explores, 1).clamp(max=max_segments)


@torch.no_grad()
def continue_target(after: Output, is_last: Tensor) -> Tensor:
    """G_continue of a segment, from the output ``after`` one more: (batch,) probabilities.

    Q̂_halt there where no further segment was allowed (``is_last``, (batch,) bool), else the better of
    the two actions. As in the published code, ``is_last`` is said of the segment whose value is being
    learned: m ≥ M_max.
    """
    return torch.where(is_last, after.q_halt, torch.maximum(after.q_halt, after.q_continue)).sigmoid()
