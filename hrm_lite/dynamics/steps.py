"""The computation as a movement: how far the states go at every step, and what could be read off them there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..model import HRM

__all__ = ["Moment", "Residuals", "answers", "forward_residual", "moments", "residuals"]


@dataclass
class Moment:
    """The states around one step of one part."""

    segment: int
    """Segment, from 0."""
    cycle: int
    """Cycle within the segment, from 0."""
    part: str
    """"L": the worker stepped; "H": the controller; "z": the one state of a flat recurrence"""
    before: Tensor
    """The state that moved, before the step: (batch, positions, d_model)"""
    after: Tensor
    """The same after it"""
    z_H: Tensor
    """The controller's state after the step; the state itself in a flat recurrence"""
    z_L: Tensor
    """The worker's state after the step"""
    x: Tensor
    """x̃, the encoded input"""


@torch.no_grad()
def moments(model: HRM, tokens: Tensor, segments: int = 1, puzzle_ids: Tensor | None = None) -> Iterator[Moment]:
    """Every step of ``segments`` segments in order; the arithmetic is that of calling the model."""
    z_H, z_L = model.initial_latents(len(tokens))
    x = model.input_net(tokens, puzzle_ids)
    for segment in range(segments):
        cycle = 0
        for part in model.schedule():
            before = z_L if part == "L" else z_H
            z_H, z_L = model.advance(part, z_H, z_L, x)
            yield Moment(segment, cycle, part, before, z_L if part == "L" else z_H, z_H, z_L, x)
            cycle += part == "H"


def forward_residual(before: Tensor, after: Tensor) -> Tensor:
    """‖z' − z‖ / ‖z‖ for every row, the norm over positions and features: (batch, positions, d) → (batch,)."""
    return (after - before).flatten(1).norm(dim=1) / before.flatten(1).norm(dim=1)


@dataclass
class Residuals:
    """How far each step moved its own state."""

    parts: str
    """Who stepped: one letter a step"""
    values: Tensor
    """(steps, batch) forward residuals"""

    def of(self, part: str) -> tuple[list[int], Tensor]:
        """The places of one part's steps, counted from 1, and their residuals (its steps, batch)."""
        places = [i for i, p in enumerate(self.parts) if p == part]
        return [i + 1 for i in places], self.values[places]

    def effective_depth(self, threshold: float) -> Tensor:
        """How many steps moved their state by more than ``threshold`` of its length: (batch,)."""
        return (self.values > threshold).sum(0)


def residuals(model: HRM, tokens: Tensor, segments: int = 1, puzzle_ids: Tensor | None = None) -> Residuals:
    """Forward residuals of every step of every part, from the initial latents on."""
    parts, values = [], []
    for moment in moments(model, tokens, segments, puzzle_ids):
        parts.append(moment.part)
        values.append(forward_residual(moment.before, moment.after))
    return Residuals("".join(parts), torch.stack(values))


@torch.no_grad()
def answers(model: HRM, tokens: Tensor, segments: int = 1, puzzle_ids: Tensor | None = None) -> Tensor:
    """What the model would answer if it were stopped after each step: (steps, batch, seq_len) tokens.

    After a worker step the controller is applied once for the look, ȳ = f_O(f_H(z_H, z_L)), as the paper does
    for its pictures; the computation itself goes on without that step.
    """
    seen = []
    for moment in moments(model, tokens, segments, puzzle_ids):
        z_H = moment.z_H
        if moment.part == "L":
            z_H, _ = model.advance("H", z_H, moment.z_L, moment.x)
        seen.append(model.read_out(z_H, moment.z_L).logits.argmax(-1))
    return torch.stack(seen)
