"""Pictures of what a block is made of: where its norms stand, and what rotary positions do to two vectors."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from .player import player
from .style import COLOURS

__all__ = ["NORMS", "block_diagram", "post_norm_sphere", "rotary_player"]

NORMS = ("after", "before", "before and at the end", "none")
"""Where the norms of a block may stand: Post-Norm, Pre-Norm, Pre-Norm with one more at the end, nowhere."""

_ARROW = {"arrowstyle": "-|>", "color": COLOURS["ink"], "lw": 1.1, "shrinkA": 0, "shrinkB": 0}


def block_diagram(ax: Axes, norms: str = "after", mixer: str = "attention") -> None:
    """One Transformer block from left to right: the state runs along the bottom, the branches above are added to it.

    norms: one of `NORMS`. Raises ValueError for another.
    """
    if norms not in NORMS:
        raise ValueError(f"norms={norms!r} is not a place for a norm: expected one of {', '.join(map(repr, NORMS))}.")
    x = 0.0
    for name in (mixer, "SwiGLU"):
        x = _branch(ax, x, name, norm_first=norms.startswith("before"))
        if norms == "after":
            x = _along(ax, x, "norm")
    if norms.endswith("end"):
        x = _along(ax, x, "norm")
    ax.annotate("", (x + 0.7, 0), (x, 0), arrowprops=_ARROW)
    ax.set(xlim=(-0.3, x + 0.9), ylim=(-0.55, 1.65), aspect="equal")
    ax.axis("off")


def _box(ax: Axes, x: float, y: float, name: str) -> float:
    """A named box that begins at x: where it ends."""
    width = 0.9 if name == "norm" else 1.5
    colour = COLOURS["good"] if name == "norm" else COLOURS["worker"]
    shape = FancyBboxPatch((x, y - 0.3), width, 0.6, boxstyle="round,pad=0,rounding_size=0.12", fc=colour, lw=0)
    ax.add_patch(shape)
    ax.text(x + width / 2, y - 0.02, name, ha="center", va="center", color="white", fontsize=9)
    return x + width


def _along(ax: Axes, x: float, name: str) -> float:
    """A box on the state's own way."""
    ax.annotate("", (x + 0.4, 0), (x, 0), arrowprops=_ARROW)
    return _box(ax, x + 0.4, 0, name)


def _branch(ax: Axes, x: float, name: str, norm_first: bool) -> float:
    """The state splits, one copy goes through the branch, and the two are added."""
    ink = COLOURS["ink"]
    fork = x + 0.4
    ax.plot([x, fork, fork], [0, 0, 1], color=ink, lw=1.1, solid_joinstyle="miter")
    end = fork
    for part in ("norm", name) if norm_first else (name,):
        ax.annotate("", (end + 0.35, 1), (end, 1), arrowprops=_ARROW)
        end = _box(ax, end + 0.35, 1, part)
    join = end + 0.35
    ax.plot([end, join], [1, 1], color=ink, lw=1.1)
    ax.annotate("", (join, 0.2), (join, 1), arrowprops=_ARROW)
    ax.annotate("", (join - 0.2, 0), (fork, 0), arrowprops=_ARROW)
    ax.add_patch(plt.Circle((join, 0), 0.2, fc="white", ec=ink, lw=1.1, zorder=3))
    ax.text(join, -0.015, "+", ha="center", va="center", fontsize=11, zorder=4)
    return join + 0.2


