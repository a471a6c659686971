"""How hard a 9x9 puzzle is: the guesses of a solver that thinks in bands, compiled.

The rating of the published lists counts the guesses of T. Dillon's solver tdoku until the first solution
(https://t-dillon.github.io/tdoku), so this is its method, written anew. Its variables are not only "digit d
in cell c" but also "digit d in this third of a row", a triad. In a band (three boxes side by side) a digit
takes another line in each box, which leaves six ways; the search guesses which way one digit takes in one
band, and what follows from a guess is drawn through boxes and bands until nothing changes.
"""

from __future__ import annotations

import numpy as np

from hrm_lite.puzzles.sudoku_kernels import BITS, jit

FULL = (1 << 9) - 1
# LINE[way, box]: the line of the band that a digit takes in each of its three boxes. The order of the ways
# is part of the rating: a guess tries the first that is left.
LINE = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], [0, 2, 1], [1, 0, 2]])
# A box is a 4x4 matrix of sets: cells, in column 3 the digits that may be absent from a row of the box, in
# row 3 those that may be absent from a column. Each digit stands once in each of the first three rows and
# columns of the matrix. A cell keeps one candidate at least, a margin six.
LEAST = np.array([1, 1, 1, 6, 1, 1, 1, 6, 1, 1, 1, 6, 6, 6, 6, 0])


@jit
def _settle_box(boxes, depth, index, ways, pending, asserted):
    """Draw conclusions inside one box; what they exclude in its two bands joins `pending` (6, 6).

    False on a contradiction.
    """
    down, across = index // 3, index % 3
    box = boxes[depth, index]
    while True:
        for entry in range(15):
            count = BITS[box[entry]]
            if count < LEAST[entry]:
                return False
            asserted[entry] = box[entry] if count == LEAST[entry] else 0
        for line in range(3):
            for first, step in ((4 * line, 1), (line, 4)):
                once, twice = 0, 0
                for k in range(4):
                    entry = box[first + k * step]
                    twice |= once & entry
                    once |= entry
                once &= ~twice
                for k in range(4):
                    asserted[first + k * step] |= box[first + k * step] & once
        changed = False
        anywhere = 0
        for line in range(3):
            anywhere |= asserted[4 * line] | asserted[4 * line + 1] | asserted[4 * line + 2]
        for line in range(3):
            in_row = asserted[4 * line] | asserted[4 * line + 1] | asserted[4 * line + 2]
            in_column = asserted[line] | asserted[4 + line] | asserted[8 + line]
            for entry, absent in ((4 * line + 3, in_row), (12 + line, in_column)):
                if box[entry] & absent:
                    box[entry] &= ~absent
                    changed = True
            for k in range(3):
                entry = 4 * line + k
                keep = asserted[entry]
                out = anywhere & ~keep
                if keep:
                    out = FULL & ~keep
                if box[entry] & out:
                    box[entry] &= ~out
                    changed = True
            for way in range(6):  # present in this line of the box: no other line; absent: not this line
                pending[down, way] |= asserted[4 * line + 3] if LINE[way, across] == line else in_row
                pending[3 + across, way] |= asserted[12 + line] if LINE[way, down] == line else in_column
        if not changed:
            return True


@jit
def _gather_triads(ways, band, triads):
    """triads[box, line]: the digits that may stand in that line of that box of the band."""
    for box in range(3):
        for line in range(3):
            triads[box, line] = 0
        for way in range(6):
            triads[box, LINE[way, box]] |= ways[band, way]


@jit
def _settle_bands(boxes, ways, depth, pending, triads, asserted):
    """Apply what is `pending` to the bands and carry it to the boxes until nothing changes."""
    ways = ways[depth]
    idle, band = 0, np.int64(0)
    while idle < 6:
        hit = 0
        for way in range(6):
            hit |= ways[band, way] & pending[band, way]
        if hit == 0:
            idle += 1
            band = (band + 1) % 6
            continue
        idle = 0
        for way in range(6):
            ways[band, way] &= ~pending[band, way]
            pending[band, way] = 0
        _gather_triads(ways, band, triads)
        for box in range(3):
            for line in range(3):
                if BITS[triads[box, line]] == 3:  # three digits for three cells: they are in no other line
                    for way in range(6):
                        if LINE[way, box] != line:
                            ways[band, way] &= ~triads[box, line]
        _gather_triads(ways, band, triads)
        for box in range(3):
            index = 3 * band + box if band < 3 else band - 3 + 3 * box
            cells = boxes[depth, index]
            changed = False
            for line in range(3):
                here = triads[box, line]
                elsewhere = triads[box, (line + 1) % 3] | triads[box, (line + 2) % 3]
                for k in range(3):
                    entry = 4 * line + k if band < 3 else 4 * k + line
                    if cells[entry] & ~here:
                        cells[entry] &= here
                        changed = True
                entry = 4 * line + 3 if band < 3 else 12 + line
                if cells[entry] & ~elsewhere:
                    cells[entry] &= elsewhere
                    changed = True
            if changed and not _settle_box(boxes, depth, index, ways, pending, asserted):
                return False
    return True


