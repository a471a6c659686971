"""Mazes: make, load, solve, score and store them. The door of this folder.

    text      one character a cell, row by row: '#' wall, ' ' free, 'S' start, 'G' goal, 'o' path. A maze in one
              piece is square, as the published ones (900 characters for 30x30); with a line for each row it may
              have any shape
    tokens    in a `MazeSet`: pad 0, then the characters of "# SGo" from 1 to 5
    steps     from S to G, up, down, left and right: one more than the 'o's between them
"""

from __future__ import annotations

import os

from hrm_lite.puzzles import sources
from hrm_lite.puzzles.maze.files import SUFFIXES, read, read_csv, read_texts, write_csv
from hrm_lite.puzzles.maze.generation import generate, on_split
from hrm_lite.puzzles.maze.sets import MazeSet, measure
from hrm_lite.puzzles.maze.text import parse, shortest_path, to_text

__all__ = [
    "MazeSet", "generate", "is_solution", "load", "read_csv", "read_texts", "shortest_paths", "solve", "write_csv"]


def solve(text: str) -> str:
    """The maze with one of its shortest paths, in the form it was given in.

    Of several, the one that leaves S up if that can be, else left, right, down, and so on from there. ValueError, with
    a paragraph on what is wrong: ragged rows, other characters (which, where), no start or goal or more than one, a
    path drawn already, no way from S to G.
    """
    tokens, grid = parse(text, question=True)
    answer = shortest_path(tokens, grid)
    if answer is None:
        raise ValueError("There is no way from S to G in this maze. Take a wall away, or move one of the two.")
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
    source: str | os.PathLike, split: str, limit: int | None = None, seed: int = 0, min_rating: float = 0,
    dihedral: bool = False, grid: tuple[int, int] | None = None,
) -> MazeSet:
    """Mazes to train on or to test with.

    source  "generated:SIZE:KIND", made on the spot: SIZE 2x2 to 128x128; KIND "random", "unique" or "tree", each
            with or without a number of steps ("random:12-20"), or "hard" (see `generate`)
            a .csv file with the columns source,question,answer,rating, or as for `sudoku.load`
            a .txt file of drawn mazes, solved here (see `read_texts`)
            a folder with train.csv and test.csv, or one that the published programs built (train/all__inputs.npy, …)
            "hub:OWNER/NAME", a data set of the Hugging Face Hub, such as hub:sapientinc/maze-30x30-hard-1k
    split   "train", "test" or "all" (both)
    limit   how many mazes; None: all of a file, 10,000 (test: 1,000) generated ones. From a file, `limit` are
            drawn at random with the seed
    seed    same seed, same mazes, on every machine
    min_rating  of a file, only mazes with at least this rating
    dihedral    whether training mirrors and turns mazes; see `MazeSet`
    grid    (rows, columns) of the mazes of a table or of published arrays, if they are not square and the file does
            not say so (see `read_csv`)

    Generated mazes and those of a single file are divided by their walls: mazes with the same walls, mirrored or
    turned, are on one side, about one in five on the side of "test". A folder or a data set of the Hub keeps the
    division of its two files. No maze occurs twice in a set, but for a folder of the published programs, which is
    taken as it is. Errors as for `sudoku.load`.
    """

    def make(rest: str, count: int, seed: int, split: str) -> MazeSet:
        size, _, kind = rest.partition(":")
        return generate(size, kind, count, seed, split, dihedral)

    kind = sources.Kind("generated:30x30:hard", "\"generated:30x30:hard\", or the path of a .csv file or of a folder "
                        "with train.csv and test.csv", make, lambda path: read(path, grid, dihedral), on_split,
                        lambda arrays: MazeSet.from_published(arrays, grid, dihedral), SUFFIXES)
    return sources.load(kind, source, split, limit, seed, min_rating)
