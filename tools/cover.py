"""The board that plays on the first page: the steps that tools/picture.py keeps, drawn by the live picture of today.

Called by render.py.
"""

from pathlib import Path

import torch

from hrm_lite.explorers import live
from hrm_lite.puzzles import sudoku
from hrm_lite.records import read_json

STEPS = Path(__file__).resolve().parent.parent / "book" / "images" / "thinking.json"


def page() -> str:
    """It opens at its last step, and plays from the first."""
    kept = read_json(STEPS)
    board = sudoku.load("generated:9x9:24-40", "test", limit=1)   # it knows the rules
    question, answer, *steps = (torch.from_numpy(board.encode(text)).long()
                                for text in (kept["question"], kept["answer"], *kept["steps"]))
    titles = [f"Step {i + 1}, segment {i // kept['steps_in_a_segment'] + 1}" for i in range(len(steps))]
    return live.thinking(board, question, torch.stack(steps), titles, answer, "step of the worker", len(steps),
                         plays=True).data  # fmt: skip
