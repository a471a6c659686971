"""The published format: CSV files with the columns source,question,answer,rating.

Questions and answers are 81 (or 36, or 16) characters, '.' or '0' for a blank. Every answer is held against
its question when a file is read; a file is written aside and renamed, so that there is never half of one.
"""

from __future__ import annotations

import csv
import os
import tempfile
from pathlib import Path

import numpy as np

from hrm_lite.puzzles.sudoku_grid import Board, board_of
from hrm_lite.puzzles.sudoku_set import SudokuSet, solved

COLUMNS = ("source", "question", "answer", "rating")


def read_csv(path: str | os.PathLike) -> SudokuSet:
    """Read puzzles of one size, in the order of the file.

    Errors name the line: ValueError for an empty file, missing columns, a line that is cut or malformed,
    boards of different sizes, an answer that does not solve its question; FileNotFoundError. Whether a
    question has other solutions as well is not checked here: `solve` does that.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {path}. Give the path of a CSV file with the columns {','.join(COLUMNS)}.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines, questions, answers, ratings = _rows(path, csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path} is not a CSV text file ({error}). Expected the columns {','.join(COLUMNS)} in "
            "UTF-8.") from None
    board = board_of(len(questions[0])) if len(questions[0]) in (16, 36, 81) else None
    if board is None:
        raise ValueError(
            f"{path}, line {lines[0]}: the question has {len(questions[0])} characters; a Sudoku has 16, "
            "36 or 81.")
    questions = _digits(path, board, lines, questions, "question", blanks=True)
    answers = _digits(path, board, lines, answers, "answer", blanks=False)
    wrong = np.flatnonzero(~solved(board, questions, answers))
    if len(wrong):
        raise ValueError(
            f"{path}, line {lines[wrong[0]]}: the answer does not solve the question (it changes a given "
            f"or breaks a rule); {len(wrong):,} of {len(lines):,} lines have this fault. Correct or remove "
            "them.")
    return SudokuSet.from_digits(board, questions, answers, np.array(ratings, np.int64), source=str(path))


def _rows(path: Path, reader) -> tuple[list[int], list[str], list[str], list[int]]:
    header = [name.strip() for name in next(reader, [])]
    if not header:
        raise ValueError(
            f"{path} is empty. Expected a header with {','.join(COLUMNS)} and one puzzle a line.")
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise ValueError(
            f"{path}: the header lacks {', '.join(missing)}; it has {', '.join(header)[:200]}. Expected "
            f"{','.join(COLUMNS)} (more columns do no harm).")
    question, answer, rating = (header.index(name) for name in COLUMNS[1:])
    lines, questions, answers, ratings = [], [], [], []
    for row in reader:
        if not row:
            continue
        if len(row) != len(header):
            raise ValueError(
                f"{path}, line {reader.line_num}: {len(row)} fields where the header has {len(header)}. "
                "The line is cut or damaged; fetch the file again or remove the line.")
        try:
            ratings.append(int(row[rating]))
        except ValueError:
            raise ValueError(
                f"{path}, line {reader.line_num}: the rating {row[rating]!r} is not a whole number. The "
                "line is cut or damaged; fetch the file again or remove the line.") from None
        lines.append(reader.line_num)
        questions.append(row[question])
        answers.append(row[answer])
    if not lines:
        raise ValueError(f"{path} has a header but no puzzles. Expected one puzzle a line below it.")
    return lines, questions, answers, ratings


def _digits(
    path: Path, board: Board, lines: list[int], texts: list[str], what: str, blanks: bool
) -> np.ndarray:
    """Texts of one length -> (n, cells) digits."""
    for line, text in zip(lines, texts, strict=True):
        if len(text) != board.cells:
            raise ValueError(
                f"{path}, line {line}: the {what} has {len(text)} characters, but the file began with "
                f"{board.name} boards of {board.cells}. Keep one size to a file; if the line is cut, fetch "
                "the file again.")
    joined = "".join(texts).replace(".", "0").encode("ascii", errors="replace")
    digits = np.frombuffer(joined, np.uint8).reshape(len(texts), board.cells) - np.uint8(ord("0"))
    bad = np.argwhere((digits > board.side) | ((digits == 0) & (not blanks)))
    if len(bad):
        row, cell = bad[0]
        allowed = f"the digits 1 to {board.side}" + (" and '.' or '0' for a blank" if blanks else "")
        raise ValueError(
            f"{path}, line {lines[row]}: character {texts[row][cell]!r} at position {cell + 1} of the "
            f"{what} is not allowed in {board.name} Sudoku, which has {allowed}.")
    return digits


def write_csv(path: str | os.PathLike, puzzles: SudokuSet, source: str | None = None) -> None:
    """Write puzzles so that `read_csv` and the published training scripts can read them.

    `source` fills the column of that name (default: the set's own). Puzzles without a rating are rated
    first. What stood at `path` before stays until the new file is complete.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"Cannot write {path}: there is no folder {path.parent}. Create it first.")
    rated = puzzles if puzzles.ratings is not None else puzzles.rated()
    source = source if source is not None else puzzles.source or puzzles.name
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with open(descriptor, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for question, answer, rating in zip(
                    puzzles.questions(), puzzles.answers(), rated.ratings.tolist(), strict=True):
                writer.writerow([source, question, answer, rating])
        os.chmod(aside, 0o644)  # mkstemp makes files that only their owner can read
        os.replace(aside, path)
    except BaseException:
        os.unlink(aside)
        raise


def fetch_from_hub(repository: str, split: str) -> Path:
    """Download train.csv or test.csv of a data set of the Hugging Face Hub; the path of the local copy."""
    if repository.count("/") != 1 or not all(repository.split("/")):
        raise ValueError(f"A data set of the Hub is written \"hub:OWNER/NAME\"; got \"hub:{repository}\".")
    import huggingface_hub  # only who asks for the Hub pays for the import

    try:
        return Path(huggingface_hub.hf_hub_download(repository, f"{split}.csv", repo_type="dataset"))
    except Exception as error:  # its own, requests' and the system's errors: all end in the same advice
        raise OSError(
            f"Could not fetch {split}.csv of \"{repository}\" from the Hugging Face Hub "
            f"({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no details'}). "
            "Check the name and the network. Without a network use \"generated:9x9:hard\", or the path of "
            "a .csv file or of a folder with train.csv and test.csv.") from error


