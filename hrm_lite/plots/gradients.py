"""How far back a gradient goes, and how several seeds of one measurement compare."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from .style import COLOURS

__all__ = ["MODES", "band", "reach"]

MODES = {
    "one_step": ("one step (HRM)", COLOURS["controller"]),
    "last_cycle": ("last cycle (TRM)", COLOURS["good"]),
    "full": ("all steps (BPTT)", COLOURS["worker"]),
}
"""Name and colour of each setting of ``HRMConfig.gradient``"""


def band(ax: Axes, x, runs, label: str | None = None, **style) -> None:
    """Several runs of one measurement: their median as a line, from the lowest to the highest as a band.

    x: (points,); runs: (seeds, points).
    """
    runs = np.asarray(runs, dtype=float)
    (line,) = ax.plot(x, np.median(runs, 0), label=label, **({"marker": "o", "markersize": 3.5} | style))
    ax.fill_between(x, runs.min(0), runs.max(0), color=line.get_color(), alpha=0.18, linewidth=0)


def reach(parts: str, tracked: dict[str, int], width: float = 8.0):
    """A figure with one row a name: the steps of a segment, and in colour those that the gradient runs through.

    parts: who steps when, as ``model.schedule()`` gives it; tracked: {name: how many steps at the end}.
    """
    figure, ax = plt.subplots(figsize=(width, 0.55 * len(tracked) + 0.75))
    for row, count in enumerate(tracked.values()):
        for i, part in enumerate(parts):
            seen = i >= len(parts) - count
            # A quiet box lets the page through, light or dark.
            colour = COLOURS[("controller" if part == "H" else "worker") if seen else "shade"]
            ax.add_patch(Rectangle((i + 0.56, row - 0.36), 0.88, 0.72, color=colour, linewidth=0))
            ink = "white" if seen else COLOURS["ink"]
            ax.text(i + 1, row, f"$f_{part}$", ha="center", va="center", fontsize=8, color=ink)
    ax.set(xlim=(0.4, len(parts) + 0.6), ylim=(len(tracked) - 0.5, -0.5), xticks=range(1, len(parts) + 1))
    ax.set(yticks=range(len(tracked)), xlabel="step of the segment")
    ax.set_yticklabels(tracked)
    ax.grid(False)
    ax.spines[["left", "bottom"]].set_visible(False)
    ax.tick_params(length=0)
    return figure
