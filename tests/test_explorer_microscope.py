"""The explorer of gradients: its numbers, its dials, and that it works without a kernel."""

import re

import pytest
import torch
from helpers import make

from hrm_lite.explorers.microscope import GradientMicroscope, picture
from hrm_lite.gradients import Agreement, agreement, gradient_terms
from hrm_lite.losses import segment_loss


@pytest.fixture
def explorer(puzzles):
    tokens, labels, _ = puzzles.as_tensors()
    return GradientMicroscope(make(cycles=2, steps=2).double(), tokens[:4], labels[:4])


def numbers(html):
    return [float(v) for v in re.findall(r"</span></span> (-?[\d.]+|nan)</td>", html)]


def test_a_picture_for_each_place_to_stop_with_the_numbers_of_the_package(explorer):
    model, labels = explorer.model, explorer.labels
    terms = gradient_terms(model, explorer.tokens, lambda out: segment_loss(out, labels, None, "softmax").total / 4)
    assert len(explorer.tabs.children) == 6 and explorer.slider.max == explorer.play.max == 5
    for k, tab in enumerate(explorer.tabs.children, 1):
        expected = [v for a in agreement(terms.last(k), terms.last()).values() for v in a]
        assert numbers(tab.value) == pytest.approx(expected, abs=0.0051)
        assert tab.value.count("#D9DCE1;color") == 6 - k, "steps that the gradient does not reach are grey"
    assert set(numbers(explorer.tabs.children[-1].value)) == {1.0}


def test_the_dials_change_the_schedule_and_not_the_model_that_was_given(puzzles):
    tokens, labels, _ = puzzles.as_tensors()
    model = make(cycles=2, steps=2)
    explorer = GradientMicroscope(model, tokens[:4], labels[:4])
    explorer.dials[1].value = 4
    assert len(explorer.tabs.children) == 10 and explorer.slider.max == 9
    explorer.tabs.selected_index = 9
    explorer.dials[0].value = explorer.dials[1].value = 1
    assert len(explorer.tabs.children) == 2 and explorer.tabs.selected_index == 0 and explorer.slider.max == 1
    assert model.config.steps == 2 and all(p.grad is None for p in model.parameters())


def test_a_bar_stays_within_its_frame():
    html = picture("HL", 2, {"worker": Agreement(-0.5, 3.0), "controller": Agreement(0.5, 0.25)})
    assert [int(v) for v in re.findall(r"width:(\d+)px;height", html)] == [0, 150, 75, 38]
    assert numbers(html) == [-0.5, 3.0, 0.5, 0.25]


def test_the_slider_moves_the_pictures_in_the_browser(explorer):
    from ipywidgets.embed import dependency_state, embed_data

    state = embed_data([explorer], state=dependency_state([explorer]))["manager_state"]["state"]
    links = [v["state"] for v in state.values() if v["model_name"] == "LinkModel"]
    assert {(s["source"][1], s["target"][1]) for s in links} == {("value", "value"), ("value", "selected_index")}


def test_torch_is_left_as_it_was(explorer):
    assert torch.is_grad_enabled() and all(p.grad is None for p in explorer.model.parameters())
