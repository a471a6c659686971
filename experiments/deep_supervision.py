"""A loss after every segment, or only after the last? Chapter 6's comparison, over several seeds.

    python experiments/deep_supervision.py                  all variants, three seeds
    python experiments/deep_supervision.py --seeds 0 --variants every last --to /tmp/try

Trains the same model on 4x4 Sudoku in several ways, by a loop that is written out here. What a way costs is counted in
steps of a module over a batch of 64 puzzles: one forward, and two more if the gradient runs through it. A run is
scored as it goes along, until it has used both the compute and the number of updates that its variant is given, so
that variants can be compared at equal compute and at equal numbers of updates. Writes one record a variant and seed.

By the records' "seconds", training alone took 22 minutes for all of them, on one core of a machine that did other work
as well; scoring comes on top of that. The whole script was not timed in one go.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from command_line import keep, options, read, rounded
from torch import Tensor

from hrm_lite import HRM, model_preset
from hrm_lite.layers import truncated_normal_
from hrm_lite.model import Latents
from hrm_lite.puzzles import sudoku
from hrm_lite.puzzles.base import PuzzleSet
from hrm_lite.records import provenance
from hrm_lite.solving import evaluate

SOURCE, TRAIN_PUZZLES, TEST_PUZZLES, BATCH = "generated:4x4:4-6", 20_000, 500, 64
OPTIMIZER = dict(lr=3e-3, betas=(0.9, 0.95), weight_decay=1.0)
COMPUTE, UPDATES = 4000, 160  # 4000 is what "every" needs for 100 batches of 4 segments, and 400 updates
SEGMENTS = 16  # in the evaluation at the end


@dataclass(frozen=True)
class Variant:
    """A way to train. loss: after "every" segment or after the "last" one."""

    segments: int = 4
    loss: str = "every"
    update: str = "every"
    """after "every" segment, or one at the "end" of a batch"""
    detach: bool = True
    cut_every: int = 1
    """segments between two cuts, and, with update="every", between two updates"""
    gradient: str = "one_step"
    """how far it goes back within a segment; without detach "full" goes through all segments"""
    short: bool = False
    """N = T = 1 instead of 2"""
    lr: float = OPTIMIZER["lr"]
    updates: int = UPDATES
    """at least so many, also where that takes more than COMPUTE"""


VARIANTS = {
    "every": Variant(),
    "last": Variant(loss="last", update="end"),
    "summed": Variant(update="end"),
    "every_full": Variant(gradient="full", updates=0),
    "last_full": Variant(loss="last", update="end", detach=False, gradient="full"),
    "one": Variant(segments=1),
    "two": Variant(segments=2),
    "eight": Variant(segments=8),
    # The shortest segments there are: one worker step and one controller step.
    "short_one": Variant(segments=1, short=True),
    "short_four": Variant(short=True),
    # Would fewer updates have needed another learning rate? At equal compute only. Fast is twice, faster four times,
    # fastest eight times.
    "every_fast": Variant(lr=6e-3, updates=0),
    "last_slow": Variant(loss="last", update="end", lr=1e-3, updates=0),
    "last_fast": Variant(loss="last", update="end", lr=6e-3, updates=0),
    "last_faster": Variant(loss="last", update="end", lr=12e-3, updates=0),
    "last_fastest": Variant(loss="last", update="end", lr=24e-3, updates=0),
    "every_faster": Variant(lr=12e-3, updates=0),
    "summed_fast": Variant(update="end", lr=6e-3, updates=0),
    "summed_faster": Variant(update="end", lr=12e-3, updates=0),
    "summed_fastest": Variant(update="end", lr=24e-3, updates=0),
    # Between a cut after every segment and none at all.
    "pairs": Variant(gradient="full", cut_every=2, updates=0),
}

LOOKED_INTO = ("every", "every_full")  # gradients, movement and restarts are measured for these


def train_batch(model: HRM, optimizer, tokens: Tensor, labels: Tensor, v: Variant) -> Iterator[float]:
    """All segments of one batch, with the losses and updates that the variant has; yields each segment's loss."""
    z, total = model.initial_latents(len(tokens)), 0.0
    for m in range(1, v.segments + 1):
        scored = v.loss == "every" or m == v.segments
        # A segment without a loss, from which no gradient is to come, needs no graph.
        with torch.set_grad_enabled(scored or not v.detach):
            z = model.run_segment(z, model.input_net(tokens))
            loss = F.cross_entropy(model.read_out(*z).logits.flatten(0, 1), labels.flatten())
        if scored:
            total = total + loss
        cut = m % v.cut_every == 0 or m == v.segments
        if scored and ((v.update == "every" and cut) or m == v.segments):
            total.backward()
            optimizer.step()
            optimizer.zero_grad()
            total = 0.0
        if v.detach and cut:
            z = z.detach()
        yield loss.item()


def cost(model: HRM, v: Variant) -> int:
    """Steps of a module for one batch: one forward, two backward where the gradient runs."""
    steps = len(model.schedule())
    scored = v.segments if v.loss == "every" or not v.detach else 1
    return v.segments * steps + 2 * scored * model.tracked_steps()


