"""Master notebooks, handed-in notebooks, and which belongs to which.

A handed-in file is a stranger's: it is read with care, and whatever is wrong with it ends in a sentence (`Unreadable`)
or in a note beside the marks. Cells are known by nbgrader's metadata where the file still has it, and by the checks
that they call where it has not (Colab keeps the metadata, some editors do not).
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .judge import BEGIN, END
from .sandbox import ROOT, Limits

SOURCE = ROOT / "classroom" / "source"
MOST_BYTES = 100 << 20  # of a file
MOST_SOURCE = 2 << 20  # of what it has in its cells
STUB = "YOUR ANSWER HERE"  # what nbgrader puts in the place of an answer in words
SOLUTION = r"^[^\n]*BEGIN SOLUTION.*?END SOLUTION[^\n]*$"  # with the flags m and s
_CHECK = re.compile(r"check\(\s*[\"'](C\d+\.\d+\w*)[\"']")
_TASK = re.compile(r"(?m)^#{1,4}\s+(Task\s+(\d+).*)$", re.IGNORECASE)


class Unreadable(Exception):
    """Why a file cannot be graded, and what its owner can do."""


@dataclass(frozen=True)
class Cell:
    source: str
    kind: str = "code"
    grade_id: str | None = None
    graded: bool = False
    solution: bool = False
    points: float = 0.0
    tags: tuple[str, ...] = ()

    @property
    def checks(self) -> list[str]:
        return _CHECK.findall(self.source)


@dataclass(frozen=True)
class Test:
    """A cell of the master that gives points."""

    grade_id: str
    source: str
    points: float

    @property
    def visible(self) -> str:
        """What the student has of it."""
        return re.sub(rf"(?ms)^[ \t]*{re.escape(BEGIN)}.*?^[ \t]*{re.escape(END)}[^\n]*\n?", "", self.source).strip()


@dataclass
class Task:
    """A heading of the master, and what is graded below it."""

    title: str
    number: str = ""
    solutions: list[str] = field(default_factory=list)
    """The grade_ids of its solution cells."""
    tests: list[Test] = field(default_factory=list)
    written: list[tuple[str, float]] = field(default_factory=list)
    """grade_id and points of what a person has to mark."""


@dataclass
class Master:
    name: str
    title: str
    cells: list[Cell]
    tasks: list[Task]
    limits: Limits
    version: str
    """A hash of all that a student gets and of all that gives points."""
    edition: str
    """A hash of what a student gets, solutions and hidden tests left out."""

    @property
    def tests(self) -> list[Test]:
        return [test for task in self.tasks for test in task.tests]

    @property
    def points(self) -> float:
        return sum(test.points for test in self.tests)

    @property
    def checks(self) -> set[str]:
        return {name for cell in self.cells if cell.graded for name in cell.checks}


@dataclass
class Handed:
    """What somebody handed in, read."""

    cells: list[Cell]
    title: str
    assignment: str | None
    version: str | None
    has_ids: bool


def masters(folder: Path = SOURCE) -> dict[str, Master]:
    """All assignments, by name."""
    found = [read_master(path) for path in sorted(Path(folder).glob("*/*.ipynb")) if path.stem == path.parent.name]
    return {master.name: master for master in found}


def read_master(path: Path) -> Master:
    """Raises ValueError for a master that could not be graded."""
    notebook = json.loads(Path(path).read_text(encoding="utf-8"))
    cells, tasks = [as_cell(raw) for raw in notebook["cells"]], []
    for cell in cells:
        heading = _TASK.search(cell.source) if cell.kind == "markdown" and not cell.graded else None
        if heading:
            tasks.append(Task(re.sub(r"\s*\([\d.]+ points?\)\s*$", "", heading[1]).strip(), heading[2]))
        if not (cell.graded or cell.solution):
            continue
        if not tasks:
            raise ValueError(f"{path}: the cell {cell.grade_id!r} stands above the first heading “## Task 1: …”")
        if cell.graded and cell.solution:
            tasks[-1].written.append((cell.grade_id, cell.points))
        elif cell.graded:
            _insist_on_test(path, cell)
            tasks[-1].tests.append(Test(cell.grade_id, cell.source, cell.points))
        else:
            tasks[-1].solutions.append(cell.grade_id)
    own = notebook["metadata"].get("hrm_lite", {}).get("classroom", {})
    told = json.dumps([[c.kind, c.source, c.grade_id, c.points] for c in cells], sort_keys=True)
    version = hashlib.sha256(told.encode()).hexdigest()[:12]
    edition = hashlib.sha256(json.dumps([_shown(cell) for cell in cells]).encode()).hexdigest()[:12]
    ids = [cell.grade_id for cell in cells if cell.grade_id]
    doubled = [one for one, times in Counter(ids).items() if times > 1]
    if doubled:
        raise ValueError(f"{path}: two cells are called {', '.join(doubled)}")
    return Master(path.stem, _title(cells), cells, tasks, Limits(**own.get("limits", {})), version, edition)


def _shown(cell: Cell) -> list:
    """What of a master's cell a student gets, whatever its solution and its hidden tests are."""
    source = Test("", cell.source, 0).visible
    if cell.solution:
        source, parts = re.subn(f"(?ms){SOLUTION}", "", source)
        source = source if parts else ""  # without marks the whole cell is the solution
    return [cell.kind, source, cell.grade_id, cell.points]