def post_norm_sphere(ax: Axes, states, sums) -> None:
    """Steps of Post-Norm with three numbers a state: an addition leads off the sphere, the norm leads back.

    ax: 3D axes. states: (steps + 1, 3), all of length √3. sums: (steps, 3), what each step hands to its norm.
    Raises ValueError for other shapes, and for a state that is not on the sphere.
    """
    states, sums = np.asarray(states, float), np.asarray(sums, float)
    if states.ndim != 2 or states.shape[1] != 3 or sums.shape != (len(states) - 1, 3):
        raise ValueError(f"states {states.shape} and sums {sums.shape}: expected (steps + 1, 3) and (steps, 3).")
    if not np.allclose(np.linalg.norm(states, axis=1), math.sqrt(3), atol=1e-3):
        raise ValueError("a state is not on the sphere of radius √3: normalise it first.")
    around, down = np.meshgrid(np.linspace(0, 2 * math.pi, 33), np.linspace(0, math.pi, 17))
    ball = np.stack([np.sin(down) * np.cos(around), np.sin(down) * np.sin(around), np.cos(down)])
    ax.plot_wireframe(*(math.sqrt(3) * ball), color=COLOURS["faint"], lw=0.5, alpha=0.6, rstride=2, cstride=2)
    steps = [(states[:-1], sums, "controller", "-", "add x̃ and the branch"), (sums, states[1:], "good", ":", "norm")]
    for starts, ends, colour, style, name in steps:
        for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
            label = None if i else name
            ax.plot(*zip(start, end, strict=True), color=COLOURS[colour], lw=2, ls=style, label=label)
    ax.plot(*states.T, "o", ms=5, color=COLOURS["worker"], label="state")
    for i, state in enumerate(states):
        ax.text(*(0.84 * state), str(i), fontsize=11, ha="center", va="center", color=COLOURS["worker"], weight="bold")
    ax.set(xlim=(-2, 2), ylim=(-2, 2), zlim=(-2, 2))  # a cube, or the sphere is drawn as an egg
    ax.set_box_aspect((1, 1, 1), zoom=1.3)
    ax.set_axis_off()


def rotary_player(frequency: float, q: float = 0.3, k: float = 1.2, together: int = 8, apart: int = 14) -> str:
    """Two arrows turned by their positions, and their dot product, as HTML that plays in a page without a kernel.

    frequency: radians a position. q, k: the angles of the two unit vectors before they are turned. At first both
    walk ``together`` positions on at a distance of 3, then k walks from 0 to ``apart`` positions away from q. Dotted
    lines show where the arrows are at position 0.
    """
    moments = [(m, m + 3) for m in range(together + 1)] + [(0, n) for n in range(apart + 1)]
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.6, 2.8), width_ratios=(1, 1.7))
    circle, far = np.linspace(0, 2 * math.pi, 200), np.linspace(0, apart, 200)

    def draw(i: int) -> None:
        m, n = moments[i]
        left.clear()
        left.plot(np.cos(circle), np.sin(circle), color=COLOURS["faint"], lw=1)
        for angle, position, name, label in ((q, m, "worker", "q"), (k, n, "controller", "k")):
            left.plot([0, math.cos(angle)], [0, math.sin(angle)], ":", color=COLOURS[name], lw=1.2)
            _arrow(left, angle + frequency * position, COLOURS[name], label)
        left.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), aspect="equal", title=f"q at m = {m}, k at n = {n}")
        left.axis("off")
        right.clear()
        right.plot(far, np.cos(k - q + frequency * far), color=COLOURS["flat"])
        right.plot(n - m, math.cos(k - q + frequency * (n - m)), "o", ms=9, color=COLOURS["good"])
        phase = "both walk on, nothing changes" if i <= together else "k walks away"
        right.set(xlabel="distance n − m", ylabel="dot product", ylim=(-1.15, 1.15), title=phase)

    with plt.rc_context({"savefig.dpi": 90}):  # a picture for each moment: they add up
        alt = (
            "Left, two arrows in a circle, q and k, each turned by its position. Right, their dot product against the "
            "distance: a dot that stands still while both walk on, and runs along a cosine while k walks away."
        )
        return player(figure, draw, len(moments), fps=3, alt=alt)


def _arrow(ax: Axes, angle: float, colour: str, label: str) -> None:
    tip = (math.cos(angle), math.sin(angle))
    ax.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2, "shrinkA": 0, "shrinkB": 0})
    ax.text(1.18 * tip[0], 1.18 * tip[1], label, ha="center", va="center", color=colour, weight="bold")
