"""A maze as text: in one piece if it is square, or a line for each row."""

from __future__ import annotations

import numpy as np

from hrm_lite.puzzles.maze.sets import CHARACTERS, GOAL, PATH, START


def parse(text: str, question: bool) -> tuple[np.ndarray, tuple[int, int]]:
    """Text -> tokens (cells,) uint8 and (rows, columns).

    ValueError for ragged rows, other characters, and unless there is one start and one goal; in a question also for a
    path that is drawn already.
    """
    if not isinstance(text, str):
        raise ValueError(f"A maze is given as text; got {type(text).__name__}. Tokens become text with "
                         "PuzzleSet.decode().")
    lines = text.strip("\r\n").splitlines()
    if len(lines) == 1:
        side = round(len(lines[0]) ** 0.5)
        if side * side != len(lines[0]):
            raise ValueError(
                f"A maze in one line is square, such as 900 characters for 30x30; this one has {len(lines[0])}. Give "
                "any other shape with a line for each row.")
        lines = [lines[0][start : start + side] for start in range(0, side * side, side)]
    if not lines:
        raise ValueError(f"The maze is empty. Expected rows over {CHARACTERS!r}.")
    ragged = next((row for row, line in enumerate(lines) if len(line) != len(lines[0])), None)
    if ragged is not None:
        raise ValueError(
            f"Row {ragged + 1} of the maze has {len(lines[ragged])} characters, row 1 has {len(lines[0])}: rows must "
            "be equally long. Spaces at the end of a row count.")
    place = {character: token for token, character in enumerate(CHARACTERS, 1)}
    for row, line in enumerate(lines):
        for column, character in enumerate(line):
            if character not in place:
                raise ValueError(
                    f"Character {character!r} in row {row + 1}, column {column + 1} is not allowed: a maze has '#' for "
                    "a wall, ' ' for a free cell, one 'S', one 'G', and 'o' for a path.")
    tokens = np.array([place[character] for line in lines for character in line], np.uint8)
    for token, name in ((START, "start 'S'"), (GOAL, "goal 'G'")):
        count = int((tokens == token).sum())
        if count != 1:
            raise ValueError(f"The maze has {count or 'no'} {name}{'s' if count else ''}; it needs exactly one.")
    if question and (tokens == PATH).any():
        raise ValueError("The maze has a path 'o' drawn in it already. Give it without; blanks are free cells.")
    return tokens, (len(lines), len(lines[0]))


def to_text(tokens: np.ndarray, grid: tuple[int, int], like: str) -> str:
    """Tokens -> text, in lines if the text `like` has lines."""
    rows = ["".join(CHARACTERS[token - 1] for token in row) for row in tokens.reshape(grid)]
    return ("\n" if len(like.strip("\r\n").splitlines()) > 1 else "").join(rows)