def read_handed(path: Path) -> Handed:
    """Raises Unreadable."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        said = f"The file has {size >> 20} MB: clear its outputs (Edit, Clear all outputs) and hand it in again."
        raise Unreadable(said)
    try:
        notebook = json.loads(path.read_bytes().decode("utf-8-sig"))
        raw = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
        cells = [as_cell(one) for one in raw]
        metadata = notebook.get("metadata") or {}
        own = metadata.get("hrm_lite") or {}
        own = own.get("classroom") or {} if isinstance(own, dict) else {}
        assignment, version = (own.get(key) if isinstance(own.get(key), str) else None
                               for key in ("assignment", "version"))  # fmt: skip
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise Unreadable(
            "This is no notebook: the file cannot be read as one. Download it again from where you wrote it (File, "
            "Download, .ipynb; not .py, not the page), open the downloaded file once, and hand that in."
        ) from None
    if sum(len(cell.source) for cell in cells) > MOST_SOURCE or len(cells) > 2000:
        raise Unreadable("What stands in the cells is longer than 2 MB: take out what was pasted in as text.")
    return Handed(cells, _title(cells), assignment, version, any(cell.grade_id for cell in cells))


def belongs_to(handed: Handed, file_name: str, among: dict[str, Master]) -> str | None:
    """The name of the assignment: by the checks that it calls, by its metadata, by its title, by its file's name."""
    called = {name for cell in handed.cells if cell.kind == "code" for name in cell.checks}
    scores = sorted(((len(called & master.checks), name) for name, master in among.items()), reverse=True)
    if scores and scores[0][0] and (len(scores) == 1 or scores[0][0] > scores[1][0]):
        return scores[0][1]
    if handed.assignment in among:
        return handed.assignment
    for name, master in among.items():
        if handed.title and plain(handed.title) == plain(master.title):
            return name
    headings = _headings(handed.cells)
    for name, master in among.items():
        if plain(name) in plain(file_name) and headings & _headings(master.cells):  # a name alone says too little
            return name
    return None


def _headings(cells: list[Cell]) -> set[str]:
    return {plain(found[1]) for cell in cells if cell.kind != "code" for found in _TASK.finditer(cell.source)}


def plain(text: str) -> str:
    """Letters and digits only, without accents and case."""
    text = unicodedata.normalize("NFKD", text).casefold()
    return re.sub(r"[^a-z0-9]", "", text)


@dataclass
class Plan:
    """In which order a handed-in notebook is run and asked."""

    steps: list[tuple[str, int | Test]]
    """("run", index of a cell) or ("test", a test)."""
    notes: list[str]
    sources: dict[str, list[str]]
    """By task number: the student's own cells."""
    written: dict[str, str]
    """By grade_id: what the student wrote for a person to mark."""


def plan(master: Master, handed: Handed) -> Plan:
    """Each test where its cell stands in the student's notebook; at the end where that is gone, or stands too early."""
    tests, notes = {test.grade_id: test for test in master.tests}, []
    role = _roles(handed.cells, tests)
    places: dict[str, list[int]] = {}
    for i, name in role.items():
        if name:
            places.setdefault(name, []).append(i)
    gone, early, changed = [], [], []
    stands: dict[int, list[Test]] = {}
    for task in master.tasks:
        own = [i for i, cell in enumerate(handed.cells) if cell.grade_id in task.solutions]
        for test in task.tests:
            at = places.get(test.grade_id, [])
            if not at:
                gone.append(test.grade_id)
            elif own and max(at) < max(own):
                early.append(test.grade_id)
            else:
                stands.setdefault(max(at), []).append(test)
            if at and all(_squeezed(handed.cells[i].source) != _squeezed(test.visible) for i in at):
                changed.append(test.grade_id)
    last = [tests[name] for name in gone + early]
    double = [name for name, at in places.items() if len(at) > 1]
    if not handed.has_ids:
        notes.append("The file has lost the marks of its cells (nbgrader's metadata), so they were found by what they "
                     "check. Work on the file that was handed out.")  # fmt: skip
    if handed.version and handed.version != master.edition:
        notes.append("This is another version of the assignment than the present one. It was graded by the present "
                     "tests; if a task reads differently there, get the file again.")  # fmt: skip
    for names, said in (
        (gone, "missing, and were run all the same, at the end"),
        (early, "above your solution, and were run at the end"),
        (double, "there more than once; the last one counts for its place"),
        (changed, "not as they were handed out; the originals were run"),
    ):
        if names:
            notes.append(f"Some cells with checks are {said}: {', '.join(names)}.")
    steps: list[tuple[str, int | Test]] = []
    for i, cell in enumerate(handed.cells):
        if (
            cell.kind == "code"
            and not (role[i] and cell.checks)
            and "bootstrap" not in cell.tags
            and cell.source.strip()
        ):
            steps.append(("run", i))
        steps += [("test", test) for test in stands.get(i, [])]
    steps += [("test", test) for test in last]
    return Plan(steps, notes, _sources(master, handed, role), _written(master, handed))


