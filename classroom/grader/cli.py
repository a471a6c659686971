"""The commands: hand out, grade, and try an assignment that is being written."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "classroom" / "source"
BUILT = ROOT / "_build" / "classroom"
_UNSAFE = "Run notebooks without a sandbox. Their code can then read and change whatever you can."


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main():
    """Hand out assignments, and grade what comes back.

    \b
    Examples:
      python -m classroom.grader assignments
      python -m classroom.grader grade ~/Downloads/submissions.zip
      python -m classroom.grader try 1_fixed_points
    """


@main.command(short_help="Derive what students get.")
@click.argument("names", nargs=-1)
@click.option("--to", type=click.Path(path_type=Path), default=BUILT / "release", help="Where to write them.")
@click.option("--source", type=click.Path(exists=True, path_type=Path), default=SOURCE, hidden=True)
def assignments(names, to, source):
    """Derive what students get: notebooks without solutions and hidden tests, and a zip of each."""
    from .release import Worked, release

    try:
        for path in release(source, to, names):
            click.echo(_shown(path))
    except (Worked, ValueError) as error:
        raise click.ClickException(str(error)) from None


@main.command(short_help="Grade what was handed in.")
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option("--assignment", "-a", multiple=True, metavar="NAME", help="Only this one; may be given again.")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    help="Where to write the results.  [default: a folder of the submissions' name in _build/classroom/graded]",
)
@click.option("--jobs", "-j", type=click.IntRange(1, 64), default=2, show_default=True, help="How many at a time.")
@click.option("--again", is_flag=True, help="Also what has been graded already.")
@click.option("--unsafe-without-sandbox", "unsafe", is_flag=True, help=_UNSAFE)
@click.option("--source", type=click.Path(exists=True, path_type=Path), default=SOURCE, hidden=True)
def grade(submissions, assignment, to, jobs, again, unsafe, source):
    """Grade a folder or a zip of handed-in notebooks, as Moodle, Canvas or people name them.

    Writes a page of feedback for each, tables of marks, and index.html, the class at a glance. What has been graded
    already is not run again; after an interruption the same call goes on. Written answers stand in written.csv: fill in
    points and comments there, and call it again.
    """
    from . import feedback, marks, summary, written
    from .collect import collect
    from .grading import GRADED
    from .grading import grade as run
    from .notebooks import masters
    from .sandbox import problem

    if os.name == "nt":
        raise click.ClickException("Windows cannot watch and stop notebooks as grading needs it: run this in WSL 2.")
    if not unsafe and problem():
        raise click.ClickException(problem())
    submissions = submissions.expanduser()  # not every shell does it after SUBMISSIONS=
    among = masters(source)
    unknown = set(assignment) - among.keys()
    if unknown:
        raise click.ClickException(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(among)}")
    to = to or BUILT / "graded" / submissions.stem  # one for each, so that no class writes over another
    to.mkdir(parents=True, exist_ok=True)
    unpacked = to / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir()
    try:
        found, told = collect(submissions, unpacked, among)
    except (FileNotFoundError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    for line in told:
        click.echo(line)
    if not found:
        raise click.ClickException(f"{submissions} holds no notebooks")
    start, number = time.monotonic(), 0

    def done(record):
        nonlocal number
        number += 1
        result = record.get("result")
        said = (
            f"{result['points']:g} of {result['possible']:g}" if result else f"{record['status']}: {record['message']}"
        )
        click.echo(f"{number:4}  {record['student'][:30]:30}  {record['assignment'] or '?':22}  {said[:90]}")

    try:
        records = run(found, among, to, safe=not unsafe, jobs=jobs, again=again, only=assignment, done=done)
    except KeyboardInterrupt:
        said = f"Interrupted. {number} of {len(found)} files are done and kept; the same command goes on."
        click.echo(said, err=True)
        sys.exit(130)
    if assignment:
        among = {name: master for name, master in among.items() if name in assignment}
    try:
        told = written.merge(records, among, to / "written.csv")
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    for line in told:
        click.echo(line, err=True)
    pages = {one["file"]: feedback.write(one, among.get(one["assignment"]), to / "feedback") for one in records}
    links = {name: path.relative_to(to).as_posix() for name, path in pages.items()}
    zips, lost = feedback.returns(records, pages, to)
    tables = [*marks.write(records, among, to), *zips]
    if (to / "written.csv").exists():
        tables.append(to / "written.csv")
    whole = summary.write(records, among, to, links)
    shutil.rmtree(unpacked, ignore_errors=True)
    click.echo(f"{len(records)} files in {time.monotonic() - start:.0f} s")
    for path in [whole, *tables, to / "feedback"]:
        click.echo(f"  {_shown(path)}")
    for line in lost:
        click.echo(line)
    unread = sum(written.total(one)[2] for one in records if one["status"] == GRADED)
    if unread:
        click.echo(f"{unread} written answers are still to be read, and count 0 so far: fill in Points and Comment in "
                   "written.csv, and give the same command again.")  # fmt: skip
    if any(one["status"] == "failed" for one in records):
        click.echo("Some files could not be graded, for reasons that lie here: see the lines “failed”.", err=True)
        sys.exit(1)


@main.command("try", short_help="Try an assignment that is being written.")
@click.argument("names", nargs=-1)
@click.option("--source", type=click.Path(exists=True, path_type=Path), default=SOURCE, hidden=True)
def try_(names, source):
    """Try an assignment: its solutions must get all points, the handed-out version and hostile answers none."""
    from .notebooks import masters
    from .trying import faults

    among = masters(source)
    wrong = 0
    for name in names or among:
        if name not in among:
            raise click.ClickException(f"there is no {name}; there are {', '.join(among)}")
        start = time.monotonic()
        found = faults(source / name / f"{name}.ipynb")
        wrong += len(found)
        click.echo(f"{name}: {'; '.join(found) or 'as it should be'} ({time.monotonic() - start:.1f} s)")
    sys.exit(1 if wrong else 0)


def _shown(path: Path) -> str:
    path = Path(path).resolve()
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path)
