"""The working copy: the model that does the arithmetic, in another precision or compiled, beside the weights it serves.

Training keeps its weights in float32, where a small step is not rounded away. The passes run on a copy of the
modules. In float32 the copy shares the weights; in 16 bits it holds them cast once a step, which is the published
precision without a cast in every call (`torch.autocast` casts again each time a module is used, N·T times a segment).
"""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from ..layers import Block
from ..model import HRM
from .compiling import compiled_or_eager

__all__ = ["WorkingCopy", "keep_freed_memory", "portions"]

# Bytes of the widest activation that a processor works on at once in float32. Up to here its matrix products ran at 70
# to 75 GFLOP/s on one core with AVX2, on four times as much at 50 to 60: what a layer hands on had left the caches. In
# bfloat16 the whole batch at once was faster.
_WIDEST = 6 * 2**20


class WorkingCopy:
    """``source`` in ``dtype``, compiled block by block if ``compiled``.

    ``model`` is what to call; the weights of ``source`` stay as they are, and get its gradients with `collect`.
    """

    def __init__(self, source: HRM, dtype: torch.dtype = torch.float32, compiled: bool = False):
        # Buffers are shared always: puzzle embeddings and initial states have one true copy.
        shared = {id(buffer): buffer for buffer in source.buffers()}
        self.cast = []
        for weight in source.parameters():
            own = weight if weight.dtype == dtype else nn.Parameter(weight.detach().to(dtype))
            shared[id(weight)] = own
            if own is not weight:
                self.cast.append((weight, own))
        self.model = copy.deepcopy(source, shared)
        if compiled:
            for module in self.model.modules():
                if isinstance(module, Block):
                    module.forward = compiled_or_eager(module.forward)

    @torch.no_grad()
    def refresh(self) -> None:
        """Take over the weights of ``source`` after they have changed."""
        if self.cast:
            weights, own = zip(*self.cast, strict=True)
            torch._foreach_copy_(own, weights)

    def clear(self) -> None:
        """Drop gradients that were not collected."""
        for _, own in self.cast:
            own.grad = None

    @torch.no_grad()
    def collect(self) -> None:
        """Add the gradients of the last backward pass to those of ``source``, in its precision."""
        for weight, own in self.cast:
            if own.grad is not None:
                gradient = own.grad.to(weight.dtype)
                weight.grad = gradient if weight.grad is None else weight.grad + gradient
                own.grad = None


def portions(model: HRM, rows: int, precision: str) -> int:
    """In how many portions the model's device works on ``rows`` fastest: 1, but for a processor's float32.

    A power of two, so that most batches are divided evenly and one compiled graph serves all portions.
    """
    if model.z_H_init.device.type != "cpu" or precision != "float32":
        return 1
    cfg = model.config
    s, d = cfg.positions_total, cfg.d_model
    widest = 2 * s * cfg.inner_width(d)  # gate and up of the SwiGLU over channels
    if cfg.mixer == "mlp":
        widest = max(widest, 2 * d * cfg.inner_width(s))
    times = 4 * rows * widest / _WIDEST
    return 1 << min(max(round(math.log2(times)), 0), rows.bit_length() - 1)


def keep_freed_memory() -> None:
    """Let the process keep what a step frees for the next step, on a CPU under Linux.

    glibc hands large blocks back to the system and fetches them again, page by page, which takes a good part of a step.
    It learns from the largest block that came and went, up to 32 MiB; so one does, untouched, which costs nothing.
    """
    torch.empty(2**25 - 2**16, dtype=torch.uint8)
