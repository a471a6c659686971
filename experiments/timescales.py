"""How much slower may the controller be? The same hundred worker steps a segment, cut into cycles in several ways.

    python experiments/timescales.py                          15 runs: about a quarter of an hour of one core
    python experiments/timescales.py --seeds 0 --schedules 1x100 --steps 20 --to /tmp/try

Trains on 4x4 Sudoku with the paper's one-step gradient, and a model small enough for a hundred steps: width 32, an MLP
over positions. "1x100" is N = 1 cycle of T = 100 worker steps, a controller a hundred times slower; "50x2" has the
published T and as many worker steps. "2x2" is the published schedule, for comparison, with four of them. Writes one
record a run: how much is solved during and after the training, and how far each step of the trained model moves its
state in the first segment.
"""

from __future__ import annotations

import time

import torch
from command_line import digits, keep, options, read, rounded

from hrm_lite import HRM, Trainer, model_preset, train_preset
from hrm_lite.dynamics import residuals
from hrm_lite.puzzles import sudoku
from hrm_lite.records import provenance
from hrm_lite.solving import evaluate

PRESET, SOURCE, TRAIN_PUZZLES, TEST_PUZZLES, EVAL_EVERY = "sudoku-4x4-mlp", "generated:4x4:4-6", 20_000, 500, 50
SMALL = dict(d_model=32, gradient="one_step")
TRAIN = train_preset(PRESET, batch_size=32, lr=4e-3, precision="float32")
SCHEDULES = ("2x2", "1x100", "2x50", "10x10", "50x2")  # N x T
SEGMENTS = 8  # in the evaluation: twice as many as in training
MOVES = 0.01  # a step that moves its state by less than this share of its length is counted as idle
WATCHED = 100  # puzzles that are judged during the training, and whose steps are measured


def run(schedule: str, seed: int, steps: int) -> dict:
    n, t = map(int, schedule.split("x"))
    train, test = (
        sudoku.load(SOURCE, split, limit) for split, limit in (("train", TRAIN_PUZZLES), ("test", TEST_PUZZLES))
    )
    x, y, _ = test.as_tensors()
    torch.manual_seed(seed)
    model = HRM(model_preset(PRESET, cycles=n, steps=t, **SMALL))
    config = TRAIN.replace(max_steps=steps, seed=seed)
    seen = []

    def watch(trainer, losses):
        if trainer.step % EVAL_EVERY == 0:
            judged = trainer.supervision.judged
            judged.refresh()
            found = evaluate(judged.model, x[:WATCHED], y[:WATCHED], config.max_segments)
            seen.append({"step": trainer.step, "exact": found["exact"][-1], "cells": found["cells"][-1]})

    begun = time.process_time()
    trainer = Trainer(model, train, config, progress=False, on_step=watch)
    trained = trainer.fit()
    took = time.process_time() - begun
    found = evaluate(trainer.supervision.model, x, y, SEGMENTS)
    moved = residuals(trainer.supervision.model, x[:WATCHED])
    _, worker = moved.of("L")
    return {
        "schedule": schedule, "cycles": n, "steps_in_a_cycle": t, "seed": seed, "source": SOURCE,
        "held_out": test.content_hash,
        **{key: trained[key] for key in ("model", "train", "data", "parameters", "steps")},
        "provenance": provenance(), "cpu_seconds": round(took, 1), "held_out_accuracy": seen,
        "end": {"puzzles": TEST_PUZZLES, "exact": found["exact"], "cells": found["cells"]},
        "first_segment": {
            "parts": moved.parts, "median_residual": rounded(moved.values.median(1).values),
            "worker_steps": len(worker),
            "worker_steps_that_move": digits((worker > MOVES).sum(0).double().mean()),
        },
    }  # fmt: skip


def main() -> None:
    given = read(options(__doc__, "timescales", 3, steps=400, schedules=SCHEDULES))
    for seed in given.seeds:
        for schedule in given.schedules:
            record = run(schedule, seed, given.steps)
            exact, first = record["end"]["exact"], record["first_segment"]
            moving = f"{first['worker_steps_that_move']:.0f} of {first['worker_steps']} worker steps move"
            keep(record, given.to / f"{schedule}_seed{seed}.json",
                 f"N x T = {schedule:6} seed {seed}: solved {exact[0]:.3f} after one segment, {exact[3]:.3f} after 4; "
                 f"{moving} ({record['cpu_seconds']:.0f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
