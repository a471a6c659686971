"""The six assignments: what they give for right answers, for wrong ones, and with which words."""

import json
import re

import pytest

from classroom.grader import notebooks, release, trying
from tests.classroom import snippets

each = pytest.mark.parametrize("name", snippets.NAMES)
TASKS = [(name, task) for name in snippets.NAMES for task in snippets.tasks(name)]
each_task = pytest.mark.parametrize(("name", "task"), TASKS, ids=[f"{name}-{task}" for name, task in TASKS])


def failed(found: dict[str, dict]) -> dict[str, dict]:
    return {name: one for name, one in found.items() if not one["passed"]}


@each
def test_the_solutions_get_all_points_and_nothing_else_gets_any(name):
    assert not trying.faults(notebooks.SOURCE / name / f"{name}.ipynb")


@each
def test_the_points_in_headings_are_those_of_the_cells_and_make_twenty(name):
    master, said = snippets.master(name), {}
    for cell in master.cells:
        for number, points in re.findall(r"(?m)^## Task (\d+): .*\((\d+) points?\)$", cell.source):
            said[number] = int(points)
    for task in master.tasks:
        given = sum(test.points for test in task.tests) + sum(points for _, points in task.written)
        assert said[task.number] == given, task.title
    assert sum(said.values()) == 20
    assert sum(points for task in master.tasks for _, points in task.written) == 4


@each
def test_every_graded_task_is_held_to_answers(name):
    graded = {one for task in snippets.master(name).tasks if task.tests for one in task.solutions}
    assert graded == snippets.tasks(name).keys()


@each_task
def test_right_answers_get_their_points(name, task):
    right = snippets.tasks(name)[task]["right"]
    assert len(right) >= 2, "two other ways to be right, beside the master's"
    for source in right:
        bad = failed(snippets.results(name, task, source))
        assert not bad, (source, bad)


@each_task
def test_wrong_answers_lose_points_with_the_hint_that_helps(name, task):
    found, caught = snippets.tasks(name)[task], {}
    for how in ("wrong", "sly"):
        for source, hint in found.get(how, ()):
            bad = failed(snippets.results(name, task, source))
            assert bad, f"taken for right: {source}"
            for test, one in bad.items():
                caught.setdefault(test, set()).add(source)
            assert any(hint in one["message"] for one in bad.values()), (source, bad)
            if how == "sly":
                assert any(one["hidden"] for one in bad.values()), f"the visible check catches it: {source}"
    assert len(found.get("sly", ())) >= 1, "what passes the visible check, and is wrong"
    for test in snippets.results(name, task, ""):
        assert len(caught.get(test, ())) >= 3, f"{test} is failed by {len(caught.get(test, ()))} of the wrong answers"


@each
def test_what_is_handed_out_has_a_title_a_bootstrap_cell_and_no_outputs(name):
    handed = json.loads(release.derive(notebooks.SOURCE / name / f"{name}.ipynb"))
    first = next(cell for cell in handed["cells"] if cell["cell_type"] == "code")
    assert "bootstrap" in first["metadata"]["tags"]
    assert "".join(handed["cells"][0]["source"]).startswith(f"# Assignment {name[0]} · ")
    stubs = [c for c in handed["cells"] if c["metadata"].get("nbgrader", {}).get("solution")]
    assert stubs and not any("SOLUTION" in "".join(c["source"]) for c in stubs)
