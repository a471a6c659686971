"""Several answers to the same puzzle, and the one that most of them agree on.

The answers come from copies of the puzzle in other clothes (for Sudoku: digits renamed, rows and columns moved), from
several checkpoints, or both. A wrong answer seldom comes twice; the right one does (Ren and Liu, arXiv 2601.10679).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from .model import HRM
from .puzzles.arc import ArcSet, Ballots, Candidate
from .puzzles.base import PuzzleSet
from .solving import Solution, as_numbers, side_by_side, solve

__all__ = ["adopt_tasks", "check_tasks", "claim_tasks", "solve_by_vote", "solve_tasks", "vote"]


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
    found, tokens = [], as_numbers(tokens)
    for model in [models] if isinstance(models, HRM) else models:
        generator = torch.Generator(tokens.device).manual_seed(seed)
        found.append(solve(model, tokens, **settings))
        for _ in range(copies - 1):
            disguised, undo = puzzles.disguise(tokens, generator)
            solution = solve(model, disguised, **settings)
            found.append(Solution(undo(solution.tokens), solution.segments, solution.q_halt))
    return vote(found)


def solve_tasks(
    model: HRM, tests: ArcSet, copies: int | None = None, batch_size: int | None = None, **settings
) -> dict[str, list[list[Candidate]]]:
    """Ranked guesses for the tests of ARC tasks, {task name: [candidates for its first test input, best first, …]}.

    Every row of ``tests`` is solved in the first ``copies`` copies of its task (None: in all), the answers are taken
    back and counted. The lists of a task are in the order of its rows in ``tests``, which is that of its test inputs
    in a set from `arc.load`; `arc.score` and `arc.write_submission` take the result. settings: as for `solve`.

    Raises ValueError as `check_tasks` does for tasks that the model was not trained on, and warns of a model that
    cannot tell.
    """
    check_tasks(model, tests)
    ballots = Ballots(len(tests))
    batch_size = side_by_side(model, batch_size)
    for batch in tests.copies(copies, batch_size, model.z_H_init.device):
        solution = solve(model, batch.tokens, puzzle_ids=batch.ids, batch_size=batch_size, **settings)
        grids = tests.undo(solution.tokens, batch.ids)
        for row, grid, q_halt in zip(batch.rows.tolist(), grids, solution.q_halt.tolist(), strict=True):
            ballots.add(row, grid, q_halt)
    ranked: dict[str, list[list[Candidate]]] = {task.name: [] for task in tests.tasks}
    for row, name in enumerate(tests.task_names()):
        ranked[name].append(ballots.ranked(row))
    return ranked


def check_tasks(model: HRM, tests: ArcSet) -> None:
    """Whether the model's puzzle embeddings are those of the tasks in ``tests``, copy by copy.

    An embedding is all that a model knows of a task's rule, and it is found by a number: with another set's numbers
    the model would read other tasks' embeddings. Raises ValueError, naming tasks, where it would; warns (UserWarning)
    of a model that does not say which tasks it was trained on: one that was not trained by `Trainer`, a published
    checkpoint, or a file of an older version.
    """
    if model.owners is None:
        if model.config.puzzles < tests.identifiers:
            raise ValueError(
                f"the tests need {tests.identifiers} puzzle embeddings, one for each copy of each task, but the model "
                f"has puzzles={model.config.puzzles}. Load them with the settings of the training set, and make the "
                f"model with puzzles=training_set.identifiers.{_ADVICE}"
            )
        warnings.warn(
            "the model does not say which tasks its puzzle embeddings belong to, so nothing tells whether they are "
            f"those of {tests.name}. If it was trained on other tasks, or with other augmentations, its answers mean "
            f"nothing.{_ADVICE}",
            stacklevel=3,
        )
        return
    moved, strange = _unknown(model, tests)
    if strange:
        raise ValueError(
            f"the model was not trained on {len(strange)} of the {len(tests.tasks)} tasks ({_some(strange)}): it has "
            f"no puzzle embeddings for them, and would read those of others.{_ADVICE}"
        )
    if moved:
        raise ValueError(
            f"the model's puzzle embeddings of {len(moved)} of the {len(tests.tasks)} tasks ({_some(moved)}) have "
            "other identifiers than in this set, or stand for other copies. Load the tests with the settings of the "
            "training set: the same source, augmentations, seed, train_on, solve, concept_arc and limit." + _ADVICE
        )


_ADVICE = (
    " For new tasks: model = voting.adopt_tasks(model, their training set), then train the embeddings alone with "
    'TrainConfig(train_only="puzzles").'
)


def _unknown(model: HRM, tests: ArcSet) -> tuple[list[str], list[str]]:
    """The names of the tests' tasks that the model knows by other identifiers, and of those that it does not know."""
    moved, strange = [], []
    for name in (task.name for task in tests.tasks):
        own = model.owners.get(name)
        if own is None:
            strange.append(name)
        elif list(own) != tests.owners[name]:
            moved.append(name)
    return moved, strange


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def claim_tasks(model: HRM, puzzles: PuzzleSet, held_out: PuzzleSet | None = None) -> None:
    """Note in the model whose its puzzle embeddings will be, once it is trained on ``puzzles``.

    Warns when they are those of other tasks now. Raises ValueError as `check_tasks` does when ``held_out`` has tasks
    that are not trained on. For sets that are not of ARC there is nothing to note.
    """
    owners = getattr(puzzles, "owners", None) if model.config.puzzles else None
    others = {name: own for name, own in (model.owners or {}).items() if list(own) != (owners or {}).get(name)}
    lost = [name for name, own in others.items() if any(_overlap(own, new) for new in (owners or {}).values())]
    nameless = owners and model.owners is None and bool(model.input_net.puzzles.weight.any())
    if lost or nameless:
        whose = f"belong to other tasks ({_some(lost)})" if lost else "were trained, and it does not say on which tasks"
        warnings.warn(
            f"the model's puzzle embeddings {whose}; training on {puzzles.name} now goes on from them. Begin from "
            "voting.adopt_tasks(model, puzzles) instead.",
            stacklevel=3,
        )
        others = {name: own for name, own in others.items() if name not in lost}
    model.owners = owners and others | owners
    if model.owners and getattr(held_out, "owners", None):
        check_tasks(model, held_out)


