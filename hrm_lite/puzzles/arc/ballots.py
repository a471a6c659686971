"""From many answers to two guesses, and from guesses to a score.

A network answers each test input once for every copy of its task. The answers, taken back to the task
itself, are votes; the two grids with most votes are the guesses that ARC allows.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hrm_lite.puzzles.arc.tasks import Task

if TYPE_CHECKING:
    from hrm_lite.puzzles.arc.sets import ArcSet


@dataclasses.dataclass(frozen=True, eq=False)
class Candidate:
    """A grid that was voted for."""

    grid: np.ndarray
    """(h, w) colours"""
    votes: int
    """how many voted for it"""
    q_halt: float
    """the mean of σ(q_halt), the model's belief that it is right, over its votes"""


class Ballots:
    """Votes for grids, question by question (0 to questions - 1)."""

    def __init__(self, questions: int) -> None:
        self._votes: list[dict[tuple[tuple[int, int], bytes], list[float]]] = [{} for _ in range(questions)]

    def add(self, question: int, grid: np.ndarray, q_halt: float = 0.0) -> None:
        """One vote; q_halt is the model's logit. A grid of 0 x 0 is no answer, and no vote."""
        grid = np.ascontiguousarray(grid, np.uint8)
        if grid.size:
            belief = 0.5 + 0.5 * math.tanh(q_halt / 2) if q_halt == q_halt else 0.0  # the sigmoid; NaN trusts nothing
            self._votes[question].setdefault((grid.shape, grid.tobytes()), []).append(belief)

    def ranked(self, question: int) -> list[Candidate]:
        """The candidates, best first: by votes, then by mean belief.

        Where both are equal the smaller grid comes first (fewer rows, then fewer columns), then the one whose
        first different cell has the lower colour. So the order in which votes came in makes no difference.
        """
        found = []
        for (shape, cells), beliefs in self._votes[question].items():
            mean = math.fsum(beliefs) / len(beliefs)  # fsum: exact, so the same in any order
            found.append(((-len(beliefs), -mean, shape, cells), mean, len(beliefs)))
        return [
            Candidate(np.frombuffer(key[3], np.uint8).reshape(key[2]), votes, mean)
            for key, mean, votes in sorted(found)
        ]


def tally(questions: int, votes: Iterable[tuple[int, np.ndarray, float]]) -> list[list[Candidate]]:
    """Votes (question, grid, q_halt) -> for each question its candidates, best first; see `Ballots.ranked`."""
    ballots = Ballots(questions)
    for question, grid, q_halt in votes:
        ballots.add(question, grid, q_halt)
    return [ballots.ranked(question) for question in range(questions)]


@dataclasses.dataclass(frozen=True)
class Score:
    """What guesses are worth, as shares 0 to 1. A test input counts if one of its first `attempts` guesses is right."""

    attempts: int
    """how many guesses each test input was allowed"""
    inputs: float
    """share of the test inputs"""
    tasks: float
    """mean over tasks of the share of their test inputs, as TRM's evaluator counts"""
    whole_tasks: float
    """share of the tasks with all of their test inputs, as HRM's evaluation notebook counts"""
    source: str = dataclasses.field(default="", compare=False)
    """where the tasks come from, as `arc.load` was told; empty where only tasks were given"""
    of: tuple[int, int] = dataclasses.field(default=(0, 0), compare=False)
    """how many tasks and how many test inputs were judged; copies of one benchmark differ in it"""
    content_hash: str = dataclasses.field(default="", compare=False)
    """sha256 (hex) of the tasks that were judged, whatever copies of them were solved"""

    def __str__(self) -> str:
        return (
            f"{self.tasks:.1%} of {self.of[0]} tasks ({self.inputs:.1%} of {self.of[1]} test inputs, "
            f"{self.whole_tasks:.1%} of the tasks whole) with {self.attempts} attempts; "
            f"{self.source or 'tasks'} {self.content_hash[:8]}")


def score(
    tests: ArcSet | Sequence[Task], predictions: Mapping[str, Sequence[Sequence[Candidate | np.ndarray]]],
    attempts: int = 2,
) -> Score:
    """Judge predictions {task name: [guesses for its first test input, best first, ...]} against the tasks' tests.

    tests: the set that was solved, whose source the score then carries, or tasks alone. A guess is a grid or a
    `Candidate`; too few guesses, or none, are allowed. ValueError for a task without predictions, with another number
    of test inputs, or with answers that are not known.
    """
    source = getattr(tests, "source", "")
    tasks = tests if isinstance(tests, Sequence) else tests.tasks
    if not tasks:
        raise ValueError("There are no tasks to score.")
    if closed := [task.name for task in tasks if not task.answered]:
        raise ValueError(
            f"The answers to {len(closed)} of {len(tasks)} tasks are not known ({', '.join(closed[:3])}"
            f"{', ...' if len(closed) > 3 else ''}): their file has none, as competitions hand tests out. Hand in what "
            "write_submission writes, or give a folder in which the solutions lie beside the challenges.")
    right = []
    for task in tasks:
        given = predictions.get(task.name)
        if given is None or len(given) != len(task.test):
            raise ValueError(
                f"task {task.name} has {len(task.test)} test inputs, but there are "
                f"{'no predictions for it' if given is None else f'predictions for {len(given)}'}.")
        right.append([
            any(np.array_equal(_grid(guess), answer) for guess in guesses[:attempts])
            for guesses, (_, answer) in zip(given, task.test, strict=True)
        ])
    return Score(
        attempts=attempts,
        inputs=float(np.mean([one for task in right for one in task])),
        tasks=float(np.mean([np.mean(task) for task in right])),
        whole_tasks=float(np.mean([all(task) for task in right])),
        source=source,
        of=(len(tasks), sum(map(len, right))),
        content_hash=hashlib.sha256(json.dumps([[t.name, t.to_json()] for t in tasks]).encode()).hexdigest())


def _grid(guess) -> np.ndarray:
    return guess.grid if isinstance(guess, Candidate) else np.asarray(guess)
