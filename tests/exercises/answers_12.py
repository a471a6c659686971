"""Answers to the exercises of chapter 12."""

import numpy as np
import torch


def harmonic(n, d):
    return 1 / (1 / n + 1 / d)


def simulated(n, d):
    z = np.random.default_rng(0).normal(size=(n, d))
    values = np.linalg.eigvalsh(np.cov(z.T))
    return values.sum() ** 2 / (values**2).sum()


def least_squares(states, classes):
    one = np.eye(4)[classes.numpy()]
    z = np.c_[states.numpy().astype(float), np.ones(len(states))]
    penalty = np.sqrt(1.0) * np.eye(z.shape[1])
    penalty[-1, -1] = 0
    return np.linalg.lstsq(np.r_[z, penalty], np.r_[one, np.zeros((z.shape[1], 4))], rcond=None)[0]


def reads(weights, states, classes):
    z = np.c_[states.numpy().astype(float), np.ones(len(states))]
    return float(((z @ weights).argmax(1) == classes.numpy()).mean())


def fair(states, classes, states_apart, classes_apart):
    return reads(least_squares(states, classes), states_apart, classes_apart)


def fair_with_the_package(states, classes, states_apart, classes_apart):
    from hrm_lite.dynamics import fit_probe

    return (fit_probe(states, classes, 4)(states_apart) == classes_apart).float().mean()


def flattered(states, classes, states_apart, classes_apart):
    return reads(least_squares(states, classes), states, classes)


def backwards(states, classes, states_apart, classes_apart):
    return fair(states_apart, classes_apart, states, classes)


def per_cent(states, classes, states_apart, classes_apart):
    return 100 * fair(states, classes, states_apart, classes_apart)


def push(z, size):
    noise = torch.randn_like(z)
    return z + size * noise * (z.flatten(1).norm(dim=1) / noise.flatten(1).norm(dim=1)).view(-1, 1, 1)


def push_by_rows(z, size):
    moved = z.clone()
    for row in moved:
        noise = torch.rand_like(row) - 0.5
        row += noise / noise.norm() * row.norm() * size
    return moved


def whole_batch(z, size):
    noise = torch.randn_like(z)
    return z + size * z.norm() / noise.norm() * noise


def every_position(z, size):
    noise = torch.randn_like(z)
    return z + size * z.norm(dim=2, keepdim=True) * noise / noise.norm(dim=2, keepdim=True)


def longer(z, size):
    return z * (1 + size)


def deviation(z, size):
    return z + size * torch.randn_like(z)


def push_alone(z, size):
    return push(z, size) - z


def absolute(z, size):
    noise = torch.randn_like(z)
    return z + size * noise / noise.flatten(1).norm(dim=1).view(-1, 1, 1)


RIGHT = {"12.1": [harmonic, simulated], "12.2": [fair, fair_with_the_package], "12.3": [push, push_by_rows],
         "12.4": ["z_H", " Z_h "]}  # fmt: skip
WRONG = {
    "12.1": [(lambda n, d: d, "infinitely many"), (min, "does not reach it"), (lambda n, d: n + d, "inverses")],
    "12.2": [(flattered, "fitted on"), (backwards, "Fit it on the first two"), (per_cent, "not per cent")],
    "12.3": [(whole_batch, "batch as a whole"), (every_position, "by its own length"), (longer, "does not turn"),
             (deviation, "another length"), (push_alone, "plus the push"), (absolute, "the length itself")],
    "12.4": [("z_L", "z_L of another"), ("both", "is enough"), ("neither", "those in which"), (3, "one of")],
}  # fmt: skip
