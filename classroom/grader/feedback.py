"""The page that a student gets: what was found, task by task, beside what they wrote. One file, no scripts, no outputs.

Everything of the student's in it is text: escaped, and a policy in the page forbids scripts and foreign addresses, so
that a page made of a stranger's words can be opened and passed on.

How it goes back is the platform's choice. Moodle takes any file in a folder whose name has the student's number.
Canvas takes a file under the name that it gave to the handed-in one, and shows it to the student under the name of
*that* file: so what answers a notebook is a notebook, with the page as the output of its only cell, and what answers a
zip is a zip.
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path, PurePosixPath

from .grading import FAILED, GRADED, UNREADABLE
from .notebooks import Master
from .written import total
from .zips import zipped

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --text: #1f2937; --quiet: #5b6472; --line: #d9dce1; --sheet: #f5f6f8;
  --good: #00694c; --bad: #a33f00; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181d; --text: #e5e7eb; --quiet: #a3abb8; --line: #3a404b;
  --sheet: #20242b; --good: #4cc9a0; --bad: #ff9d5c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 46rem; padding: 1rem; background: var(--ground); color: var(--text);
  font: 16px/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; } .quiet { color: var(--quiet); } .points { white-space: nowrap; }
.total { font-size: 1.25rem; } ul { padding-left: 1.2rem; }
.found { border-left: 4px solid var(--line); padding: .1rem .75rem; margin: .6rem 0; }
.found.good { border-color: var(--good); } .found.bad { border-color: var(--bad); }
.found b.good { color: var(--good); } .found b.bad { color: var(--bad); }
pre { background: var(--sheet); padding: .75rem; overflow-x: auto; font: 13px/1.45 ui-monospace, monospace;
  overflow-wrap: normal; border-radius: 4px; max-height: 40rem; }
table { border-collapse: collapse; width: 100%; } .wide { overflow-x: auto; overflow-wrap: normal; }
.wide td:last-child { min-width: 12rem; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.points, th.points { text-align: right; } details summary { cursor: pointer; } img { max-width: 100%; height: auto; }
a { color: inherit; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_LONGEST = 20_000  # characters of a student's cell that are shown


def page(title: str, body: str) -> str:
    """A whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def points(value: float) -> str:
    """2 and not 2.0; 1.5 stays."""
    return f"{value:g}"


def feedback(record: dict, master: Master | None) -> str:
    """The page of one submission."""
    title = master.title if master else "Your notebook"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="quiet">{escape(record["student"])} · {escape(record["label"])}</p>',
    ]
    if record["status"] != GRADED:
        head = "Not graded yet" if record["status"] in (FAILED,) else "Not graded"
        said = record["message"].split(" (")[0] if record["status"] == FAILED else record["message"]
        parts.append(f'<div class="found bad"><p><b class="bad">{head}.</b> {escape(said)}</p></div>')
        if record["status"] == UNREADABLE:
            parts.append("<p>Hand it in again once that is mended; it will be graded like any other.</p>")
        return page(f"{title}: {record['student']}", "\n".join(parts + _notes(record["notes"])))
    result = record["result"]
    given, possible, unread = total(record)
    more = " so far: a person still reads what you wrote" if unread else ""
    parts.append(f'<p class="total"><b>{points(given)}</b> of {points(possible)} points{more}</p>')
    if record["late"]:
        parts.append('<p class="quiet">Handed in late, says the learning platform.</p>')
    parts += _notes(record["notes"] + result["notes"])
    if result["cells"]:
        parts.append("<h2>Cells that did not run</h2><p>Counted from the top, code cells only. What they define was "
                     "missing in what follows.</p><ul>")  # fmt: skip
        parts += [f"<li>Code cell {c['number']}: {escape(c['message'])}</li>" for c in result["cells"][:30]] + ["</ul>"]
    for task in master.tasks:
        parts += _task(task, result, record["written"])
    return page(f"{title}: {record['student']}", "\n".join(parts))


