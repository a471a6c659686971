"""What a gradient is made of and what it costs: how far back it goes, how right it is, how many bytes it keeps.

A recurrence is a deep network whose layers share their weights, so its gradient (BPTT) is a sum with one term for
each step. Stopping early leaves terms out. At a fixed point z* = F(z*; θ) the whole sum has a closed form, from the
implicit function theorem, and the early stop is a Neumann series that was cut (arXiv 2506.21734, section 2):

    ∂z*/∂θ = (I − J)⁻¹ ∂F/∂θ = (I + J + J² + …) ∂F/∂θ,   J = ∂F/∂z at z*
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from .model import HRM, Latents, Output

__all__ = [
    "Agreement",
    "Terms",
    "agreement",
    "bytes_for_backward",
    "cycle_map",
    "gradient_terms",
    "implicit_gradient",
    "jacobians",
    "unroll",
]

Step = Callable[[Tensor], Tensor]
Gradients = dict[str, Tensor]


# -- any recurrence ---------------------------------------------------------------------------------------------


def unroll(step: Step, z: Tensor, steps: int, tracked: int | None = None) -> Tensor:
    """z after ``steps`` applications of ``step``; the gradient runs through the last ``tracked`` (None: through all).

    tracked = 1 is the one-step gradient and None is BPTT; what lies between is truncated BPTT. Raises ValueError when
    more steps are to be tracked than are taken.
    """
    tracked = steps if tracked is None else tracked
    if not 0 <= tracked <= steps:
        raise ValueError(f"tracked={tracked} of {steps} steps: give a number from 0 to {steps}, or None for all.")
    for i in range(steps):
        with torch.set_grad_enabled(torch.is_grad_enabled() and i >= steps - tracked):
            z = step(z)
    return z


def jacobians(step: Step, z: Tensor) -> Tensor:
    """J = ∂step/∂z for each row, dense: (b, …) of n numbers a row → (b, n, n). Rows must not depend on each other."""
    flat = z.detach().flatten(1).requires_grad_()
    with torch.enable_grad():
        out = step(flat.view_as(z)).flatten(1)
    # The same unit vector for all rows at once: rows do not mix, so n backward passes do for the whole batch.
    lines = [
        torch.autograd.grad(out, flat, e.expand_as(out), retain_graph=True)[0] for e in torch.eye(len(out[0])).to(z)
    ]
    return torch.stack(lines, 1)


def implicit_gradient(
    step: Step, z: Tensor, loss: Callable[[Tensor], Tensor], parameters: Iterable[Tensor]
) -> list[Tensor]:
    """The gradient of ``loss(z*)`` for z* = step(z*) by the implicit function theorem: one tensor a parameter.

    z: (b, …), the fixed point; nothing checks that it is one.
    A reference and no method: it builds (b, n, n) Jacobians and solves with them. Use float64. ``loss`` may depend on
    the parameters as well.
    """
    parameters = list(parameters)
    z = z.detach().requires_grad_()
    with torch.enable_grad():
        direct = torch.autograd.grad(loss(z), [z, *parameters], allow_unused=True, materialize_grads=True)
        # u = (I − J)⁻ᵀ ∂loss/∂z, row by row
        v = direct[0].flatten(1)
        system = torch.eye(v.shape[1]).to(v) - jacobians(step, z).transpose(1, 2)
        u = torch.linalg.solve(system, v).view_as(z)
        through = torch.autograd.grad(step(z.detach()), parameters, u, allow_unused=True, materialize_grads=True)
    return [a + b for a, b in zip(direct[1:], through, strict=True)]


# -- HRM --------------------------------------------------------------------------------------------------------


@dataclass
class Terms:
    """The gradient of one segment, taken apart by step. Lists begin with the last step, where the gradient begins."""

    parts: str
    """Who stepped: "L" or "H", the last step first"""
    signal: Tensor
    """(steps + 1, batch): ‖∂loss/∂(z_H, z_L)‖ after the last step, before it, before the one before it, …"""
    read_out: Gradients
    """What reaches f_O and the Q head; it passes through no step"""
    steps: list[Gradients]
    """What reaches θ through each step alone"""

    def last(self, tracked: int | None = None) -> Gradients:
        """The gradient through the last ``tracked`` steps: 2 is HRM's one step, None all (BPTT)."""
        total = {name: value.clone() for name, value in self.read_out.items()}
        for step in self.steps[:tracked]:
            for name, value in step.items():
                total[name] += value
        return total


