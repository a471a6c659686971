"""The training loop as a picture: which steps a gradient runs through, where it is cut, when the weights move."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle

from .style import COLOURS

__all__ = ["row_history", "training_loop"]

_PART = {"L": "worker", "H": "controller"}


def training_loop(
    ax: Axes, schedule: str = "LLHLLH", segments: int = 3, losses: str = "every", tracked: int = 2, cut: bool = True
) -> None:
    """Segments from left to right, one box a step; a full box is one that a gradient runs through.

    schedule: as `HRM.schedule`. losses: "every" segment has one, and an update after it, or only the "last".
    tracked: how many steps at the end of a segment the gradient runs through (`HRM.tracked_steps`). cut: z is detached
    between segments; False lets the gradient through all of them, whatever ``tracked`` says.
    """
    steps, ink, gradient = len(schedule), COLOURS["ink"], COLOURS["good"]
    width = steps + 2.0  # of a segment and the space behind it
    ax.text(-0.75, 0.5, "z⁰", ha="center", va="center", fontsize=12)
    for m in range(segments):
        left = m * width
        scored = losses == "every" or m == segments - 1
        reach = steps if not cut else tracked if scored else 0
        outline = dict(boxstyle="round,pad=0.12", fc="none", ec=ink, lw=1)
        ax.add_patch(FancyBboxPatch((left, 0.05), steps, 0.9, **outline))
        for i, part in enumerate(schedule):
            colour = COLOURS[_PART[part]]
            full = dict(fc=colour) if i >= steps - reach else dict(fc=colour, alpha=0.16)
            ax.add_patch(Rectangle((left + i + 0.1, 0.15), 0.8, 0.7, lw=0, **full))
            ax.text(left + i + 0.5, 0.5, part, ha="center", va="center", fontsize=8,
                    color="white" if i >= steps - reach else ink)  # fmt: skip
        ax.text(left + steps / 2, -0.3, f"segment {m + 1}", ha="center", va="top", fontsize=9)
        _arrow(ax, (left + steps + 0.15, 0.5), (left + width - 0.15, 0.5), ink)
        if m < segments - 1 and cut:
            x = left + steps + 1.0
            ax.plot([x, x], [-0.2, 1.15], color=ink, lw=1.1, ls=(0, (2, 2)))
            ax.text(x, 1.22, "detach", ha="center", va="bottom", fontsize=8)
        if scored:
            x = left + steps - 0.5
            ax.text(x, 2.05, "loss, update", ha="center", va="center", fontsize=8.5, color="white",
                    bbox=dict(boxstyle="round,pad=0.3", fc=gradient, ec="none"))  # fmt: skip
            _arrow(ax, (x, 1.78), (x, 1.05), gradient)
            back = left + steps - reach if cut else 0
            _arrow(ax, (x, 1.32), (back + 0.1, 1.32), gradient)
    ax.text(segments * width - 0.1, 0.5, "z", ha="left", va="center", fontsize=12)
    ax.set(xlim=(-1.4, segments * width + 0.6), ylim=(-0.95, 2.5))
    ax.axis("off")


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    ax.annotate("", end, start, arrowprops=dict(arrowstyle="-|>", color=colour, lw=1.4, shrinkA=0, shrinkB=0))


def row_history(ax: Axes, segments) -> None:
    """Which segment every row of a carried batch was at, step by step. segments: (steps, rows) counted from 1.

    Each run of boxes from light to dark is one puzzle; the next begins where the colour falls back.
    """
    most = int(segments.max())
    shades = [0.86 - 0.76 * m / max(most - 1, 1) for m in range(most)]
    for step, row in enumerate(segments.tolist()):
        for r, m in enumerate(row):
            colour = _mix(COLOURS["worker"], shades[m - 1])
            ax.add_patch(Rectangle((step + 0.54, r + 0.6), 0.92, 0.8, lw=0, fc=colour))
            ax.text(step + 1, r + 1, m, ha="center", va="center", fontsize=7,
                    color="white" if shades[m - 1] < 0.45 else COLOURS["print"])  # fmt: skip
    steps, rows = segments.shape
    ax.set(xlim=(0.4, steps + 0.6), ylim=(rows + 0.6, 0.4), xlabel="step (one segment of every row, one update)",
           ylabel="row")  # fmt: skip
    ax.grid(False)


def _mix(colour: str, white: float) -> tuple[float, float, float]:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return tuple(white + (1 - white) * part for part in parts)
