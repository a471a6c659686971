"""Train small models on Sudoku, several seeds each, and keep a run record of every run.

    python experiments/sudoku_accuracy.py [--settings 4x4-hrm …] [--seeds 0 1 2 3 4] [--threads 2] [--to results/sudoku]

Prints exact accuracy on unseen, inequivalent puzzles after 1, 2, 4, 8 and 16 segments, and the seconds of training.
A record that is there already is read, not made again. Trains on a GPU where there is one; "9x9-compact" is for one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from command_line import keep, options, read

from hrm_lite import HRM, Trainer, model_preset, save_model, train_preset
from hrm_lite.baselines import FlatRecurrence
from hrm_lite.puzzles import sudoku
from hrm_lite.puzzles.sudoku import SudokuSet
from hrm_lite.records import read_json
from hrm_lite.solving import evaluate, solve

SMALL, LARGE = "generated:4x4:4-6", "generated:9x9:45-55"


@dataclass
class Setting:
    label: str
    preset: str
    source: str = SMALL
    kind: type[HRM] = HRM
    model: dict = field(default_factory=dict)
    train: dict = field(default_factory=dict)
    puzzles: int = 20_000
    segments: int = 16
    elsewhere: tuple[str, ...] = ()
    """Other sources of puzzles that the model is tried on."""


SETTINGS = {
    "4x4-hrm": Setting("HRM", "sudoku-4x4"),
    "4x4-mlp": Setting("MLP over positions, gradient through the last cycle", "sudoku-4x4-mlp"),
    "9x9-mlp": Setting("9×9, MLP over positions", "sudoku-9x9", LARGE),
    "4x4-flat": Setting("one flat recurrence", "sudoku-4x4", kind=FlatRecurrence),
    "4x4-hrm-explore": Setting("HRM, exploration 0.1", "sudoku-4x4", train=dict(exploration=0.1)),
    "4x4-hrm-nameless": Setting("HRM, no puzzle identifier, no position for one", "sudoku-4x4", model=dict(puzzles=0)),
    "9x9-compact": Setting("9×9, 24 to 40 givens, the preset for a small GPU", "compact", "generated:9x9:24-40",
                           puzzles=40_000, segments=64, elsewhere=("generated:9x9:minimal",)),
}  # fmt: skip


def judged(model: HRM, test: SudokuSet, segments: int, others: dict[str, SudokuSet], at_most: int = 16) -> dict:
    """What a record says of a trained model: how it does on `test`, after each segment and when it halts by itself
    within `at_most` of them, and on other sets, by their names; and the peak of a GPU's memory so far."""
    device = model.z_H_init.device

    def accuracies(puzzles: SudokuSet) -> dict:
        found = evaluate(model, *puzzles.as_tensors(device)[:2], segments)
        return {"held_out": puzzles.content_hash, "unseen": len(puzzles)} | found

    x = test.as_tensors(device)[0]
    halted = solve(model, x, at_most, margin=2.0)
    exact, used = (share.double().mean().item() for share in (test.check(x, halted.tokens), halted.segments))
    found = accuracies(test) | {"halting": {"margin": 2.0, "exact": exact, "segments": used}}
    if others:
        found["elsewhere"] = {name: accuracies(other) for name, other in others.items()}
    if device.type == "cuda":
        found["peak_gigabytes"] = torch.cuda.max_memory_allocated() / 1e9
    return found


def run(name: str, seed: int, to: Path, made: Path | None) -> dict:
    setting, device = SETTINGS[name], "cuda" if torch.cuda.is_available() else "cpu"

    def load(source: str, split: str, count: int):
        """As generated, or from where the same puzzles were written to: one file for each source and split."""
        if made is None:
            return sudoku.load(source, split, limit=count)
        return sudoku.read_csv(made / f"{source.replace(':', '_')}_{split}.csv")[:count]

    train, test = load(setting.source, "train", setting.puzzles), load(setting.source, "test", 1_000)
    torch.manual_seed(seed)
    model = setting.kind(model_preset(setting.preset, **setting.model)).to(device)
    record = Trainer(model, train, train_preset(setting.preset, seed=seed, **setting.train)).fit()
    others = {source: load(source, "test", 1_000) for source in setting.elsewhere}
    found = judged(model, test, setting.segments, others)
    if seed == 0:
        save_model(to / name / "model.safetensors", model, half=True)
    return {"name": name, "label": setting.label, "source": setting.source} | found | record


def main() -> None:
    parser = options(__doc__, "sudoku", 5, settings=SETTINGS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--made", type=Path, help="a folder with the puzzles, as sudoku.write_csv wrote them")
    given = read(parser)
    torch.set_num_threads(given.threads)
    for name in given.settings:
        found = []
        for seed in given.seeds:
            path = given.to / name / f"seed{seed}.json"
            record = read_json(path) if path.exists() else run(name, seed, given.to, given.made)
            found.append(record)
            exact = "  ".join(f"{m}: {record['exact'][m - 1]:6.1%}" for m in (1, 2, 4, 8, 16))
            keep(record, path, f"{name:20} seed {seed}  {record['seconds']:5.1f} s  {exact}")
        worst = min(found, key=lambda r: r["exact"][7])
        print(f"{name:20} worst of {len(found)}: {worst['exact'][7]:.1%} after 8 segments\n")


if __name__ == "__main__":
    main()
