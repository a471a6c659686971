"""What moves the weights: Adam-atan2, SignSGD for puzzle embeddings, the moving average, the schedule."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ..config import TrainConfig
from .compiling import compiled_or_eager

__all__ = ["AdamAtan2", "average_weights", "gradient_norm", "learning_rate", "make_optimizer", "sign_sgd"]


def learning_rate(step: int, config: TrainConfig) -> float:
    """The rate of optimizer step ``step`` (the first is 0): linear warm-up, then constant or a cosine to the floor."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.lr_floor == 1:
        return config.lr
    share = min(1.0, (step - config.warmup_steps) / max(1, config.max_steps - config.warmup_steps))
    return config.lr * (config.lr_floor + (1 - config.lr_floor) * 0.5 * (1 + math.cos(math.pi * share)))


def make_optimizer(parameters: Iterable[nn.Parameter], config: TrainConfig) -> torch.optim.Optimizer:
    """The optimizer that ``config.optimizer`` names, with its rate, decay rates and weight decay."""
    settings = dict(lr=config.lr, betas=config.betas, weight_decay=config.weight_decay)
    if config.optimizer == "adam_atan2":
        return AdamAtan2(parameters, **settings, compiled=config.compile)
    return torch.optim.AdamW(parameters, **settings, fused=True)


class AdamAtan2(torch.optim.Optimizer):
    """Adam with atan2 in place of the division, so that it needs no ε and does not care for the gradient's scale.

        m ← β₁ m + (1 − β₁) g          v ← β₂ v + (1 − β₂) g²
        p ← p (1 − lr · decay)          c₁ = 1 − β₁ᵗ,  c₂ = 1 − β₂ᵗ
        p ← p − (lr / c₁) · atan2(m, √v / √c₂)                  correct_inside=False: the published HRM kernel
        p ← p −  lr · a · atan2(m / c₁, b · √(v / c₂))           correct_inside=True: `adam-atan2-pytorch`

    The two agree once c₁ is close to 1; at the first step the published one goes 1.27 times as far (at β₁ = 0.9). The
    decay is decoupled: mixed into g it would be divided away with the gradient's scale. compiled: by torch.compile.
    Raises ValueError on settings that make no sense. Source: arXiv 2407.05872 and the code of HRM.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.0,
        a: float = 1.0,
        b: float = 1.0,
        correct_inside: bool = False,
        compiled: bool = False,
    ):
        if not (lr >= 0 and weight_decay >= 0 and all(0 <= beta < 1 for beta in betas)):
            raise ValueError(
                f"lr={lr}, betas={betas}, weight_decay={weight_decay} are not usable: expected lr and weight_decay of "
                "0 or more, and two betas from 0 to below 1."
            )
        super().__init__(
            parameters,
            dict(lr=lr, betas=betas, weight_decay=weight_decay, a=a, b=b, correct_inside=correct_inside),
        )
        # Fused, the update reads and writes each number once: on a CPU four times as fast with many weights.
        self.update = compiled_or_eager(_adam_atan2) if compiled else _adam_atan2

    @torch.no_grad()
    def step(self, closure=None):
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [p for p in group["params"] if p.grad is not None]
            if weights:
                self._update(weights, group)
        return loss

    def _update(self, weights: list[Tensor], group: dict) -> None:
        for p in weights:
            if not self.state[p]:
                # The count is a tensor, as in torch's own optimizers: it is saved and loaded like the rest.
                self.state[p] = {"step": torch.zeros(()), "m": torch.zeros_like(p), "v": torch.zeros_like(p)}
        states = [self.state[p] for p in weights]
        torch._foreach_add_([s["step"] for s in states], 1)
        beta1, beta2 = group["betas"]
        # All parameters of a group have been here equally often.
        c1, c2 = (1 - beta ** states[0]["step"].item() for beta in (beta1, beta2))
        # With the correction inside, atan2(m / c₁, b √(v / c₂)) = atan2(m, c₁ b √v / √c₂).
        inside = group["correct_inside"]
        root = group["b"] / math.sqrt(c2) * (c1 if inside else 1)
        rate = group["lr"] * group["a"] / (1 if inside else c1)
        keep = 1 - group["lr"] * group["weight_decay"]
        # Tensors, because a compiled update would be compiled again for every new number; filled and not copied to the
        # device, because a copy would be waited for.
        like = dict(dtype=weights[0].dtype, device=weights[0].device)
        changing = (torch.full((), x, **like) for x in (root, rate, keep))
        m, v = [s["m"] for s in states], [s["v"] for s in states]
        self.update(weights, [p.grad for p in weights], m, v, beta1, beta2, *changing)


def _adam_atan2(weights, gradients, m, v, beta1: float, beta2: float, root: Tensor, rate: Tensor, keep: Tensor) -> None:
    torch._foreach_lerp_(m, gradients, 1 - beta1)
    torch._foreach_mul_(v, beta2)
    torch._foreach_addcmul_(v, gradients, gradients, 1 - beta2)
    along = torch._foreach_sqrt(v)
    torch._foreach_mul_(along, root)
    direction = [torch.atan2(up, x) for up, x in zip(m, along, strict=True)]
    torch._foreach_mul_(direction, rate)
    torch._foreach_mul_(weights, keep)
    torch._foreach_sub_(weights, direction)


@torch.no_grad()
def sign_sgd(weight: Tensor, ids: Tensor, gradients: Tensor, lr: float, weight_decay: float) -> None:
    """w ← w (1 − lr · decay) − lr · sign(g) on the rows ``ids`` of ``weight``, in place, and on no others.

    weight: (puzzles, d); ids: (b,); gradients: (b, d).
    A puzzle that stands in several rows of the batch has their gradients added first.
    """
    # Every occurrence of a puzzle works out the same sum and writes the same row: no list of the distinct ones, which
    # a GPU would have to stop for.
    same = (ids[:, None] == ids).to(gradients.dtype)
    weight[ids] = weight[ids] * (1 - lr * weight_decay) - lr * (same @ gradients).sign()


@torch.no_grad()
def gradient_norm(gradients: list[Tensor]) -> Tensor:
    """The length of all gradients as one vector: a scalar in float32. NaN or infinite if any entry is."""
    return torch.linalg.vector_norm(torch.stack([n.float() for n in torch._foreach_norm(gradients)]))


@torch.no_grad()
def average_weights(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """average ← decay · average + (1 − decay) · model, for every parameter; buffers are copied.

    The decay is warmed up as (1 + step) / (10 + step), so that the random initial weights are soon forgotten.
    """
    decay = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
    for kept, current in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(current)
