"""Draw the pictures of the README and the first page: the model, and one at work on a puzzle it has never seen.

    python tools/picture.py

The model is the one of results/sudoku/4x4-hrm (seed 0); the puzzle, of 1,000 unseen ones, is the first that it
solves and that takes it the most segments to solve.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import torch

from hrm_lite import load_model, plots
from hrm_lite.puzzles import sudoku
from hrm_lite.solving import solve

ROOT = Path(__file__).resolve().parent.parent
SEGMENTS = 6

plots.use_style()
unseen = sudoku.load("generated:4x4:4-6", "test", limit=1_000)
x, y, _ = unseen.as_tensors()
trace = solve(load_model(ROOT / "results/sudoku/4x4-hrm/model.safetensors"), x, SEGMENTS, halt=False, record=True).trace
right = (trace == y[:, None]).all(-1)
kept = right.flip(1).cumprod(1).flip(1).bool()
first = torch.where(kept.any(1), kept.double().argmax(1), -1)
chosen = int(first.argmax())
figure = plots.thinking(unseen, unseen.inputs[chosen], trace[chosen, : int(first[chosen]) + 2])
path = ROOT / "book/images/thinking.png"
path.parent.mkdir(exist_ok=True)
figure.savefig(path, dpi=140, transparent=True)
print(f"{path.relative_to(ROOT)}: puzzle {chosen}, solved after segment {int(first[chosen]) + 1}")
plots.architecture().savefig(path.with_name("architecture.png"), dpi=140, transparent=True)
