"""Sudoku of 4x4, 6x6 and 9x9 cells: make, load, solve, rate and check puzzles.

The face of the `sudoku_*` modules: other code needs nothing else.

    text      16, 36 or 81 characters, row by row; '.' or '0' for a blank; white space is dropped, so that a
              grid pasted over several lines is fine
    tokens    in a `SudokuSet`: pad 0, blank 1, digit k is token k + 1
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from hrm_lite.puzzles.sudoku_files import fetch_from_hub, read_csv, write_csv
from hrm_lite.puzzles.sudoku_generate import generate
from hrm_lite.puzzles.sudoku_grid import Board, first_clash, parse, to_text
from hrm_lite.puzzles.sudoku_random import Stream
from hrm_lite.puzzles.sudoku_set import SudokuSet, search_many, solved
from hrm_lite.puzzles.sudoku_splits import check_split, first_of_each, puzzles_on_side

__all__ = [
    "SudokuSet", "canonical", "generate", "is_solution", "load", "rate", "read_csv", "solve", "write_csv"]

DEFAULT_COUNT = {"train": 10_000, "test": 1_000, "all": 10_000}  # generated puzzles where no limit is given
GIVE_UP = 20  # among so many times as many generated puzzles, those of a least rating are looked for


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
    compact = "".join(answer.split())
    if len(compact) != board.cells:
        raise ValueError(
            f"The question is a {board.name} Sudoku of {board.cells} characters, the answer has "
            f"{len(compact)}. Compare an answer with its own question.")
    if not set(compact) <= set("123456789"[: board.side]):
        return False
    return bool(solved(board, digits[None], parse(compact)[1][None])[0])


def canonical(text: str) -> str:
    """One puzzle to stand for all that are the same up to symmetry, as text.

    Two puzzles have the same canonical form exactly if renaming digits, moving bands, stacks, rows and
    columns, and for 4x4 and 9x9 the transpose, turn one into the other. Errors as for `solve`: the form
    rests on the one solution.
    """
    from hrm_lite.puzzles.sudoku_canonical import canonical_many  # compiled: loaded on first use

    board, digits, solution, _ = _solve(text)
    return to_text(canonical_many(board, digits, solution)[0])


def load(
    source: str | os.PathLike, split: str, limit: int | None = None, seed: int = 0, min_rating: int = 0
) -> SudokuSet:
    """Puzzles to train on or to test with.

    source  "generated:SIZE:DIFFICULTY", made on the spot: SIZE 4x4, 6x6 or 9x9; DIFFICULTY "easy",
            "medium", "minimal", "hard", or a range of givens such as "4-6" (see `generate`)
            a .csv file with the columns source,question,answer,rating
            a folder with train.csv and test.csv
            "hub:OWNER/NAME", a data set of the Hugging Face Hub with train.csv and test.csv
    split   "train", "test" or "all" (both)
    limit   how many puzzles; None: all of a file, 10,000 (test: 1,000) generated ones. From a file, `limit`
            puzzles are drawn at random with the seed
    seed    same seed, same puzzles, on every machine
    min_rating  only puzzles that need at least so many guesses (see `rate`): for all sources with ratings,
            which are files, the Hub and generated "minimal" and "hard" ones

    Generated puzzles and those of a single file are divided by class: all puzzles that are the same up to
    symmetry are on one side, about one class in five on the side of "test", whatever seed and limit. A
    folder or a data set of the Hub keeps the division of its two files. No puzzle occurs twice in a set.

    ValueError for a source, split or limit that makes no sense, for more puzzles than there are (generated
    ones: than there are of this rating among 20 times as many), and for min_rating where there are no ratings;
    FileNotFoundError; OSError where the Hub cannot be reached.
    """
    check_split(split)
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be 1 or more puzzles, or None for all; got {limit}.")
    source = os.fspath(source)
    kind, _, rest = source.partition(":")
    if kind == "generated":
        size, _, difficulty = rest.partition(":")
        return _generated(size, difficulty, limit or DEFAULT_COUNT[split], seed, split, min_rating)
    halves = ("train", "test") if split == "all" else (split,)
    if kind == "hub" and rest:
        puzzles = _join([read_csv(fetch_from_hub(rest, half)) for half in halves], source)
    elif Path(source).is_dir():
        puzzles = _join([read_csv(Path(source) / f"{half}.csv") for half in halves], source)
    elif source.endswith(".csv"):
        return _distinct(_rated(read_csv(source), min_rating), split, limit, seed, min_rating)
    else:
        raise ValueError(
            f"No puzzles at {source!r}. A source is \"generated:SIZE:DIFFICULTY\" (for example "
            "generated:4x4:4-6), a .csv file, a folder with train.csv and test.csv, or \"hub:OWNER/NAME\".")
    return _distinct(_rated(puzzles, min_rating), "all", limit, seed, min_rating)


def _rated(puzzles: SudokuSet, min_rating: int) -> SudokuSet:
    """The puzzles that have at least this rating."""
    if min_rating <= 0:
        return puzzles
    if puzzles.ratings is None:
        raise ValueError(
            f"min_rating is {min_rating}, but {puzzles.source} has no ratings. Files, data sets of the Hub "
            "and generated \"minimal\" and \"hard\" puzzles have them.")
    chosen = np.flatnonzero(puzzles.ratings >= min_rating)
    if not len(chosen):
        raise ValueError(
            f"None of the {len(puzzles):,} puzzles of {puzzles.source} has a rating of {min_rating} or more; "
            f"the highest is {puzzles.ratings.max()}. Lower min_rating.")
    return puzzles.select(chosen)


def _generated(size: str, difficulty: str, count: int, seed: int, split: str, min_rating: int) -> SudokuSet:
    """The first `count` generated puzzles with at least this rating."""
    if min_rating <= 0:
        return generate(size, difficulty, count, seed, split)
    found: list[int] = []
    for times in (1, 3, 10, GIVE_UP):  # a longer list begins with the shorter one
        puzzles = generate(size, difficulty, times * count, seed, split)
        if puzzles.ratings is None:
            _rated(puzzles, min_rating)  # says so
        found = np.flatnonzero(puzzles.ratings >= min_rating)
        if len(found) >= count:
            return puzzles.select(found[:count])
    raise ValueError(
        f"Only {len(found):,} of the first {len(puzzles):,} puzzles of {puzzles.source} have a rating of "
        f"{min_rating} or more, but {count:,} were asked for. Lower min_rating or the limit.")


def _distinct(puzzles: SudokuSet, split: str, limit: int | None, seed: int, min_rating: int) -> SudokuSet:
    """The different puzzles of one side, `limit` of them in random order."""
    order = np.arange(len(puzzles))
    if limit is not None:
        order = Stream(seed).orders(len(puzzles))
    seen, chosen, have = set(), [], 0
    for start in range(0, len(order), 4096):  # finding classes takes time: stop when there are enough
        part = order[start : start + 4096]
        questions = puzzles.inputs[part]
        keep = first_of_each(questions, seen)
        keep[keep] = puzzles_on_side(
            puzzles.board, questions[keep] - 1, puzzles.labels[part[keep]] - 1, split)
        chosen.append(part[keep])
        have += int(keep.sum())
        if limit is not None and have >= limit:
            break
    if limit is not None and have < limit:
        least = f" of rating {min_rating} or more" if min_rating > 0 else ""
        raise ValueError(
            f"{puzzles.source} has {have:,} different puzzles in split \"{split}\"{least}, but {limit:,} were "
            "asked for. Lower the limit, or leave it out to get all of them.")
    return puzzles.select(np.concatenate(chosen)[:limit])


def _join(parts: list[SudokuSet], source: str) -> SudokuSet:
    if len({part.name for part in parts}) > 1:
        raise ValueError(
            f"{source} mixes sizes: {' and '.join(part.name for part in parts)}. Load one split at a time.")
    inputs, labels, ratings = (
        np.concatenate([getattr(part, field) for part in parts]) for field in ("inputs", "labels", "ratings"))
    return SudokuSet.from_digits(parts[0].board, inputs - 1, labels - 1, ratings, source=source)


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
