"""What a person marks: written answers, gathered in one table, whose points and comments come back into the pages.

written.csv has a row for each written answer. Fill in Points and Comment in any spreadsheet, save it as CSV, and call
`grade` again: nothing is run again, and the points stand in the pages and in the tables of marks. What was filled in is
never thrown away, not even where its student is not among the files of a later call.
"""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from .grading import GRADED
from .notebooks import Master

HEAD = ["File", "Student", "Assignment", "Question", "Of", "Points", "Comment", "Answer"]


def harmless(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return _quoted(" ".join(str(text).split()))


def _quoted(text: str) -> str:
    return f"'{text}" if text.lstrip()[:1] in tuple("=+-@|%") else text


def merge(records: list[dict], among: dict[str, Master], path: Path) -> list[str]:
    """Give each record its ``written`` (question, title, of, points or None, comment, text), and write the table.

    Returns what in the table could not be read, in sentences.
    """
    rows, told = _read(path)
    for record in records:
        record["written"] = []
        if record["status"] != GRADED:
            continue
        for task in among[record["assignment"]].tasks:
            for question, most in task.written:
                row = rows.setdefault((record["file"], question), dict.fromkeys(HEAD, ""))
                text = record["result"]["written"].get(question, "").strip()
                row |= {"File": record["file"], "Student": harmless(record["student"]), "Question": question,
                        "Assignment": record["assignment"], "Of": f"{most:g}", "Answer": _in_a_cell(text)}  # fmt: skip
                given = _points(row, most, told)
                record["written"].append({"question": question, "title": task.title, "of": most, "points": given,
                                          "comment": row["Comment"].strip(), "text": text})  # fmt: skip
    if rows:
        _write(path, rows)
    return told


def remarks(record: dict) -> str:
    """What the lecturer should know of a file: how it came, and what was found, or why it could not be graded."""
    found = record["result"]["notes"] if record["status"] == GRADED else [record["message"]]
    return " ".join([*record["notes"], *found])


def total(record: dict) -> tuple[float, float, int]:
    """Points, of how many, and how many written answers nobody has marked yet."""
    written = [one for one in record["written"] if one["of"]]
    points = record["result"]["points"] + sum(one["points"] or 0.0 for one in written)
    possible = record["result"]["possible"] + sum(one["of"] for one in written)
    return points, possible, sum(one["points"] is None for one in written)


def _read(path: Path) -> tuple[dict, list[str]]:
    if not path.exists():
        return {}, []
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:  # as Excel saves "CSV" without "UTF-8"
        text = raw.decode("cp1252", "replace")
    first = text.partition("\n")[0]
    comma = max(",;\t", key=first.count)  # a German Excel separates by semicolons
    found = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=comma))
    if found and not {"File", "Question", "Points", "Comment"} <= found[0].keys():
        raise ValueError(f"{path} has lost its headings {', '.join(HEAD)}. Put it right, or move it away.")
    rows = {}
    for row in found:
        rows[row["File"] or "", row["Question"] or ""] = {name: row.get(name) or "" for name in HEAD}
    return rows, []


def _points(row: dict, most: float, told: list[str]) -> float | None:
    said = row["Points"].strip().replace(",", ".")
    if not said:
        return None
    try:
        points = float(said)
        if 0 <= points <= most:
            return points
    except ValueError:
        pass
    told.append(f"written.csv: {row['Student']}, {row['Question']}: “{row['Points']}” is no number from 0 to {most:g}.")
    return None


def _in_a_cell(text: str) -> str:
    """Lines stay; what begins like a formula does not run; a spreadsheet's cell ends at 32,767 characters."""
    return _quoted(text.replace("\r", "")[:30_000])


def _write(path: Path, rows: dict) -> None:
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, HEAD)
    table.writeheader()
    table.writerows(sorted(rows.values(), key=lambda row: (row["Assignment"], row["Question"], row["File"])))
    half = path.with_suffix(".part")
    half.write_bytes(out.getvalue().encode("utf-8-sig", "replace"))
    os.replace(half, path)
