"""Who was fastest, where an assignment measures something: a table and a figure.

A test cell that assigns a number to the name `score`, less being better, takes part; see `judge.Mark`.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from . import pictures
from .written import harmless


def standing(records: list[dict]) -> list[tuple[int, str, float]]:
    """Place, student and score, best first; equal scores share a place. Of a student's files the best one counts."""
    best: dict[str, tuple[str, float]] = {}
    for one in records:
        scores = [found.get("score") for found in one["result"]["tests"].values()]
        scores = [score for score in scores if score is not None]
        if scores and (one["key"] not in best or min(scores) < best[one["key"]][1]):
            best[one["key"]] = one["student"], min(scores)
    rows = sorted(best.values(), key=lambda row: (row[1], row[0]))
    places: dict[float, int] = {}
    for place, (_, score) in enumerate(rows, 1):
        places.setdefault(round(score, 2), place)
    return [(places[round(score, 2)], student, score) for student, score in rows]


def figure(rows: list[tuple[int, str, float]]):
    """A dot and its number for each student, best at the top."""
    import matplotlib.pyplot as plt

    from hrm_lite.plots import COLOURS, use_style

    use_style()
    fig, ax = plt.subplots(figsize=(6.4, max(1.8, 1.1 + 0.24 * len(rows))))
    for y, (_, _, score) in enumerate(rows):
        ax.plot([0, score], [y, y], color=COLOURS["worker"], lw=1, alpha=0.4)
        ax.annotate(f"{score:.2f}", (score, y), (7, 0), textcoords="offset points", va="center", fontsize=9)
    ax.plot([score for *_, score in rows], range(len(rows)), "o", color=COLOURS["worker"])
    labels = [f"{place}  {pictures.in_the_margin(student)}" for place, student, _ in rows]
    ax.set_yticks(range(len(rows)), labels, fontsize=9)
    ax.set(
        xlim=(0, 1.12 * max(score for *_, score in rows) or 1),
        ylim=(len(rows) - 0.5, -0.5),
        xlabel="seconds by the common clock, mean of the grader's seeds",
    )
    ax.grid(False)
    return fig


def parts(records: list[dict], folder: Path, name: str) -> list[str]:
    """HTML for the page of the class; leaderboard-NAME.csv and .png beside it. Nothing where nothing was measured."""
    rows = standing(records)
    if not rows:
        return []
    table = io.StringIO()
    csv.writer(table).writerows(
        [["Place", "Student", "Seconds"]]
        + [[place, harmless(student), f"{score:.2f}"] for place, student, score in rows]
    )
    path = Path(folder) / f"leaderboard-{name}"
    path.with_suffix(".csv").write_bytes(table.getvalue().encode("utf-8-sig", "replace"))
    alt = f"A dot for each of {len(rows)} students: the seconds until the goal, the fastest at the top."
    return [
        "<h3>The fastest</h3><p>Mean of the grader's seeds. Another three seeds would give another order among "
        "neighbours.</p>",
        pictures.keep(figure(rows), path.with_suffix(".png"), alt),
    ]
