"""Why does the paper's rule go on with an answer that is right? What the Q head says after each segment. For chapter 7.

    python experiments/halting_values.py                          five seeds: about 2 minutes of one core
    python experiments/halting_values.py --steps 3000 --seeds 0 1 2   the same, trained three times as long: 4 minutes
    python experiments/halting_values.py --seeds 0 --steps 20 --to /tmp/try

Trains the model of `halting.py` with both values and exploration 0.1, the paper's, and writes a record a seed, for
puzzles of the training and for unseen ones: the means of both values and of the truth after each segment; who halts
when; the same for each number of givens, and for the puzzles whose answer is right from the first segment on, where
both moves are worth the same. "auc" is the chance that of two answers after segment 1, a right and a wrong one, the
right one has the larger Q_halt; "within" compares only puzzles with as many givens.
"""

from __future__ import annotations

import math

import torch
from command_line import keep, options, read
from halting import MODEL, MOST, SETTINGS, SOURCE, TEST_PUZZLES, TRAIN, TRAIN_PUZZLES, halves

from hrm_lite import HRM, Trainer
from hrm_lite.puzzles import sudoku
from hrm_lite.records import provenance
from hrm_lite.solving import Verdicts, verdicts

SEGMENTS, SETTING, LOOKED_AT = 16, "both-010", 3_000  # puzzles of the training that are looked at


def digits(value: float) -> float | None:
    return float(f"{value:.4g}") if math.isfinite(value) else None  # None: no puzzle of that kind


def correlation(a, b) -> float:
    return torch.corrcoef(torch.stack([a.double(), b.double()]))[0, 1].item()


def ranks(values):
    """Equal values share their mean rank."""
    return ((values[:, None] > values).double().sum(1) + (values[:, None] >= values).double().sum(1)) / 2


def centred(values, groups):
    """What is left of ``values`` when the mean of its group is taken off."""
    values = values.double().clone()
    for group in groups.unique():
        values[groups == group] -= values[groups == group].mean()
    return values


def auc(q, right, groups) -> float | None:
    """Of pairs of a right and a wrong answer of one group, the share with the larger q at the right one."""
    won = pairs = 0.0
    for group in groups.unique():
        good, bad = q[(groups == group) & right], q[(groups == group) & ~right]
        won += ((good[:, None] > bad).double() + (good[:, None] == bad).double() / 2).sum().item()
        pairs += len(good) * len(bad)
    return digits(won / pairs) if pairs else None


def means(seen: Verdicts, which) -> dict:
    """After each segment, over the puzzles ``which``: what is said of both moves, what is true, and who would halt."""
    q_halt, q_continue, right = (v[:, which].double() for v in (seen.q_halt, seen.q_continue, seen.right))
    better = (q_halt > q_continue).double()
    columns = {"q_halt": q_halt.sigmoid(), "q_continue": q_continue.sigmoid(), "right": right, "halts": better,
               "best": torch.maximum(q_halt, q_continue).sigmoid()}  # fmt: skip
    return {"puzzles": int(which.sum())} | {k: [digits(x) for x in v.mean(1).tolist()] for k, v in columns.items()}


def look(model: HRM, puzzles) -> dict:
    tokens, labels, _ = puzzles.as_tensors()
    seen = verdicts(model, tokens, labels, SEGMENTS)
    givens, used = (tokens > 1).sum(1), seen.stops(0.0, MOST, compare=True)
    first = torch.where(seen.right.any(0), seen.right.int().argmax(0) + 1, SEGMENTS)
    everyone = torch.ones_like(givens, dtype=torch.bool)
    levels = [{"givens": g, **means(seen, givens == g),
               "used": digits(used[givens == g].double().mean().item()),
               "first_right": digits(first[givens == g].double().mean().item())}
              for g in givens.unique().tolist()]  # fmt: skip
    explained = 1 - centred(used, givens).square().sum() / centred(used, everyone).square().sum()
    return {
        "all": means(seen, everyone), "kept": means(seen, seen.right[:MOST].all(0)), "by_givens": levels,
        "stops": [int((used == m).sum()) for m in range(1, MOST + 1)],
        "first_right": [int((first == m).sum()) for m in range(1, SEGMENTS + 1)],
        "used_mean": digits(used.double().mean().item()), "first_right_mean": digits(first.double().mean().item()),
        "used_against_givens": digits(correlation(ranks(used), ranks(givens))),
        "used_against_first_right": digits(correlation(ranks(used), ranks(first))),
        "used_against_first_right_within": digits(correlation(centred(used, givens), centred(first, givens))),
        "used_explained_by_givens": digits(explained.item()),
        "auc": auc(seen.q_halt[0], seen.right[0], everyone), "auc_within": auc(seen.q_halt[0], seen.right[0], givens),
    }  # fmt: skip


def run(seed: int, steps: int) -> dict:
    train = sudoku.load(SOURCE, "train", TRAIN_PUZZLES)
    _, held_out = halves(sudoku.load(SOURCE, "test", TEST_PUZZLES))
    torch.manual_seed(seed)
    model = HRM(MODEL)
    config = TRAIN.replace(seed=seed, max_steps=steps, **SETTINGS[SETTING])
    trained = Trainer(model, train, config, progress=False).fit()
    return {
        "setting": SETTING, "seed": seed, "source": SOURCE, "held_out": held_out.content_hash, "unseen": len(held_out),
        **{key: trained[key] for key in ("model", "train", "data", "parameters", "steps", "presented", "seconds")},
        "provenance": provenance(),
        "unseen_puzzles": look(model, held_out), "training_puzzles": look(model, train[:LOOKED_AT]),
    }  # fmt: skip


def main() -> None:
    given = read(options(__doc__, "halting_values", 5, TRAIN.max_steps))
    for seed in given.seeds:
        record = run(seed, given.steps)
        seen = record["unseen_puzzles"]
        keep(record, given.to / f"{given.steps}-steps_seed{seed}.json",
             f"seed {seed}: after segment 1 {seen['all']['right'][0]:.1%} right, {seen['all']['halts'][0]:.1%} halt; "
             f"{seen['used_mean']:.2f} segments used ({record['seconds']:.0f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
