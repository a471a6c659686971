"""Train small models on Sudoku, several seeds each, and keep a run record of every run.

    python experiments/sudoku_accuracy.py [--settings 4x4-hrm …] [--seeds 0 1 2 3 4] [--threads 2] [--to results/sudoku]

Prints exact accuracy on unseen, inequivalent puzzles after 1, 2, 4, 8 and 16 segments, and the seconds of training.
A record that is there already is read, not made again.
"""

from __future__ import annotations

from pathlib import Path

import torch
from command_line import keep, options, read

from hrm_lite import HRM, Trainer, model_preset, train_preset
from hrm_lite.baselines import FlatRecurrence
from hrm_lite.puzzles import sudoku
from hrm_lite.records import read_json
from hrm_lite.solving import evaluate, solve
from hrm_lite.training.checkpoints import save_model

# name: (label, preset, kind, changes to the model, changes to the training, source)
SMALL, LARGE = "generated:4x4:4-6", "generated:9x9:45-55"
SETTINGS = {
    "4x4-hrm": ("HRM", "sudoku-4x4", HRM, {}, {}, SMALL),
    "4x4-mlp": ("MLP over positions, gradient through the last cycle", "sudoku-4x4-mlp", HRM, {}, {}, SMALL),
    "9x9-mlp": ("9×9, MLP over positions", "sudoku-9x9", HRM, {}, {}, LARGE),
    "4x4-flat": ("one flat recurrence", "sudoku-4x4", FlatRecurrence, {}, {}, SMALL),
    "4x4-hrm-explore": ("HRM, exploration 0.1", "sudoku-4x4", HRM, {}, dict(exploration=0.1), SMALL),
}


def run(name: str, seed: int, to: Path) -> dict:
    label, preset, kind, model_changes, train_changes, source = SETTINGS[name]
    train, test = sudoku.load(source, "train", limit=20_000), sudoku.load(source, "test", limit=1_000)
    torch.manual_seed(seed)
    model = kind(model_preset(preset, **model_changes))
    record = Trainer(model, train, train_preset(preset, seed=seed, **train_changes)).fit()
    x, y, _ = test.as_tensors()
    halted = solve(model, x, margin=2.0)
    if seed == 0:
        save_model(to / name / "model.safetensors", model, half=True)
    return (
        {"name": name, "label": label, "source": source, "held_out": test.content_hash, "unseen": len(test)}
        | evaluate(model, x, y, 16)
        | {"halting": {"margin": 2.0, "exact": test.check(x, halted.tokens).double().mean().item(),
                       "segments": halted.segments.double().mean().item()}}
        | record
    )  # fmt: skip


def main() -> None:
    parser = options(__doc__, "sudoku", 5, settings=SETTINGS)
    parser.add_argument("--threads", type=int, default=2)
    given = read(parser)
    torch.set_num_threads(given.threads)
    for name in given.settings:
        found = []
        for seed in given.seeds:
            path = given.to / name / f"seed{seed}.json"
            record = read_json(path) if path.exists() else run(name, seed, given.to)
            found.append(record)
            exact = "  ".join(f"{m}: {record['exact'][m - 1]:6.1%}" for m in (1, 2, 4, 8, 16))
            keep(record, path, f"{name:20} seed {seed}  {record['seconds']:5.1f} s  {exact}")
        worst = min(found, key=lambda r: r["exact"][7])
        print(f"{name:20} worst of {len(found)}: {worst['exact'][7]:.1%} after 8 segments\n")


if __name__ == "__main__":
    main()
