"""4x4 Sudoku without search: there are 288 grids, so every question about them has a table.

Up to symmetry there are two grids. Each has 2^16 ways to show some of its cells; a mask (bit 15 for the
first cell) shows a puzzle with one solution unless some other grid agrees with it on all shown cells.
Loading 4x4 puzzles therefore needs no solver and no compilation, and the number of different puzzles is
known exactly.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools

import numpy as np

from hrm_lite.puzzles.stream import Stream
from hrm_lite.puzzles.sudoku.grid import BOARDS, to_text
from hrm_lite.puzzles.sudoku.symmetry import position_group

BOARD = BOARDS["4x4"]
MASKS = np.arange(1 << 16)
GIVENS = np.array([mask.bit_count() for mask in range(1 << 16)])
_BITS = 1 << np.arange(15, -1, -1)


@dataclasses.dataclass(frozen=True)
class Classes:
    """Classes of equivalent puzzles with one solution, one row each.

    grid     (n,) which of the two grids of `grids` solves it
    mask     (n,) the smallest mask among the puzzles of the class with that very grid
    givens   (n,) how many cells it shows
    minimal  (n,) bool: no given can be left out
    members  (n,) how many different puzzles the class holds
    """

    grids: np.ndarray
    grid: np.ndarray
    mask: np.ndarray
    givens: np.ndarray
    minimal: np.ndarray
    members: np.ndarray

    def __len__(self) -> int:
        return len(self.mask)

    def select(self, keep: np.ndarray) -> Classes:
        columns = (field.name for field in dataclasses.fields(self) if field.name != "grids")
        return dataclasses.replace(self, **{name: getattr(self, name)[keep] for name in columns})

    def texts(self) -> list[str]:
        """The canonical form of each class, as `sudoku.canonical` gives it."""
        shown = (self.mask[:, None] & _BITS) != 0
        return [to_text(row) for row in self.grids[self.grid] * shown]

    def draw(self, choice: np.ndarray, stream: Stream) -> tuple[np.ndarray, np.ndarray]:
        """A random member of each chosen class: questions and answers (len(choice), 16), 0 for a blank.

        Each member of a class is equally likely.
        """
        group = position_group(BOARD)
        gather = group[stream.below(np.full(len(choice), len(group)))]
        names = np.zeros((len(choice), 5), np.uint8)
        names[:, 1:] = stream.orders(len(choice), 4) + 1
        answers = np.take_along_axis(self.grids[self.grid[choice]], gather, 1)
        answers = np.take_along_axis(names, answers.astype(np.int64), 1)
        shown = np.take_along_axis((self.mask[choice][:, None] & _BITS) != 0, gather, 1)
        return answers * shown, answers


@functools.cache
def all_grids() -> np.ndarray:
    """All 288 complete grids, (288, 16) uint8, in lexicographic order."""
    grids = [()]
    for cell in range(16):
        peers = np.flatnonzero(BOARD.peers[cell, :cell])
        grids = [(*grid, digit) for grid, digit in itertools.product(grids, (1, 2, 3, 4))
                 if all(grid[peer] != digit for peer in peers)]
    return np.array(grids, np.uint8)


@functools.cache
def classes() -> Classes:
    """Every class of 4x4 puzzles with one solution."""
    grids, group = all_grids(), position_group(BOARD)
    # The canonical form of a grid: rename the digits so that the first row reads 1234, take the least image.
    images = grids[:, group]  # (288, 128, 16)
    names = np.zeros((*images.shape[:2], 5), np.uint8)
    np.put_along_axis(names, images[..., :4].astype(np.int64), np.arange(1, 5, dtype=np.uint8), 2)
    images = np.take_along_axis(names, images.astype(np.int64), 2)
    keys = images.astype(np.int64) @ (5 ** np.arange(15, -1, -1))
    least, orbit = np.unique(keys.min(1), return_counts=True)
    parts = []
    for index, key in enumerate(least):
        member, element = (int(axis[0]) for axis in np.nonzero(keys == key))
        grid = images[member, element]
        stabiliser = group[keys[np.flatnonzero((grids == grid).all(1))[0]] == key]
        canonical, members = _least_images(stabiliser)
        unique = _shows_one_grid(grid, grids)
        spare = np.zeros(1 << 16, bool)  # whether some given can be left out
        for bit in _BITS:
            spare |= ((MASKS & bit) != 0) & unique[MASKS ^ bit]
        mask = np.flatnonzero(unique & (canonical == MASKS))
        parts.append((grid, np.full(len(mask), index), mask, GIVENS[mask], ~spare[mask],
                      members[mask] * int(orbit[index])))
    first, *columns = zip(*parts, strict=True)
    return Classes(np.stack(first), *(np.concatenate(column) for column in columns))


def _least_images(gathers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every mask: the least of its images under the gathers, and how many different images it has."""
    images = np.zeros((len(gathers), 1 << 16), np.uint16)
    for element, gather in enumerate(gathers):
        for cell, old in enumerate(gather):
            images[element] |= (((MASKS >> (15 - old)) & 1) << (15 - cell)).astype(np.uint16)
    fixed = (images == MASKS).sum(0)  # orbit times stabiliser is the order of the group
    return images.min(0).astype(np.int64), len(gathers) // fixed


def _shows_one_grid(grid: np.ndarray, grids: np.ndarray) -> np.ndarray:
    """(65536,) bool: which masks of `grid` no other grid agrees with."""
    agree = ((grids == grid) @ _BITS)[(grids != grid).any(1)]
    several = np.zeros(1 << 16, bool)
    several[agree] = True
    for bit in _BITS:  # whoever agrees on more cells agrees on fewer
        several |= several[MASKS | bit]
    return ~several
