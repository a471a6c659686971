"""Where a recurrence comes to rest: plain iteration, Anderson acceleration, and how hard the map pulls there.

A fixed point of f is a state with f(z*) = z*. All functions here take a batch of independent rows, f: (batch, …) →
(batch, …), and treat each row as a problem of its own: a row that has arrived waits for the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

__all__ = [
    "FixedPoint",
    "NoConvergence",
    "anderson",
    "fixed_point",
    "jacobian_norm",
    "lyapunov_factor",
    "spectral_radius",
]

Map = Callable[[Tensor], Tensor]


@dataclass
class FixedPoint:
    """Where an iteration ended, and how it went."""

    z: Tensor
    """(batch, …) the states at the end"""
    distances: Tensor
    """(evaluations, batch) ‖f(z) − z‖ at each state that was tried; constant once a row has arrived"""
    converged: Tensor
    """(batch,) bool"""
    steps: Tensor
    """(batch,) evaluations of f that each row took"""


class NoConvergence(RuntimeError):
    """Some row did not arrive. ``result`` holds the `FixedPoint` reached so far."""

    def __init__(self, message: str, result: FixedPoint):
        super().__init__(message)
        self.result = result


def fixed_point(f: Map, z0: Tensor, tolerance: float = 1e-6, max_steps: int = 1000, strict: bool = True) -> FixedPoint:
    """Repeat z ← f(z) from ``z0`` (batch, …) until ‖f(z) − z‖ ≤ tolerance · max(1, ‖z‖) in every row.

    The norm runs over all dimensions but the first. It is relative for long states and absolute for short ones, so
    that a fixed point at zero can be reached. f is called under no_grad.

    Raises `NoConvergence` when rows have not arrived after ``max_steps`` evaluations (strict=False returns them as they
    are), or when f leaves the finite numbers; ValueError for a z0 or an f(z0) that cannot be iterated.
    """
    return _iterate(f, z0, lambda z, fz: fz, tolerance, max_steps, strict)


def anderson(
    f: Map,
    z0: Tensor,
    memory: int = 5,
    tolerance: float = 1e-6,
    max_steps: int = 1000,
    strict: bool = True,
) -> FixedPoint:
    """The same point by Anderson acceleration (1965): a step is a mixture of the last ``memory`` + 1 values of f.

    With g = f(z) − z, the weights are those for which the same mixture of the last g is shortest: least squares in
    ``memory`` unknowns. Where f is linear and memory ≥ its dimension n, it arrives after n + 1 evaluations, up to
    rounding (Walker and Ni, 2011: it is then GMRES). memory = 0 is `fixed_point`. Elsewhere as `fixed_point`.
    """
    if memory < 0:
        raise ValueError(f"memory counts the earlier states to mix in, so it is 0 or more; got {memory}.")
    states: list[Tensor] = []
    values: list[Tensor] = []

    def mix(z: Tensor, fz: Tensor) -> Tensor:
        states.append(z.flatten(1))
        values.append(fz.flatten(1))
        del states[: -memory - 1], values[: -memory - 1]
        if len(states) == 1:
            return fz
        F, Z = torch.stack(values, -1), torch.stack(states, -1)  # (batch, n, up to memory + 1)
        dF, dG = F.diff(dim=-1), (F - Z).diff(dim=-1)
        # The pseudo-inverse, because near the end the differences are almost parallel, and a plain solve would blow up.
        gamma = torch.linalg.pinv(dG) @ (F - Z)[..., -1:]
        return (F[..., -1:] - dF @ gamma).view_as(fz)

    return _iterate(f, z0, mix, tolerance, max_steps, strict)


@torch.no_grad()
def _iterate(f: Map, z0: Tensor, advance, tolerance: float, max_steps: int, strict: bool) -> FixedPoint:
    _check_start(z0)
    if not tolerance > 0 or max_steps < 1:
        raise ValueError(f"tolerance must be above 0 and max_steps at least 1; got {tolerance} and {max_steps}.")
    z, distances = z0, []
    converged = torch.zeros(len(z0), dtype=torch.bool, device=z0.device)
    steps = torch.zeros(len(z0), dtype=torch.long, device=z0.device)
    while True:
        fz = f(z)
        _check_value(fz, z)
        distance = (fz - z).flatten(1).norm(dim=1)
        distances.append(torch.where(converged, distances[-1], distance) if distances else distance)
        steps += ~converged
        bad = ~torch.isfinite(distance) & ~converged
        if bad.any():
            result = FixedPoint(z, torch.stack(distances), converged, steps)
            raise NoConvergence(
                f"f left the finite numbers at evaluation {len(distances)}, in {_rows(bad)}. It pushes states apart "
                "there: start closer to a fixed point, or use a map with a smaller spectral radius.",
                result,
            )
        arrived = ~converged & (distance <= tolerance * z.flatten(1).norm(dim=1).clamp(min=1))
        following = advance(z, fz)
        # A row that arrives takes the value of f, which is the closer of the two; after that it does not move.
        z = torch.where(_wide(converged, z), z, torch.where(_wide(arrived, z), fz, following))
        converged = converged | arrived
        if converged.all() or len(distances) == max_steps:
            break
    result = FixedPoint(z, torch.stack(distances), converged, steps)
    if strict and not converged.all():
        raise NoConvergence(
            f"{_rows(~converged)} of {len(z0)} had not arrived after {max_steps} evaluations; the furthest moves by "
            f"{result.distances[-1][~converged].max():.2e} a step and should move by less than {tolerance:.0e} of "
            "its length. Give more max_steps, a wider tolerance, or strict=False to get it as it is.",
            result,
        )
    return result


def spectral_radius(f: Map, z: Tensor, steps: int = 300, seed: int = 0) -> Tensor:
    """The largest |eigenvalue| of the Jacobian of f at each row of z (batch, …): (batch,), of z's dtype.

    At a fixed point this is the factor by which a small distance shrinks at each step in the long run: below 1 the
    point attracts. Power iteration with Jacobian-vector products: the growth of a random vector, averaged over the
    second half of ``steps``, so that a complex pair of eigenvalues, which makes the growth swing, averages out.
    Use float64. Raises ValueError for a z that is not finite.
    """
    return _mean_growth(f, z, steps, seed, follow=False)


def lyapunov_factor(f: Map, z: Tensor, steps: int = 300, seed: int = 0) -> Tensor:
    """By what factor a tiny difference grows at each step on the path z, f(z), f(f(z)), …, on average: (batch,).

    The same as `spectral_radius` where z is a fixed point. On a path that does not settle it tells what that number
    cannot: below 1 all near paths join this one (a cycle that attracts), above 1 they part (chaos). It is the
    exponential of the largest Lyapunov exponent. Only the second half of ``steps`` counts.
    """
    return _mean_growth(f, z, steps, seed, follow=True)


def _mean_growth(f: Map, z: Tensor, steps: int, seed: int, follow: bool) -> Tensor:
    _check_start(z)
    v, growth = _random_direction(z, seed), []
    for _ in range(steps):
        fz, Jv = _jvp(f, z, v)
        v, length = _unit(Jv)
        growth.append(length)
        z = fz if follow else z
    return torch.stack(growth[steps // 2 :]).clamp(min=1e-300).log().mean(0).exp()


def jacobian_norm(f: Map, z: Tensor, steps: int = 100, seed: int = 0) -> Tensor:
    """The largest singular value of the Jacobian of f at each row of z: (batch,). Never below the spectral radius.

    It is the most that a single step can stretch a small distance, in the worst direction. If it were below 1
    everywhere, f would be a contraction in the Euclidean norm. Power iteration on JᵀJ. Use float64.
    """
    _check_start(z)
    v = _random_direction(z, seed)
    for _ in range(steps):
        w, stretch = _unit(_jvp(f, z, v)[1])
        with sdpa_kernel(SDPBackend.MATH):
            (v,) = torch.func.vjp(f, z)[1](w)
        v, _ = _unit(v)
    return stretch


def _jvp(f: Map, z: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """f(z), and its derivative in the direction v."""
    # The fused attention kernels have no forward-mode derivative; the written-out one has.
    with sdpa_kernel(SDPBackend.MATH):
        fz, Jv = torch.func.jvp(f, (z,), (v,))
    return fz.detach(), Jv.detach()


def _random_direction(z: Tensor, seed: int) -> Tensor:
    v = torch.randn(z.shape, dtype=z.dtype, generator=torch.Generator().manual_seed(seed))
    return _unit(v.to(z.device))[0]


def _unit(v: Tensor) -> tuple[Tensor, Tensor]:
    """Each row divided by its length, and the lengths. A row of zeros stays: its map ignores the state."""
    length = v.flatten(1).norm(dim=1)
    return v / _wide(torch.where(length > 0, length, 1), v), length


def _wide(rows: Tensor, like: Tensor) -> Tensor:
    return rows.view(-1, *[1] * (like.ndim - 1))


def _rows(mask: Tensor) -> str:
    found = mask.nonzero().flatten().tolist()
    return f"row {found[0]}" if len(found) == 1 else f"{len(found)} rows ({', '.join(map(str, found[:3]))}, …)"


def _check_start(z0: Tensor) -> None:
    if not isinstance(z0, Tensor) or not z0.is_floating_point() or z0.ndim < 2 or not len(z0):
        what = f"{z0.dtype} of shape {tuple(z0.shape)}" if isinstance(z0, Tensor) else type(z0).__name__
        raise ValueError(
            f"the states must be a floating-point tensor (batch, …) with at least one row; got {what}. "
            "Give a single vector as z[None]."
        )
    if not math.isfinite(z0.abs().sum().item()):
        raise ValueError(f"the states are not finite in {_rows(~torch.isfinite(z0.flatten(1)).all(1))}.")


def _check_value(fz: Tensor, z: Tensor) -> None:
    if not isinstance(fz, Tensor) or fz.shape != z.shape or fz.dtype != z.dtype:
        got = f"{fz.dtype} {tuple(fz.shape)}" if isinstance(fz, Tensor) else type(fz).__name__
        raise ValueError(
            f"f must return what it takes, {z.dtype} {tuple(z.shape)}; it returned {got}. A map that changes the "
            "shape or the precision cannot be repeated."
        )
