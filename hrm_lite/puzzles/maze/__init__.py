"""Mazes: make, load, solve, score and store them. The door of this folder.

    text      one character a cell, row by row: '#' wall, ' ' free, 'S' start, 'G' goal, 'o' path. A maze in one
              piece is square, as the published ones (900 characters for 30x30); with a line for each row it may
              have any shape
    tokens    in a `MazeSet`: pad 0, then the characters of "# SGo" from 1 to 5
    steps     from S to G, up, down, left and right: one more than the 'o's between them
"""

from __future__ import annotations

import os

import numpy as np

from hrm_lite.puzzles import sources
from hrm_lite.puzzles.files import read_portions, write_puzzles
from hrm_lite.puzzles.maze.generation import generate, on_split
from hrm_lite.puzzles.maze.sets import CHARACTERS, FREE, GOAL, PATH, START, MazeSet, measure
from hrm_lite.puzzles.maze.text import parse, to_text

__all__ = ["MazeSet", "generate", "is_solution", "load", "read_csv", "shortest_paths", "solve", "write_csv"]


def solve(text: str) -> str:
    """The maze with one of its shortest paths, in the form it was given in.

    Of several, the one that leaves S up if that can be, else left, right, down, and so on from there. ValueError, with
    a paragraph on what is wrong: ragged rows, other characters (which, where), no start or goal or more than one, a
    path drawn already, no way from S to G.
    """
    tokens, grid = parse(text, question=True)
    back = _distances(tokens, grid, int(np.flatnonzero(tokens == GOAL)[0]))
    cell = int(np.flatnonzero(tokens == START)[0])
    if back[cell] < 0:
        raise ValueError("There is no way from S to G in this maze. Take a wall away, or move one of the two.")
    answer = tokens.copy()
    while back[cell] > 1:
        cell = next(other for other in _neighbours(cell, grid) if back[other] == back[cell] - 1)
        answer[cell] = PATH
    return to_text(answer, grid, like=text)


def is_solution(question: str, answer: str) -> bool:
    """Whether the answer is the question with a shortest path in it, any of them.

    ValueError for a malformed question, and for an answer of another shape or with other characters.
    """
    tokens, grid = parse(question, question=True)
    given, other = parse(answer, question=False)
    if other != grid:
        raise ValueError(
            f"The question has {grid[0]}x{grid[1]} cells and the answer {other[0]}x{other[1]}. Compare an answer with "
            "its own question.")
    import torch  # only this and the sets need it

    puzzles = MazeSet.of(tokens[None], given[None], grid)
    return bool(puzzles.check(torch.tensor(puzzles.inputs), torch.tensor(puzzles.labels))[0])


def shortest_paths(text: str) -> int:
    """How many shortest paths there are: exact up to 2^53. 0 where there is no way. Errors as for `solve`."""
    tokens, grid = parse(text, question=True)
    return int(measure(tokens[None], grid)[1][0])


def load(
    source: str | os.PathLike, split: str, limit: int | None = None, seed: int = 0, min_rating: int = 0,
    dihedral: bool = False,
) -> MazeSet:
    """Mazes to train on or to test with.

    source  "generated:SIZE:KIND", made on the spot: SIZE 2x2 to 128x128; KIND "random", "unique" or "tree", each
            with or without a number of steps ("random:12-20"), or "hard" (see `generate`)
            a .csv file with the columns source,question,answer,rating
            a folder with train.csv and test.csv
            "hub:OWNER/NAME", a data set of the Hugging Face Hub, such as hub:sapientinc/maze-30x30-hard-1k
    split   "train", "test" or "all" (both)
    limit   how many mazes; None: all of a file, 10,000 (test: 1,000) generated ones. From a file, `limit` are
            drawn at random with the seed
    seed    same seed, same mazes, on every machine
    min_rating  of a file, only mazes with at least this rating
    dihedral    whether training mirrors and turns mazes; see `MazeSet`

    Generated mazes and those of a single file are divided by their walls: mazes with the same walls, mirrored or
    turned, are on one side, about one in five on the side of "test". A folder or a data set of the Hub keeps the
    division of its two files. No maze occurs twice in a set. Errors as for `sudoku.load`.
    """

    def make(rest: str, count: int, seed: int, split: str) -> MazeSet:
        size, _, kind = rest.partition(":")
        return generate(size, kind, count, seed, split, dihedral)

    kind = sources.Kind("generated:30x30:hard", "\"generated:30x30:hard\", or the path of a .csv file or of a folder "
                        "with train.csv and test.csv", make, lambda path: read_csv(path, dihedral=dihedral), on_split)
    return sources.load(kind, source, split, limit, seed, min_rating)


def read_csv(path: str | os.PathLike, grid: tuple[int, int] | None = None, dihedral: bool = False) -> MazeSet:
    """Read mazes of one size, in the order of the file; grid (rows, columns) if they are not square.

    Errors name the line: ValueError for an empty or damaged file, mazes of different sizes, without one start and one
    goal or without a way, an answer that is no shortest path; FileNotFoundError.
    """
    parts = []
    for portion in read_portions(path):
        cells = len(portion.questions[0])
        if grid is None:
            side = round(cells**0.5)
            if side * side != cells or side < 2:
                raise ValueError(
                    f"{path}, line {portion.lines[0]}: the question has {cells} characters, which is no square maze. "
                    "Give grid=(rows, columns) if it is meant to have another shape.")
            grid = side, side
        kind = f"{grid[0]}x{grid[1]} mazes"
        inputs = portion.tokens(portion.questions, "question", CHARACTERS[:-1], grid[0] * grid[1], kind) + np.uint8(1)
        labels = portion.tokens(portion.answers, "answer", CHARACTERS, grid[0] * grid[1], kind) + np.uint8(1)
        for token, name in ((START, "start 'S'"), (GOAL, "goal 'G'")):
            portion.refuse((inputs == token).sum(1) == 1, f"the question has no {name}, or more than one")
        lengths = measure(inputs, grid)[0]
        portion.refuse(lengths > 0, "there is no way from S to G")
        portion.refuse(_right(inputs, labels, grid), "the answer does not show a shortest path through the question")
        parts.append((inputs, labels, portion.ratings))
    inputs, labels, ratings = (np.concatenate(column) for column in zip(*parts, strict=True))
    return MazeSet.of(inputs, labels, grid, ratings, str(path), dihedral)


def _right(inputs: np.ndarray, labels: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """`MazeSet.check` for arrays: (n,) bool."""
    import torch

    puzzles = MazeSet.of(inputs[:0], labels[:0], grid)
    parts = (slice(start, start + 1024) for start in range(0, len(inputs), 1024))
    return np.concatenate([puzzles.check(torch.tensor(inputs[part]), torch.tensor(labels[part])) for part in parts])


def write_csv(path: str | os.PathLike, puzzles: MazeSet, source: str | None = None) -> None:
    """Write mazes so that `read_csv` and the published training scripts can read them; the rating is the steps."""
    source = source if source is not None else puzzles.source or puzzles.name
    ratings = measure(puzzles.inputs, puzzles.grid)[0] if puzzles.ratings is None else puzzles.ratings
    write_puzzles(path, source, puzzles.questions(), puzzles.answers(), ratings.tolist())


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
