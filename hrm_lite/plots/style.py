"""One look for every figure: colours that differ for colour-blind readers too, quiet axes, no ground of its own.

Figures are transparent, so that they stand in a light page and in a dark one. What is written is grey, as far from
white as from black (4.3 : 1); boards are drawn as sheets of paper, with print on them.
"""

import matplotlib as mpl

__all__ = ["COLOURS", "use_style"]

COLOURS = {
    "worker": "#0072B2",  # blue
    "controller": "#D55E00",  # vermilion
    "flat": "#6B7280",  # grey
    "good": "#009E73",  # green
    "broken": "#F3B0A7",  # a red ground under a cell that breaks a rule
    "changed": "#D9DCE1",  # a grey ground under a cell that has just changed
    "ink": "#757B86",  # text, axes: legible on white and on the dark page
    "faint": "#AEB4BE",
    "shade": "#9CA3AF40",  # a region behind the lines
    "paper": "#FFFFFF",  # under what is printed, such as a board
    "print": "#1F2937",
}


def use_style() -> None:
    """Set matplotlib's defaults for this book."""
    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.facecolor": "none",
            "savefig.facecolor": "none",
            "axes.facecolor": "none",
            "legend.labelcolor": COLOURS["ink"],
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.labelsize": 10,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": COLOURS["ink"],
            "text.color": COLOURS["ink"],
            "axes.labelcolor": COLOURS["ink"],
            "xtick.color": COLOURS["ink"],
            "ytick.color": COLOURS["ink"],
            "axes.grid": True,
            "grid.color": COLOURS["shade"],
            "axes.axisbelow": True,
            "lines.linewidth": 1.8,
            "axes.prop_cycle": mpl.cycler(
                color=[COLOURS[k] for k in ("worker", "controller", "good", "flat")] + ["#CC79A7", "#E69F00"]
            ),
        }
    )
