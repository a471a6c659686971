"""Inference: segment after segment, each row until it is content or the segments run out.

The door of this folder: other code needs nothing else.

    solve                   answers, with halting and with restarts of doubtful puzzles
    evaluate                accuracy after every segment, without halting
    verdicts, choose_margin what each halting margin would have given, and the least one that costs nothing
    as_numbers, side_by_side what puzzles are given as, and how many at once
"""

from .attempts import Solution, solve
from .evaluation import evaluate
from .margins import Margin, Verdicts, choose_margin, verdicts
from .numbers import as_numbers, side_by_side

__all__ = [
    "Margin", "Solution", "Verdicts", "as_numbers", "choose_margin", "evaluate", "side_by_side", "solve", "verdicts"
]  # fmt: skip
