"""A cache on disk: arrays that took long to make, read back memory-mapped.

Puzzles that are searched for minutes, or parsed from a file of millions, are made once. What is kept has a key,
which says everything that decided it, and a hash of every array: a file that was damaged is made anew, never used.
The folder is named by the environment variable HRM_LITE_CACHE; without it, it is ~/.cache/hrm_lite. It may be deleted
at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

__all__ = ["cache_folder", "cached", "sha256_of"]


def cache_folder() -> Path:
    """Where things are kept; it need not exist yet."""
    if given := os.environ.get("HRM_LITE_CACHE"):
        return Path(given).expanduser()
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hrm_lite"
    except RuntimeError:  # a user without a home, as in some containers
        return Path(tempfile.gettempdir()) / "hrm_lite"


def cached(key: dict, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays that ``make()`` gives, from disk if a call with an equal key has made them before.

    key: plain values (JSON) that say all that decides the result, a version of the algorithm among them. Arrays are
    read-only; those from disk are memory-mapped, so that only the pages that are looked at take memory. Any number of
    processes may ask for the same key: each gets whole arrays. Where the folder cannot be written to, a warning says
    so and the arrays are returned all the same.
    """
    text = json.dumps(key, sort_keys=True)
    home = cache_folder() / "puzzles" / hashlib.sha256(text.encode()).hexdigest()[:24]
    found = _read(home, text)
    if found is not None:
        return found
    arrays = {name: np.ascontiguousarray(array) for name, array in make().items()}
    try:
        _write(home, text, arrays)
    except OSError as error:
        warnings.warn(
            f"Could not keep puzzles in {home.parent} ({error.strerror or error}): they will be made again next time. "
            "Set HRM_LITE_CACHE to a folder that can be written to and has room.",
            stacklevel=2,
        )
    else:
        found = _read(home, text)
    for array in arrays.values():
        array.flags.writeable = False
    return found or arrays


def sha256_of(path: str | os.PathLike) -> str:
    """sha256 (hex) of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(home: Path, key: str) -> dict[str, np.ndarray] | None:
    """The arrays in ``home``; None where there are none, or they are not what was written."""
    try:
        index = json.loads((home / "index.json").read_text(encoding="utf-8"))
        arrays = {}
        for name, digest in index["arrays"].items():
            if sha256_of(home / f"{name}.npy") != digest:
                return None
            # allow_pickle is off by default: nothing that is read here can be executed.
            arrays[name] = np.load(home / f"{name}.npy", mmap_mode="r")
        return arrays if index["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write(home: Path, key: str, arrays: dict[str, np.ndarray]) -> None:
    """Written aside and moved as a whole: there is never half a folder under its own name."""
    home.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".{home.name}."))
    try:
        for name, array in arrays.items():
            np.save(aside / f"{name}.npy", array)
        digests = {name: sha256_of(aside / f"{name}.npy") for name in arrays}
        index = json.dumps({"key": key, "arrays": digests}, indent=1)
        (aside / "index.json").write_text(index, encoding="utf-8")
        if _read(home, key) is None:  # else another process was faster
            shutil.rmtree(home, ignore_errors=True)  # damaged
            os.chmod(aside, 0o755)  # mkdtemp makes folders that only their owner can read
            try:
                os.replace(aside, home)
            except OSError:  # which one, for a folder that is there, differs from system to system
                if _read(home, key) is None:
                    raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
