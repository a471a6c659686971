"""Draw which chapter needs which, for the page on how to read this book.

    python tools/map.py                     writes book/images/map.png
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from hrm_lite.plots import COLOURS, use_style

ROOT = Path(__file__).resolve().parent.parent
BLUE, RED, GREEN, INK = (COLOURS[name] for name in ("worker", "controller", "good", "ink"))
# chapter: (column, row, colour, title); columns are a box wide, rows counted from the top
CHAPTERS = {
    "1": (0, 0, BLUE, "Why depth"), "2": (1, 0, BLUE, "Fixed points"), "3": (2, 0, BLUE, "Blocks"),
    "4": (0, 1, BLUE, "Two clocks"), "5": (1, 1, BLUE, "One-step\ngradient"),
    "6": (0, 2, BLUE, "Deep\nsupervision"), "7": (1, 2, BLUE, "Halting"),
    "8": (2, 2, BLUE, "The whole\nmodel"),
    "9": (0, 3, RED, "Sudoku"), "10": (1, 3, RED, "Mazes"), "11": (2, 3, RED, "ARC"),
    "12": (0, 4, GREEN, "Inside"), "13": (1, 4, GREEN, "What\nmatters"), "14": (2, 4, GREEN, "Beyond"),
    "A": (0.5, 5, INK, "The recipe"), "15": (1.5, 5, INK, "Full scale"),
}  # fmt: skip
NEEDS = [("1", "2"), ("2", "4"), ("2", "5"), ("4", "5"), ("5", "6"), ("6", "7"), ("3", "8"), ("7", "8")]
WIDE, HIGH, STEP, DOWN = 1.45, 0.62, 1.8, 1.0


def corner(name: str) -> tuple[float, float]:
    column, row, _, _ = CHAPTERS[name]
    return column * STEP, -row * DOWN


def draw() -> plt.Figure:
    figure, ax = plt.subplots(figsize=(5.2, 5.6))
    for x, row, words in ((0, 0, "building it: an arrow leads from what is used to where it is used"),
                          (0, 3, "what it learns: each needs the model, in any order"),
                          (0, 4, "what is behind it: after one of 9 to 11"),
                          (0.5 * STEP, 5, "to train for yourself")):  # fmt: skip
        ax.text(x, -row * DOWN + HIGH + 0.05, words, fontsize=9, va="bottom")
    for name, (_, _, colour, title) in CHAPTERS.items():
        x, y = corner(name)
        ax.add_patch(FancyBboxPatch((x, y), WIDE, HIGH, boxstyle="round,pad=0,rounding_size=0.08", fc="none", ec=colour,
                                    lw=1.4))  # fmt: skip
        ax.text(x + 0.1, y + HIGH / 2, name, color=colour, fontsize=11, weight="bold", va="center")
        ax.text(x + 0.45, y + HIGH / 2, title, fontsize=9.5, va="center", linespacing=1.05)
    for before, after in NEEDS:
        (x, y), (u, v) = corner(before), corner(after)
        if y == v:  # beside one another
            start, end = (x + WIDE, y + HIGH / 2), (u, v + HIGH / 2)
        else:
            start, end = (x + WIDE / 2, y), (u + WIDE / 2, v + HIGH)
        ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=10, color=INK, lw=1.1, shrinkA=1,
                                     shrinkB=1))  # fmt: skip
    ax.set(xlim=(-0.1, 2 * STEP + WIDE + 0.1), ylim=(-5 * DOWN - 0.1, HIGH + 0.4))
    ax.set_axis_off()
    return figure


if __name__ == "__main__":
    use_style()
    draw().savefig(ROOT / "book/images/map.png", dpi=140, transparent=True)
