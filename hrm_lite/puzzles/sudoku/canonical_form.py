"""One name for all puzzles that are the same up to symmetry, compiled.

The canonical form of a puzzle is the least of its images, in this order: first its solution, read row by
row, is made as small as it can be; among the images with that solution the question itself decides, a
blank being less than a digit. It is exact for all three sizes: two puzzles with one solution each have
the same canonical form if and only if some symmetry turns one into the other.

The group of 9x9 has 10^12 elements, but few can win. The first row of the least solution reads 1 2 3 ...,
whatever row and order of columns it comes from, and so fixes the names of the digits; a small second row
settles nearly everything, and the remaining rows can only be sorted.
"""

from __future__ import annotations

import functools

import numpy as np

from hrm_lite.puzzles.compiled import jit
from hrm_lite.puzzles.sudoku.grid import Board
from hrm_lite.puzzles.sudoku.symmetry import column_orders


@jit
def _image(grid, question, columns, order, first, second, height, names, rows, image):
    """Write the least image with these two rows first and this order of columns into image (2, cells)."""
    side = columns.shape[1]
    for column in range(side):
        names[grid[first, columns[order, column]]] = column + 1
    # Bands and the rows in them stand in the order of their first digits, but for the first two rows.
    count = 0
    for band in range(side // height):
        start = count
        for row in range(band * height, (band + 1) * height):
            rows[count] = row
            place = count
            while place > start and _rank(grid, rows[place], columns, order, first, second, names) < _rank(
                    grid, rows[place - 1], columns, order, first, second, names):
                rows[place], rows[place - 1] = rows[place - 1], rows[place]
                place -= 1
            count += 1
        # The band itself moves up while its first row is less than the first row of the one above.
        while start and _rank(grid, rows[start], columns, order, first, second, names) < _rank(
                grid, rows[start - height], columns, order, first, second, names):
            for row in range(start, start + height):
                rows[row], rows[row - height] = rows[row - height], rows[row]
            start -= height
    for row in range(side):
        for column in range(side):
            cell = columns[order, column]
            image[0, row * side + column] = names[grid[rows[row], cell]]
            image[1, row * side + column] = names[question[rows[row], cell]]


@jit
def _rank(grid, row, columns, order, first, second, names):
    if row == first:
        return -2
    return -1 if row == second else names[grid[row, columns[order, 0]]]


@jit
def _canonical_all(questions, answers, height, square, columns, places, work):
    grid, question, names, rows, image, best = work
    side = columns.shape[1]
    for puzzle in range(len(questions)):
        found = False
        for mirrored in range(2 if square else 1):
            for row in range(side):
                for column in range(side):
                    cell = column * side + row if mirrored else row * side + column
                    grid[row, column] = answers[puzzle, cell]
                    question[row, column] = questions[puzzle, cell]
            for first in range(side):
                band = first // height * height
                for column in range(side):
                    names[grid[first, column]] = column
                for second in range(band, band + height):
                    if second == first:
                        continue
                    # names[digit] is a column here, so the second row is a permutation of columns, and an
                    # order of columns renames both what it permutes and what it gives.
                    for column in range(side):
                        rows[column] = names[grid[second, column]]
                    for order in range(len(columns)):
                        better = not found
                        worse = False
                        if found:
                            for column in range(side):
                                digit = places[order, rows[columns[order, column]]] + 1
                                if digit != best[0, side + column]:
                                    better = digit < best[0, side + column]
                                    worse = not better
                                    break
                        if worse:
                            continue
                        _image(grid, question, columns, order, first, second, height, names, rows, image)
                        for line in range(2):
                            for cell in range(side * side):
                                if better or worse:
                                    break
                                if image[line, cell] != best[line, cell]:
                                    better = image[line, cell] < best[line, cell]
                                    worse = not better
                        if better:
                            found = True
                            for cell in range(side * side):
                                best[0, cell] = image[0, cell]
                                best[1, cell] = image[1, cell]
                        for column in range(side):  # the image has used both for something else
                            names[grid[first, column]] = column
                        for column in range(side):
                            rows[column] = names[grid[second, column]]
        for cell in range(side * side):
            questions[puzzle, cell] = best[1, cell]


@functools.cache
def _orders(board: Board) -> tuple[np.ndarray, np.ndarray]:
    """The orders of the columns, and for each order the place that each old column comes to."""
    columns = column_orders(board)
    return columns, np.argsort(columns, 1)


def canonical_many(board: Board, questions: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Questions and their answers, (n, cells) digits -> the canonical form of each, (n, cells) uint8."""
    result = np.array(questions, np.uint8, ndmin=2)
    answers = np.array(answers, np.uint8, ndmin=2)
    side = board.side
    shapes = (side, side), (side, side), side + 1, side, (2, board.cells), (2, board.cells)
    _canonical_all(result, answers, board.box_rows, board.square, *_orders(board),
                   tuple(np.zeros(shape, np.int64) for shape in shapes))
    return result
