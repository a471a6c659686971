"""Checks of chapter 4, two clocks. What is right is simulated, or computed in another way than the chapter does."""

from __future__ import annotations

import torch

from ..records import published
from .base import Wrong, call, exercise, number, tensor

__all__: list[str] = []


@exercise("4.1", "the matrix R, 64 × 64")
def never_stalls(answer) -> str:
    R = tensor(answer, "R", (64, 64))
    if R.is_complex():
        raise Wrong("R holds complex numbers: the states of this recurrence are real.")
    stretch = torch.linalg.svdvals(R)
    if stretch[0] > 1 + 1e-4:
        raise Wrong(f"some states become longer: R stretches one by the factor {stretch[0]:.3g} in a single step.")
    if stretch[-1] < 1 - 1e-4:
        raise Wrong(f"some states become shorter: R shrinks one by the factor {stretch[-1]:.3g} in a single step.")
    least = torch.linalg.svdvals(R - torch.eye(64, dtype=R.dtype))  # ‖Rz − z‖ of unit vectors: largest, …, smallest
    if least[0] < 1e-6:
        raise Wrong("this recurrence keeps every length because it never moves.")
    if least[-1] < 1e-6:
        raise Wrong(
            "from most starts it moves, but there is a start from which it stands still: an eigenvector of R to the "
            "eigenvalue 1. It must move from any."
        )
    if least[-1] <= 0.1:
        raise Wrong(f"lengths are kept, but from some start a step goes only {least[-1]:.1%} of the length: too timid.")
    return (
        "Its effective depth at 10 % is the number of steps, however many. And it has computed nothing: a thousand "
        "steps together are one matrix, and undoing that gives back the start. To do something a step must move the "
        "state; that it moves the state is far from enough."
    )


def _walks():
    """(states, what becomes of them, what a wrong answer overlooks)"""
    draw = torch.Generator().manual_seed(4)

    def random(*shape):
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    k, end, way = torch.arange(60.0, dtype=torch.float64)[:, None], random(1, 12), random(1, 12)
    a, b = random(1, 12), random(1, 12)
    swing = torch.where(k % 2 == 0, a, b)
    angle = 2 * torch.pi * k / 3
    ring = torch.cat((angle.cos(), angle.sin()), 1)
    scale = "lengths are a share of the state's own length: a walk among tiny or huge numbers was misread."
    return [
        (end + 0.5**k * way, "rest", "a state that has settled was not taken for rest."),
        (swing + 0.5**k * way, "swing", "a walk that comes back after two steps was not taken for a swing."),
        (k * way + end, "moving", "a walk straight ahead was not taken for moving."),
        (end + (-0.8) ** k[:20] * way, "moving", "a walk that approaches its end from alternate sides was misread: two "
         "steps together lead a fifth as far as one, and the text asks for a hundredth."),
        (1e-9 * swing, "swing", scale),
        (1e9 * (end + 1e-8 * k / 60 * way), "rest", scale),
        (ring, "moving", "a walk round three corners is no swing between two: compare with the state two steps before, "
         "and with no other."),
        (torch.cat((swing, end.repeat(4, 1))), "rest", "a walk that swung at first and rests now was misread: the "
         "last states count."),
        (torch.cat((k * way, swing)), "swing", "a walk that swings in the end was misread: the last states count."),
    ]  # fmt: skip


@exercise("4.2", "a function of a tensor (steps, numbers) that returns 'rest', 'swing' or 'moving'")
def fate(answer) -> str:
    for states, true, said in _walks():
        found = call(answer, states)
        if not isinstance(found, str) or found.strip().lower() not in ("rest", "swing", "moving"):
            raise Wrong("your function should return 'rest', 'swing' or 'moving'.")
        if found.strip().lower() != true:
            raise Wrong(said)
    return (
        "Looking two steps back is all it takes. With the controller held still, the trained worker of sudoku-4x4 "
        "swings in all of sixteen puzzles: its large residual is no sign of thought."
    )


@exercise("4.3", "five numbers of steps, for the seeds 0 to 4 of the HRM")
def until_when(answer) -> str:
    found = tensor(answer, "your answer", (5,))
    if found.is_complex():
        raise Wrong("a number of steps is a whole number.")
    runs = [r for r in published("hierarchical_convergence") if r["variant"] == "hrm"]
    moved = torch.tensor([r["long_run"]["one"] for r in sorted(runs, key=lambda r: r["seed"])], dtype=torch.float64)
    step = torch.arange(1, moved.shape[1] + 1)
    true = torch.where(moved > 0.1, step, 0).amax(1)
    if torch.equal(found, true.double()):
        return (
            "Four seeds take their last large step in the second segment, four times as late as the plain recurrence. "
            "In the fifth, seed 4, it is a worker that swings; its controller's last large step is step 25, too."
        )
    if torch.equal(found, true.double() - 1):
        raise Wrong("these are places in the list, which counts from 0. The first step is step 1.")
    if torch.equal(found, (moved < 0.1).double().argmax(1) + 1.0) or torch.equal(
        found, (moved < 0.1).double().argmax(1).double()
    ):
        raise Wrong("there the curve falls below 10 % for the first time. A comb comes up again.")
    if torch.equal(found, (moved > 0.1).sum(1).double()):
        raise Wrong("that is how many steps are longer than 10 %, and not the place of the last of them.")
    if torch.equal(found, torch.where(moved > 0.01, step, 0).amax(1).double()):
        raise Wrong("these are the last steps longer than 1 %. The question is for 10 %.")
    if torch.equal(found.sort().values, true.double().sort().values):
        raise Wrong("the numbers are right, in another order than that of the seeds.")
    raise Wrong(
        "not these. Go through the 160 residuals of a seed in order, and remember the step whenever one exceeds 0.1."
    )


