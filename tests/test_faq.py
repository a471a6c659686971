"""The questions and answers: their code runs as it stands, and what they promise of the package is so."""

import re
from pathlib import Path

import pytest
import torch

from hrm_lite import load_model, solve
from hrm_lite.puzzles import sudoku

PAGE = (Path(__file__).resolve().parent.parent / "book" / "faq.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_code_runs_and_the_model_sorts(tmp_path, monkeypatch, capsys):
    case, predict = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    assert len(case.splitlines()) <= 30
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(case, "faq.md", "exec"), names)
    score = names["unseen"].score(names["found"].tokens)
    assert score["exact"] > 0.9
    seen = {tuple(row) for row in names["train"].inputs.tolist()}
    assert not seen & {tuple(row) for row in names["unseen"].inputs.tolist()}
    exec(compile(predict, "faq.md", "exec"), names)
    assert sudoku.is_solution("1....2....2...43", capsys.readouterr().out.splitlines()[-1].split()[0])


def test_nothing_leaks_from_one_puzzle_to_the_next():
    """Alone, side by side, and in places that others have left: the same answers, segments and doubts."""
    model = load_model("sudoku-4x4")
    x = sudoku.load("generated:4x4:4-6", "test", limit=12).as_tensors()[0]
    together, in_turn = solve(model, x), solve(model, x, batch_size=2)
    for row in range(len(x)):
        alone = solve(model, x[row : row + 1])
        for other in (together, in_turn):
            assert torch.equal(alone.tokens[0], other.tokens[row]) and alone.segments[0] == other.segments[row]
            torch.testing.assert_close(alone.q_halt[0], other.q_halt[row], rtol=1e-4, atol=1e-4)


def test_every_answer_begins_with_the_answer():
    for heading, answer in re.findall(r"(?m)^## (.+)\n\n(.+)$", PAGE):
        assert answer.startswith("**") and answer.index("**", 2) < 140, heading
