"""Pictures of a block: what they show is looked up in the artists, not in pixels."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest

from hrm_lite.plots import blocks


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("norms, expected", [
    ("after", ["attention 1", "norm 0", "SwiGLU 1", "norm 0"]),
    ("before", ["norm 1", "attention 1", "norm 1", "SwiGLU 1"]),
    ("before and at the end", ["norm 1", "attention 1", "norm 1", "SwiGLU 1", "norm 0"]),
    ("none", ["attention 1", "SwiGLU 1"]),
])
def test_a_block_from_left_to_right(norms, expected):
    """Height 0 is the state's own way, height 1 the branches."""
    _, ax = plt.subplots()
    blocks.block_diagram(ax, norms)
    named = [(t.get_position(), t.get_text()) for t in ax.texts if t.get_text() not in ("", "+")]
    assert [f"{name} {round(y)}" for (_, y), name in sorted(named)] == expected
    assert [t.get_text() for t in ax.texts].count("+") == 2


def test_a_place_for_a_norm_that_does_not_exist():
    with pytest.raises(ValueError, match="norms='behind' is not a place for a norm: expected one of 'after', 'before'"):
        blocks.block_diagram(plt.subplots()[1], "behind")


def sphere(states, sums):
    _, ax = plt.subplots(subplot_kw={"projection": "3d"})
    blocks.post_norm_sphere(ax, states, sums)
    return ax


def test_on_the_sphere_the_norm_leads_straight_back_to_the_next_state():
    states = 3**0.5 * np.array([[1, 0, 0], [0, 1, 0], [0, 0, -1]])
    ax = sphere(states, 2 * states[1:])
    lines = {line.get_label(): np.transpose(line.get_data_3d()) for line in ax.lines}
    assert {"add x̃ and the branch", "norm", "state"} <= set(lines)
    np.testing.assert_allclose(lines["add x̃ and the branch"], [states[0], 2 * states[1]])
    np.testing.assert_allclose(lines["norm"], [2 * states[1], states[1]])
    np.testing.assert_allclose(lines["state"], states)
    assert len(ax.lines) == 2 * 2 + 1 and [t.get_text() for t in ax.texts] == ["0", "1", "2"]
    assert ax.get_xlim() == ax.get_ylim() == ax.get_zlim(), "a sphere and no egg"


def test_what_is_no_path_on_the_sphere_is_refused():
    on = np.full((3, 3), 1.0)  # three numbers of 1: length √3
    with pytest.raises(ValueError, match=r"expected \(steps \+ 1, 3\) and \(steps, 3\)"):
        sphere(on, on)
    with pytest.raises(ValueError, match="not on the sphere"):
        sphere(2 * on, on[1:])


def test_the_dot_in_the_player_is_the_dot_product_of_its_arrows(monkeypatch):
    seen = []

    def look(figure, draw, frames, fps, alt):
        for i in range(frames):
            draw(i)
            circle, curve = figure.axes
            tips = [t.xy for t in circle.texts if getattr(t, "arrow_patch", None)]
            (far,), (dot,) = curve.lines[-1].get_data()
            seen.append((circle.get_title(), far, dot, sum(a * b for a, b in zip(*tips, strict=True))))
        return "page"

    monkeypatch.setattr(blocks, "player", look)
    assert blocks.rotary_player(0.4, together=4, apart=6) == "page"
    assert all(dot == pytest.approx(product) for _, _, dot, product in seen)
    together, apart = seen[:5], seen[5:]
    assert len({title for title, *_ in together}) == 5 and {far for _, far, *_ in together} == {3}
    assert max(d for *_, d in together) == pytest.approx(min(d for *_, d in together))
    assert [far for _, far, *_ in apart] == list(range(7)) and len({round(d, 6) for *_, d in apart}) == 7
