"""One look for every figure: colours that differ for colour-blind readers too, quiet axes, a white ground."""

import matplotlib as mpl

__all__ = ["COLOURS", "use_style"]

COLOURS = {
    "worker": "#0072B2",  # blue
    "controller": "#D55E00",  # vermilion
    "flat": "#6B7280",  # grey
    "good": "#009E73",  # green
    "broken": "#F3B0A7",  # a red ground under a cell that breaks a rule
    "changed": "#D9DCE1",  # a grey ground under a cell that has just changed
    "ink": "#1F2937",
    "faint": "#C3C8D0",
}


def use_style() -> None:
    """Set matplotlib's defaults for this book. Figures keep a white ground, so that they read in dark mode too."""
    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 110,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
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
            "grid.color": "#E5E7EB",
            "axes.axisbelow": True,
            "lines.linewidth": 1.8,
            "axes.prop_cycle": mpl.cycler(
                color=[COLOURS[k] for k in ("worker", "controller", "good", "flat")] + ["#CC79A7", "#E69F00"]
            ),
        }
    )
