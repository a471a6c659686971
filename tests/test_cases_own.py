"""Puzzles of one's own: from a table or arrays to a trained model, judged by their labels."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import TRAIN, make, trainer

from hrm_lite import solve
from hrm_lite.puzzles import own
from hrm_lite.solving import choose_margin, evaluate, verdicts

CASE = Path(__file__).parent / "data" / "cases" / "own" / "columns.csv"


def table(path, count=60, cells=4, header="question,answer", more=""):
    """Copy and turn around: the answer is the question backwards."""
    rng = np.random.default_rng(0)
    questions = ["".join(row) for row in rng.choice(list("abcdefgh"), (count, cells))]
    lines = [f"{question},{question[::-1]}{more}" for question in questions]
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return questions


def test_the_case_is_read_and_trained_on(tmp_path):
    puzzles = own.load(CASE, "all")
    assert (puzzles.grid, puzzles.seq_len, len(puzzles), puzzles.ratings) == ((20, 20), 400, 1, None)
    assert "".join(puzzles.vocab[1:]) == "*123_" and puzzles.vocab[0] not in puzzles.vocab[1:]
    with CASE.open(encoding="utf-8") as file:
        assert puzzles.decode(puzzles.inputs[0]) == file.read().splitlines()[1].split(",")[1]
    model = make(vocab_size=puzzles.vocab_size, seq_len=puzzles.seq_len)
    record = trainer(puzzles, tmp_path, TRAIN.replace(max_steps=3, batch_size=2), model, held_out=puzzles).fit()
    assert record["finished"] and record["data"] == puzzles.content_hash


def test_the_lines_of_the_module_lead_from_a_file_to_a_trained_model(tmp_path, monkeypatch, capsys):
    code = textwrap.dedent(re.search(r"\n\n((?:    .*\n|\n)+)", own.__doc__)[1])
    assert "own.load" in code and code.count("\n") <= 30
    table(tmp_path / "columns.csv", cells=9)
    monkeypatch.chdir(tmp_path)
    exec(code.replace("2_000", "4").replace("batch_size=64", "batch_size=8"), {})
    printed = capsys.readouterr().out
    assert "'solved'" in printed and (tmp_path / "runs" / "own" / "run.json").exists()


def test_a_table_is_divided_by_its_questions(tmp_path):
    path = tmp_path / "p.csv"
    questions = table(path, 300)
    sides = [own.load(path, split) for split in ("train", "test")]
    texts = [{side.decode(row) for row in side.inputs} for side in sides]
    assert texts[0] | texts[1] == set(questions) and not texts[0] & texts[1] and 20 < len(texts[1]) < 100
    assert sides[0].vocab == sides[1].vocab and sides[0].grid == (2, 2)
    # The side does not depend on the rest of the file, nor on the vocabulary.
    path.write_text(path.read_text(encoding="utf-8") + "AAAA,AAAA\n", encoding="utf-8")
    again = own.load(path, "test")
    assert texts[1] == {again.decode(row) for row in again.inputs} - {"AAAA"}
    for side in sides:
        for question, answer in zip(side.inputs, side.labels, strict=True):
            assert side.decode(question)[::-1] == side.decode(answer)


def test_halves_of_a_folder_share_their_tokens(tmp_path):
    (tmp_path / "train.csv").write_text("input,output,rating\nabcb,bcba,\n", encoding="utf-8")
    (tmp_path / "test.csv").write_text("input,output,rating\nzaaa,aaaz,\n", encoding="utf-8")
    train, test = own.load(tmp_path, "train"), own.load(tmp_path, "test", grid=(1, 4))
    assert train.vocab == test.vocab == ("_", *"abcz") and (train.grid, test.grid) == ((2, 2), (1, 4))
    assert own.load(tmp_path / "train.csv", "all", vocab="cba").vocab == ("_", *"cba")


def test_any_answer_of_a_question_is_right_and_others_are_not(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("question,answer\nab,ba\nab,bb\nab,ba\nbb,a?\n", encoding="utf-8")
    puzzles = own.load(path, "all", ignore="?")
    assert len(puzzles) == 3 and puzzles.vocab == ("_", "a", "b")  # the line that stands there twice counts once
    ab, bb = puzzles.encode("ab"), puzzles.encode("bb")
    questions = torch.tensor(np.array([ab, ab, ab, bb, bb, bb]))
    answers = torch.tensor(np.array([puzzles.encode(text) for text in ("ba", "bb", "ab", "aa", "ab", "bb")]))
    assert puzzles.check(questions, answers).tolist() == [True, True, False, True, True, False]
    with pytest.raises(ValueError, match="question 0 is not one of the 3"):
        puzzles.check(answers[:1], answers[:1])
    assert not puzzles.violations(answers).any()


@pytest.mark.parametrize(("text", "settings", "words"), [
    ("question,answer\nabcd,abcd\nabc,abc\n", {}, "line 3: the question has 3 characters, the first question has 4"),
    ("question,answer\nabcd,abc\n", {}, "line 2: the answer has 3 characters, the first question has 4"),
    ("question,answer\nabcd,\n", {}, "line 2: the answer has 0 characters.*An answer is needed"),
    ("question\nabcd\n", {}, "An answer is needed: one's own puzzles are judged by it"),
    ("question,answer\nabcd,abcé\n", {"vocab": "abcd"}, "line 2: character 'é' at position 4 of the answer"),
    ("question,answer\nabcd,abcd\n", {"vocab": "abca"}, "different characters; got 'abca'"),
    ("question,answer\nabcd,abcd\n", {"grid": (3, 3)}, "a puzzle has 4 cells, which is not 3 x 3"),
    ("question,answer\nabcd,abcd\n", {"ignore": "no"}, "ignore is one character"),
    ("a,b\nabcd,abcd\n", {}, "no column of the first line holds the questions; it has a, b"),
    ("question,answer\n" + "\n".join(f"{chr(i)},{chr(i)}" for i in range(0x400, 0x540)), {}, "more than 255 different"),
    ("question,answer,rating\nabcd,abcd,easy\n", {}, "line 2: the rating 'easy' is not a number"),
])  # fmt: skip
def test_faults_of_a_table_are_named(tmp_path, text, settings, words):
    path = tmp_path / "p.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words) as error:
        own.load(path, "all", **settings)
    assert "\n" not in str(error.value)


def test_what_is_no_source():
    with pytest.raises(ValueError, match=r"own\.load reads files"):
        own.load("generated:3x3", "train")
    with pytest.raises(FileNotFoundError, match="There is no file"):
        own.load("nowhere.csv", "train")


# -- arrays

def test_arrays_become_tokens_that_are_all_scored():
    inputs = np.arange(12).reshape(3, 2, 2) % 5
    puzzles = own.from_arrays(inputs, inputs[:, ::-1], ids=[0, 2, 1], ratings=[0.5, 1, 2])
    assert puzzles.grid == (2, 2) and (puzzles.inputs == inputs.reshape(3, 4) + 1).all()
    assert puzzles.vocab == ("_", *"01234") and puzzles.identifiers == 3 and puzzles.ratings.tolist() == [0.5, 1, 2]
    assert puzzles.score(puzzles.labels) == {"solved": 1, "exact": 1, "cells": 1}
    assert puzzles.score(puzzles.inputs)["exact"] == 0
    for kind in (torch.tensor, lambda a: a.tolist(), lambda a: a.astype(float), lambda a: a.astype(np.int8)):
        same = own.from_arrays(kind(inputs), kind(inputs[:, ::-1].copy()), ids=[0, 2, 1])
        assert same.content_hash == puzzles.content_hash


def test_zeros_are_scored_unless_they_are_the_pad():
    """A label of 0 that went unscored would let a model that says 1 everywhere be right."""
    labels = np.array([[0, 1, -100], [1, 1, 0]])
    puzzles = own.from_arrays(labels.clip(0), labels)
    assert puzzles.labels.tolist() == [[1, 2, 0], [2, 2, 1]] and puzzles.grid == (1, 3)
    tokens = own.from_arrays([[3, 1], [2, 1]], [[0, 1], [2, 2]], ignore=0)
    assert tokens.labels.tolist() == [[0, 1], [2, 2]] and tokens.inputs.tolist() == [[3, 1], [2, 1]]
    assert tokens.vocab_size == 4 and own.from_arrays([[0]], [[1]], vocab="xyz").vocab == ("_", *"xyz")


@pytest.mark.parametrize(("arguments", "words"), [
    (([[1, 2], [3]], [[1, 2], [3, 4]]), "inputs have rows of different lengths"),
    (([[1, 2]], [[1, 2], [3]]), "labels have rows of different lengths"),
    (([[1, 2]], [[1, 2], [3, 4]]), "each question needs one answer"),
    (([[0.5, 2]], [[1, 2]]), "whole numbers; got float64"),
    (([["a", "b"]], [[1, 2]]), "whole numbers"),
    (([[-1, 2]], [[1, 2]]), "inputs hold -1 to 2; values run from 0 to 254"),
    (([[0, 255]], [[1, 2]]), "inputs hold 0 to 255; values run from 0 to 254"),
    (([[0, 1]], [[1, -1]]), "labels hold -1 to 1; .* -100 in labels marks"),
    (([1, 2], [1, 2]), "shape"),
    (([[1, 2, 3, 4]], [[1, 2, 3, 4]], (3, 2)), "not 3 x 2"),
])  # fmt: skip
def test_faults_of_arrays_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        own.from_arrays(*arguments)
    with pytest.raises(ValueError, match="vocab has 1 characters, but the arrays hold 3 values"):
        own.from_arrays([[0, 2]], [[0, 2]], vocab="x")


# -- rows without a label

@pytest.fixture
def half():
    """Four puzzles: one that the model solves, one that it does not, two without any label; and the model."""
    model = make(vocab_size=5, seq_len=4)
    tokens = torch.tensor([[1, 2, 3, 4], [2, 2, 3, 4], [3, 2, 3, 4], [1, 2, 3, 3]])
    answers = solve(model, tokens, 3, halt=False).tokens.numpy()
    labels = np.zeros((4, 4), int)
    labels[0, :3], labels[2, 1:] = answers[0, :3], answers[2, 1:] % 4 + 1
    return own.from_arrays(tokens, labels, ignore=0, vocab="abcd"), model


def test_rows_without_a_label_count_nowhere(half):
    puzzles, model = half
    tokens, labels, _ = puzzles.as_tensors()
    some, right = tokens[[0, 2]], labels[[0, 2]]
    answers = solve(model, tokens, 3, halt=False).tokens
    assert puzzles.score(answers) == puzzles[[0, 2]].score(answers[[0, 2]])
    assert puzzles.score(answers)["exact"] == 0.5  # 0.75 where the two others pass for right
    found, alone = evaluate(model, tokens, labels, 3), evaluate(model, some, right, 3)
    assert found["exact"] == alone["exact"] and found["exact"][-1] == 0.5
    assert found["cells"] == pytest.approx(alone["cells"])
    seen, only = verdicts(model, tokens, labels, 3), verdicts(model, some, right, 3)
    for margin in (-100.0, 0.0, 100.0):
        assert seen.outcome(margin) == only.outcome(margin)
    assert seen.outcome(100.0)[0] == 0.5
    assert choose_margin(model, tokens, labels, 3).exact_without == 0.5


def test_a_row_without_a_label_is_never_judged_right(half):
    puzzles, _ = half
    answers = torch.tensor(puzzles.labels)
    assert puzzles.score(answers) == {"solved": 1, "exact": 1, "cells": 1}
    assert puzzles.check(torch.tensor(puzzles.inputs), answers).tolist() == [True, False, True, False]


def test_without_any_label_there_is_nothing_to_measure(half):
    puzzles, model = half
    tokens, labels, _ = puzzles[[1, 3]].as_tensors()
    for measure in (evaluate, verdicts, choose_margin):
        with pytest.raises(ValueError, match="none of the 2 puzzles has a label"):
            measure(model, tokens, labels, 3)
    with pytest.raises(ValueError, match="none of the 2 puzzles has a label"):
        puzzles[[1, 3]].score(tokens)


def test_training_reports_leave_them_out(half):
    puzzles, model = half
    work = trainer(puzzles, config=TRAIN.replace(batch_size=8, lr=1e-6, augment=False), model=model).supervision
    losses = work.step()
    counted, means = losses.labelled, work.means()
    assert counted.any() and not counted.all()
    assert means["exact"] == pytest.approx(losses.exact[counted].double().mean().item())
    assert means["cells"] == pytest.approx(losses.cells[counted].double().mean().item())
    assert means["loss"] == pytest.approx(losses.output.item() / counted.sum().item(), rel=1e-5)
    assert losses.exact[~counted].all()  # the reward of halting, as published


def test_a_checkpoint_from_before_rows_were_counted_goes_on(puzzles):
    work = trainer(puzzles).supervision
    for _ in range(2):
        work.step()
    tensors, means = {name: tensor.clone() for name, tensor in work.tensors().items()}, work.means()
    tensors["sums"] = tensors["sums"][:5]
    other = trainer(puzzles).supervision
    other.load(tensors, 2)
    assert other.means() == pytest.approx(means)
