"""Pictures of maps. What they show comes from the artists, not from pixels."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import torch

from hrm_lite.plots.maps import basins, paths


def test_paths_begin_at_the_starts_and_end_after_the_steps():
    _, ax = plt.subplots()
    starts = torch.tensor([[1.0, 0.0], [0.0, -2.0]], dtype=torch.float64)
    paths(ax, lambda z: z / 2, starts, 3)
    first = ax.lines[0].get_xydata()
    np.testing.assert_allclose(first, [[1, 0], [0.5, 0], [0.25, 0], [0.125, 0]])
    np.testing.assert_allclose(ax.lines[-1].get_xydata(), [[0, -0.25]])
    plt.close("all")


def test_basins_find_every_end_and_paint_what_does_not_settle_grey():
    _, (left, right) = plt.subplots(1, 2)
    ends = basins(left, lambda z: torch.stack((torch.tanh(2 * z[:, 0]), 0 * z[:, 1]), 1), 1.0, side=20)
    m = 0.957504  # m = tanh 2m
    np.testing.assert_allclose(ends.numpy(), [[-m, 0], [m, 0]], atol=1e-3)
    painted = np.asarray(left.images[0].get_array())
    assert (painted[:, :10] == 0).all() and (painted[:, 10:] == 1).all()
    assert basins(right, lambda z: -z, 1.0, side=20).shape == (0, 2)
    assert np.ma.getmaskarray(right.images[0].get_array()).all()
    plt.close("all")
