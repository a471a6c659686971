"""Checks of chapter 5, the one-step gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from ..gradients import unroll
from .base import Wrong, call, exercise, number, tensor

__all__: list[str] = []


# -- 5.1 --------------------------------------------------------------------------------------------------------


def _share(w: float, k: int) -> float:
    """By autograd: the gradient through the last k steps of z ← w z + 1 at rest, as a share of all of it."""
    slope = torch.tensor(w, dtype=torch.float64, requires_grad=True)
    short, full = (
        torch.autograd.grad(unroll(lambda z: slope * z + 1, 0 * slope.detach(), 900, back), slope)[0]
        for back in (k, None)
    )
    return (short / full).item()


@exercise("5.1", "a function of w and k that returns a share")
def share(shares) -> str:
    tried = ((0.5, 1), (0.9, 1), (0.9, 4), (-0.5, 1), (-0.5, 2), (-0.9, 3))
    found = [number(call(shares, w, k), "what your function returns") for w, k in tried]
    typical = {
        "that is what is missing, not what is there.": lambda w, k: w**k,
        "that is right for one step back, and k steps are asked for.": lambda w, k: 1 - w,
        "that is one term too many: k = 1 is the last step alone.": lambda w, k: 1 - w ** (k + 1),
        "it is right for positive w. Sum the terms once by hand for w = −0.5: does the sign vanish?": (
            lambda w, k: 1 - abs(w) ** k
        ),
        "that is the sum of the terms. Divide it by the sum of all of them.": lambda w, k: (1 - w**k) / (1 - w),
    }
    for (w, k), mine in zip(tried, found, strict=True):
        true = _share(w, k)
        if abs(mine - true) < 1e-6:
            continue
        for hint, wrong in typical.items():
            if all(abs(value - wrong(*asked)) < 1e-6 for value, asked in zip(found, tried, strict=True)):
                raise Wrong(hint)
        raise Wrong(f"for w = {w} and the last {k} of 900 steps, autograd finds {true:.4f}, and you {mine:.4f}.")
    return (
        "k terms leave out wᵏ of the gradient. For a negative w that is no loss but a swing: one step gives too much "
        "(1.5 times at w = −0.5), two too little. The sign of an eigenvalue of J decides on which side the error lies, "
        "and in many dimensions there are eigenvalues of all kinds at once."
    )


# -- 5.2 --------------------------------------------------------------------------------------------------------


def _map(seed: int, size: int, scale: float = 0.9):
    draw = torch.Generator().manual_seed(seed)
    W = torch.randn(size, size, generator=draw, dtype=torch.float64) * scale / size**0.5
    x = torch.randn(size, generator=draw, dtype=torch.float64)
    v = torch.randn(1, size, generator=draw, dtype=torch.float64)
    z = torch.zeros(1, size, dtype=torch.float64)
    for _ in range(2):  # not at rest: a u that is taken at another state differs
        z = torch.tanh(z @ W.T + x)
    return (lambda z: torch.tanh(z @ W.T + x)), z, v, ((1 - torch.tanh(z[0] @ W.T + x) ** 2)[:, None] * W)


@exercise("5.2", "a function of step, z, v and k that returns a tensor of the shape of v")
def series(neumann) -> str:
    for seed, size, k in ((0, 4, 1), (1, 5, 2), (2, 6, 5), (3, 5, 60)):
        step, z, v, J = _map(seed, size)  # J in closed form, not by autograd
        found = tensor(call(neumann, step, z, v, k), "what your function returns", (1, size))

        def total(matrix: Tensor, powers: range, v: Tensor = v) -> Tensor:
            return sum(torch.linalg.matrix_power(matrix, i) @ v[0] for i in powers)[None]

        def same(other: Tensor, found: Tensor = found) -> bool:
            return torch.allclose(found, other, rtol=1e-4, atol=1e-6)

        if same(total(J.T, range(k))):
            continue
        if k > 1 and same(total(J, range(k))):
            raise Wrong("these are powers of J. Backwards, a gradient meets Jᵀ: take vector-Jacobian products.")
        if same(total(J.T, range(1, k + 1))):
            raise Wrong("the first term is v itself, which has gone through no step.")
        if same(total(J.T, range(k + 1))):
            raise Wrong(f"with k = {k} that is one term too many: v is the first of the k.")
        if same(total(J.T, range(k - 1, k))):
            raise Wrong("that is the last term alone. Add up all k of them.")
        if same(torch.linalg.solve(torch.eye(size, dtype=v.dtype) - J.T, v[0])[None]):
            raise Wrong(f"that is the whole series, and k = {k} terms are asked for.")
        off = ((found - total(J.T, range(k))).norm() / total(J.T, range(k)).norm()).item()
        raise Wrong(f"for {size} numbers and k = {k}, it is off by {off:.1%} of its length.")
    return (
        "There is no matrix in it: k − 1 vector-Jacobian products through one recorded step, in its memory alone. "
        "It is how deep equilibrium models go backwards, where the state is at rest; with k = 1 it is the one-step "
        "gradient."
    )


# -- 5.3 --------------------------------------------------------------------------------------------------------


@exercise("5.3", "a triple (A, b, v) of a 2 × 2 matrix and two vectors of two numbers")
def uphill(given) -> str:
    if not isinstance(given, (tuple, list)) or len(given) != 3:
        raise Wrong("hand over three things, (A, b, v).")
    A, b, v = (tensor(one, name, shape) for one, name, shape in zip(given, "Abv", ((2, 2), (2,), (2,)), strict=True))
    if any(one.is_complex() for one in (A, b, v)):
        raise Wrong("take real numbers.")
    size = A.abs().max().item()
    if size == 0:
        raise Wrong("with A = 0 nothing comes through the state, and the one-step gradient is all there is.")
    if not 1e-3 < size < 1e6:
        raise Wrong("take numbers of a common size: rounding decides here.")
    # A 2 × 2 matrix whose eigenvalues are both 0 has A² = 0.
    if (A @ A).abs().max() > 1e-9 * size**2:
        rho = torch.linalg.eigvals(A).abs().max().item()
        raise Wrong(f"the spectral radius of A is {rho:.3g}, and should be 0.")
    one = (v @ b).item()
    theta = torch.ones((), dtype=torch.float64, requires_grad=True)
    full = torch.autograd.grad(v @ unroll(lambda z: A @ z + theta * b, torch.zeros_like(b), 50), theta)[0].item()
    if abs(one) < 1e-9 * (v.norm() * b.norm()).item() or one == 0:
        raise Wrong("the one-step gradient is 0 here. It should be there, and point the wrong way.")
    if one * full > 0:
        gives = f"one step gives {one:+.3g}, all steps {full:+.3g}"
        raise Wrong(f"{gives}: the two have one sign. What does the second term, v·A b, add?")
    if abs(full) < 1e-9 * abs(one):
        raise Wrong(f"one step gives {one:+.3g} and all steps 0: it is useless, and not yet wrong.")
    return (
        f"One step says {one:+.3g}, all steps {full:+.3g}: descent by the first climbs. And the recurrence is at rest "
        f"after two steps. The norm of your A is {torch.linalg.matrix_norm(A, 2).item():.2g}. The spectral radius says "
        "how the terms die in the end; what the first of them weigh is the norm's affair, and a guarantee for the "
        "one-step gradient needs a small norm."
    )


# -- 5.4 --------------------------------------------------------------------------------------------------------


@exercise("5.4", "a function of terms, go_on and draw that returns a tensor of the shape of one term")
def chance(estimate) -> str:
    tries = 2000
    for seed, (n, go_on) in enumerate(((5, 0.7), (3, 0.5))):
        draw = torch.Generator().manual_seed(seed)
        terms = 1 + torch.rand(n, 2, generator=draw, dtype=torch.float64)
        if seed:  # of both signs
            terms[1] *= -1
        found = torch.stack([
            tensor(call(estimate, terms, go_on, draw), "what your function returns", (2,)) for _ in range(tries)
        ])  # fmt: skip
        mean, full = found.mean(0), terms.sum(0)
        slack = 5 * found.std(0) / tries**0.5 + 1e-9

        def near(other: Tensor, mean: Tensor = mean, slack: Tensor = slack) -> bool:
            return bool(((mean - other).abs() < slack).all())

        reached = go_on ** torch.arange(n, dtype=torch.float64)[:, None]
        if (found - found[0]).abs().max() < 1e-9:
            if torch.allclose(found[0], full):
                raise Wrong("that is all of it, each time. The walk should stop by chance, to save memory.")
            raise Wrong("it gives the same each time. Draw from `draw` after each term whether to go on.")
        alone = (found - terms[0]).abs().max(1).values < 1e-9
        if near((terms * reached).sum(0)):
            raise Wrong("its mean is too short: a term that is reached rarely must count for more when it is.")
        if near(full / go_on):
            raise Wrong("every term counts too much by the same factor: the first one is always reached.")
        if near((terms / go_on * reached).sum(0) - terms[0] / go_on + terms[0]):
            raise Wrong("a term k steps on needs k draws in a row to be reached: its chance is a power.")
        if not near(full):
            off = (mean - full).norm() / full.norm()
            raise Wrong(f"the mean of {tries} draws is off by {off:.0%} of the full gradient, more than chance allows.")
        if abs(alone.double().mean().item() - (1 - go_on)) > 5 * (go_on * (1 - go_on) / tries) ** 0.5:
            raise Wrong(
                f"the mean is right. But the walk should end after the first term in {1 - go_on:.0%} of all cases, "
                f"and yours gives the first term alone in {alone.double().mean().item():.0%}."
            )
    return (
        "The mean is exact, so the bias is gone. It is paid for in noise: the rarer a long walk, the more it counts "
        "when it comes. And memory must suffice for the longest walk, not for the average one."
    )
