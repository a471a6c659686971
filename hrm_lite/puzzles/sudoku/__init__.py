"""Sudoku of 4x4, 6x6 and 9x9 cells: make, load, solve, rate and check puzzles.

The door of this folder: other code needs nothing else.

    text      16, 36 or 81 characters, row by row, '.' or '0' for a blank; or a drawn grid, with frames, comments
              and other signs for a blank (see `read_grid`)
    tokens    in a `SudokuSet`: pad 0, blank 1, digit k is token k + 1
"""

from __future__ import annotations

import os

import numpy as np

from hrm_lite.puzzles import sources
from hrm_lite.puzzles.sudoku.drawn import read_grid
from hrm_lite.puzzles.sudoku.files import SUFFIXES, read, read_csv, read_list, write_csv
from hrm_lite.puzzles.sudoku.generation import generate
from hrm_lite.puzzles.sudoku.grid import Board, first_clash, parse, to_text
from hrm_lite.puzzles.sudoku.sets import SudokuSet, search_many, solved
from hrm_lite.puzzles.sudoku.splits import puzzles_on_side

__all__ = [
    "SudokuSet", "canonical", "generate", "is_solution", "load", "rate", "read_csv", "read_grid", "read_list", "solve",
    "write_csv"]


def solve(text: str) -> str:
    """The solution of a puzzle, as text of 16, 36 or 81 digits.

    ValueError, with a paragraph on what is wrong: another length, other characters (which, where), two
    equal digits in a row, column or box (which), no solution, several solutions.
    """
    return to_text(_solve(text)[2])


def rate(text: str) -> int:
    """How hard a puzzle is: the number of guesses until the solution is found.

    9x9: the method of the tdoku solver, so comparable to the `rating` column of the published lists (equal
    for nearly all of their puzzles, not for every one). 4x4 and 6x6 have no published rating; theirs
    counts the guesses of `solve`, which is mostly 0. Errors as for `solve`.
    """
    return _solve(text)[3]


def is_solution(question: str, answer: str) -> bool:
    """Whether the answer is complete, keeps the givens of the question and breaks no rule.

    An answer with blanks or foreign characters is simply no solution. ValueError for a malformed question
    and for an answer of another length.
    """
    board, digits = parse(question)
    try:
        other, filled = parse(answer)
    except ValueError:
        count = len("".join(answer.split()))
        if count == board.cells:
            return False
        other = None
    if other is not board:
        count = other.cells if other else count
        raise ValueError(
            f"The question is a {board.name} Sudoku of {board.cells} characters, the answer has {count}. Compare an "
            "answer with its own question.")
    return bool(solved(board, digits[None], filled[None])[0])


def canonical(text: str) -> str:
    """One puzzle to stand for all that are the same up to symmetry, as text.

    Two puzzles have the same canonical form exactly if renaming digits, moving bands, stacks, rows and
    columns, and for 4x4 and 9x9 the transpose, turn one into the other. Errors as for `solve`: the form
    rests on the one solution.
    """
    from hrm_lite.puzzles.sudoku.canonical_form import canonical_many  # compiled: loaded on first use

    board, digits, solution, _ = _solve(text)
    return to_text(canonical_many(board, digits, solution)[0])


def load(
    source: str | os.PathLike, split: str, limit: int | None = None, seed: int = 0, min_rating: float = 0
) -> SudokuSet:
    """Puzzles to train on or to test with.

    source  "generated:SIZE:DIFFICULTY", made on the spot: SIZE 4x4, 6x6 or 9x9; DIFFICULTY "easy",
            "medium", "minimal", "hard", or a range of givens such as "4-6" (see `generate`)
            a .csv file with the columns source,question,answer,rating; the names of other well-known collections
            (quizzes and solutions, puzzle and solution) do as well, and rating may be absent, empty or a fraction
            a list (.txt, .sdm, …), one puzzle a line, or drawn grids: solved and rated here (see `read_list`)
            a folder with train.csv and test.csv, or one that the published programs built (train/all__inputs.npy, …)
            "hub:OWNER/NAME", a data set of the Hugging Face Hub with train.csv and test.csv, such as
            hub:sapientinc/sudoku-extreme; "hub:OWNER/NAME@REVISION" for a fixed revision
    split   "train", "test" or "all" (both)
    limit   how many puzzles; None: all of a file, 10,000 (test: 1,000) generated ones, 1,000 hard ones. From
            a file, `limit` puzzles are drawn at random with the seed
    seed    same seed, same puzzles, on every machine
    min_rating  only puzzles that need at least so many guesses (see `rate`), or whatever a file's own ratings count:
            for all sources with ratings, which are files that have them, lists, the Hub and generated "minimal" and
            "hard" ones. Puzzles whose rating is not known are left out

    Generated puzzles and those of a single file are divided by class: all puzzles that are the same up to
    symmetry are on one side, about one class in five on the side of "test", whatever seed and limit. A
    folder or a data set of the Hub keeps the division of its two files. No puzzle occurs twice in a set, but
    for a folder of the published programs, which is taken as it is.

    ValueError for a source, split or limit that makes no sense, for more puzzles than there are (generated
    ones: than there are of this rating among 20 times as many), and for min_rating where there are no ratings;
    FileNotFoundError; OSError where the Hub cannot be reached.
    """
    if limit is None and os.fspath(source) == "generated:9x9:hard":
        limit = 1_000  # as many as the paper trains on: each takes a quarter of a second of a core
    return sources.load(_KIND, source, split, limit, seed, min_rating)


def _generate(rest: str, count: int, seed: int, split: str) -> SudokuSet:
    size, _, difficulty = rest.partition(":")
    return generate(size, difficulty, count, seed, split)


def _on_side(puzzles: SudokuSet, split: str) -> np.ndarray:
    return puzzles_on_side(puzzles.board, puzzles.inputs - 1, puzzles.labels - 1, split)


_KIND = sources.Kind(
    "generated:9x9:hard", "\"generated:9x9:hard\", or the path of a .csv file or of a folder with train.csv and "
    "test.csv", _generate, read, _on_side, SudokuSet.from_published, SUFFIXES)


def _solve(text: str) -> tuple[Board, np.ndarray, np.ndarray, int]:
    """The board, the digits of the puzzle, those of its one solution, and the guesses it took."""
    board, digits = parse(text)
    clash = first_clash(board, digits)
    if clash:
        raise ValueError(f"The puzzle has {clash}, so it has no solution. Correct the digits that are given.")
    counts, guesses, solutions = search_many(board, digits, 2)
    if counts[0] == 0:
        raise ValueError(
            "The puzzle has no solution, although no two given digits clash. Probably one of them is "
            "wrong: compare it with its origin.")
    if counts[0] > 1:
        raise ValueError(
            f"The puzzle has several solutions: its {np.count_nonzero(digits)} givens do not settle every "
            "cell. A proper Sudoku has one; look for a digit that was left out.")
    return board, digits, solutions[0], int(guesses[0])
