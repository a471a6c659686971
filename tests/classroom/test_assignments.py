"""The six assignments: what they give for right answers, for wrong ones, and with which words."""

import json
import re

import pytest

from classroom.grader import leaderboard, notebooks, release, trying
from hrm_lite.exercises.base import Wrong
from hrm_lite.exercises.classroom import project
from tests.classroom import snippets
from tools import reading

each = pytest.mark.parametrize("name", snippets.NAMES)
TASKS = [(name, task) for name in snippets.NAMES for task in snippets.tasks(name)]
each_task = pytest.mark.parametrize(("name", "task"), TASKS, ids=[f"{name}-{task}" for name, task in TASKS])


@pytest.fixture(autouse=True)
def _no_training(request, monkeypatch):
    """The project's trainings, pretended: the learning rate alone says how long they take."""
    if "slow" in request.keywords:
        return

    def pretended(key, seed, test_seed, budget):
        lr = json.loads(key)[1]["lr"]
        seconds = {3e-3: 3.0, 2e-3: 11.0, 1e-3: 11.9}.get(lr, budget)
        return {"seconds": seconds, "reached": seconds < budget, "steps": 100, "exact": 0.5, "parameters": 1}

    monkeypatch.setattr(project, "_run", pretended)


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
def test_no_two_checks_of_an_assignment_read_alike(name):
    """Where one checks what another has checked already, it says what else is looked at."""
    shown = [test.visible for test in snippets.master(name).tests]
    assert len(set(shown)) == len(shown)


def test_the_plans_of_the_guide_give_each_chapter_the_minutes_that_the_book_prints():
    root = notebooks.SOURCE.parent.parent
    guide = (root / "classroom" / "README.md").read_text(encoding="utf-8")
    said = set(re.findall(r"\b(\d+) \((\d+) min\)", guide))
    assert {number for number, _ in said} == {str(n) for n in range(1, 10)}
    for number, minutes in said:
        (path,) = (root / "book").glob(f"{int(number):02}_*.ipynb")
        assert int(minutes) == reading.minutes(json.loads(path.read_text(encoding="utf-8"))), number


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
            for test in bad:
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


@pytest.mark.slow
def test_the_project_s_own_settings_earn_its_points_and_the_preset_does_not():
    task = snippets.results("6_project", "task-4", snippets.solution("6_project", "task-4"))
    assert not failed(task), task
    assert [round(one["score"], 3) for one in task.values()] == [round(task["test-4a"]["score"], 3)] * 4
    preset = snippets.results("6_project", "task-4", "def configure():\n    return {}, {}")
    assert preset["test-4a"]["passed"] and not preset["test-4d"]["passed"]
    assert preset["test-4a"]["score"] > task["test-4a"]["score"]


def test_a_leaderboard_knows_the_best_of_each_and_shares_places(tmp_path):
    def record(student, *scores):
        tests = {f"test-{i}": {"score": score} for i, score in enumerate(scores)}
        return {"key": student, "student": student, "result": {"tests": tests}}

    records = [
        record("Ann", 7.0, None),
        record("Bo", 5.0),
        record("Ann", 4.0),
        record("=Cy", 5.001),
        record("Di", None),
    ]
    assert leaderboard.standing(records) == [(1, "Ann", 4.0), (2, "Bo", 5.0), (2, "=Cy", 5.001)]
    page = "".join(leaderboard.parts(records, tmp_path, "6_project"))
    assert "data:image/png" in page and "'=Cy" in (tmp_path / "leaderboard-6_project.csv").read_text("utf-8-sig")
    assert leaderboard.parts(records[-1:], tmp_path, "none") == [] and not (tmp_path / "leaderboard-none.csv").exists()


def test_the_clock_of_the_project_counts_what_a_step_costs():
    def seconds(model=None, training=None):
        return project.price(*project.understood((model or {}, training or {})))

    plain = seconds()
    assert plain == pytest.approx(32e-3, rel=0.25), "what a step of the preset took on one core"
    assert seconds(training={"batch_size": 128}) > 1.5 * plain and seconds({"gradient": "full"}) > plain
    assert seconds({"share_modules": True}) < plain < seconds(training={"continue_loss": True})
    with pytest.raises(Wrong, match="no setting of the model"):
        project.understood(({"mixer": "mlp"}, {}))
    with pytest.raises(Wrong, match="number, True, False or a text"):
        project.understood(({"cycles": [2]}, {}))


def test_the_guide_and_the_page_of_the_book_name_every_assignment_and_every_session_has_slides():
    root = notebooks.SOURCE.parent
    guide, page = (path.read_text("utf-8") for path in (root / "README.md", root.parent / "book" / "classroom.md"))
    for name in snippets.NAMES:
        assert f"](source/{name}/{name}.ipynb)" in guide
        short = snippets.master(name).title.removeprefix(f"Assignment {name[0]} · ").partition(":")[0]
        assert f"| {name[0]} · {short} |" in page
        slides = (root / "slides" / f"{name}.md").read_text("utf-8")
        assert slides.startswith("# ") and slides.count("\n---\n") >= 5
    for folder, file in re.findall(r"\]\((source|slides)/([^)]+)\)", guide):
        assert (root / folder / file).exists(), file
