"""A maze as text: in one piece if it is square, or a line for each row; and the way through one maze."""

from __future__ import annotations

import numpy as np

from hrm_lite.puzzles.maze.sets import CHARACTERS, FREE, GOAL, PATH, START

# What is written otherwise elsewhere, for the message: one sign can mean several things, so none is taken for another.
_ELSEWHERE = (
    ("G", "the goal, which elsewhere is E, F or X", "EFgefTt"), ("S", "the start", "sAPp@"),
    ("#", "a wall", "█▓▒■▇WwN1|+-_─│┌┐└┘├┤┬┴┼═║"), (" ", "a free cell", "0\t\xa0"),
    ("o", "a cell of the path, and a space for a free cell; a question shows no path", ".*·•ox○●"),
    ("o", "a cell of the path, and 'G' for the goal", "X"),
)


def parse(text: str, question: bool) -> tuple[np.ndarray, tuple[int, int]]:
    """Text -> tokens (cells,) uint8 and (rows, columns).

    ValueError for ragged rows, other characters, and unless there is one start and one goal; in a question also for a
    path that is drawn already.
    """
    if not isinstance(text, str):
        raise ValueError(f"A maze is given as text; got {type(text).__name__}. Tokens become text with "
                         "PuzzleSet.decode().")
    lines = text.lstrip("\ufeff").strip("\r\n").splitlines()
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
                meant = next((f" Write {right!r} for {what}." for right, what, others in _ELSEWHERE
                              if character in others), "")
                raise ValueError(
                    f"Character {character!r} in row {row + 1}, column {column + 1} is not allowed: a maze has '#' for "
                    f"a wall, ' ' for a free cell, one 'S', one 'G', and 'o' for a path.{meant}")
    tokens = np.array([place[character] for line in lines for character in line], np.uint8)
    for token, name in ((START, "start 'S'"), (GOAL, "goal 'G'")):
        count = int((tokens == token).sum())
        if count != 1:
            raise ValueError(f"The maze has {count or 'no'} {name}{'s' if count else ''}; it needs exactly one.")
    if question and (tokens == PATH).any():
        raise ValueError("The maze has a path 'o' drawn in it already. Give it without; blanks are free cells.")
    return tokens, (len(lines), len(lines[0]))


def shortest_path(tokens: np.ndarray, grid: tuple[int, int]) -> np.ndarray | None:
    """A question (cells,) -> the same with one of its shortest paths; None where there is no way.

    Of several, the one that leaves S up if that can be, else left, right, down, and so on from there.
    """
    back = _distances(tokens, grid, int(np.flatnonzero(tokens == GOAL)[0]))
    cell = int(np.flatnonzero(tokens == START)[0])
    if back[cell] < 0:
        return None
    answer = tokens.copy()
    while back[cell] > 1:
        cell = next(other for other in _neighbours(cell, grid) if back[other] == back[cell] - 1)
        answer[cell] = PATH
    return answer


def _neighbours(cell: int, grid: tuple[int, int]) -> list[int]:
    row, column = divmod(cell, grid[1])
    around = ((row - 1, column), (row, column - 1), (row, column + 1), (row + 1, column))
    return [r * grid[1] + c for r, c in around if 0 <= r < grid[0] and 0 <= c < grid[1]]


def _distances(tokens: np.ndarray, grid: tuple[int, int], start: int) -> np.ndarray:
    """Steps from `start` to each cell, -1 without a way, (cells,). In plain Python: one maze needs no compiler."""
    distance = np.full(len(tokens), -1)
    distance[start], queue = 0, [start]
    for cell in queue:
        for other in _neighbours(cell, grid):
            if distance[other] < 0 and tokens[other] >= FREE:
                distance[other] = distance[cell] + 1
                queue.append(other)
    return distance


def to_text(tokens: np.ndarray, grid: tuple[int, int], like: str) -> str:
    """Tokens -> text, in lines if the text `like` has lines."""
    rows = ["".join(CHARACTERS[token - 1] for token in row) for row in tokens.reshape(grid)]
    return ("\n" if len(like.strip("\r\n").splitlines()) > 1 else "").join(rows)
