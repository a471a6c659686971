"""The decision after each segment, drawn: halt or continue."""

from __future__ import annotations

from matplotlib.axes import Axes

from .style import COLOURS

__all__ = ["decision"]

_APART = 2.6  # between two states


def decision(ax: Axes) -> None:
    """HRM's halting as a Markov decision process: states in a row, continue to the right, halt downwards."""
    ax.set(xlim=(-0.75, 4 * _APART + 2.1), ylim=(-1.25, 1.75))
    ax.axis("off")
    names = ("puzzle", "segment 1", "segment 2", "…", "segment $M_{max}$")
    half = (0.42, 0.62, 0.62, 0.25, 0.78)  # width of a box, from its middle
    for i, name in enumerate(names):
        x = _APART * i
        _box(ax, (x, 1), name, COLOURS["ink"])
        if i < 4:
            colour, text = (COLOURS["worker"], "continue\nreward 0") if i else (COLOURS["ink"], "begin")
            start, end = x + half[i], x + _APART - half[i + 1]
            _arrow(ax, (start, 1), (end, 1), colour)
            ax.text((start + end) / 2, 1.12, text, ha="center", va="bottom", fontsize=9, color=colour)
        if i not in (0, 3):
            word = "halt" if i < 4 else "must halt"
            _box(ax, (x, -0.9), "end", COLOURS["controller"])
            _arrow(ax, (x, 0.83), (x, -0.73), COLOURS["controller"])
            text = f"{word}: 1 if all of\nthe answer is right,\notherwise 0"
            ax.text(x + 0.12, 0.05, text, va="center", fontsize=9, color=COLOURS["controller"])


def _box(ax: Axes, at: tuple[float, float], text: str, colour: str) -> None:
    style = {"boxstyle": "round,pad=0.45", "facecolor": "none", "edgecolor": colour, "linewidth": 1.6}
    ax.text(*at, text, ha="center", va="center", bbox=style, fontsize=9.5, zorder=3)


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "lw": 1.6, "mutation_scale": 14, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)
