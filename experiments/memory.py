"""What the published model costs, counted: weights, blocks a segment, bytes for a backward pass. No training.

    python experiments/memory.py                     one record, half a minute of one core

For each schedule N x T and each gradient: the bytes that one puzzle of 81 cells leaves aside for the backward pass,
each piece of memory once and the weights left out, in float32; how many blocks a segment runs, and how many of them a
gradient reaches. The weights are random, and no number here depends on them.
"""

from __future__ import annotations

import torch
from command_line import keep, options, read

from hrm_lite import HRM, model_preset
from hrm_lite.gradients import bytes_for_backward
from hrm_lite.layers import Block
from hrm_lite.records import provenance

SCHEDULES = ((1, 1), (2, 2), (2, 4), (4, 4), (8, 8))  # (N, T)
GRADIENTS = ("one_step", "last_cycle", "full")
SEGMENTS = 16  # the published limit


def blocks(model: HRM, puzzle: torch.Tensor) -> tuple[int, int]:
    """How many blocks one segment runs, and in how many of them a graph is kept."""
    seen = []
    hooks = [m.register_forward_hook(lambda *_: seen.append(torch.is_grad_enabled()))
             for m in model.modules() if isinstance(m, Block)]  # fmt: skip
    model(model.initial_latents(1), puzzle)
    for hook in hooks:
        hook.remove()
    return len(seen), sum(seen)


def count(seed: int) -> dict:
    torch.manual_seed(seed)
    model = HRM(model_preset("paper"))
    published, puzzle = model.config, torch.ones(1, model.config.seq_len, dtype=torch.long)
    rows = []
    for n, t in SCHEDULES:
        row = {"cycles": n, "steps_in_a_cycle": t, "bytes_a_puzzle": {}, "blocks_with_gradient": {}}
        for gradient in GRADIENTS:
            model.config = published.replace(cycles=n, steps=t, gradient=gradient)
            row["bytes_a_puzzle"][gradient] = bytes_for_backward(
                lambda: model(model.initial_latents(1), puzzle), model.parameters())  # fmt: skip
            row["blocks"], row["blocks_with_gradient"][gradient] = blocks(model, puzzle)
        row["full_over_one_step"] = row["bytes_a_puzzle"]["full"] / row["bytes_a_puzzle"]["one_step"]
        rows.append(row)
    model.config = published
    return {
        "seed": seed, "preset": "paper", "precision": "float32", "parameters": model.count_parameters(),
        "published": {"cycles": published.cycles, "steps_in_a_cycle": published.steps, "segments": SEGMENTS,
                      "blocks_in_all": SEGMENTS * blocks(model, puzzle)[0]},
        "schedules": rows, "provenance": provenance(),
    }  # fmt: skip


def main() -> None:
    given = read(options(__doc__, "memory", 1))
    for seed in given.seeds:
        record = count(seed)
        keep(record, given.to / f"paper_seed{seed}.json",
             f"{record['parameters']:,} weights, seed {seed}; a full gradient keeps "
             + ", ".join(f"{r['full_over_one_step']:.1f} ({r['cycles']}x{r['steps_in_a_cycle']})"
                         for r in record["schedules"]) + " times what one step keeps")  # fmt: skip


if __name__ == "__main__":
    main()
