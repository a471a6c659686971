"""A test cell, marked on proxies: who is asked for, what passes, what the student reads of it."""

import json
import socket

import pytest
import torch

from classroom.grader.judge import mark, names_asked
from classroom.grader.link import Near
from classroom.grader.notebooks import belongs_to, plan, read_handed
from classroom.grader.trying import faults, run
from tests.classroom import made
from tests.classroom.attacks import attacks

HIDDEN = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"


def marked(student: str, test: str):
    pupil = Near()
    reply, _ = pupil.ask({"do": "cell", "source": student, "name": "cell 1"})
    assert "error" not in reply, reply
    return mark(test, pupil)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("exercises.check('C1.1', half)", {"half"}),
        ("from math import pi\nx = half(pi)\nassert abs(x - len([1])) < 1", {"half"}),
        ("for n in range(3):\n    if f(n) != g(n):\n        raise Wrong('no')", {"f", "g"}),
        ("def want(x, half=2):\n    return other(x) * half\nassert want(1) == half(1)", {"half", "other"}),
        ("values = [f(i) for i in range(3)]\nassert sorted(values, key=lambda v: -v)", {"f"}),
        ("import torch\ntorch.manual_seed(0)\nx = np.zeros(3) + math.pi\nhrm_lite.HRMConfig", set()),
        ("class A:\n    y = z\ntry:\n    f()\nexcept ValueError as e:\n    print(e)", {"z", "f"}),
    ],
)
def test_the_names_that_are_the_students(source, names):
    assert names_asked(source) == names


def test_a_function_is_called_over_there_with_its_arguments_and_returns_data():
    student = "import torch\ndef f(x, *, power=1):\n    return {'a': [x**power, x.shape], 'b': (1, None)}"
    test = "got = f(torch.full((2,), 3.0), power=2)\nassert torch.equal(got['a'][0], torch.full((2,), 9.0)), got\n"
    assert marked(student, test + "assert got['a'][1] == (2,) and got['b'] == (1, None)").passed


def test_functions_come_back_and_go_in_again():
    student = "def make(n):\n    return lambda x: x + n\ndef twice(f, x):\n    return f(f(x))"
    test = "add = make(3)\nassert add(1) == 4 and twice(add, 1) == 7\n"
    test += "assert twice(expression('lambda x: 2 * x'), 1) == 4"
    assert marked(student, test).passed


def test_a_module_is_called_like_a_function():
    assert marked("import torch\ntorch.manual_seed(0)\nnet = torch.nn.Linear(3, 2)",
                  "assert net(torch.zeros(5, 3)).shape == (5, 2)").passed  # fmt: skip


def test_an_argument_that_is_changed_over_there_is_changed_here():
    test = "x = torch.arange(3.0)\nf(x)\nassert x.tolist() == [9, 1, 2], x"
    assert marked("def f(x):\n    x[0] = 9", test).passed
    assert not marked("def f(x):\n    y = x.clone()\n    y[0] = 9", test).passed


def test_random_numbers_are_the_same_every_time():
    test = "import torch\nraise Wrong(f'{float(torch.rand(())):.6f} {draw():.6f}')"
    student = "import torch\ndef draw():\n    return float(torch.rand(()))"
    first, second = marked(student, test), marked("import torch; torch.rand(9)\n" + student, test)
    assert first.message == second.message


@pytest.mark.parametrize(
    ("student", "test", "said"),
    [
        ("half = 1", "half(3)", "cannot work with what your code gives back (TypeError)"),
        ("def half(x): return 5", "assert half(3) == 1.2345", "(AssertionError)"),
        ("def half(x): return 5", "if half(3) != 1.5: raise ValueError('the answer is 1.2345')", "(ValueError)"),
        ("def half(x): return [1][x]", "half(3)", "IndexError in line 1 of its cell: list index out of range"),
        ("def half(x): raise NotImplementedError", "half(3)", "nothing to check yet"),
        ("other = 1", "half(3)", "there is no `half`"),
        ("half = None", "exercises.check('C90.1', half)", "nothing to check yet"),
        ("def half(x): return 5", "half(object())", "cannot work with"),
        ("def half(x): return object()", "if half(3) - 1.5 > 0.1: raise Wrong('no')", "no plain data"),
        ("def half(x): return float('nan')", "if abs(half(3) - 1.5) > 0.1: raise Wrong()", "`half` returns holds NaN"),
        ("half = [1.0, float('nan')]", "if half[1] > 3: raise Wrong('no')", "`half` holds NaN"),
        ("def half(x): raise SystemExit", "half(3)", "SystemExit"),
        ("def half(x): return half(x)", "half(3)", "RecursionError"),
    ],
)
def test_what_the_student_reads_of_a_test_that_fails(student, test, said):
    found = marked(student, HIDDEN.format(test))
    assert not found.passed and said.lower() in found.message.lower(), found.message
    assert "1.2345" not in found.message, "the answer"


