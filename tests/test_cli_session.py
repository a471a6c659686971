"""A newcomer's session in a terminal: solve a typed puzzle, train, evaluate, export; each line as one would type it."""

import json

import pytest
from test_cli import terminal
from test_cli_solve import PUZZLE, is_sudoku


def typed(folder, *words, stdin=None):
    code, out, err = terminal(*words, stdin=stdin, TQDM_DISABLE="1")
    assert code == 0, err.decode("utf-8", "replace")
    return out.decode("utf-8")


@pytest.mark.slow
def test_a_newcomers_session(tmp_path):
    shown = typed(tmp_path, "solve", PUZZLE)
    assert "% sure" in shown and "Right, by the rules." in shown
    run = str(tmp_path / "runs" / "first")
    small = ["--limit", "500", "--held-out", "50", "--set", "max_steps=60", "--set", "batch_size=32"]
    ended = typed(tmp_path, "train", "sudoku-4x4-mlp", "--run-dir", run, *small)
    assert "Finished by max_steps: 60 steps" in ended and "Held-out puzzles" in ended
    again = typed(tmp_path, "train", "sudoku-4x4-mlp", "--run-dir", run, *small)  # a finished run is not run again
    assert "60 steps" in again
    found = json.loads(typed(tmp_path, "evaluate", run, "sudoku:generated:4x4:4-6", "--limit", "100", "--json"))
    assert found["published"]["16"]["cells"] > 0.4 and found["puzzles"] + found["set_apart"] == 100
    answer = json.loads(typed(tmp_path, "solve", "-", "--model", run, "--json", stdin=PUZZLE.encode()))
    assert answer["solved"] == is_sudoku(PUZZLE, answer["answer"])
    for name in ("small.safetensors", "segment.onnx", "page.js"):
        assert "checked on" in typed(tmp_path, "export", run, "--to", str(tmp_path / name))
        assert (tmp_path / name).stat().st_size > 10_000
    assert json.loads(typed(tmp_path, "solve", PUZZLE, "--model", str(tmp_path / "small.safetensors"), "--json"))
