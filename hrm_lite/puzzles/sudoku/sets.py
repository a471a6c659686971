"""`SudokuSet`: Sudoku as a `PuzzleSet`: pad 0, blank 1, digit k is token k + 1."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import torch

from hrm_lite.puzzles.base import Face, PuzzleSet
from hrm_lite.puzzles.published import Arrays
from hrm_lite.puzzles.sudoku import symmetry
from hrm_lite.puzzles.sudoku.grid import BOARDS, Board, to_text

FIRST_DIGIT = 2  # the token of digit 1


class SudokuSet(PuzzleSet):
    """Sudoku puzzles of one size. `inputs` hold blanks (token 1), `labels` are complete."""

    @classmethod
    def of(cls, board: Board, inputs, labels, ratings=None, source: str = "") -> SudokuSet:
        """Tokens (n, cells) -> a set of n puzzles."""
        return cls(
            name=f"sudoku-{board.name}",
            vocab=("_", ".", *"123456789"[: board.side]),
            grid=(board.side, board.side),
            box=(board.box_rows, board.box_columns),
            inputs=inputs,
            labels=labels,
            ratings=ratings,
            source=source,
        )

    @classmethod
    def from_digits(cls, board: Board, questions, answers, ratings=None, source: str = "") -> SudokuSet:
        """questions, answers (n, cells) digits, 0 for a blank -> a set of n puzzles."""
        return cls.of(board, np.asarray(questions, np.uint8) + 1, np.asarray(answers, np.uint8) + 1, ratings, source)

    @classmethod
    def from_published(cls, arrays: Arrays) -> SudokuSet:
        """What a folder of the published programs holds, whose tokens are the same. ValueError if it is no Sudoku."""
        board = next((board for board in BOARDS.values() if board.cells == arrays.cells), None)
        if board is None or arrays.vocab_size != board.side + FIRST_DIGIT:
            raise ValueError(
                f"{arrays.path} holds puzzles of {arrays.cells} cells and {arrays.vocab_size} tokens; a 9x9 Sudoku has "
                "81 cells and 11 tokens. hrm_lite.puzzles.own.load reads puzzles of any kind.")
        for start in range(0, len(arrays.inputs), 4096):
            questions, answers = arrays.inputs[start : start + 4096], arrays.labels[start : start + 4096]
            right = (questions > 0).all(1) & (answers > 0).all(1)
            right[right] = solved(board, questions[right] - np.uint8(1), answers[right] - np.uint8(1))
            if not right.all():
                raise ValueError(
                    f"{arrays.path}: the answer of example {start + int(np.argmin(right))} does not solve its "
                    "question. hrm_lite.puzzles.own.load reads puzzles of any kind.")
        return cls.of(board, arrays.inputs, arrays.labels, source=str(arrays.path))

    @property
    def board(self) -> Board:
        """The geometry of this size: its boxes, and which cells see each other."""
        return BOARDS[f"{self.grid[0]}x{self.grid[1]}"]

    @property
    def faces(self) -> tuple[Face, ...]:
        """Digits; a blank is drawn as nothing."""
        return (Face(), Face(), *map(Face, self.vocab[FIRST_DIGIT:]))

    def encode(self, text: str) -> np.ndarray:
        """Text of seq_len characters, '.' or '0' for a blank -> tokens. White space is dropped."""
        return super().encode("".join(text.split()).replace("0", "."))

    def questions(self) -> list[str]:
        """Every question as text."""
        return [to_text(row) for row in self.inputs - 1]

    def answers(self) -> list[str]:
        """Every answer as text."""
        return [to_text(row) for row in self.labels - 1]

    def rated(self) -> SudokuSet:
        """The same puzzles with `ratings`: guesses of a solver, for 9x9 as in the published lists.

        9x9 counts as tdoku does (see `rating`), the smaller sizes as `solve` does: most need none.
        """
        return dataclasses.replace(self, ratings=search_many(self.board, self.inputs - 1, 1)[1])

    def augment(self, inputs, labels, generator):
        """A random renaming of digits, order of bands, rows, stacks and columns, and mirror, per row."""
        return symmetry.augment(self.board, inputs, labels, generator)

    def disguise(self, inputs, generator):
        """The same symmetries, and the way back."""
        return symmetry.disguise(self.board, inputs, generator)

    def check(self, inputs: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
        """(batch, seq_len) questions and answers -> (batch,) bool: complete, givens kept, no rule broken."""
        digits = answers.long() - FIRST_DIGIT
        complete = ((digits >= 0) & (digits < self.board.side)).all(1)
        kept = ((inputs < FIRST_DIGIT) | (inputs.long() == answers.long())).all(1)
        # Nine powers of two add up to 511 only if all nine are different.
        powers = 1 << digits.clamp(0, self.board.side - 1)
        sums = powers[:, _units(self.board, answers.device)].sum(-1)
        return complete & kept & (sums == (1 << self.board.side) - 1).all(1)

    def violations(self, answers: torch.Tensor) -> torch.Tensor:
        """(batch, seq_len) tokens -> bool: the cell's digit stands once more in its row, column or box."""
        filled = (answers >= FIRST_DIGIT) & (answers < self.vocab_size)
        same = (answers[:, :, None] == answers[:, None, :]) & filled[:, :, None]
        return (same & _peers(self.board, answers.device)).any(2)


def search_many(board: Board, digits: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boards (n, cells) of digits -> solutions found, at most `limit` (n,), guesses before the first (n,),
    and the first solution (n, cells): for 9x9 by the search whose guesses are the published rating."""
    from hrm_lite.puzzles.sudoku import kernels, rating  # compiled: loaded on first use

    if board.side == 9:
        return rating.search_many(digits, limit)
    return kernels.solve_many(board, digits, limit)


def solved(board: Board, questions: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """`SudokuSet.check` for arrays of digits (n, cells), 0 for a blank -> (n,) bool."""
    right = ((questions == 0) | (questions == answers)).all(1)
    right &= ((answers > 0) & (answers <= board.side)).all(1)
    powers = np.left_shift(1, np.minimum(answers, board.side), dtype=np.uint16)
    for unit in board.units:  # unit by unit: millions of boards at once would fill the memory
        right &= np.bitwise_or.reduce(powers[:, unit], axis=1) == (1 << (board.side + 1)) - 2
    return right


@functools.lru_cache(maxsize=16)
def _units(board: Board, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(board.units).to(device)


@functools.lru_cache(maxsize=16)
def _peers(board: Board, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(board.peers).to(device)
