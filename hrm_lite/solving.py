"""Inference: segment after segment, each row until it is content or the segments run out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .halting import wants_to_halt
from .losses import exact_and_cells
from .model import HRM, Latents

__all__ = ["Solution", "evaluate", "solve"]


@dataclass
class Solution:
    """What `solve` found, a row for each puzzle."""

    tokens: Tensor
    """(batch, seq_len) the answer"""
    segments: Tensor
    """(batch,) segments used"""
    q_halt: Tensor
    """(batch,) logit that the answer is right, as the model sees it"""
    trace: Tensor | None = None
    """(batch, max_segments, seq_len) the answer after each segment; a halted row keeps its last one"""


@torch.no_grad()
def solve(
    model: HRM,
    tokens: Tensor,
    max_segments: int = 16,
    halt: bool = True,
    margin: float = 0.0,
    compare: bool = False,
    puzzle_ids: Tensor | None = None,
    record: bool = False,
) -> Solution:
    """Answers for ``tokens`` (batch, seq_len).

    halt: a row stops when q_halt > margin: it gives its answer odds of e^margin to be right. With
    compare=True it stops when q_halt − q_continue > margin, the paper's rule, which needs a model trained with
    ``continue_loss``. Rows that have stopped leave the batch. halt=False runs max_segments for all (the published
    evaluation). puzzle_ids: (batch,) or None. record=True keeps the answer after every segment.
    """
    if max_segments < 1:
        raise ValueError(f"max_segments={max_segments} is not usable: at least one segment must run.")
    was_training, device = model.training, model.z_H_init.device
    model.eval()
    tokens = tokens.to(device)
    n = len(tokens)
    answer = torch.zeros(n, tokens.shape[1], dtype=torch.long, device=device)
    segments = torch.zeros(n, dtype=torch.long, device=device)
    q_halt = torch.zeros(n, device=device)
    trace = torch.zeros(n, max_segments, tokens.shape[1], dtype=torch.long, device=device) if record else None
    alive = torch.arange(n, device=device)
    z = model.initial_latents(n)
    try:
        for m in range(1, max_segments + 1):
            if not len(alive):
                break
            out = model(z, tokens[alive], None if puzzle_ids is None else puzzle_ids.to(device)[alive])
            z = out.latents
            answer[alive], segments[alive], q_halt[alive] = out.logits.argmax(-1), m, out.q_halt.to(q_halt.dtype)
            if record:
                trace[:, m - 1 :] = answer[:, None]
            if halt:
                stay = ~wants_to_halt(out.q_halt, out.q_continue if compare else None, margin)
                alive, z = alive[stay], Latents(z.z_H[stay], z.z_L[stay])
    finally:
        model.train(was_training)
    return Solution(answer, segments, q_halt, trace)


@torch.no_grad()
def evaluate(
    model: HRM,
    tokens: Tensor,
    labels: Tensor,
    max_segments: int = 16,
    puzzle_ids: Tensor | None = None,
    batch_size: int = 512,
) -> dict[str, list[float]]:
    """Exact and cell accuracy after every segment 1 … max_segments, without halting: {"exact": […], "cells": […]}.

    tokens, labels: (n, seq_len), `losses.IGNORE` where a position is not scored. Accuracies are shares in 0 … 1.
    """
    was_training, device = model.training, model.z_H_init.device
    model.eval()
    exact, cells = torch.zeros(2, max_segments, dtype=torch.float64)
    try:
        for start in range(0, len(tokens), batch_size):
            part = slice(start, start + batch_size)
            x, y = tokens[part].to(device), labels[part].to(device)
            ids = None if puzzle_ids is None else puzzle_ids[part].to(device)
            z = model.initial_latents(len(x))
            for m in range(max_segments):
                out = model(z, x, ids)
                z = out.latents
                right, share = exact_and_cells(out.logits, y)
                exact[m] += right.sum().item()
                cells[m] += share.sum().item()
    finally:
        model.train(was_training)
    return {"exact": (exact / len(tokens)).tolist(), "cells": (cells / len(tokens)).tolist()}