@jit
def _choose(ways, depth):
    """The unfinished band with the fewest ways left, and in it the digit with the fewest; (-1, -1) if done."""
    band, fewest = -1, 99
    for candidate in range(6):
        count = 0
        for way in range(6):
            count += BITS[ways[depth, candidate, way]]
        if 9 < count < fewest:
            band, fewest = candidate, count
    if band < 0:
        return -1, -1
    digit, fewest = -1, 99
    for candidate in range(9):
        count = 0
        for way in range(6):
            count += ways[depth, band, way] >> candidate & 1
        if 1 < count < fewest:
            digit, fewest = candidate, count
    return band, digit


@jit
def _start(digits, puzzle, boxes, ways, pending):
    """Put the givens of one board of (n, 81) into its boxes; what they exclude in the bands is pending."""
    for index in range(9):
        for entry in range(16):
            boxes[0, index, entry] = FULL if entry < 15 else 0
    for band in range(6):
        for way in range(6):
            ways[0, band, way] = FULL
            pending[band, way] = 0
    for cell in range(81):
        if digits[puzzle, cell]:
            bit = 1 << (digits[puzzle, cell] - 1)
            row, column = cell // 9, cell % 9
            boxes[0, row // 3 * 3 + column // 3, row % 3 * 4 + column % 3] &= bit
            for way in range(6):
                if LINE[way, column // 3] != row % 3:
                    pending[row // 3, way] |= bit
                if LINE[way, row // 3] != column % 3:
                    pending[3 + column // 3, way] |= bit


@jit
def _guess_all(digits, boxes, ways, guess, pending, triads, asserted, guesses):
    for puzzle in range(len(digits)):
        _start(digits, puzzle, boxes, ways, pending)
        depth, band, digit = np.int64(0), -1, -1  # a bare 0 would be compiled twice, as constant and as number
        while True:
            if _settle_bands(boxes, ways, depth, pending, triads, asserted):
                left = 0
                if band >= 0:  # a guess has failed: go on with the same digit while it has several ways
                    for way in range(6):
                        left += ways[depth, band, way] >> digit & 1
                if left < 2:
                    band, digit = _choose(ways, depth)
                if band < 0:
                    break  # solved
                guesses[puzzle] += 1
                first = 0
                while ways[depth, band, first] >> digit & 1 == 0:
                    first += 1
                guess[depth, 0], guess[depth, 1], guess[depth, 2] = band, digit, first
                for index in range(9):
                    for entry in range(16):
                        boxes[depth + 1, index, entry] = boxes[depth, index, entry]
                for line in range(6):
                    for way in range(6):
                        ways[depth + 1, line, way] = ways[depth, line, way]
                depth += 1
                for way in range(6):
                    pending[band, way] = 0 if way == first else 1 << digit
                band = -1
                continue
            depth -= 1
            if depth < 0:
                break  # no solution
            band, digit = guess[depth, 0], guess[depth, 1]
            for line in range(6):
                for way in range(6):
                    pending[line, way] = 0
            pending[band, guess[depth, 2]] = 1 << digit


def rate_many(digits: np.ndarray) -> np.ndarray:
    """9x9 boards (n, 81) of digits, 0 for a blank -> guesses until the first solution, (n,) int64.

    A board without a solution gives the guesses that it takes to find that out.
    """
    digits = np.array(digits, np.uint8, ndmin=2)
    guesses = np.zeros(len(digits), np.int64)
    depth = 6 * 9 + 1  # each guess settles one digit in one band, or excludes one way
    shapes = (depth, 9, 16), (depth, 6, 6), (depth, 3), (6, 6), (3, 3), 16
    _guess_all(digits, *(np.zeros(shape, np.int64) for shape in shapes), guesses)
    return guesses
