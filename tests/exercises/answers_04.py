"""Answers to the exercises of chapter 4."""

import numpy as np
import torch

from hrm_lite.records import published


def planes(angle):
    """Every pair of numbers is turned by the same angle."""
    c, s = np.cos(angle), np.sin(angle)
    return np.kron(np.eye(32), np.array([[c, -s], [s, c]]))


def fate(states):
    last = (states[-1] - states[-2]).norm()
    if last < 1e-6 * states[-2].norm():
        return "rest"
    return "swing" if (states[-1] - states[-3]).norm() < last / 100 else "moving"


def fate_in_numpy(states):
    z = np.asarray(states)
    one, two = np.linalg.norm(z[-1] - z[-2]), np.linalg.norm(z[-1] - z[-3])
    return " Rest" if one / np.linalg.norm(z[-2]) < 1e-6 else "Swing" if two / one < 0.01 else "moving "


def absolute(states):
    one, two = (states[-1] - states[-2]).norm(), (states[-1] - states[-3]).norm()
    return "rest" if one < 1e-6 else "swing" if two < one / 100 else "moving"


def any_two_alike(states):
    last = (states[-1] - states[-2]).norm()
    if last < 1e-6 * states[-2].norm():
        return "rest"
    return "swing" if (states[:-2] - states[-1]).norm(dim=1).min() < last / 100 else "moving"


def alternating(states):
    a, b = states[-1] - states[-2], states[-2] - states[-3]
    if a.norm() < 1e-6 * states[-2].norm():
        return "rest"
    return "swing" if torch.cosine_similarity(a, b, dim=0) < -0.99 else "moving"


def no_swing(states):
    return "rest" if (states[-1] - states[-2]).norm() < 1e-6 * states[-2].norm() else "moving"


def never_rests(states):
    return "swing" if (states[-1] - states[-3]).norm() < (states[-1] - states[-2]).norm() / 100 else "moving"


def a_number(states):
    return 1


def residuals():
    runs = [r for r in published("hierarchical_convergence") if r["variant"] == "hrm"]
    return np.array([r["long_run"]["one"] for r in runs])


MOVED = residuals()
LAST = [int(np.flatnonzero(one > 0.1)[-1]) + 1 for one in MOVED]


def step_by_step(f_L, f_H, z_H, z_L, x, cycles, steps):
    for _ in range(cycles):
        for _ in range(steps):
            previous, z_L = z_L, f_L(z_L + (z_H + x))
        z_H = f_H(z_H + previous)
    return z_H, z_L


def one_loop(f_L, f_H, z_H, z_L, x, cycles, steps):
    who = []
    for i in range(1, cycles * steps + 1):
        new = f_L(z_L + z_H + x)
        if i % steps == 0:
            z_H = f_H(z_H + z_L)
        z_L = new
        who.append("L")
    return [z_H, z_L, who]


def as_coded(f_L, f_H, z_H, z_L, x, cycles, steps):
    for _ in range(cycles):
        for _ in range(steps):
            z_L = f_L(z_L + (z_H + x))
        z_H = f_H(z_H + z_L)
    return z_H, z_L


def set_back(f_L, f_H, z_H, z_L, x, cycles, steps):
    for _ in range(cycles):
        for _ in range(steps - 1):
            z_L = f_L(z_L + (z_H + x))
        z_H = f_H(z_H + z_L)
    return z_H, z_L


def of_the_cycle_before(f_L, f_H, z_H, z_L, x, cycles, steps):
    for _ in range(cycles):
        old = z_L
        for _ in range(steps):
            z_L = f_L(z_L + (z_H + x))
        z_H = f_H(z_H + old)
    return z_H, z_L


def swapped(*given):
    return step_by_step(*given)[::-1]


def without_input(f_L, f_H, z_H, z_L, x, cycles, steps):
    return step_by_step(f_L, f_H, z_H, z_L, 0 * x, cycles, steps)


def one_state(*given):
    return step_by_step(*given)[0]


RIGHT = {
    "4.1": [planes(0.5), -torch.eye(64), torch.from_numpy(planes(3.0)).float()],
    "4.2": [fate, fate_in_numpy],
    "4.3": [LAST, torch.tensor(LAST), np.array(LAST, float)],
    "4.4": [9, 9.0, torch.tensor(8.95)],
    "4.5": [step_by_step, one_loop],
}
WRONG = {
    "4.1": [(torch.eye(64), "never moves"), (2 * torch.eye(64), "become longer"), (0.5 * planes(1.0), "become shorter"),
            (torch.eye(64).roll(1, 0), "stands still"), (planes(0.05), "too timid"), (planes(0.5)[:32], "the shape")],
    "4.2": [(absolute, "tiny or huge"), (any_two_alike, "three corners"), (alternating, "a hundredth"),
            (no_swing, "not taken for a swing"), (never_rests, "not taken for rest"), (a_number, "should return")],
    "4.3": [(MOVED.argmin(1), "Not these"), ([n - 1 for n in LAST], "counts from 0"),
            ((MOVED < 0.1).argmax(1) + 1, "comes up again"), ((MOVED > 0.1).sum(1), "how many steps"),
            ([int(np.flatnonzero(one > 0.01)[-1]) + 1 for one in MOVED], "for 10 %"),
            (sorted(LAST)[::-1], "another order"), ([25] * 4, "the shape")],
    "4.4": [(1, "half of the error"), (10, "leaves 9.1%"), (0.1, "leaves 90.9%")],
    "4.5": [(as_coded, "reads the new state"), (set_back, "its last step is lost"),
            (of_the_cycle_before, "beginning of the cycle"), (swapped, "wrong order"),
            (without_input, "index by index"), (one_state, "two tensors")],
}  # fmt: skip
