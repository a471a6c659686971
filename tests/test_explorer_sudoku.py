"""The explorer: what it shows, what it says to nonsense, and that it works without a kernel."""

import re

import pytest
import torch

from hrm_lite import HRM, HRMConfig
from hrm_lite.explorers.sudoku import SudokuExplorer, board_html
from hrm_lite.puzzles import sudoku
from hrm_lite.solving import solve


@pytest.fixture(scope="module")
def puzzles():
    return sudoku.load("generated:4x4:8-10", "test", limit=2)


@pytest.fixture
def explorer(puzzles):
    torch.manual_seed(0)
    model = HRM(
        HRMConfig(
            vocab_size=6, seq_len=16, d_model=16, n_heads=2, worker_layers=1, controller_layers=1, inner_multiple=8
        )
    )
    return SudokuExplorer(model, puzzles, segments=3)


def digits(html):
    return "".join(c or "." for c in re.findall(r"<td[^>]*>(.?)</td>", html))


def test_it_shows_the_question_and_every_segment(explorer, puzzles):
    assert digits(explorer.boards[0].value) == puzzles.questions()[0]
    x = torch.from_numpy(puzzles.inputs[:1].astype("int64"))
    trace = solve(explorer.model, x, 3, halt=False, record=True).trace[0]
    for m in range(3):
        assert digits(explorer.boards[m + 1].value) == puzzles.decode(trace[m]).replace("_", ".")
    assert "not solved" in explorer.message.value


def test_another_puzzle_is_solved_and_shown(explorer, puzzles):
    explorer.text.value = puzzles.questions()[1]
    assert digits(explorer.boards[0].value) == puzzles.questions()[1]


@pytest.mark.parametrize("nonsense", ["", "hello", "1" * 16, "." * 16, "<b>!</b>" * 2, "." * 81])
def test_nonsense_gets_an_answer_and_leaves_the_boards(explorer, nonsense):
    before = [b.value for b in explorer.boards]
    explorer.show(nonsense)
    assert "#B42318" in explorer.message.value and "<b>" not in explorer.message.value
    assert [b.value for b in explorer.boards] == before


def test_the_slider_moves_the_boards_in_the_browser(explorer):
    from ipywidgets.embed import dependency_state, embed_data

    state = embed_data([explorer], state=dependency_state([explorer]))["manager_state"]["state"]
    links = [v["state"] for v in state.values() if v["model_name"] == "LinkModel"]
    assert {(s["source"][1], s["target"][1]) for s in links} == {("value", "value"), ("value", "selected_index")}


def test_a_board_marks_what_breaks_a_rule(puzzles):
    right = puzzles.labels[0]
    assert "F3B0A7" not in board_html(puzzles, puzzles.inputs[0], right)
    assert board_html(puzzles, puzzles.inputs[0], [2] * 16).count("F3B0A7") == 16
