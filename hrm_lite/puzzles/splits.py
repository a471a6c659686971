"""Train or test: decided for a whole class of equivalent puzzles at once.

A test puzzle that is a training puzzle turned around, or with other digits, is not unseen. Which side a puzzle is on
therefore depends on its class alone: not on the seed, the limit or the file it comes from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

__all__ = ["SPLITS", "TEST_SHARE", "check_split", "first_of_each", "on_side", "parts"]

SPLITS = ("train", "test", "all")
TEST_SHARE = 5  # one class in five is for testing


def check_split(split: str) -> None:
    """ValueError unless it is one of the three."""
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}; choose \"train\", \"test\" or \"all\".")


def parts(classes: Iterable[str | bytes]) -> np.ndarray:
    """For each class, named by text or bytes that all its members share: which of TEST_SHARE equal parts it is in,
    (n,) int64. Part 0 is for testing."""
    names = (name.encode() if isinstance(name, str) else name for name in classes)
    return np.array([int.from_bytes(hashlib.sha256(name).digest()[:8], "big") % TEST_SHARE for name in names], np.int64)


def on_side(classes: Iterable[str | bytes], split: str) -> np.ndarray:
    """For each class, named as for `parts`: whether it belongs to the split, (n,) bool."""
    check_split(split)
    test = parts(classes) == 0
    return np.ones(len(test), bool) if split == "all" else test if split == "test" else ~test


def first_of_each(rows: np.ndarray, seen: set[bytes]) -> np.ndarray:
    """(n,) bool: rows of bytes (n, length) that are neither in `seen` nor earlier in `rows`; adds them to `seen`."""
    fresh = np.zeros(len(rows), bool)
    for index, key in enumerate(map(bytes, np.ascontiguousarray(rows, np.uint8))):
        if key not in seen:
            seen.add(key)
            fresh[index] = True
    return fresh
