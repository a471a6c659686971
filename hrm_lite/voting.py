"""Several answers to the same puzzle, and the one that most of them agree on.

The answers come from copies of the puzzle in other clothes (for Sudoku: digits renamed, rows and columns moved), from
several checkpoints, or both. A wrong answer seldom comes twice; the right one does (Ren and Liu, arXiv 2601.10679).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .model import HRM
from .puzzles.arc import ArcSet, Ballots, Candidate
from .puzzles.base import PuzzleSet
from .solving import Solution, solve

__all__ = ["solve_by_vote", "solve_tasks", "vote"]


def vote(solutions: Sequence[Solution]) -> Solution:
    """For each puzzle the answer with the largest sum of Q̂_halt over those who gave it.

    solutions: at least one, all of the same puzzles. ``segments`` are added up; ``q_halt`` is the highest of those who
    gave the answer.
    """
    if not solutions:
        raise ValueError("there is nothing to vote on: give at least one solution.")
    answers = torch.stack([s.tokens for s in solutions])  # (voters, batch, seq_len)
    q = torch.stack([s.q_halt for s in solutions])  # (voters, batch)
    agree = torch.stack([(answers == one).all(-1) for one in answers])  # (voter, other voter, batch)
    weight = torch.where(agree, q.sigmoid(), 0).sum(1)
    elected = weight.argmax(0)
    each = torch.arange(answers.shape[1], device=answers.device)
    best = torch.where(agree[elected, :, each].T, q, -torch.inf).amax(0)
    return Solution(answers[elected, each], torch.stack([s.segments for s in solutions]).sum(0), best)


def solve_by_vote(
    models: HRM | Sequence[HRM], puzzles: PuzzleSet, tokens: Tensor, copies: int = 1, seed: int = 0, **settings
) -> Solution:
    """Answers for ``tokens`` (batch, seq_len) by a vote over ``models`` and ``copies`` of each puzzle.

    puzzles: any set of this kind of puzzle; it knows the symmetries. The first copy is the puzzle as it is, the others
    are drawn with ``seed`` and are the same for every model. settings: as for `solve`.
    """
    if copies < 1:
        raise ValueError(f"copies={copies} is not usable: at least the puzzle as it is must be solved.")
    found = []
    for model in [models] if isinstance(models, HRM) else models:
        generator = torch.Generator(tokens.device).manual_seed(seed)
        found.append(solve(model, tokens, **settings))
        for _ in range(copies - 1):
            disguised, undo = puzzles.disguise(tokens, generator)
            solution = solve(model, disguised, **settings)
            found.append(Solution(undo(solution.tokens), solution.segments, solution.q_halt))
    return vote(found)


def solve_tasks(
    model: HRM, tests: ArcSet, copies: int | None = None, batch_size: int = 512, **settings
) -> dict[str, list[list[Candidate]]]:
    """Ranked guesses for the tests of ARC tasks, {task name: [candidates for its first test input, best first, …]}.

    Every row of ``tests`` is solved in the first ``copies`` copies of its task (None: in all), the answers are taken
    back and counted. The lists of a task are in the order of its rows in ``tests``, which is that of its test inputs
    in a set from `arc.load`; `arc.score` and `arc.write_submission` take the result. settings: as for `solve`.

    Raises ValueError when the model has fewer puzzle embeddings than ``tests.identifiers``.
    """
    if model.config.puzzles < tests.identifiers:
        raise ValueError(
            f"the tests need {tests.identifiers} puzzle embeddings, one for each copy of each task, but the model has "
            f"puzzles={model.config.puzzles}. Load them with the settings of the training set, and make the model with "
            "puzzles=training_set.identifiers."
        )
    ballots = Ballots(len(tests))
    for batch in tests.copies(copies, batch_size, model.z_H_init.device):
        solution = solve(model, batch.tokens, puzzle_ids=batch.ids, batch_size=batch_size, **settings)
        grids = tests.undo(solution.tokens, batch.ids)
        for row, grid, q_halt in zip(batch.rows.tolist(), grids, solution.q_halt.tolist(), strict=True):
            ballots.add(row, grid, q_halt)
    ranked: dict[str, list[list[Candidate]]] = {task.name: [] for task in tests.tasks}
    for row, name in enumerate(tests.task_names()):
        ranked[name].append(ballots.ranked(row))
    return ranked
