"""How fast training and solving are, and what they cost in memory. Needs no data and no network.

    python benchmarks/engine.py                          all that fits a CPU, on one thread: about 6 minutes
    python benchmarks/engine.py --sections solving memory
    python benchmarks/engine.py --device cuda --sections presets capacity memory t4 --json results/throughput/h100.json

Sections
    training   samples/s of a training step: eager and compiled, float32 and bfloat16, three recipes
    scaling    seconds of a step against N·T, width, length and batch
    memory     bytes that the backward pass keeps, against N·T, for each gradient
    solving    halting against all 16 segments, on 4x4 Sudoku with a model of this repository; one puzzle at a time
    recipe     the 9x9 recipe of a laptop: samples/s, its share of the core's matrix rate, what takes the time
    imports    cold start of all that `import hrm_lite` offers against `import torch`
    presets    "paper", "lite" and "compact" at full batch: samples/s, TFLOP/s, peak memory           (CUDA only)
    capacity   the largest batch that fits, one-step gradient against BPTT                            (CUDA only)
    t4         float16 within 15 GB, as on Colab's T4: which batch fits, and in which portions        (CUDA only)
"""

import argparse
import gc
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SMALL = dict(seq_len=81, d_model=128, heads=4, layers=1, cycles=2, steps=2, batch=64)


def seconds_of(run, device: str, repeats: int = 7, warmup: int = 2) -> float:
    """The median wall time of ``run()``."""
    import torch

    found = []
    for i in range(warmup + repeats):
        begun = time.perf_counter()
        run()
        if device != "cpu":
            torch.cuda.synchronize()
        found += [time.perf_counter() - begun] if i >= warmup else []
    return statistics.median(found)


def train_step(device: str, threads: int, **changes) -> dict:
    """`train_step.py` with its defaults and these changes."""
    import train_step

    given = vars(train_step.arguments([])) | SMALL | dict(device=device, threads=threads, repeats=8, warmup=3) | changes
    return train_step.main(argparse.Namespace(**given))


def training(device: str, threads: int) -> list[dict]:
    rows = []
    for name, recipe in {"published, with the pass for Q_continue": dict(recipe="faithful", continue_target=True),
                         "published, without it": dict(recipe="faithful"),
                         "recommended": dict(recipe="recommended")}.items():
        for precision in ("float32", "bfloat16"):
            for eager in (True, False):
                found = train_step(device, threads, precision=precision, eager=eager, **recipe)
                rows.append({"recipe": name, "precision": precision, "": "eager" if eager else "compiled",
                             "s/step": found["seconds_per_step"], "samples/s": found["samples_per_second"]})
    return rows


