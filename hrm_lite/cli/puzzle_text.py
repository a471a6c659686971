"""One puzzle out of a text that somebody typed: a Sudoku in one line or drawn, or a maze."""

from __future__ import annotations

import numpy as np


def read_puzzle(text: str):
    """Text -> (a set of this one puzzle, a warning or None).

    Its label is the solution where there is exactly one, else empty. A puzzle with no solution or several is read all
    the same, and the warning says so. ValueError, in a paragraph, for a text that is no puzzle.
    """
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise ValueError(
            "The puzzle is empty. Give 16, 36 or 81 characters of a Sudoku with '.' for a blank, or a maze "
            "of '#', ' ', one 'S' and one 'G'."
        )
    lines = [line for line in text.splitlines() if line.strip()]
    # A maze has walls and an end, and never a digit; a Sudoku may come with a comment after '#'.
    if "#" in text and set("SG") & set(text) and not set("123456789") & set(text):
        return _maze(text)
    whole = [len("".join(line.split())) for line in lines]
    if len(lines) > 1 and all(count in (16, 36, 81) for count in whole):
        raise ValueError(
            f"This holds {len(lines)} puzzles, one a line, and `hrm-lite solve` takes one. Pick a line, or measure a "
            "model on all of them with `hrm-lite evaluate MODEL FILE`."
        )
    return _sudoku(text)


def _sudoku(text: str):
    from ..puzzles.sudoku import SudokuSet, solve
    from ..puzzles.sudoku.grid import parse, to_text

    board, digits = parse(text)
    label, warning = np.zeros_like(digits), None
    try:
        label = parse(solve(to_text(digits)))[1] + 1
    except ValueError as error:
        warning = str(error)
    return SudokuSet.of(board, digits[None] + 1, label[None], source="typed"), warning


def _maze(text: str):
    from ..puzzles.maze import MazeSet, solve
    from ..puzzles.maze.text import parse

    tokens, grid = parse(text, question=True)
    label, warning = np.zeros_like(tokens), None
    try:
        label = parse(solve(text), question=False)[0]
    except ValueError as error:
        warning = str(error)
    return MazeSet.of(tokens[None], label[None], grid, source="typed"), warning
