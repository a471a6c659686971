"""What does the GPU's small model make of real hard puzzles, if it may train on a thousand of them?

    python experiments/sudoku_hard.py FOLDER [--steps 8000] [--seeds 0 1] [--to results/sudoku/9x9-compact-hard]

FOLDER has train.csv and test.csv in the columns of Sudoku-Extreme. Goes on from the shipped `sudoku-9x9-compact`, which
has seen generated puzzles of 24 to 40 givens only, and trains on the thousand of train.csv, augmented, and as many
generated ones, so that it does not forget. Writes the record of the run with the accuracies after 1 to 64 segments,
with halting, and on the generated puzzles, and the weights of seed 0 in half precision. For a GPU: under five minutes a
seed on an H200 that does other things beside.
"""

from __future__ import annotations

from pathlib import Path

import torch
from command_line import keep, options, read
from sudoku_accuracy import judged

from hrm_lite import Trainer, load_model, save_model, train_preset
from hrm_lite.puzzles import sources, sudoku

BEGUN_FROM, EASIER, SEGMENTS = "sudoku-9x9-compact", "generated:9x9:24-40", 64


def run(folder: Path, seed: int, steps: int, to: Path) -> dict:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    hard = sudoku.load(folder, "train", limit=1_000)
    train = sources.join([hard, sudoku.load(EASIER, "train", limit=len(hard))], f"sudoku-hard + {EASIER}")
    unseen = sudoku.load(folder, "test")
    watched, test = unseen[:256], unseen[256:]
    torch.manual_seed(seed)
    model = load_model(BEGUN_FROM).to(device)
    config = train_preset("compact", seed=seed, max_steps=steps, max_segments=16, eval_every=500, eval_segments=16)
    record = Trainer(model, train, config, held_out=watched).fit()
    easier = sudoku.load(EASIER, "test", limit=1_000)
    found = judged(model, test, SEGMENTS, {EASIER: easier}, at_most=SEGMENTS)
    if seed == 0:
        save_model(to / "model.safetensors", model, half=True)
    about = {"begun_from": BEGUN_FROM, "source": train.source, "set": "sudoku-hard (not Sudoku-Extreme)"}
    return {"name": "9x9-compact-hard"} | about | found | record


def main() -> None:
    parser = options(__doc__, "sudoku/9x9-compact-hard", 2, steps=8_000)
    parser.add_argument("folder", type=Path, help="with train.csv and test.csv")
    given = read(parser)
    for seed in given.seeds:
        record = run(given.folder, seed, given.steps, given.to)
        exact = "  ".join(f"{m}: {record['exact'][m - 1]:.1%}" for m in (1, 4, 16, 64))
        keep(record, given.to / f"seed{seed}.json", f"seed {seed}  {record['seconds']:.0f} s  {exact}")


if __name__ == "__main__":
    main()
