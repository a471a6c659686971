"""What HRM is compared with. Same blocks, same interface, same trainer; one idea taken away."""

from __future__ import annotations

import torch
from torch import Tensor

from .model import HRM

__all__ = ["FixedDepth", "FlatRecurrence"]


class FlatRecurrence(HRM):
    """One state, one module, one clock: z ← f(z, x̃), as many steps as HRM's worker and controller take together.

    With the `HRMConfig` of an HRM of worker_layers = controller_layers it runs the same number of blocks in
    a segment and has half their weights. z stands where z_H stands elsewhere, so that the output net and the
    Q head read it; z_L is carried along unused.
    """

    def __init__(self, config):
        # One module: sharing keeps HRM from making a controller that nothing would use.
        super().__init__(config.replace(share_modules=True))

    def schedule(self) -> str:
        """N (T + 1) steps of the one module."""
        return "z" * (self.config.cycles * (self.config.steps + 1))

    def tracked_steps(self) -> int:
        """One step of gradient means one here; the other modes reach as far back as HRM's."""
        return 1 if self.config.gradient == "one_step" else super().tracked_steps()

    def advance(self, part: str, z_H: Tensor, z_L: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.worker(z_H, x, self.angles()), z_L


class FixedDepth(FlatRecurrence):
    """No recurrence: x̃ goes once through ``worker_layers`` different blocks, and the answer is read off.

    ``cycles``, ``steps`` and ``gradient`` make no difference, and neither do the latents it is given: a second
    segment computes what the first did. More depth takes more weights.
    """

    def schedule(self) -> str:
        return "z"

    def tracked_steps(self) -> int:
        return 1

    def advance(self, part: str, z_H: Tensor, z_L: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.worker(torch.zeros_like(x), x, self.angles()), z_L
