"""The carried batch: rows that are each at their own segment, and the puzzles that come next.

A row that has halted is refilled with a fresh puzzle and fresh latents; the others keep theirs. With several processes
each holds a slice of the rows. All of them draw the same random numbers, for the rows of all, so that it makes no
difference to a row how many processes there are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..losses import IGNORE
from ..model import HRM, Latents
from ..processes import Processes
from ..puzzles.base import PuzzleSet

__all__ = ["Rows"]

# Refills between two looks at how many puzzles were handed out. Looking makes a GPU wait.
_LOOK_EVERY = 10


class Rows:
    """``batch`` rows over ``puzzles``. Every puzzle comes once an epoch, in a new order each time.

    tokens, labels  (batch, seq_len) what each row works on
    ids             (batch,) its puzzle identifier
    z_H, z_L        (batch, positions, d_model) how far it has come
    segments        (batch,) segments behind it
    halted          (batch,) bool: to be refilled before the next segment
    queue           (many,) the puzzles to come, whole epochs one after the other; ``taken`` (a scalar tensor) counts
                    those that are gone, ``presented`` those of all time

    In all but the last line ``batch`` is this process's share.
    """

    def __init__(
        self, puzzles: PuzzleSet, model: HRM, batch: int, augment: bool, generator: torch.Generator, among: Processes
    ):
        self.puzzles, self.batch, self.augment, self.generator = puzzles, batch, augment, generator
        self.among, self.own = among, among.share(batch)
        device, rows = generator.device, self.own.stop - self.own.start
        self.data = puzzles.stored_tensors(device)
        self.queue = torch.empty(0, dtype=torch.long, device=device)
        self.taken = torch.zeros((), dtype=torch.long, device=device)
        self.presented = torch.zeros_like(self.taken)
        self.refills = 0
        self.tokens = torch.zeros(rows, puzzles.seq_len, dtype=torch.long, device=device)
        self.labels = torch.zeros_like(self.tokens)
        self.ids = torch.zeros(rows, dtype=torch.long, device=device)
        self.segments = torch.zeros_like(self.ids)
        self.halted = torch.ones(rows, dtype=torch.bool, device=device)
        self.z_H, self.z_L = (z.contiguous() for z in model.initial_latents(rows))

    @property
    def latents(self) -> Latents:
        """The states of the rows: each (batch, positions, d_model)."""
        return Latents(self.z_H, self.z_L)

    def refill(self, model: HRM) -> None:
        """Put a fresh puzzle, in a random symmetric form, and fresh latents into every row that has halted.

        Nothing here depends on how many rows that are, as far as the device can tell: it never waits for an answer.
        """
        if self.refills % _LOOK_EVERY == 0:
            self._fill_queue()
        self.refills += 1
        halted = self.among.gather(self.halted)
        picked = self.next(halted)
        tokens, labels, ids = (t[picked].long() for t in self.data)
        if self.augment:
            tokens, labels, ids = self.puzzles.present(tokens, labels, ids, self.generator)
        labels = labels.masked_fill(labels == 0, IGNORE)  # the pad of a label stands for 'not scored'
        fresh = self.halted
        self.ids = torch.where(fresh, ids[self.own], self.ids)
        self.tokens = torch.where(fresh[:, None], tokens[self.own], self.tokens)
        self.labels = torch.where(fresh[:, None], labels[self.own], self.labels)
        z = model.initial_latents(1)
        self.z_H = torch.where(fresh[:, None, None], z.z_H, self.z_H)
        self.z_L = torch.where(fresh[:, None, None], z.z_L, self.z_L)
        self.segments = self.segments.masked_fill(fresh, 0)
        self.halted = torch.zeros_like(fresh)

    def next(self, wanted: Tensor) -> Tensor:
        """The next puzzles of the queue for the rows that want one: (rows,) bool → (rows,) indices; 0 elsewhere."""
        place = self.taken + wanted.cumsum(0) - 1
        picked = self.queue[place.clamp(min=0)].where(wanted, 0)
        count = wanted.sum()
        self.taken, self.presented = self.taken + count, self.presented + count
        return picked

    def _fill_queue(self) -> None:
        """Drop what is gone and add epochs until the queue lasts to the next look, whatever halts."""
        self.queue = self.queue[int(self.taken) :]
        self.taken = torch.zeros_like(self.taken)
        while len(self.queue) < _LOOK_EVERY * self.batch:
            epoch = torch.randperm(len(self.puzzles), generator=self.generator, device=self.queue.device)
            self.queue = torch.cat((self.queue, epoch))

    _SPLIT = ("tokens", "labels", "ids", "segments", "halted", "z_H", "z_L")
    _WHOLE = ("queue", "taken", "presented")

    def tensors(self) -> dict[str, Tensor]:
        """What a checkpoint keeps, beside the generator's state: the rows of all processes."""
        split = {name: self.among.gather(getattr(self, name)) for name in self._SPLIT}
        whole = {name: getattr(self, name) for name in self._WHOLE}
        return split | whole | {"refills": torch.tensor(self.refills)}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take back what `tensors` gave, with any number of processes."""
        device = self.queue.device
        for name in self._SPLIT:
            # A run may go on in another precision: the states are cast.
            setattr(self, name, tensors[name][self.own].to(device, getattr(self, name).dtype))
        for name in self._WHOLE:
            setattr(self, name, tensors[name].to(device))
        self.refills = int(tensors["refills"])
