"""Puzzles as token sequences: one `PuzzleSet` for all, one folder a kind, and `load` for any of them."""

from hrm_lite.puzzles import arc, depth, maze, own, sudoku
from hrm_lite.puzzles.base import PuzzleSet
from hrm_lite.puzzles.kinds import load

__all__ = ["PuzzleSet", "arc", "depth", "load", "maze", "own", "sudoku"]
