"""Checkpoint files of other programs: what format they are in, and where in them the weights lie.

A file is known by its first bytes and never by its name, and nothing in it is executed.
"""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from .names import split

__all__ = ["read_official", "weights_in"]

_BEGINNINGS = (
    (b"version https://git-lfs", "a pointer of Git LFS, for a file that was not fetched: run `git lfs pull`"),
    (b"<", "a page of the web and no file of weights: the address led to a page. Take the download link"),
    (b"{", "JSON text. The weights are another file"),
)


def read_official(path: str | Path, key: str | None = None) -> dict[str, Tensor]:
    """The tensors of a checkpoint file (safetensors, or what torch.save wrote), by name, on the CPU.

    key: where in the file the weights lie, for a file that holds more than one model ("ema", "model"); None: wherever
    they are, if there is only one such place. Reads with ``weights_only=True``: a file that asks for code to be run is
    refused. Raises FileNotFoundError, and ValueError for everything else that is wrong with the file.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        raise ValueError(f"{path} is a folder. Give the file of weights in it, or the folder to load_published.")
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint file {path}. Download one first, or check the path.")
    return weights_in(_content(path), key, str(path))


def _content(path: Path):
    """What the file holds, whatever its name is."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
    header = int.from_bytes(head[:8], "little")
    if head[8:9] == b"{" and header < 10**9:
        return _safetensors(path, size, header)
    if head.startswith(b"PK\x03\x04"):
        if not zipfile.is_zipfile(path):
            raise ValueError(
                f"{path} ({size:,} bytes) could not be read as a checkpoint: it is cut short, for it begins as "
                "torch.save begins a file and its end is missing. Download it again and compare its size."
            )
    elif not head.startswith(b"\x80"):  # a pickle, as old versions of torch wrote
        for beginning, what in _BEGINNINGS:
            if head.lstrip().startswith(beginning):
                raise ValueError(f"{path} ({size:,} bytes) could not be read as a checkpoint: it is {what}.")
        raise ValueError(
            f"{path} ({size:,} bytes) could not be read as a checkpoint: it begins neither as safetensors nor as "
            f"torch.save begin a file, but with {head[:8]!r}. Check that it is the file of weights."
        )
    try:
        with path.open("rb") as file:  # of a path, torch would look at the suffix
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "Unsupported" not in str(error) and "weights_only" not in str(error).lower():
            raise _unreadable(path, error) from error
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise ValueError(
            f"{path} could not be read as a checkpoint: beside tensors it holds an object of another kind"
            f"{f' ({found[1]})' if found else ''}, and making that could run code. Where you trust the file, load it "
            "with torch.load(…, weights_only=False) in a program of your own, and torch.save the state dict alone."
        ) from error
    except Exception as error:  # torch raises several kinds
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f"{path} ({path.stat().st_size:,} bytes) could not be read as a checkpoint: it is damaged, or torch.save did "
        f"not write it ({type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]})."
    )


def _safetensors(path: Path, size: int, header: int) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(_safetensors_fault(path, size, header, error)) from error


def _safetensors_fault(path: Path, size: int, header: int, error: Exception) -> str:
    with path.open("rb") as file:
        text = file.read(8 + header)[8:]
    try:
        entries = json.loads(text)
        needed = 8 + header + max(e["data_offsets"][1] for name, e in entries.items() if name != "__metadata__")
    except (ValueError, KeyError, TypeError, AttributeError):
        needed = 8 + header
    if size < needed:
        return (
            f"{path} could not be read as a checkpoint: it is cut short, with {size:,} bytes of at least {needed:,}. "
            "Download it again and compare its size."
        )
    return f"{path} ({size:,} bytes) could not be read as a checkpoint: its safetensors header is damaged ({error})."


def weights_in(content, key: str | None = None, where: str = "the checkpoint") -> dict[str, Tensor]:
    """The state dict inside what a training program saved: {"model": …, "optimizer": …}, Lightning's, an average.

    Raises ValueError, naming what is there, where no place or more than one holds weights and ``key`` does not say
    which one.
    """
    places = dict(_places(content)) if isinstance(content, Mapping) else {}
    if key is not None:
        return _named(places, key, where)
    known = {place: state for place, state in places.items() if any(map(split, state))}
    found = known or {p: s for p, s in places.items() if p == "" and len(s) == len(content)}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise ValueError(
            f"{where} holds several sets of weights: {', '.join(map(repr, found))}. Say which one to take, for example "
            f"key={next(iter(found))!r}."
        )
    kind = type(content).__name__
    there = f" with {', '.join(map(str, list(content)[:8]))}" if isinstance(content, Mapping) else ""
    raise ValueError(
        f"{where} holds a {kind}{there}, and not a dictionary of tensors by published names, nor one that has such a "
        f"dictionary in it. {'Name its place with key=…' if places else 'Check that it is a checkpoint of HRM or TRM'}."
    )


def _places(content: Mapping, prefix: str = ""):
    """("place", its tensors by name) of every dictionary that has tensors, the optimizer's apart."""
    tensors = {name: t for name, t in content.items() if isinstance(t, Tensor) and isinstance(name, str)}
    if tensors:
        yield prefix, tensors
    for name, inner in content.items():
        if isinstance(inner, Mapping) and isinstance(name, str) and not name.startswith(("optim", "_")):
            yield from _places(inner, f"{prefix}.{name}" if prefix else name)


def _named(places: dict[str, dict[str, Tensor]], key: str, where: str) -> dict[str, Tensor]:
    """The weights at a place, or those of a place whose names begin with the rest of the key."""
    if key in places:
        return places[key]
    for place, state in places.items():
        start = key.removeprefix(f"{place}.") if place else key
        inside = {name.removeprefix(f"{start}."): t for name, t in state.items() if name.startswith(f"{start}.")}
        if inside and (not place or start != key):
            return inside
    wrappers = {found[0].rstrip(".") for state in places.values() for name in state if (found := split(name))}
    raise ValueError(
        f"{where} holds no weights at {key!r}. There are tensors at {', '.join(map(repr, places)) or 'no place'}"
        f"{f', under the names {sorted(wrappers)}' if wrappers - {''} else ''}."
    )
