"""Puzzles made on the spot: by size, number of givens, split and seed.

4x4 puzzles are drawn from the table of all classes: first the number of givens, then a class with that
many, then one of its members, each evenly. Larger ones are dug: a random full board loses cells, in random
order, while one solution remains, until it has the number of givens drawn evenly from the range; hard ones
of 9x9 are searched for (see `search`). In each way the seed and the position in the stream decide a
puzzle: more puzzles of a seed begin with the fewer.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from hrm_lite.puzzles.sources import SHARE, collect
from hrm_lite.puzzles.splits import check_split, first_of_each, on_side
from hrm_lite.puzzles.stream import Stream
from hrm_lite.puzzles.sudoku import small
from hrm_lite.puzzles.sudoku.grid import BOARDS, Board
from hrm_lite.puzzles.sudoku.sets import SudokuSet
from hrm_lite.puzzles.sudoku.splits import puzzles_on_side

NAMED = {
    "4x4": {"easy": (7, 9), "medium": (4, 6)},
    "6x6": {"easy": (16, 22), "medium": (10, 14)},
    "9x9": {"easy": (45, 55), "medium": (30, 40)},
}
FEWEST = {"4x4": 4, "6x6": 8, "9x9": 17}  # known by exhaustive search: no puzzle has one solution with less


@dataclasses.dataclass(frozen=True)
class Difficulty:
    """What to ask of a puzzle: a range of givens; that none of its givens can be left out; or also many guesses."""

    name: str
    low: int = 0
    high: int = 0
    minimal: bool = False
    searched: bool = False

    @classmethod
    def parse(cls, board: Board, given: str | tuple[int, int]) -> Difficulty:
        """"easy", "medium", "hard", "minimal", "LOW-HIGH", "COUNT" or (low, high)."""
        if isinstance(given, str):
            if given in ("hard", "minimal"):  # the small boards have nothing harder than minimal puzzles
                return cls(given, minimal=True, searched=given == "hard" and board.side == 9)
            if given in NAMED[board.name]:
                return cls(given, *NAMED[board.name][given])
            match = re.fullmatch(r"(\d{1,3})(?:-(\d{1,3}))?", given)
            low, high = (int(match[1]), int(match[2] or match[1])) if match else (None, None)
        else:
            low, high = _pair(given)
        if low is None:
            raise ValueError(
                f"{given!r} is not a difficulty. Use \"easy\", \"medium\", \"minimal\" (no given can be left "
                "out), \"hard\" (9x9: many guesses needed; smaller boards: minimal) or a range of givens such "
                "as \"30-40\".")
        fewest, most = FEWEST[board.name], board.cells - 1
        if not fewest <= low <= high <= most:
            raise ValueError(
                f"A range of {low} to {high} givens is not possible for {board.name} Sudoku: it runs from "
                f"the smaller to the larger number, with at least {fewest} (fewer never leave one "
                f"solution) and at most {most} (more leave nothing to solve).")
        return cls(f"{low}-{high}", low, high)


def _pair(given) -> tuple[int | None, int | None]:
    try:
        low, high = given
        return int(low), int(high)
    except (TypeError, ValueError):
        return None, None


def board_named(size: str) -> Board:
    if size not in BOARDS:
        raise ValueError(f"There is no Sudoku of size {size!r}; choose one of {', '.join(BOARDS)}.")
    return BOARDS[size]


def generate(
    size: str = "9x9",
    givens: str | tuple[int, int] = "medium",
    count: int = 1_000,
    seed: int = 0,
    split: str = "all",
) -> SudokuSet:
    """`count` different puzzles with one solution each.

    size    "4x4", "6x6" or "9x9"
    givens  "easy", "medium", a range "30-40" or (30, 40): each number in it is equally likely, as far as
            there are puzzles left. "minimal": puzzles of which no given can be left out, with ratings.
            "hard", with ratings: for 9x9 minimal puzzles found by a search that climbs to many guesses
            (ratings of about 20 on average; 50 of them take about ten seconds of a core, and are kept on
            disk: see `store`); the smaller boards have none that are so hard, and "hard" is "minimal"
    seed    0 or more; the same seed gives the same puzzles on every machine, and a larger count begins
            with the puzzles of the smaller
    split   "train" or "test": only classes of that side (see `load`); "all": both

    Two puzzles of a set may be equivalent, never equal; hard ones of 9x9 are not even equivalent.
    ValueError for impossible wishes, such as more puzzles than there are.
    """
    board = board_named(size)
    difficulty = Difficulty.parse(board, givens)
    check_split(split)
    if count < 1 or seed < 0:
        raise ValueError(f"count must be 1 or more and seed 0 or more; got count {count} and seed {seed}.")
    source = f"generated:{size}:{difficulty.name} ({split}, seed {seed})"
    if difficulty.searched:
        from hrm_lite.puzzles.sudoku.hard import hard_puzzles

        return SudokuSet.from_digits(board, *hard_puzzles(count, seed, split), source=source)
    questions, answers = (_draw_small if size == "4x4" else _dig)(board, difficulty, count, seed, split)
    puzzles = SudokuSet.from_digits(board, questions, answers, source=source)
    return puzzles.rated() if difficulty.minimal else puzzles


def _draw_small(board: Board, difficulty: Difficulty, count: int, seed: int, split: str):
    classes = small.classes()
    wanted = classes.minimal if difficulty.minimal else (
        (classes.givens >= difficulty.low) & (classes.givens <= difficulty.high))
    classes = classes.select(wanted)
    classes = classes.select(on_side(classes.texts(), split))
    if classes.members.sum() < count:
        raise ValueError(
            f"There are {classes.members.sum():,} different 4x4 puzzles of difficulty {difficulty.name} in "
            f"split \"{split}\" ({len(classes):,} classes of equivalent ones), but {count:,} were asked "
            "for. Ask for fewer, for a wider range of givens or for a larger size.")
    by_givens = [np.flatnonzero(classes.givens == number) for number in np.unique(classes.givens)]
    sizes = np.array([len(members) for members in by_givens])
    table = np.concatenate(by_givens)
    starts = np.cumsum(sizes) - sizes
    stream = Stream(seed)
    seen, parts, have = set(), [], 0
    while have < count:
        # Whole chunks of one size, so that the puzzles do not depend on how many are asked for.
        group = stream.below(np.full(4096, len(sizes)))
        choice = table[starts[group] + stream.below(sizes[group])]
        questions, answers = classes.draw(choice, stream)
        fresh = first_of_each(questions, seen)
        parts.append((questions[fresh], answers[fresh]))
        have += int(fresh.sum())
    return tuple(np.concatenate(column)[:count] for column in zip(*parts, strict=True))


def _dig(board: Board, difficulty: Difficulty, count: int, seed: int, split: str):
    from hrm_lite.puzzles.sudoku.kernels import MAX_TRIES, dig_many  # compiled: loaded on first use

    def make(start: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        made = dig_many(board, difficulty.low, difficulty.high, difficulty.minimal, seed, start, number)
        if len(made[0]) < number:
            raise ValueError(
                f"No {board.name} puzzle with so few givens was found on {MAX_TRIES:,} random boards "
                f"(asked for {difficulty.low} to {difficulty.high}): they exist but are rare. Raise the "
                "lower end of the range, or ask for \"minimal\": puzzles of which no given can be left out.")
        return made

    return collect(count, make, lambda questions, answers: puzzles_on_side(board, questions, answers, split),
                   SHARE[split], f"{board.name} puzzles of difficulty {difficulty.name} in split \"{split}\"")
