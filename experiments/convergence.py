"""Does a second clock keep the computation moving, and does it help? Chapter 4's comparison, over several seeds.

    python experiments/convergence.py                     three models, five seeds: about 10 minutes on one core
    python experiments/convergence.py --seeds 0 --steps 20 --to /tmp/try

Trains on 4x4 Sudoku, with equal settings, data and numbers of steps: an HRM; an HRM whose worker starts afresh in
each cycle; and a plain recurrence of as many steps. Writes one record a model and seed: what was run, how far each
step moved its state before and after training, over eight segments in the end, and how good the answer was after each
step.
"""

from __future__ import annotations

import torch
from command_line import keep, options, read, rounded
from torch import Tensor

from hrm_lite import HRM, HRMConfig, TrainConfig, Trainer
from hrm_lite.baselines import FlatRecurrence
from hrm_lite.dynamics import Residuals, answers, forward_residual, moments, residuals
from hrm_lite.puzzles import sudoku
from hrm_lite.records import provenance
from hrm_lite.solving import evaluate

SOURCE, TRAIN_PUZZLES, TEST_PUZZLES = "generated:4x4:7-10", 4000, 500
MODEL = HRMConfig(vocab_size=6, seq_len=16, d_model=64, n_heads=4, worker_layers=1, controller_layers=1,
                  cycles=4, steps=4, inner_multiple=8, positions="learned", puzzles=1)
TRAIN = TrainConfig(batch_size=32, max_steps=500, max_segments=4, continue_loss=False, output_loss="softmax",
                    lr=3e-3, warmup_steps=30, ema=0.99, weight_decay=1.0)
SEGMENTS = 8  # in the evaluation: twice as many as in training
THRESHOLDS = torch.logspace(-3, 0, 31)


class ResettingHRM(HRM):
    """An HRM whose worker goes back to where it began after each controller step. The published one does not."""

    def advance(self, part: str, z_H: Tensor, z_L: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        z_H, z_L = super().advance(part, z_H, z_L, x)
        return z_H, self.z_L_init.expand_as(z_L) if part == "H" else z_L


VARIANTS = {"hrm": HRM, "reset": ResettingHRM, "flat": FlatRecurrence}


def movement(r: Residuals) -> dict:
    """Who stepped, quartiles of the residuals over the puzzles, and the mean number of steps above each threshold."""
    depth = torch.stack([r.effective_depth(t.item()).float().mean() for t in THRESHOLDS])
    return {"parts": r.parts, "quartiles": rounded(r.values.quantile(torch.tensor([0.25, 0.5, 0.75]), dim=1)),
            "effective_depth": rounded(depth)}


def long_run(model: HRM, tokens: Tensor, segments: int) -> dict:
    """Medians over the puzzles, for every step of ``segments`` segments: how far it moved its state (``one``), and how
    far the state then is from where it was two steps of the same part before (``two``; 0 for the first step).

    A state that swings between two places has a large ``one`` and a small ``two``.
    """
    one, two, last = [], [], {}
    for m in moments(model, tokens, segments):
        one.append(forward_residual(m.before, m.after).median())
        two.append(forward_residual(last[m.part], m.after).median() if m.part in last else torch.tensor(0.0))
        last[m.part] = m.before
    return {"parts": model.schedule(), "segments": segments,
            "one": rounded(torch.stack(one)), "two": rounded(torch.stack(two))}


def exact_per_step(model: HRM, tokens: Tensor, labels: Tensor, segments: int) -> list[float]:
    """The share of puzzles that would be solved if the model were stopped after each of its steps."""
    return rounded((answers(model, tokens, segments) == labels).all(-1).float().mean(-1))


def run(variant: str, seed: int, steps: int) -> dict:
    train, test = (sudoku.load(SOURCE, split, limit)
                   for split, limit in (("train", TRAIN_PUZZLES), ("test", TEST_PUZZLES)))
    tokens, labels, _ = test.as_tensors()
    torch.manual_seed(seed)
    model = VARIANTS[variant](MODEL)
    initial = movement(residuals(model, tokens))
    trainer = Trainer(model, train, TRAIN.replace(seed=seed, max_steps=steps), progress=False)
    trained = trainer.fit()
    model.eval()
    record = {
        "variant": variant, "seed": seed, "source": SOURCE, "held_out": test.content_hash,
        **{key: trained[key] for key in ("model", "train", "data", "parameters", "steps", "seconds")},
        "provenance": provenance(),
        "thresholds": rounded(THRESHOLDS),
        "initial": initial,
        "trained": movement(residuals(model, tokens)),
        "trained_second_segment": movement(later(residuals(model, tokens, segments=2))),
        "long_run": long_run(model, tokens, SEGMENTS),
        "exact_per_step": exact_per_step(model, tokens, labels, segments=4),
        "per_segment": {k: rounded(torch.tensor(v)) for k, v in evaluate(model, tokens, labels, SEGMENTS).items()},
        "training": [{k: h[k] for k in ("step", "loss", "exact")} for h in trained["history"] if "loss" in h][4::5],
    }
    if variant == "hrm":
        other = ResettingHRM(model.config)
        other.load_state_dict(model.state_dict())
        record["exact_per_step_with_resets"] = exact_per_step(other.eval(), tokens, labels, segments=4)
    return record


def later(r: Residuals) -> Residuals:
    """The second of two segments."""
    half = len(r.parts) // 2
    return Residuals(r.parts[half:], r.values[half:])


def main() -> None:
    given = read(options(__doc__, "hierarchical_convergence", 5, TRAIN.max_steps, variants=VARIANTS))
    for seed in given.seeds:
        for variant in given.variants:
            record = run(variant, seed, given.steps)
            exact = record["per_segment"]["exact"]
            keep(record, given.to / f"{variant}_seed{seed}.json",
                 f"{variant:6} seed {seed}: exact {exact[0]:.3f} after one segment, {exact[3]:.3f} after four "
                 f"({record['seconds']:.0f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
