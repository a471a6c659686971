"""Do trained recurrences behave like contractions? Chapter 2's measurements, over several seeds.

    python experiments/fixed_points.py                     three recurrences, three seeds: about 5 minutes on one core
    python experiments/fixed_points.py --seeds 0 --steps 20 --to /tmp/try

Trains three recurrences: a flat one and an HRM on 4x4 Sudoku, as in chapter 4, and a flat one on prefix parity. Before
and after training it takes one map, runs it 400 times in float64 on each of 16 unseen puzzles, and looks at where that
ends: the spectral radius and the norm of the Jacobian there, and whether near paths join. The map of a flat recurrence
is its one module; that of the HRM is its worker, with z_H frozen at what it is after one segment.

The flat recurrence on Sudoku is also taken to a thousand puzzles with fewer givens than it was trained on: where it
gets one wrong, is it still on its way, or has it come to rest there?
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from command_line import digits, keep, options, read, rounded
from torch import Tensor

from hrm_lite import HRM, HRMConfig, TrainConfig, Trainer
from hrm_lite.baselines import FlatRecurrence
from hrm_lite.dynamics import answers, forward_residual
from hrm_lite.fixed_points import anderson, fixed_point, jacobian_norm, lyapunov_factor, spectral_radius
from hrm_lite.puzzles import depth, sudoku
from hrm_lite.puzzles.base import PuzzleSet
from hrm_lite.records import provenance
from hrm_lite.solving import evaluate

SMALL = dict(d_model=64, n_heads=4, worker_layers=1, controller_layers=1, inner_multiple=8, puzzles=1)
SUDOKU = HRMConfig(vocab_size=6, seq_len=16, cycles=4, steps=4, positions="learned", **SMALL)
PARITY = HRMConfig(vocab_size=3, seq_len=16, cycles=1, steps=5, positions="rope", gradient="last_cycle", **SMALL)
TRAIN = TrainConfig(batch_size=32, max_steps=400, max_segments=4, continue_loss=False, output_loss="softmax",
                    lr=3e-3, warmup_steps=30, ema=0.99, weight_decay=1.0)
VARIANTS = {
    "sudoku-flat": (FlatRecurrence, SUDOKU, "generated:4x4:7-10", TRAIN),
    "sudoku-worker": (HRM, SUDOKU, "generated:4x4:7-10", TRAIN),
    "parity-flat": (FlatRecurrence, PARITY, "parity:16", TRAIN.replace(batch_size=64, weight_decay=0.1, augment=False)),
}
PUZZLES, STEPS, KEPT = 16, 400, 150  # measured; how often the map is applied; of how many steps residuals are kept
TOLERANCE = 1e-6
HARDER, REST_STEPS, STILL = "generated:4x4:4-6", 200, 1e-3  # at rest: a step shorter than this share of the state


def load(source: str, split: str, limit: int) -> PuzzleSet:
    return (depth if source.startswith("parity") else sudoku).load(source, split, limit)


@torch.no_grad()
def one_map(model: HRM, tokens: Tensor) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """The map to iterate, and where to begin: what the states are at the start (flat) or after a segment (worker)."""
    x = model.input_net(tokens)
    z_H, z_L = model.initial_latents(len(tokens))
    if isinstance(model, FlatRecurrence):
        return lambda z: model.worker(z, x, model.angles()), z_H
    z_H, z_L = model.run_segment((z_H, z_L), x)
    return lambda z: model.worker(z, z_H + x, model.angles()), z_L


@torch.no_grad()
def walk(f: Callable[[Tensor], Tensor], z: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Residuals (steps, batch) and the last three states (3, batch, …)."""
    last, moved = [z], []
    for _ in range(steps):
        last = [*last[-2:], f(last[-1])]
        moved.append(forward_residual(last[-2], last[-1]))
    return torch.stack(moved), torch.stack(last)


def decay(moved: Tensor) -> list[float | None]:
    """By what factor the residual of each row falls at each step, from 1e-4 down to 1e-11; None if it stays above."""
    found = []
    for row in moved.T:
        high, low = (int((row < bound).float().argmax()) if (row < bound).any() else None for bound in (1e-4, 1e-11))
        if high is None or (low is None and row[-1] > 1e-7):
            found.append(None)
            continue
        low = len(row) - 1 if low is None else low
        found.append(float((row[low] / row[high]) ** (1 / (low - high))) if low > high else None)
    return found


