"""Tables of puzzles: CSV files with a question and an answer a line, in the published columns or others' names.

Read in portions, so that a file of millions of puzzles never stands in memory as text. A file is written aside and
renamed, so that there is never half of one.
"""

from __future__ import annotations

import csv
import dataclasses
import math
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

__all__ = [
    "COLUMNS", "Portion", "is_data", "is_table", "joined_ratings", "read_portions", "write_atomically",
    "write_puzzles"]

COLUMNS = ("source", "question", "answer", "rating")
# What others call them, the first that a header has before the rest; upper case, spaces and underscores do not count.
_NAMES = {
    "question": ("question", "questions", "quizzes", "quiz", "puzzle", "puzzles", "problem", "input", "inputs"),
    "answer": ("answer", "answers", "solutions", "solution", "solved", "output", "outputs", "label", "labels"),
    "rating": ("rating", "difficulty"),
    "source": ("source",),
    "grid": ("grid",),
}
_EXPECTED = "question and answer, or the usual other names for them (puzzle and solution, quizzes and solutions)"
_LINES = 50_000  # in a portion
_UNKNOWN = ("", "nan", "na", "n/a", "null", "none", "-")  # ratings that say that there is none


@dataclasses.dataclass
class Portion:
    """Some puzzles of a file, as text."""

    path: Path
    """The file, for messages"""
    lines: list[int]
    """The number of each one's line, for messages"""
    questions: list[str]
    """Cells of each question, row by row"""
    answers: list[str]
    """Cells of each answer; empty where the file has none"""
    ratings: np.ndarray | None = None
    """(n,) float64, not a number where a line has none; None: the file has no such column"""
    sources: list[str] | None = None
    """What stands in the column of that name"""
    grids: list[str] | None = None
    """The same for a size, "ROWSxCOLUMNS", which only files of puzzles that are not square have"""

    def part(self, which: np.ndarray) -> Portion:
        """Those puzzles that are ``which`` (n,) bool."""
        if which.all():
            return self
        at = np.flatnonzero(which)
        pick = lambda values: values if values is None else [values[i] for i in at]  # noqa: E731
        return dataclasses.replace(
            self, lines=pick(self.lines), questions=pick(self.questions), answers=pick(self.answers),
            ratings=self.ratings if self.ratings is None else self.ratings[at], sources=pick(self.sources),
            grids=pick(self.grids))

    def tokens(
        self, texts: list[str], what: str, alphabet: str, length: int, kind: str, blanks: str = ""
    ) -> np.ndarray:
        """Texts as places in ``alphabet``, (n, length) uint8. ValueError for other lengths and characters.

        what: "question" or "answer"; kind: what the file holds, e.g. "9x9 Sudoku"; both for messages. blanks: other
        signs for the first character of the alphabet.
        """
        for line, text in zip(self.lines, texts, strict=True):
            if len(text) != length:
                raise ValueError(
                    f"{self.path}, line {line}: the {what} has {len(text)} characters, but this file is read "
                    f"as {kind} of {length}. Keep one size to a file; if the line is cut, fetch the file again.")
        place = np.full(256, 255, np.uint8)
        place[np.frombuffer(blanks.encode("ascii"), np.uint8)] = 0
        place[np.frombuffer(alphabet.encode("ascii"), np.uint8)] = np.arange(len(alphabet))
        joined = "".join(texts).encode("ascii", errors="replace")
        tokens = place[np.frombuffer(joined, np.uint8)].reshape(len(texts), length)
        bad = np.argwhere(tokens == 255)
        if len(bad):
            row, cell = bad[0]
            raise ValueError(
                f"{self.path}, line {self.lines[row]}: character {texts[row][cell]!r} at position {cell + 1} of the "
                f"{what} is not allowed in {kind}; allowed are {', '.join(map(repr, alphabet))}.")
        return tokens

    def refuse(self, right: np.ndarray, what: str) -> None:
        """ValueError naming the first lines that are not ``right`` (n,) bool, and how many lines share the fault."""
        wrong = np.flatnonzero(~right)
        if len(wrong):
            more = f" ({', '.join(str(self.lines[i]) for i in wrong[:10])}{', …' if len(wrong) > 10 else ''})"
            raise ValueError(
                f"{self.path}, line {self.lines[wrong[0]]}: {what}; {len(wrong):,} of {len(self.lines):,} lines have "
                f"this fault{more if len(wrong) > 1 else ''}. Correct or remove them.")


def is_data(path: Path, folder: Path) -> bool:
    """Whether a file below a folder is meant to be read: not what an editor, a system or a zip program left there."""
    parts = path.relative_to(folder).parts
    return not any(part.startswith(".") or part == "__MACOSX" for part in parts)


def is_table(path: Path) -> bool:
    """Whether the first line of a file is a header with a column of questions."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return "question" in _places(file.readline(10_000))[2]
    except (OSError, UnicodeDecodeError, csv.Error, ValueError):
        return False


def read_portions(path: str | os.PathLike) -> Iterator[Portion]:
    """The puzzles of a file in its order, some 50,000 at a time; at least one portion with at least one puzzle.

    The header has a column for the question under one of its usual names; answer, rating (or difficulty), source and
    grid may be there. Fields stand between commas, semicolons or tabs. Errors name the line: ValueError for an empty
    file, no column of questions, another number of fields, a rating that is no number; FileNotFoundError.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {path}. Give the path of a CSV file with the columns {_EXPECTED}.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            try:
                header, mark, places = _places(file.readline())
            except UnicodeDecodeError:
                raise
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
            if not header:
                raise ValueError(f"{path} is empty. Expected a header with {_EXPECTED}, and one puzzle a line.")
            if "question" not in places:
                raise ValueError(
                    f"{path}: no column of the first line holds the questions; it has {', '.join(header)[:200]}. "
                    f"Expected a header with {_EXPECTED} (more columns do no harm).")
            file.seek(0)
            reader = csv.reader(file, delimiter=mark)
            next(reader)
            rows, some = [], False
            for row in reader:
                if row:
                    rows.append((reader.line_num, row))
                if len(rows) == _LINES:
                    some = True
                    yield _portion(path, len(header), places, rows)
                    rows = []
            if rows:
                yield _portion(path, len(header), places, rows)
            elif not some:
                raise ValueError(f"{path} has a header but no puzzles. Expected one puzzle a line below it.")
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path} is not a CSV text file ({error}). Expected the columns {_EXPECTED}, in UTF-8.") from None


