"""The published format: CSV files with the columns source,question,answer,rating, one puzzle a line.

Read in portions, so that a file of millions of puzzles never stands in memory as text. A file is written aside and
renamed, so that there is never half of one.
"""

from __future__ import annotations

import csv
import dataclasses
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

__all__ = ["COLUMNS", "Portion", "read_portions", "write_atomically", "write_puzzles"]

COLUMNS = ("source", "question", "answer", "rating")
_LINES = 50_000  # in a portion


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
    """Cells of each answer"""
    ratings: np.ndarray
    """(n,) int64"""

    def tokens(self, texts: list[str], what: str, alphabet: str, length: int, kind: str) -> np.ndarray:
        """Texts as places in ``alphabet``, (n, length) uint8. ValueError for other lengths and characters.

        what: "question" or "answer"; kind: what the file holds, e.g. "9x9 Sudoku"; both for messages.
        """
        for line, text in zip(self.lines, texts, strict=True):
            if len(text) != length:
                raise ValueError(
                    f"{self.path}, line {line}: the {what} has {len(text)} characters, but this file is read "
                    f"as {kind} of {length}. Keep one size to a file; if the line is cut, fetch the file again.")
        place = np.full(256, 255, np.uint8)
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
        """ValueError naming the first line that is not ``right`` (n,) bool, and how many lines share the fault."""
        wrong = np.flatnonzero(~right)
        if len(wrong):
            raise ValueError(
                f"{self.path}, line {self.lines[wrong[0]]}: {what}; {len(wrong):,} of {len(self.lines):,} lines have "
                "this fault. Correct or remove them.")


def read_portions(path: str | os.PathLike) -> Iterator[Portion]:
    """The puzzles of a file in its order, some 50,000 at a time; at least one portion with at least one puzzle.

    Errors name the line: ValueError for an empty file, missing columns, a line that is cut or malformed;
    FileNotFoundError.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {path}. Give the path of a CSV file with the columns {','.join(COLUMNS)}.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            columns = _columns(path, reader)
            rows, some = [], False
            for row in reader:
                if row:
                    rows.append((reader.line_num, row))
                if len(rows) == _LINES:
                    some = True
                    yield _portion(path, columns, rows)
                    rows = []
            if rows:
                yield _portion(path, columns, rows)
            elif not some:
                raise ValueError(f"{path} has a header but no puzzles. Expected one puzzle a line below it.")
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path} is not a CSV text file ({error}). Expected the columns {','.join(COLUMNS)} in UTF-8.") from None


def _columns(path: Path, reader) -> tuple[int, list[int]]:
    """How many fields a line has, and where in it question, answer and rating are."""
    header = [name.strip() for name in next(reader, [])]
    if not header:
        raise ValueError(f"{path} is empty. Expected a header with {','.join(COLUMNS)} and one puzzle a line.")
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise ValueError(
            f"{path}: the header lacks {', '.join(missing)}; it has {', '.join(header)[:200]}. Expected "
            f"{','.join(COLUMNS)} (more columns do no harm).")
    return len(header), [header.index(name) for name in COLUMNS[1:]]


def _portion(path: Path, columns: tuple[int, list[int]], rows: list[tuple[int, list[str]]]) -> Portion:
    fields, (question, answer, rating) = columns
    ratings = []
    for line, row in rows:
        if len(row) != fields:
            raise ValueError(
                f"{path}, line {line}: {len(row)} fields where the header has {fields}. The line is cut or damaged; "
                "fetch the file again or remove the line.")
        try:
            ratings.append(int(row[rating]))
        except ValueError:
            raise ValueError(
                f"{path}, line {line}: the rating {row[rating]!r} is not a whole number. The line is cut or damaged; "
                "fetch the file again or remove the line.") from None
        if not -(2**31) <= ratings[-1] < 2**31:
            raise ValueError(
                f"{path}, line {line}: the rating {row[rating][:40]} is too large. The line is damaged; fetch the file "
                "again or remove the line.")
    lines, rows = zip(*rows, strict=True)
    return Portion(path, list(lines), [row[question] for row in rows], [row[answer] for row in rows],
                   np.array(ratings, np.int64))


def write_puzzles(
    path: str | os.PathLike, source: str, questions: Iterable[str], answers: Iterable[str], ratings: Iterable[int]
) -> None:
    """Write a file that `read_portions` and the published training scripts can read."""
    with write_atomically(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for question, answer, rating in zip(questions, answers, ratings, strict=True):
            writer.writerow([source, question, answer, rating])


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