def _task(task, result: dict, written: list[dict]) -> list[str]:
    found = [(test, result["tests"][test.grade_id]) for test in task.tests]
    read = [one for one in written if one["question"] in dict(task.written)]
    if not found and not read:
        return []
    given = sum(one["points"] for _, one in found) + sum(one["points"] or 0 for one in read)
    possible = sum(test.points for test, _ in found) + sum(one["of"] for one in read)
    count = f' <span class="points quiet">{points(given)} of {points(possible)}</span>' if possible else ""
    parts = [f"<h2>{escape(task.title)}{count}</h2>"]
    said = set()
    for test, one in found:
        kind = "good" if one["passed"] else "bad"
        head = "Right" if one["passed"] else "Not done" if not one["answered"] else "Not yet"
        also = " What you could check yourself is right; this was tried with other inputs." if one["hidden"] else ""
        message = "" if (one["passed"], one["message"]) in said else f" {escape(one['message'])}"
        said.add((one["passed"], one["message"]))
        parts.append(
            f'<div class="found {kind}"><p><b class="{kind}">{head}</b> <span class="points quiet">'
            f"{points(one['points'])} of {points(test.points)}</span>{message or ' As above.'}{also}</p></div>"
        )
    for one in read:
        if one["points"] is not None or one["comment"]:
            got = "" if one["points"] is None else f"{points(one['points'])} of {points(one['of'])}. "
            parts.append(f'<div class="found"><p><b>Read.</b> {got}{escape(one["comment"])}</p></div>')
        elif one["of"]:
            parts.append(f'<p class="quiet">A person reads this, and gives up to {points(one["of"])} points.</p>')
        parts.append(f"<pre>{escape(_short(one['text']) or '(nothing written)')}</pre>")
    sources = result["sources"].get(task.number, [])
    if sources:
        code = "\n\n".join(_short(source) for source in sources[:20])
        opened = " open" if given < possible else ""
        parts.append(f"<details{opened}><summary>What you wrote</summary><pre>{escape(code)}</pre></details>")
    return parts


def _notes(notes: list[str]) -> list[str]:
    return ["<ul>", *(f"<li>{escape(note)}</li>" for note in notes), "</ul>"] if notes else []


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n… ({len(text):,} characters)"


def write(record: dict, master: Master | None, folder: Path) -> Path:
    """The page, written into the folder of its assignment."""
    path = Path(folder) / (record["assignment"] or "unknown") / f"{record['file']}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(feedback(record, master).encode("utf-8", "replace"))
    return path


def returns(records: list[dict], pages: dict[str, Path], folder: Path) -> tuple[list[Path], list[str]]:
    """For each assignment a zip that Moodle or Canvas takes back. Also whom a page does not reach that way, and why.

    A file of which nobody can say what it belongs to (a PDF) goes with the others where all are of one assignment, but
    not beside what its owner handed in for it: both pages would have one name.
    """
    written, told = [], []
    for system, entry in (("moodle", _for_moodle), ("canvas", _for_canvas)):
        own = [one for one in records if one["system"] == system]
        names = sorted({one["assignment"] for one in own if one["assignment"]})
        alone = len(names) == 1
        lost = [] if alone else [one for one in own if not one["assignment"]]
        for name in names:
            keys, files = {one["key"] for one in own if one["assignment"] == name}, {}
            for one in own:
                with_them = alone and not one["assignment"] and one["key"] not in keys
                if one["assignment"] != name and not with_them:
                    continue
                inside, whole = entry(one, pages[one["file"]].read_bytes())
                if inside:
                    files[inside] = whole
                else:
                    lost.append(one)
            written.append(Path(folder) / f"{system}_feedback_{name}.zip")
            written[-1].write_bytes(zipped(files))
        told += [f"{one['student']}: {system.title()} takes no page back for {PurePosixPath(one['label']).name}; "
                 f"send {pages[one['file']].relative_to(folder).as_posix()} yourself." for one in lost]  # fmt: skip
    return written, told


def _for_moodle(record: dict, whole: bytes) -> tuple[str, bytes]:
    return f"{record['given']}/feedback.html", whole


def _for_canvas(record: dict, whole: bytes) -> tuple[str, bytes]:
    given = record["given"]
    kind = PurePosixPath(given).suffix.lower()
    if kind == ".zip":
        return given, zipped({"feedback.html": whole})
    if kind in (".ipynb", ".json"):
        return given, as_notebook(whole.decode("utf-8"))
    return "", b""  # a page that is called .pdf would open nowhere


def as_notebook(whole: str) -> bytes:
    """A page as the output of a notebook's only cell, which is shown without being run."""
    shown = whole.partition("<body>")[2].partition("</body>")[0].strip()
    source = "# Feedback on what you handed in. Your own notebook is not in here: this file only has its name."
    plain = "Open this file in JupyterLab, VS Code or Colab: the feedback is shown here."
    output = {"output_type": "display_data", "metadata": {}, "data": {"text/html": shown, "text/plain": plain}}
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [output], "source": source}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace")