def measure(model: HRM, tokens: Tensor) -> dict:
    model.double().eval()
    f, start = one_map(model, tokens)
    moved, last = walk(f, start, STEPS)
    plain = fixed_point(f, start, TOLERANCE, max_steps=STEPS, strict=False)
    mixed = anderson(f, start, 5, TOLERANCE, max_steps=STEPS, strict=False)
    record = {
        "residuals": rounded(moved[:KEPT].quantile(torch.tensor([0.25, 0.5, 0.75]).double(), dim=1)),
        "last_residual": rounded(moved[-1]),
        "two_steps_apart": rounded(forward_residual(last[0], last[2])),
        "decay": [None if d is None else digits(d) for d in decay(moved)],
        "spectral_radius": rounded(spectral_radius(f, last[2], steps=200)),
        "jacobian_norm": rounded(jacobian_norm(f, last[2], steps=40)),
        "lyapunov_factor": rounded(lyapunov_factor(f, last[2], steps=200)),
        "steps_plain": [s if c else None for s, c in zip(plain.steps.tolist(), plain.converged.tolist(), strict=True)],
        "steps_anderson": [s if c else None for s, c in zip(mixed.steps.tolist(), mixed.converged.tolist(),
                                                            strict=True)],
        "anderson_elsewhere": rounded(forward_residual(last[2], mixed.z)),
    }
    model.float()
    return record


@torch.no_grad()
def at_rest(model: HRM, source: str) -> dict:
    """After each of many steps: how many puzzles are solved, and how many have come to rest, on which kind of answer.

    Those that are wrong at the end are begun once more, from a random state of the same length.
    """
    puzzles = load(source, "test", 1000)
    tokens, labels, _ = puzzles.as_tensors()
    x, (start, _) = model.input_net(tokens), model.initial_latents(len(tokens))

    def steps(x: Tensor, z: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        moved, right = [], []
        for _ in range(REST_STEPS):
            before, z = z, model.worker(z, x, model.angles())
            moved.append(forward_residual(before, z))
            right.append((model.read_out(z, z).logits.argmax(-1) == labels).all(-1))
        return torch.stack(moved), torch.stack(right), z

    def middle(rows: Tensor) -> list | None:
        return rounded(moved[:, rows].median(1).values) if rows.any() else None

    moved, right, z = steps(x, start, labels)
    still, wrong = moved < STILL, ~right[-1]
    found = {
        "source": source, "held_out": puzzles.content_hash, "puzzles": len(tokens), "threshold": STILL,
        "solved": right.sum(1).tolist(), "at_rest_solved": (still & right).sum(1).tolist(),
        "at_rest_unsolved": (still & ~right).sum(1).tolist(),
        "residual_solved": middle(~wrong), "residual_unsolved": middle(wrong),
    }  # fmt: skip
    if not wrong.any():
        return found
    first = wrong.nonzero().flatten()[:PUZZLES]
    model.double()
    radius = spectral_radius(lambda z: model.worker(z, x[first].double(), model.angles()), z[first].double(), steps=200)
    model.float()
    other = torch.randn(start[wrong].shape, generator=torch.Generator().manual_seed(0))
    again = steps(x[wrong], other * start[wrong].norm() / other.norm(), labels[wrong])
    return found | {
        "radius_unsolved": rounded(radius),
        "again": {"puzzles": int(wrong.sum()), "solved": int(again[1][-1].sum()),
                  "at_rest_unsolved": int((~again[1][-1] & (again[0][-1] < STILL)).sum())},
    }  # fmt: skip


def run(variant: str, seed: int, steps: int) -> dict:
    kind, config, source, settings = VARIANTS[variant]
    train, test = load(source, "train", 4000), load(source, "test", 500)
    tokens, labels, _ = test.as_tensors()
    torch.manual_seed(seed)
    model = kind(config)
    initial = measure(model, tokens[:PUZZLES])
    trained = Trainer(model, train, settings.replace(seed=seed, max_steps=steps), progress=False).fit()
    model.eval()
    found = answers(model, tokens, segments=2) == labels  # (steps, puzzles, cells)
    return {
        "variant": variant, "seed": seed, "source": source, "held_out": test.content_hash,
        **{key: trained[key] for key in ("model", "train", "data", "parameters", "steps", "seconds")},
        "provenance": provenance(), "puzzles": PUZZLES, "map_steps": STEPS, "tolerance": TOLERANCE,
        "per_segment": {k: rounded(torch.tensor(v)) for k, v in evaluate(model, tokens, labels, 4).items()},
        "exact_per_step": rounded(found.all(-1).float().mean(-1)),
        "cells_per_step": rounded(found.float().mean(1)),
        "initial": initial,
        **({"harder": at_rest(model, HARDER)} if variant == "sudoku-flat" else {}),
        "trained": measure(model, tokens[:PUZZLES]),
    }


def main() -> None:
    given = read(options(__doc__, "fixed_points", 3, TRAIN.max_steps, variants=VARIANTS))
    for seed in given.seeds:
        for variant in given.variants:
            record = run(variant, seed, given.steps)
            radius = record["trained"]["spectral_radius"]
            keep(record, given.to / f"{variant}_seed{seed}.json",
                 f"{variant:13} seed {seed}: exact {record['per_segment']['exact'][0]:.3f}; spectral radius "
                 f"{min(radius):.2f} to {max(radius):.2f} ({record['seconds']:.0f} s of training)")  # fmt: skip


if __name__ == "__main__":
    main()
