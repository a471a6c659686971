"""One segment, unrolled into the Transformer blocks that a puzzle passes through, and which the gradient sees."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ..model import HRM
from .player import player
from .style import COLOURS

__all__ = ["count_blocks", "unrolled", "unrolled_player"]

_FEW = 200  # beyond so many blocks single ones are narrower than the gaps between them


def count_blocks(model: HRM) -> dict[str, int]:
    """Blocks in one segment: the "worker"'s, the "controller"'s, "all", and those that a "gradient" runs through.

    Only the shape of the model is looked at: one made under ``torch.device("meta")``, without any numbers, will do.
    """
    layers = [_layers(model, part) for part in model.schedule()]
    controller = sum(n for n, part in zip(layers, model.schedule(), strict=True) if part == "H")
    return {
        "worker": sum(layers) - controller,
        "controller": controller,
        "all": sum(layers),
        "gradient": sum(layers[len(layers) - model.tracked_steps() :]),
    }


def _layers(model: HRM, part: str) -> int:
    return len((model.controller if part == "H" else model.worker).blocks)


def unrolled(ax: Axes, model: HRM) -> None:
    """Every block of one segment from left to right, the worker's below, the controller's above.

    Full colour: the gradient runs through it. Pale: computed, and a constant to the gradient.
    """
    parts, tracked = model.schedule(), model.tracked_steps()
    count, x = count_blocks(model)["all"], 0
    gap = 0.16 if count <= _FEW else 0
    for i, part in enumerate(parts):
        colour = COLOURS["controller" if part == "H" else "worker"]
        seen = i >= len(parts) - tracked
        n = _layers(model, part)
        widths = [(x + k, 1 - gap) for k in range(n)] if gap else [(x, n)]
        for left, width in widths:
            place = (left + gap / 2, float(part == "H"))
            ax.add_patch(Rectangle(place, width, 0.8, color=colour, alpha=1 if seen else 0.35, linewidth=0))
        x += n
    ax.set(xlim=(-0.005 * count, 1.005 * count), ylim=(-0.15, 1.95), yticks=[0.4, 1.4])
    ax.set(xlabel="Transformer blocks passed, in order")
    ax.set_yticklabels(["worker f_L", "controller f_H"])
    ax.grid(False)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def unrolled_player(models: dict[str, HRM], size: tuple[float, float] = (8.0, 2.1)) -> str:
    """A picture for each model, its name and its counts above, as HTML that plays without a kernel."""
    figure, ax = plt.subplots(figsize=size)

    def draw(i):
        ax.clear()
        name, model = list(models.items())[i]
        unrolled(ax, model)
        n = count_blocks(model)
        seen = f"{n['all']:,} blocks in a segment, the gradient sees {n['gradient']:,} ({n['gradient'] / n['all']:.1%})"
        ax.set_title(f"{name}\n{seen}", fontsize=10)

    alt = f"The steps of a segment as boxes, a picture for each of: {'; '.join(models)}"
    return player(figure, draw, len(models), fps=0.7, alt=alt)
