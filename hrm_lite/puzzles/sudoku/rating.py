"""How hard a 9x9 puzzle is: a solver that thinks in bands and counts its guesses, compiled.

The rating of the published lists counts the guesses of T. Dillon's solver tdoku until the first solution
(https://t-dillon.github.io/tdoku), so this is its method, written anew. Its variables are not only "digit d
in cell c" but also "digit d in this third of a row", a triad. In a band (three boxes side by side) a digit
takes another line in each box, which leaves six ways; the search guesses which way one digit takes in one
band, and what follows from a guess is drawn through boxes and bands until nothing changes.
"""

from __future__ import annotations

import numpy as np

from hrm_lite.puzzles.compiled import jit
from hrm_lite.puzzles.sudoku.kernels import BITS

FULL = (1 << 9) - 1
# LINE[way, box]: the line of the band that a digit takes in each of its three boxes. The order of the ways
# is part of the rating: a guess tries the first that is left.
LINE = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0], [0, 2, 1], [1, 0, 2]])
# A box is a 4x4 matrix of sets of digits: 3x3 cells; in column 3 the digits that may be absent from a row of
# the box, in row 3 those that may be absent from a column. Each digit stands once in each of the first three
# rows and columns of the matrix. A cell keeps one candidate at least, a set of absent digits six.
# One number holds a row of the matrix: four lanes of 16 bits, so that one operation serves all of them.
EACH = 1 | 1 << 16 | 1 << 32  # times a set: that set in the lanes of the three cells
CELLS = EACH * FULL
ABOVE = EACH << 9  # the bit above each set: CELLS + sets carries into it where the set is not empty
MARGIN = FULL << 48


@jit
def _single(row):
    """The cells of a row that have one candidate, the others empty. No cell is empty."""
    row &= CELLS
    several = ((row & (row - EACH)) + CELLS) & ABOVE
    lanes = ABOVE ^ several
    return row & (lanes - (lanes >> 9))


@jit
def _six(entry):
    return entry if BITS[entry] == 6 else 0


@jit
def _once(row):
    """The digits that stand in one lane only, in that lane."""
    turned = (row >> 16) | ((row & FULL) << 48)
    one, two = row | turned, row & turned
    one_turned = (one >> 32) | ((one & 0xFFFFFFFF) << 32)
    two_turned = (two >> 32) | ((two & 0xFFFFFFFF) << 32)
    return row & ~(two | two_turned | (one & one_turned))


@jit
def _any(row):
    """All digits in the cells of a row."""
    return (row | row >> 16 | row >> 32) & FULL


@jit
def _out(known, row, anywhere):
    """What leaves a row of the box when the cells `known` are: in the box `anywhere`, in the row `row`."""
    lanes = (known + CELLS) & ABOVE
    return ((anywhere * EACH | (lanes - (lanes >> 9))) & ~known) | row << 48


@jit
def _settle_box(boxes, depth, index, pending):
    """Draw conclusions inside one box; what they exclude in its two bands joins `pending` (6, 6).

    False on a contradiction.
    """
    box = boxes[depth, index]
    a, b, c, d = box[0], box[1], box[2], box[3]
    while True:
        if ((a & CELLS) + CELLS) & ((b & CELLS) + CELLS) & ((c & CELLS) + CELLS) & ABOVE != ABOVE:
            return False  # a cell without a candidate
        for entry in (a >> 48, b >> 48, c >> 48, d & FULL, d >> 16 & FULL, d >> 32):
            if BITS[entry] < 6:
                return False  # more than three digits in a third of a row or column
        # What is known for certain: of cells and margins with the least possible, and of digits with one place.
        column = (a | b | c | d) & ~((a & b) | (c & d) | ((a | b) & (c | d))) & CELLS
        known_a = _single(a) | _once(a) | (a & column) | _six(a >> 48) << 48
        known_b = _single(b) | _once(b) | (b & column) | _six(b >> 48) << 48
        known_c = _single(c) | _once(c) | (c & column) | _six(c >> 48) << 48
        known_d = (d & column) | _six(d & FULL) | _six(d >> 16 & FULL) << 16 | _six(d >> 32) << 32
        cells_a, cells_b, cells_c = known_a & CELLS, known_b & CELLS, known_c & CELLS
        row_a, row_b, row_c = _any(cells_a), _any(cells_b), _any(cells_c)
        columns = cells_a | cells_b | cells_c
        anywhere = row_a | row_b | row_c
        left_a = a & ~_out(cells_a, row_a, anywhere)
        left_b = b & ~_out(cells_b, row_b, anywhere)
        left_c = c & ~_out(cells_c, row_c, anywhere)
        left_d = d & ~columns
        if left_a == a and left_b == b and left_c == c and left_d == d:
            break
        a, b, c, d = left_a, left_b, left_c, left_d
    box[0], box[1], box[2], box[3] = a, b, c, d
    # A band loses a way if in this box it puts a digit on a line that must not have it, or if another has it.
    down, across = index // 3, index % 3
    first, second, third = columns & FULL, columns >> 16 & FULL, columns >> 32
    rows = known_a >> 48 | row_b | row_c, known_b >> 48 | row_a | row_c, known_c >> 48 | row_a | row_b
    columns = (known_d & FULL | second | third, known_d >> 16 & FULL | first | third, known_d >> 32 | first | second)
    for way in range(6):
        pending[down, way] |= rows[LINE[way, across]]
        pending[3 + across, way] |= columns[LINE[way, down]]
    return True


