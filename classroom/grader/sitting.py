"""One submission: its cells run in order, each test where it stands, and what every test found.

A cell that ends its pupil (a loop without end, os._exit, more memory than allowed) costs itself: another pupil runs the
cells before it again, leaves it out, and goes on. A test that ends the pupil costs that test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from .judge import Mark, mark
from .link import Gone
from .notebooks import Handed, Master, plan

RESTARTS = 3
_NOTES = {
    "installs": "installs something; there is no network at the grader, and what the course names is installed",
    "shell": "runs a command of the shell; that is not done at the grader",
}


@dataclass
class Result:
    """All that was found, as plain data."""

    points: float = 0.0
    possible: float = 0.0
    tests: dict[str, dict] = field(default_factory=dict)
    """By grade_id: points, possible, passed, message, answered, hidden."""
    cells: list[dict] = field(default_factory=list)
    """Of the student's cells, those that failed: number, message."""
    notes: list[str] = field(default_factory=list)
    sources: dict[str, list[str]] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)


class Sitting:
    def __init__(self, master: Master, handed: Handed, pupil: Callable[[], object]):
        self.master, self.handed, self.start = master, handed, pupil
        self.plan = plan(master, handed)
        self.lost: dict[int, str] = {}  # cells that end the pupil, and those that are not run any more
        self.done: list[int] = []
        self.pupil, self.failed, self.spent, self.restarts = None, {}, 0.0, 0
        self.noted: list[str] = []

    def result(self) -> Result:
        found = Result(possible=self.master.points, sources=self.plan.sources, written=self.plan.written)
        try:
            for what, which in self.plan.steps:
                if what == "run":
                    self._run(which)
                else:
                    marked = self._test(which)
                    points = which.points if marked.passed else 0.0
                    found.tests[which.grade_id] = asdict(marked) | {"points": points, "possible": which.points}
        finally:
            self._close()
        found.points = sum(one["points"] for one in found.tests.values())
        found.cells = [
            {"number": self._number(i), "message": said} for i, said in sorted((self.failed | self.lost).items())
        ]
        found.notes = self.plan.notes + self.noted
        return found

    def _number(self, index: int) -> int:
        """Which of the code cells it is, counted from 1: as a person counts them."""
        return sum(cell.kind == "code" for cell in self.handed.cells[: index + 1])

    def _left(self) -> float:
        return self.master.limits.whole_seconds - self.spent - (self.pupil.spent if self.pupil else 0.0)

    def _close(self) -> None:
        if self.pupil:
            self.spent += self.pupil.spent
            self.pupil.close()
            self.pupil = None

    def _run(self, index: int) -> None:
        try:
            self._ready()
            self._cell(index)
        except Gone as gone:
            self._close()
            self._lose(index, gone)

    def _cell(self, index: int) -> None:
        if index in self.lost:
            return
        if self._left() <= 0:
            self.lost[index] = "This cell was not run: the notebook had used up the time for all of it."
            return
        number = self._number(index)
        seconds = min(self.master.limits.cell_seconds, self._left())
        message = {"do": "cell", "source": self.handed.cells[index].source, "name": f"cell {number}"}
        reply, _ = self.pupil.ask(message, (), seconds)
        self.failed.pop(index, None)
        if "error" in reply:
            self.failed[index] = _told(reply["error"])
        for kind in reply.get("notes", []) if isinstance(reply.get("notes"), list) else []:
            said = f"Cell {number} {_NOTES[kind]}." if isinstance(kind, str) and kind in _NOTES else None
            if said and said not in self.noted:
                self.noted.append(said)
        if index not in self.done:
            self.done.append(index)

    def _ready(self) -> None:
        """A pupil that has run every cell so far, but for those that ended one."""
        while self.pupil is None:
            self.pupil = self.start()
            for index in list(self.done):
                try:
                    self._cell(index)
                except Gone as gone:  # it came through the first time, and not now
                    self._close()
                    self._lose(index, gone)
                    break

    def _lose(self, index: int, gone: Gone) -> None:
        self.lost[index] = f"This cell brought the notebook down, and was left out. {gone.told}"
        self.restarts += 1
        if self.restarts > RESTARTS:
            said = f"This cell was not run: cells before it brought the notebook down more than {RESTARTS} times."
            for what, other in self.plan.steps:
                if what == "run" and other not in self.done:
                    self.lost.setdefault(other, said)
        self.done = [one for one in self.done if one != index]

    def _test(self, test) -> Mark:
        if self._left() <= 0:
            most = self.master.limits.whole_seconds
            return Mark(False, f"Not tested: the {most:g} seconds for the whole notebook were used up.")
        try:
            self._ready()
            seconds = min(self.master.limits.cell_seconds, self._left())
            return mark(test.source, _Timed(self.pupil, seconds), test.grade_id)
        except Gone as gone:
            self._close()
            return Mark(False, f"Your code was called, and did not come back. {gone.told}")


class _Timed:
    """A pupil for one test: all its questions together have the time of one cell."""

    def __init__(self, pupil, seconds: float):
        self.pupil, self.seconds, self.before = pupil, seconds, pupil.spent

    def ask(self, message, blobs=()):
        return self.pupil.ask(message, blobs, max(0.5, self.seconds - (self.pupil.spent - self.before)))


def _told(error) -> str:
    """The student's error, as text."""
    if not isinstance(error, dict):
        return "It failed."
    kind, text, line = error.get("type"), error.get("text"), error.get("line")
    where = f" in line {line}" if type(line) is int and 0 < line < 1_000_000 else ""
    said = f"It failed with {str(kind)[:40]}{where}: {str(text)[:300]}"
    return said if text else f"{said.removesuffix(': ')}."  # an unfilled cell says nothing more
