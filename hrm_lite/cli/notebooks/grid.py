"""The file of a batch: a notebook, the parameters that are fixed, and those that vary, as a list of runs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .notebook import Notebook, Output, file_name, read
from .parameters import Refused, check, nearest, read_yaml

__all__ = ["Grid", "Run", "load"]

KEYS = {
    "notebook": "the notebook to run",
    "to": "the folder for all that comes of it",
    "parameters": "the parameters that all runs share",
    "grid": "lists of values; each combination is a run",
    "runs": "a list of further runs, each with its parameters",
    "record": "where a run leaves its record, such as {run_dir}/result.json",
    "metric": "what to compare the runs by, such as exact",
}
_RECORDS = ("result.json", "run.json")


@dataclass(frozen=True)
class Run:
    """One run of a batch. varied: those of ``given`` that tell it from the others."""

    name: str
    given: dict[str, Any]
    varied: dict[str, Any]
    output: Output
    record: Path | None

    def find_record(self) -> Path | None:
        """The file with its record, or None while there is none."""
        if self.record is not None and self.record.suffix == ".json":
            return self.record if self.record.is_file() else None
        places = [self.record / name for name in _RECORDS] if self.record else []
        return next((path for path in places if path.is_file()), None)


@dataclass
class Grid:
    """What a file of a batch says. folder: where the file lies; paths are seen from there, and runs work there."""

    path: Path
    notebook: Notebook
    to: Path
    runs: list[Run] = field(default_factory=list)
    metric: str | None = None

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def varied(self) -> list[str]:
        return list(dict.fromkeys(name for run in self.runs for name in run.varied))

    def says(self) -> str:
        """How many runs there are, in words."""
        counts = {name: len({json.dumps(r.varied.get(name)) for r in self.runs}) for name in self.varied}
        of = " × ".join(f"{count} {name}" for name, count in counts.items() if count > 1)
        number = f"{len(self.runs)} run{'s' * (len(self.runs) != 1)}"
        return f"{number} of {self.notebook.path.name}{f' ({of})' if of else ''}"


def load(path: str | Path) -> Grid:
    """The grid in the YAML file ``path``. Raises `Refused` for whatever could not be run as it is written."""
    path = Path(path)
    try:
        said = read_yaml(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise Refused(f"there is no grid {path} ({error.strerror}).") from None
    except UnicodeDecodeError as error:
        raise Refused(f"the grid {path} is no text in UTF-8 ({error}).") from None
    path = path.resolve()
    if not isinstance(said, dict):
        raise Refused(f"{path.name} should have lines such as `notebook: train.ipynb` and `grid:`, but has none.")
    for key in said:
        if key not in KEYS:
            raise Refused(f"{path.name} says {key}, which is not known. {nearest(key, KEYS)}")
    for key, kind in dict(notebook=str, to=str, parameters=dict, grid=dict, runs=list, record=str, metric=str).items():
        if key == "notebook" and key not in said:
            raise Refused(f"{path.name} does not say which notebook to run. Add a line `notebook: PATH.ipynb`.")
        if said.get(key) is None:
            continue
        if not isinstance(said[key], kind):
            word = {str: "text", dict: "names with values", list: "a list"}[kind]
            raise Refused(f"{key} of {path.name} should be {word} ({KEYS[key]}), but is {said[key]!r}.")
    notebook = read(path.parent / said["notebook"])
    grid = Grid(path, notebook, path.parent / (said.get("to") or f"runs/{path.stem}"), metric=said.get("metric"))
    combinations = _combinations(said, path.name)
    named = [name for name in dict.fromkeys(k for c in combinations for k in c)]
    fixed = said.get("parameters") or {}
    whole = [check({**fixed, **c}, notebook.parameters, notebook.path.name) for c in combinations]
    # What all runs have alike says nothing in a name.
    varied = [n for n in named if len({json.dumps(w.get(n, "default")) for w in whole}) > 1]
    for given in whole:
        values = {n: given[n] for n in varied if n in given}
        grid.runs.append(_run(grid, said.get("record"), given, values))
    _check_apart(grid)
    return grid


def _combinations(said: dict, file: str) -> list[dict]:
    lists, runs, fixed = said.get("grid") or {}, said.get("runs") or [], said.get("parameters") or {}
    for name, values in lists.items():
        if not isinstance(values, list):
            raise Refused(
                f"grid of {file}: {name} should be a list of values, but is {values!r}. One value for all "
                f"runs stands under `parameters`."
            )
        if not values:
            raise Refused(f"grid of {file}: the list of {name} is empty, so there would be no run.")
        if name in fixed:
            raise Refused(f"{file} has {name} under `parameters` and under `grid`. Take it out of one of them.")
    for run in runs:
        if not isinstance(run, dict):
            raise Refused(f"runs of {file}: {run!r} should be parameters with values, such as {{seed: 1}}.")
    products = [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())] if lists else []
    return [*products, *runs] or [{}]


def _run(grid: Grid, record: str | None, given: dict, varied: dict) -> Run:
    name = file_name(varied) if varied else grid.notebook.path.stem
    known = grid.notebook.parameters
    if "run_dir" in known and known["run_dir"].default is None and given.get("run_dir") is None:
        # Each run a folder of its own, which its next attempt finds again.
        given = {**given, "run_dir": _seen_from(grid.folder, grid.to / name)}
    values = {n: p.default for n, p in known.items()} | given
    place = None
    if record is not None:
        try:
            place = grid.folder / record.format(**values, name=name, to=grid.to)
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise Refused(
                f"record of {grid.path.name} is {record!r}, in which {error} cannot be filled in. "
                f"{nearest(str(error).strip(chr(39)), [*values, 'name', 'to'])}"
            ) from None
    elif isinstance(values.get("run_dir"), str):
        place = grid.folder / values["run_dir"]
    return Run(name, given, varied, Output(grid.to / f"{name}.ipynb"), place)


def _seen_from(folder: Path, path: Path) -> str:
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:  # it lies elsewhere
        return str(path)


def _check_apart(grid: Grid) -> None:
    """Raises `Refused` when two runs would write in one place."""
    seen: dict[str, Mapping] = {}
    for run in grid.runs:
        # Names that differ in their case only are one file on Windows and macOS.
        if (key := run.name.casefold()) in seen:
            raise Refused(
                f"two runs of {grid.path.name} would both be written to {run.output.path.name}: {seen[key]} and "
                f"{run.given}. Take one of them out, or let them differ in a parameter."
            )
        seen[key] = run.given
    folders: dict[str, str] = {}
    for run in grid.runs:
        if (place := run.given.get("run_dir")) is not None:
            if place in folders:
                raise Refused(
                    f"two runs of {grid.path.name} would train in one run_dir ({place}): {folders[place]} and "
                    f"{run.name}. Leave run_dir out: each run gets a folder of its own under {grid.to.name}/."
                )
            folders[place] = run.name
