"""Does Adam-atan2 learn faster than AdamW? Chapter 8's comparison: two optimizers, three learning rates, five seeds.

    python benchmarks/optimizers.py                     30 runs: about 10 minutes on one core
    python benchmarks/optimizers.py --seeds 0 --rates 0.002 --steps 40 --to /tmp/try

Trains the small HRM of chapter 9 on 4x4 Sudoku. Within a seed all is equal but the optimizer and its rate: initial
weights, data and their order, symmetries. Writes one record a run: the training loss, every ten steps, and the share
of unseen puzzles solved, every fifty.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch reads it: one thread gives the same bits each time

import argparse
from pathlib import Path

import torch

from hrm_lite import HRM, Trainer, model_preset, train_preset
from hrm_lite.puzzles import sudoku
from hrm_lite.records import provenance, write_json

SOURCE, TRAIN_PUZZLES, TEST_PUZZLES = "generated:4x4:4-6", 20_000, 300
OPTIMIZERS, RATES = ("adamw", "adam_atan2"), (1e-3, 2e-3, 4e-3)
# No moving average: it would show the optimizer's path with a delay.
TRAIN = train_preset("sudoku-4x4", max_steps=600, ema=0.0, precision="bfloat16", compile=True,
                     eval_every=50, eval_segments=4)


def rounded(values: list[float]) -> list[float]:
    """Four digits are more than the seeds agree on."""
    return [float(f"{v:.4g}") for v in values]


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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--optimizers", nargs="+", choices=OPTIMIZERS, default=list(OPTIMIZERS))
    parser.add_argument("--rates", type=float, nargs="+", default=list(RATES))
    parser.add_argument("--steps", type=int, default=TRAIN.max_steps, help="of the optimizer")
    here = Path(__file__).resolve().parent.parent / "results" / "optimizers"
    parser.add_argument("--to", type=Path, default=here, help="the folder for the records")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.to.mkdir(parents=True, exist_ok=True)
    for seed in arguments.seeds:
        for rate in arguments.rates:
            for optimizer in arguments.optimizers:
                record = run(optimizer, rate, seed, arguments.steps)
                write_json(arguments.to / f"{optimizer}_lr{rate:g}_seed{seed}.json", record)
                print(f"{optimizer:10} lr {rate:g} seed {seed}: loss {record['loss']['mean_of_ten'][-1]:.3f}, "
                      f"exact {record['exact']['after_four_segments'][-1]:.3f} ({record['seconds']:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
