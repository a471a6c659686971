"""The explorer of the halting rule: its numbers against a count by hand, and that it works without a kernel."""

import re
from xml.etree import ElementTree

import pytest
import torch

from hrm_lite.explorers.halting import HaltingExplorer
from hrm_lite.solving import Verdicts


@pytest.fixture
def seen():
    """Four puzzles, three segments. The last is never right, and never trusted."""
    q = torch.tensor([[2.5, -1.0, 0.5, -5.0], [2.5, 1.5, 1.5, -5.0], [2.5, 2.5, 2.5, -5.0]])
    right = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]]).bool()
    return Verdicts(q, torch.ones_like(q), right)


def says(picture):
    return re.sub(r"<[^>]+>", "", picture.value.partition("<svg")[0])


def drawing(picture):
    return ElementTree.fromstring(picture.value[picture.value.index("<svg") :])


def bars(picture, colour):
    found = [e for e in drawing(picture).iter("{http://www.w3.org/2000/svg}rect") if e.get("fill") == colour]
    return [float(e.get("height")) for e in found if float(e.get("height")) != 10]  # but for the legend


@pytest.mark.parametrize("margin, most, sentence", [
    (0, 3, "50.0% right in 1.75 segments on average. The rule was never content with 25.0% of the puzzles. "
           "Always 3 segments: 75.0% right."),
    (2, 3, "75.0% right in 2.50 segments on average. The rule was never content with 25.0%"),
    (2, 2, "50.0% right in 1.75 segments on average. The rule was never content with 75.0% of the puzzles. Always 2"),
    (9, 1, "25.0% right in 1.00 segments on average. The rule was never content with 100.0% of the puzzles. Always 1"),
])  # fmt: skip
def test_it_says_what_a_count_by_hand_gives(seen, margin, most, sentence):
    explorer = HaltingExplorer(seen, (margin,), max_segments=most)
    assert says(explorer.pictures[0]).startswith(sentence)


def test_the_papers_rule_is_the_difference(seen):
    plain, compared = HaltingExplorer(seen, (1,)), HaltingExplorer(seen, (0,), compare=True)  # q_continue is 1
    assert says(plain.pictures[0]) == says(compared.pictures[0])
    assert says(plain.pictures[0]) != says(HaltingExplorer(seen, (0,)).pictures[0])


def test_the_bars_are_the_shares_of_right_and_wrong_answers(seen):
    explorer = HaltingExplorer(seen, (2,))
    assert bars(explorer.pictures[0], "#009E73") == pytest.approx([40, 80])  # of 160: after segments 1 and 3
    assert bars(explorer.pictures[0], "#D55E00") == pytest.approx([40])


def test_a_smaller_maximum_redraws_every_tab(seen):
    explorer = HaltingExplorer(seen, (0, 2))
    before = [p.value for p in explorer.pictures]
    explorer.most.value = 2
    assert all("Always 2 segments" in says(p) for p in explorer.pictures)
    assert [p.value for p in explorer.pictures] != before
    explorer.most.value = 3
    assert [p.value for p in explorer.pictures] == before


def test_the_margin_moves_the_tabs_in_the_browser(seen):
    from ipywidgets.embed import dependency_state, embed_data

    explorer = HaltingExplorer(seen, (-1, 0, 0.5))
    assert [explorer.tabs.get_title(i) for i in range(3)] == ["−1", "0", "0.5"]
    assert explorer.slider.max == explorer.play.max == 2
    state = embed_data([explorer], state=dependency_state([explorer]))["manager_state"]["state"]
    links = [v["state"] for v in state.values() if v["model_name"] == "LinkModel"]
    assert {(s["source"][1], s["target"][1]) for s in links} == {("value", "value"), ("value", "selected_index")}


def test_without_margins_there_is_nothing_to_show(seen):
    with pytest.raises(ValueError, match="at least one value of τ"):
        HaltingExplorer(seen, ())
