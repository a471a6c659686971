"""Checks of the appendix on the recipe: the optimizer and the loss."""

from __future__ import annotations

import torch

from ..training.optim import AdamAtan2
from .base import Wrong, call, exercise, number, tensor

__all__: list[str] = []


@exercise("A.1", "the largest r = m/√v for β₁ = 0.9 and β₂ = 0.95, one number")
def largest(answer) -> str:
    found = number(answer, "r")
    k = torch.arange(20_000, dtype=torch.float64)
    g = (0.9 / 0.95) ** k  # by these gradients, newest first, the bound of Cauchy and Schwarz is reached
    true = float((0.1 * 0.9**k * g).sum() / (0.05 * 0.95**k * g * g).sum().sqrt())
    if abs(found - true) < 2e-3:
        return (
            "1.165, so the angle of (√v, m) never comes near π/2. With β₂ = 0.999 it is 7.27: v forgets slowly, a "
            "gradient "
            "that suddenly grows finds a small √v, and Adam takes a step of several learning rates where Adam-atan2 "
            "takes "
            "at most π/2. The published betas seldom create that situation."
        )
    if abs(found - 1) < 2e-3:
        raise Wrong("a gradient that never changes has r = 1. One that grows from update to update has more.")
    if abs(found - torch.tensor(true).atan().item()) < 2e-3:
        raise Wrong("that is the angle. The question is about r itself.")
    if abs(found - true**2) < 2e-3:
        raise Wrong("that is r². Cauchy and Schwarz speak of squares: take the root.")
    if abs(found - 7.27) < 0.03:
        raise Wrong("that is the bound for β₂ = 0.999. Here β₂ = 0.95.")
    if found > true:
        raise Wrong(
            f"r = {found:.3f} cannot be reached: m and v forget at nearly the same rate, so a jump shows in both."
        )
    raise Wrong(f"there are gradients with more than {found:.3f}: let them grow by β₂/β₁ from each update to the next.")


@exercise("A.2", "a function of w, m, v, g and t, and of rate and decay, that returns the new w, m and v")
def update(step) -> str:
    draw = torch.Generator().manual_seed(2)
    start = torch.randn(6, generator=draw, dtype=torch.float64)
    stream = torch.randn(4, 6, generator=draw, dtype=torch.float64) * torch.logspace(-6, 2, 6)
    for rate, decay in ((0.1, 0.0), (0.1, 0.5)):
        kept = torch.nn.Parameter(start.clone())
        optimizer = AdamAtan2([kept], lr=rate, betas=(0.9, 0.95), weight_decay=decay)
        w, m, v = start.clone(), torch.zeros_like(start), torch.zeros_like(start)
        for t, g in enumerate(stream, 1):
            before = kept.detach().clone()
            kept.grad = g.clone()
            optimizer.step()
            found = call(step, w, m, v, g, t, rate, decay)
            if not isinstance(found, (tuple, list)) or len(found) != 3:
                raise Wrong("return three things: the new w, m and v.")
            w, m, v = (tensor(one, name, (6,)) for one, name in zip(found, "wmv", strict=True))
            if torch.allclose(w, kept.detach(), rtol=1e-6, atol=1e-9):
                continue
            moved, true = w - before, kept.detach() - before
            if t == 1 and torch.allclose(moved, -true, rtol=1e-6) and decay == 0:
                raise Wrong("the weight goes uphill: the angle is subtracted.")
            other = rate * (torch.pi / 2 - true.abs() / rate)
            if decay == 0 and t == 1 and torch.allclose(moved.abs(), other, atol=1e-6):
                raise Wrong("the arguments of atan2 are exchanged: it is atan2(m, √v).")
            if decay == 0 and t == 1:
                raise Wrong(
                    "the first update is off. m and v begin at 0 and are too small at first: divide v by 1 − β₂^t "
                    "within "
                    "the root, and the angle by 1 − β₁^t."
                )
            if decay and t == 1:
                raise Wrong(
                    "with decay the weight is off. The weight shrinks by 1 − rate · decay on its own; the decay is "
                    "no part "
                    "of the gradient, whose size an angle does not see."
                )
            raise Wrong(f"update {t} is off: m and v have to be averages, β of the old and 1 − β of the new.")
    return (
        "Mixed into the gradient, a decay that is the only gradient has nothing but its size, and the angle does not "
        "care "
        "for size: the weight would march to zero at full step, however small the decay."
    )


@exercise("A.3", "a function of scores (cells, classes) and labels (cells,) that returns a loss for each cell")
def stablemax(loss) -> str:
    draw = torch.Generator().manual_seed(3)
    scores = 4 * torch.randn(50, 11, generator=draw, dtype=torch.float64)
    labels = torch.randint(11, (50,), generator=draw)
    s = torch.where(scores < 0, 1 / (1 - scores), scores + 1)
    picked = (s / s.sum(1, keepdim=True))[torch.arange(50), labels]
    found = tensor(call(loss, scores, labels), "the loss", (50,))
    if torch.allclose(found, -picked.log(), rtol=1e-4, atol=1e-5):
        return (
            "It grows with the logarithm of a score and not with the score, so a cell that is right goes on teaching: "
            "softmax's pull becomes exactly zero in float32, stablemax's never does."
        )
    if torch.allclose(found, torch.nn.functional.cross_entropy(scores, labels, reduction="none"), rtol=1e-4):
        raise Wrong("that is softmax. Put s(x) in the place of the exponential.")
    if torch.allclose(found, picked, rtol=1e-4, atol=1e-6):
        raise Wrong("that is the probability of the label. The loss is minus its logarithm.")
    if torch.allclose(found, picked.log(), rtol=1e-4, atol=1e-6):
        raise Wrong("the sign: a loss is minus the logarithm of a probability.")
    flat = torch.where(scores < 0, 0, scores + 1)
    if torch.allclose(found, -(flat / flat.sum(1, keepdim=True))[torch.arange(50), labels].log(), equal_nan=True):
        raise Wrong("for scores below 0, s(x) is 1/(1 − x), which is small and never 0.")
    if (found < 0).any():
        raise Wrong("some losses are negative: s(x) has to be positive, and its shares have to add up to 1.")
    raise Wrong(f"cell 1 has a loss of {found[0]:.3f}, not that of stablemax. Check both branches of s, and the sum.")
