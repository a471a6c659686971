"""What changes of a model do: one row a change, one dot a seed, one panel a task, in odds."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from .style import COLOURS

__all__ = ["forest", "log_odds"]


def log_odds(share, count: int):
    """Natural logarithm of solved : unsolved, with half a puzzle added to both so that 0 and 100 % stay finite.

    share: of ``count`` puzzles that are solved, a number or an array, in [0, 1].
    """
    solved = np.asarray(share, dtype=float) * count
    if ((solved < 0) | (solved > count)).any():
        raise ValueError(f"shares lie between 0 and 1, and these are {share}")
    return np.log((solved + 0.5) / (count - solved + 0.5))


def forest(axes: list[Axes], panels: dict[str, dict[str, tuple | str]], rows: list[str], bands: list[float]) -> None:
    """A panel for each task, a row for each change, a dot for each seed and a bar at their mean.

    panels: {task: {row: log odds against the mean of the base, a number for each seed}}; words in place of the numbers
    are shown as they are, and a row that a task lacks says "not measured". bands: for each panel the largest distance
    of a base's seed from the mean of the base, drawn as a band.
    """
    factors = [0.01, 0.1, 1, 10]
    for ax, (task, effects), band in zip(axes, panels.items(), bands, strict=True):
        ax.axvspan(-band, band, color=COLOURS["shade"], lw=0)
        ax.axvline(0, color=COLOURS["ink"], lw=1)
        for y, row in enumerate(rows):
            values = effects.get(row, "not measured")
            if isinstance(values, str):
                ax.text(-band - 0.2, y, values, color=COLOURS["ink"], fontsize=9, ha="right", va="center")
                continue
            values = np.asarray(values, dtype=float)
            colour = COLOURS["ink"] if abs(values.mean()) <= band else COLOURS["worker"]
            colour = COLOURS["controller"] if values.mean() < -band else colour
            inside = np.maximum(values, np.log(factors[0]) * 1.05)  # what lies further left stands at the edge
            ax.plot(inside, np.full(len(inside), y), "o", ms=5, color=colour, alpha=0.75, mew=0)
            ax.plot([inside.mean()] * 2, [y - 0.32, y + 0.32], color=colour, lw=2)
        ax.set(title=task, ylim=(len(rows) - 0.5, -0.5), xlim=(np.log(0.006), np.log(15)))
        ax.xaxis.set_major_locator(FixedLocator([np.log(f) for f in factors]))
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xticklabels(["÷ 100", "÷ 10", "× 1", "× 10"])
        ax.grid(axis="y", visible=False)
        ax.set_yticks(range(len(rows)), rows if ax is axes[0] else [""] * len(rows))
        ax.tick_params(axis="y", length=0)
    plt.setp([ax.spines["left"] for ax in axes], visible=False)
