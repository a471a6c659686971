"""Checks of chapter 2, fixed points."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .base import Wrong, call, exercise, number, tensor

__all__: list[str] = []


def _slope() -> float:
    """The slope of 1.6 cos z at its fixed point, found by halving an interval."""
    low, high = 0.0, 1.6
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if 1.6 * math.cos(middle) > middle else (low, middle)
    return -1.6 * math.sin(low)


@exercise("2.1", "the number α at which the damped iteration settles fastest")
def damping(answer) -> str:
    s = _slope()
    alpha, best = number(answer, "α", 0, 1), 1 / (1 - s)
    left = abs(1 - alpha + alpha * s)
    if abs(alpha - best) < 0.005:
        return (
            f"The slope of the damped map is 1 − α + α s, with s = −{-s:.3f}, and it is 0 at α = 1/(1 − s). Near the "
            "fixed point this step is Newton's. It settles for all α below 2/(1 − s), and at α = 1 it swings."
        )
    if abs(alpha - 2 * best) < 0.02:
        raise Wrong("that is the largest α that settles at all. Where is the damped slope not −1, but 0?")
    if abs(alpha - (1 - best)) < 0.005:
        raise Wrong("that is the share of the old state. α is the share of the new one.")
    if abs(alpha + 1 / s) < 0.005:
        raise Wrong("the old state counts, too: what is the derivative of (1 − α) z by z?")
    raise Wrong(
        f"with α = {alpha:.3f} each step leaves {left:.0%} of the error. Write down the slope of the damped map at z*. "
        "Which slope leaves nothing?"
    )


@exercise("2.2", "a 2 × 2 matrix with spectral radius 0.5")
def up_and_down(answer) -> str:
    M = tensor(answer, "the matrix", (2, 2))
    radius = torch.linalg.eigvals(M).abs().max().item()
    power, reach = torch.eye(2, dtype=M.dtype), []
    for _ in range(200):
        power = M @ power
        reach.append(torch.linalg.matrix_norm(power, 2).item())
    if radius > 1:
        raise Wrong(f"its spectral radius is {radius:.3g}, so lengths go up and never come down.")
    if abs(radius - 0.5) > 0.01:
        raise Wrong(f"its spectral radius is {radius:.3g}. Where do the eigenvalues of a triangular matrix stand?")
    if torch.linalg.matrix_norm(M, 2) < radius + 0.01:
        raise Wrong(
            "no step lengthens anything: norm and spectral radius are the same, as in every symmetric matrix and every "
            "rotation. Its eigenvectors stand at right angles. They must not."
        )
    if max(reach) <= 10:
        raise Wrong(f"it lengthens some z by {max(reach):.3g}, and not by more than 10. What else is free to grow?")
    return (
        "The norm speaks for one step, the spectral radius for the long run, and in between there is a hump. With 0.5 "
        "twice on the diagonal and b beside it, lengths go like k · 0.5^(k−1) · b: from step to step they change by "
        "0.5 (k + 1)/k, which is 1 at first and comes near 0.5 only slowly. So a residual that rises is no sign of "
        "failure, and one that falls at first is no sign of success."
    )


@exercise("2.3", "a function of a factor q and an error, that returns the length of a step")
def when_to_stop(longest) -> str:
    for q in (0.3, 0.7, 0.95, 0.999):
        z, end = 0.0, 1 / (1 - q)
        for _ in range(7):
            before, z = z, q * z + 1
        step, error = z - before, end - z  # the map z ← q z + 1, of which everything is known
        found = number(call(longest, q, error), "what your function returns")
        if math.isclose(found, step, rel_tol=1e-6):
            continue
        if math.isclose(found, error, rel_tol=1e-6):
            raise Wrong(f"a step as short as the error is not enough: with q = {q} the end may be far away still.")
        if math.isclose(found, error * q / (1 - q), rel_tol=1e-6):
            raise Wrong("that is the error that a step of this length leaves. The question is the other way round.")
        if math.isclose(found, error * (1 - q), rel_tol=1e-6):
            raise Wrong(
                f"that is safe, but it waits longer than it must (q = {q}): it bounds the distance *before* the step."
            )
        if 0 < found < step:
            raise Wrong(f"safe, but too careful: with q = {q} a step of {step:.3g} leaves no more than {error:.3g}.")
        raise Wrong(
            f"z ← {q} z + 1 is at a distance of {error:.4g} from its end after a step of {step:.4g}, and your function "
            f"says {found:.4g}."
        )
    return (
        "At q = 0.999 an error of 1 is left after a step of 0.001. A short step tells little about the distance unless "
        "the rate is known; a residual of 0.1 % may stand for an error of any size."
    )


def _maps() -> list[tuple[str, Tensor]]:
    draw = torch.Generator().manual_seed(4)
    found = [("a 2 × 2 matrix with the eigenvalue 0.5 twice", torch.tensor([[0.5, 20.0], [0.0, 0.5]]).double())]
    for n, radius in ((3, 0.6), (6, 0.95)):
        J = torch.randn(n, n, generator=draw, dtype=torch.float64)
        J = J + 3 * torch.randn(n, n, generator=draw, dtype=torch.float64).triu(1)
        found.append((f"a {n} × {n} matrix", radius * J / torch.linalg.eigvals(J).abs().max()))
    return [*found[1:], ("the chain with g = 2, six bits long", 2 * torch.ones(5).double().diag(-1)), found[0]]


def _worst(S: Tensor, J: Tensor) -> float:
    """The norm of S J S⁻¹; infinite where S has no inverse."""
    J = J.to(S.dtype)
    try:
        return torch.linalg.matrix_norm(torch.linalg.solve(S.mT, (S @ J).mT).mT, 2).item()
    except RuntimeError:
        return math.inf


_NO_AXES = (
    "for {} it would take the inverse of a singular matrix. Eigenvectors may all point the same way, and then they are "
    "no axes: use a length that never needs them."
)


def _root(P: Tensor) -> Tensor | None:
    """S with SᵀS = P, if there is one."""
    S, failed = torch.linalg.cholesky_ex(P.real, upper=True)
    return None if failed else S


@exercise("2.4", "a function of a matrix J (n, n) that returns a matrix S (n, n)")
def new_length(shape) -> str:
    for name, J in _maps():
        try:
            S = tensor(call(shape, J), "what your function returns", tuple(J.shape))
        except Wrong as wrong:
            if "singular" in str(wrong.__cause__).lower():
                raise Wrong(_NO_AXES.format(name)) from wrong
            raise
        worst, plain = _worst(S, J), torch.linalg.matrix_norm(J, 2).item()
        if worst < 1:
            continue
        if abs(worst - plain) < 1e-6:
            raise Wrong(f"this S changes nothing: for {name} the norm of S J S⁻¹ is {worst:.3g}, as without it.")
        if math.isfinite(worst) and _worst(torch.linalg.inv(S), J) < 1:
            raise Wrong("that is the inverse of an S that works: the new length of v is the usual length of S v.")
        if (root := _root(S)) is not None and _worst(root, J) < 1:
            raise Wrong("your matrix holds the new length *squared*, as vᵀ P v. Which S has SᵀS = P?")
        if not math.isfinite(worst) or torch.linalg.cond(S) > 1e12:
            raise Wrong(_NO_AXES.format(name))
        raise Wrong(f"for {name} the norm of S J S⁻¹ is {worst:.3g}, and should be below 1; ‖J‖ is {plain:.3g}.")
    return (
        "Wherever ρ < 1 there is a length in which every step shrinks: count how far a difference will travel in all. "
        "One step takes the first leg off. So ‘contraction’ is a word about a length, and ρ is not; Banach's bound "
        "holds in the new length, and may say nothing useful in the old one."
    )
