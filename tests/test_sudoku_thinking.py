"""What `experiments/sudoku_thinking.py` counts: held against boards by hand and against all choices one by one."""

import itertools

import pytest
import torch
from helpers import experiments, make, run_experiment

from hrm_lite import save_model
from hrm_lite.puzzles import sudoku
from hrm_lite.records import read_json


@pytest.fixture(scope="module")
def thinking():
    with experiments("sudoku_thinking") as (module,):
        yield module


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_best_of_some_attempts_is_a_mean_over_all_choices_of_them(thinking, count):
    generator = torch.Generator().manual_seed(count)
    right, q = torch.rand(5, 30, generator=generator) < 0.4, torch.randn(5, 30, generator=generator)
    chosen, anyone = [], []
    for others in itertools.combinations(range(1, 5), count - 1):
        some = torch.tensor([0, *others])
        best = q[some].argmax(0)
        chosen.append(right[some].gather(0, best[None])[0].double().mean())
        anyone.append(right[some].any(0).double().mean())
    found = thinking.of_many(right, q, count)
    assert found == pytest.approx((float(torch.stack(chosen).mean()), float(torch.stack(anyone).mean())))


def test_a_search_that_backs_out_ends_at_the_answer_and_changes_one_cell_beyond_what_it_takes_back(thinking):
    puzzles = sudoku.load("generated:9x9:28-32", "test", limit=5)
    for question, answer in zip(puzzles.questions(), puzzles.answers(), strict=True):
        boards = thinking.backing_out(puzzles, question, most=100_000)
        assert "".join(str(t - 1) for t in boards[-1]) == answer
        for before, now in itertools.pairwise(boards):
            moved = [(a, b) for a, b in zip(before, now, strict=True) if a != b]
            assert sum(b > 1 for _, b in moved) == 1, "one digit is placed, and all else is taken back"


def test_commitments_are_counted_as_by_hand(thinking):
    """Cells a, b, c, d are blank; the answer is 1 1 1 1 (token 2). A commitment has stood for two boards."""
    question, answer = torch.tensor([1, 1, 1, 1, 2]), torch.tensor([2, 2, 2, 2, 2])
    boards = torch.tensor([
        [3, 1, 1, 1, 2],  # a: wrong
        [3, 2, 1, 1, 2],  # a is a commitment, a wrong one; b: right
        [3, 2, 3, 2, 2],  # b is one; c: wrong, d: right
        [3, 2, 3, 2, 2],  # c and d, too
        [2, 2, 4, 2, 2],  # a is taken back, and c with it: one of the three that came after a
        [2, 4, 3, 2, 2],  # b is lost; c returns to a digit that it has had
    ])  # fmt: skip
    found = thinking.commitments(boards, question, answer, 2)
    counts = {k: found[k] for k in ("made", "wrong", "taken_back", "lost", "returns")}
    assert counts == {"made": 5, "wrong": 2, "taken_back": 2, "lost": 1, "returns": 1}
    # At board 5: of b, c, d after a, c goes; before a none stands. After c none; before c stand a, which goes, and b.
    # At board 6: after b came a, c, d, of which c goes; before it none.
    assert sorted(found["later"]) == pytest.approx([1 / 3, 1 / 3]) and found["earlier"] == pytest.approx([1 / 2])


def test_in_a_search_all_that_came_later_goes_as_well(thinking):
    puzzles = sudoku.load("generated:9x9:28-32", "test", limit=10)
    tokens, labels, _ = puzzles.as_tensors()
    shares = []
    for i, question in enumerate(puzzles.questions()):
        boards = torch.tensor(thinking.backing_out(puzzles, question, most=100_000))
        found = thinking.commitments(boards, tokens[i], labels[i], 1)
        shares += found["later"]
        assert found["taken_back"] == found["wrong"]
    assert shares and set(shares) == {1.0}


def test_a_short_run_leaves_a_record_that_keeps_no_foreign_puzzle(tmp_path):
    save_model(tmp_path / "m.safetensors", make(vocab_size=11, seq_len=81))
    sudoku.write_csv(tmp_path / "test.csv", sudoku.load("generated:9x9:minimal", "train", limit=4))
    words = ["--model", tmp_path / "m.safetensors", "--sets", "minimal", "--hard", tmp_path, "--puzzles", 4,
             "--tries", 2, "--attempts", 4, "--to", tmp_path / "to"]  # fmt: skip
    done = run_experiment("sudoku_thinking", *words)
    assert done.returncode == 0, done.stderr
    own, foreign = (read_json(tmp_path / "to" / f"{name}_seed0.json") for name in ("minimal", "sudoku-hard"))
    assert len(own["exact"]) == 64 and own["again"]["copies"]["attempts"] == [1, 2, 4]
    assert "questions" in own and "questions" not in foreign
    text = (tmp_path / "to" / "sudoku-hard_seed0.json").read_text()
    assert not any(q in text for q in sudoku.read_csv(tmp_path / "test.csv").questions())