def _written(master: Master, handed: Handed) -> dict[str, str]:
    """Answers in words: the cell that is marked for it, and what was written into others below the same heading."""
    own = {_squeezed(cell.source) for cell in master.cells} | {_squeezed(STUB), ""}
    found: dict[str, str] = {}
    for task in master.tasks:
        for number, (name, _) in enumerate(task.written):
            parts = [cell.source for cell in handed.cells if cell.grade_id == name][-1:]
            if number == 0:
                below = _below(handed.cells, task.title, [one.title for one in master.tasks])
                parts += [cell.source for cell in below if cell.kind == "markdown" and cell.grade_id is None]
            found[name] = "\n\n".join(part for part in parts if _squeezed(part) not in own)
    return found


def _below(cells: list[Cell], title: str, titles: list[str]) -> list[Cell]:
    """The cells between a heading of the master and the next one of its headings."""
    kept: list[Cell] = []
    inside = False
    for cell in cells:
        heading = _TASK.search(cell.source) if cell.kind == "markdown" else None
        about = [one for one in titles if heading and plain(heading[1]).startswith(plain(one))]
        if about:
            inside = title in about
        elif inside:
            kept.append(cell)
    return kept


def _roles(cells: list[Cell], tests: dict[str, Test]) -> dict[int, str | None]:
    """By the index of a code cell: the test that it is a copy of."""
    roles = {i: cell.grade_id for i, cell in enumerate(cells) if cell.kind == "code"}
    roles = {i: name if name in tests else None for i, name in roles.items()}
    for i in [i for i, role in roles.items() if not role and cells[i].checks and not cells[i].solution]:
        same = [t.grade_id for t in tests.values() if _squeezed(t.visible) == _squeezed(cells[i].source)]
        near = [t.grade_id for t in tests.values() if set(_CHECK.findall(t.source)) & set(cells[i].checks)]
        free = [name for name in same or near if name not in roles.values()]  # several may read alike to the student
        roles[i] = (free or same or near or [None])[0]
    return roles


def _sources(master: Master, handed: Handed, role: dict) -> dict[str, list[str]]:
    owner = {one: task.number for task in master.tasks for one in task.solutions}
    found, number = {task.number: [] for task in master.tasks}, None
    for i, cell in enumerate(handed.cells):
        if cell.kind == "markdown":
            heading = _TASK.search(cell.source)
            number = heading[2] if heading else None if re.match(r"#{1,2} ", cell.source) else number
        elif cell.kind == "code" and not role[i] and "bootstrap" not in cell.tags:
            at = owner.get(cell.grade_id, number)
            if at in found and cell.source.strip():
                found[at].append(cell.source)
    return found


def as_cell(raw: dict) -> Cell:
    source = raw.get("source", raw.get("input", ""))
    source = "".join(source) if isinstance(source, list) else source
    if not isinstance(source, str) or not isinstance(raw.get("cell_type"), str):
        raise ValueError("no cell")
    metadata = raw.get("metadata") if isinstance(raw.get("metadata"), dict) else {}
    marks = metadata.get("nbgrader") if isinstance(metadata.get("nbgrader"), dict) else {}
    points, name, tags = marks.get("points", 0), marks.get("grade_id"), metadata.get("tags")
    return Cell(
        source,
        raw["cell_type"],
        name if isinstance(name, str) and len(name) < 100 else None,
        bool(marks.get("grade")),
        bool(marks.get("solution")),
        float(points) if isinstance(points, (int, float)) else 0.0,
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
    )


def _title(cells: list[Cell]) -> str:
    for cell in cells:
        found = re.search(r"(?m)^# (.+)$", cell.source) if cell.kind == "markdown" else None
        if found:
            return found[1].strip()[:200]
    return ""


def _squeezed(source: str) -> str:
    return re.sub(r"\s+", "", source)


def _insist_on_test(path: Path, cell: Cell) -> None:
    if cell.source.count(BEGIN) != cell.source.count(END):
        raise ValueError(f"{path}: {cell.grade_id} does not have as many “{BEGIN}” as “{END}”")
    try:
        ast.parse(cell.source)
    except SyntaxError as error:
        raise ValueError(f"{path}: {cell.grade_id} is not Python: {error}") from error