def _places(line: str) -> tuple[list[str], str, dict[str, int]]:
    """The names in a header, the mark between them, and where the known columns are."""
    for mark in (",", ";", "\t"):
        header = [name.strip() for name in next(csv.reader([line], delimiter=mark), [])]
        plain = [re.sub(r"[\W_]+", "", name.lower()) for name in header]
        places = {}
        for column, names in _NAMES.items():
            found = [i for i, name in enumerate(plain) if name in names]
            if column not in plain and len(found) > 1 and column in ("question", "answer"):
                raise ValueError(
                    f"Columns {' and '.join(repr(header[i]) for i in found)} could all be the {column}. Call the right "
                    f"one \"{column}\".")
            if found:
                places[column] = min(found, key=lambda i: names.index(plain[i]))
        if "question" in places:
            return header, mark, places
    header = next(csv.reader([line]), [])
    return [name.strip() for name in header] if "".join(header).strip() else [], ",", {}


def _portion(path: Path, fields: int, places: dict[str, int], rows: list[tuple[int, list[str]]]) -> Portion:
    for line, row in rows:
        if len(row) != fields:
            advice = "A field is missing, or the line is cut." if len(row) < fields else (
                "A field that has such a mark in it stands in quotes.")
            raise ValueError(f"{path}, line {line}: {len(row)} fields where the header has {fields}. {advice}")
    lines, rows = zip(*rows, strict=True)
    columns = {name: [row[place] for row in rows] for name, place in places.items()}
    ratings = columns.get("rating")
    if ratings is not None:
        ratings = np.array([_rating(path, line, text) for line, text in zip(lines, ratings, strict=True)], np.float64)
    return Portion(path, list(lines), columns["question"], columns.get("answer") or [""] * len(rows), ratings,
                   columns.get("source"), columns.get("grid"))


def _rating(path: Path, line: int, text: str) -> float:
    if text.strip().lower() in _UNKNOWN:
        return math.nan
    try:
        rating = float(text)
    except ValueError:
        rating = math.nan
    if not math.isfinite(rating):
        raise ValueError(
            f"{path}, line {line}: the rating {text[:40]!r} is not a number. Write one, such as 3 or 2.5, or nothing "
            "where it is not known.")
    if not -(2**31) <= rating < 2**31:
        raise ValueError(
            f"{path}, line {line}: the rating {text[:40]} is too large. Expected a number between -2^31 and 2^31.")
    return rating


def joined_ratings(parts: list[np.ndarray | None], counts: list[int]) -> np.ndarray | None:
    """The ratings of all parts: int32 if all are whole numbers, else float64, not a number where there is none.

    None where no puzzle has one. A fraction is kept: rounded, it would not be what ``min_rating`` is asked about.
    """
    filled = [np.full(count, np.nan) if part is None else part for part, count in zip(parts, counts, strict=True)]
    ratings = np.concatenate(filled).astype(np.float64)
    if np.isnan(ratings).all():
        return None
    return ratings.astype(np.int32) if (ratings == np.floor(ratings)).all() else ratings


def write_puzzles(
    path: str | os.PathLike, source: str, questions: Iterable[str], answers: Iterable[str],
    ratings: Iterable[float] | None, grid: tuple[int, int] | None = None,
) -> None:
    """Write a file that `read_portions` and the published training scripts can read.

    A rating that is None or not a number becomes an empty field. grid: for puzzles whose size cannot be told from
    their length; it gets a column of its own, which the published scripts do not know.
    """
    questions = list(questions)
    ratings = [None] * len(questions) if ratings is None else ratings
    size = () if grid is None else (f"{grid[0]}x{grid[1]}",)
    with write_atomically(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS if grid is None else (*COLUMNS, "grid"))
        for question, answer, rating in zip(questions, answers, ratings, strict=True):
            known = rating is not None and not math.isnan(rating)
            writer.writerow([source, question, answer, rating if known else "", *size])


class write_atomically:
    """``with write_atomically(path) as file``: a text file that takes its name when it is complete.

    What stood at ``path`` before stays until then, and for good if something goes wrong.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)

    def __enter__(self):
        folder = self.path.parent
        if not folder.is_dir():
            raise FileNotFoundError(f"Cannot write {self.path}: there is no folder {folder}. Create it first.")
        descriptor, self.aside = tempfile.mkstemp(dir=folder, prefix=f".{self.path.name}.", suffix=".part")
        self.file = open(descriptor, "w", newline="", encoding="utf-8")
        return self.file

    def __exit__(self, kind, *rest) -> None:
        try:
            self.file.close()
            if kind is None:
                os.chmod(self.aside, 0o644)  # mkstemp makes files that only their owner can read
                os.replace(self.aside, self.path)
        finally:
            if os.path.exists(self.aside):
                os.unlink(self.aside)
