"""The forest plot: what it shows is looked up in the artists; log odds are held against torch.logit."""

import math

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from hrm_lite.plots.effects import forest, log_odds
from hrm_lite.plots.style import COLOURS


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_log_odds_are_logits_of_shares_that_are_kept_off_the_ends():
    shares, count = np.array([0.0, 0.25, 0.5, 0.99, 1.0]), 100
    kept_off = torch.tensor((shares * count + 0.5) / (count + 1))
    np.testing.assert_allclose(log_odds(shares, count), torch.logit(kept_off), rtol=1e-9)
    assert abs(log_odds(0.3, 10**9) - math.log(0.3 / 0.7)) < 1e-6
    with pytest.raises(ValueError, match="between 0 and 1"):
        log_odds(1.2, 10)


def drawn():
    _, axes = plt.subplots(1, 2)
    rows = ["one step", "attention", "no average"]
    panels = {"small": {"one step": [-0.1, 0.2], "attention": [-9.0, -3.0]},
              "large": {"attention": "the base", "no average": [1.0, 2.0, 1.5]}}
    forest(axes, panels, rows, [0.3, 0.3])
    return axes


def dots(ax):
    return {line.get_ydata()[0]: np.sort(line.get_xdata()) for line in ax.lines if line.get_marker() == "o"}


def test_every_seed_is_a_dot_in_its_row_and_what_is_far_left_stands_at_the_edge():
    small, large = map(dots, drawn())
    np.testing.assert_allclose(small[0], [-0.1, 0.2])
    np.testing.assert_allclose(small[1], [np.log(0.01) * 1.05, -3.0])
    assert set(small) == {0, 1} and set(large) == {2}
    assert large[2].tolist() == [1.0, 1.5, 2.0]


def test_colours_say_better_worse_or_within_the_band_and_what_is_missing_is_said():
    small, large = drawn()
    colour = {line.get_ydata()[0]: line.get_color() for ax in (small, large) for line in ax.lines
              if line.get_marker() == "o"}  # fmt: skip
    assert colour == {0: COLOURS["ink"], 1: COLOURS["controller"], 2: COLOURS["worker"]}
    assert [t.get_text() for t in small.texts] == ["not measured"]
    assert [t.get_text() for t in large.texts] == ["not measured", "the base"]
