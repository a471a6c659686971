"""Train or test: decided for a whole class of equivalent puzzles at once.

A test puzzle that is a training puzzle with other digits or other rows is not unseen. Which side a puzzle
is on therefore depends on its canonical form alone: not on the seed, the limit or the file it comes from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from hrm_lite.puzzles.sudoku_grid import Board, to_text

SPLITS = ("train", "test", "all")
TEST_SHARE = 5  # one class in five is for testing


def check_split(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}; choose \"train\", \"test\" or \"all\".")


def parts(canonical_texts: Iterable[str]) -> np.ndarray:
    """For each canonical form: which of TEST_SHARE equal parts its class is in; part 0 is for testing."""
    return np.array([int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % TEST_SHARE
                     for text in canonical_texts], np.int64)


def on_side(canonical_texts: Iterable[str], split: str) -> np.ndarray:
    """For each canonical form: whether its class belongs to the split, bool."""
    check_split(split)
    test = parts(canonical_texts) == 0
    return np.ones(len(test), bool) if split == "all" else test if split == "test" else ~test


def puzzles_on_side(board: Board, questions: np.ndarray, answers: np.ndarray, split: str) -> np.ndarray:
    """For each puzzle, given as (n, cells) digits: whether its class belongs to the split, (n,) bool."""
    check_split(split)
    if split == "all":
        return np.ones(len(questions), bool)
    from hrm_lite.puzzles.sudoku_canonical import canonical_many  # compiled: loaded on first use

    return on_side((to_text(row) for row in canonical_many(board, questions, answers)), split)


def first_of_each(questions: np.ndarray, seen: set[bytes]) -> np.ndarray:
    """(n,) bool: rows that are neither in `seen` nor earlier in `questions`; adds them to `seen`."""
    fresh = np.zeros(len(questions), bool)
    for index, key in enumerate(map(bytes, np.ascontiguousarray(questions, np.uint8))):
        if key not in seen:
            seen.add(key)
            fresh[index] = True
    return fresh
