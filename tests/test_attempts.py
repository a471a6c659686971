"""What `experiments/attempts.py` keeps of attempts: held against runs that let no row leave, and against `solve`."""

import pytest
import torch
from helpers import experiments, make, run_experiment

from hrm_lite import save_model
from hrm_lite.puzzles import sudoku
from hrm_lite.records import read_json
from hrm_lite.solving import solve


@pytest.fixture(scope="module")
def scripts():
    with experiments("attempts", "sudoku_thinking") as modules:
        yield modules


@pytest.fixture(scope="module")
def doubting():
    """A model whose rows become content at different segments, and puzzles for it."""
    torch.manual_seed(0)
    model = make(vocab_size=11, seq_len=81).eval()
    torch.nn.init.normal_(model.q_head.weight, std=0.35)
    torch.nn.init.constant_(model.q_head.bias, -1.6)
    puzzles = sudoku.load("generated:9x9:28-32", "test", limit=12)
    return model, puzzles


@pytest.mark.parametrize("way", ["latents", "copies"])
def test_an_attempt_ends_where_a_run_of_all_segments_would_first_be_content(scripts, doubting, way):
    attempts, thinking = scripts
    model, puzzles = doubting
    tokens, _, _ = puzzles.as_tensors()
    answer, q, segments = attempts.attempt(model, puzzles, tokens, way, seed=3, number=2)
    whole_answer, whole_q, _ = thinking.attempt(model, puzzles, tokens, way, 2, 3)  # every row runs all 16 segments
    torch.testing.assert_close(q, whole_q, atol=1e-4, rtol=0)
    assert torch.equal(answer, whole_answer)
    assert len(segments.unique()) > 1 and ((segments == attempts.ATTEMPT) | (q > 0)).all()


def test_the_long_run_is_what_solve_sees_without_halting(scripts, doubting):
    attempts, _ = scripts
    model, puzzles = doubting
    tokens, labels, _ = puzzles.as_tensors()
    labels = solve(model, tokens, 5, halt=False).tokens  # so that something is right, and not always
    runs = attempts.first_run(model, tokens, labels)
    trace = solve(model, tokens, attempts.LONGEST, halt=False, record=True).trace
    right = (trace == labels[:, None]).all(-1)
    assert [run["right"] for run in runs] == ["".join("01"[r] for r in row.int()) for row in right]
    halted = solve(model, tokens, attempts.LONGEST)
    assert [run["content"] or attempts.LONGEST for run in runs] == halted.segments.tolist()


def test_a_short_run_leaves_records_that_keep_no_foreign_puzzle(tmp_path):
    save_model(tmp_path / "m.safetensors", make(vocab_size=11, seq_len=81))
    sudoku.write_csv(tmp_path / "test.csv", sudoku.load("generated:9x9:minimal", "train", limit=3))
    words = ["--model", tmp_path / "m.safetensors", "--sets", "sudoku-hard", "--hard", tmp_path, "--puzzles", 3,
             "--attempts", 2, "--seeds", 4, "--to", tmp_path / "to"]  # fmt: skip
    done = run_experiment("attempts", *words)
    assert done.returncode == 0, done.stderr
    found = {path.stem: read_json(path) for path in (tmp_path / "to").glob("*.json")}
    ways = ("latents", "copies", "positions", "noise-0.1", "noise-0.3")
    assert set(found) == {"sudoku-hard_first", *(f"sudoku-hard_{way}_seed4" for way in ways)}
    for way in ways:
        r = found[f"sudoku-hard_{way}_seed4"]
        assert {len(row) for key in ("right", "q", "segments", "answer") for row in r[key]} == {2}
        assert len(r["right"]) == len(r["doubtful"]) == 3
    text = "".join(path.read_text() for path in (tmp_path / "to").glob("*.json"))
    assert not any(q in text for q in sudoku.read_csv(tmp_path / "test.csv").questions())
