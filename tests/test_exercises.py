"""Every check of an exercise against answers: right, wrong with their hints, and what nobody meant to give."""

import importlib

import numpy as np
import pytest
import torch

from hrm_lite import exercises
from hrm_lite.exercises import base
from hrm_lite.exercises.base import Unanswered, Wrong, call, choice, exercise, number, tensor

NUMBERS = exercises.numbers()


def answers(name: str):
    """RIGHT and WRONG of an exercise, from ``answers_NN.py``: [answers], and [(answer, words of its hint)]."""
    chapter = name.partition(".")[0].lower()
    module = importlib.import_module(f"tests.exercises.answers_{chapter:0>{2 if chapter.isdecimal() else 1}}")
    return module.RIGHT[name], module.WRONG[name]


class AlwaysEqual:
    """What a joker hands over."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __lt__(self, other):
        return True

    __le__ = __gt__ = __ge__ = __lt__
    __hash__ = None


def no_use(*_):
    raise ZeroDivisionError("planted")


GARBAGE = {
    "text": "seven", "nothing in it": [], "nan": float("nan"), "infinite": np.inf, "an object": object(),
    "always equal": AlwaysEqual(), "a function that fails": no_use, "a function of nothing": lambda *_: "?",
    "a dictionary": {"a": 1}, "a module": torch.nn.Linear(2, 2), "a wide tensor": torch.zeros(3, 5, 7),
    "a type": int, "true": True, "huge": 10**400, "gives itself": lambda *a: AlwaysEqual(),
}  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
def test_right_answers_are_taken_however_they_are_written(name, capsys):
    right, _ = answers(name)
    assert len(right) >= 2, "two ways to be right, at least"
    for answer in right:
        assert exercises.check(name, answer) is True, capsys.readouterr().out
        said = capsys.readouterr().out
        assert said.startswith(f"Exercise {name}: right. ") and len(said) > 60, "say what there is to learn"


@pytest.mark.parametrize("name", NUMBERS)
def test_wrong_answers_are_caught_each_with_its_hint(name, capsys):
    _, wrong = answers(name)
    assert len(wrong) >= 3, "three typical wrong answers, at least"
    for answer, hint in wrong:
        assert exercises.check(name, answer) is False, f"taken for right: {answer!r}, which should bring “{hint}”"
        said = " ".join(capsys.readouterr().out.split())
        assert said.startswith(f"Exercise {name}: not yet. ") and hint in said, said
    hints = {" ".join(exercises.judge(name, answer).message.split()) for answer, _ in wrong}
    assert len(hints) == len(wrong), "a hint that is the same for all of them helps nobody"


@pytest.mark.parametrize("name", NUMBERS)
def test_a_stub_is_no_wrong_answer(name, capsys):
    for stub in (None, ..., lambda *_: None, lambda *_: ...):
        if callable(stub) and not any(callable(answer) for answer in answers(name)[0]):
            continue
        assert exercises.check(name, stub) is False
        assert "Nothing to check yet" in capsys.readouterr().out


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("what", GARBAGE)
def test_anything_at_all_gets_a_sentence_and_no_point(name, what):
    verdict = exercises.judge(name, GARBAGE[what])
    assert verdict.right is False and len(verdict.message) > 20


@pytest.mark.parametrize("name", NUMBERS)
def test_a_check_leaves_the_random_numbers_of_the_notebook_alone(name):
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    exercises.judge(name, answers(name)[0][0])
    assert torch.equal(torch.rand(1), expected)


def test_an_exercise_that_is_not_there_names_those_that_are():
    with pytest.raises(KeyError, match="no exercise"):
        exercises.check("99.1", 1)


@pytest.fixture
def planted(monkeypatch):
    monkeypatch.setattr(base, "_KEPT", dict(base._KEPT))

    def plant(function):
        exercise("90.1", "a number")(function)
        return lambda answer: exercises.judge("90.1", answer)

    return plant


def test_a_check_that_breaks_says_what_was_asked_for(planted):
    verdict = planted(lambda answer: answer.no_such_thing)("x")
    assert not verdict.right and verdict.answered and "It asks for a number" in verdict.message


def test_two_checks_of_one_name_are_refused(planted):
    planted(lambda answer: "fine")
    with pytest.raises(ValueError, match="two checks are called"):
        exercise("90.1", "a number")(lambda answer: "fine")


@pytest.mark.parametrize("value", [3, 3.0, np.float32(3), torch.tensor(3), torch.tensor([3.0]), np.array([[3]])])
def test_a_number_is_read_from_whatever_holds_one(value):
    assert number(value, "x") == 3.0


@pytest.mark.parametrize(
    ("value", "said"),
    [("3", "one number"), (True, "one number"), (torch.zeros(2), "one number"), (float("nan"), "overflowed"),
     (9, "between 0 and 5"), (abs, "is a function"), (2 + 1j, "one number")],
)  # fmt: skip
def test_what_is_no_number_is_said_so(value, said):
    with pytest.raises(Wrong, match=said):
        number(value, "x", 0, 5)


def test_a_tensor_is_read_from_lists_and_arrays_and_its_shape_is_said():
    for value in ([[1, 2]], np.array([[1, 2]]), torch.tensor([[1, 2]]), np.array([[2, 1]])[:, ::-1]):
        assert torch.equal(tensor(value, "z", (None, 2)), torch.tensor([[1.0, 2.0]], dtype=torch.float64))
    with pytest.raises(Wrong, match=r"has the shape \(1, 2\), and should have any × 3"):
        tensor([[1, 2]], "z", (None, 3))
    with pytest.raises(Wrong, match="NaN or infinity"):
        tensor([1.0, float("inf")], "z")
    with pytest.raises(Wrong, match="tensor of numbers"):
        tensor(["a"], "z")


def test_a_choice_is_read_without_regard_to_case():
    assert choice(" Yes ", "it", ("yes", "no")) == "yes"
    with pytest.raises(Wrong, match="one of 'yes', 'no'"):
        choice(AlwaysEqual(), "it", ("yes", "no"))


def test_a_function_is_called_with_care():
    z = torch.ones(2)
    assert call(lambda z: z + 1, z).sum() == 4
    with pytest.raises(Wrong, match="changes what it is given"):
        call(lambda z: z.add_(1), z)
    assert z.sum() == 2, "and what the check holds is left as it was"
    with pytest.raises(Wrong, match="fails with ZeroDivisionError: planted"):
        call(no_use, z)
    with pytest.raises(Unanswered):
        call(lambda z: None, z)
    with pytest.raises(Wrong, match="hand over its name"):
        call(3, z)
