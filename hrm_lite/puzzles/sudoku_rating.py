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
def _settle_box(box, index, ways, pending):
    """Draw conclusions inside one box (16,); what they exclude in its two bands joins `pending` (6, 6).

    False on a contradiction.
    """
    down, across = index // 3, index % 3
    asserted = np.zeros(16, np.int64)
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
            for way in range(6):
                # present in this line of the box: no other line; absent: not this line
                if LINE[way, across] == line:
                    pending[down, way] |= asserted[4 * line + 3]
                else:
                    pending[down, way] |= in_row
                if LINE[way, down] == line:
                    pending[3 + across, way] |= asserted[12 + line]
                else:
                    pending[3 + across, way] |= in_column
        if not changed:
            return True


@jit
def _settle_bands(boxes, ways, pending):
    """Apply what is `pending` to the bands and carry it to the boxes until nothing changes."""
    triads = np.zeros((3, 3), np.int64)
    idle, band = 0, 0
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
        triads[:] = 0
        for way in range(6):
            for box in range(3):
                triads[box, LINE[way, box]] |= ways[band, way]
        for box in range(3):
            for line in range(3):
                if BITS[triads[box, line]] == 3:  # three digits for three cells: they are in no other line
                    for way in range(6):
                        if LINE[way, box] != line:
                            ways[band, way] &= ~triads[box, line]
        triads[:] = 0
        for way in range(6):
            for box in range(3):
                triads[box, LINE[way, box]] |= ways[band, way]
        for box in range(3):
            index = 3 * band + box if band < 3 else band - 3 + 3 * box
            cells = boxes[index]
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
            if changed and not _settle_box(cells, index, ways, pending):
                return False
    return True


@jit
def _choose(ways):
    """The unfinished band with the fewest ways left, and in it the digit with the fewest; (-1, -1) if done."""
    band, fewest = -1, 99
    for candidate in range(6):
        count = 0
        for way in range(6):
            count += BITS[ways[candidate, way]]
        if 9 < count < fewest:
            band, fewest = candidate, count
    if band < 0:
        return -1, -1
    digit, fewest = -1, 99
    for candidate in range(9):
        count = 0
        for way in range(6):
            count += ways[band, way] >> candidate & 1
        if 1 < count < fewest:
            digit, fewest = candidate, count
    return band, digit


@jit
def rate_many(digits):
    """Boards (n, 81) of digits, 0 for a blank -> guesses until the first solution, (n,) int64.

    Boards without a solution give the guesses that it takes to find that out.
    """
    n = len(digits)
    guesses = np.zeros(n, np.int64)
    boxes = np.zeros((82, 9, 16), np.int64)
    ways, pending = np.zeros((82, 6, 6), np.int64), np.zeros((6, 6), np.int64)
    guess = np.zeros((82, 3), np.int64)
    for puzzle in range(n):
        boxes[0] = FULL
        boxes[0, :, 15] = 0
        ways[0] = FULL
        pending[:] = 0
        for cell in range(81):
            if digits[puzzle, cell]:
                bit = 1 << (digits[puzzle, cell] - 1)
                row, column = cell // 9, cell % 9
                box = boxes[0, row // 3 * 3 + column // 3]
                box[row % 3 * 4 + column % 3] &= bit
                for way in range(6):
                    if LINE[way, column // 3] != row % 3:
                        pending[row // 3, way] |= bit
                    if LINE[way, row // 3] != column % 3:
                        pending[3 + column // 3, way] |= bit
        alive = True
        for index in range(9):
            alive = alive and _settle_box(boxes[0, index], index, ways[0], pending)
        depth, last_band, last_digit = 0, -1, -1
        while True:
            if alive and _settle_bands(boxes[depth], ways[depth], pending):
                left = 0
                if last_band >= 0:  # a guess has failed: the same digit goes on while it has several ways
                    for way in range(6):
                        left += ways[depth, last_band, way] >> last_digit & 1
                band, digit = last_band, last_digit
                if left < 2:
                    band, digit = _choose(ways[depth])
                if band < 0:
                    break
                guesses[puzzle] += 1
                first = 0
                while ways[depth, band, first] >> digit & 1 == 0:
                    first += 1
                guess[depth, 0], guess[depth, 1], guess[depth, 2] = band, digit, first
                boxes[depth + 1] = boxes[depth]
                ways[depth + 1] = ways[depth]
                depth += 1
                for way in range(6):
                    pending[band, way] = 0 if way == first else 1 << digit
                last_band = -1
                continue
            depth -= 1
            if depth < 0:
                break
            last_band, last_digit = guess[depth, 0], guess[depth, 1]
            pending[:] = 0
            pending[last_band, guess[depth, 2]] = 1 << last_digit
            alive = True
    return guesses
