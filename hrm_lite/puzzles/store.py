"""Arrays that took long to make, kept on disk: HRM_LITE_CACHE, else ~/.cache/hrm_lite."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np


def folder() -> Path:
    return Path(os.environ.get("HRM_LITE_CACHE") or Path.home() / ".cache" / "hrm_lite")


def cached(key: dict, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """What `make()` gave, from disk if a call with an equal key was made before."""
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]
    place = folder() / name
    try:
        names = json.loads((place / "names.json").read_text())
        return {each: np.load(place / f"{each}.npy", mmap_mode="r") for each in names}
    except (OSError, ValueError):
        shutil.rmtree(place, ignore_errors=True)  # damaged, or not there
    arrays = make()
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=place.parent))
    for each, array in arrays.items():
        np.save(fresh / f"{each}.npy", array)
    (fresh / "names.json").write_text(json.dumps(list(arrays)))
    try:
        fresh.rename(place)
    except OSError:  # another process was faster
        shutil.rmtree(fresh)
    return arrays
