"""A model on ARC: two guesses for each test input, by a vote over copies of its task, as the competition counts."""

from __future__ import annotations

import time

import numpy as np

from . import streams


def measure_tasks(model, tests, copies: int | None, segments: int, batch_size: int, deadline: float | None) -> dict:
    """pass@1 and pass@2 on the tests of an `ArcSet`: {"tasks", "of", "pass": {attempts: shares}, …}.

    deadline: no task is begun after this `time.monotonic()`, but one is solved always.
    """
    from ..puzzles.arc import score
    from ..voting import solve_tasks

    names, guesses, done = np.array(tests.task_names()), {}, []
    with streams.progress("tasks", len(tests.tasks)) as advance:
        for task in tests.tasks:
            if done and deadline is not None and time.monotonic() > deadline:
                break
            own = tests.select(names == task.name)
            guesses |= solve_tasks(model, own, copies, batch_size, max_segments=segments, halt=False)
            done.append(task)
            advance(1)
    scores = {attempts: score(done, guesses, attempts) for attempts in (1, 2)}
    return {
        "tasks": len(done),
        "of": len(tests.tasks),
        "inputs": sum(len(task.test) for task in done),
        "copies": copies,
        "segments": segments,
        "pass": {k: {"inputs": s.inputs, "tasks": s.tasks, "whole_tasks": s.whole_tasks} for k, s in scores.items()},
    }


def show_tasks(result: dict) -> None:
    """The result of `measure_tasks` as a table, with the source that the score is about."""
    from rich.table import Table

    screen = streams.console()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("guesses", "test inputs", "tasks (mean)", "whole tasks"):
        table.add_column(name, justify="right", overflow="fold")
    for attempts, share in result["pass"].items():
        table.add_row(str(attempts), *(f"{share[key]:.1%}" for key in ("inputs", "tasks", "whole_tasks")))
    screen.print(table)
    votes = "all copies" if result["copies"] is None else f"{result['copies']} copies"
    screen.print(
        f"A score about {result['set']['source'] or result['set']['name']}, sha256 {result['set']['sha256'][:16]}: "
        f"{result['tasks']} of {result['of']} tasks with {result['inputs']} test inputs; {votes} of each task vote, "
        f"after {result['segments']} segments."
    )