def _overlap(a: list, b: list) -> bool:
    """Whether two owners have an identifier in common."""
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1]


@torch.no_grad()
def adopt_tasks(model: HRM, puzzles: ArcSet) -> HRM:
    """A model with the same weights and puzzle embeddings for the tasks of ``puzzles``, in evaluation mode.

    puzzles: the new tasks' training set (their demonstrations). A task that the model was trained on, copy for copy,
    brings its embeddings along; every copy of a new one begins at the mean of the trained embeddings. That alone tells
    the model nothing of a new task's rule: train the embeddings on ``puzzles`` next, with
    ``TrainConfig(train_only="puzzles")``, which leaves the rest as it is. The model given is not changed.
    """
    if not model.config.puzzles:
        raise ValueError("the model has no puzzle embeddings (puzzles=0), so there is nothing to adopt tasks with.")
    adopted = HRM(model.config.replace(puzzles=puzzles.identifiers)).to(model.z_H_init.device, model.dtype)
    state = model.state_dict()
    old = state.pop("input_net.puzzles.weight")
    trained = old[old.any(1)]  # an embedding that was never trained is zero
    new = old.new_zeros(puzzles.identifiers, old.shape[1])
    if len(trained):
        new[1:] = trained.mean(0)
    new[0] = old[0]
    for name, (first, count, digest) in puzzles.owners.items():
        start, many, same = (model.owners or {}).get(name, (0, 0, ""))
        if (many, same) == (count, digest):
            new[first : first + count] = old[start : start + many]
    adopted.load_state_dict(state | {"input_net.puzzles.weight": new})
    adopted.owners = puzzles.owners
    return adopted.eval()
