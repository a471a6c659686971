"""The explorer of the two clocks: its dots against `dynamics.residuals`, and that it works without a kernel."""

import math
from xml.etree import ElementTree

import pytest
import torch
from helpers import make

from hrm_lite import HRM, dynamics, plots
from hrm_lite.explorers.residuals import ResidualExplorer


def dots(picture, part):
    name = {"L": "worker", "H": "controller"}[part]
    root = ElementTree.fromstring(picture.value)
    found = [e for e in root.iter("{http://www.w3.org/2000/svg}circle") if e.get("r") == "3"]
    return [(float(e.get("cx")), float(e.get("cy"))) for e in found if e.get("fill") == plots.COLOURS[name]]


def test_the_dots_are_the_residuals_of_each_segment(puzzles):
    model, tokens = make(), puzzles.as_tensors()[0][:9]
    explorer = ResidualExplorer(model, tokens, segments=2, cycles=3, steps=2)
    same = HRM(model.config.replace(cycles=3, steps=2))
    same.load_state_dict(model.state_dict())
    found = dynamics.residuals(same, tokens, 2)
    for part, count in (("L", 6), ("H", 3)):
        values = found.of(part)[1].median(1).values.log10().tolist()
        heights = [y for picture in explorer.pictures for _, y in dots(picture, part)]
        assert len(heights) == 2 * count
        # A picture is logarithmic: equal ratios are equal distances, upwards is larger.
        top, low = values.index(max(values)), values.index(min(values))
        slope = (heights[low] - heights[top]) / (values[top] - values[low])
        assert slope > 0
        assert heights == pytest.approx([heights[low] - slope * (v - values[low]) for v in values], abs=0.2)
    places = [x for x, _ in dots(explorer.pictures[0], "L")]
    assert places == sorted(places) and len(set(places)) == 6


def test_other_clocks_redraw_and_leave_the_model_alone(puzzles):
    model, tokens = make(), puzzles.as_tensors()[0][:5]
    before = {k: v.clone() for k, v in model.state_dict().items()}
    explorer = ResidualExplorer(model, tokens, segments=1)
    assert len(dots(explorer.pictures[0], "L")) == 16 and len(dots(explorer.pictures[0], "H")) == 4
    explorer.steps.value = 7
    explorer.cycles.value = 2
    assert len(dots(explorer.pictures[0], "L")) == 14 and len(dots(explorer.pictures[0], "H")) == 2
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert model.config.cycles == model.config.steps == 2
    assert all(math.isfinite(y) for _, y in dots(explorer.pictures[0], "L"))
    with pytest.raises(ValueError, match="segments=0"):
        ResidualExplorer(model, tokens, segments=0)


def test_the_segment_is_chosen_in_the_browser(puzzles):
    explorer = ResidualExplorer(make(), puzzles.as_tensors()[0][:3], segments=3)
    assert [explorer.tabs.get_title(i) for i in range(3)] == ["segment 1", "segment 2", "segment 3"]
    assert explorer.slider.max == explorer.play.max == 2
