"""What does depth buy? Chapter 1's comparison, over several seeds: fixed depth against one block that goes on.

    python experiments/depth.py                     parity and pointers, three seeds: about 8 minutes on one core
    python experiments/depth.py --seeds 0 --steps 20 --to /tmp/try

Parity: prefix parity of 24 bits, so that one run shows the accuracy at every depth from 1 to 24. Pointers: one run for
each number of hops. All networks of a task have the same width, data, learning rate and number of updates. The
recurrence is corrected after each of its segments, with the gradient through all steps of the segment.
"""

from __future__ import annotations

import torch
from command_line import keep, options, read
from torch import Tensor

from hrm_lite import HRM, HRMConfig, TrainConfig, Trainer
from hrm_lite.baselines import FixedDepth, FlatRecurrence
from hrm_lite.puzzles import depth
from hrm_lite.records import provenance
from hrm_lite.solving import solve

BITS, LONGER, HOPS = 24, 48, (1, 2, 3)
# cycles = 3, steps = 1: six steps of the one block in a segment of the flat recurrence.
MODEL = dict(d_model=64, n_heads=4, cycles=3, steps=1, inner_multiple=8, gradient="full")
TRAIN = TrainConfig(batch_size=64, max_steps=600, continue_loss=False, output_loss="softmax", lr=1e-3, warmup_steps=50,
                    ema=0.98, weight_decay=0.1, exploration=1.0, precision="bfloat16", compile=True)
# kind, blocks, segments in training
PARITY = (("fixed", 1, 1), ("fixed", 2, 1), ("fixed", 4, 1), ("fixed", 8, 1), ("flat", 1, 4))
POINTERS = (("fixed", 1, 1), ("fixed", 2, 1), ("fixed", 4, 1))
KINDS = {"fixed": FixedDepth, "flat": FlatRecurrence}


def rounded(values: Tensor) -> list:
    """Three digits are more than the seeds agree on."""
    return [rounded(v) for v in values] if values.ndim > 1 else [round(v, 3) for v in values.tolist()]


def measure(model: HRM, puzzles, segments: int) -> dict:
    """After each segment: the share of whole puzzles right, and of each cell that is scored."""
    tokens, labels, _ = puzzles.as_tensors()
    right = solve(model, tokens, segments, halt=False, record=True).trace == labels[:, None]
    scored = labels[0] >= 0
    return {"exact": rounded(right[..., scored].all(-1).double().mean(0)),
            "per_cell": rounded(right[..., scored].double().mean(0))}


def run(source: str, kind: str, blocks: int, segments: int, seed: int, train: TrainConfig, positions: str) -> dict:
    questions, test = depth.load(source, "train", 50_000 if source.startswith("parity") else 20_000), \
        depth.load(source, "test", 1000)
    config = HRMConfig(vocab_size=test.vocab_size, seq_len=test.seq_len, worker_layers=blocks, controller_layers=blocks,
                       positions=positions, **MODEL)
    torch.manual_seed(seed)
    model = KINDS[kind](config)
    trained = Trainer(model, questions, train.replace(seed=seed, max_segments=segments), progress=False).fit()
    record = {
        "source": source, "kind": kind, "blocks": blocks, "seed": seed, "held_out": test.content_hash,
        "steps_in_training": segments * (len(model.schedule()) if kind == "flat" else blocks),
        "presented": trained["presented"],
        **{key: trained[key] for key in ("model", "train", "data", "parameters", "steps", "seconds")},
        "provenance": provenance(),
        "training": [{k: round(h[k], 4) for k in ("step", "loss", "exact")} for h in trained["history"]
                     if "loss" in h][4::5],
        "test": measure(model, test, 8 if kind == "flat" else 1),
    }
    if source.startswith("parity") and kind == "flat":
        longer = KINDS[kind](config.replace(seq_len=LONGER))  # the rotary angles follow the length; no weight does
        longer.load_state_dict(model.state_dict())
        strings = depth.load(f"parity:{LONGER}", "test", 1000)
        record["longer"] = {"source": strings.source} | measure(longer, strings, 24)
    return record


def main() -> None:
    given = read(options(__doc__, "depth", 3, TRAIN.max_steps))
    jobs = [(f"parity:{BITS}", *model, "rope", 1e-3) for model in PARITY]
    jobs += [(f"pointers:10:{hops}", *model, "learned", 2e-3) for hops in HOPS for model in POINTERS]
    for source, kind, blocks, segments, positions, rate in jobs:
        for seed in given.seeds:
            train = TRAIN.replace(max_steps=given.steps, lr=rate)
            record = run(source, kind, blocks, segments, seed, train, positions)
            keep(record, given.to / f"{source.replace(':', '-')}_{kind}{blocks}_seed{seed}.json",
                 f"{source} {kind} {blocks} seed {seed}: exact {record['test']['exact'][segments - 1]:.3f} "
                 f"({record['seconds']:.0f} s)")  # fmt: skip


if __name__ == "__main__":
    main()
