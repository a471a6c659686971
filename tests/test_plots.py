"""Pictures: what they show is looked up in the artists, not in pixels."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from hrm_lite import HRM, HRMConfig, plots
from hrm_lite.dynamics import Residuals
from hrm_lite.plots.gradients import band, reach
from hrm_lite.plots.player import player
from hrm_lite.puzzles import maze, sudoku


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def puzzles():
    return sudoku.load("generated:4x4:8-10", "train", limit=3)


def grounds(ax):
    found = {}
    for patch in ax.patches:
        if isinstance(patch, Rectangle) and patch.get_width() == 1:  # the sheet of paper is larger
            found[int(patch.get_y()) * 4 + int(patch.get_x())] = to_hex(patch.get_facecolor())
    return found


def test_a_board_shows_givens_in_bold_and_marks_broken_and_changed_cells(puzzles):
    _, ax = plt.subplots()
    question, right = puzzles.inputs[0], puzzles.labels[0].copy()
    blank = int(np.flatnonzero(question == 1)[0])
    plots.board(ax, puzzles, question, right, before=right)
    assert grounds(ax) == {}
    digits = {(int(t.get_position()[0]), int(t.get_position()[1])): t for t in ax.texts}
    assert "".join(digits[i % 4, i // 4].get_text() for i in range(16)) == puzzles.answers()[0]
    assert all((digits[i % 4, i // 4].get_weight() == "bold") == (question[i] > 1) for i in range(16))

    _, ax = plt.subplots()
    wrong = right.copy()
    wrong[blank] = right[blank] % 4 + 2  # another digit
    plots.board(ax, puzzles, question, wrong, before=right)
    broken = set(puzzles.violations(torch.from_numpy(wrong)[None])[0].nonzero().flatten().tolist())
    assert blank in broken and len(broken) > 1
    assert grounds(ax) == {i: to_hex(plots.COLOURS["broken"]) for i in broken}

    _, ax = plt.subplots()
    plots.board(ax, puzzles, question, right, before=question)
    assert grounds(ax) == {i: to_hex(plots.COLOURS["changed"]) for i in np.flatnonzero(question == 1).tolist()}


def test_the_player_tells_what_is_seen_to_who_does_not_see_it():
    html = player(plt.figure(figsize=(1, 1)), lambda i: None, 2, fps=1, alt='a "b" <c>')
    assert html.count('<img alt="a &quot;b&quot; &lt;c&gt;" id="_anim_img') == 1


def test_thinking_draws_the_question_and_every_answer(puzzles):
    figure = plots.thinking(puzzles, puzzles.inputs[0], [puzzles.inputs[0], puzzles.labels[0]], per_line=2)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["question", "segment 1", "segment 2", ""]


def test_residual_curves_stand_at_their_own_steps():
    r = Residuals("LLH", torch.tensor([[0.1, 0.2, 0.3], [1.0, 1.0, 1.0], [5.0, 6.0, 7.0]]))
    _, ax = plt.subplots()
    plots.residual_curve(ax, r, "L")
    plots.residual_curve(ax, r, "H", label="slow")
    lines = ax.get_lines()
    assert lines[0].get_xdata().tolist() == [1, 2] and np.allclose(lines[0].get_ydata(), [0.2, 1.0])
    assert lines[1].get_xdata().tolist() == [3] and lines[1].get_label() == "slow"


def test_the_schedule_has_a_box_for_each_step():
    model = HRM(
        HRMConfig(
            vocab_size=6, seq_len=4, d_model=8, n_heads=2, worker_layers=1, controller_layers=1, cycles=2, steps=3
        )
    )
    _, ax = plt.subplots()
    plots.schedule(ax, model.schedule(), segments=2)
    boxes = [(round(p.get_x() + p.get_width() / 2), p.get_y()) for p in ax.patches]
    assert [x for x, _ in boxes] == list(range(1, 17))
    assert [x for x, y in boxes if y == 1.0] == [4, 8, 12, 16]


def test_a_puzzle_says_how_its_tokens_look():
    puzzles = maze.generate("4x4", "random", 1)
    _, ax = plt.subplots()
    answer = puzzles.labels[0].copy()
    stray = int(np.flatnonzero(answer == 2)[0])
    answer[stray] = 5  # a path cell that leads nowhere
    plots.board(ax, puzzles, puzzles.inputs[0], answer, before=puzzles.inputs[0])
    colours = [face.colour for face in puzzles.faces]
    painted = {i: to_hex(colours[t]) for i, t in enumerate(answer) if colours[t]}
    path = {int(i): to_hex(plots.COLOURS["changed"]) for i in np.flatnonzero(puzzles.labels[0] == 5)}
    broken = puzzles.violations(torch.tensor(answer)[None])[0].nonzero().flatten().tolist()
    assert stray in broken
    assert grounds(ax) == painted | path | {i: to_hex(plots.COLOURS["broken"]) for i in broken}
    assert sorted(t.get_text() for t in ax.texts) == sorted("SG" + "●" * int((answer == 5).sum()))


def test_a_band_spans_the_runs_and_its_line_is_their_median():
    _, ax = plt.subplots()
    band(ax, [1, 2], [[0.1, 5.0], [0.4, 6.0], [0.2, 9.0]], "name", color="#0072B2")
    assert ax.get_lines()[0].get_ydata().tolist() == [0.2, 6.0] and ax.get_lines()[0].get_label() == "name"
    corners = {tuple(v) for v in ax.collections[0].get_paths()[0].vertices.tolist()}
    assert {(1.0, 0.1), (1.0, 0.4), (2.0, 5.0), (2.0, 9.0)} <= corners
    assert to_hex(ax.collections[0].get_facecolor()[0]) == to_hex("#0072B2")


def test_the_reach_of_a_gradient_colours_its_last_steps():
    figure = reach("LLHLLH", {"one step": 2, "all": 6})
    [ax] = figure.axes
    rows = {row: [p for p in ax.patches if round(p.get_y() + 0.36) == row] for row in (0, 1)}
    grey = to_hex(plots.COLOURS["shade"])
    colours = {"L": to_hex(plots.COLOURS["worker"]), "H": to_hex(plots.COLOURS["controller"])}
    assert [to_hex(p.get_facecolor()) for p in rows[0]] == [grey] * 4 + [colours["L"], colours["H"]]
    assert [to_hex(p.get_facecolor()) for p in rows[1]] == [colours[part] for part in "LLHLLH"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["one step", "all"]


def test_the_decision_names_both_moves_and_what_they_pay():
    _, ax = plt.subplots()
    plots.decision(ax)
    texts = [t.get_text() for t in ax.texts if t.get_text()]
    assert texts.count("continue\nreward 0") == 3 and texts.count("end") == 3
    moves = [t.partition(":")[0] for t in texts if "1 if all of\nthe answer is right" in t]
    assert moves == ["halt", "halt", "must halt"]


def test_a_pointer_circle_has_an_arrow_for_each_pointer_and_each_hop():
    from hrm_lite.plots.pointers import pointer_circle

    figure, ax = plt.subplots()
    pointer_circle(ax, [1, 2, 3, 0], path=[0, 1, 2])
    arrows = [(a.xyann, a.xy, a.arrow_patch.get_edgecolor()) for a in ax.texts if getattr(a, "arrow_patch", None)]
    assert len(arrows) == 4 + 2
    place = {t.get_text(): t.get_position() for t in ax.texts if t.get_text()}
    red = plots.COLOURS["controller"].lower()
    hops = [(start, end) for start, end, colour in arrows if to_hex(colour) == red]
    for (start, end), (a, b) in zip(hops, (("0", "1"), ("1", "2")), strict=True):
        np.testing.assert_allclose((*start, *end), (*place[a], *place[b]), atol=0.02)
    filled = [line.get_xydata()[0] for line in ax.lines if to_hex(line.get_color()) == red]
    np.testing.assert_allclose(filled, [place["2"]], atol=0.02)
    plt.close(figure)


def test_the_architecture_brings_out_what_it_is_asked_for_and_no_other_part():
    def shown(*parts):
        figure = plots.architecture(*parts)
        return {t.get_text(): t.get_alpha() for t in figure.axes[0].texts if t.get_text()}

    whole, worker = shown(), shown("worker")
    assert {"$f_I$", "$f_L$", "$f_H$", "$f_O$", "$Q$"} <= whole.keys() and set(whole.values()) == {1.0}
    assert worker["$f_L$"] == 1.0 and worker["T steps\na cycle"] == 1.0
    assert all(worker[name] < 0.7 for name in ("$f_H$", "$f_O$", "$Q$", "one step\na cycle"))
    with pytest.raises(ValueError, match="no part is called brain"):
        plots.architecture("brain")


def test_the_words_of_the_architecture_can_be_read_on_a_telephone():
    figure = plots.architecture()
    pixels = [text.get_fontsize() / 72 * 360 / figure.get_figwidth() for text in figure.axes[0].texts]
    assert min(pixels) >= 9  # in a column of 360 pixels
    plt.close(figure)
