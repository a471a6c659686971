"""The pictures of the training loop and of a carried batch: what they show is looked up in the artists."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.patches import Rectangle

from hrm_lite.plots.supervision import row_history, training_loop


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def loop(**settings):
    _, ax = plt.subplots()
    training_loop(ax, "LLHLLH", segments=3, **settings)
    full = [p.get_alpha() is None for p in sorted((p for p in ax.patches if isinstance(p, Rectangle)),
                                                  key=lambda p: p.get_x())]  # fmt: skip
    return full, [t.get_text() for t in ax.texts]


def test_full_boxes_are_the_steps_with_a_gradient():
    full, texts = loop()
    assert full == [False] * 4 + [True] * 2 + [False] * 4 + [True] * 2 + [False] * 4 + [True] * 2
    assert texts.count("loss, update") == 3 and texts.count("detach") == 2
    full, texts = loop(losses="last")
    assert full == [False] * 16 + [True] * 2
    assert texts.count("loss, update") == 1 and texts.count("detach") == 2
    full, texts = loop(losses="last", cut=False)
    assert full == [True] * 18 and "detach" not in texts


def test_a_row_history_has_a_number_in_every_box_and_darker_boxes_for_later_segments():
    _, ax = plt.subplots()
    segments = torch.tensor([[1, 1], [2, 1], [3, 2]])
    row_history(ax, segments)
    numbers = {tuple(map(int, t.get_position())): int(t.get_text()) for t in ax.texts}
    assert numbers == {(s + 1, r + 1): segments[s, r].item() for s in range(3) for r in range(2)}
    red = {numbers[round(p.get_x() + 0.46), round(p.get_y() + 0.4)]: p.get_facecolor()[0] for p in ax.patches}
    assert red[1] > red[2] > red[3]
