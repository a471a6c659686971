"""Answers to the exercises of chapter 13."""

import math
from statistics import NormalDist

import numpy as np
import torch


def pairs(base, variant):
    sign = np.sign(np.mean(variant) - np.mean(base))
    return np.mean([np.sign(v - b) != sign for b in base for v in variant])


def pairs_in_torch(base, variant):
    b, v = torch.tensor(base, dtype=torch.float64), torch.tensor(variant, dtype=torch.float64)
    return ((v[:, None] - b) * (v.mean() - b.mean()) <= 0).double().mean()


def counted(base, variant):
    return pairs(base, variant) * len(base) * len(variant)


def agreeing(base, variant):
    return 1 - pairs(base, variant)


def strictly(base, variant):
    sign = np.mean(variant) - np.mean(base)
    return np.mean([(v - b) * sign < 0 for b in base for v in variant])


def seed_by_seed(base, variant):
    sign = np.mean(variant) - np.mean(base)
    return np.mean([(v - b) * sign <= 0 for b, v in zip(base, variant, strict=False)])


def always_better(base, variant):
    return np.mean([v <= b for b in base for v in variant])


def cost(N, T, gradient):
    return N * (T + 1) + 2 * {"one_step": 2, "last_cycle": T + 1, "full": N * (T + 1)}[gradient]


def cost_by_counting(N, T, gradient):
    steps = ("L" * T + "H") * N
    backward = {"one_step": "LH", "last_cycle": steps[-T - 1:], "full": steps}[gradient]
    return float(len(steps) + 2 * len(backward))


def backward_only(N, T, gradient):
    return 3 * {"one_step": 2, "last_cycle": T + 1, "full": N * (T + 1)}[gradient]


def backward_as_forward(N, T, gradient):
    return N * (T + 1) + {"one_step": 2, "last_cycle": T + 1, "full": N * (T + 1)}[gradient]


def worker_only(N, T, gradient):
    return N * T + 2 * {"one_step": 1, "last_cycle": T, "full": N * T}[gradient]


def one_module(N, T, gradient):
    return N * (T + 1) + 2 * {"one_step": 1, "last_cycle": T + 1, "full": N * (T + 1)}[gradient]


def needed(effect, spread, sure):
    return max(1, math.ceil(2 * (spread * NormalDist().inv_cdf(sure) / effect) ** 2))


def needed_by_search(effect, spread, sure):
    return next(k for k in range(1, 10_000) if NormalDist().cdf(effect / (spread * math.sqrt(2 / k))) >= sure)


def one_mean(effect, spread, sure):
    return max(1, math.ceil((spread * NormalDist().inv_cdf(sure) / effect) ** 2))


def two_tails(effect, spread, sure):
    return max(1, math.ceil(2 * (spread * NormalDist().inv_cdf((1 + sure) / 2) / effect) ** 2))


def not_whole(effect, spread, sure):
    return max(1, 2 * (spread * NormalDist().inv_cdf(sure) / effect) ** 2)


def none(effect, spread, sure):
    return 0


def three(effect, spread, sure):
    return 3


RIGHT = {
    "13.1": [(0.92 / 0.08) / (0.98 / 0.02), torch.tensor(0.2347)],
    "13.2": [pairs, pairs_in_torch],
    "13.3": [cost, cost_by_counting],
    "13.4": [needed, needed_by_search],
}
WRONG = {
    "13.1": [(4.26, "Who is divided by whom"), (0.92 / 0.98, "shares that are solved"), (4.0, "left unsolved"),
             (1.45, "exponential"), (6, "solved : unsolved for each of the two, and divide")],
    "13.2": [(counted, "Divide by how many pairs"), (agreeing, "agree with the means"), (strictly, "one pair is equal"),
             (seed_by_seed, "Any seed may meet"), (always_better, "the variant is worse")],
    "13.3": [(backward_only, "run forwards, too"), (backward_as_forward, "costs two forward steps"),
             (worker_only, "controller steps count"), (one_module, "each of the two networks")],
    "13.4": [(one_mean, "both means are uncertain"), (two_tails, "one tail and not two"), (not_whole, "come whole"),
             (none, "at least one seed"), (three, "standard deviation")],
}  # fmt: skip
