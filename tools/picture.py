"""Make the pictures of the README and the first page: the model, and two at work on puzzles they have never seen.

    python tools/picture.py

README: the model is the one of results/sudoku/4x4-hrm (seed 0); the puzzle, of 1,000 unseen ones, is the first that it
solves and that takes it the most segments to solve. First page: the shipped 9×9 model, step by step, on that of the
hard puzzles in results/sudoku_thinking which has the highest rating of those that it solves within four segments and
of which it keeps the answer.
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))   # run as a script, it sees its own folder only

import torch

from hrm_lite import load_model, plots
from hrm_lite.dynamics import answers
from hrm_lite.puzzles import sudoku
from hrm_lite.records import published, write_json
from hrm_lite.solving import solve
from tools import cover

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

champion = load_model("sudoku-9x9-compact")
(hard,) = (r for r in published("sudoku_thinking") if r["set"] == "hard")
asked = sorted(hard["questions"], key=lambda q: -q["rating"])
board = sudoku.load("generated:9x9:24-40", "test", limit=1)   # it knows the rules
for entry in asked:
    question = torch.from_numpy(board.encode(entry["question"])).long()
    label = torch.from_numpy(board.encode(sudoku.solve(entry["question"]))).long()
    after = solve(champion, question[None], 6, halt=False, record=True).trace[0]
    fine = (after == label).all(1)
    if fine[3:].all():
        break
schedule = champion.schedule()
steps = answers(champion, question[None], 4)[[part == "L" for part in schedule] * 4, 0]
wrong = (steps != label).any(1).nonzero()
last = int(wrong.max()) + 2   # right from here on, and one more to see that it stays
write_json(cover.STEPS, {
    "rating": entry["rating"], "steps_in_a_segment": schedule.count("L"), "question": entry["question"],
    "answer": sudoku.solve(entry["question"]), "steps": [board.decode(step) for step in steps[: last + 1]],
})
print(f"{cover.STEPS.relative_to(ROOT)}: rating {entry['rating']}, right from step {last} on")
