"""From many answers to two guesses, and from guesses to a score.

A network answers each test input once for every copy of its task. The answers, taken back to the task
itself, are votes; the two grids with most votes are the guesses that ARC allows.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from hrm_lite.puzzles.arc.tasks import Task


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


def score(
    tasks: Sequence[Task], predictions: Mapping[str, Sequence[Sequence[Candidate | np.ndarray]]], attempts: int = 2
) -> Score:
    """Judge predictions {task name: [guesses for its first test input, best first, ...]} against the tasks' tests.

    A guess is a grid or a `Candidate`; too few guesses, or none, are allowed. ValueError for a task without
    predictions or with another number of test inputs.
    """
    if not tasks:
        raise ValueError("There are no tasks to score.")
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
        whole_tasks=float(np.mean([all(task) for task in right])))


def _grid(guess) -> np.ndarray:
    return guess.grid if isinstance(guess, Candidate) else np.asarray(guess)
