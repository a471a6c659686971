"""What plays in a notebook and in the page: one explorer a module, over one drawing module."""

from .halting import HaltingExplorer
from .microscope import GradientMicroscope
from .residuals import ResidualExplorer
from .sudoku import SudokuExplorer

__all__ = ["GradientMicroscope", "HaltingExplorer", "ResidualExplorer", "SudokuExplorer"]
