"""Sudoku of 4x4, 6x6 and 9x9 cells: make, load, solve, rate and check puzzles.

The face of the `sudoku_*` modules: what other code should call.
"""

from __future__ import annotations

import hashlib

import numpy as np

from hrm_lite.puzzles import sudoku_small
from hrm_lite.puzzles.sudoku_grid import BOARDS
from hrm_lite.puzzles.sudoku_set import SudokuSet


def load(source, split, limit=None, seed=0):
    kind, size, difficulty = source.split(":")
    low, high = (int(x) for x in difficulty.split("-"))
    c = sudoku_small.classes()
    test = np.array([int.from_bytes(hashlib.sha256(t.encode()).digest()[:8], "big") % 5 == 0 for t in c.texts()])
    c = c.select((test == (split == "test")) & (c.givens >= low) & (c.givens <= high))
    rng = np.random.Generator(np.random.PCG64(seed))
    limit = limit or 10_000
    q, a = c.draw(rng.integers(len(c), size=2 * limit), rng)
    _, first = np.unique(q, axis=0, return_index=True)
    first = np.sort(first)[:limit]
    return SudokuSet.from_digits(BOARDS["4x4"], q[first], a[first], source=source)
