"""What the model is asked to lower: an output loss at every labelled position, and a Q loss for halting.

    L = L_output + ½ (BCE_halt + BCE_continue)

summed over the rows of a batch. The caller divides by the batch size.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .model import Output
from .puzzles.base import IGNORE

__all__ = [
    "IGNORE",
    "Losses",
    "exact_and_cells",
    "joined",
    "labelled",
    "output_loss",
    "segment_loss",
    "softmax_cross_entropy",
    "stablemax_cross_entropy",
]


def softmax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """−log softmax at the label, 0 where the label is `IGNORE`. (b, s, v), (b, s) → (b, s)."""
    return F.cross_entropy(logits.transpose(1, 2), labels.long(), ignore_index=IGNORE, reduction="none")


def stablemax_cross_entropy(logits: Tensor, labels: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """−log(s_y / Σ s) with s(x) = x + 1 for x ≥ 0 and 1 / (1 − x) below. (b, s, v), (b, s) → (b, s).

    s grows linearly where exp explodes, so a confident logit cannot push the others to exactly zero.
    Like the published code it works in float64, and like softmax it gives 0 where the label is `IGNORE`.
    """
    # log s, sign by sign: log1p(x) above zero and −log1p(−x) below; clamping keeps the unused branch finite.
    x = logits.to(dtype)
    log_s = torch.where(x < 0, -torch.log1p(-x.clamp(max=0)), torch.log1p(x.clamp(min=0)))
    scored = labels != IGNORE
    chosen = log_s.gather(-1, labels.long().where(scored, 0).unsqueeze(-1)).squeeze(-1)
    return (torch.logsumexp(log_s, dim=-1) - chosen).where(scored, 0)


_OUTPUT_LOSSES = {
    "softmax": softmax_cross_entropy,
    "stablemax": stablemax_cross_entropy,
    # In log space float32 loses nothing that a bfloat16 model could use.
    "stablemax_float32": functools.partial(stablemax_cross_entropy, dtype=torch.float32),
}


def output_loss(logits: Tensor, labels: Tensor, kind: str = "stablemax") -> Tensor:
    """The mean over the scored positions of each row, summed over the rows: a scalar.

    kind: as `TrainConfig.output_loss`. labels: (b, s) with `IGNORE` where a position is not scored; a row with no
    scored position adds 0.
    """
    loss = _OUTPUT_LOSSES[kind](logits, labels)
    return (loss / (labels != IGNORE).sum(-1, keepdim=True).clamp(min=1)).sum()


@torch.no_grad()
def exact_and_cells(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """For every row: are all scored positions right, and which share of them is. (b,) bool, (b,) float.

    A row without any label is right, as in the published code, where that is its reward of halting; whoever counts
    rows leaves it out (`labelled`).
    """
    scored = labels != IGNORE
    right = (logits.argmax(-1) == labels) & scored
    count = scored.sum(-1)
    return right.sum(-1) == count, right.sum(-1) / count.clamp(min=1)


def labelled(labels: Tensor) -> Tensor:
    """Which rows have a label at all, and so count in accuracies: (b, s) → (b,) bool."""
    return (labels != IGNORE).any(-1)


@dataclass
class Losses:
    """The terms of one segment, each a scalar summed over the rows, and each row's outcome."""

    output: Tensor
    """scalar: `output_loss`"""
    q_halt: Tensor
    """scalar: binary cross-entropy of Q_halt with ``exact``"""
    q_continue: Tensor | None
    """scalar: that of Q_continue with its target; None where it is not learned"""
    exact: Tensor
    """(batch,) bool: the whole answer is right; the reward of halting"""
    cells: Tensor
    """(batch,) share of the scored positions that are right"""
    labelled: Tensor
    """(batch,) bool: the row has a label; the others are left out of accuracies"""

    @property
    def total(self) -> Tensor:
        """L = output + ½ (halt + continue)"""
        q = self.q_halt if self.q_continue is None else self.q_halt + self.q_continue
        return self.output + 0.5 * q

    def detach(self) -> Losses:
        """The same numbers, without what computed them."""
        values = (getattr(self, field.name) for field in dataclasses.fields(self))
        return Losses(*(None if value is None else value.detach() for value in values))


def joined(parts: Sequence[Losses]) -> Losses:
    """The losses of all rows, from those of portions of them."""
    with_continue = parts[0].q_continue is not None
    return Losses(
        output=sum(part.output for part in parts),
        q_halt=sum(part.q_halt for part in parts),
        q_continue=sum(part.q_continue for part in parts) if with_continue else None,
        exact=torch.cat([part.exact for part in parts]),
        cells=torch.cat([part.cells for part in parts]),
        labelled=torch.cat([part.labelled for part in parts]),
    )


def segment_loss(out: Output, labels: Tensor, continue_target: Tensor | None = None, kind: str = "stablemax") -> Losses:
    """The losses of one segment.

    labels: (batch, seq_len), `IGNORE` where not scored. continue_target: (batch,) probabilities from
    `halting.continue_target`, or None to leave Q_continue untrained.
    """
    exact, cells = exact_and_cells(out.logits, labels)
    bce = F.binary_cross_entropy_with_logits
    return Losses(
        output=output_loss(out.logits, labels, kind),
        q_halt=bce(out.q_halt, exact.to(out.q_halt.dtype), reduction="sum"),
        q_continue=None if continue_target is None else bce(out.q_continue, continue_target, reduction="sum"),
        exact=exact,
        cells=cells,
        labelled=labelled(labels),
    )
