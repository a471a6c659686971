"""What does it cost to stop the gradient early? Chapter 5's comparison, over several seeds.

    python experiments/gradients.py                       39 runs: about 15 minutes on one core
    python experiments/gradients.py --only-times          what an update takes: a minute, on a machine at rest
    python experiments/gradients.py --seeds 0 --steps 20 --to /tmp/try

Trains on 4x4 Sudoku with the gradient through one step, the last cycle, or all steps, and with equal settings, data
and numbers of updates. Writes one record a run: how training went, and at some moments of it how the shorter gradients
stand to the full one, how contracting a cycle is, and how the backward signal grows or fades. What an update takes is
measured apart, with the three gradients in turn, so that other work on the machine disturbs them alike.
"""

from __future__ import annotations

import copy
import statistics
import time

import torch
from command_line import keep, options, read, rounded
from torch import Tensor

from hrm_lite import HRM, Trainer, model_preset, train_preset
from hrm_lite.fixed_points import spectral_radius
from hrm_lite.gradients import Gradients, agreement, cycle_map, gradient_terms
from hrm_lite.losses import segment_loss
from hrm_lite.model import Latents
from hrm_lite.puzzles import sudoku
from hrm_lite.records import provenance
from hrm_lite.solving import evaluate
from hrm_lite.training.supervision import DeepSupervision

SOURCE, TRAIN_PUZZLES, TEST_PUZZLES = "generated:4x4:4-6", 20_000, 200
GRADIENTS = ("one_step", "last_cycle", "full")
# name: (preset, N = T, updates, seeds)
EXPERIMENTS = {
    "attention_2": ("sudoku-4x4", 2, 450, 5),
    "attention_4": ("sudoku-4x4", 4, 450, 5),
    "mlp_4": ("sudoku-4x4-mlp", 4, 250, 3),
}
MOMENTS = (0, 50, 100, 200)  # and the end
EVAL_EVERY = 25
BATCHES, BATCH = 4, 64  # under the microscope


def quartiles(values: Tensor, dim: int = 0) -> list:
    return rounded(values.quantile(torch.tensor([0.25, 0.5, 0.75]), dim=dim))


def mean(gradients: list[Gradients]) -> Gradients:
    return {name: torch.stack([g[name] for g in gradients]).mean(0) for name in gradients[0]}


@torch.no_grad()
def later(model: HRM, tokens: Tensor, segments: int) -> Latents:
    """Where a segment begins that comes after so many others."""
    z = model.initial_latents(len(tokens))
    for _ in range(segments):
        z = model(z, tokens).latents
    return z


def microscope(model: HRM, tokens: Tensor, labels: Tensor, segments_before: int = 0) -> dict:
    """The gradients of one segment, stopped after each number of steps, against all of it; and why."""
    model = copy.deepcopy(model).eval()
    whole, short, agree, signals, by_count = [], [], [], [], []
    cycle = model.config.steps + 1
    for x, y in zip(tokens.split(BATCH), labels.split(BATCH), strict=True):
        z = later(model, x, segments_before)
        terms = gradient_terms(model, x, lambda out, y=y: segment_loss(out, y, None, "softmax").total / len(y), z)
        full = terms.last()
        agree.append([agreement(terms.last(k), full) for k in (2, cycle)])
        by_count.append([agreement(terms.last(k), full)["worker"].cosine for k in range(2, len(terms.parts) + 1)])
        whole.append(full)
        short.append(terms.last(2))
        signals.append(terms.signal / terms.signal[:1])
    others = [agreement(g, mean(whole[:i] + whole[i + 1 :]))["worker"].cosine for i, g in enumerate(whole)]
    z = torch.stack(later(model, tokens[:BATCH], segments_before + 1), 1)
    was_training = model.training
    step = cycle_map(model.eval(), tokens[:BATCH])  # looked at, not learned from
    with torch.no_grad():
        moved = (step(z) - z).flatten(1).norm(dim=1) / z.flatten(1).norm(dim=1)
    middle = {
        mode: {g: rounded(torch.tensor([a[i][g] for a in agree]).mean(0)) for g in agree[0][i]}
        for i, mode in enumerate(("one_step", "last_cycle"))
    }
    radius = quartiles(spectral_radius(step, z, steps=60))
    model.train(was_training)
    return {
        "agreement": middle,  # {mode: {group: [cosine, ratio of lengths]}}, means of the batches
        "worker_cosine_by_steps": rounded(torch.tensor(by_count).mean(0)),  # through the last 2, 3, … steps
        "worker_cosine_of_large_batch": rounded([agreement(mean(short), mean(whole))["worker"].cosine])[0],
        "worker_cosine_of_another_batch": rounded([statistics.mean(others)])[0],  # full against full
        "signal": quartiles(torch.cat(signals, 1), 1),
        "spectral_radius_of_a_cycle": radius,
        "residual_of_a_cycle": quartiles(moved),
    }


