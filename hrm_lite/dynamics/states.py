"""What is in a state: how many directions it uses, what can be read off it, and what happens when it is pushed.

All of it works on plain tensors of numbers, so that a trained network, an untrained one and the input itself go through
the same functions. That is the point: none of these measurements says anything without its control.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..model import HRM, Latents

__all__ = ["Probe", "directions", "fit_probe", "nudge", "participation_ratio", "run_frozen"]


def participation_ratio(samples: Tensor) -> float:
    """(Σλ)² / Σλ² of the covariance of ``samples`` (n, d): how many directions carry the variance, from 1 to d.

    It cannot exceed n − 1: few samples look low-dimensional whatever they are samples of. ValueError where there is
    nothing to vary: fewer than two samples, or all alike.
    """
    if samples.dim() != 2 or len(samples) < 2:
        raise ValueError(f"a participation ratio needs samples (n, d) with n ≥ 2, and these are {tuple(samples.shape)}")
    z = samples.double()
    z = z - z.mean(0)
    # The eigenvalues themselves are not needed: Σλ is a trace and Σλ² a sum of squares, and both are the same for
    # ZᵀZ and ZZᵀ. So the smaller of the two will do.
    gram = z.T @ z if z.shape[0] >= z.shape[1] else z @ z.T
    squares = gram.square().sum()
    if squares == 0:
        raise ValueError("all samples are alike: no direction carries any variance")
    return (gram.trace().square() / squares).item()


def directions(samples: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Principal axes of ``samples`` (n, d): their mean (d,), ``count`` axes (d, count), all shares of variance (d,).

    An axis is as good as its mirror image; here the largest entry of each is positive, so that the same samples give
    the same picture.
    """
    z = samples.double()
    middle = z.mean(0)
    values, axes = torch.linalg.eigh((z - middle).T @ (z - middle))
    values, axes = values.flip(0).clamp(min=0), axes.flip(1)[:, :count]
    axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
    return middle, axes, values / values.sum()


@dataclass
class Probe:
    """A linear map from states to classes, fitted by least squares."""

    weights: Tensor
    """(d + 1, classes); the last row is the constant"""

    def __call__(self, states: Tensor) -> Tensor:
        """The class of each state: (…, d) → (…)."""
        return (states.double() @ self.weights[:-1] + self.weights[-1]).argmax(-1)


def fit_probe(states: Tensor, classes: Tensor, count: int, ridge: float = 1.0) -> Probe:
    """The probe that reads ``classes`` (n,), numbers below ``count``, off ``states`` (n, d).

    Least squares towards one-hot targets, with a penalty on the weights and none on the constant: a formula and no
    training, so the same data give the same probe. Judge it on other states than these.
    """
    if len(states) != len(classes):
        raise ValueError(f"{len(states)} states and {len(classes)} classes: a probe needs one for each")
    z, target = states.double(), torch.nn.functional.one_hot(classes.long(), count).double()
    middle, base = z.mean(0), target.mean(0)
    z = z - middle
    penalty = ridge * torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    weights = torch.linalg.solve(z.T @ z + penalty, z.T @ (target - base))
    return Probe(torch.cat((weights, (base - middle @ weights)[None])))


def nudge(z: Tensor, size: float, generator: torch.Generator) -> Tensor:
    """``z`` (batch, …) moved in a random direction, each row by ``size`` times its own length.

    The direction is drawn on the processor's generator, so that a push is the same on every machine.
    """
    push = torch.randn(z.shape, generator=generator).to(z)
    rows = (-1,) + (1,) * (z.dim() - 1)
    return z + push * (size * z.flatten(1).norm(dim=1) / push.flatten(1).norm(dim=1)).view(rows)


@torch.no_grad()
def run_frozen(model: HRM, z: Latents, tokens: Tensor, segments: int, frozen: str = "") -> Tensor:
    """Answers after each segment (segments, batch, seq_len), from ``z``, with a part standing still.

    frozen: "H", the controller's state stays as it is in ``z``; "L", the worker's; "": neither. As the answer is read
    off z_H, a frozen controller is applied once for each look, ȳ = f_O(f_H(z_H, z_L)), and put back, as in
    `dynamics.answers`.
    """
    if frozen not in ("", "H", "L"):
        raise ValueError(f'frozen={frozen!r}: it should be "H", "L" or "" for neither')
    (z_H, z_L), x, shown = z, model.input_net(tokens), []
    for _ in range(segments):
        for part in model.schedule():
            if part != frozen:
                z_H, z_L = model.advance(part, z_H, z_L, x)
        look = model.advance("H", z_H, z_L, x)[0] if frozen == "H" else z_H
        shown.append(model.read_out(look, z_L).logits.argmax(-1))
    return torch.stack(shown)
