"""The seconds of one training step, for a model given by its sizes. Needs no data and no network.

    python benchmarks/train_step.py --seq-len 81 --d-model 128 --heads 4 --layers 1 --cycles 2 --steps 2 --batch 64 \\
        --threads 1 --continue-target --recipe faithful --json step.json

A step is all that training does in it: rows refilled, forward, Q targets, loss, backward, optimizer, carried rows.
"faithful" is the published recipe: stablemax in float64, Adam-atan2, bfloat16 where the hardware has it; with
--continue-target also Q_continue and the extra pass for its target. "recommended" is the training preset "lite":
stablemax in float32 and a moving average of the weights. The model is the same in both.
"""

import argparse
import json
import os
import statistics
import sys
import time


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sizes = dict(seq_len=81, d_model=128, heads=4, layers=1, cycles=2, steps=2, batch=64, threads=1)
    for name, default in sizes.items():
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=default)
    parser.add_argument("--continue-target", action="store_true")
    parser.add_argument("--recipe", choices=["faithful", "recommended"], default="faithful")
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16", "float16"], default="auto")
    parser.add_argument("--eager", action="store_true", help="do not compile")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--warmup", type=int, default=4, help="steps before the clock")
    parser.add_argument("--repeats", type=int, default=20, help="steps on the clock")
    parser.add_argument("--json", help="write the configuration and seconds_per_step to this file")
    return parser.parse_args(words)


def random_puzzles(count: int, seq_len: int):
    """Questions and answers without sense: a step costs the same whatever is learned."""
    import numpy as np

    from hrm_lite.puzzles import PuzzleSet

    class Noise(PuzzleSet):
        def check(self, inputs, answers): ...
        def violations(self, answers): ...

    draw = np.random.default_rng(0)
    inputs, labels = (draw.integers(1, 11, (count, seq_len)).astype(np.uint8) for _ in range(2))
    return Noise("noise", tuple("_.123456789"), (1, seq_len), None, inputs, labels)


def main(given: argparse.Namespace) -> dict:
    os.environ.setdefault("OMP_NUM_THREADS", str(given.threads))   # before torch reads it
    import torch

    from hrm_lite import HRM, HRMConfig, train_preset
    from hrm_lite.records import provenance
    from hrm_lite.training.precision import choose_precision
    from hrm_lite.training.supervision import DeepSupervision

    torch.set_num_threads(given.threads)
    precision = given.precision
    if precision == "auto":
        precision = choose_precision(given.device)
    model = HRMConfig(seq_len=given.seq_len, d_model=given.d_model, n_heads=given.heads, worker_layers=given.layers,
                      controller_layers=given.layers, cycles=given.cycles, steps=given.steps, puzzles=1)
    recipe = train_preset({"faithful": "paper", "recommended": "lite"}[given.recipe], batch_size=given.batch,
                          continue_loss=given.continue_target, precision=precision, compile=not given.eager)
    torch.manual_seed(0)
    work = DeepSupervision(HRM(model), random_puzzles(4 * given.batch, given.seq_len), recipe, device=given.device)
    seconds = []
    for i in range(given.warmup + given.repeats):
        begun = time.perf_counter()
        work.step()
        if given.device != "cpu":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begun)
        if i == 0:
            print(f"first step, with compilation: {seconds[0]:.1f} s", file=sys.stderr)
    seconds = seconds[given.warmup :]
    return {
        "seconds_per_step": statistics.median(seconds),
        "seconds_fastest": min(seconds),
        "samples_per_second": given.batch / statistics.median(seconds),
        "recipe": given.recipe,
        "continue_target": given.continue_target,
        "threads": given.threads,
        "parameters": work.model.count_parameters(),
        "model": model.to_dict(),
        "train": recipe.to_dict(),
        "provenance": provenance(),
    }


if __name__ == "__main__":
    given = arguments()
    found = main(given)
    print(f"{found['seconds_per_step']:.4f} s a step ({found['samples_per_second']:.0f} samples/s), {given.recipe}"
          f"{' with' if given.continue_target else ' without'} continue target, {found['train']['precision']}, "
          f"{'compiled' if found['train']['compile'] else 'eager'}")
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=2)