def gradient_terms(
    model: HRM,
    tokens: Tensor,
    loss: Callable[[Output], Tensor],
    z: Latents | None = None,
    puzzle_ids: Tensor | None = None,
) -> Terms:
    """Backpropagation through one segment, by hand, with the parts of the sum kept apart.

    loss: a scalar from the segment's `Output`. z: where the segment begins; None: the initial latents.
    It goes back through all steps whatever ``config.gradient`` says; ``.last(k)`` is what stopping after k steps
    would have given.
    """
    names, parameters = zip(*model.named_parameters(), strict=True)
    z_H, z_L = model.initial_latents(len(tokens)) if z is None else z
    with torch.enable_grad():
        x = model.input_net(tokens, puzzle_ids)
    visited = []
    with torch.no_grad():
        for part in model.schedule():
            visited.append((part, z_H, z_L))
            z_H, z_L = model.advance(part, z_H, z_L, x)

    def back(outputs, inputs, vectors=None, keep=False):
        found = torch.autograd.grad(
            outputs, inputs, vectors, retain_graph=keep, allow_unused=True, materialize_grads=True
        )
        return found[: len(inputs) - len(parameters)], dict(zip(names, found[-len(parameters) :], strict=True))

    with torch.enable_grad():
        z_H, z_L = (t.detach().requires_grad_() for t in (z_H, z_L))
        signal, read_out = back(loss(model.read_out(z_H, z_L)), [z_H, z_L, *parameters])
        sizes, steps = [_length(signal)], []
        for part, z_H, z_L in reversed(visited):
            z_H, z_L, here = (t.detach().requires_grad_() for t in (z_H, z_L, x))
            (*signal, to_x), term = back(
                model.advance(part, z_H, z_L, here), [z_H, z_L, here, *parameters], list(signal)
            )
            _, through_input = back(x, list(parameters), to_x, keep=True)
            steps.append({name: term[name] + through_input[name] for name in names})
            sizes.append(_length(signal))
    return Terms("".join(part for part, _, _ in reversed(visited)), torch.stack(sizes), read_out, steps)


def _length(signal) -> Tensor:
    return torch.cat([s.flatten(1) for s in signal], 1).norm(dim=1)


def cycle_map(model: HRM, tokens: Tensor, puzzle_ids: Tensor | None = None) -> Step:
    """One cycle (T worker steps, one controller step) as a map of (b, 2, positions, d): z_H and z_L stacked.

    This is HRM as *one* recurrence, to which fixed points, `jacobians` and `fixed_points.spectral_radius` apply.
    """
    parts = model.schedule()[: len(model.schedule()) // model.config.cycles]

    def step(z: Tensor) -> Tensor:
        z_H, z_L = z.unbind(1)
        x = model.input_net(tokens, puzzle_ids)  # here, so that the gradient reaches θ_I
        for part in parts:
            z_H, z_L = model.advance(part, z_H, z_L, x)
        return torch.stack((z_H, z_L), 1)

    return step


# -- comparing --------------------------------------------------------------------------------------------------


class Agreement(NamedTuple):
    """How one gradient stands to another."""

    cosine: float
    """1: the same direction; 0: none in common"""
    ratio: float
    """Length, as a share of the reference's"""


def agreement(gradient: Gradients, reference: Gradients) -> dict[str, Agreement]:
    """Cosine and ratio of lengths for each part of the model (the first word of the names), and for "all" together.

    Raises ValueError when the two do not have the same names.
    """
    if gradient.keys() != reference.keys():
        odd = sorted(gradient.keys() ^ reference.keys())
        raise ValueError(f"only one of the two gradients has {', '.join(odd)}: compare gradients of the same model.")
    groups: dict[str, list[str]] = {"all": list(reference)}
    for name in reference:
        groups.setdefault(name.split(".")[0], []).append(name)
    return {group: _agree(gradient, reference, names) for group, names in groups.items()}


def _agree(gradient: Gradients, reference: Gradients, names: list[str]) -> Agreement:
    a, b = (torch.cat([g[name].flatten() for name in names]).double() for g in (gradient, reference))
    lengths = a.norm(), b.norm()
    if not lengths[1]:
        return Agreement(float("nan"), float("nan"))
    cosine = (a @ b / (lengths[0] * lengths[1])).item() if lengths[0] else 0.0
    return Agreement(cosine, (lengths[0] / lengths[1]).item())


# -- memory -----------------------------------------------------------------------------------------------------


def bytes_for_backward(run: Callable[[], object], there_anyway: Iterable[Tensor] = ()) -> int:
    """Bytes of memory that ``run()`` leaves saved for a backward pass, each piece of memory counted once.

    there_anyway: tensors not to count, such as the weights: ``model.parameters()``. What ``run`` returns is dropped.
    With the one-step gradient the number does not depend on N·T; with the full gradient (BPTT) it grows with it.
    """
    counted = {tensor.untyped_storage().data_ptr() for tensor in there_anyway}
    total = 0

    def keep(tensor: Tensor) -> Tensor:
        nonlocal total
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in counted:
            counted.add(storage.data_ptr())
            total += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = run()  # held until the hooks are gone: memory that was freed could be counted under its old address
    del result
    return total
