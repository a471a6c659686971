"""Copies of an ARC task: turned and mirrored, its colours exchanged, each with an identifier of its own.

A rule is learned as one vector for each copy of each task (HRM's puzzle embedding), so a copy is made of
the whole task and not of single grids: one of the 8 symmetries of the square, and one permutation of the
colours 1 to 9 (0, the background, stays). Nothing is written out: `Copies` holds two small tables of numbers,
and a copy of a grid is a gather when it is wanted.
"""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import torch

from hrm_lite.puzzles.arc.codec import END, FIRST_COLOUR, side_of
from hrm_lite.puzzles.arc.tasks import Task, check_names
from hrm_lite.puzzles.stream import Stream

# The published numbers of the symmetries: as it is, rotated by 90, 180, 270 degrees (counterclockwise),
# mirrored left to right, top to bottom, in the diagonal, in the other diagonal. Each is: the diagonal
# mirror or not, then the rows or not, then the columns or not.
DIAGONAL = np.array([0, 1, 0, 1, 0, 0, 1, 1], bool)
ROWS = np.array([0, 1, 1, 0, 0, 1, 0, 1], bool)
COLUMNS = np.array([0, 0, 1, 1, 1, 0, 0, 1], bool)

TRIALS = 5  # draws for each wanted copy, as published; tasks of few colours have fewer copies than wanted


def transform(grid: np.ndarray, symmetry: int, colours: np.ndarray) -> np.ndarray:
    """A grid (h, w) in the clothes of a copy; colours (10,): the new colour of each old one."""
    grid = np.asarray(colours, np.uint8)[grid]
    if DIAGONAL[symmetry]:
        grid = grid.T
    return grid[:: -1 if ROWS[symmetry] else 1, :: -1 if COLUMNS[symmetry] else 1]


def restore(grid: np.ndarray, symmetry: int, colours: np.ndarray) -> np.ndarray:
    """What `transform` was given, from what it returned."""
    grid = np.argsort(colours).astype(np.uint8)[grid]
    grid = grid[:: -1 if ROWS[symmetry] else 1, :: -1 if COLUMNS[symmetry] else 1]
    return grid.T if DIAGONAL[symmetry] else grid


@dataclasses.dataclass(frozen=True, eq=False)
class Copies:
    """All copies of all tasks, by identifier. Identifier 0 belongs to nobody (the published '<blank>').

    tasks     the tasks, in the order of their identifiers
    first     (tasks,) the identifier of each task as it is; its other copies follow
    count     (tasks,) how many identifiers it has
    symmetry  (identifiers,) uint8, the number of the symmetry
    colours   (identifiers, 10) uint8, the new colour of each old one
    """

    tasks: tuple[Task, ...]
    first: np.ndarray
    count: np.ndarray
    symmetry: np.ndarray
    colours: np.ndarray

    @classmethod
    def draw(cls, tasks: tuple[Task, ...], augmentations: int, seed: int) -> Copies:
        """The task itself and up to `augmentations` distinct other copies of each task.

        What is drawn for a task depends on the seed and its name alone, not on the other tasks, and with
        more augmentations the first ones stay the same.
        """
        check_names(tasks)
        drawn = [_draw(task, augmentations, seed) for task in tasks]
        count = np.array([len(symmetry) for symmetry, _ in drawn], np.int64)
        first = 1 + np.cumsum(count) - count
        nobody = (np.zeros(1, np.uint8), np.arange(10, dtype=np.uint8)[None])
        symmetry, colours = (np.concatenate(part) for part in zip(nobody, *drawn, strict=True))
        return cls(tuple(tasks), first, count, symmetry, colours)

    def __len__(self) -> int:
        return len(self.symmetry)

    def task_of(self, ids: np.ndarray) -> np.ndarray:
        """Identifiers -> the index of their task."""
        return np.searchsorted(self.first, ids, side="right") - 1

    def fingerprint(self) -> bytes:
        digest = hashlib.sha256()
        for array in (self.first.astype("<i8"), self.count.astype("<i8"), self.symmetry, self.colours):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.digest()


    def owners(self, which: list[int]) -> dict[str, list]:
        """{task name: [first, count, hash of its demonstrations and of its copies]} of the tasks with these indices.

        Test inputs do not enter the hash: more or fewer of them leave the task, and what was learned of it, the same.
        """
        found = {}
        for task, first, count in ((self.tasks[i], int(self.first[i]), int(self.count[i])) for i in which):
            digest = hashlib.sha256()
            for grid in (grid for pair in task.train for grid in pair):
                digest.update(repr(grid.shape).encode() + grid.tobytes())
            for table in (self.symmetry, self.colours):
                digest.update(np.ascontiguousarray(table[first : first + count]).tobytes())
            found[task.name] = [first, count, digest.hexdigest()[:16]]
        return found


