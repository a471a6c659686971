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


_PURPLE = "#8D6BB1"
_PALE = 0.6  # of the colour's strength: what is not brought out can still be read, on white and on the dark page


def architecture(*highlight: str, width: float = 5.2) -> Figure:
    """Draw HRM: from the tokens through worker and controller to the answer and the two values of halting.

    It is narrow, so that its words can be read on a telephone.

    highlight: names of `PARTS` that keep their colour while the rest turns pale; none: all of it in colour.
    width: inches; the drawing grows with it, the letters do not.
    Raises ValueError for a name that is not there.
    """
    if unknown := set(highlight) - set(PARTS):
        raise ValueError(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}.")
    figure, ax = plt.subplots(figsize=(width, 0.7 * width))

    def seen(part: str) -> float:
        return 1.0 if not highlight or part in highlight else _PALE

    blue, red, green = (COLOURS[name] for name in ("worker", "controller", "good"))
    ax.add_patch(_rounded(1.15, 0.68, 2.75, 2.9, ec=_INK, fc="none", ls=(0, (4, 3)), alpha=seen("segments"), lw=1.2))
    ax.text(1.27, 3.3, "a segment: N cycles", fontsize=10, alpha=seen("segments"))
    _box(ax, (0.0, 2.42), "$x$", "tokens", _INK, seen("input"))
    _box(ax, (0.0, 0.98), "$f_I$", "input net", green, seen("input"))
    _box(ax, (1.78, 0.98), "$f_L$", "worker", blue, seen("worker"), wide=1.15)
    _box(ax, (1.78, 2.42), "$f_H$", "controller", red, seen("controller"), wide=1.15)
    _box(ax, (4.2, 2.42), "$f_O$", "output net", green, seen("output"))
    _box(ax, (4.2, 0.98), "$Q$", "Q head", _PURPLE, seen("halting"))
    _arrow(ax, (0.44, 2.42), (0.44, 1.63), _INK, seen("input"))
    _arrow(ax, (0.88, 1.3), (1.78, 1.3), green, max(seen("input"), seen("worker")), r"$\tilde{x}$", (1.45, 1.4))
    _arrow(ax, (2.08, 2.42), (2.08, 1.63), red, seen("worker"), "$z_H$", (1.72, 1.95))
    _arrow(ax, (2.6, 1.63), (2.6, 2.42), blue, seen("controller"), "$z_L$", (2.67, 1.87))
    _loop(ax, (2.93, 1.5), (2.93, 1.1), blue, seen("worker"), "T steps\na cycle", (3.2, 1.3))
    _loop(ax, (2.93, 2.83), (2.93, 2.5), red, seen("controller"), "one step\na cycle", (3.2, 2.665))
    _arrow(ax, (2.93, 2.98), (4.2, 2.98), red, seen("output"), "$z_H$", (3.5, 3.05))
    _arrow(ax, (2.88, 2.42), (4.2, 1.5), red, seen("halting"))
    _arrow(ax, (4.64, 3.07), (4.64, 3.4), green, seen("output"))
    ax.text(4.64, 3.43, r"answer $\hat{y}$", fontsize=10, ha="center", va="bottom", alpha=seen("output"), color=green)
    _arrow(ax, (4.64, 0.98), (4.64, 0.66), _PURPLE, seen("halting"))
    ax.text(4.64, 0.6, "halt?", fontsize=10, ha="center", va="top", alpha=seen("halting"), color=_PURPLE)
    _arrow(ax, (3.9, 0.72), (1.15, 0.72), _INK, seen("segments"), bend=-0.2)
    ax.text(2.52, 0.16, "next segment: goes on from $z_H$ and $z_L$, detached", fontsize=10, ha="center", va="center",
            alpha=seen("segments"))  # fmt: skip
    ax.set(xlim=(-0.05, 5.13), ylim=(0.02, 3.66), aspect="equal")
    ax.axis("off")
    return figure


def _rounded(x: float, y: float, w: float, h: float, **style) -> FancyBboxPatch:
    return FancyBboxPatch((x, y), w, h, boxstyle="round,pad=0,rounding_size=0.08", **style)


def _box(
    ax: Axes, at: tuple[float, float], symbol: str, name: str, colour: str, alpha: float, wide: float = 0.88
) -> None:
    x, y = at
    if alpha == 1:  # only what is brought out has a ground
        ax.add_patch(_rounded(x, y, wide, 0.65, fc=colour, ec="none", alpha=0.2))
    ax.add_patch(_rounded(x, y, wide, 0.65, fc="none", ec=colour, alpha=alpha, lw=2.2 if alpha == 1 else 1.2))
    middle = x + wide / 2
    ax.text(middle, y + 0.42, symbol, ha="center", va="center", fontsize=13, color=colour, alpha=alpha)
    ax.text(middle, y + 0.16, name, ha="center", va="center", fontsize=9.5, color=_INK, alpha=alpha)


def _width(alpha: float) -> float:
    return 1.8 if alpha == 1 else 1.2


def _arrow(ax, start, end, colour, alpha, label="", at=(0, 0), bend=0.0) -> None:
    style = dict(arrowstyle="-|>", mutation_scale=12, color=colour, alpha=alpha, lw=_width(alpha), shrinkA=1, shrinkB=1)
    ax.add_patch(FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", **style))
    ax.text(*at, label, fontsize=12, color=colour, alpha=alpha)


def _loop(ax, start, end, colour, alpha, label, at) -> None:
    style = dict(arrowstyle="-|>", mutation_scale=11, color=colour, alpha=alpha, lw=_width(alpha), shrinkA=0, shrinkB=0)
    ax.add_patch(FancyArrowPatch(start, end, connectionstyle="arc3,rad=-1.1", **style))
    ax.text(*at, label, fontsize=9.5, color=colour, alpha=alpha, va="center")
