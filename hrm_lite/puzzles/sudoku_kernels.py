"""The search, compiled: count solutions, fill a board at random, dig holes into it.

Imported on first use and not before, since numba takes a second to load. A cell is a set of candidate
digits, one bit each; PLACED is set as well once the digit is known and has left its peers. All functions
that call each other stand in this one file: numba's cache notices a change only in the file of the
function that is called.
"""

from __future__ import annotations

import numba
import numpy as np

PLACED = 1 << 15
BITS = np.array([number.bit_count() for number in range(1 << 9)], np.uint8)
MAX_TRIES = 2_000  # boards that `dig_many` starts for one puzzle before it gives up


def jit(function):
    """Compile on first call and keep the result on disk where some folder allows it."""
    try:
        return numba.njit(cache=True)(function)
    except RuntimeError:  # neither the package's folder nor the user's cache folder can be written to
        return numba.njit(function)


@jit
def _settle(cells, peers, units, full, queue, waiting):
    """Place the `waiting` cells of `queue`, and all that follows; False on a contradiction.

    What follows: a cell with one candidate (naked single), a digit with one cell in a unit (hidden single).
    """
    while True:
        while waiting > 0:
            waiting -= 1
            cell = queue[waiting]
            bit = cells[cell]
            if bit & PLACED:
                continue
            cells[cell] = bit | PLACED
            for peer in peers[cell]:
                candidates = cells[peer]
                if candidates & bit:
                    if candidates & PLACED:
                        return False
                    candidates ^= bit
                    if candidates == 0:
                        return False
                    cells[peer] = candidates
                    if candidates & (candidates - 1) == 0:
                        queue[waiting] = peer
                        waiting += 1
        for unit in range(len(units)):
            once, twice = 0, 0
            for cell in units[unit]:
                candidates = cells[cell] & full
                twice |= once & candidates
                once |= candidates
            if once != full:
                return False
            hidden = once & ~twice
            for cell in units[unit]:
                if cells[cell] & PLACED == 0:
                    bit = cells[cell] & hidden
                    if bit & (bit - 1):
                        return False  # two digits have only this cell
                    if bit:
                        cells[cell] = bit
                        queue[waiting] = cell
                        waiting += 1
            if waiting:
                break
        if waiting == 0:
            return True


