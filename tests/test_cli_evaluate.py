"""`hrm-lite evaluate`: both protocols, held against `solving.evaluate`, `solve` and counting by hand."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import make
from test_cli import call
from test_cli_solve import is_sudoku

from hrm_lite import load_model, solve
from hrm_lite.cli.measuring import Tally, labelled, measure, pick_margin
from hrm_lite.losses import IGNORE
from hrm_lite.puzzles import arc, sudoku
from hrm_lite.solving import evaluate
from hrm_lite.training import save_model
from hrm_lite.voting import solve_tasks

SHIPPED = str(Path(__file__).resolve().parent.parent / "results/sudoku/4x4-hrm/model.safetensors")
SOURCE = "sudoku:generated:4x4:4-6"


@pytest.fixture(scope="module")
def model():
    return load_model(SHIPPED)


@pytest.fixture(scope="module")
def unseen():
    return sudoku.load("generated:4x4:4-6", "test", limit=70)


def test_all_segments_are_what_the_package_measures(model, unseen):
    found = measure(model, unseen, 8, 2.0, batch_size=32)["published"]
    tokens, labels, ids = unseen.as_tensors()
    wanted = evaluate(model, tokens, labels, 8, ids)
    assert list(found) == [1, 2, 4, 8]
    for m, shares in found.items():
        assert shares["exact"] == wanted["exact"][m - 1]
        assert shares["cells"] == pytest.approx(wanted["cells"][m - 1])
        answers = solve(model, tokens, m, halt=False).tokens
        rules = [is_sudoku(q, unseen.decode(a)) for q, a in zip(unseen.questions(), answers, strict=True)]
        assert shares["rules"] == np.mean(rules) and shares["segments"] == m
    assert 0.5 < found[1]["exact"] < found[8]["exact"]  # the numbers are not all the same


@pytest.mark.parametrize("margin", [-1.0, 0.0, 2.0, 1e9])
def test_halting_is_what_solve_does(model, unseen, margin):
    found = measure(model, unseen, 6, margin, batch_size=32)["halting"]
    tokens, labels, _ = unseen.as_tensors()
    wanted = solve(model, tokens, 6, margin=margin)
    assert found["segments"] == wanted.segments.double().mean().item()
    assert found["exact"] == (wanted.tokens == labels).all(1).double().mean().item()


def test_restarts_and_votes_are_rows_of_their_own(model, unseen):
    found = measure(model, unseen, 2, 3.0, restarts=2, votes=3)
    assert found["restarts"]["segments"] > found["halting"]["segments"]
    assert found["votes"]["segments"] > 3 * found["halting"]["segments"] - 1e-9
    assert "restarts" not in measure(model, unseen[:4], 2, 3.0)
    assert measure(model, unseen[:40], 2, 3.0, votes=3)["votes"]["segments"] == 6  # of the votes alone all think on


def test_a_tally_counts_as_a_hand_does(unseen):
    tally, part = Tally(), unseen[:3]
    tokens, labels, _ = part.as_tensors()
    answers = labels.clone()
    answers[1, :4] = answers[1, :4].flip(0)
    labels[2, :8] = IGNORE
    answers[2, 0] = 3
    tally.add(part, tokens, labels, answers, torch.tensor([1, 2, 6]))
    shares = tally.shares()
    same = int((answers[1] == labels[1]).sum())
    assert shares["exact"] == pytest.approx(2 / 3) and shares["segments"] == 3
    assert shares["cells"] == pytest.approx((1 + same / 16 + 1) / 3)


def test_rows_without_a_label_are_left_out(unseen):
    labels = unseen.labels.copy()
    labels[::2] = 0
    kept, left_out = labelled(dataclasses.replace(unseen, labels=labels))
    assert (len(kept), left_out) == (35, 35) and (kept.inputs == unseen.inputs[1::2]).all()


def test_a_margin_is_chosen_on_puzzles_that_are_set_apart(model, unseen):
    many = sudoku.load("generated:4x4:4-6", "test", limit=300)
    margin, apart = pick_margin(model, many, 8, 256)
    assert apart == 60 and np.isfinite(margin)
    assert pick_margin(model, unseen, 8, 256) == (0.0, 0)


def report(*words, source=SOURCE):
    result = call("evaluate", SHIPPED, source, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_where_the_margin_comes_from_is_said(tmp_path):
    assert report("--limit", "20", "--margin", "1.5")["halting"]["margin_from"] == "as given"
    bare = tmp_path / "bare.safetensors"
    bare.write_bytes(Path(SHIPPED).read_bytes())
    chosen = json.loads(call("evaluate", str(bare), SOURCE, "--limit", "300", "--json").stdout)
    assert chosen["set_apart"] == 60 and chosen["of"] == chosen["puzzles"] == 240
    assert "set apart" in chosen["halting"]["margin_from"]
    (tmp_path / "model.safetensors").write_bytes(Path(SHIPPED).read_bytes())
    (tmp_path / "run.json").write_text('{"halting": {"margin": 1.25}}', encoding="utf-8")
    result = call("evaluate", str(tmp_path), SOURCE, "--limit", "20", "--json")
    found = json.loads(result.stdout)
    assert found["halting"]["margin"] == 1.25 and "record" in found["halting"]["margin_from"]


def test_a_time_budget_ends_it_after_a_batch_and_says_so():
    words = "--limit", "40", "--batch-size", "8", "--minutes", "1e-9", "--segments", "2"
    found = report(*words)
    assert found["puzzles"] == 8 and found["of"] == 40
    shown = call("evaluate", SHIPPED, SOURCE, *words).output
    assert "8 of 40 puzzles" in shown and "The time was up after 8 puzzles." in shown


def test_a_file_and_its_sides(tmp_path, unseen):
    sudoku.write_csv(tmp_path / "test.csv", unseen[:30])
    everything = report("--split", "all", source=str(tmp_path / "test.csv"))
    assert everything["of"] == 30
    assert report("--limit", "3", source=f"sudoku:{tmp_path / 'test.csv'}")["of"] == 3


@pytest.mark.parametrize("width", ["40", "80"])
def test_the_table_is_for_people(width):
    result = call("evaluate", SHIPPED, SOURCE, "--limit", "30", "--restarts", "1", "--votes", "2",
                  env={"COLUMNS": width})  # fmt: skip
    assert result.exit_code == 0, result.output
    assert all(len(line) <= int(width) for line in result.output.splitlines())
    text = " ".join(result.output.split())
    for word in ("segments", "exact", "halting", "vote", "100.00%", "Halting margin"):
        assert word in text


def test_puzzles_of_another_kind_and_nowhere(tmp_path):
    wrong = call("evaluate", SHIPPED, "sudoku:generated:9x9:45-55", "--limit", "2")
    assert wrong.exit_code == 1 and "16 cells" in wrong.stderr and "sudoku-9x9" in wrong.stderr
    nowhere = call("evaluate", SHIPPED, str(tmp_path / "nowhere.csv"))
    assert nowhere.exit_code == 1 and "nowhere.csv" in nowhere.stderr
    assert call("evaluate", SHIPPED).exit_code == 2


@pytest.mark.filterwarnings("ignore:the model does not say")  # one that was trained says which tasks it knows
def test_arc_is_scored_by_two_guesses(tmp_path):
    grid = lambda *rows: [list(map(int, row)) for row in rows]  # noqa: E731
    for number in range(3):
        task = {
            "train": [{"input": grid("12", "30"), "output": grid("21", "03")}] * 2,
            "test": [{"input": grid("45", "60"), "output": grid("54", "06")}] * (1 + number % 2),
        }
        (tmp_path / f"task{number}.json").write_text(json.dumps(task), encoding="utf-8")
    tests = arc.load(tmp_path, "test", augmentations=1000)
    network = make(vocab_size=12, seq_len=900, puzzles=tests.identifiers)
    save_model(tmp_path / "m.safetensors", network)
    words = [str(tmp_path / "m.safetensors"), f"arc:{tmp_path}", "--votes", "2", "--segments", "1"]
    result = call("evaluate", *words, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["tasks"], found["of"], found["inputs"], found["copies"]) == (3, 3, 4, 2)
    wanted = arc.score(tests.tasks, solve_tasks(network, tests, 2, max_segments=1, halt=False), 2)
    assert found["pass"]["2"] == {"inputs": wanted.inputs, "tasks": wanted.tasks, "whole_tasks": wanted.whole_tasks}
    shown = " ".join(call("evaluate", *words, "--minutes", "1e-9").output.split())
    assert "1 of 3 tasks" in shown and found["set"]["sha256"][:16] in shown and "2 copies" in shown
