"""Maps of two numbers that are applied again and again: paths, and the basins in which they end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from torch import Tensor

from .style import COLOURS

__all__ = ["basins", "paths"]

_GROUNDS = ["#CFE3F2", "#F8DCCB", "#CBEBDF", "#F1DDE9"]  # pale blue, vermilion, green, purple


@torch.no_grad()
def paths(ax: Axes, f: Callable[[Tensor], Tensor], starts: Tensor, steps: int, **style) -> None:
    """Where f: (n, 2) → (n, 2) takes each of the starts: an open circle, a dot a step, a full circle at the end."""
    walk = [starts]
    for _ in range(steps):
        walk.append(f(walk[-1]))
    walk = torch.stack(walk)
    style = {"color": COLOURS["worker"], "lw": 0.9, "alpha": 0.8} | style
    for path in walk.unbind(1):
        ax.plot(*path.T, marker="o", markersize=2, **style)
        ax.plot(*path[0], "o", color="white", markeredgecolor=style["color"], markersize=5, zorder=4)
        ax.plot(*path[-1], "o", color=COLOURS["ink"], markersize=5, zorder=5)


@torch.no_grad()
def basins(ax: Axes, f: Callable[[Tensor], Tensor], extent: float, steps: int = 400, side: int = 160) -> Tensor:
    """Paint each start in [−extent, extent]² by where f: (n, 2) → (n, 2) takes it; grey: it does not settle.

    Returns the ends (k, 2), at most four, in the order of their first coordinate.
    """
    axis = torch.linspace(-extent, extent, side, dtype=torch.float64)
    z = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).reshape(-1, 2)
    for _ in range(steps):
        z = f(z)
    settled = (f(z) - z).norm(dim=1) < 1e-6
    ends = np.unique(z[settled].numpy().round(3), axis=0)
    kept: list[np.ndarray] = []
    for end in ends:  # rounding may have split one end in two
        if len(kept) < len(_GROUNDS) and all(np.linalg.norm(end - other) > 0.02 for other in kept):
            kept.append(end)
    found = torch.from_numpy(np.array(kept).reshape(-1, 2))
    which = torch.full((len(z),), float("nan"), dtype=torch.float64)
    if len(found):
        which = torch.where(settled, torch.cdist(z, found).argmin(1).double(), which)
    ax.set_facecolor("#ECEEF1")  # shows through where a start does not settle
    ax.imshow(
        np.ma.masked_invalid(which.reshape(side, side).numpy()),
        origin="lower",
        extent=(-extent, extent, -extent, extent),
        cmap=ListedColormap(_GROUNDS),
        vmin=-0.5,
        vmax=len(_GROUNDS) - 0.5,
        interpolation="nearest",
    )
    ax.set(xlim=(-extent, extent), ylim=(-extent, extent), aspect="equal")
    ax.grid(False)
    return found
