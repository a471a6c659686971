"""Does Adam-atan2 learn faster than AdamW? Chapter 8's comparison: two optimizers, three learning rates, five seeds.

    python experiments/optimizers.py                     30 runs: about 10 minutes on one core
    python experiments/optimizers.py --seeds 0 --rates 0.002 --steps 40 --to /tmp/try

Trains the small HRM of chapter 9 on 4x4 Sudoku. Within a seed all is equal but the optimizer and its rate: initial
weights, data and their order, symmetries. Writes one record a run: the training loss, every ten steps, and the share
of unseen puzzles solved, every fifty.
"""

from __future__ import annotations

import torch
from command_line import keep, options, read, rounded

from hrm_lite import HRM, Trainer, model_preset, train_preset
from hrm_lite.puzzles import sudoku
from hrm_lite.records import provenance

SOURCE, TRAIN_PUZZLES, TEST_PUZZLES = "generated:4x4:4-6", 20_000, 300
OPTIMIZERS, RATES = ("adamw", "adam_atan2"), (1e-3, 2e-3, 4e-3)
# No moving average: it would show the optimizer's path with a delay.
TRAIN = train_preset("sudoku-4x4", max_steps=600, ema=0.0, precision="bfloat16", compile=True,
                     eval_every=50, eval_segments=4)


def run(optimizer: str, rate: float, seed: int, steps: int) -> dict:
    train, test = (sudoku.load(SOURCE, split, limit)
                   for split, limit in (("train", TRAIN_PUZZLES), ("test", TEST_PUZZLES)))
    torch.manual_seed(seed)
    model = HRM(model_preset("sudoku-4x4"))
    config = TRAIN.replace(optimizer=optimizer, lr=rate, seed=seed, max_steps=steps)
    trained = Trainer(model, train, config, held_out=test, progress=False).fit()
    steps_taken = [h for h in trained["history"] if "loss" in h]
    judged = [h for h in trained["history"] if "evaluated" in h]
    return {
        "optimizer": optimizer, "lr": rate, "seed": seed, "source": SOURCE, "held_out": test.content_hash,
        **{key: trained[key] for key in ("model", "train", "data", "parameters", "steps", "seconds")},
        "provenance": provenance(),
        "loss": {"step": [h["step"] for h in steps_taken], "mean_of_ten": rounded([h["loss"] for h in steps_taken])},
        "exact": {"step": [h["step"] for h in judged], "after_four_segments": rounded([h["exact"][3] for h in judged])},
    }


def main() -> None:
    given = read(options(__doc__, "optimizers", 5, TRAIN.max_steps, optimizers=OPTIMIZERS, rates=RATES))
    for seed in given.seeds:
        for rate in given.rates:
            for optimizer in given.optimizers:
                record = run(optimizer, rate, seed, given.steps)
                keep(record, given.to / f"{optimizer}_lr{rate:g}_seed{seed}.json",
                     f"{optimizer:10} lr {rate:g} seed {seed}: loss {record['loss']['mean_of_ten'][-1]:.3f}, "
                     f"exact {record['exact']['after_four_segments'][-1]:.3f} ({record['seconds']:.0f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