def test_a_visible_check_that_is_not_content_stops_the_cell_and_cannot_be_swallowed():
    test = "try:\n    exercises.check('C90.1', half)\nexcept Exception:\n    pass"
    for way in (test, "from hrm_lite.exercises import check\ncheck('C90.1', half)", "exercises.check('C90.1', half)"):
        found = marked("def half(x): return x", way)
        assert not found.passed and "one and a half" in found.message and not found.hidden


def test_hidden_and_visible_failures_are_told_apart():
    test = "exercises.check('C90.1', half)\n" + HIDDEN.format("if half(1) != 7: raise Wrong('seven')")
    found = marked("def half(x): return x / 2", test)
    assert (found.passed, found.hidden, found.message) == (False, True, "Seven")


def test_the_small_assignment_marks_as_it_should():
    assert faults(made.MASTER) == []


def test_an_assignment_that_would_let_nonsense_pass_is_found_out(tmp_path):
    weak = tmp_path / "90_halves" / "90_halves.ipynb"
    weak.parent.mkdir()
    text = made.MASTER.read_text(encoding="utf-8")
    weak.write_text(text.replace('exercises.check(\\"C90.2\\", steps)', "str(steps)"), encoding="utf-8")
    assert any("test-2a gives its points for nothing" in fault for fault in faults(weak))


def test_each_test_is_judged_where_its_cell_stands():
    """A name that is used again further down is still what it was."""
    notebook = made.handed_in({"task-4": "half = None\n" + made.SOLUTIONS["task-4"]})
    assert run(made.master(), notebook).points == 9


def test_what_a_student_wrote_is_found_by_task(tmp_path):
    path = tmp_path / "x.ipynb"
    notebook = made.handed_in(after=["extra = 1"])
    path.write_text("\ufeff" + json.dumps(notebook), encoding="utf-8")
    handed, master = read_handed(path), made.master()
    found = plan(master, handed)
    assert found.sources["1"] == [made.SOLUTIONS["task-1"]] and found.written == {"why": ""}, "the master's own"
    assert found.notes == [] and belongs_to(handed, "anything.ipynb", {made.NAME: master}) == made.NAME


@pytest.mark.parametrize(
    ("marked_cell", "below", "bare", "found"),
    [
        ("It settles.", [], False, "It settles."),
        ("It settles.", [], True, "It settles."),
        ("YOUR ANSWER HERE", [], False, ""),
        ("YOUR ANSWER HERE", [], True, ""),
        ("YOUR ANSWER HERE", ["## My answer\n\nIt settles."], False, "## My answer\n\nIt settles."),
        ("It settles.", ["And more."], False, "It settles.\n\nAnd more."),
        ("It settles.", ["And more."], True, "It settles.\n\nAnd more."),
    ],
)
def test_an_answer_in_words_is_found_wherever_it_was_written_below_its_heading(
    marked_cell, below, bare, found, tmp_path
):
    """In the cell for it, in one added below, in a file that has lost its marks; what was handed out is no answer."""
    notebook = made.handed_in()
    at = next(i for i, c in enumerate(notebook["cells"]) if c["metadata"].get("nbgrader", {}).get("grade_id") == "why")
    notebook["cells"][at]["source"] = marked_cell
    notebook["cells"][at + 1 : at + 1] = [made.text(source) for source in below]
    for cell in notebook["cells"] if bare else ():
        cell["metadata"] = {}
    path = tmp_path / "x.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert plan(made.master(), read_handed(path)).written == {"why": found}


def test_a_cell_may_leave_a_score_whether_it_passes_or_not():
    assert marked("def f(): return 7", "score = f() / 2\nassert score > 3").score == 3.5
    assert marked("def f(): return 7", "score = f() / 2\nif score < 9: raise Wrong('more')").score == 3.5
    assert marked("score = 5\ndef f(): return 7", "f()").score is None, "the student's own is not taken"
    assert marked("def f(): return 'much'", "score = f()").score is None


@pytest.mark.parametrize("name", ["reads", "writes the gradebook", "calls out", "looks at other processes"])
def test_without_walls_an_attack_succeeds(name, tmp_path):
    """Or the test that holds the sandbox to it could not fail. Here they run in this very process."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        whole, points, _ = attacks([made.MASTER], tmp_path, server.getsockname()[1])[name]
        assert points == 8
        assert run(made.master(), json.loads(whole.replace(b"cli import main", b"pytest"))).points == 9


def test_a_pupil_in_this_process_keeps_its_own_kind_of_numbers():
    pupil = Near()
    pupil.ask({"do": "cell", "source": "import torch\ntorch.set_default_dtype(torch.float64)", "name": "cell 1"})
    assert torch.get_default_dtype() == torch.float32
    assert pupil.default == torch.float64
