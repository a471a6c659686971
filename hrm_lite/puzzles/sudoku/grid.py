"""The board: three sizes, their rows, columns and boxes, and how a board is written down.

Digits are small integers, 0 for a blank; text has one character a cell, '.' or '0' for a blank.
A 6x6 board has boxes of 2 rows x 3 columns; the other two have square boxes.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from hrm_lite.puzzles.sudoku.drawn import read_grid


@dataclasses.dataclass(frozen=True)
class Board:
    """One size of Sudoku: `side` digits, boxes of `box_rows` x `box_columns` cells."""

    side: int
    box_rows: int
    box_columns: int

    @property
    def name(self) -> str:
        return f"{self.side}x{self.side}"

    @property
    def cells(self) -> int:
        return self.side * self.side

    @property
    def square(self) -> bool:
        """Whether the transpose of a board is a board: only where boxes are square."""
        return self.box_rows == self.box_columns

    @functools.cached_property
    def units(self) -> np.ndarray:
        """(3 * side, side) int64: the cells of each row, then of each column, then of each box."""
        return np.concatenate([_members(kind) for kind in self.unit_of_cell])

    @functools.cached_property
    def unit_of_cell(self) -> np.ndarray:
        """(3, cells) int64: the row, the column and the box of each cell, each counted from 0."""
        row, column = np.divmod(np.arange(self.cells), self.side)
        box = row // self.box_rows * (self.side // self.box_columns) + column // self.box_columns
        return np.stack([row, column, box])

    @functools.cached_property
    def peers(self) -> np.ndarray:
        """(cells, cells) bool: which two different cells share a unit and so cannot share a digit."""
        same = (self.unit_of_cell[:, :, None] == self.unit_of_cell[:, None, :]).any(0)
        return same & ~np.eye(self.cells, dtype=bool)


BOARDS = {board.name: board for board in (Board(4, 2, 2), Board(6, 2, 3), Board(9, 3, 3))}
_BY_CELLS = {board.cells: board for board in BOARDS.values()}


def _members(kind: np.ndarray) -> np.ndarray:
    return np.stack([np.flatnonzero(kind == unit) for unit in range(kind.max() + 1)])


def board_of(cells: int) -> Board:
    """The board with that many cells; ValueError for any number but 16, 36 and 81."""
    if cells not in _BY_CELLS:
        raise ValueError(
            f"A Sudoku has 16, 36 or 81 characters (4x4, 6x6, 9x9), row by row, '.' or '0' for a blank; "
            f"this text has {cells}. Count the characters of each row.")
    return _BY_CELLS[cells]


def parse(text: str) -> tuple[Board, np.ndarray]:
    """Text in any form that `read_grid` knows -> (board, digits (cells,) uint8, 0 for a blank). Errors as there."""
    cells = read_grid(text)
    board = board_of(len(cells))
    return board, np.frombuffer(cells.replace(".", "0").encode("ascii"), np.uint8) - ord("0")


def to_text(digits: np.ndarray) -> str:
    """Digits (cells,), 0 for a blank -> text with '.' for a blank."""
    return "".join("." if digit == 0 else str(int(digit)) for digit in digits)


def first_clash(board: Board, digits: np.ndarray) -> str | None:
    """The first unit with two equal digits in words, e.g. "two 5s in column 3"; None if there is none."""
    givens = np.flatnonzero(digits)
    for kind, unit_of_cell in zip(("row", "column", "box"), board.unit_of_cell, strict=True):
        counts = np.bincount(unit_of_cell[givens] * 10 + digits[givens], minlength=1)
        if counts.max() > 1:
            unit, digit = divmod(int(np.flatnonzero(counts > 1)[0]), 10)
            many = counts[unit * 10 + digit]
            return f"{'two' if many == 2 else many} {digit}s in {kind} {unit + 1}"
    return None
