"""How accurate a model is after every segment, without halting: the published evaluation."""

from __future__ import annotations

import os
import time

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..losses import exact_and_cells, labelled
from ..model import HRM
from ..processes import Processes
from .numbers import as_numbers, check_fit, side_by_side

__all__ = ["counted_puzzles", "evaluate", "segments_of"]


def counted_puzzles(labels: Tensor) -> Tensor:
    """Which puzzles have a label, (n,) bool. ValueError if none has: then every answer would pass for right."""
    counted = labelled(labels)
    if len(labels) and not counted.any():
        raise ValueError(
            f"none of the {len(labels)} puzzles has a label, so there is nothing to measure answers by. Give puzzles "
            "with answers; `solve` needs none."
        )
    return counted


def segments_of(model: HRM, tokens, labels, max_segments: int, puzzle_ids, batch_size: int | None, deadline=None):
    """(output, labels) after every segment of every batch, without halting; ``labels`` on the model's device.

    deadline: on `time.monotonic`; after it no batch but the first is begun.
    """
    check_fit(model, tokens, puzzle_ids)
    was_training, device = model.training, model.z_H_init.device
    model.eval()
    try:
        batch_size = side_by_side(model, batch_size)
        for start in range(0, len(tokens), batch_size):
            if start and deadline is not None and time.monotonic() > deadline:
                return
            part = slice(start, start + batch_size)
            x, y = tokens[part].to(device), labels[part].to(device)
            ids = None if puzzle_ids is None else puzzle_ids[part].to(device)
            z = model.initial_latents(len(x))
            for _ in range(max_segments):
                out = model(z, x, ids)
                z = out.latents
                yield out, y
    finally:
        model.train(was_training)


@torch.no_grad()
def evaluate(
    model: HRM,
    tokens: Tensor,
    labels: Tensor,
    max_segments: int = 16,
    puzzle_ids: Tensor | None = None,
    batch_size: int | None = None,
    among: Processes | None = None,
    progress: bool = False,
    max_minutes: float | None = None,
) -> dict[str, list[float]]:
    """Exact and cell accuracy after every segment 1 … max_segments, without halting: {"exact": […], "cells": […]}.

    tokens, labels: (n, seq_len), `losses.IGNORE` where a position is not scored.
    among: processes that divide the puzzles between them; all must call. progress: show a bar. max_minutes: begin no
    further batch after this time; {"puzzles": how many were looked at} comes with it.
    Accuracies are shares in 0 … 1, of the puzzles that have a label. ValueError where none has.
    """
    tokens, labels, puzzle_ids = as_numbers(tokens), as_numbers(labels, "labels"), as_numbers(puzzle_ids, "puzzle_ids")
    counted_puzzles(labels)
    if among is not None and among.count > 1:
        own = slice(among.index, None, among.count)
        tokens, labels, puzzle_ids = (None if t is None else t[own] for t in (tokens, labels, puzzle_ids))
    sums = torch.zeros(3, max_segments, dtype=torch.float64, device=model.z_H_init.device)
    deadline = None if max_minutes is None else time.monotonic() + 60 * max_minutes
    quiet = not progress or os.environ.get("TQDM_DISABLE", "0") not in ("", "0")
    with tqdm(total=len(tokens), unit=" puzzles", disable=quiet) as bar:
        each = segments_of(model, tokens, labels, max_segments, puzzle_ids, batch_size, deadline)
        for i, (out, y) in enumerate(each):
            exact, cells = exact_and_cells(out.logits, y)
            counted = labelled(y)
            sums[:, i % max_segments] += torch.stack(
                [(exact & counted).sum().double(), cells.double().sum(), counted.sum().double()]
            )
            bar.update(len(y) if (i + 1) % max_segments == 0 else 0)
    exact, cells, counted = sums if among is None else among.sum(sums)
    found = {"exact": (exact / counted).tolist(), "cells": (cells / counted).tolist()}
    return found if max_minutes is None else found | {"puzzles": int(counted[-1])}