def batches(puzzles: PuzzleSet, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Puzzles at random, each in a random symmetric form: the same for all variants of a seed."""
    generator = torch.Generator().manual_seed(seed)
    tokens, labels, _ = puzzles.as_tensors()
    while True:
        chosen = torch.randint(len(tokens), (BATCH,), generator=generator)
        yield puzzles.augment(tokens[chosen], labels[chosen], generator)


def gradient_norms(model: HRM, tokens: Tensor, labels: Tensor, longest: int = 8) -> dict[str, list[float]]:
    """Length of the gradient of the loss after segment 1 … longest, with and without a cut between segments."""
    full = HRM(model.config.replace(gradient="full"))
    full.load_state_dict(model.state_dict())
    found = {"detached": [], "through": []}
    for last in range(1, longest + 1):
        for name, norms in found.items():
            z = full.initial_latents(len(tokens))
            for _ in range(last):
                z = z.detach() if name == "detached" else z
                z = full.run_segment(z, full.input_net(tokens))
            full.zero_grad()
            F.cross_entropy(full.read_out(*z).logits.flatten(0, 1), labels.flatten()).backward()
            norms.append(sum(p.grad.square().sum() for p in full.parameters() if p.grad is not None).sqrt().item())
    return {name: rounded(norms) for name, norms in found.items()}


@torch.no_grad()
def distances(model: HRM, tokens: Tensor, segments: int = 12, final: int = 32) -> list[float]:
    """‖z_H − z_H of segment 32‖ / ‖the latter‖ before the first and after each segment: medians over the puzzles."""
    z, x, path = model.initial_latents(len(tokens)), model.input_net(tokens), []
    for _ in range(final):
        path.append(z.z_H)
        z = model.run_segment(z, x)
    return rounded([((p - z.z_H).flatten(1).norm(dim=1) / z.z_H.flatten(1).norm(dim=1)).median().item()
                    for p in path[: segments + 1]])


@torch.no_grad()
def votes_of_restarts(model: HRM, tokens: Tensor, labels: Tensor, starts: int = 8, seed: int = 0) -> list[float]:
    """Exact accuracy of a vote, cell by cell, over 1 … starts single segments, the first from z⁰, the others random."""
    torch.manual_seed(seed)
    z, votes, exact = model.initial_latents(len(tokens)), 0, []
    for _ in range(starts):
        votes = votes + model(z, tokens).logits.softmax(-1)
        exact.append((votes.argmax(-1) == labels).all(1).double().mean().item())
        z = Latents(*(truncated_normal_(torch.empty(len(tokens), 1, s.shape[-1]), 1.0).expand_as(s) for s in z))
    return rounded(exact)


def run(name: str, seed: int) -> dict:
    variant = VARIANTS[name]
    train, test = (sudoku.load(SOURCE, split, limit)
                   for split, limit in (("train", TRAIN_PUZZLES), ("test", TEST_PUZZLES)))
    tokens, labels, _ = test.as_tensors()
    watched = tokens[:200], labels[:200]
    torch.manual_seed(seed)
    size = dict(cycles=1, steps=1) if variant.short else {}
    model = HRM(model_preset("sudoku-4x4-mlp", gradient=variant.gradient, **size))
    optimizer = torch.optim.AdamW(model.parameters(), **OPTIMIZER | {"lr": variant.lr})
    stream, price = batches(train, seed), cost(model, variant)
    some = next(batches(train, 1000 + seed))
    record = {"variant": name, **asdict(variant), "seed": seed, "source": SOURCE, "batch": BATCH, "cost": price,
              "model": model.config.to_dict(), "optimizer": OPTIMIZER | {"lr": variant.lr}, "data": train.content_hash,
              "held_out": test.content_hash, "provenance": provenance()}
    if name in LOOKED_INTO:
        record["norms_untrained"] = gradient_norms(model, *some)
    history, losses, seconds, used, updates = [], [], 0.0, 0, 0
    while used < COMPUTE or updates < variant.updates:
        begun = time.perf_counter()
        losses.append(list(train_batch(model, optimizer, *next(stream), variant)))
        seconds += time.perf_counter() - begun
        before, used = used, used + price
        updates += variant.segments // variant.cut_every if variant.update == "every" else 1
        every = 200 if used <= COMPUTE else 800
        if used // every > before // every or used - price < COMPUTE <= used:
            exact = rounded(evaluate(model, *watched, 4)["exact"])
            history.append({"compute": used, "updates": updates, "exact": exact})
    few = [rounded(torch.tensor(losses[i : i + 5]).mean(0)) for i in range(0, min(len(losses), 100), 5)]
    record |= {"batches": len(losses), "updates": updates, "compute": used, "seconds": round(seconds, 2),
               "history": history, "loss_per_segment": few,
               "per_segment": rounded(evaluate(model, tokens, labels, SEGMENTS)["exact"])}  # fmt: skip
    if name in LOOKED_INTO:
        record |= {"norms_trained": gradient_norms(model, *some), "distances": distances(model, tokens[:200]),
                   "votes_of_restarts": votes_of_restarts(model, tokens, labels, seed=seed)}  # fmt: skip
    return record


def main() -> None:
    given = read(options(__doc__, "deep_supervision", 3, variants=VARIANTS))
    for seed in given.seeds:
        for name in given.variants:
            record = run(name, seed)
            even = next(h for h in record["history"] if h["compute"] >= COMPUTE)
            keep(record, given.to / f"{name}_seed{seed}.json",
                 f"{name:15} seed {seed}: {even['exact'][-1]:.3f} at compute {even['compute']} ({even['updates']} "
                 f"updates), {record['per_segment'][3]:.3f} after {record['updates']} updates "
                 f"({record['seconds']:.0f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
