"""Puzzles as token sequences: one `PuzzleSet` for all, one module a puzzle."""

from hrm_lite.puzzles import arc, sudoku
from hrm_lite.puzzles.base import PuzzleSet

__all__ = ["PuzzleSet", "arc", "sudoku"]
