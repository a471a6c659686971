"""Does the one-step gradient work because the weights are shared? Chapter 5's control, over several seeds.

    python experiments/untied.py                          12 runs: about ten minutes on one core
    python experiments/untied.py --seeds 0 --steps 20 --to /tmp/try

Trains on 4x4 Sudoku as `gradients.py` does, with three models. "tied" is HRM. In "untied" every step of a segment has a
module of its own, so that the one-step gradient reaches the last two and leaves the others as they were drawn. "short"
has no other steps: N = T = 1. Segments share their weights in all three. Writes one record a run.
"""

from __future__ import annotations

import copy
import time

import torch
from command_line import keep, options, read
from torch import nn

from hrm_lite import HRM, HRMConfig, Trainer, model_preset, train_preset
from hrm_lite.model import Latents, RecurrentModule
from hrm_lite.puzzles import sudoku
from hrm_lite.records import provenance
from hrm_lite.solving import evaluate

PRESET, SOURCE, TRAIN_PUZZLES, TEST_PUZZLES, EVAL_EVERY = "sudoku-4x4", "generated:4x4:4-6", 20_000, 1000, 50
# name: (model, N = T, gradient)
VARIANTS = {
    "tied_2_one_step": ("tied", 2, "one_step"),
    "untied_2_one_step": ("untied", 2, "one_step"),
    "untied_2_full": ("untied", 2, "full"),
    "short": ("short", 1, "one_step"),
}


class UntiedHRM(HRM):
    """An HRM in which no two steps of a segment share weights. ``worker`` and ``controller`` take the last two."""

    def __init__(self, config: HRMConfig):
        super().__init__(config)
        self.earlier = nn.ModuleList(
            RecurrentModule(config, config.worker_layers if part == "L" else config.controller_layers)
            for part in self.schedule()[:-2]
        )

    def run_segment(self, z: Latents, x: torch.Tensor) -> Latents:
        z_H, z_L = z
        tracking, schedule = torch.is_grad_enabled(), self.schedule()
        modules = [*self.earlier, self.worker, self.controller]
        for i, (part, module) in enumerate(zip(schedule, modules, strict=True)):
            with torch.set_grad_enabled(tracking and i >= len(schedule) - self.tracked_steps()):
                if part == "L":
                    z_L = module(z_L, z_H + x, self.angles())
                else:
                    z_H = module(z_H, z_L, self.angles())
        return Latents(z_H, z_L)


def run(variant: str, seed: int, steps: int) -> dict:
    kind, n, gradient = VARIANTS[variant]
    train, test = (
        sudoku.load(SOURCE, split, limit) for split, limit in (("train", TRAIN_PUZZLES), ("test", TEST_PUZZLES))
    )
    x, y, _ = test.as_tensors()
    torch.manual_seed(seed)
    model = (UntiedHRM if kind == "untied" else HRM)(model_preset(PRESET, cycles=n, steps=n, gradient=gradient))
    if kind == "untied":
        start = copy.deepcopy(model.earlier.state_dict())
    config = train_preset(PRESET, max_steps=steps, precision="float32", seed=seed)
    seen = []

    def watch(trainer, losses):
        if trainer.step % EVAL_EVERY == 0:
            judged = trainer.supervision.judged
            judged.refresh()
            found = evaluate(judged.model, x[:200], y[:200], config.max_segments)
            seen.append({"step": trainer.step, "exact": found["exact"][-1], "cells": found["cells"][-1]})

    begun = time.perf_counter()
    trainer = Trainer(model, train, config, progress=False, on_step=watch)
    trained = trainer.fit()
    took = time.perf_counter() - begun
    if kind == "untied":
        moved = any(not torch.equal(start[k], v) for k, v in trainer.supervision.learner.earlier.state_dict().items())
        assert moved == (gradient == "full"), "the one-step gradient reaches the last two steps only"
    found = evaluate(trainer.supervision.model, x, y, config.max_segments)
    return {
        "variant": variant, "kind": kind, "n": n, "gradient": gradient, "seed": seed, "source": SOURCE,
        "held_out": test.content_hash,
        **{key: trained[key] for key in ("model", "train", "data", "parameters", "steps")},
        "provenance": provenance(), "seconds": round(took, 1), "held_out_accuracy": seen,
        "end": {"puzzles": TEST_PUZZLES, "exact": found["exact"], "cells": found["cells"]},
    }  # fmt: skip


def main() -> None:
    given = read(options(__doc__, "untied", 3, steps=450, variants=VARIANTS))
    for seed in given.seeds:
        for variant in given.variants:
            record = run(variant, seed, given.steps)
            keep(record, given.to / f"{variant}_seed{seed}.json",
                 f"{variant:15} seed {seed}: exact {record['end']['exact'][-1]:.3f} of {TEST_PUZZLES} puzzles, cells "
                 f"{record['end']['cells'][-1]:.3f} ({record['seconds']:.0f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
