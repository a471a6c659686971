"""A search for hard 9x9 puzzles: change a clue or two, and keep what is not easier.

A random puzzle without a superfluous given hardly ever needs a guess. Its neighbours differ: take one clue
away, add others of the same answer until one solution remains, leave out what has become superfluous. The
search goes to a neighbour if that is not easier, many times over. Every puzzle has an answer of its own, drawn
at random, so the puzzles are no family.

How hard: the guesses that `rating` counts. They depend on how the board lies, so a climb on one
count would select lucky positions. The search looks at the mean over several random symmetric images, and
what it gives out is one more image, drawn at the end: its rating was never looked at and so is honest.

Most questions about solutions are answered without a solver. Where another answer fits the clues, the
cells in which it differs are an *unavoidable set*: each puzzle of this answer has a clue in it. The sets
found so far are kept. A clue that alone stands in one of them is needed; for others the solver is asked,
and either the clue goes or a new set is known.

Compiled functions that call each other stand in this file, but for `compiled.below` (see there).
"""

from __future__ import annotations

import numpy as np

from hrm_lite.puzzles.compiled import below, jit
from hrm_lite.puzzles.splits import TEST_SHARE, parts
from hrm_lite.puzzles.stream import Stream
from hrm_lite.puzzles.sudoku.canonical_form import canonical_many
from hrm_lite.puzzles.sudoku.grid import BOARDS, to_text
from hrm_lite.puzzles.sudoku.kernels import dig_many
from hrm_lite.puzzles.sudoku.rating import search_many

VERSION = 1  # of the puzzles: raise it with any change that gives others
MOVES = 1_800  # neighbours that are tried for each puzzle
IMAGES = 16  # symmetric images in the mean by which two puzzles are compared
GLANCE, DOUBT = 2, 0.6  # a neighbour whose first 2 images have less than 0.6 of the rating is dropped at once
TOLERANCE = 1.0  # a neighbour may be easier by this: the mean is a noisy one, and peaks are left again
SETS = 1_024  # unavoidable sets that are kept for each puzzle; then the oldest make room
HALF = 41  # a set of cells is two numbers of 64 bits: cells 0 to 40, and 41 to 80


@jit
def _draw_cell(low, high, rng):
    """A random cell of a set that is not empty."""
    count, bits = 0, low
    while bits:
        bits &= bits - 1
        count += 1
    in_low, bits = count, high
    while bits:
        bits &= bits - 1
        count += 1
    index, bits, cell = below(rng, count), low, 0
    if index >= in_low:
        index, bits, cell = index - in_low, high, HALF
    for _ in range(index):
        bits &= bits - 1
    while bits & 1 == 0:
        bits >>= 1
        cell += 1
    return cell


@jit
def _flip(clues, puzzle, cell):
    """A clue goes, or comes."""
    if cell < HALF:
        clues[puzzle, 0] ^= 1 << cell
    else:
        clues[puzzle, 1] ^= 1 << (cell - HALF)


@jit
def _meet(clues, puzzle, banned, unavoidable, index, rng):
    """Add a clue of this unavoidable set if there is none, best one that did not stand there before."""
    low, high = unavoidable[puzzle, index, 0], unavoidable[puzzle, index, 1]
    if low & clues[puzzle, 0] == 0 and high & clues[puzzle, 1] == 0:
        fresh_low, fresh_high = low & ~banned[puzzle, 0], high & ~banned[puzzle, 1]
        if fresh_low or fresh_high:
            low, high = fresh_low, fresh_high
        _flip(clues, puzzle, _draw_cell(low, high, rng[puzzle : puzzle + 1]))


@jit
def _write(clues, answers, boards, puzzle):
    for cell in range(81):
        bits = clues[puzzle, 0] >> cell if cell < HALF else clues[puzzle, 1] >> (cell - HALF)
        boards[puzzle, cell] = answers[puzzle, cell] if bits & 1 else 0


