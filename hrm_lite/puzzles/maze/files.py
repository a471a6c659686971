"""Mazes in files: tables in the published CSV format, and drawn mazes with empty lines between them."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np

from hrm_lite.puzzles.files import Portion, is_table, joined_ratings, read_portions, write_puzzles
from hrm_lite.puzzles.maze.sets import CHARACTERS, GOAL, START, MazeSet, measure
from hrm_lite.puzzles.maze.text import parse, shortest_path

SUFFIXES = (".csv", ".tsv", ".txt")


def read(path: Path, grid: tuple[int, int] | None = None, dihedral: bool = False) -> MazeSet:
    """A file of either form, told apart by its first line."""
    if path.suffix.lower() in (".csv", ".tsv") or is_table(path):
        return read_csv(path, grid, dihedral)
    return read_texts(path, dihedral)


def read_csv(path: str | os.PathLike, grid: tuple[int, int] | None = None, dihedral: bool = False) -> MazeSet:
    """Read a table of mazes of one size, in the order of the file.

    grid (rows, columns). Without it the file says its size: in a column "grid" ("10x20"), as `write_csv` writes it for
    mazes that are not square, or by a source "generated:10x20:…", as it wrote them once; else they are square. The
    columns are named as `sudoku.read_csv` says. Where there is no answer, the maze is solved.

    Errors name the line: ValueError for an empty or malformed file, mazes of different sizes, without one start and
    one goal or without a way, an answer that is no shortest path; FileNotFoundError.
    """
    parts, ratings, guessed = [], [], ""
    for portion in read_portions(path):
        if grid is None:
            grid, guessed = _grid(portion)
        kind = f"{grid[0]}x{grid[1]} mazes"
        cells = grid[0] * grid[1]
        inputs = portion.tokens(portion.questions, "question", CHARACTERS[:-1], cells, kind) + np.uint8(1)
        for token, name in ((START, "start 'S'"), (GOAL, "goal 'G'")):
            portion.refuse((inputs == token).sum(1) == 1, f"the question has no {name}, or more than one")
        portion.refuse(measure(inputs, grid)[0] > 0, f"there is no way from S to G{guessed}")
        given = np.array([bool(text) for text in portion.answers])
        labels = np.zeros_like(inputs)
        if given.any():
            part = portion.part(given)
            labels[given] = part.tokens(part.answers, "answer", CHARACTERS, cells, kind) + np.uint8(1)
            part.refuse(_right(inputs[given], labels[given], grid),
                        f"the answer does not show a shortest path through the question{guessed}")
        labels[~given] = np.array([shortest_path(row, grid) for row in inputs[~given]]).reshape(-1, cells)
        parts.append((inputs, labels))
        ratings.append(portion.ratings)
    counts = [len(part[0]) for part in parts]
    inputs, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    known = joined_ratings(ratings, counts)
    known = measure(inputs, grid)[0] if known is None else known
    return MazeSet.of(inputs, labels, grid, known, str(path), dihedral)


def _grid(portion: Portion) -> tuple[tuple[int, int], str]:
    """The size that the first line says or, if it says none, the square; and then a remark for messages."""
    cells, line = len(portion.questions[0]), portion.lines[0]
    if portion.grids and portion.grids[0].strip():
        match = re.fullmatch(r"\s*(\d+)\s*[xX×]\s*(\d+)\s*", portion.grids[0])
        if not match or int(match[1]) * int(match[2]) != cells:
            raise ValueError(
                f"{portion.path}, line {line}: the grid {portion.grids[0]!r} does not fit a question of {cells} "
                "characters. Expected ROWSxCOLUMNS, such as 10x20 for 200 characters.")
        return (int(match[1]), int(match[2])), ""
    if portion.sources:
        match = re.match(r"generated:(\d+)x(\d+):", portion.sources[0])
        if match and int(match[1]) * int(match[2]) == cells:
            return (int(match[1]), int(match[2])), ""
    side = math.isqrt(cells)
    if side * side != cells or side < 2:
        raise ValueError(
            f"{portion.path}, line {line}: the question has {cells} characters, which is no square maze. Give "
            "grid=(rows, columns) if it is meant to have another shape.")
    return (side, side), f" (read as {side}x{side}; give grid=(rows, columns) if the mazes have another shape)"


def read_texts(path: str | os.PathLike, dihedral: bool = False) -> MazeSet:
    """Read drawn mazes of one size, a line for each row and an empty line between two; or square ones, one a line.

    They are solved here, and the rating is the steps. Errors name the line: ValueError for what `solve` refuses, for
    mazes of different sizes and for a file without mazes; FileNotFoundError.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}. Give the path of a text file of mazes.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file ({error}). Expected mazes in UTF-8.") from None
    inputs, labels, sizes = [], [], []
    for line, maze in _texts(text):
        try:
            tokens, grid = parse(maze, question=True)
        except ValueError as error:
            raise ValueError(f"{path}, the maze that begins in line {line}: {error}") from None
        answer = shortest_path(tokens, grid)
        if answer is None:
            raise ValueError(
                f"{path}, the maze that begins in line {line}: there is no way from S to G. Take a wall away, or move "
                "one of the two.")
        if sizes and grid != sizes[0]:
            raise ValueError(
                f"{path}, the maze that begins in line {line}: it has {grid[0]}x{grid[1]} cells, the first one "
                f"{sizes[0][0]}x{sizes[0][1]}. Keep one size to a file; an empty line ends a maze.")
        inputs.append(tokens)
        labels.append(answer)
        sizes.append(grid)
    if not inputs:
        raise ValueError(f"{path} holds no mazes. Expected rows over {CHARACTERS[:-1]!r}.")
    inputs = np.array(inputs)
    return MazeSet.of(inputs, np.array(labels), sizes[0], measure(inputs, sizes[0])[0], str(path), dihedral)


def _texts(text: str) -> list[tuple[int, str]]:
    """(first line, text) of every maze in a text."""
    blocks, begin = [], True
    for number, line in enumerate(text.splitlines(), 1):
        if not line:
            begin = True
            continue
        if begin:
            blocks.append((number, []))
        blocks[-1][1].append(line)
        begin = False
    mazes = []
    for number, lines in blocks:
        if all(line.count("S") == line.count("G") == 1 for line in lines):  # a start in each line: each is a maze
            mazes += [(number + i, line) for i, line in enumerate(lines)]
        else:
            mazes.append((number, "\n".join(lines)))
    return mazes


def _right(inputs: np.ndarray, labels: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """`MazeSet.check` for arrays: (n,) bool."""
    import torch

    puzzles = MazeSet.of(inputs[:0], labels[:0], grid)
    parts = (slice(start, start + 1024) for start in range(0, len(inputs), 1024))
    return np.concatenate([puzzles.check(torch.tensor(inputs[part]), torch.tensor(labels[part])) for part in parts])


def write_csv(path: str | os.PathLike, puzzles: MazeSet, source: str | None = None) -> None:
    """Write mazes so that `read_csv` and, if they are square, the published training scripts can read them.

    The rating is the steps. Mazes that are not square get one more column, "grid".
    """
    source = source if source is not None else puzzles.source or puzzles.name
    ratings = measure(puzzles.inputs, puzzles.grid)[0] if puzzles.ratings is None else puzzles.ratings
    grid = None if puzzles.grid[0] == puzzles.grid[1] else puzzles.grid
    write_puzzles(path, source, puzzles.questions(), puzzles.answers(), ratings.tolist(), grid)
