"""A segment drawn block by block, against the numbers that are counted by hand from N, T and the layers."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pytest
import torch

from hrm_lite import HRM, model_preset
from hrm_lite.baselines import FlatRecurrence
from hrm_lite.plots.unrolled import count_blocks, unrolled, unrolled_player


def shape(kind=HRM, preset="paper", **changes):
    with torch.device("meta"):
        return kind(model_preset(preset, **changes))


def drawn(model):
    _, ax = plt.subplots()
    unrolled(ax, model)
    plt.close("all")
    return [(p.get_y(), p.get_x(), p.get_width(), p.get_alpha() == 1) for p in ax.patches]


def test_the_published_segment_has_24_blocks_of_which_8_learn():
    assert count_blocks(shape()) == {"worker": 16, "controller": 8, "all": 24, "gradient": 8}


@pytest.mark.parametrize(
    "model, expected",
    [
        (shape(cycles=10, steps=50), (2000, 40, 8)),
        (shape(cycles=3, steps=5, worker_layers=2, controller_layers=7), (30, 21, 9)),
        (shape(gradient="last_cycle", steps=3), (24, 8, 16)),
        (shape(gradient="full"), (16, 8, 24)),
        (shape(preset="lite"), (36, 6, 14)),  # one network of two layers for both parts, N = 3, T = 6
        (shape(FlatRecurrence), (24, 0, 4)),  # N (T + 1) steps of the one module
    ],
)
def test_blocks_are_counted(model, expected):
    n = count_blocks(model)
    assert (n["worker"], n["controller"], n["gradient"]) == expected and n["all"] == sum(expected[:2])


def test_every_block_is_drawn_once_in_order_and_the_learning_ones_in_full_colour():
    boxes = drawn(shape(worker_layers=2, controller_layers=1))  # LLHLLH: two blocks a worker step
    assert [y for y, *_ in boxes] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
    assert [int(x) for _, x, *_ in boxes] == list(range(10))
    assert [full for *_, full in boxes] == [False] * 7 + [True] * 3


def test_where_there_are_too_many_blocks_a_step_is_one_box():
    boxes = drawn(shape(cycles=10, steps=50))
    assert len(boxes) == 510 and sum(width for _, _, width, _ in boxes) == 2040
    assert sum(width for *_, width, full in boxes if full) == 8


def test_the_player_has_a_picture_for_each_model_and_needs_no_network():
    html = unrolled_player({"one": shape(), "two": shape(steps=3)})
    assert html.count("data:image/png;base64") == 2 and "http" not in html.replace("http://www.w3.org", "")
