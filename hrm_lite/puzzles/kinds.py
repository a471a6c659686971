"""One door to all kinds of puzzles: the kind is named before the source, or plain from the source itself."""

from __future__ import annotations

import inspect
import os
import re
from pathlib import Path

from hrm_lite.puzzles import arc, depth, maze, sudoku
from hrm_lite.puzzles.base import PuzzleSet

__all__ = ["KINDS", "load"]

KINDS = {"sudoku": sudoku.load, "maze": maze.load, "arc": arc.load, "depth": depth.load}


def load(
    source: str | os.PathLike, split: str, limit: int | None = None, seed: int = 0, **more
) -> PuzzleSet:
    """Puzzles of any kind; the name of the set says which.

    source  "KIND:SOURCE", where KIND is sudoku, maze, arc or depth and SOURCE what the `load` of that kind takes, such
            as "sudoku:generated:4x4:4-6", "maze:mazes.csv", "arc:arc-agi-1"; or a source alone where its kind
            is plain: "parity:32", "hub:sapientinc/sudoku-extreme", a file that shows what it holds
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
    if source in ("arc-agi-1", "arc-agi-2"):
        return "arc"
    fits = []
    if scheme == "generated":
        size, _, wish = rest.partition(":")
        if size in ("4x4", "6x6", "9x9") and re.fullmatch(r"easy|medium|minimal|hard|\d+(-\d+)?", wish):
            fits.append("sudoku")
        if re.fullmatch(r"(random|unique|tree)(:.*)?|hard", wish):
            fits.append("maze")
    elif scheme == "hub":
        fits = [kind for kind in ("sudoku", "maze", "arc") if kind in rest.lower()]
    elif Path(source).exists():
        fits = _kinds_of_file(Path(source))
    if len(fits) == 1:
        return fits[0]
    choices = ", ".join(f"\"{kind}:{source}\"" for kind in fits or KINDS)
    raise ValueError(f"Which kind of puzzle {source!r} is, is not plain. Name it: {choices}.")


def _kinds_of_file(path: Path) -> list[str]:
    if path.suffix == ".json":
        return ["arc"]
    return []
