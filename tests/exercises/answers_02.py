"""Answers to the exercises of chapter 2."""

import numpy as np
import torch

SLOPE = -1.2935980  # of 1.6 cos z at its fixed point
JORDAN = [[0.5, 20.0], [0.0, 0.5]]


def longest(q, error):
    return error * (1 - q) / q


def longest_by_trying(q, error):
    step = 1.0
    while step * q / (1 - q) > error:
        step *= 1 - 1e-7 if step * q / (1 - q) < error * 1.0001 else 0.9999
    return torch.tensor(step)


def as_short(q, error):
    return error


def other_way(q, error):
    return error * q / (1 - q)


def before_the_step(q, error):
    return error * (1 - q)


def careful(q, error):
    return error * (1 - q) / q / 10


def too_long(q, error):
    return 2 * error / q


def travelled(J):
    """By the sum of all that lies ahead."""
    P, power = torch.zeros_like(J), torch.eye(len(J), dtype=J.dtype)
    for _ in range(4000):
        P, power = P + power.T @ power, J @ power
    return torch.linalg.cholesky(P, upper=True)


def by_equation(J):
    """P = I + Jᵀ P J, solved as a linear system; the symmetric root, in numpy."""
    J = J.numpy()
    n = len(J)
    P = np.linalg.solve(np.eye(n * n) - np.kron(J.T, J.T), np.eye(n).ravel()).reshape(n, n)
    values, axes = np.linalg.eigh((P + P.T) / 2)
    return axes @ np.diag(values**0.5) @ axes.T


def nothing_new(J):
    return torch.eye(len(J), dtype=J.dtype)


def squared(J):
    S = travelled(J)
    return S.T @ S


def inverse(J):
    return torch.linalg.inv(travelled(J))


def eigenvectors(J):
    return torch.linalg.inv(torch.linalg.eig(J)[1])


def too_few(J):
    return torch.linalg.cholesky(torch.eye(len(J), dtype=J.dtype) + J.T @ J, upper=True)


RIGHT = {
    "2.1": [1 / (1 - SLOPE), torch.tensor([0.436])],
    "2.2": [torch.tensor(JORDAN), np.array([[0.5, 0.0], [-90.0, 0.3]]), [[10.0, 100.0], [-0.9025, -9.0]]],
    "2.3": [longest, longest_by_trying],
    "2.4": [travelled, by_equation],
}
WRONG = {
    "2.1": [(2 / (1 - SLOPE), "settles at all"), (1 - 1 / (1 - SLOPE), "share of the old state"),
            (-1 / SLOPE, "derivative of"), (0.6, "leaves nothing"), (1.4, "between 0 and 1")],
    "2.2": [([[0.5, 0.0], [0.0, 0.5]], "right angles"), ([[0.5, 20.0], [20.0, 0.5]], "never come down"),
            ([[0.5, 20.0], [0.0, 0.9]], "triangular matrix"), ([[0.5, 5.0], [0.0, 0.5]], "not by more than 10"),
            (torch.eye(3), "2 × 2")],
    "2.3": [(as_short, "far away still"), (other_way, "other way round"), (before_the_step, "*before* the step"),
            (careful, "too careful"), (too_long, "at a distance of")],
    "2.4": [(nothing_new, "changes nothing"), (squared, "*squared*"), (inverse, "is the inverse"),
            (eigenvectors, "the same way"), (too_few, "should be below 1")],
}  # fmt: skip
