"""A class: each submission in a process of its own, two at a time; each result a file of its own, written at once.

A result is kept under the hash of all it depends on (the file, the master, the grader). So a second call grades what is
new, and an interrupted one goes on. A judge that fails or hangs costs its own submission, which then says so.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import time
import traceback
from collections.abc import Callable, Collection
from dataclasses import asdict
from functools import cache
from pathlib import Path

import torch

from .collect import Submission
from .link import Pupil
from .notebooks import Handed, Master, Unreadable, belongs_to, plain, read_handed
from .sandbox import ROOT
from .sitting import Sitting

GRADED, UNREADABLE, UNKNOWN, FAILED = "graded", "unreadable", "unknown", "failed"


def grade(
    submissions: list[Submission], among: dict[str, Master], to: Path, *, safe: bool = True, jobs: int = 2,
    again: bool = False, only: Collection[str] = (), done: Callable[[dict], None] = lambda record: None,
) -> list[dict]:  # fmt: skip
    """The records of all submissions, as they stand in ``to``/results. done: called with each as it is there.

    safe: in the sandbox. jobs: how many at a time. again: also those whose result is there. only: these assignments,
    and files of which nobody can say what they belong to.
    """
    results = Path(to) / "results"
    results.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # the same sums on every machine, and a parent that can fork
    waiting, records = [], []
    for one, assignment, handed, problem in _newest(submissions, among):
        if only and assignment is not None and assignment not in only:
            continue
        record = _about(one, assignment, problem)
        path = results / f"{record['file']}.json"
        if assignment is None or handed is None:
            record |= {"status": UNKNOWN if handed else UNREADABLE, "message": problem}
            _keep(path, record)
        else:
            record["depends"] = _key(one.path, among[assignment], safe)
            kept = None if again else _kept(path, record["depends"])
            if kept is None:
                waiting.append((record, path, among[assignment], one.path))
                continue
            record = kept | {key: record[key] for key in ("student", "late", "label", "given", "notes")}
        records.append(record)
        done(record)
    context = multiprocessing.get_context("fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn")
    running: list[tuple] = []
    try:
        while waiting or running:
            while waiting and len(running) < max(1, jobs):
                record, path, master, notebook = waiting.pop(0)
                process = context.Process(target=_one, args=(record, path, master, notebook, safe))
                path.unlink(missing_ok=True)
                process.start()
                running.append((process, record, path, time.monotonic() + 4 * master.limits.whole_seconds + 120))
            time.sleep(0.05)
            for item in list(running):
                process, record, path, until = item
                if process.is_alive() and time.monotonic() < until:
                    continue
                if process.is_alive():
                    _end(process)
                process.join()
                running.remove(item)
                found = _kept(path, record["depends"], (GRADED, FAILED))
                if found is None:
                    found = record | {"status": FAILED, "message": _FAILED}
                    _keep(path, found)
                records.append(found)
                done(found)
    finally:
        for process, *_ in running:
            _end(process)
    return sorted(records, key=lambda record: (record["assignment"] or "", plain(record["student"]), record["key"]))


_FAILED = "The grader itself failed on this file. It says nothing about the work: grade it by hand, or tell us."


def _one(record: dict, path: Path, master: Master, notebook: Path, safe: bool) -> None:
    """In a process of its own: grade, and leave the record."""
    signal.signal(signal.SIGINT, _nothing)  # Ctrl-C goes to all of a terminal's processes: our parent ends us
    try:
        handed = read_handed(notebook)
        result = Sitting(master, handed, lambda: Pupil(master.limits, safe)).result()
        found = record | {"status": GRADED, "message": "", "result": asdict(result)}
    except Exception as error:
        found = record | {"status": FAILED, "message": f"{_FAILED} ({type(error).__name__}: {error})",
                          "traceback": traceback.format_exc()[-4000:]}  # fmt: skip
    _keep(path, found)


def _nothing(*_) -> None:
    """Not SIG_IGN, which the programs that we start would inherit."""


def _end(process) -> None:
    """A judge and the pupil below it."""
    from .sandbox import family

    for pid in reversed(family(process.pid)):
        try:
            os.kill(pid, 9)
        except OSError:
            continue
    process.kill()


def _newest(submissions: list[Submission], among: dict[str, Master]):
    """(submission, assignment, notebook, problem), one for each student and assignment: the last that was handed in."""
    best: dict[tuple, tuple] = {}
    for one in submissions:
        handed: Handed | None = None
        assignment, problem = None, one.problem
        try:
            if one.path:
                handed = read_handed(one.path)
                assignment = belongs_to(handed, one.label, among)
                if assignment is None:
                    problem = (f"This notebook belongs to none of the assignments ({', '.join(among)}): it has neither "
                               "their checks nor their title. Hand in the file that was handed out.")  # fmt: skip
        except Unreadable as error:
            problem = str(error)
            assignment = next((name for name in among if plain(name) in plain(one.label)), None)
        except OSError as error:
            problem = f"The file cannot be opened ({error.strerror})."
        place, new = (one.key, assignment), (one, assignment, handed, problem)
        if place in best:  # what can be read counts before what cannot; of two at one time, the later name
            first, last = sorted((best[place], new), key=lambda o: (o[2] is not None, o[0].turn, o[0].label))
            said = f"Handed in more than once: this is {last[0].label}, and not {first[0].label}."
            last[0].notes = [*last[0].notes, said]
            new = last
        best[place] = new
    return list(best.values())


def _about(one: Submission, assignment: str | None, problem: str) -> dict:
    mark = hashlib.sha256(f"{one.key}\0{assignment}".encode()).hexdigest()[:8]
    return {
        "student": one.student, "key": one.key, "assignment": assignment, "label": one.label, "system": one.system,
        "number": one.number, "given": one.given, "late": one.late, "notes": one.notes, "message": problem,
        "file": f"{(plain(one.student) or 'student')[:40]}-{plain(assignment or 'unknown')[:30]}-{mark}",
    }  # fmt: skip


@cache
def grader_version() -> str:
    """A hash of what marks depend on, besides the master: this engine, and the visible checks."""
    files = sorted([*Path(__file__).parent.glob("*.py"), *(ROOT / "hrm_lite").rglob("*.py")])
    whole = hashlib.sha256()
    for path in files:
        whole.update(path.name.encode() + path.read_bytes())
    return whole.hexdigest()[:12]


def _key(path: Path, master: Master, safe: bool) -> str:
    about = (master.version, repr(master.limits), grader_version(), str(safe))
    parts = [path.read_bytes(), *(part.encode() for part in about)]
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()


def _kept(path: Path, key: str, statuses=(GRADED,)) -> dict | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if record.get("depends") == key and record.get("status") in statuses else None


def _keep(path: Path, record: dict) -> None:
    """All or nothing: who reads it, or goes on after an interruption, never meets half a result."""
    half = path.with_suffix(f".{os.getpid()}.part")
    text = json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    half.write_bytes(text.encode("utf-8", "replace"))  # a student's text may hold half a surrogate pair
    os.replace(half, path)
