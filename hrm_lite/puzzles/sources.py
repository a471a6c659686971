"""Where puzzles come from: made on the spot, a file, a folder with two or with published arrays, or the Hub.

A kind of puzzle says how it makes puzzles, reads a file and tells classes apart; the rest is the same for all.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from hrm_lite.puzzles import hub, published
from hrm_lite.puzzles.base import PuzzleSet
from hrm_lite.puzzles.files import joined_ratings
from hrm_lite.puzzles.splits import TEST_SHARE, check_split, first_of_each
from hrm_lite.puzzles.stream import Stream

__all__ = ["DEFAULT_COUNT", "SHARE", "Kind", "check_limit", "collect", "join", "load"]

DEFAULT_COUNT = {"train": 10_000, "test": 1_000, "all": 10_000}  # generated puzzles where no limit is given
SHARE = {"train": 1 - 1 / TEST_SHARE, "test": 1 / TEST_SHARE, "all": 1.0}  # of all classes
_TIMES = (1, 3, 10, 20)  # so many times the limit are generated before min_rating gives up


def _questions(puzzles: PuzzleSet, part: np.ndarray) -> np.ndarray:
    """What makes a puzzle another one than the rest: its question."""
    return puzzles.inputs[part]


@dataclasses.dataclass(frozen=True)
class Kind:
    """What `load` has to know of a kind of puzzle."""

    example: str
    """A source of generated puzzles, for messages"""
    offline: str
    """What to use where there is no network, for messages"""
    generate: Callable[[str, int, int, str], PuzzleSet]
    """What follows "generated:", how many, seed, split -> a set"""
    read: Callable[[Path], PuzzleSet]
    """A file -> a set, in the order of the file"""
    on_side: Callable[[PuzzleSet, str], np.ndarray]
    """A set, "train" or "test" -> (n,) bool: whether the class of each puzzle belongs to that split"""
    published: Callable[[published.Arrays], PuzzleSet]
    """What a folder of the published programs holds -> a set"""
    suffixes: tuple[str, ...] = (".csv",)
    """Of the files that ``read`` takes"""
    identity: Callable[[PuzzleSet, np.ndarray], np.ndarray] = _questions
    """A set, indices -> rows of bytes; puzzles with equal rows are one puzzle"""


def load(
    kind: Kind, source: str | os.PathLike, split: str, limit: int | None, seed: int, min_rating: float = 0
) -> PuzzleSet:
    """The puzzles of a source; see `sudoku.load` for what a user is told. No puzzle occurs twice in a set."""
    check_split(split)
    check_limit(limit)
    source = os.fspath(source)
    scheme, _, rest = source.partition(":")
    if scheme == "generated":
        return _generated(kind, rest, limit or DEFAULT_COUNT[split], seed, split, min_rating)
    halves = ("train", "test") if split == "all" else (split,)
    path = Path(source).expanduser()
    if scheme == "hub" and rest:
        puzzles = join([kind.read(hub.fetch(rest, f"{half}.csv", kind.offline)) for half in halves], source)
    elif published.is_one(path):
        # As it is: who built it divided it, and may have put turned copies of a puzzle in on purpose.
        puzzles = join([kind.published(published.read(path, half)) for half in halves], source)
        return _draw(puzzles, limit, seed, min_rating)
    elif path.is_dir():
        puzzles = join([kind.read(path / f"{half}.csv") for half in halves], source)
    elif path.is_file() or path.suffix.lower() in kind.suffixes:
        return _choose(kind, kind.read(path), split, limit, seed, min_rating)
    else:
        raise ValueError(
            f"No puzzles at {source!r}. A source is \"generated:…\" (for example {kind.example}), a file "
            f"({', '.join(kind.suffixes)}), a folder with train.csv and test.csv or one that the published programs "
            "built, or \"hub:OWNER/NAME\".")
    return _choose(kind, puzzles, "all", limit, seed, min_rating)


def check_limit(limit: int | None) -> None:
    """ValueError unless it is a number of puzzles or None."""
    whole = isinstance(limit, (int, np.integer)) and not isinstance(limit, bool)
    if limit is not None and not (whole and limit >= 1):
        raise ValueError(f"limit must be 1 or more puzzles, or None for all; got {limit!r}.")


def _generated(kind: Kind, rest: str, count: int, seed: int, split: str, min_rating: float) -> PuzzleSet:
    """The first `count` generated puzzles with at least this rating."""
    for times in _TIMES if min_rating > 0 else (1,):  # a longer list begins with the shorter one
        puzzles = kind.generate(rest, times * count, seed, split)
        hard = _hard_enough(puzzles, min_rating)
        if len(hard) >= count:
            return puzzles.select(hard[:count])
    raise ValueError(
        f"Only {len(hard):,} of the first {len(puzzles):,} puzzles of {puzzles.source} have a rating of {min_rating} "
        f"or more, but {count:,} were asked for. Lower min_rating or the limit.")


def _hard_enough(puzzles: PuzzleSet, min_rating: float) -> np.ndarray:
    """Which puzzles have at least this rating, as indices."""
    if min_rating <= 0:
        return np.arange(len(puzzles))
    if puzzles.ratings is None:
        raise ValueError(
            f"min_rating is {min_rating}, but {puzzles.source} has no ratings. Files with a column of that name, lists "
            "of Sudokus, mazes, and Sudoku that is generated as \"minimal\" or \"hard\" have them.")
    return np.flatnonzero(puzzles.ratings >= min_rating)


def _choose(kind: Kind, puzzles: PuzzleSet, split: str, limit: int | None, seed: int, min_rating: float) -> PuzzleSet:
    """The different puzzles of one side that are hard enough; `limit` of them in random order, or all in theirs."""
    order = _order(puzzles, limit, seed, min_rating)
    seen, chosen, have = set(), [], 0
    for start in range(0, len(order), 4096):  # finding classes takes time: stop when there are enough
        part = order[start : start + 4096]
        keep = first_of_each(kind.identity(puzzles, part), seen)
        if split != "all":
            keep[keep] = kind.on_side(puzzles.select(part[keep]), split)
        chosen.append(part[keep])
        have += int(keep.sum())
        if limit is not None and have >= limit:
            break
    if have < (limit or 1):
        hard = f" with a rating of at least {min_rating}" if min_rating > 0 else ""
        raise ValueError(
            f"{puzzles.source} has {have:,} different puzzles in split \"{split}\"{hard}, but {limit or 1:,} were "
            "asked for. Lower the limit, or leave it out to get all of them.")
    return puzzles.select(np.concatenate(chosen)[:limit])


def _order(puzzles: PuzzleSet, limit: int | None, seed: int, min_rating: float) -> np.ndarray:
    """Indices of the puzzles that are hard enough: in random order where there is a limit, else in theirs."""
    order = np.arange(len(puzzles)) if limit is None else Stream(seed).orders(len(puzzles))
    if min_rating > 0:
        order = order[np.isin(order, _hard_enough(puzzles, min_rating))]
        if not len(order):
            raise ValueError(
                f"None of the {len(puzzles):,} puzzles of {puzzles.source} has a rating of {min_rating} or more; the "
                f"highest is {np.nanmax(puzzles.ratings)}. Lower min_rating.")
    return order


def _draw(puzzles: PuzzleSet, limit: int | None, seed: int, min_rating: float) -> PuzzleSet:
    """All puzzles, equal ones too, or `limit` of them at random."""
    order = _order(puzzles, limit, seed, min_rating)
    if limit is not None and len(order) < limit:
        raise ValueError(
            f"{puzzles.source} has {len(order):,} puzzles, but {limit:,} were asked for. Lower the limit, or leave it "
            "out to get all of them.")
    return puzzles.select(order[:limit])


def collect(
    count: int, make: Callable[[int, int], tuple[np.ndarray, ...]],
    keep: Callable[..., np.ndarray], share: float, what: str,
) -> tuple[np.ndarray, ...]:
    """The first `count` different puzzles of an endless stream that are wanted.

    make: (start, number) -> arrays of the puzzles number start to start + number - 1 of the stream, the questions
    first; keep: those arrays -> (n,) bool; share: about how many of them that is; what: the puzzles, for the message
    if there seem to be no more.
    The result does not depend on how many are asked for: more begin with the fewer.
    """
    seen, parts, have, start, dry = set(), [], 0, 0, 0
    while have < count:
        chunk = min(2_000, 16 + int((count - have) / share))
        arrays = make(start, chunk)
        wanted = first_of_each(arrays[0], seen)
        wanted[wanted] = keep(*(array[wanted] for array in arrays))
        dry = 0 if wanted.any() else dry + len(wanted)  # `make` may give more than it was asked for
        if dry > 200_000:
            raise ValueError(
                f"Only {have:,} different {what} were found, but {count:,} were asked for. Ask for fewer, for a wider "
                "range or for a larger size.")
        parts.append([array[wanted] for array in arrays])
        have += int(wanted.sum())
        start += chunk
    return tuple(np.concatenate(column)[:count] for column in zip(*parts, strict=True))


def join(parts: list[PuzzleSet], source: str) -> PuzzleSet:
    """Sets of one kind and size as one set, in their order. Raises ValueError where sizes differ."""
    if len({part.name for part in parts}) > 1:
        raise ValueError(
            f"{source} mixes sizes: {' and '.join(part.name for part in parts)}. Load one split at a time.")
    if len(parts) == 1:
        return dataclasses.replace(parts[0], source=source)
    columns = {field: np.concatenate([getattr(part, field) for part in parts])
               for field in ("inputs", "labels", "puzzle_ids")}
    if any(part.ratings is not None for part in parts):
        columns["ratings"] = joined_ratings([part.ratings for part in parts], [len(part) for part in parts])
    return dataclasses.replace(parts[0], **columns, source=source)
