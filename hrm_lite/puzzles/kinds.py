"""One door to all kinds of puzzles: the kind is named before the source, or plain from the source itself."""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path

from hrm_lite.puzzles import arc, depth, maze, own, published, sudoku
from hrm_lite.puzzles.base import PuzzleSet
from hrm_lite.puzzles.files import is_data, is_table, read_portions
from hrm_lite.puzzles.sudoku.files import SUFFIXES

__all__ = ["KINDS", "load"]

KINDS = {"sudoku": sudoku.load, "maze": maze.load, "arc": arc.load, "depth": depth.load, "own": own.load}
_BLANKS = ".0*_-xX"  # in a table of Sudokus


def load(
    source: str | os.PathLike, split: str, limit: int | None = None, seed: int = 0, **more
) -> PuzzleSet:
    """Puzzles of any kind; the name of the set says which.

    source  "KIND:SOURCE", where KIND is sudoku, maze, arc, depth or own and SOURCE what the `load` of that kind takes,
            such as "sudoku:generated:4x4:4-6", "maze:mazes.csv", "arc:arc-agi-1", "own:columns.csv"; or a source alone
            where its kind is plain: "parity:32", "hub:sapientinc/sudoku-extreme", a file that shows what it holds. A
            table that is neither Sudoku nor mazes is one's own
    split, limit, seed   as there; more: what else that `load` takes, such as min_rating

    ValueError where the kind is not plain, naming those that it could be, and for a setting that the kind does not
    know; else as the `load` of the kind.
    """
    source = os.fspath(source)
    kind, _, rest = source.partition(":")
    if kind not in KINDS:
        kind, rest = _kind_of(source), source
    function = KINDS[kind]
    known = set(inspect.signature(function).parameters)
    if strange := sorted(set(more) - known):
        raise ValueError(
            f"{kind} does not know the setting {strange[0]!r}; it takes {', '.join(sorted(known - {'source'}))}.")
    return function(rest, split, limit=limit, seed=seed, **more)


def _kind_of(source: str) -> str:
    """The kind of puzzles that a source holds."""
    scheme, _, rest = source.partition(":")
    if scheme in ("parity", "pointers", "reach"):
        return "depth"
    if scheme in ("arc-agi-1", "arc-agi-2"):  # perhaps with the canvas, as in arc-agi-1:10x10
        return "arc"
    fits = []
    if scheme == "generated":
        size, _, wish = rest.partition(":")
        if size in ("4x4", "6x6", "9x9") and re.fullmatch(r"easy|medium|minimal|hard|\d+(-\d+)?", wish):
            fits.append("sudoku")
        if re.fullmatch(r"(random|unique|tree)(:.*)?|hard", wish):
            fits.append("maze")
    elif scheme == "hub":
        fits = [kind for kind in ("sudoku", "maze") if kind in rest.lower()] or ["sudoku", "maze", "own"]
    else:
        path = Path(source).expanduser()
        if not path.exists():
            raise ValueError(
                f"No puzzles at {source!r}: there is no such file or folder, and it begins with no kind of puzzle "
                f"({', '.join(f'{kind}:' for kind in KINDS)}).")
        fits = _kinds_of_folder(path) if path.is_dir() else _kinds_of_file(path)
    if len(fits) == 1:
        return fits[0]
    choices = ", ".join(f"\"{kind}:{source}\"" for kind in fits or KINDS)
    raise ValueError(f"Which kind of puzzle {source!r} is, is not plain. Name it: {choices}.")


def _kinds_of_folder(path: Path) -> list[str]:
    if published.is_one(path):
        half = next(half for half in ("train", "test") if (path / half).is_dir())
        arrays = published.read(path, half)
        return [{(81, 11): "sudoku", (36, 8): "sudoku", (16, 6): "sudoku"}.get((arrays.cells, arrays.vocab_size)) or (
            "maze" if arrays.vocab_size == 6 else "own")]
    for half in ("train", "test"):
        if (path / f"{half}.csv").is_file():
            return _kinds_of_file(path / f"{half}.csv")
    return ["arc"] if any(is_data(file, path) for file in path.rglob("*.json")) else []


def _kinds_of_file(path: Path) -> list[str]:
    """What the first puzzle of a file looks like."""
    if path.suffix.lower() == ".json":
        return ["arc"]
    if path.suffix.lower() in (".csv", ".tsv") or is_table(path):
        portion = next(read_portions(path))
        question, answer = portion.questions[0], portion.answers[0]
        if len(question) == len(answer or question):
            if not set(question) - set("# SG") and question.count("S") == question.count("G") == 1:
                return ["maze"]
            cells = question.strip()
            if len(cells) in (16, 36, 81) and not set(cells) - set("123456789" + _BLANKS):
                # Digits on such a board are Sudoku if the answer solves it by the rules.
                return ["sudoku"] if not answer or _solves(cells, answer) else ["sudoku", "own"]
        return ["own"]
    try:
        text = path.read_text(encoding="utf-8-sig")[:100_000]
    except UnicodeDecodeError:
        return []
    if "S" in text and "G" in text and not set(text) - set("# SG\r\n"):
        return ["maze"]
    return ["sudoku"] if path.suffix.lower() in SUFFIXES else []


def _solves(question: str, answer: str) -> bool:
    try:
        return sudoku.is_solution(question.translate(str.maketrans(_BLANKS, "." * len(_BLANKS))), answer)
    except ValueError:
        return False
