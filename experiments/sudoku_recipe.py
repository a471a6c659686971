"""What does a processor learn 9x9 Sudoku from? Variants of one small model, equal CPU seconds, several seeds each.

    python experiments/sudoku_recipe.py                               all variants, three seeds: two hours on one core
    python experiments/sudoku_recipe.py --variants base muon --seeds 0 --budget 30 --to /tmp/try

Trains on puzzles of 24 to 40 givens. The budget is time of the processor that training steps take, not of the clock, so
that what else the machine does makes no difference; compiling, data and evaluation are left out of it. The rate is
constant: a schedule would have to know how many steps the seconds are worth. Writes one record a variant and seed: the
steps that were taken, and exact accuracy after 1, 4, 8 and 16 segments on unseen, inequivalent puzzles.
"""

from __future__ import annotations

import time

import torch
from command_line import keep, options, read

from hrm_lite import HRM, model_preset, train_preset
from hrm_lite.puzzles import sudoku
from hrm_lite.records import provenance
from hrm_lite.solving import evaluate
from hrm_lite.training.supervision import DeepSupervision

SOURCE, TRAIN_PUZZLES = "generated:9x9:24-40", 20_000
JUDGED_BY = {"30-40 givens": "generated:9x9:30-40", "minimal": "generated:9x9:minimal"}
TEST_PUZZLES, COUNTS = 256, (1, 4, 8, 16)
BUDGET = 180.0  # seconds
_FAITHFUL = dict(worker_layers=1, controller_layers=1, share_modules=False, mixer="attention", steps=2,
                 positions="grid", grid=(9, 9, 3, 3))
# name: (what changes in the model, what changes in the training)
VARIANTS = {
    "base": ({}, {}),
    # the paper's parts at this size
    "two modules": (dict(worker_layers=1, controller_layers=1, share_modules=False), {}),
    "attention": (dict(mixer="attention", positions="grid", grid=(9, 9, 3, 3)), {}),
    "one step": (dict(gradient="one_step"), {}),
    "full gradient": (dict(gradient="full"), {}),
    "faithful": (_FAITHFUL | dict(gradient="one_step"), {}),
    # shape
    "width 64": (dict(d_model=64), {}),
    "width 128": (dict(d_model=128), {}),
    "one cycle": (dict(cycles=1), {}),
    "grid positions": (dict(positions="grid", grid=(9, 9, 3, 3)), {}),
    # training
    "4 segments": ({}, dict(max_segments=4)),
    "16 segments": ({}, dict(max_segments=16)),
    "batch 128": ({}, dict(batch_size=128)),
    "lr 1e-3": ({}, dict(lr=1e-3)),
    "lr 4e-3": ({}, dict(lr=4e-3)),
    "muon": ({}, {}),
    "muon, three times the rate": ({}, {}),
    "no average": ({}, dict(ema=0.0)),
    "float32": ({}, dict(precision="float32")),
}
_MUON = {"muon": 1.0, "muon, three times the rate": 3.0}  # times AdamW's rate


class MuonBesideAdamW(torch.optim.AdamW):
    """Muon for the matrices of the modules, AdamW for all else. ``times``: Muon's rate, in AdamW's."""

    def __init__(self, model: HRM, config, times: float):
        matrices = [p for name, p in model.named_parameters() if name.startswith(("worker.", "controller."))]
        others = [p for p in model.parameters() if not any(p is matrix for matrix in matrices)]
        super().__init__(others, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay)
        self.times = times
        # Scaled so that an update is about as long as one of AdamW's (arXiv 2502.16982).
        self.muon = torch.optim.Muon(matrices, lr=config.lr, weight_decay=config.weight_decay,
                                     adjust_lr_fn="match_rms_adamw")

    def step(self, closure=None):
        self.muon.param_groups[0]["lr"] = self.times * self.param_groups[0]["lr"]
        self.muon.step()
        return super().step(closure)

    def zero_grad(self, set_to_none: bool = True):
        self.muon.zero_grad(set_to_none)
        super().zero_grad(set_to_none)


def run(name: str, seed: int, budget: float) -> dict:
    model_changes, train_changes = VARIANTS[name]
    train = sudoku.load(SOURCE, "train", TRAIN_PUZZLES)
    config = train_preset("sudoku-laptop", **dict(lr_floor=1.0, seed=seed) | train_changes)
    torch.manual_seed(seed)
    work = DeepSupervision(HRM(model_preset("sudoku-laptop", **model_changes)), train, config)
    if name in _MUON:
        work.optimizer = MuonBesideAdamW(work.learner, config, _MUON[name])
    work.step()  # compiles
    spent = 0.0
    while spent < budget:
        begun = time.process_time()
        work.step()
        spent += time.process_time() - begun
    found = {}
    work.judged.refresh()  # the averaged weights of now
    for what, source in JUDGED_BY.items():
        test = sudoku.load(source, "test", TEST_PUZZLES)
        exact = evaluate(work.judged.model, *test.as_tensors()[:2], COUNTS[-1], batch_size=TEST_PUZZLES)["exact"]
        found[what] = {"held_out": test.content_hash, "exact": {str(count): exact[count - 1] for count in COUNTS}}
    return {
        "variant": name, "seed": seed, "source": SOURCE, "data": train.content_hash, "cpu_seconds": spent,
        "steps": work.steps, "samples_per_second": work.steps * config.batch_size / spent, "training": work.means(),
        "parameters": work.model.count_parameters(), "model": work.model.config.to_dict(), "train": config.to_dict(),
        "precision": work.precision, "judged": found, "provenance": provenance(),
    }  # fmt: skip


def main() -> None:
    parser = options(__doc__, "sudoku_recipe", 3, variants=VARIANTS)
    parser.add_argument("--budget", type=float, default=BUDGET, metavar="SECONDS", help="of the processor")
    given = read(parser)
    for seed in given.seeds:
        for name in given.variants:
            path = given.to / f"{name.replace(',', '').replace(' ', '-')}_seed{seed}.json"
            if path.exists():
                continue
            record = run(name, seed, given.budget)
            exact = "   ".join(
                f"{what}: " + " / ".join(f"{100 * e:.0f}" for e in found["exact"].values())
                for what, found in record["judged"].items()
            )
            keep(record, path, f"{name:15} seed {seed}  {record['steps']:5} steps   {exact}")


if __name__ == "__main__":
    main()
