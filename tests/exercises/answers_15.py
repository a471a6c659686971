"""Answers to the exercises of chapter 15."""

from statistics import NormalDist, median

import numpy as np
import torch

from hrm_lite.records import catalogue

(_compact,) = catalogue("sudoku/9x9-compact/seed0.json").values()
_used, _one = _compact["halting"]["segments"], 2.100275712  # GFLOP of a segment, by torch's own counter


def wilson(right, n):
    p, z = right / n, 1.96
    middle, half = p + z**2 / 2 / n, z * (p * (1 - p) / n + (z / 2 / n) ** 2) ** 0.5
    return [(middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)]


def by_trying(right, n):
    """The true rates for which a result as far away, to either side, has 2.5 %: Clopper and Pearson."""
    rates = torch.linspace(0, 1, 4001, dtype=torch.float64)
    at_most = torch.distributions.Binomial(n, rates.clamp(1e-12, 1 - 1e-12))
    mass = torch.stack([at_most.log_prob(torch.tensor(float(k))).exp() for k in range(n + 1)])
    up, down = mass[right:].sum(0), mass[: right + 1].sum(0)
    kept = rates[(up > 0.025) & (down > 0.025)]
    return np.array([kept.min(), kept.max()])


def wald(right, n):
    p = right / n
    half = NormalDist().inv_cdf(0.975) * (p * (1 - p) / n) ** 0.5
    return p - half, p + half


def one_deviation(right, n):
    p = right / n
    half = (p * (1 - p) / n) ** 0.5
    return p - half, p + half


def without_n(right, n):
    p = right / n
    half = 1.96 * max(p * (1 - p), 0.25) ** 0.5 / 2
    return max(p - half, 0), min(p + half, 1)


def per_cent(right, n):
    return [100 * end for end in wilson(right, n)]


(_times,) = catalogue("gradients/attention_4_times.json").values()
_price = {mode: median(s) for mode, s in _times["seconds_per_update"].items()}


def _first(mode):
    def reached(mode, step):
        runs = [r for r in catalogue("gradients/attention_4_*_seed*.json").values() if r["gradient"] == mode]
        return median({h["step"]: h["exact"] for h in r["held_out_accuracy"]}[step] for r in runs)

    goal = max(reached("one_step", step) for step in (250,)), reached("one_step", 275)
    return next(step for step in range(25, 451, 25) if reached(mode, step) >= goal[0])


_updates = _first("full")
_ratio = _updates * _price["full"] / (270 * _price["one_step"])

RIGHT = {
    "15.1": [_used * _one, torch.tensor(_used * 2.2)],
    "15.2": [wilson, by_trying],
    "15.3": [_ratio, round(_ratio, 2)],
}
WRONG = {
    "15.1": [(64 * _one, "all 64"), (16 * _one, "16 segments"), (_one, "one segment"), (_used, "number of segments"),
             (_used * _one * 1e9, "10⁹"), (1.0, "would be 0.5 segments")],
    "15.2": [(wald, "fails near the ends"), (one_deviation, "68 %"), (without_n, "fall with √n"),
             (per_cent, "not per cent")],
    "15.3": [(_updates, "number of updates"), (_updates / 270, "ratio of updates"),
             (_price["full"] / _price["one_step"], "price of one update"), (1 / _ratio, "other way round"),
             (_first("last_cycle") * _price["last_cycle"] / (270 * _price["one_step"]), "last cycle")],
}  # fmt: skip
