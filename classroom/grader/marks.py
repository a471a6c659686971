"""Tables of marks: one that spreadsheets open, one for Moodle's and one for Canvas's import.

A name is a stranger's text, and a spreadsheet runs text that begins with = as a formula: such text gets a ' in front.
marks.csv begins with a byte-order mark, without which Excel garbles umlauts; the others do not, as the platforms would
take it for a part of the first heading.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from .grading import GRADED
from .notebooks import Master
from .written import harmless, remarks, total


def write(records: list[dict], among: dict[str, Master], folder: Path) -> list[Path]:
    """marks.csv, and for each assignment what Moodle and Canvas import, where they named the files. Returns paths.

    Moodle refuses a table without the last column, in which a date may be left out; and it reads these headings, and
    the word Participant, in the language of the person who imports them.
    Canvas imports no marks of anonymous students: the numbers in the names of their files are not those of its table.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = [_write(folder / "marks.csv", _all(records, among), "utf-8-sig")]
    for name, master in among.items():
        own = [record for record in records if record["assignment"] == name and record["status"] == GRADED]
        possible = master.points + sum(most for task in master.tasks for _, most in task.written)
        moodle = [["Identifier", "Full name", "Grade", "Maximum grade", "Last modified (grade)"]] + [
            [f"Participant {one['number']}", harmless(one["student"]), total(one)[0], possible, ""]
            for one in own if one["system"] == "moodle"]  # fmt: skip
        canvas = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", name]] + [
            ["Points Possible", "", "", "", "", possible]] + [
            [harmless(one["student"]), one["number"], "", "", "", total(one)[0]]
            for one in own if one["system"] == "canvas" and one["number"].isdecimal()]  # fmt: skip
        for rows, system, head in ((moodle, "moodle", 1), (canvas, "canvas", 2)):
            if len(rows) > head:
                written.append(_write(folder / f"{system}_{name}.csv", rows, "utf-8"))
    return written


def _all(records: list[dict], among: dict[str, Master]) -> list[list]:
    """A row a submission: who, what, points, what a person has to look at, and the points of each test."""
    tests = {name: [test.grade_id for test in master.tests] for name, master in among.items()}
    most = max((len(ids) for ids in tests.values()), default=0)
    head = ["Student", "ID", "Assignment", "File", "Late", "Status", "Points", "Of", "To read", "Remarks"]
    rows = [head + [f"Test {i + 1}" for i in range(most)]]
    for one in records:
        result = one.get("result") if one["status"] == GRADED else None
        points, possible, unread = total(one) if result else ("", "", "")
        ids = tests[one["assignment"]] if result else []
        each = [f"{name.removeprefix('test-')}: {result['tests'][name]['points']:g}" for name in ids]
        rows.append([harmless(one["student"]), harmless(one["number"]), one["assignment"] or "", harmless(one["label"]),
                     "late" if one["late"] else "", one["status"], points, possible, unread or "",
                     harmless(remarks(one))[:500], *each])  # fmt: skip
    return rows


def _write(path: Path, rows: list[list], encoding: str) -> Path:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding, "replace"))
    return path
