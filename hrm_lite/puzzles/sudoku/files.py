"""Sudoku in the published CSV format: 81 (or 36, or 16) characters a board, '.' or '0' for a blank.

Every answer is held against its question when a file is read.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from hrm_lite.puzzles.files import Portion, read_portions, write_puzzles
from hrm_lite.puzzles.store import cached, sha256_of
from hrm_lite.puzzles.sudoku.grid import Board, board_of
from hrm_lite.puzzles.sudoku.sets import FIRST_DIGIT, SudokuSet, solved

_LARGE = 16 * 2**20  # bytes of a file that is parsed once and then read from the cache


def read_csv(path: str | os.PathLike) -> SudokuSet:
    """Read puzzles of one size, in the order of the file.

    Errors name the line: ValueError for an empty file, missing columns, a line that is cut or malformed,
    boards of different sizes, an answer that does not solve its question; FileNotFoundError. Whether a
    question has other solutions as well is not checked here: `solve` does that. A large file is parsed once;
    after that its arrays are memory-mapped from the cache (see `store`), as long as the file is the same.
    """
    path = Path(path)
    if path.is_file() and path.stat().st_size > _LARGE:
        arrays = cached({"sudoku csv": 1, "sha256": sha256_of(path)}, lambda: _parse(path))
    else:
        arrays = _parse(path)
    board = board_of(arrays["inputs"].shape[1])
    return SudokuSet.of(board, **arrays, source=str(path))


def _parse(path: Path) -> dict[str, np.ndarray]:
    """The file as tokens, portion by portion."""
    board, parts = None, []
    for portion in read_portions(path):
        first = len(portion.questions[0])
        if board is None and first not in (16, 36, 81):
            raise ValueError(
                f"{path}, line {portion.lines[0]}: the question has {first} characters; a Sudoku has 16, 36 or 81.")
        board = board or board_of(first)
        parts.append((*_digits(portion, board), portion.ratings))
    questions, answers, ratings = (np.concatenate(column) for column in zip(*parts, strict=True))
    first = np.uint8(FIRST_DIGIT - 1)
    return {"inputs": questions + first, "labels": answers + first, "ratings": ratings.astype(np.int32)}


def _digits(portion: Portion, board: Board) -> tuple[np.ndarray, np.ndarray]:
    kind, digits = f"{board.name} Sudoku", "123456789"[: board.side]
    questions = portion.tokens(
        [text.replace("0", ".") for text in portion.questions], "question", "." + digits, board.cells, kind)
    answers = portion.tokens(portion.answers, "answer", digits, board.cells, kind) + np.uint8(1)
    portion.refuse(
        solved(board, questions, answers),
        "the answer does not solve the question (it changes a given or breaks a rule)")
    return questions, answers


def write_csv(path: str | os.PathLike, puzzles: SudokuSet, source: str | None = None) -> None:
    """Write puzzles so that `read_csv` and the published training scripts can read them.

    `source` fills the column of that name (default: the set's own). Puzzles without a rating are rated
    first. What stood at `path` before stays until the new file is complete.
    """
    rated = puzzles if puzzles.ratings is not None else puzzles.rated()
    source = source if source is not None else puzzles.source or puzzles.name
    write_puzzles(path, source, puzzles.questions(), puzzles.answers(), rated.ratings.tolist())
