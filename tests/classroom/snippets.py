"""Answers to the assignments, kept as source, and how they are tried.

``answers_N.py`` holds TASKS: by the grade_id of the solution cell the name that the visible check is given, `right`
answers, `wrong` ones that the visible check must catch and `sly` ones that it must let pass and a hidden test catch;
each wrong one with words of the hint that it must bring.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import textwrap

from classroom.grader import notebooks, trying

PREAMBLE = "import itertools\nimport math\nimport random\nimport statistics\n\nimport numpy as np\nimport torch\n"
NAMES = tuple(sorted(path.name for path in notebooks.SOURCE.iterdir() if (path / f"{path.name}.ipynb").exists()))


def tasks(name: str) -> dict[str, dict]:
    """What ``answers_N.py`` holds for an assignment."""
    return importlib.import_module(f"tests.classroom.answers_{name.partition('_')[0]}").TASKS


@functools.cache
def master(name: str) -> notebooks.Master:
    return notebooks.read_master(notebooks.SOURCE / name / f"{name}.ipynb")


def solution(name: str, task: str) -> str:
    """The solution cell of a task, as the master has it."""
    return next(cell.source for cell in master(name).cells if cell.grade_id == task)


def results(name: str, task: str, source: str) -> dict[str, dict]:
    """The tests of one task, by grade_id, for an answer; other tasks are answered by the master."""
    whole = master(name)
    own = next(one for one in whole.tasks if task in one.solutions)
    others = [one for each in whole.tasks for one in each.solutions if one != task and each.tests]
    texts = [PREAMBLE, *(solution(name, other) for other in others), textwrap.dedent(source)]
    cells = [{"cell_type": "code", "metadata": {}, "source": text} for text in texts]
    return trying.run(dataclasses.replace(whole, tasks=[own]), {"cells": cells}).tests


def visible(number: int) -> tuple[dict, dict]:
    """RIGHT and WRONG of an assignment's visible checks, for tests/test_exercises.py: the same answers, as objects."""
    name = next(name for name in NAMES if name.startswith(f"{number}_"))
    right, wrong = {}, {}
    for task, found in tasks(name).items():
        check = f"C{number}.{task.removeprefix('task-')}"
        right[check] = [_object(name, task, text) for text in [solution(name, task), *found["right"]]]
        wrong[check] = [(_object(name, task, text), hint) for text, hint in found["wrong"]]
    return right, wrong


def _object(name: str, task: str, text: str):
    names: dict = {}
    others = [one for each in master(name).tasks for one in each.solutions if one != task and each.tests]
    for source in [PREAMBLE, *(solution(name, other) for other in others), textwrap.dedent(text)]:
        exec(source, names)
    return names[tasks(name)[task]["name"]]
