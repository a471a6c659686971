"""Sudoku in files: tables in the published CSV format or under others' names for it, lists, and drawn grids.

Every answer is held against its question when a file is read. A question without an answer is solved and rated here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hrm_lite.puzzles.files import Portion, is_table, joined_ratings, read_portions, write_puzzles
from hrm_lite.puzzles.store import cached, sha256_of
from hrm_lite.puzzles.sudoku.drawn import read_grid
from hrm_lite.puzzles.sudoku.grid import Board, board_of
from hrm_lite.puzzles.sudoku.sets import FIRST_DIGIT, SudokuSet, search_many, solved

SUFFIXES = (".csv", ".tsv", ".txt", ".sdk", ".sdm", ".sud", ".ss")
_LARGE = 16 * 2**20  # bytes of a file that is parsed once and then read from the cache
_BLANKS = "0*_-xX"  # beside '.', as in `drawn`
_SIZES = (16, 36, 81)
_PORTION = 10_000  # puzzles of a list at a time


def read_csv(path: str | os.PathLike) -> SudokuSet:
    """Read a table of puzzles of one size, in the order of the file.

    The columns are question and answer, or others' names for them (quizzes and solutions, puzzle and solution); '.',
    '0' and the other usual signs are blanks. rating (or difficulty) may be a fraction, empty or not there. Where there
    is no answer, the puzzle is solved, and, if the file has no ratings, rated.

    Errors name the line: ValueError for an empty file, no column of questions, a line that is malformed, boards of
    different sizes, an answer that does not solve its question, and, of those without an answer, puzzles with no or
    several solutions; FileNotFoundError. Whether a question with an answer has other solutions as well is not checked
    here: `solve` does that. A large file is parsed once; after that its arrays are memory-mapped from the cache (see
    `store`), as long as the file is the same.
    """
    return _read(Path(path), "sudoku csv", read_portions)


def read_list(path: str | os.PathLike) -> SudokuSet:
    """Read puzzles without answers: one a line, or drawn grids one below the other. They are solved and rated here.

    In a list, what stands behind a puzzle after a space, comma or semicolon is not read; '#' begins a comment. Drawn
    grids are parted by empty lines or titles; see `read_grid` for what they may look like.

    ValueError for lines that hold no puzzle, and for puzzles with no or several solutions, naming the lines;
    FileNotFoundError.
    """
    return _read(Path(path), "sudoku list", _list_portions)


def read(path: Path) -> SudokuSet:
    """A file of any of the two forms, told apart by its first line."""
    return read_csv(path) if path.suffix.lower() in (".csv", ".tsv") or is_table(path) else read_list(path)


def _read(path: Path, form: str, portions) -> SudokuSet:
    if path.is_file() and path.stat().st_size > _LARGE:
        arrays = cached({form: 1, "sha256": sha256_of(path)}, lambda: _parse(path, portions(path)))
    else:
        arrays = _parse(path, portions(path))
    board = board_of(arrays["inputs"].shape[1])
    return SudokuSet.of(board, **arrays, source=str(path))


def _parse(path: Path, portions: Iterator[Portion]) -> dict[str, np.ndarray]:
    """The file as tokens, portion by portion."""
    board, parts, ratings = None, [], []
    for portion in portions:
        portion.questions = [text.strip() for text in portion.questions]
        first = len(portion.questions[0])
        if board is None and first not in _SIZES:
            raise ValueError(
                f"{path}, line {portion.lines[0]}: the question has {first} characters; a Sudoku has 16, 36 or 81. If "
                "these are puzzles of another kind, hrm_lite.puzzles.own.load reads them.")
        board = board or board_of(first)
        *digits, rating = _digits(portion, board)
        parts.append(digits)
        ratings.append(rating)
    questions, answers = (np.concatenate(column) for column in zip(*parts, strict=True))
    first = np.uint8(FIRST_DIGIT - 1)
    arrays = {"inputs": questions + first, "labels": answers + first}
    ratings = joined_ratings(ratings, [len(part[0]) for part in parts])
    return arrays if ratings is None else arrays | {"ratings": ratings}


def _digits(portion: Portion, board: Board) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Questions and answers as digits, and ratings; of puzzles without an answer those that are found here."""
    kind, digits = f"{board.name} Sudoku", "123456789"[: board.side]
    questions = portion.tokens(portion.questions, "question", "." + digits, board.cells, kind, _BLANKS)
    answers, ratings = np.zeros_like(questions), portion.ratings
    given = np.array([bool(text.strip()) for text in portion.answers])
    if given.any():
        part = portion.part(given)
        texts = [text.strip() for text in part.answers]
        answers[given] = part.tokens(texts, "answer", digits, board.cells, kind) + np.uint8(1)
        part.refuse(
            solved(board, questions[given], answers[given]),
            "the answer does not solve the question (it changes a given or breaks a rule)")
    if not given.all():
        part = portion.part(~given)
        counts, guesses, answers[~given] = search_many(board, questions[~given], 2)
        part.refuse(counts > 0, "the puzzle has no solution")
        part.refuse(counts < 2, "the puzzle has several solutions")
        if ratings is None:
            ratings = np.full(len(questions), np.nan)
            ratings[~given] = guesses
    return questions, answers, ratings


