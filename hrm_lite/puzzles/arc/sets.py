"""`ArcSet`: ARC's pairs as a `PuzzleSet`. Each pair is stored once; its copies are made when they are wanted."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from hrm_lite.puzzles.arc import augmentation as augmentation
from hrm_lite.puzzles.arc.augmentation import Copies
from hrm_lite.puzzles.arc.codec import COLOURS, FIRST_COLOUR, SIDE, VOCAB, decode_many, encode, rectangle
from hrm_lite.puzzles.arc.tasks import Pair, Task
from hrm_lite.puzzles.base import Face, PuzzleSet


class Batch(NamedTuple):
    """Questions to solve, each in the clothes of one copy."""

    tokens: torch.Tensor
    """(batch, side²) uint8"""
    ids: torch.Tensor
    """(batch,) int64, the copies' identifiers"""
    rows: torch.Tensor
    """(batch,) int64, which row of the set each question is"""
    copy: torch.Tensor
    """(batch,) int64, which of its task's copies; 0 is the task as it is"""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ArcSet(PuzzleSet):
    """Pairs of ARC tasks, and the identifiers of all copies of those tasks.

    A row is a pair as the task gives it, with the identifier of the task itself; see `arc.load`.

    copies_of   what the identifiers stand for (`Copies`); the sets that one model learns from and is
                tested on share it

    `augment` and `disguise` leave rows as they are: another form of a row has another identifier, which
    `present` and `copies` give.
    """

    copies_of: Copies | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.copies_of, Copies):
            raise ValueError(f"{self.name}: copies_of must say what the identifiers stand for; use arc.load().")
        strangers = np.setdiff1d(self.puzzle_ids, self.copies_of.first)
        if len(strangers):
            raise ValueError(
                f"{self.name}: identifier {strangers[0]} is not that of a task as it is; rows hold pairs as their "
                "task gives them.")

    @classmethod
    def from_pairs(
        cls, name: str, pairs: list[tuple[Task, Pair]], copies: Copies, source: str = "", side: int = SIDE,
    ) -> ArcSet:
        """A set of (task, pair of that task) on a canvas of side x side; every task must be one of those in `copies`.

        A pair without an answer has a label of pads: no cell of it is scored.
        """
        number = {task.name: i for i, task in enumerate(copies.tasks)}
        nothing = np.zeros(side * side, np.uint8)
        inputs, labels = (
            np.array([nothing if pair[half] is None else encode(pair[half], side=side) for _, pair in pairs], np.uint8)
            .reshape(-1, side * side) for half in (0, 1))
        ids = np.array([copies.first[number[task.name]] for task, _ in pairs], np.int32)
        return cls(name, VOCAB, (side, side), None, inputs, labels, ids, source=source, copies_of=copies)

    @property
    def faces(self) -> tuple[Face, ...]:
        """Colours; the ends are dots, the pad is nothing."""
        return Face(), Face("·"), *(Face("", colour) for colour in COLOURS)

    @property
    def identifiers(self) -> int:
        """How many puzzle embeddings a model of this set needs, the one that belongs to nobody included."""
        return len(self.copies_of)

    @functools.cached_property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that have rows in this set, in the order of their identifiers."""
        return tuple(self.copies_of.tasks[i] for i in np.unique(self._task))

    @functools.cached_property
    def owners(self) -> dict[str, list]:
        """Whose the identifiers are: {task name: [its first identifier, how many it has, what they stand for]}.

        Of the tasks that have rows in this set. A model keeps it of the set that it was trained on, so that one can
        tell which tasks it knows.
        """
        return self.copies_of.owners(np.unique(self._task).tolist())

    @functools.cached_property
    def content_hash(self) -> str:
        """As for every `PuzzleSet`, and what the identifiers stand for enters too."""
        return hashlib.sha256(super().content_hash.encode() + self.copies_of.fingerprint()).hexdigest()

    @functools.cached_property
    def _task(self) -> np.ndarray:
        """(n,) the index of each row's task in `copies_of`."""
        return self.copies_of.task_of(self.puzzle_ids)

    def task_names(self) -> list[str]:
        """The name of each row's task."""
        return [self.copies_of.tasks[i].name for i in self._task]

    # -- training

    def present(self, inputs, labels, puzzle_ids, generator):
        """Each row as one of its task's copies, all equally likely, with that copy's identifier.

        Both grids are then moved together to a random place where both fit; a task with k rows in this
        set leaves one row in k in the corner, as the published training set does.
        """
        device = inputs.device
        turns, names, first, count, rows_of = self._tables(device)
        u = torch.rand(4, len(inputs), generator=generator, device=device)
        task = torch.searchsorted(first, puzzle_ids.contiguous(), right=True) - 1
        ids = first[task] + (u[0] * count[task]).long().minimum(count[task] - 1)
        swapped = turns[ids, 0]
        heights, widths = zip(augmentation.size(inputs), augmentation.size(labels), strict=True)
        height, width = torch.maximum(*heights), torch.maximum(*widths)
        side = self.grid[0]
        room = torch.stack([side - torch.where(swapped, width, height), side - torch.where(swapped, height, width)])
        moves = u[1] * rows_of[task] >= 1  # with probability 1 - 1/k
        row, column = (u[2:] * (room + 1)).long().minimum(room) * moves
        inputs, labels = (
            augmentation.rearrange(tokens, turns[ids], names[ids], row, column) for tokens in (inputs, labels))
        return inputs, labels, ids.to(puzzle_ids.dtype)

    def _tables(self, device: torch.device) -> tuple[torch.Tensor, ...]:
        """What `present` and `copies` look up, kept on the device after the first call."""
        if device not in self._on:
            rows_of = np.bincount(self._task, minlength=len(self.copies_of.tasks))
            per_task = (torch.from_numpy(t.astype(np.int64)).to(device) for t in (
                self.copies_of.first, self.copies_of.count, rows_of))
            self._on[device] = (*augmentation.tables(self.copies_of, device), *per_task)
        return self._on[device]

    @functools.cached_property
    def _on(self) -> dict[torch.device, tuple[torch.Tensor, ...]]:
        return {}

    # -- test time

    def copies(
        self, count: int | None = None, batch_size: int = 512, device: str | torch.device = "cpu"
    ) -> Iterator[Batch]:
        """All rows in the first `count` copies of their tasks (None: in all), batch by batch.

        Copy 0 of every row comes first, then copy 1, and so on: whoever stops early has voted on all rows.
        A task with fewer copies drops out early.
        """
        if batch_size < 1 or (count is not None and count < 1):
            raise ValueError(f"count={count}, batch_size={batch_size} are not usable: both must be 1 or more.")
        device = torch.device(device)
        turns, names, *_ = self._tables(device)
        base = torch.tensor(self.inputs, device=device)
        ids = torch.tensor(self.puzzle_ids, dtype=torch.long, device=device)
        have = self.copies_of.count[self._task]
        for rows, copy in _in_batches(have if count is None else np.minimum(have, count), batch_size):
            rows, copy = torch.from_numpy(rows).to(device), torch.from_numpy(copy).to(device)
            own = ids[rows] + copy
            yield Batch(augmentation.rearrange(base[rows], turns[own], names[own]), own, rows, copy)

    def undo(self, answers: torch.Tensor, ids: torch.Tensor) -> list[np.ndarray]:
        """Answers (batch, side²) to copies with these identifiers -> the grids as answers to the tasks themselves.

        An answer that shows no grid gives one of 0 x 0.
        """
        symmetry, colours = self.copies_of.symmetry, self.copies_of.colours
        return [
            augmentation.restore(grid, symmetry[i], colours[i])
            for grid, i in zip(decode_many(answers), ids.tolist(), strict=True)
        ]

    # -- the rules

    @functools.cached_property
    def _rows_of_question(self) -> dict[bytes, list[int]]:
        rows: dict[bytes, list[int]] = {}
        for i, question in enumerate(self.inputs):
            rows.setdefault(question.tobytes(), []).append(i)
        return rows

    def check(self, inputs: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        """(batch, side²) questions and answers -> (batch,) bool: the answer decodes to the right grid.

        ARC has no rule but its examples, so the right grid is that of the label. ValueError for a question
        that is no row of this set, or whose answer is not known. Where several tasks ask the same, the grid of any of
        them is right.
        """
        right = []
        for i, (question, grid) in enumerate(zip(inputs.cpu().numpy().astype(np.uint8), decode_many(answers),
                                                 strict=True)):
            rows = self._rows_of_question.get(question.tobytes())
            if rows is None:
                raise ValueError(
                    f"{self.name}: question {i} is not one of the {len(self)} in this set, so its answer is not "
                    "known. Check answers with the set that the question comes from, as it stands there.")
            known = [row for row in rows if self.labels[row].any()]
            if not known:
                raise ValueError(
                    f"{self.name}: the answer to question {i}, a test of task {self.task_names()[rows[0]]}, is not "
                    "known: its file has none, as competitions hand tests out. Such tests can be solved and written "
                    "with write_submission, but not scored here.")
            wanted = decode_many(torch.from_numpy(self.labels[known]))
            right.append(any(np.array_equal(grid, one) for one in wanted))
        return torch.tensor(right, dtype=torch.bool, device=answers.device)

    def score(self, answers) -> dict[str, float]:
        """As for every set; ValueError where no answer is known, as in the tests that a competition hands out."""
        if len(self) and not self.labels.any():
            first = torch.tensor(self.inputs[:1])
            self.check(first, first)  # says that, and what can be done
        return super().score(answers)

    def violations(self, answers: torch.Tensor) -> torch.Tensor:
        """(batch, side²) tokens -> bool: colours and ends that stand outside the grid that is read, but for the
        ends below it and right of it, which belong there."""
        height, width = (s[:, None, None] for s in rectangle(answers))
        line = torch.arange(self.grid[0], device=answers.device)
        r, c = line[:, None], line[None, :]
        canvas = answers.view(-1, *self.grid)
        inside = (r < height) & (c < width)
        frame = ((r == height) & (c < width)) | ((r < height) & (c == width))
        return (~inside & (canvas > 0) & ~(frame & (canvas < FIRST_COLOUR))).view(answers.shape)


def _in_batches(counts: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(rows, copy) in batches: copy 0 of every row, copy 1 of every row that has two, ..."""
    rows, copies = np.empty(0, np.int64), np.empty(0, np.int64)
    for copy in range(int(counts.max(initial=0))):
        more = np.flatnonzero(counts > copy)
        rows, copies = np.concatenate([rows, more]), np.concatenate([copies, np.full(len(more), copy)])
        while len(rows) >= batch_size:
            yield rows[:batch_size], copies[:batch_size]
            rows, copies = rows[batch_size:], copies[batch_size:]
    if len(rows):
        yield rows, copies