@jit
def _gather_triads(ways, band, triads):
    """triads[box, line]: the digits that may stand on that line of that box of the band."""
    for box in range(3):
        for line in range(3):
            triads[box, line] = 0
        for way in range(6):
            triads[box, LINE[way, box]] |= ways[band, way]


@jit
def _settle_bands(boxes, ways, depth, pending, triads):
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
                if BITS[triads[box, line]] == 3:  # three digits for three cells: they are on no other line
                    for way in range(6):
                        if LINE[way, box] != line:
                            ways[band, way] &= ~triads[box, line]
        _gather_triads(ways, band, triads)
        for box in range(3):
            index = 3 * band + box if band < 3 else band - 3 + 3 * box
            a, b, c, d = boxes[depth, index, 0], boxes[depth, index, 1], boxes[depth, index, 2], boxes[depth, index, 3]
            x, y, z = triads[box, 0], triads[box, 1], triads[box, 2]
            if band < 3:
                boxes[depth, index, 0] &= x * EACH | (y | z) << 48
                boxes[depth, index, 1] &= y * EACH | (x | z) << 48
                boxes[depth, index, 2] &= z * EACH | (x | y) << 48
            else:
                lanes = x | y << 16 | z << 32 | MARGIN
                boxes[depth, index, 0] &= lanes
                boxes[depth, index, 1] &= lanes
                boxes[depth, index, 2] &= lanes
                boxes[depth, index, 3] &= (y | z) | (x | z) << 16 | (x | y) << 32
            if (a != boxes[depth, index, 0] or b != boxes[depth, index, 1] or c != boxes[depth, index, 2]
                    or d != boxes[depth, index, 3]) and not _settle_box(boxes, depth, index, pending):
                return False
    return True


@jit
def _choose(ways, depth):
    """The unsettled band with the fewest ways left, and in it the digit with the fewest; (-1, -1) if done."""
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
        for row in range(3):
            boxes[0, index, row] = CELLS | MARGIN
        boxes[0, index, 3] = CELLS
    for band in range(6):
        for way in range(6):
            ways[0, band, way] = FULL
            pending[band, way] = 0
    for cell in range(81):
        if digits[puzzle, cell]:
            bit = 1 << (digits[puzzle, cell] - 1)
            row, column = cell // 9, cell % 9
            lane = 16 * (column % 3)
            boxes[0, row // 3 * 3 + column // 3, row % 3] &= ~((FULL ^ bit) << lane)
            for way in range(6):
                if LINE[way, column // 3] != row % 3:
                    pending[row // 3, way] |= bit
                if LINE[way, row // 3] != column % 3:
                    pending[3 + column // 3, way] |= bit


@jit
def _search_all(digits, limit, counts, guesses, solutions, work):
    boxes, ways, guess, pending, triads = work
    for puzzle in range(len(digits)):
        _start(digits, puzzle, boxes, ways, pending)
        depth, band, digit = np.int64(0), -1, -1  # a bare 0 would be compiled twice
        while True:
            if _settle_bands(boxes, ways, depth, pending, triads):
                left = 0
                if band >= 0:  # a guess has failed: go on with the same digit while it has several ways
                    for way in range(6):
                        left += ways[depth, band, way] >> digit & 1
                if left < 2:
                    band, digit = _choose(ways, depth)
                if band >= 0:
                    first = 0
                    while ways[depth, band, first] >> digit & 1 == 0:
                        first += 1
                    guess[depth, 0], guess[depth, 1], guess[depth, 2] = band, digit, first
                    if counts[puzzle] == 0:
                        guesses[puzzle] += 1
                    for index in range(9):
                        for line in range(4):
                            boxes[depth + 1, index, line] = boxes[depth, index, line]
                    for line in range(6):
                        for way in range(6):
                            ways[depth + 1, line, way] = ways[depth, line, way]
                    depth += 1
                    for way in range(6):
                        pending[band, way] = 0 if way == first else 1 << digit
                    band = -1
                    continue
                if counts[puzzle] < solutions.shape[1]:
                    for cell in range(81):
                        row, column = cell // 9, cell % 9
                        lanes = boxes[depth, row // 3 * 3 + column // 3, row % 3]
                        digit_here = BITS[(lanes >> 16 * (column % 3) & FULL) - 1] + 1
                        solutions[puzzle, counts[puzzle], cell] = digit_here
                counts[puzzle] += 1
                if counts[puzzle] == limit:
                    break
            depth -= 1
            if depth < 0:
                break
            band, digit = guess[depth, 0], guess[depth, 1]
            for line in range(6):
                for way in range(6):
                    pending[line, way] = 0
            pending[band, guess[depth, 2]] = 1 << digit


def search_many(digits: np.ndarray, limit: int, keep: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve 9x9 boards (n, 81) of digits, 0 for a blank.

    Returns the number of solutions, at most `limit`, and the guesses before the first of them (without
    one: before that is known), both (n,) int64, and the first solution (n, 81) uint8, zeros without one.
    With keep > 1 the first `keep` solutions instead, (n, keep, 81).
    """
    digits = np.array(digits, np.uint8, ndmin=2)
    counts, guesses = np.zeros(len(digits), np.int64), np.zeros(len(digits), np.int64)
    solutions = np.zeros((len(digits), keep, 81), np.uint8)
    deep = 6 * 9 + 1  # a guess fixes the way of one digit in one band
    shapes = (deep, 9, 4), (deep, 6, 6), (deep, 3), (6, 6), (3, 3)
    work = tuple(np.zeros(shape, np.int64) for shape in shapes)
    _search_all(digits, limit, counts, guesses, solutions, work)
    return counts, guesses, solutions if keep > 1 else solutions[:, 0]