def run(experiment: str, gradient: str, seed: int, steps: int | None = None) -> dict:
    preset, n, updates, _ = EXPERIMENTS[experiment]
    train, test = (
        sudoku.load(SOURCE, split, limit) for split, limit in (("train", TRAIN_PUZZLES), ("test", TEST_PUZZLES))
    )
    tokens, labels, _ = train.as_tensors()
    tokens, labels = tokens[: BATCHES * BATCH], labels[: BATCHES * BATCH]
    x, y, _ = test.as_tensors()
    torch.manual_seed(seed)
    model = HRM(model_preset(preset, cycles=n, steps=n, gradient=gradient))
    config = train_preset(preset, max_steps=steps or updates, precision="bfloat16", compile=True, seed=seed)
    seen, looks, took, resumed = [], {0: microscope(model, tokens, labels)}, [], time.perf_counter()

    def watch(trainer, losses):
        nonlocal resumed
        took.append(time.perf_counter() - resumed)  # an update alone, without what is measured below
        if trainer.step % EVAL_EVERY == 0:
            judged = trainer.supervision.judged
            judged.refresh()
            found = evaluate(judged.model, x, y, config.max_segments)
            seen.append({"step": trainer.step} | {k: rounded(found[k])[-1] for k in ("exact", "cells")})
        if trainer.step in MOMENTS:
            looks[trainer.step] = microscope(trainer.supervision.learner, tokens, labels)
        resumed = time.perf_counter()

    trainer = Trainer(model, train, config, progress=False, on_step=watch)
    trained = trainer.fit()
    learner = trainer.supervision.learner
    looks[trained["steps"]] = microscope(learner, tokens, labels)
    return {
        "experiment": experiment, "gradient": gradient, "seed": seed, "source": SOURCE, "held_out": test.content_hash,
        **{key: trained[key] for key in ("model", "train", "data", "parameters", "steps")},
        "provenance": provenance(),
        # The median: the first updates compile. For a comparison see `times`.
        "seconds_per_update": rounded([statistics.median(took)])[0],
        "held_out_accuracy": seen,
        "training": [{"step": h["step"], "loss": rounded([h["loss"]])[0], "norm": rounded([h["gradient_norm"]])[0]}
                     for h in trained["history"] if "loss" in h],
        "microscope": {str(step): look for step, look in looks.items()},
        "microscope_fourth_segment": microscope(learner, tokens, labels, segments_before=3),
    }  # fmt: skip


def times(experiment: str, rounds: int = 60) -> dict:
    """Seconds for an update with each gradient, taken in turn: quartiles over the rounds."""
    preset, n, _, _ = EXPERIMENTS[experiment]
    train = sudoku.load(SOURCE, "train", TRAIN_PUZZLES)
    config = train_preset(preset, precision="bfloat16", compile=True)
    work, took = {}, {gradient: [] for gradient in GRADIENTS}
    for gradient in GRADIENTS:
        torch.manual_seed(0)
        work[gradient] = DeepSupervision(HRM(model_preset(preset, cycles=n, steps=n, gradient=gradient)), train, config)
    for i in range(rounds + 5):
        for gradient, supervision in work.items():
            begun = time.perf_counter()
            supervision.step()
            if i >= 5:  # the first compile
                took[gradient].append(time.perf_counter() - begun)
    return {"experiment": experiment, "rounds": rounds, "train": config.to_dict(), "provenance": provenance(),
            "seconds_per_update": {g: quartiles(torch.tensor(t)) for g, t in took.items()}}  # fmt: skip


def main() -> None:
    parser = options(__doc__, "gradients", None, experiments=EXPERIMENTS, gradients=GRADIENTS)
    parser.add_argument("--steps", type=int, help="updates, in place of each experiment's own number")
    parser.add_argument("--only-times", action="store_true", help="no training, only what an update takes")
    given = read(parser)
    for experiment in given.experiments:
        record = times(experiment)
        keep(record, given.to / f"{experiment}_times.json",
             f"{experiment}: seconds for an update {record['seconds_per_update']}")  # fmt: skip
        if given.only_times:
            continue
        for seed in given.seeds or range(EXPERIMENTS[experiment][3]):
            for gradient in given.gradients:
                begun = time.perf_counter()
                record = run(experiment, gradient, seed, given.steps)
                last = record["held_out_accuracy"][-1]["exact"] if record["held_out_accuracy"] else float("nan")
                cosine = [look["agreement"]["one_step"]["worker"][0] for look in record["microscope"].values()]
                keep(record, given.to / f"{experiment}_{gradient}_seed{seed}.json",
                     f"{experiment} {gradient:10} seed {seed}: exact {last:.3f}, cosine of one step {cosine} "
                     f"({time.perf_counter() - begun:.0f} s in all)")  # fmt: skip


if __name__ == "__main__":
    main()