def _list_portions(path: Path) -> Iterator[Portion]:
    """The puzzles of a list, or of a file of drawn grids, as text."""
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}. Give the path of a list of Sudokus, one a line.")
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = next((text for _, text in _entries(file)), None)
        if first is None:
            raise ValueError(f"{path} holds no puzzles. Expected one a line, or drawn grids.")
        if len(first) not in _SIZES:
            yield _drawn(path)
            return
        with path.open(encoding="utf-8-sig") as file:
            lines, texts = [], []
            for line, text in _entries(file):
                lines.append(line)
                texts.append(text)
                if len(lines) == _PORTION:
                    yield Portion(path, lines, texts, [""] * len(texts))
                    lines, texts = [], []
            if lines:
                yield Portion(path, lines, texts, [""] * len(texts))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file ({error}). Expected Sudokus in UTF-8, one a line.") from None


def _entries(file) -> Iterator[tuple[int, str]]:
    """(line, first field) of every line that has one, without comments."""
    for line, text in enumerate(file, 1):
        text = re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()
        if text:
            yield line, re.split(r"[\s,;]", text, maxsplit=1)[0]


def _drawn(path: Path) -> Portion:
    """All drawn grids of a file: one, or several with empty lines or titles between them."""
    text = path.read_text(encoding="utf-8-sig")
    try:
        return Portion(path, [1], [read_grid(text)], [""])
    except ValueError as error:
        whole = error
    blocks, begin = [], True
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or re.search(r"[^\W\d_xX]{2}", line.split("#")[0]):
            begin = True
        elif not line.startswith("#"):
            if begin:
                blocks.append((number, []))
            blocks[-1][1].append(line)
            begin = False
    if len(blocks) < 2:
        raise ValueError(f"{path}: {whole}") from None
    grids = []
    for number, lines in blocks:
        try:
            grids.append(read_grid("\n".join([*lines, ""])))
        except ValueError as error:
            raise ValueError(f"{path}, the grid that begins in line {number}: {error}") from None
    return Portion(path, [number for number, _ in blocks], grids, [""] * len(grids))


def write_csv(path: str | os.PathLike, puzzles: SudokuSet, source: str | None = None) -> None:
    """Write puzzles so that `read_csv` and the published training scripts can read them.

    `source` fills the column of that name (default: the set's own). Puzzles without a rating are rated
    first. What stood at `path` before stays until the new file is complete.
    """
    rated = puzzles if puzzles.ratings is not None else puzzles.rated()
    source = source if source is not None else puzzles.source or puzzles.name
    write_puzzles(path, source, puzzles.questions(), puzzles.answers(), rated.ratings.tolist())
