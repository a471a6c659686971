"""The symmetries of Sudoku: changes of a board after which it is the same puzzle in other clothes.

Digits may be renamed; bands (rows of boxes) and the rows inside a band may trade places, likewise stacks
and the columns inside a stack; where boxes are square the board may be mirrored in its diagonal. All of
them are gathers: a permutation of cells, then one of digits.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable

import numpy as np
import torch

from hrm_lite.puzzles.sudoku.grid import Board


@functools.cache
def line_orders(side: int, group: int) -> np.ndarray:
    """All orders of `side` lines that keep groups of `group` lines together: (count, side) int64.

    For 9x9, 6 orders of the bands times 6 orders inside each of three: 1,296. Entry i of an order is the
    old line that becomes line i.
    """
    inside = list(itertools.permutations(range(group)))
    orders = [
        [outer[i] * group + line for i in range(side // group) for line in inner[i]]
        for outer in itertools.permutations(range(side // group))
        for inner in itertools.product(inside, repeat=side // group)
    ]
    return np.array(orders, np.int64)


def row_orders(board: Board) -> np.ndarray:
    return line_orders(board.side, board.box_rows)


def column_orders(board: Board) -> np.ndarray:
    return line_orders(board.side, board.box_columns)


@functools.cache
def position_group(board: Board) -> np.ndarray:
    """Every symmetry of positions as a gather, (order, cells) int64: 128 for 4x4, 3,456 for 6x6.

    new = old[gather]. The group of the 9x9 board has 3,359,232 elements: not to be listed.
    """
    if board.side > 6:
        raise ValueError("The 9x9 board has 3,359,232 symmetries of positions: draw them, do not list them.")
    rows, columns = row_orders(board), column_orders(board)
    gathers = (rows[:, None, :, None] * board.side + columns[None, :, None, :]).reshape(
        -1, board.side, board.side)
    if board.square:
        gathers = np.concatenate([gathers, gathers.transpose(0, 2, 1)])
    return gathers.reshape(len(gathers), board.cells)


@functools.lru_cache(maxsize=16)
def _tables(board: Board, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    return (torch.from_numpy(row_orders(board) * board.side).to(device),
            torch.from_numpy(column_orders(board).copy()).to(device))


def draw(
    board: Board, batch: int, generator: torch.Generator, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """A random symmetry for each of `batch` boards: (gather, names), every element of the group equally likely.

    gather (batch, cells): the old cell that comes to each place; names (batch, side + 2): the new token of
    each old one. Tokens 0 (pad) and 1 (blank) are never renamed.
    """
    rows, columns = _tables(board, device)
    pick = functools.partial(torch.randint, size=(batch,), generator=generator, device=device)
    row = rows[pick(high=len(rows))]  # (batch, side): first cell of the old row that comes here
    column = columns[pick(high=len(columns))]
    gather = row[:, :, None] + column[:, None, :]
    if board.square:
        mirror = pick(high=2).bool()
        gather = torch.where(mirror[:, None, None], gather.transpose(1, 2), gather)
    # A random order of the digits is the order of random numbers.
    digits = torch.rand(batch, board.side, generator=generator, device=device).argsort(1) + 2
    names = torch.cat([torch.arange(2, device=device).expand(batch, 2), digits], 1)
    return gather.reshape(batch, board.cells), names


def apply(tokens: torch.Tensor, gather: torch.Tensor, names: torch.Tensor) -> torch.Tensor:
    """The boards `tokens` (batch, cells) after the symmetries that `draw` gave; same type."""
    return names.to(tokens.dtype).gather(1, tokens.gather(1, gather).long())


def augment(
    board: Board, inputs: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """A random symmetry for each row of inputs and labels (batch, cells); see `PuzzleSet.augment`."""
    symmetry = draw(board, len(inputs), generator, inputs.device)
    return apply(inputs, *symmetry), apply(labels, *symmetry)


def disguise(
    board: Board, inputs: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]:
    """A random symmetry for each row of inputs, and what takes answers back; see `PuzzleSet.disguise`."""
    gather, names = draw(board, len(inputs), generator, inputs.device)
    back = gather.argsort(1), names.argsort(1)
    return apply(inputs, gather, names), lambda answers: apply(answers, *back)
