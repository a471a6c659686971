"""Random numbers that stay: the same on every machine and with every version of numpy.

numpy promises neither for its generators (NEP 19), and a seed that names other puzzles next year names
none. So: splitmix64 (Steele, Lea and Flood, 2014), one line of arithmetic on a counter. The compiled
generator of `sudoku.kernels` takes the same steps.
"""

from __future__ import annotations

import numpy as np

STEP = 0x9E3779B97F4A7C15  # added for each number: 2^64 divided by the golden ratio


def start(seed: int | tuple[int, ...]) -> int:
    """A 64-bit starting point for a seed, or for several numbers that name a stream; neighbours are far apart.

    (This part numpy does promise.) ValueError for a negative one.
    """
    if np.min(seed) < 0:
        raise ValueError(f"A seed is a whole number, 0 or more; got {seed}.")
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0])


class Stream:
    """An endless list of random 64-bit numbers, taken in arrays."""

    def __init__(self, seed: int | tuple[int, ...], skip: int = 0) -> None:
        """`skip` leaves out so many numbers at the beginning."""
        self.state = (start(seed) + skip * STEP) % 2**64

    def bits(self, *shape: int) -> np.ndarray:
        """The next numbers, uint64 of that shape."""
        count = int(np.prod(shape))
        steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(STEP)
        bits = steps + np.uint64(self.state)
        self.state = (self.state + count * STEP) % 2**64
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (bits ^ (bits >> np.uint64(31))).reshape(shape)

    def below(self, bounds: np.ndarray) -> np.ndarray:
        """A whole number from 0 to bound - 1 for each bound, int64; bounds are far below 2^32."""
        bounds = np.asarray(bounds, np.uint64)
        return ((self.bits(*bounds.shape) >> np.uint64(32)) * bounds >> np.uint64(32)).astype(np.int64)

    def orders(self, *shape: int) -> np.ndarray:
        """Random permutations along the last axis, int64: the order of random numbers."""
        return np.argsort(self.bits(*shape), axis=-1, kind="stable")
