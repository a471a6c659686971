"""A piece of evidence: a number in run records, a cell of a chapter, or a place in paper, code or other work.

A number has a condition, under which the verdict stands; where it does not hold any more, the verdict must be thought
over. Records are read wherever the package has them. Cells are read where the chapter was executed, which is in a
checkout after `make book`; elsewhere the number that is written down in the ledger is shown, and said to be that.
"""

from __future__ import annotations

import operator
import re
import statistics
from dataclasses import dataclass, field
from pathlib import Path

from ...records import catalogue, look_up, read_json, written

__all__ = ["KINDS", "Evidence", "Reading", "holds"]

KINDS = ("record", "cell", "source")
OVER = {"median": statistics.median, "min": min, "max": max, "mean": statistics.fmean}
_SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
_CONDITION = re.compile(r"(<|<=|>|>=|=) (-?[\d.]+)|between (-?[\d.]+) (-?[\d.]+)")


def holds(value: float, condition: str) -> bool:
    """Whether a number meets a condition such as ``< 0.5`` or ``between 2.5 3.5``. Raises ValueError for others."""
    found = _CONDITION.fullmatch(condition)
    if not found:
        raise ValueError(f"{condition!r} is no condition: write < 0.5, <= 0.5, > 0.5, >= 0.5, = 2 or between 0.9 1.1.")
    sign, limit, low, high = found.groups()
    if sign is None:
        return float(low) <= value <= float(high)
    limit = float(limit)
    return _SIGNS[sign](value, limit)


@dataclass(frozen=True)
class Reading:
    """What a piece of evidence says now."""

    text: str
    """The number as the book writes it; empty for a source"""
    count: int = 0
    """How many records it was taken from"""
    stands: bool | None = None
    """Whether it lies on the verdict's side; None where nothing could be read, or there is nothing to read"""
    fault: str = ""
    """What is wrong, in a sentence, where something is"""
    stated: bool = False
    """The chapter was not executed here, and the text is what the ledger states"""


def _missing(fault: str) -> Reading:
    return Reading("–", fault=fault, stands=False)


@dataclass(frozen=True)
class Evidence:
    """One piece; ledger.toml says what each field means."""

    kind: str
    what: str
    name: str = ""
    form: str = ""
    stands: str = ""
    # record
    files: str | list[str] = ""
    value: str = ""
    per: str = ""
    minus: str = ""
    first: list[str] = field(default_factory=list)
    over: str = "median"
    against: str = ""
    again: str = ""
    # cell
    chapter: str = ""
    cell: str = ""
    finding: str = ""
    stated: str = ""
    # source
    where: str = ""
    url: str = ""

    def read(self) -> Reading:
        """The number as it is now, and whether the verdict stands on it."""
        if self.kind == "source":
            return Reading("")
        return self._of_records() if self.kind == "record" else self._of_a_cell()

    def faults(self) -> list[str]:
        """What is missing from the entry itself, a sentence each."""
        needed = {
            "record": ("files", "form", "stands", "again"),
            "cell": ("chapter", "cell"),
            "source": ("where", "url"),
        }
        if self.kind not in KINDS:
            return [f"{self.kind!r} is no kind of evidence: {', '.join(KINDS)}"]
        lacking = [key for key in ("what", *needed[self.kind]) if not getattr(self, key)]
        if self.kind == "record" and bool(self.value) == bool(self.first):
            lacking.append("value, or first, and not both")
        if self.kind == "cell" and self.finding:
            lacking += [key for key in ("form", "stands", "stated") if not getattr(self, key)]
        return [f"evidence {self.what[:40]!r} lacks {key}" for key in lacking]

    # -- records --

    def _of_records(self) -> Reading:
        patterns = [self.files] if isinstance(self.files, str) else self.files
        records = {}
        for pattern in patterns:
            if not (found := catalogue(pattern)):
                return _missing(f"no record matches results/{pattern}")
            records |= found
        try:
            values = [self._one(record) for record in records.values()]
            if self.against:
                others = list(catalogue(self.against).values())
                if len(others) != len(values):
                    return _missing(f"{len(values)} records, and {len(others)} of {self.against}")
                # Seed by seed; a pair in which one never got there says nothing about the quotient.
                pairs = [(a, self._one(b)) for a, b in zip(values, others, strict=True)]
                values = [a / b for a, b in pairs if a is not None and b]
            elif None in values:
                return _missing(f"in one of {len(values)} records {self.first[2]} is never met")
            if not values:
                return _missing("no pair of records has the number")
            value = OVER[self.over](values)
        except (KeyError, IndexError, TypeError) as error:
            return _missing(f"the value cannot be looked up ({type(error).__name__}: {error})")
        return self._judged(value, len(values))

    def _one(self, record: dict) -> float | None:
        if self.first:
            at, of, condition = self.first
            return next((x for x, y in zip(look_up(record, at), look_up(record, of), strict=True)
                         if holds(y, condition)), None)  # fmt: skip
        value = look_up(record, self.value)
        if self.per:
            value = value / look_up(record, self.per)
        return value - look_up(record, self.minus) if self.minus else value

    # -- cells --

    def _of_a_cell(self) -> Reading:
        if not self.finding:
            return Reading("")
        path = executed(self.chapter)
        if path is None:
            return Reading(self.stated, stated=True)
        from ...findings import found  # late: it brings torch

        try:
            value = look_up(found(read_json(path)), self.finding)
        except (KeyError, IndexError, TypeError) as error:
            return _missing(f"{self.chapter} has no finding {self.finding} ({type(error).__name__}: {error})")
        return self._judged(value, 1)

    def _judged(self, value: float, count: int) -> Reading:
        text, good = written(value, self.form), holds(value, self.stands)
        return Reading(text, count, good, "" if good else f"{text} does not meet “{self.stands}”")


def executed(chapter: str) -> Path | None:
    """The executed notebook of a chapter, where there is one: in a checkout, after `make book`."""
    path = Path(__file__).resolve().parents[3] / "_build" / "executed" / "book" / f"{chapter}.ipynb"
    return path if path.is_file() else None
