"""The carried batch: rows that are each at their own segment, and the puzzles that come next.

A row that has halted is refilled with a fresh puzzle and fresh latents; the others keep theirs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .losses import IGNORE
from .model import HRM, Latents
from .puzzles.base import PuzzleSet

__all__ = ["Rows", "as_tensors"]


def as_tensors(puzzles: PuzzleSet, device="cpu") -> tuple[Tensor, Tensor, Tensor]:
    """Questions (n, seq_len), answers with `IGNORE` for the pad (n, seq_len), puzzle identifiers (n,); int64."""
    arrays = (puzzles.inputs, puzzles.labels, puzzles.puzzle_ids)
    tokens, labels, ids = (torch.from_numpy(a.astype("int64")).to(device) for a in arrays)
    return tokens, labels.masked_fill(labels == 0, IGNORE), ids


class Rows:
    """``batch`` rows over ``puzzles``. Every puzzle comes once an epoch, in a new order each time.

    tokens, labels  (batch, seq_len) what each row works on
    ids             (batch,) its puzzle identifier
    z_H, z_L        (batch, positions, d_model) how far it has come
    segments        (batch,) segments behind it
    halted          (batch,) bool: to be refilled before the next segment
    order           (n,) the puzzles of this epoch; ``presented`` counts all that were handed out
    """

    def __init__(self, puzzles: PuzzleSet, model: HRM, batch: int, augment: bool, generator: torch.Generator):
        self.puzzles, self.augment, self.generator = puzzles, augment, generator
        device = generator.device
        self.data = as_tensors(puzzles, device)
        self.order = torch.randperm(len(puzzles), generator=generator, device=device)
        self.presented = 0
        self.tokens = torch.zeros(batch, puzzles.seq_len, dtype=torch.long, device=device)
        self.labels = torch.zeros_like(self.tokens)
        self.ids = torch.zeros(batch, dtype=torch.long, device=device)
        self.segments = torch.zeros_like(self.ids)
        self.halted = torch.ones(batch, dtype=torch.bool, device=device)
        self.z_H, self.z_L = model.initial_latents(batch)

    @property
    def latents(self) -> Latents:
        return Latents(self.z_H, self.z_L)

    def refill(self, model: HRM) -> None:
        """Put a fresh puzzle, in a random symmetric form, and fresh latents into every row that has halted."""
        which = self.halted.nonzero().squeeze(1)
        if not len(which):
            return
        picked = self.next(len(which))
        tokens, labels, ids = (t[picked] for t in self.data)
        if self.augment:
            # Augmentation speaks tokens; 0 is the pad, which stands for 'not scored'.
            tokens, labels = self.puzzles.augment(tokens, labels.clamp(min=0), self.generator)
            labels = labels.masked_fill(labels == 0, IGNORE)
        self.tokens[which], self.labels[which], self.ids[which] = tokens, labels, ids
        fresh = self.halted[:, None, None]
        self.z_H = torch.where(fresh, model.z_H_init, self.z_H)
        self.z_L = torch.where(fresh, model.z_L_init, self.z_L)
        self.segments = self.segments.masked_fill(self.halted, 0)

    def next(self, count: int) -> Tensor:
        """Indices of the next ``count`` puzzles: (count,)."""
        parts = []
        while count:
            place = self.presented % len(self.order)
            part = self.order[place : place + count]
            parts.append(part)
            count -= len(part)
            self.presented += len(part)
            if self.presented % len(self.order) == 0:
                self.order = torch.randperm(len(self.order), generator=self.generator, device=self.order.device)
        return torch.cat(parts)

    _KEPT = ("tokens", "labels", "ids", "segments", "halted", "z_H", "z_L", "order")

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps, beside ``presented`` and the generator's state."""
        return {name: getattr(self, name) for name in self._KEPT}

    def load(self, tensors: dict[str, Tensor], presented: int) -> None:
        """Take back what `tensors` gave."""
        for name in self._KEPT:
            setattr(self, name, tensors[name].to(self.order.device))
        self.presented = presented
