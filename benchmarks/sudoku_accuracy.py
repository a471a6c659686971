"""Train small models on Sudoku, several seeds each, and keep a run record of every run.

    python benchmarks/sudoku_accuracy.py [--settings 4x4-hrm …] [--seeds 0 1 2 3 4] [--threads 2] [--out results/sudoku]

Prints exact accuracy on unseen, inequivalent puzzles after 1, 2, 4, 8 and 16 segments, and the seconds of training.
A record that is there already is read, not made again.
"""

import argparse
import json
from pathlib import Path

import torch

from hrm_lite import HRM, Trainer, model_preset, train_preset
from hrm_lite.baselines import FlatRecurrence
from hrm_lite.checkpoints import save_model
from hrm_lite.puzzles import sudoku
from hrm_lite.records import write_json
from hrm_lite.rows import as_tensors
from hrm_lite.solving import evaluate, solve

# name: (label, preset, kind, changes to the model, changes to the training, source)
SMALL, LARGE = "generated:4x4:4-6", "generated:9x9:45-55"
SETTINGS = {
    "4x4-hrm": ("HRM", "sudoku-4x4", HRM, {}, {}, SMALL),
    "4x4-mlp": ("MLP over positions, gradient through the last cycle", "sudoku-4x4-mlp", HRM, {}, {}, SMALL),
    "9x9-mlp": ("9×9, MLP over positions", "sudoku-9x9", HRM, {}, {}, LARGE),
    "4x4-flat": ("one flat recurrence", "sudoku-4x4", FlatRecurrence, {}, {}, SMALL),
    "4x4-hrm-explore": ("HRM, exploration 0.1", "sudoku-4x4", HRM, {}, dict(exploration=0.1), SMALL),
}


def run(name: str, seed: int) -> dict:
    label, preset, kind, model_changes, train_changes, source = SETTINGS[name]
    train, test = sudoku.load(source, "train", limit=20_000), sudoku.load(source, "test", limit=1_000)
    torch.manual_seed(seed)
    model = kind(model_preset(preset, **model_changes))
    record = Trainer(model, train, train_preset(preset, seed=seed, **train_changes)).fit()
    x, y, _ = as_tensors(test)
    halted = solve(model, x, margin=2.0)
    if seed == 0:
        save_model(arguments.out / name / "model.safetensors", model, half=True)
    return (
        {"name": name, "label": label, "source": source, "held_out": test.content_hash, "unseen": len(test)}
        | evaluate(model, x, y, 16)
        | {"halting": {"margin": 2.0, "exact": test.check(x, halted.tokens).double().mean().item(),
                       "segments": halted.segments.double().mean().item()}}
        | record
    )  # fmt: skip


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS), metavar="NAME")
parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--out", type=Path, default=Path("results/sudoku"))
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)

for name in arguments.settings:
    found = []
    for seed in arguments.seeds:
        path = arguments.out / name / f"seed{seed}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, run(name, seed))
        record = json.loads(path.read_text())
        found.append(record)
        exact = "  ".join(f"{m}: {record['exact'][m - 1]:6.1%}" for m in (1, 2, 4, 8, 16))
        print(f"{name:20} seed {seed}  {record['seconds']:5.1f} s  {exact}", flush=True)
    worst = min(found, key=lambda r: r["exact"][7])
    print(f"{name:20} worst of {len(found)}: {worst['exact'][7]:.1%} after 8 segments\n")
