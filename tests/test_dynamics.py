"""Pictures of the movement that chapter 4 adds. What they show comes from the artists, not from pixels."""

import re

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import torch

from hrm_lite.dynamics import Residuals
from hrm_lite.plots.curves import residual_player


def test_the_residual_player_has_a_frame_for_each_run_and_needs_no_network():
    values = torch.linspace(0.1, 1, 4)[:, None].expand(-1, 3)
    runs = {f"T = {t}": Residuals("L" * t + "H", values[: t + 1]) for t in (1, 2, 3)}
    open_before = plt.get_fignums()
    one, two = residual_player(runs), residual_player(runs)
    assert one == two and plt.get_fignums() == open_before
    assert len(re.findall(r"frames\[\d+\] = ", one)) == 3 and "http" not in one and "<link" not in one
    less = residual_player({"T = 1": runs["T = 1"]})
    assert len(re.findall(r"frames\[\d+\] = ", less)) == 1
