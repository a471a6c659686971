"""Puzzles as token sequences: one `PuzzleSet` for all, one folder a kind."""

from hrm_lite.puzzles import arc, depth, maze, sudoku
from hrm_lite.puzzles.base import PuzzleSet

__all__ = ["PuzzleSet", "arc", "depth", "maze", "sudoku"]
