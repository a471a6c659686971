"""One test cell of the master, marked: run in the judge's process, on proxies of the student's things.

The names that the cell loads, and neither defines nor imports nor finds here or among the builtins, are the student's.
The whole cell passes or the whole cell fails; partial credit comes from several cells.
"""

from __future__ import annotations

import builtins
import contextlib
import io
import math
import random
import symtable
from dataclasses import dataclass

import numpy as np
import torch

import hrm_lite
from hrm_lite import exercises
from hrm_lite.exercises.base import Unanswered, Wrong, expression

from .link import Gone
from .proxies import Foreign, StudentError, fetch, numbers_only

BEGIN, END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
PROVIDED = {
    "exercises": exercises, "expression": expression, "Wrong": Wrong, "torch": torch, "np": np, "math": math,
    "hrm_lite": hrm_lite,
}  # fmt: skip


@dataclass
class Mark:
    """What a test cell found."""

    passed: bool
    message: str
    """For the student: what is wrong and what to look at, or what there is to learn."""
    answered: bool = True
    """False where the stub is still there."""
    hidden: bool = False
    """True where the check that the student can run was content, and one of the hidden ones was not."""
    score: float | None = None
    """What the cell assigned to the name `score`, for a leaderboard; it gives no points."""
    detail: str = ""
    """For the lecturer: the error of the test itself, where it failed in a way that it did not foresee."""


class _Failed(BaseException):
    """A visible check that is not content. No `Exception`, so that a test cell cannot swallow it."""


def names_asked(source: str) -> set[str]:
    """The names in a test cell that are the student's."""
    top = symtable.symtable(source, "test", "exec")
    own = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}
    found, todo = set(), [top]
    while todo:
        table = todo.pop()
        todo += table.get_children()
        found |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (table is top or s.is_global())}
    return found - own - PROVIDED.keys() - set(dir(builtins))


def mark(source: str, link, name: str = "test") -> Mark:
    """Run a test cell of the master against a pupil. Raises Gone where the pupil had to be ended."""
    heard: list[exercises.Verdict] = []

    def check(number, answer) -> bool:
        verdict = exercises.judge(number, answer)
        heard.append(verdict)
        if not verdict.right:
            raise _Failed
        return True

    wanted, space = names_asked(source), _sight()
    link.ask({"do": "seed", "seed": 0})
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (a test may draw from it)
    torch.manual_seed(0)
    try:
        found = fetch(link, wanted)
        missing = sorted(wanted - found.keys())
        if missing:
            return Mark(False, _missing(missing), answered=False)
        for one, value in found.items():
            numbers_only(value, f"`{one}`")
        space |= found
        with _checks(check), contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, name, "exec"), space)
    except _Failed:
        return Mark(False, heard[-1].message, heard[-1].answered, score=_score(space))
    except Gone:
        raise
    except BaseException as error:
        answered = not isinstance(error, Unanswered | NotImplementedError)
        foreseen = isinstance(error, Wrong | StudentError | Unanswered | NotImplementedError)
        detail = "" if foreseen else f"{type(error).__name__}: {error}"[:500]
        hidden = _in_hidden_part(error, source, name)
        return Mark(False, _said(error), answered, hidden, _score(space), detail)
    return Mark(True, " ".join(verdict.message for verdict in heard) or "Right.", score=_score(space))


def _score(space: dict) -> float | None:
    found = space.get("score")
    return float(found) if type(found) in (int, float) and math.isfinite(found) else None


def _sight() -> dict:
    return {"__builtins__": builtins, "__name__": "test", **PROVIDED}


@contextlib.contextmanager
def _checks(check):
    """`exercises.check`, however a test cell comes by it, stops the cell at the first wrong answer."""
    kept = exercises.check, exercises.base.check
    exercises.check = exercises.base.check = check
    try:
        yield
    finally:
        exercises.check, exercises.base.check = kept


def _missing(names: list[str]) -> str:
    which = " and ".join(f"`{name}`" for name in names)
    return (
        f"There is no {which} in your notebook. Either its cell is missing or not filled in, or it failed before it "
        "came that far: run the notebook from the top (Restart and run all)."
    )


def _said(error: BaseException) -> str:
    """What the student may read of an error. Never the text of an error of the test itself: it may hold the answer."""
    if isinstance(error, Wrong):
        text = " ".join(str(error).split())
        return text[:1].upper() + text[1:]
    if isinstance(error, Unanswered | NotImplementedError):
        return "Nothing to check yet: your function returns nothing, or says that it is not written."
    if isinstance(error, StudentError):
        where = f" in {error.where}" if error.where else ""
        said = f": {error}" if str(error) else ""
        return f"Your code fails with {type(error).__name__}{where}{said}"[:400]
    foreign = " It meets an object of a type that is no plain data (a number, a list, an array, a tensor)."
    return (
        f"The test cannot work with what your code gives back ({type(error).__name__}): it is of another type or shape "
        f"than the task asks for.{foreign if Foreign.__name__ in str(error) else ''}"
    )


def _in_hidden_part(error: BaseException, source: str, name: str) -> bool:
    at, line = error.__traceback__, 0
    while at:
        line = at.tb_lineno if at.tb_frame.f_code.co_filename == name else line
        at = at.tb_next
    before = source.splitlines()[:line]
    return any(BEGIN in text for text in before)