@jit
def _next_random(state):
    """One step of splitmix64: 64 random bits, the same on every machine."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    bits = state[0]
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


@jit
def _below(state, bound):
    """A random whole number from 0 to bound - 1."""
    return np.int64((_next_random(state) >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32))


@jit
def _search(stack, branch, queue, waiting, peers, units, full, limit, rng, solution):
    """Depth first from stack[0]; stops at `limit` solutions. Returns (solutions, guesses before the first).

    The cell with the fewest candidates is guessed; its least digit first, or with an `rng` (one uint64)
    a random one of the best cells and a random digit. `solution` receives the first solution's bits.
    """
    found, guesses, first, depth = 0, 0, 0, 0
    while True:
        alive = _settle(stack[depth], peers, units, full, queue, waiting)
        waiting = 0
        if alive:
            cells = stack[depth]
            best, fewest, ties = -1, 99, 0
            for cell in range(len(cells)):
                if cells[cell] & PLACED == 0:
                    count = BITS[cells[cell]]
                    if count < fewest:
                        best, fewest, ties = cell, count, 1
                        if count == 2 and len(rng) == 0:
                            break
                    elif count == fewest and len(rng):
                        ties += 1
                        if _below(rng, ties) == 0:
                            best = cell
            if best < 0:
                if found == 0:
                    solution[:] = cells & full
                    first = guesses
                found += 1
                if found == limit:
                    return found, first
            else:
                guesses += 1
                bit = cells[best] & -cells[best]
                if len(rng):
                    rest = cells[best]
                    for _ in range(_below(rng, fewest)):
                        rest &= rest - 1
                    bit = rest & -rest
                stack[depth + 1, :] = cells
                stack[depth + 1, best] = bit
                cells[best] ^= bit  # what remains to be tried when this guess comes back
                branch[depth] = best
                depth += 1
                queue[0] = best
                waiting = 1
                continue
        depth -= 1
        if depth < 0:
            return found, first if found else guesses
        cell = branch[depth]
        if BITS[stack[depth, cell]] == 1:
            queue[0] = cell
            waiting = 1


@jit
def _start(digits, cells, queue, full):
    """Candidates of a board with the given digits; returns how many cells wait in the queue."""
    waiting = 0
    for cell in range(len(digits)):
        if digits[cell]:
            cells[cell] = 1 << (digits[cell] - 1)
            queue[waiting] = cell
            waiting += 1
        else:
            cells[cell] = full
    return waiting


@jit
def solve_many(digits, peers, units, limit):
    """Solve boards (n, cells) of digits, 0 for a blank.

    Returns the number of solutions, at most `limit`, and the guesses before the first of them, both (n,)
    int64, and the first solution (n, cells) uint8, zeros where there is none.
    """
    n, size = digits.shape
    full = (1 << units.shape[1]) - 1
    stack, branch = np.zeros((size + 1, size), np.int64), np.zeros(size + 1, np.int64)
    queue, solution = np.zeros(2 * size + 1, np.int64), np.zeros(size, np.int64)
    counts, guesses = np.zeros(n, np.int64), np.zeros(n, np.int64)
    solutions, rng = np.zeros((n, size), np.uint8), np.zeros(0, np.uint64)
    for puzzle in range(n):
        waiting = _start(digits[puzzle], stack[0], queue, full)
        counts[puzzle], guesses[puzzle] = _search(
            stack, branch, queue, waiting, peers, units, full, limit, rng, solution)
        if counts[puzzle]:
            for cell in range(size):
                solutions[puzzle, cell] = BITS[solution[cell] - 1] + 1
    return counts, guesses, solutions


@jit
def dig_many(low, high, minimal, peers, units, seed, start, count):
    """Make puzzles number start to start + count - 1 of the stream `seed`.

    Each fills a board at random, then empties cells in a random order as long as one solution remains:
    down to a number of givens drawn evenly from low to high, or with `minimal` until no given can go.
    A board that cannot be dug so deep is thrown away, for the same number of givens. Returns questions and
    answers (n, cells) uint8; n < count where one puzzle took more than MAX_TRIES boards.
    """
    size = peers.shape[0]
    full = (1 << units.shape[1]) - 1
    stack, branch = np.zeros((size + 1, size), np.int64), np.zeros(size + 1, np.int64)
    queue, solution = np.zeros(2 * size + 1, np.int64), np.zeros(size, np.int64)
    questions, answers = np.zeros((count, size), np.uint8), np.zeros((count, size), np.uint8)
    nobody, rng, order = np.zeros(0, np.uint64), np.zeros(1, np.uint64), np.arange(size)
    for puzzle in range(count):
        rng[0] = np.uint64(seed) + np.uint64(start + puzzle)
        rng[0] = _next_random(rng)  # neighbouring numbers must not give neighbouring streams
        goal = 0 if minimal else low + _below(rng, high - low + 1)
        digits = questions[puzzle]
        for attempt in range(MAX_TRIES + 1):
            if attempt == MAX_TRIES:
                return questions[:puzzle], answers[:puzzle]
            digits[:] = 0
            waiting = _start(digits, stack[0], queue, full)
            _search(stack, branch, queue, waiting, peers, units, full, 1, rng, solution)
            for cell in range(size):
                digits[cell] = BITS[solution[cell] - 1] + 1
            answers[puzzle] = digits
            for cell in range(size - 1, 0, -1):  # Fisher-Yates
                other = _below(rng, cell + 1)
                order[cell], order[other] = order[other], order[cell]
            givens = size
            for cell in order:
                if givens == goal:
                    break
                digits[cell] = 0
                waiting = _start(digits, stack[0], queue, full)
                # Another solution, if there is one, has another digit here.
                stack[0, cell] = full ^ (1 << (answers[puzzle, cell] - 1))
                if _search(stack, branch, queue, waiting, peers, units, full, 1, nobody, solution)[0]:
                    digits[cell] = answers[puzzle, cell]
                else:
                    givens -= 1
            if givens == goal or minimal:
                break
    return questions, answers
