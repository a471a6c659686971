"""How far each step moves its state, and who steps when."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from ..dynamics import Residuals
from .player import player
from .style import COLOURS

__all__ = ["residual_curve", "residual_player", "schedule"]

_NAMES = {"L": ("worker", "worker f_L"), "H": ("controller", "controller f_H"), "z": ("flat", "plain recurrence")}


def residual_curve(ax: Axes, residuals: Residuals, part: str, label: str | None = None, **style) -> None:
    """Forward residual of one part ("L", "H" or "z") against the step: the median over the batch, and its middle half.

    A log scale suits it: ``ax.set_yscale("log")``.
    """
    steps, values = residuals.of(part)
    low, middle, high = values.quantile(values.new_tensor([0.25, 0.5, 0.75]), dim=1)
    name, default = _NAMES[part]
    style = {"color": COLOURS[name], "marker": "o" if part != "H" else "D", "markersize": 3.5} | style
    ax.plot(steps, middle, label=label or default, **style)
    ax.fill_between(steps, low, high, color=style["color"], alpha=0.15, linewidth=0)
    ax.set(xlabel="step", ylabel="forward residual ‖z′ − z‖ / ‖z‖")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def residual_player(runs: dict[str, Residuals], size: tuple[float, float] = (7.0, 3.2)) -> str:
    """A picture for each run, with its name above, as HTML that plays in a page without a kernel and a network.

    All pictures share their axes, so that what moves from one to the next is the curve.
    """
    figure, ax = plt.subplots(figsize=size)
    steps = max(len(r.parts) for r in runs.values())
    medians = [r.values.median(1).values for r in runs.values()]
    low, high = min(m.min().item() for m in medians), max(m.max().item() for m in medians)

    def draw(i):
        ax.clear()
        ax.set_yscale("log")
        name, r = list(runs.items())[i]
        for part in sorted(set(r.parts), reverse=True):
            residual_curve(ax, r, part)
        ax.set(xlim=(0, steps + 1), ylim=(max(low / 2, 1e-8), high * 2), title=name, xlabel="step")
        ax.legend(loc="upper right", ncols=2)

    alt = f"The residual of every step on a logarithmic axis, a picture for each of: {'; '.join(runs)}"
    return player(figure, draw, len(runs), fps=1, alt=alt)


def schedule(ax: Axes, parts: str, segments: int = 1) -> None:
    """Who steps when: one box a step, the worker's below, the controller's above."""
    for i, part in enumerate(parts * segments):
        name, _ = _NAMES[part]
        ax.add_patch(Rectangle((i + 0.58, 1.0 if part == "H" else 0.0), 0.84, 0.8, color=COLOURS[name], linewidth=0))
    for s in range(1, segments):
        ax.axvline(s * len(parts) + 0.5, color=COLOURS["ink"], lw=1, ls=":")
    ax.set(xlim=(0.4, len(parts) * segments + 0.6), ylim=(-0.15, 1.95), yticks=[0.4, 1.4], xlabel="step")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.set_yticklabels(["worker f_L", "controller f_H"] if "L" in parts else ["f", ""])
    ax.grid(False)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
