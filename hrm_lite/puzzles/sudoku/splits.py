"""The class of a Sudoku, and so the side it is on, is its canonical form."""

from __future__ import annotations

import numpy as np

from hrm_lite.puzzles.splits import check_split, on_side
from hrm_lite.puzzles.sudoku.grid import Board, to_text


def puzzles_on_side(board: Board, questions: np.ndarray, answers: np.ndarray, split: str) -> np.ndarray:
    """For each puzzle, given as (n, cells) digits: whether its class belongs to the split, (n,) bool."""
    check_split(split)
    if split == "all":
        return np.ones(len(questions), bool)
    from hrm_lite.puzzles.sudoku.canonical_form import canonical_many  # compiled: loaded on first use

    return on_side((to_text(row) for row in canonical_many(board, questions, answers)), split)