def _left(s: float) -> float:
    """What a step z ← norm(z + s x̃) leaves of a small error, by trying it."""
    x, error = torch.ones(64, dtype=torch.float64), torch.zeros(64, dtype=torch.float64)
    error[0], error[1] = 1e-5, -1e-5
    z = x + error + s * x
    return ((z / z.square().mean().sqrt() - x).norm() / error.norm()).item()


@exercise("4.4", "the number s")
def push(answer) -> str:
    s = number(answer, "s", 0, 1e6)
    left = _left(s)
    if abs(left - 0.1) < 0.002:
        return (
            "The normalisation divides by 1 + s: the harder the input pushes, the less is left of where z came from. "
            "With s = 9 a step also forgets nearly all of what the last one computed, so a fast rest has its price."
        )
    if abs(s - 1) < 1e-6:
        raise Wrong("with s = 1 a step leaves half of the error. How long is z + s x̃ there, before it is normalised?")
    raise Wrong(
        f"with s = {s:g} a step leaves {left:.1%} of the error. The norm divides by the length of z + s x̃, which at "
        "the fixed point is the sum of two vectors of the same direction."
    )


def _printed(f_L, f_H, z_H, z_L, x, N, T):
    """The paper's formula, index by index."""
    H, L = [z_H], [z_L]
    for i in range(1, N * T + 1):
        L.append(f_L(L[i - 1] + H[i - 1] + x))
        H.append(f_H(H[i - 1] + L[i - 1]) if i % T == 0 else H[i - 1])
    return H[-1], L[-1]


def _as_published(f_L, f_H, z_H, z_L, x, N, T, *, back: bool = False, stale: bool = False):
    """What people write in place of it: the code of the paper, the worker set back, or the state of a cycle ago."""
    for _ in range(N):
        first = z_L
        for _ in range(T):
            before, z_L = z_L, f_L(z_L + z_H + x)
        z_L = before if back else z_L
        z_H = f_H(z_H + (first if stale else z_L))
    return z_H, z_L


@exercise("4.5", "a function of f_L, f_H, z_H, z_L, x, cycles and steps that returns z_H and z_L")
def misprint(answer) -> str:
    def same(a, b):
        return a.shape == b.shape and torch.allclose(a, b, atol=1e-8)

    for seed, (N, T) in enumerate(((2, 3), (3, 1), (1, 1), (4, 2))):
        draw = torch.Generator().manual_seed(seed)
        A, B = (torch.randn(5, 5, generator=draw, dtype=torch.float64) * 0.4 for _ in range(2))
        z_H, z_L, x = (torch.randn(3, 5, generator=draw, dtype=torch.float64) for _ in range(3))
        f_L, f_H = (lambda h, M=M: torch.tanh(h @ M) for M in (A, B))
        given = f_L, f_H, z_H, z_L, x, N, T
        found = call(answer, *given)
        if not isinstance(found, (tuple, list)) or len(found) < 2:
            raise Wrong("your function should return two tensors, z_H and z_L.")
        H, L = (tensor(one, name, (3, 5)) for one, name in zip(found, ("z_H", "z_L"), strict=False))
        true_H, true_L = _printed(*given)
        if same(H, true_H) and same(L, true_L):
            continue
        if same(L, true_H) and same(H, true_L):
            raise Wrong("the two states are the right ones, in the wrong order: z_H first.")
        for wrong, said in (
            ({}, "your controller reads the new state of the worker, as the paper's code does, not the printed one."),
            ({"back": True}, "the controller reads the right state, but your worker then goes on from there, too: its "
             "last step is lost."),
            ({"stale": True}, "your controller reads the state from the beginning of the cycle. It should be the one "
             "from before the *last* step."),
        ):  # fmt: skip
            wrong_H, wrong_L = _as_published(*given, **wrong)
            if same(H, wrong_H) and same(L, wrong_L):
                raise Wrong(said)
        raise Wrong(
            f"with N = {N} and T = {T} the states are not those of the formula. Write it down index by index for one "
            "cycle, and see which z_L each f_H gets."
        )
    return (
        "At T = 2 the trained model solves a few per cent less with the misprint. At T = 1 it solves nothing: the "
        "printed controller reads a state that is a whole cycle old, at first the initial one."
    )