@jit
def _propose_all(which, state):
    """Take a clue away from each puzzle of `which`, and add others until all known sets are met."""
    answers, boards, clues, banned, tried, minimal, unavoidable, known, rng = state
    for puzzle in which:
        banned[puzzle, 0], banned[puzzle, 1] = clues[puzzle, 0], clues[puzzle, 1]
        _flip(clues, puzzle, _draw_cell(clues[puzzle, 0], clues[puzzle, 1], rng[puzzle : puzzle + 1]))
        for index in range(min(known[puzzle], unavoidable.shape[1])):
            _meet(clues, puzzle, banned, unavoidable, index, rng)
        tried[puzzle] = -1
        minimal[puzzle] = False
        _write(clues, answers, boards, puzzle)


@jit
def _advance_all(which, several, found, state):
    """The next board to solve for each puzzle of `which`, after what the solver has `found` on the last.

    several (n,) bool, found (n, 2, 81): the first two solutions of boards[which]. A puzzle is `minimal`
    when it has one solution and every clue stands alone in an unavoidable set.
    """
    answers, boards, clues, banned, tried, minimal, unavoidable, known, rng = state
    for number in range(len(which)):
        puzzle = which[number]
        if several[number]:
            low, high, other = 0, 0, 0
            while low == 0 and high == 0:  # at most one of the two is the answer
                for cell in range(81):
                    if found[number, other, cell] != answers[puzzle, cell]:
                        if cell < HALF:
                            low |= 1 << cell
                        else:
                            high |= 1 << (cell - HALF)
                other += 1
            index = known[puzzle] % unavoidable.shape[1]
            unavoidable[puzzle, index, 0], unavoidable[puzzle, index, 1] = low, high
            known[puzzle] += 1
            if tried[puzzle] >= 0:  # that clue is needed
                _flip(clues, puzzle, tried[puzzle])
            else:
                _meet(clues, puzzle, banned, unavoidable, index, rng)
        if tried[puzzle] >= 0 or not several[number]:  # with these clues there is one solution
            low, high = clues[puzzle, 0], clues[puzzle, 1]
            for index in range(min(known[puzzle], unavoidable.shape[1])):
                inside, outside = unavoidable[puzzle, index, 0], unavoidable[puzzle, index, 1]
                inside &= clues[puzzle, 0]
                outside &= clues[puzzle, 1]
                if (outside == 0 and inside & (inside - 1) == 0) or (inside == 0 and outside & (outside - 1) == 0):
                    low &= ~inside
                    high &= ~outside
            if low or high:
                tried[puzzle] = _draw_cell(low, high, rng[puzzle : puzzle + 1])
                _flip(clues, puzzle, tried[puzzle])
            else:
                minimal[puzzle] = True
        _write(clues, answers, boards, puzzle)


@jit
def _shuffle(numbers, count, rng):
    """A random order of 0 to count - 1 in front of `numbers`."""
    for index in range(count):
        other = below(rng, index + 1)
        numbers[index] = numbers[other]
        numbers[other] = index


