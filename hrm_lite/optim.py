"""What moves the weights besides AdamW: SignSGD for puzzle embeddings, the moving average, the schedule."""

from __future__ import annotations

import math

import torch
from torch import nn

from .config import TrainConfig
from .model import PuzzleEmbedding

__all__ = ["average_weights", "learning_rate", "sign_sgd"]


def learning_rate(step: int, config: TrainConfig) -> float:
    """The rate of optimizer step ``step`` (the first is 0): linear warm-up, then constant or a cosine to the floor."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.lr_floor == 1:
        return config.lr
    share = min(1.0, (step - config.warmup_steps) / max(1, config.max_steps - config.warmup_steps))
    return config.lr * (config.lr_floor + (1 - config.lr_floor) * 0.5 * (1 + math.cos(math.pi * share)))


@torch.no_grad()
def sign_sgd(embedding: PuzzleEmbedding, lr: float, weight_decay: float) -> None:
    """w ← w (1 − lr · decay) − lr · sign(g) on the rows that the last training segment read, and on no others.

    A puzzle that stands in several rows of the batch has their gradients added first.
    """
    ids, rows = embedding.touched
    unique, place = ids.unique(return_inverse=True)
    gradient = torch.zeros(len(unique), rows.shape[1], dtype=rows.dtype, device=rows.device).index_add_(
        0, place, rows.grad
    )
    embedding.weight[unique] = embedding.weight[unique] * (1 - lr * weight_decay) - lr * gradient.sign()
    embedding.touched = None


@torch.no_grad()
def average_weights(average: nn.Module, model: nn.Module, decay: float, step: int) -> None:
    """average ← decay · average + (1 − decay) · model, for every parameter; buffers are copied.

    The decay is warmed up as (1 + step) / (10 + step), so that the random initial weights are soon forgotten.
    """
    decay = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
    for kept, current in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(current)
