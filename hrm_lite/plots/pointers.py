"""Pointers as arrows between nodes on a circle."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from .style import COLOURS

__all__ = ["pointer_circle"]


def pointer_circle(ax: Axes, pointers: Sequence[int], path: Sequence[int] = (), title: str = "") -> None:
    """Draw an arrow from each node k to ``pointers[k]``, and above them the ``path`` of nodes, one arrow a hop.

    The first node of the path is ringed and the last one filled, if it has two or more.
    """
    n = len(pointers)
    places = [(math.sin(2 * math.pi * k / n), math.cos(2 * math.pi * k / n)) for k in range(n)]

    def arrow(a: int, b: int, **style) -> None:
        props = {"arrowstyle": "-|>", "shrinkA": 11, "shrinkB": 11, "connectionstyle": "arc3,rad=0.12"} | style
        ax.annotate("", places[b], places[a], arrowprops=props)

    for a, b in enumerate(pointers):
        arrow(a, int(b), color=COLOURS["faint"], lw=1.2)
    for a, b in itertools.pairwise(path):
        arrow(a, b, color=COLOURS["controller"], lw=2)
    for k, (x, y) in enumerate(places):
        first, last = k in path[:1], k in path[1:][-1:]
        ground = COLOURS["controller"] if last else "white"
        edge = COLOURS["controller"] if first or last else COLOURS["ink"]
        ax.plot(x, y, "o", markersize=18, color=ground, markeredgecolor=edge, markeredgewidth=2.2 if first else 1)
        ax.text(x, y - 0.01, str(k), ha="center", va="center", fontsize=10, color="white" if last else COLOURS["print"])
    ax.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal")
    ax.axis("off")
    if title:
        ax.set_title(title, fontsize=10)
