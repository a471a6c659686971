"""The competition's file: two attempts for each test input of each task.

    {"00576224": [{"attempt_1": [[0, 1], [2, 3]], "attempt_2": [[0, 1], [2, 3]]}, ...], ...}
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hrm_lite.puzzles.arc.ballots import Candidate, Score, score
from hrm_lite.puzzles.arc.tasks import Task, check_grid
from hrm_lite.puzzles.files import write_atomically

if TYPE_CHECKING:
    from hrm_lite.puzzles.arc.sets import ArcSet

ATTEMPTS = ("attempt_1", "attempt_2")
NO_ANSWER = [[0]]  # the format has no way to say nothing

Predictions = Mapping[str, Sequence[Sequence[Candidate | np.ndarray]]]


def write_submission(path: str | os.PathLike, predictions: Predictions) -> None:
    """Write the first two guesses {task name: [guesses for its first test input, best first, ...]}.

    One guess is written twice, as published; where there is none, a single black cell stands for it. What
    stood at `path` before stays until the new file is complete. ValueError for a guess that is no ARC grid.
    """
    value = {
        name: [_attempts(guesses, f"task {name}, test {i + 1}") for i, guesses in enumerate(tests)]
        for name, tests in predictions.items()
    }
    with write_atomically(path) as file:
        json.dump(value, file)


def _attempts(guesses, where: str) -> dict[str, list[list[int]]]:
    grids = [guess.grid if isinstance(guess, Candidate) else guess for guess in guesses[: len(ATTEMPTS)]]
    grids = [check_grid(grid, where).tolist() for grid in grids] or [NO_ANSWER]
    return dict(zip(ATTEMPTS, (grids[0], grids[-1]), strict=True))


def read_submission(path: str | os.PathLike, tasks: Sequence[Task]) -> dict[str, list[list[np.ndarray]]]:
    """The attempts {task name: [[attempt 1, attempt 2] for each test input]} of a submission for these tasks.

    ValueError, naming the file, the task and the test: no JSON, a missing or unknown task, another number of
    tests, a missing attempt, an attempt that is no grid. FileNotFoundError.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}. Give a submission in the format of ARC's competition.")
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is not a submission: it is no JSON, or was cut off ({type(error).__name__}: {error}).") from None
    if not isinstance(value, dict):
        raise ValueError(
            f"{path} is not a submission: expected {{task: [attempts, ...]}}; got a {type(value).__name__}.")
    unknown = sorted(value.keys() - {task.name for task in tasks})
    if unknown:
        raise ValueError(
            f"{path}: task {unknown[0]} is not one of the {len(tasks)} tasks to be scored ({len(unknown)} such); score "
            "a submission with the tasks that it was made for.")
    return {task.name: _read_task(f"{path}, task {task.name}", value, task) for task in tasks}


def _read_task(where: str, value: dict, task: Task) -> list[list[np.ndarray]]:
    if task.name not in value:
        raise ValueError(f"{where} is missing; a submission has every task.")
    tests = value[task.name]
    if not isinstance(tests, list) or len(tests) != len(task.test):
        got = f"{len(tests)} entries" if isinstance(tests, list) else f"a {type(tests).__name__}"
        raise ValueError(
            f"{where}: expected a list with one entry for each of the {len(task.test)} test inputs; got {got}.")
    found = []
    for i, attempts in enumerate(tests):
        here = f"{where}, test {i + 1}"
        missing = [key for key in ATTEMPTS if not isinstance(attempts, dict) or key not in attempts]
        if missing:
            raise ValueError(f"{here}: \"{missing[0]}\" is missing; each test has \"attempt_1\" and \"attempt_2\".")
        found.append([check_grid(attempts[key], f"{here}, {key}") for key in ATTEMPTS])
    return found


def score_submission(path: str | os.PathLike, tests: ArcSet | Sequence[Task]) -> Score:
    """What a submission is worth on the tasks whose tests it answers; errors as for `read_submission` and `score`."""
    tasks = tests if isinstance(tests, Sequence) else tests.tasks
    return score(tests, read_submission(path, tasks), attempts=len(ATTEMPTS))
