"""The search, compiled: count solutions, fill a board at random, dig holes into it.

Imported on first use and not before, since numba takes a second to load. A cell is a set of candidate
digits, one bit each; PLACED is set as well once the digit is known and has left its peers. All functions
that call each other stand in this one file: numba's cache notices a change only in the file of the
function that is called. Arrays are made outside of compiled code: each np.zeros inside it would add half a
second to the first call.
"""

from __future__ import annotations

import functools

import numpy as np

from hrm_lite.puzzles import stream
from hrm_lite.puzzles.compiled import below, jit, next_random
from hrm_lite.puzzles.sudoku.grid import Board

PLACED = 1 << 15
BITS = np.array([number.bit_count() for number in range(1 << 9)], np.uint8)
MAX_TRIES = 2_000  # boards that `dig_many` starts for one puzzle before it gives up


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
            for index in range(peers.shape[1]):
                peer = peers[cell, index]
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
            for index in range(units.shape[1]):
                candidates = cells[units[unit, index]] & full
                twice |= once & candidates
                once |= candidates
            if once != full:
                return False
            hidden = once & ~twice
            for index in range(units.shape[1]):
                cell = units[unit, index]
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
                        if below(rng, ties) == 0:
                            best = cell
            if best < 0:
                if found == 0:
                    for cell in range(len(cells)):
                        solution[cell] = cells[cell] & full
                    first = guesses
                found += 1
                if found == limit:
                    return found, first
            else:
                guesses += 1
                bit = cells[best] & -cells[best]
                if len(rng):
                    rest = cells[best]
                    for _ in range(below(rng, fewest)):
                        rest &= rest - 1
                    bit = rest & -rest
                for cell in range(len(cells)):
                    stack[depth + 1, cell] = cells[cell]
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
def _start(digits, puzzle, stack, queue, full):
    """Put the candidates of one board of (n, cells) on the stack; how many cells wait to be placed."""
    waiting = 0
    for cell in range(digits.shape[1]):
        if digits[puzzle, cell]:
            stack[0, cell] = 1 << (digits[puzzle, cell] - 1)
            queue[waiting] = cell
            waiting += 1
        else:
            stack[0, cell] = full
    return waiting


@jit
def _solve_all(digits, peers, units, limit, work, nobody, counts, guesses, solutions):
    stack, branch, queue, solution = work
    full = (1 << units.shape[1]) - 1
    for puzzle in range(len(digits)):
        waiting = _start(digits, puzzle, stack, queue, full)
        counts[puzzle], guesses[puzzle] = _search(
            stack, branch, queue, waiting, peers, units, full, limit, nobody, solution)
        if counts[puzzle]:
            for cell in range(digits.shape[1]):
                solutions[puzzle, cell] = BITS[solution[cell] - 1] + 1


@jit
def _dig_all(low, high, minimal, peers, units, seed, work, nobody, rng, order, questions, answers):
    stack, branch, queue, solution = work
    count, size = questions.shape
    one = np.int64(1)  # a bare 1 would be compiled once more, as a constant
    full = (1 << units.shape[1]) - 1
    for puzzle in range(count):
        rng[0] = seed + np.uint64(puzzle)
        rng[0] = next_random(rng)  # neighbouring numbers must not give neighbouring streams
        goal = 0 if minimal else low + below(rng, high - low + 1)
        givens = -1
        for _ in range(MAX_TRIES):
            for cell in range(size):
                questions[puzzle, cell] = 0
            waiting = _start(questions, puzzle, stack, queue, full)
            _search(stack, branch, queue, waiting, peers, units, full, one, rng, solution)
            for cell in range(size):
                answers[puzzle, cell] = BITS[solution[cell] - 1] + 1
                questions[puzzle, cell] = answers[puzzle, cell]
            for cell in range(size):  # a random order, by Fisher and Yates from the front
                other = below(rng, cell + 1)
                order[cell] = order[other]
                order[other] = cell
            givens = size
            for index in range(size):
                if givens == goal:
                    break
                cell = order[index]
                questions[puzzle, cell] = 0
                waiting = _start(questions, puzzle, stack, queue, full)
                # Another solution, if there is one, has another digit here.
                stack[0, cell] = full ^ (1 << (answers[puzzle, cell] - 1))
                if _search(stack, branch, queue, waiting, peers, units, full, one, nobody, solution)[0]:
                    questions[puzzle, cell] = answers[puzzle, cell]
                else:
                    givens -= 1
            if givens == goal or minimal:
                break
        if givens != goal and not minimal:
            return puzzle
    return count


@functools.cache
def _tables(board: Board) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([np.flatnonzero(row) for row in board.peers]), board.units


def _workspace(board: Board) -> tuple[np.ndarray, ...]:
    """The stack of boards, the cell guessed on each, the queue of known cells, and room for a solution."""
    size = board.cells
    shapes = (size + 1, size), size + 1, 2 * size + 1, size
    return tuple(np.zeros(shape, np.int64) for shape in shapes)


def solve_many(board: Board, digits: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve boards (n, cells) of digits, 0 for a blank.

    Returns the number of solutions, at most `limit`, and the guesses before the first of them, both (n,)
    int64, and the first solution (n, cells) uint8, zeros where there is none.
    """
    digits = np.array(digits, np.uint8, ndmin=2)
    counts, guesses, solutions = np.zeros(len(digits), np.int64), np.zeros(len(digits), np.int64), 0 * digits
    _solve_all(digits, *_tables(board), limit, _workspace(board), np.zeros(0, np.uint64), counts, guesses,
               solutions)
    return counts, guesses, solutions


def dig_many(
    board: Board, low: int, high: int, minimal: bool, seed: int | tuple[int, ...], start: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Make the puzzles number start to start + count - 1 of the endless stream `seed`.

    Each fills a board at random, then empties cells in a random order as long as one solution remains:
    down to a number of givens drawn evenly from low to high, or with `minimal` until no given can go.
    A board that cannot be dug so deep is thrown away and another tried for the same number of givens.
    Returns questions and answers (n, cells) uint8; n < count where one puzzle used up MAX_TRIES boards.
    """
    questions, answers = np.zeros((count, board.cells), np.uint8), np.zeros((count, board.cells), np.uint8)
    key = stream.start(seed) + start
    made = _dig_all(
        low, high, minimal, *_tables(board), np.uint64(key % 2**64), _workspace(board),
        np.zeros(0, np.uint64), np.zeros(1, np.uint64), np.zeros(board.cells, np.int64), questions, answers)
    return questions[:made], answers[:made]