def _draw(task: Task, augmentations: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Symmetry (copies,) and colours (copies, 10) of one task, the task as it is first."""
    digest = hashlib.sha256(f"{seed}/{task.name}".encode()).digest()
    stream = Stream(int.from_bytes(digest[:8], "little"))
    forms, appearance = _forms(task)
    symmetry, colours = np.zeros(1, np.int64), np.arange(10)[None]
    for _ in range(TRIALS if augmentations else 0):
        if len(symmetry) > augmentations:
            break
        # Ten numbers a trial, so that fewer augmentations are the beginning of more.
        bits = stream.bits(augmentations, 10)
        orders = 1 + np.argsort(bits[:, 1:], axis=1, kind="stable")
        symmetry = np.concatenate([symmetry, (bits[:, 0] >> np.uint64(61)).astype(np.int64)])
        colours = np.concatenate([colours, np.pad(orders, ((0, 0), (1, 0)))])
        # Two copies give the same grids if their symmetries lead to the same form, and the colours
        # that appear in it first, second, third, ... get the same names.
        names = np.take_along_axis(colours, appearance[symmetry], axis=1)
        keys = forms[symmetry] * 10**9 + names @ 10 ** np.arange(9)
        distinct = np.sort(np.unique(keys, return_index=True)[1])
        symmetry, colours = symmetry[distinct], colours[distinct]
    keep = slice(augmentations + 1)
    return symmetry[keep].astype(np.uint8), colours[keep].astype(np.uint8)


def _forms(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """What the 8 symmetries make of a task up to the names of its colours: (8,) which of them are alike, and
    (8, 9) the colours 1 to 9 in the order in which they appear, filled up with 0.

    Only what a contestant sees counts: demonstrations and test inputs.
    """
    grids = [grid for pair in task.train for grid in pair] + [question for question, _ in task.test]
    number, appearance = {}, np.zeros((8, 9), np.int64)
    forms = np.zeros(8, np.int64)
    for symmetry in range(8):
        images = [transform(grid, symmetry, np.arange(10)) for grid in grids]
        cells = np.concatenate([image.ravel() for image in images])
        colours, where = np.unique(cells[cells > 0], return_index=True)
        order = colours[np.argsort(where)]
        appearance[symmetry, : len(order)] = order
        renamed = np.zeros(10, np.uint8)
        renamed[order] = np.arange(1, len(order) + 1)
        form = (tuple(image.shape for image in images), renamed[cells].tobytes())
        forms[symmetry] = number.setdefault(form, len(number))
    return forms, appearance


def tables(copies: Copies, device) -> tuple[torch.Tensor, torch.Tensor]:
    """On the device, by identifier: turns (identifiers, 3) bool, whether the copy is mirrored in the diagonal, its
    rows turned, its columns turned; names (identifiers, 12) uint8, the new token of each old one."""
    turns = np.stack([DIAGONAL, ROWS, COLUMNS], 1)[copies.symmetry]
    names = np.pad(copies.colours + np.uint8(FIRST_COLOUR), ((0, 0), (FIRST_COLOUR, 0)))
    names[:, END] = END
    return torch.from_numpy(turns).to(device), torch.from_numpy(names).to(device)


def size(tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Height and width (batch,) of well-formed grids (batch, side²) that stand in the top left corner."""
    side = side_of(tokens)
    colour = tokens.view(-1, side, side) >= FIRST_COLOUR
    return colour[:, :, 0].sum(1), colour[:, 0].sum(1)


def rearrange(
    tokens: torch.Tensor, turns: torch.Tensor, names: torch.Tensor,
    row: torch.Tensor | None = None, column: torch.Tensor | None = None,
) -> torch.Tensor:
    """Each of the grids (batch, side²), which stand in the top left corner, in its copy's clothes; same type.

    turns (batch, 3), names (batch, 12) as in `tables`; row, column (batch,) where the copy's top left cell
    comes to stand (default: the corner). One gather of cells and one of colours; the device is never
    waited for.
    """
    device, batch, side = tokens.device, len(tokens), side_of(tokens)
    diagonal, rows, columns = turns.split(1, dim=1)
    height, width = (s[:, None] for s in size(tokens))
    height, width = torch.where(diagonal, width, height), torch.where(diagonal, height, width)
    line = torch.arange(side, device=device)
    r = line - (0 if row is None else row[:, None])  # (batch, side): the copy's own row in each row of the canvas
    c = line - (0 if column is None else column[:, None])
    in_r, in_c = (r >= 0) & (r < height), (c >= 0) & (c < width)
    old_r = torch.where(rows, height - 1 - r, r).clamp(0, side - 1)
    old_c = torch.where(columns, width - 1 - c, c).clamp(0, side - 1)
    # In the diagonal mirror, rows of the copy are columns of the grid.
    source = (old_r * torch.where(diagonal, 1, side))[:, :, None] + (old_c * torch.where(diagonal, side, 1))[:, None]
    cells = tokens.gather(1, source.view(batch, side * side))
    cells = names.to(tokens.dtype).gather(1, cells.long()).view(batch, side, side)
    end = ((r == height)[:, :, None] & in_c[:, None]) | (in_r[:, :, None] & (c == width)[:, None])
    inside = in_r[:, :, None] & in_c[:, None]
    return torch.where(inside, cells, end.to(tokens.dtype) * END).view(batch, side * side)
