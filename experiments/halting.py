"""What is halting learned best from? With or without Q_continue, and with how much exploration. Chapter 7's comparison.

    python experiments/halting.py                     seven settings, five seeds: about 10 minutes on one core
    python experiments/halting.py --seeds 0 --steps 20 --to /tmp/try

Trains small models on 4x4 Sudoku with equal data and numbers of steps. "both" learns Q_halt and Q_continue (the
paper), "halt" only Q_halt (as TRM does); the number behind it is the exploration in per cent (at 100 every row's least
number of segments is drawn). One segment is one step of the worker and one of the controller, so that puzzles need
different numbers of segments. Runs in float32: so small a model gains nothing from bfloat16 or compiling.

Writes one record a setting and seed: how halting went in training, how accurate the model is after each segment, what
each margin gives, and how often the model is right when it says so. Held-out puzzles are divided by class, all that
are the same up to symmetry being on one side: margins are chosen on one half and reported on the other.
"""

from __future__ import annotations

import math

import torch
from command_line import digits, keep, options, read

from hrm_lite import HRM, Trainer, model_preset, train_preset
from hrm_lite.puzzles import sudoku
from hrm_lite.records import provenance
from hrm_lite.solving import Verdicts, choose_margin, verdicts

SOURCE, TRAIN_PUZZLES, TEST_PUZZLES = "generated:4x4:4-10", 20_000, 3_000
MODEL = model_preset("sudoku-4x4-mlp", d_model=32, cycles=1, steps=1, gradient="one_step")
TRAIN = train_preset("sudoku-4x4-mlp", max_steps=1000, max_segments=8)
SETTINGS = {f"{kind}-{percent:03}": dict(continue_loss=kind == "both", exploration=percent / 100)
            for kind, percents in (("both", (0, 10, 50)), ("halt", (0, 10, 50, 100))) for percent in percents}
SEGMENTS = 32  # in the evaluation: four times as many as in training
MOST, TOLERANCE = TRAIN.max_segments, 0.005  # margins are judged with M_max as in training
MARGINS = [m / 2 for m in range(-6, 17)]
EVERY = 20  # steps in one point of the training curves


def halves(puzzles):
    """Two sets that share no class: every other one in the order of the canonical forms."""
    forms = [sudoku.canonical(question) for question in puzzles.questions()]
    first = set(sorted(set(forms))[::2])
    return (puzzles.select([i for i, form in enumerate(forms) if (form in first) == side]) for side in (True, False))


class Watch:
    """Called after each training step: which rows stopped, after how many segments, and were they right?"""

    def __init__(self):
        self.points, self.sums = [], [0.0] * 5

    def __call__(self, trainer, losses) -> None:
        rows = trainer.rows
        seen = (rows.halted.sum(), rows.segments[rows.halted].sum(), losses.exact[rows.halted].sum(),
                losses.exact.sum(), torch.tensor(rows.halted.numel()))
        self.sums = [a + b.item() for a, b in zip(self.sums, seen, strict=True)]
        if trainer.step % EVERY == 0:
            stopped, segments, right, exact, rows = self.sums
            self.points.append({"step": trainer.step, "exact": digits(exact / rows),
                                "segments": digits(segments / stopped) if stopped else None,
                                "right_when_stopping": digits(right / stopped) if stopped else None})
            self.sums = [0.0] * 5


def outcomes(seen: Verdicts, compare: bool) -> dict[str, list[float]]:
    found = [seen.outcome(margin, MOST, compare) for margin in MARGINS]
    return {"exact": [digits(e) for e, _ in found], "segments": [digits(s) for _, s in found]}


def calibration(q, right) -> list[dict]:
    """Answers sorted into ten bins by Q̂_halt: how many, what was said on average, and what was right."""
    said = q.flatten().double().sigmoid()
    which, right = (10 * said).long().clamp(max=9), right.flatten().double()
    bins = [which == b for b in range(10)]
    return [{"answers": int(b.sum()), "said": digits(said[b].mean().item()), "right": digits(right[b].mean().item())}
            for b in bins if b.any()]


def run(name: str, seed: int, steps: int) -> dict:
    train = sudoku.load(SOURCE, "train", TRAIN_PUZZLES)
    chosen_on, held_out = halves(sudoku.load(SOURCE, "test", TEST_PUZZLES))
    (x, y, _), (x_choose, y_choose, _) = held_out.as_tensors(), chosen_on.as_tensors()
    torch.manual_seed(seed)
    model, watch = HRM(MODEL), Watch()
    config = TRAIN.replace(seed=seed, max_steps=steps, **SETTINGS[name])
    trained = Trainer(model, train, config, on_step=watch, progress=False).fit()
    seen = verdicts(model, x, y, SEGMENTS)
    rules = {"halt": False, "compare": True} if config.continue_loss else {"halt": False}
    halting = {}
    for rule, compare in rules.items():
        chosen = choose_margin(model, x_choose, y_choose, MOST, TOLERANCE, compare)
        exact, segments = seen.outcome(chosen.value, MOST, compare)
        halting[rule] = {
            "margins": outcomes(seen, compare),
            "chosen": {"margin": digits(chosen.value) if math.isfinite(chosen.value) else None,
                       "exact": digits(exact), "segments": digits(segments),
                       "exact_where_chosen": digits(chosen.exact)},
        }  # fmt: skip
    return {
        "setting": name, "seed": seed, "source": SOURCE, "held_out": held_out.content_hash, "unseen": len(held_out),
        "chosen_on": chosen_on.content_hash,
        **{key: trained[key] for key in ("model", "train", "data", "parameters", "steps", "presented", "seconds")},
        "provenance": provenance(),
        "training": watch.points,
        "exact": [digits(e) for e in seen.right.double().mean(1).tolist()],
        "margins": MARGINS,
        "halting": halting,
        "calibration": {"first segment": calibration(seen.q_halt[0], seen.right[0]),
                        "segments 1 to 8": calibration(seen.q_halt[:8], seen.right[:8])},
    }  # fmt: skip


def main() -> None:
    given = read(options(__doc__, "halting", 5, TRAIN.max_steps, settings=SETTINGS))
    for seed in given.seeds:
        for name in given.settings:
            record = run(name, seed, given.steps)
            exact, chosen = record["exact"], record["halting"]["halt"]["chosen"]
            keep(record, given.to / f"{name}_seed{seed}.json",
                 f"{name} seed {seed}: exact after 1, 8, 16, 32 segments "
                 f"{', '.join(f'{exact[m - 1]:.3f}' for m in (1, 8, 16, 32))}; with the chosen margin "
                 f"{chosen['exact']:.3f} in {chosen['segments']:.2f} segments ({record['seconds']:.0f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
