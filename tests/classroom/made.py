"""A small assignment and notebooks for it, made here: the engine is tested without the real ones."""

import json
from pathlib import Path

from classroom.grader import notebooks
from hrm_lite.exercises.base import Wrong, call, exercise, number, tensor

FOLDER = Path(__file__).resolve().parent.parent / "data" / "classroom"
MASTER = FOLDER / "90_halves" / "90_halves.ipynb"
NAME = MASTER.stem


def register():
    """The visible checks of the small assignment."""

    @exercise("C90.1", "a function of a number")
    def half(answer):
        if number(call(answer, 3.0), "half(3)") != 1.5:
            raise Wrong("half of 3 is one and a half. Do you divide whole numbers?")
        return "Dividing by two keeps fractions."

    @exercise("C90.2", "a number")
    def count(answer):
        if number(answer, "steps", 0, 100) != 5:
            raise Wrong("count again: how often can 32 be halved until 1 is left?")
        return "The logarithm of 32 to the base two."

    @exercise("C90.3", "a function of a tensor")
    def centred(answer):
        import torch

        x = torch.tensor([1.0, 2.0, 6.0])
        if abs(float(tensor(call(answer, x), "centred(x)", (3,)).sum())) > 1e-6:
            raise Wrong("the sum should be 0 once the mean is gone.")
        return "What is left has the mean 0."

    @exercise("C90.4", "a function of a function and a number")
    def repeat(answer):
        from hrm_lite.exercises.base import expression

        if number(call(answer, expression("lambda x: x / 2"), 8.0, 3), "repeat(f, 8, 3)") != 1:
            raise Wrong("three halvings lead from 8 to 1.")
        return "A function handed over can be called."


SOLUTIONS = {
    "task-1": "def half(x):\n    return x / 2",
    "task-2": "steps = 5",
    "task-3": "def centred(x):\n    return x - x.mean()",
    "task-4": "def repeat(f, x, n):\n    for _ in range(n):\n        x = f(x)\n    return x",
}


def code(source, **metadata):
    return {"cell_type": "code", "metadata": metadata, "source": source, "outputs": [], "execution_count": None}


def text(source, **metadata):
    return {"cell_type": "markdown", "metadata": metadata, "source": source}


def master() -> notebooks.Master:
    return notebooks.read_master(MASTER)


def handed_in(answers: dict | None = None, *, before=(), after=()) -> dict:
    """A student's notebook: right answers, but for those given. before, after: more code cells."""
    notebook = json.loads(MASTER.read_text(encoding="utf-8"))
    solutions = SOLUTIONS | (answers or {})
    for cell in notebook["cells"]:
        marks = cell["metadata"].get("nbgrader", {})
        if marks.get("solution") and not marks.get("grade"):
            cell["source"] = solutions[marks["grade_id"]]
        elif marks.get("grade") and cell["cell_type"] == "code":
            cell["source"] = notebooks.Test("", "".join(cell["source"]), 0).visible
    notebook["cells"][1:1] = [code(source) for source in before]
    notebook["cells"] += [code(source) for source in after]
    return notebook


def write_master() -> None:
    """The file in tests/data: `python -m tests.classroom.made` writes it."""

    def nb(name, **more):
        return {"nbgrader": {"schema_version": 3, "grade_id": name, "grade": False, "solution": False, "locked": False,
                             "task": False} | more}  # fmt: skip

    def solution(number):
        source = f"### BEGIN SOLUTION\n{SOLUTIONS[f'task-{number}']}\n### END SOLUTION"
        return code(source, **nb(f"task-{number}", solution=True))

    def test(name, points, source):
        return code(source, **nb(f"test-{name}", grade=True, locked=True, points=points))

    def hidden(source):
        return f"### BEGIN HIDDEN TESTS\n{source}\n### END HIDDEN TESTS"

    cells = [
        text("# Halves\n\nAn assignment of four small tasks, for the tests of the grader. 9 points."),
        code("import torch\n\nfrom hrm_lite import exercises"),
        text("## Task 1: Halve (3 points)\n\nWrite `half(x)`."),
        solution(1),
        test("1a", 2, 'exercises.check("C90.1", half)\n' + hidden(
            "for x in (7.0, -0.5, 1e6):\n    if abs(half(x) - x / 2) > 1e-9:\n"
            '        raise Wrong("half is right for 3, and not for every number: what of negative ones?")')),
        test("1b", 1, 'exercises.check("C90.1", half)\n' + hidden(
            "if (half(torch.ones(2, 3)) - 0.5).abs().max() > 1e-6:\n"
            '    raise Wrong("half should work for tensors, element by element.")')),
        text("## Task 2: Count (1 point)\n\nHow often?"),
        solution(2),
        test("2a", 1, 'exercises.check("C90.2", steps)'),
        text("## Task 3: Centre (2 points)\n\nTake the mean off."),
        solution(3),
        test("3a", 2, 'exercises.check("C90.3", centred)\n' + hidden(
            "x = torch.arange(12.0).reshape(3, 4) ** 2\nif not torch.allclose(centred(x), x - x.mean()):\n"
            '    raise Wrong("the mean of the whole tensor goes, whatever its shape.")')),
        text("## Task 4: Repeat (3 points)\n\nCall it again and again."),
        solution(4),
        test("4a", 3, 'exercises.check("C90.4", repeat)\n' + hidden(
            'if abs(repeat(expression("lambda x: 0.5 * torch.cos(torch.as_tensor(x))"), 1.0, 50) - 0.450184) > 1e-4:\n'
            '    raise Wrong("repeat should call whatever function it is given, as often as it is told.")\n'
            'if repeat(expression("lambda x: x + 1"), 3.0, 0) != 3:\n'
            '    raise Wrong("no repetition leaves the number as it is.")')),
        text("## Question: Why?\n\nIn two sentences: why does it settle?"),
        text("*Your answer here.*", **nb("why", grade=True, solution=True, points=0)),
    ]  # fmt: skip
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    MASTER.parent.mkdir(parents=True, exist_ok=True)
    MASTER.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_master()