def scaling(device: str, threads: int) -> list[dict]:
    rows = []
    for what, values in {"cycles": (1, 2, 4, 8), "d_model": (64, 128, 256), "seq_len": (16, 81, 256),
                         "batch": (1, 8, 64, 256)}.items():
        for value in values:
            changes = {what: value} | (dict(steps=value) if what == "cycles" else {})
            changes |= dict(heads=value // 32) if what == "d_model" else {}
            found = train_step(device, threads, recipe="recommended", repeats=5, **changes)
            sizes = SMALL | changes
            rows.append({"varied": {"cycles": "N·T"}.get(what, what), "value": value**2 if what == "cycles" else value,
                         "s/step": found["seconds_per_step"], "samples/s": sizes["batch"] / found["seconds_per_step"]})
    return rows


def memory(device: str, threads: int) -> list[dict]:
    import torch

    from hrm_lite import HRM, HRMConfig
    from hrm_lite.gradients import bytes_for_backward

    rows = []
    for cycles, steps in ((1, 1), (2, 2), (4, 4), (8, 8), (10, 50)):
        row = {"N·T": cycles * steps}
        for gradient in ("one_step", "last_cycle", "full"):
            model = HRM(HRMConfig(d_model=128, n_heads=4, worker_layers=1, controller_layers=1, puzzles=1,
                                  cycles=cycles, steps=steps, gradient=gradient)).to(device)
            tokens, z = torch.ones(16, 81, dtype=torch.long, device=device), model.initial_latents(16)
            kept = bytes_for_backward(lambda model=model, z=z, tokens=tokens: model(z, tokens), model.parameters())
            row[f"{gradient}, MB"] = kept / 1e6
        rows.append(row)
    return rows


def solving(device: str, threads: int) -> list[dict]:
    import torch

    from hrm_lite import load_model, solve
    from hrm_lite.puzzles import sudoku
    from hrm_lite.solving import choose_margin

    rows = []
    puzzles = sudoku.load("generated:4x4:4-6", "test", limit=4000)   # half to choose the margin, half to report
    (x0, y0, _), (x, _, _) = puzzles[:2000].as_tensors(device), puzzles[2000:].as_tensors(device)
    for name in ("4x4-hrm", "4x4-mlp"):
        model = load_model(ROOT / "results" / "sudoku" / name / "model.safetensors").to(device)
        margin = choose_margin(model, x0, y0)
        all16 = solve(model, x, halt=False)
        halted = solve(model, x, margin=margin.value)
        t16 = seconds_of(lambda model=model: solve(model, x, halt=False), device, 5)
        t = seconds_of(lambda model=model, m=margin.value: solve(model, x, margin=m), device, 5)
        one = model.initial_latents(1)
        with torch.no_grad():
            single = seconds_of(lambda model=model, one=one: model(one, x[:1]), device, 50, 10)
        exact = [puzzles.check(x, s.tokens).double().mean().item() for s in (all16, halted)]
        rows.append({"model": name, "margin": margin.value, "exact, 16 segments": exact[0], "exact, halting": exact[1],
                     "mean segments": halted.segments.double().mean().item(), "puzzles/s, 16 segments": len(x) / t16,
                     "puzzles/s, halting": len(x) / t, "times as fast": t16 / t, "ms/segment alone": single * 1e3})
    return rows


def flop_of_step(model, config, device: str) -> float:
    """Of a training step at the batch of ``config``, counted on 16 rows: matrix products grow with the rows."""
    from torch.utils.flop_counter import FlopCounterMode
    from train_step import random_puzzles

    from hrm_lite.training.supervision import DeepSupervision

    few = DeepSupervision(model, random_puzzles(64, 81), config.replace(batch_size=16, compile=False), device=device)
    with FlopCounterMode(display=False) as counter:
        few.step()
    return counter.get_total_flops() / 16 * config.batch_size


def recipe(device: str, threads: int) -> list[dict]:
    """"sudoku-laptop": FLOP/s beside those of the linear maps alone, at the sizes that the step has; shares of time."""
    import torch
    import torch.nn.functional as F
    from torch.profiler import ProfilerActivity, profile
    from train_step import random_puzzles

    from hrm_lite import HRM, model_preset, train_preset
    from hrm_lite.training.supervision import DeepSupervision

    preset, rows = "sudoku-laptop", []
    for precision in ("float32", "bfloat16"):
        config, model = train_preset(preset, precision=precision), HRM(model_preset(preset))
        d, s, b = model.config.d_model, model.config.positions_total, config.batch_size
        flop = flop_of_step(model, config, device)
        kind, matrix = getattr(torch, precision), []
        for width, count in ((d, b * s), (s, b * d)):  # over channels, over positions
            inner = 2 * model.config.inner_width(width)
            x, w = torch.ones(count, width, dtype=kind), torch.ones(inner, width, dtype=kind)
            matrix.append(2 * count * width * inner / seconds_of(lambda x=x, w=w: F.linear(x, w), device, 9))
        work = DeepSupervision(model, random_puzzles(4 * b, 81), config, device=device)
        step = seconds_of(work.step, device, 9)
        with profile(activities=[ProfilerActivity.CPU]) as seen:
            work.step()
        spent = {e.key: e.self_cpu_time_total for e in seen.key_averages()}
        total, mm = sum(spent.values()), sum(t for key, t in spent.items() if key in ("aten::mm", "aten::bmm"))
        fused = sum(t for key, t in spent.items() if "CompiledFxGraph" in key)
        rows.append({"preset": preset, "precision": precision, "samples/s": b / step, "GFLOP/s": flop / step / 1e9,
                     "linear maps alone, GFLOP/s": min(matrix) / 1e9, "of those": flop / step / min(matrix),
                     "time in matrix products": mm / total, "in fused elementwise passes": fused / total})
    return rows


def imports(device: str, threads: int) -> list[dict]:
    code = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"
    # The package imports a thing when it is used: so all that it offers is asked for.
    imported = {"torch": "import torch",
                "hrm_lite": "import hrm_lite; [getattr(hrm_lite, name) for name in hrm_lite.__all__]"}
    found = {name: [] for name in imported}
    for _ in range(5):
        for name, seconds in found.items():
            seconds.append(float(subprocess.run([sys.executable, "-c", code.format(imported[name])],
                                                capture_output=True, text=True, check=True).stdout))
    torch, ours = (statistics.median(seconds) for seconds in found.values())
    return [{"import torch, s": torch, "import hrm_lite, s": ours, "ratio": ours / torch}]


def presets(device: str, threads: int) -> list[dict]:
    import torch
    from train_step import random_puzzles

    from hrm_lite import HRM, model_preset, train_preset
    from hrm_lite.training.precision import rates
    from hrm_lite.training.supervision import DeepSupervision

    card = rates(device)
    rows = []
    for name in ("paper", "lite", "compact"):
        for precision, compiled in (("bfloat16", False), ("bfloat16", True), ("float16", True)):
            work = None  # what the row before this one held
            gc.collect(), torch.cuda.empty_cache(), torch.cuda.reset_peak_memory_stats()
            config = train_preset(name, compile=compiled, precision=precision)
            model = HRM(model_preset(name))
            flop = flop_of_step(model, config, device)
            work = DeepSupervision(model, random_puzzles(4000, 81), config, device=device)
            step = seconds_of(work.step, device)
            peak = torch.cuda.max_memory_allocated()
            carried, model = work.rows, work.working.model.eval()
            with torch.no_grad():
                segment = seconds_of(lambda m=model, r=carried: m(r.latents, r.tokens, r.ids), device)
            rows.append({"preset": name, "precision": precision, "": "compiled" if compiled else "eager",
                         "batch": config.batch_size, "training samples/s": config.batch_size / step,
                         "TFLOP/s": flop / step / 1e12, "of the card's": flop / step / 1e12 / card[precision],
                         "inference samples/s": config.batch_size / segment, "peak GB": peak / 1e9,
                         "MiB/row": peak / config.batch_size / 2**20,
                         "in portions of": config.batch_size // work.parts})
    return [{f"card, {precision} TFLOP/s": rate for precision, rate in card.items()}, *rows]


def capacity(device: str, threads: int) -> list[dict]:
    """The largest batch that a step of "paper" fits into memory with, to an eighth: one-step gradient and all steps."""
    import torch
    from train_step import random_puzzles

    from hrm_lite import HRM, model_preset, train_preset
    from hrm_lite.training.supervision import DeepSupervision

    puzzles = random_puzzles(256, 81)

    def fits(model, batch: int) -> bool:
        gc.collect(), torch.cuda.empty_cache()
        config = train_preset("paper", batch_size=batch, compile=False, precision="bfloat16")
        try:
            work = DeepSupervision(model, puzzles, config, device=device, say=lambda text: None)
            work.step()
        except torch.cuda.OutOfMemoryError:
            return False
        return work.parts == 1

    rows = []
    for cycles, steps in ((2, 2), (4, 4), (8, 8), (10, 50)):
        row = {"N·T": cycles * steps}
        for gradient in ("one_step", "full"):
            model = HRM(model_preset("paper", cycles=cycles, steps=steps, gradient=gradient)).to(device)
            low, high = 0, 8
            while fits(model, high):
                low, high = high, 2 * high
            while high - low > max(1, low // 8):
                middle = (low + high) // 2
                low, high = (middle, high) if fits(model, middle) else (low, middle)
            row[f"largest batch, {gradient}"] = low
        row["times as large"] = row["largest batch, one_step"] / max(1, row["largest batch, full"])
        rows.append(row)
    return rows


def t4(device: str, threads: int) -> list[dict]:
    """What a card of 15 GB holds in float16: the batch of each preset, in portions where it does not fit as it is."""
    import torch
    from train_step import random_puzzles

    from hrm_lite import HRM, model_preset, train_preset
    from hrm_lite.training.supervision import DeepSupervision

    rows = []
    torch.cuda.set_per_process_memory_fraction(15e9 / torch.cuda.get_device_properties(0).total_memory)
    try:
        for name in ("paper", "lite", "compact"):
            work = None  # what the preset before it held
            gc.collect(), torch.cuda.empty_cache(), torch.cuda.reset_peak_memory_stats()
            config = train_preset(name, precision="float16")
            work = DeepSupervision(HRM(model_preset(name)), random_puzzles(2000, 81), config, device=device)
            step = seconds_of(work.step, device, 5)
            rows.append({"preset": name, "batch": config.batch_size, "in portions of": config.batch_size // work.parts,
                         "peak GB": torch.cuda.max_memory_allocated() / 1e9, "s/step on this card": step})
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    return rows


SECTIONS = {
    f.__name__: f for f in (training, scaling, memory, solving, recipe, imports, presets, capacity, t4)
}


def table(rows: list[dict]) -> str:
    """Rows of equal keys as a Markdown table."""
    def text(value):
        return f"{value:,.4g}" if isinstance(value, float) else str(value)

    lines = []
    for i, row in enumerate(rows):
        if i == 0 or row.keys() != rows[i - 1].keys():
            lines += [""] * bool(i) + ["| " + " | ".join(row) + " |", "|" + "---|" * len(row)]
        lines.append("| " + " | ".join(map(text, row.values())) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, metavar="NAME",
                        default=["training", "scaling", "memory", "solving", "recipe", "imports"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write everything to this file")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(given.threads))   # before torch reads it
    import torch

    from hrm_lite.records import provenance, write_json

    torch.set_num_threads(given.threads)
    found = {"device": given.device, "threads": given.threads, "provenance": provenance()}
    for name in given.sections:
        found[name] = SECTIONS[name](given.device, given.threads)
        print(f"\n## {name}\n\n{table(found[name])}", flush=True)
        if given.json:  # after each section: the next may fail, on a GPU that is another's soon
            given.json.parent.mkdir(parents=True, exist_ok=True)
            write_json(given.json, found)


if __name__ == "__main__":
    main()
