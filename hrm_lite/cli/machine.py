"""What a machine is and what fits into it: measured, a function for each question, so that none spoils another."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import torch

from .. import HRM, presets

FITTED = ("sudoku-9x9", "lite", "paper")  # the presets of 81 cells
_FIRST_BATCH = 64


def devices() -> list[dict]:
    """The processor, then every GPU that torch can use."""
    found = [{"device": "cpu", "name": _processor(), "memory": _total_memory()}]
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        found.append(
            {
                "device": f"cuda:{index}",
                "name": card.name,
                "memory": card.total_memory,
                "capability": f"{card.major}.{card.minor}",
            }
        )
    mps = getattr(torch.backends, "mps", None)
    if mps is not None and mps.is_available():
        found.append({"device": "mps", "name": "Apple GPU; not used, as it has no float64", "memory": None})
    return found


def _processor() -> str:
    from ..records import provenance

    return provenance()["hardware"]["processor"]


def precisions(device: str) -> dict:
    """{"rates": {precision: GFLOP/s of a linear map}, "auto": what precision="auto" computes in here}."""
    from ..training.precision import choose_precision, rates

    return {"rates": {name: 1e3 * rate for name, rate in rates(device).items()}, "auto": choose_precision(device)}


def available_memory() -> int | None:
    """Bytes that this process may still take, or None where that cannot be found out."""
    known = [_container_memory()]
    try:
        import psutil  # accelerate brings it along

        known.append(psutil.virtual_memory().available)
    except ImportError:
        try:
            lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
            known += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
        except OSError:
            pass
    known = [value for value in known if value is not None]
    return min(known) if known else None


def _container_memory() -> int | None:
    """What a container's limit leaves: the machine's memory is not all for it."""
    folder = Path("/sys/fs/cgroup")
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            allowed = int((folder / limit).read_text(encoding="utf-8"))
            taken = int((folder / used).read_text(encoding="utf-8"))
            stat = (folder / used).with_name("memory.stat").read_text(encoding="utf-8").split()
            files = dict(zip(stat[::2], map(int, stat[1::2]), strict=True)).get("inactive_file", 0)
            return max(0, allowed - taken + files)  # cached files make room when it is wanted
        except (OSError, ValueError):  # not there, or "max"
            continue
    return None


def _total_memory() -> int | None:
    try:
        import psutil

        return psutil.virtual_memory().total
    except ImportError:
        return None


def fits(preset: str, device: str, seconds: float) -> dict:
    """How many rows a training batch of this preset may have here: run on a GPU, reckoned from a small one on a CPU."""
    return _run(preset, torch.device(device), seconds) if device.startswith("cuda") else _reckon(preset)


def _reckon(preset: str) -> dict:
    """Bytes that a row of a batch keeps for the backward pass, measured, and how many rows the free memory holds."""
    from ..gradients import bytes_for_backward
    from ..losses import output_loss

    model = HRM(presets.model_preset(preset)).train()
    c, rows = model.config, 2
    tokens = torch.randint(c.vocab_size, (rows, c.seq_len))
    kind = presets.train_preset(preset).output_loss

    def segment():
        out = model(model.initial_latents(rows), tokens)
        return output_loss(out.logits, tokens, kind), out

    own = [*model.parameters(), *model.buffers()]
    row = bytes_for_backward(segment, own) / rows
    # Weights, gradients, two moments of the optimizer, the average of the weights: float32 each.
    fixed = 5 * 4 * model.count_parameters()
    free = available_memory()
    most = (
        None if free is None else max(0, int((free - fixed) / (1.5 * row)))
    )  # passing values come on top of kept ones
    return {"preset": preset, "how": "reckoned", "bytes_a_row": int(row), "fixed_bytes": fixed, "rows": most}


def _run(preset: str, device: torch.device, seconds: float) -> dict:
    """Training steps at growing batch until one does not fit or the time is up: the largest that ran."""
    from ..processes import Processes
    from ..puzzles import sudoku
    from ..training import DeepSupervision

    puzzles = sudoku.load("generated:9x9:45-55", "train", limit=16)
    begun, ran, peak, tried, too_large = time.monotonic(), 0, 0, _FIRST_BATCH, None
    while time.monotonic() - begun < seconds or not ran:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        try:
            config = presets.train_preset(preset, batch_size=tried, compile=False)
            run = DeepSupervision(HRM(presets.model_preset(preset)), puzzles, config, Processes(), device)
            with contextlib.redirect_stdout(io.StringIO()):  # that a batch is divided is no news here
                run.step()
            torch.cuda.synchronize(device)
            if run.parts > 1:
                too_large = tried
            else:
                ran, peak = tried, torch.cuda.max_memory_allocated(device)
        except torch.cuda.OutOfMemoryError:
            too_large = tried
        finally:
            run = None
        # Doubled until it is too much; then halfway, until that is within an eighth.
        tried = 2 * ran if too_large is None else (ran + too_large) // 2
        if too_large is not None and (not ran or too_large - ran <= max(1, ran // 8)):
            break
    torch.cuda.empty_cache()
    return {
        "preset": preset,
        "how": "run",
        "rows": ran,
        "peak_bytes": peak,
        "too_large": too_large,
        "recipe_rows": presets.train_preset(preset).batch_size,
    }


def compilers() -> dict:
    """What torch.compile needs: a C++ compiler on a CPU, triton on a GPU. Each a path or version, or None."""
    names = [os.environ.get("CXX"), "g++", "clang++", "c++", "cl"]
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    try:
        import triton

        version = triton.__version__
    except ImportError:
        version = None
    return {"compiler": found, "triton": version}


def hub(timeout: float = 4.0) -> dict:
    """Whether the Hugging Face Hub answers: {"endpoint", "reachable": bool, "why": what stands in the way}."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return {"endpoint": constants.ENDPOINT, "reachable": False, "why": "HF_HUB_OFFLINE is set"}
    answer: dict = {"reachable": False, "why": f"no answer within {timeout:g} seconds"}

    def ask():
        try:
            request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
            with urllib.request.urlopen(request, timeout=timeout):
                pass
            answer.update(reachable=True, why="")
        except urllib.error.HTTPError:  # an answer, if not the wanted one
            answer.update(reachable=True, why="")
        except (OSError, ValueError) as error:
            answer.update(why=str(getattr(error, "reason", error)))

    thread = threading.Thread(target=ask, daemon=True)  # looking a name up knows no timeout
    thread.start()
    thread.join(timeout)
    return {"endpoint": constants.ENDPOINT, **answer}


def storage() -> dict:
    """Where puzzles and downloads are kept, whether that can be written to, and the bytes that are free there."""
    from huggingface_hub import constants

    from ..puzzles.store import cache_folder

    found = {}
    for name, folder in (("puzzles", cache_folder()), ("downloads", Path(constants.HF_HUB_CACHE))):
        there = next((p for p in (folder, *folder.parents) if p.exists()), None)
        found[name] = {
            "folder": str(folder),
            "writable": there is not None and os.access(there, os.W_OK),
            "free": None if there is None else shutil.disk_usage(there).free,
        }
    return found
