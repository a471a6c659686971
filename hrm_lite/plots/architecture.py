"""The whole model in one drawing, in the symbols of the paper; any part of it can be brought out."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from .style import COLOURS

__all__ = ["PARTS", "architecture"]

PARTS = ("input", "worker", "controller", "output", "halting", "segments")
"""What can be brought out."""

_INK = COLOURS["ink"]


def architecture(*highlight: str, width: float = 7.6) -> Figure:
    """Draw HRM: from the tokens through worker and controller to the answer and the two values of halting.

    highlight: names of `PARTS` that keep their colour while the rest turns pale; none: all of it in colour.
    Raises ValueError for a name that is not there.
    """
    if unknown := set(highlight) - set(PARTS):
        raise ValueError(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}.")
    figure, ax = plt.subplots(figsize=(width, 0.52 * width))

    def seen(part: str) -> float:
        return 1.0 if not highlight or part in highlight else 0.35

    ax.add_patch(_rounded(2.35, 0.55, 4.35, 4.2, ec=_INK, fc="none", ls=(0, (4, 3)), alpha=seen("segments"), lw=1.2))
    ax.text(2.5, 4.42, "a segment: N cycles", fontsize=10, alpha=seen("segments"))
    _box(ax, (0.0, 1.05), "$x$", "tokens", _INK, seen("input"))
    _box(ax, (1.1, 1.05), "$f_I$", "input net", COLOURS["good"], seen("input"), wide=0.95)
    _box(ax, (3.9, 1.05), "$f_L$", "worker", COLOURS["worker"], seen("worker"), wide=1.25)
    _box(ax, (3.9, 3.15), "$f_H$", "controller", COLOURS["controller"], seen("controller"), wide=1.25)
    _box(ax, (7.1, 3.15), "$f_O$", "output net", COLOURS["good"], seen("output"), wide=1.0)
    _box(ax, (7.1, 1.05), "$Q$", "Q head", "#8D6BB1", seen("halting"), wide=1.0)
    _arrow(ax, (0.8, 1.45), (1.1, 1.45), _INK, seen("input"))
    _arrow(ax, (2.05, 1.45), (3.9, 1.45), COLOURS["good"], max(seen("input"), seen("worker")), r"$\tilde{x}$",
           (2.9, 1.6))  # fmt: skip
    _arrow(ax, (4.2, 3.15), (4.2, 1.85), COLOURS["controller"], seen("worker"), r"$z_H$", (3.78, 2.4))
    _arrow(ax, (4.85, 1.85), (4.85, 3.15), COLOURS["worker"], seen("controller"), r"$z_L$", (4.95, 2.4))
    _loop(ax, (5.15, 1.65), (5.15, 1.2), COLOURS["worker"], seen("worker"), "T steps\na cycle", (5.8, 1.42))
    _loop(ax, (5.15, 3.67), (5.15, 3.25), COLOURS["controller"], seen("controller"), "one step\na cycle", (5.8, 3.42))
    _arrow(ax, (5.15, 3.87), (7.1, 3.87), COLOURS["controller"], seen("output"), r"$z_H$", (6.1, 3.97))
    _arrow(ax, (5.05, 3.15), (7.1, 1.55), COLOURS["controller"], seen("halting"), bend=0.0)
    ax.text(8.2, 3.55, r"$\hat{y}$", fontsize=13, va="center", alpha=seen("output"), color=COLOURS["good"])
    ax.text(8.2, 1.45, "halt?", fontsize=10, va="center", alpha=seen("halting"), color="#8D6BB1")
    _arrow(ax, (6.7, 0.55), (2.35, 0.55), _INK, seen("segments"), bend=-0.16)
    ax.text(4.5, -0.12, r"next segment: goes on from $z_H$ and $z_L$, detached", fontsize=10, ha="center", va="center",
            alpha=seen("segments"))  # fmt: skip
    ax.set(xlim=(-0.1, 8.8), ylim=(-0.35, 4.85), aspect="equal")
    ax.axis("off")
    return figure


def _rounded(x: float, y: float, w: float, h: float, **style) -> FancyBboxPatch:
    return FancyBboxPatch((x, y), w, h, boxstyle="round,pad=0,rounding_size=0.12", **style)


def _box(ax: Axes, at: tuple[float, float], symbol: str, name: str, colour: str, alpha: float, wide=0.8) -> None:
    x, y = at
    ax.add_patch(_rounded(x, y, wide, 0.8, fc=colour, ec="none", alpha=0.16 * alpha))
    ax.add_patch(_rounded(x, y, wide, 0.8, fc="none", ec=colour, alpha=alpha, lw=1.6))
    middle = x + wide / 2
    ax.text(middle, y + 0.5, symbol, ha="center", va="center", fontsize=12, color=colour, alpha=alpha)
    ax.text(middle, y + 0.2, name, ha="center", va="center", fontsize=8.5, color=_INK, alpha=alpha)


def _arrow(ax, start, end, colour, alpha, label="", at=(0, 0), bend=0.0) -> None:
    style = dict(arrowstyle="-|>", mutation_scale=13, color=colour, alpha=alpha, lw=1.6, shrinkA=1, shrinkB=1)
    ax.add_patch(FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", **style))
    ax.text(*at, label, fontsize=12, color=colour, alpha=alpha)


def _loop(ax, start, end, colour, alpha, label, at) -> None:
    style = dict(arrowstyle="-|>", mutation_scale=12, color=colour, alpha=alpha, lw=1.6, shrinkA=0, shrinkB=0)
    ax.add_patch(FancyArrowPatch(start, end, connectionstyle="arc3,rad=-1.1", **style))
    ax.text(*at, label, fontsize=8.5, color=colour, alpha=alpha, va="center")