@jit
def _disguise_all(boards, which, rng, images, lines, names):
    """images (n, k, m, 81): k random symmetric images of the m boards boards[which[i]], (..., m, 81)."""
    for number in range(len(which)):
        puzzle = which[number]
        stream = rng[puzzle : puzzle + 1]
        for image in range(images.shape[1]):
            for axis in range(2):
                _shuffle(names, 3, stream)
                bands = names[0], names[1], names[2]
                for band in range(3):
                    _shuffle(names, 3, stream)
                    for line in range(3):
                        lines[axis, 3 * band + line] = 3 * bands[band] + names[line]
            mirror = below(stream, 2)
            _shuffle(names, 9, stream)
            for place in range(81):
                row, column = lines[0, place // 9], lines[1, place % 9]
                cell = 9 * column + row if mirror else 9 * row + column
                for layer in range(images.shape[2]):
                    digit = boards[puzzle, layer, cell]
                    images[number, image, layer, place] = names[digit - 1] + 1 if digit else 0


def _images(boards: np.ndarray, which: np.ndarray, rng: np.ndarray, count: int) -> np.ndarray:
    images = np.zeros((len(which), count, boards.shape[1], 81), np.uint8)
    _disguise_all(boards, which, rng, images, np.zeros((2, 9), np.int64), np.zeros(9, np.int64))
    return images


def _guesses(boards: np.ndarray, which: np.ndarray, rng: np.ndarray, count: int) -> np.ndarray:
    """The guesses for `count` random images of each board, added up (n,)."""
    images = _images(boards[:, None], which, rng, count).reshape(-1, 81)
    return search_many(images, 1)[1].reshape(len(which), count).sum(1)


def _promising(boards: np.ndarray, which: np.ndarray, rng: np.ndarray, rating: np.ndarray):
    """Those of the puzzles `which` that at a glance are not far below `rating` (n,), and their mean ratings."""
    glance = _guesses(boards, which, rng, GLANCE)
    keep = glance >= GLANCE * DOUBT * rating[which]
    which = which[keep]
    return which, (glance[keep] + _guesses(boards, which, rng, IMAGES - GLANCE)) / IMAGES


def climb(seed: int, split: str, start: int, count: int, moves: int = MOVES) -> tuple[np.ndarray, np.ndarray]:
    """Make the puzzles number start to start + count - 1 of the endless stream of this seed and split.

    Each begins as a random puzzle and tries `moves` neighbours. The last of the hardest whose class is in
    the wanted part is given out, in a random image; should there be none yet the search goes on. Of
    the five parts of all classes (see `splits`) the first is "test"; the puzzles of "train" want the
    other four in turn, and not just any of them, so that neither split has more to choose from and is harder.

    A puzzle depends on its number alone, not on the others made with it. Returns questions and answers,
    (count, 81) uint8.
    """
    board = BOARDS["9x9"]
    key = seed, ("test", "train").index(split)
    digits, answers = dig_many(board, 0, 0, True, (*key, 0), start, count)
    rng = Stream((*key, 1), skip=start).bits(count)
    wanted = np.zeros(count, np.int64) if split == "test" else 1 + (start + np.arange(count)) % (TEST_SHARE - 1)
    clues = np.zeros((count, 2), np.int64)
    for cell in range(81):
        clues[:, cell // HALF] |= (digits[:, cell] > 0).astype(np.int64) << (cell % HALF)
    boards, minimal = digits.copy(), np.zeros(count, bool)
    state = (answers, boards, clues, np.zeros_like(clues), np.full(count, -1), minimal,
             np.zeros((count, SETS, 2), np.int64), np.zeros(count, np.int64), rng)
    here, rating = clues.copy(), np.full(count, -TOLERANCE)
    result, best = np.stack([digits, answers], 1), np.full(count, -TOLERANCE)
    left, active = np.full(count, moves), np.arange(count)
    while len(active):
        solutions, _, found = search_many(boards[active], 2, 2)
        _advance_all(active, solutions == 2, found, state)
        ready = active[minimal[active]]
        if len(ready) == 0:
            continue
        which, mean = _promising(boards, ready, rng, rating)
        better = mean >= rating[which] - TOLERANCE
        here[which[better]], rating[which[better]] = clues[which[better]], mean[better]
        better = mean >= best[which] - TOLERANCE
        which, mean = which[better], mean[better]
        fits = parts(to_text(row) for row in canonical_many(board, boards[which], answers[which])) == wanted[which]
        result[which[fits], 0], best[which[fits]] = boards[which[fits]], mean[fits]
        clues[ready] = here[ready]
        left[ready] -= 1
        go_on = (left >= 0) | (best < 0)
        active = active[go_on[active]]
        _propose_all(ready[go_on[ready]], state)
    images = _images(result, np.arange(count), rng, 1)[:, 0]
    return images[:, 0], images[:, 1]
