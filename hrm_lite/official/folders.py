"""A published checkpoint as it lies on the Hub or in a training folder: all_config.yaml beside files of weights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

from ..model import HRM
from ..puzzles import hub
from .arch import config_from_official, read_arch, read_yaml
from .files import read_official
from .names import bare_names
from .weights import from_official

__all__ = ["CONFIG", "load_published", "published_files"]

CONFIG = "all_config.yaml"
_WEIGHTS = re.compile(r"(checkpoint|step_\d+)[^.]*|.+\.(pt|pth|bin|ckpt|safetensors)")
_NO_WEIGHTS = re.compile(r"optim|sched|rng|training_args")
_AVERAGE = re.compile(r"(^|[_.-])ema([_.-]|$)", re.IGNORECASE)
_STEP = re.compile(r"step_(\d+)")
# What the data set said and no file of the checkpoint does: tokens in a puzzle, by vocabulary.
_TASKS = {11: ("sudoku", 81), 6: ("maze", 900), 12: ("arc", 900)}


def load_published(source: str | Path, seq_len: int | None = None, key: str | None = None) -> HRM:
    """The model of a published checkpoint, in evaluation mode.

    source: a folder with all_config.yaml and a file of weights (on the Hub called ``checkpoint``, elsewhere
    ``step_N``, ``model.pt``, ``model.safetensors``, …), that file itself, or "hub:OWNER/NAME" or
    "hub:OWNER/NAME@REVISION". Of several ``step_N`` the last is taken, and an average that lies beside the weights
    (``step_N_ema``) is laid over them: it is what the published evaluation uses. Give the file itself to take another.
    seq_len: tokens in a puzzle, where neither the configuration nor the weights say it; None then takes that of the
    published tasks (Sudoku 81, mazes and ARC 900), known by their vocabularies. key: as for `from_official`.

    Raises FileNotFoundError, OSError where the Hub cannot be reached, and ValueError for what does not fit together.
    """
    if isinstance(source, str) and source.startswith("hub:"):
        name = source.removeprefix("hub:")
        offline = "a folder with the same files"
        files = published_files(hub.names(name, offline, "model"), source)
        config, *weights = (hub.fetch(name, file, offline, "model") for file in files)
    else:
        folder, chosen = Path(source).expanduser(), None
        if folder.is_file():
            folder, chosen = folder.parent, folder.name
        if not folder.is_dir():
            raise FileNotFoundError(
                f"there is nothing at {source}. Give a folder with {CONFIG} and a file of weights, or "
                '"hub:OWNER/NAME".'
            )
        files = published_files((p.name for p in folder.iterdir() if p.is_file()), str(source), chosen)
        config, *weights = (folder / file for file in files)
    state = bare_names(read_official(weights[0], key))
    for average in weights[1:]:
        over = bare_names(read_official(average))
        if strange := sorted(over.keys() - state.keys()):
            raise ValueError(
                f"{average} does not belong over {weights[0].name}, which has no {', '.join(strange[:5])}. Give the "
                "file of weights that you want itself."
            )
        state |= over
    return from_official(state, _completed(config, state, seq_len))


def published_files(names: Iterable[str], where: str, chosen: str | None = None) -> list[str]:
    """Of the file names in a folder: the configuration, the weights, and the average to be laid over them if any.

    chosen: the file of weights to take. Raises ValueError where one of them is missing or the choice is not plain.
    """
    names = sorted(name for name in names if not name.startswith("."))
    if CONFIG not in names:
        raise ValueError(f"{where}: there is no {CONFIG} beside the weights. Get it, or use hrm_lite.from_official.")
    files = [n for n in names if _WEIGHTS.fullmatch(n) and not _NO_WEIGHTS.search(n)]
    averages = {n: _AVERAGE.sub(lambda m: m[2] if m[1] else "", n) for n in files if _AVERAGE.search(n)}
    if chosen is not None:
        plain = averages.get(chosen)
        return [CONFIG, plain, chosen] if plain in files else [CONFIG, chosen]
    plain = [n for n in files if n not in averages] or files
    if len(plain) > 1 and all(map(_STEP.match, plain)):
        last = max(int(_STEP.match(n)[1]) for n in plain)
        plain = [n for n in plain if int(_STEP.match(n)[1]) == last]
    if len(plain) != 1:
        there = f"there are {', '.join(plain)}: give the one that you want itself" if plain else (
            "there is no file of weights (checkpoint, step_N, *.safetensors, *.pt, *.pth, *.bin, *.ckpt) beside it")
        raise ValueError(f"{where}: {there}.")
    over = [n for n, base in averages.items() if base == plain[0] and n != plain[0]]
    if not over and len(averages) == 1 and not _STEP.match(plain[0]) and plain[0] not in averages:
        over = list(averages)  # model.safetensors and ema.pt
    return [CONFIG, plain[0], *over[:1]]


def _completed(config: Path, state: Mapping[str, Tensor], seq_len: int | None) -> dict:
    """The architecture with what the data set, and not the file, said of it: read off the tensors where it can be."""
    root = read_yaml(config)
    arch = read_arch(root) if isinstance(root, Mapping) else read_arch(config)
    for name, tensor in (("vocab_size", "lm_head.weight"), ("num_puzzle_identifiers", "puzzle_emb.weights")):
        if tensor in state:
            arch.setdefault(name, len(state[tensor]))
    if seq_len is not None:
        arch["seq_len"] = seq_len
    if arch.get("seq_len") is None:
        mixer = next((t for name, t in state.items() if name.endswith("mlp_t.down_proj.weight")), None)
        rows = state.get("embed_pos.embedding_weight", mixer)
        if rows is not None:
            arch["seq_len"] = len(rows) - config_from_official(arch | {"seq_len": 1}).prefix
        else:
            arch["seq_len"] = _known_task(config, arch, str(root.get("data_path") or root.get("data_paths") or ""))
    return arch


def _known_task(config: Path, arch: Mapping, data: str) -> int:
    task, length = _TASKS.get(arch.get("vocab_size"), ("", 0))
    if not task or (data and task not in data.lower()):
        of = f" (vocab_size {arch.get('vocab_size')}{f', trained on {data}' if data else ''})"
        raise ValueError(
            f"{config} does not say how many tokens a puzzle has, nor do the weights{of}. Give seq_len=…, for example "
            "81 for a 9x9 Sudoku."
        )
    return length
