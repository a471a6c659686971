"""What all compiled modules share: numba, and the random numbers of `stream`, one at a time.

Imported on first use and not before, since numba takes a second to load. Compiled functions that call each other stand
in one file elsewhere, because numba's cache notices a change only in the file of the function that is called. The two
below are the exception, and can be: they are what "same seed, same puzzles" means, and never change.
"""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["below", "jit", "next_random"]


def jit(function):
    """Compile on first call and keep the result on disk where some folder allows it.

    Compiled code lets go of Python's lock: threads run it side by side.
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache folder can be written to
        return numba.njit(nogil=True)(function)


@jit
def next_random(state):
    """The next 64 bits of splitmix64, as in `stream`."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    bits = state[0]
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


@jit
def below(state, bound):
    """A random whole number from 0 to bound - 1."""
    return np.int64((next_random(state) >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32))
