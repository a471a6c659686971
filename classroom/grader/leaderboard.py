"""Who got furthest, where an assignment measures something: a table, and a figure that shows what is still unsolved.

A test cell that assigns a number to the name `score`, a percentage, takes part; see `judge.Mark`.
"""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

FINEST = 0.1  # per cent; below that the figure's logarithmic axis would have no end


def standing(records: list[dict]) -> list[tuple[int, str, float]]:
    """Place, student and score, best first; equal scores share a place. Of a student's files the best one counts."""
    best: dict[str, tuple[str, float]] = {}
    for one in records:
        scores = [found.get("score") for found in one["result"]["tests"].values()]
        scores = [score for score in scores if score is not None]
        if scores and max(scores) > best.get(one["key"], ("", -1.0))[1]:
            best[one["key"]] = one["student"], max(scores)
    rows = sorted(best.values(), key=lambda row: (-row[1], row[0]))
    places = {}
    for place, (_, score) in enumerate(rows, 1):
        places.setdefault(round(score, 1), place)
    return [(places[round(score, 1)], student, score) for student, score in rows]


def figure(rows: list[tuple[int, str, float]], baseline: float | None = None):
    """A dot for each student at what is *unsolved*, on a logarithmic axis: near the ceiling it is what differs."""
    import matplotlib.pyplot as plt

    from hrm_lite.plots import COLOURS, use_style

    use_style()
    fig, ax = plt.subplots(figsize=(6.4, max(1.8, 1.1 + 0.22 * len(rows))))
    left = [max(FINEST, 100 - score) for _, _, score in rows]
    ax.plot(left, range(len(rows)), "o", color=COLOURS["worker"])
    for y, (x, (_, _, score)) in enumerate(zip(left, rows, strict=True)):
        ax.annotate(f"{100 - score:.1f}", (x, y), (6, 0), textcoords="offset points", va="center", fontsize=8)
    if baseline is not None:
        ax.axvline(max(FINEST, 100 - baseline), ls="--", color=COLOURS["flat"], label="settings as they come")
        fig.legend(loc="outside upper right", fontsize=9)
    names = [student if len(student) <= 22 else f"{student[:21]}…" for _, student, _ in rows]
    ax.set_yticks(range(len(rows)), [f"{place}  {name}".replace("$", r"\$") for (place, _, _), name in zip(rows, names, strict=True)])
    ax.set(xscale="log", xlim=(FINEST * 0.8, 160), ylim=(len(rows) - 0.5, -0.5), xlabel="puzzles unsolved (%)")
    ax.set_xticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    ax.minorticks_off()
    return fig


def parts(records: list[dict], folder: Path, name: str, baseline: float | None = None) -> list[str]:
    """HTML for the page of the class, and leaderboard-NAME.csv and .png beside it; nothing where nothing was measured."""
    import matplotlib.pyplot as plt

    rows = standing(records)
    if not rows:
        return []
    lines = ["place,student,score"] + [f'{place},"{student.replace(chr(34), chr(34) * 2)}",{score:.2f}'
                                       for place, student, score in rows]  # fmt: skip
    (Path(folder) / f"leaderboard-{name}.csv").write_bytes(("\n".join(lines) + "\n").encode("utf-8", "replace"))
    fig, shot = figure(rows, baseline), io.BytesIO()
    fig.savefig(shot, format="png", dpi=150)
    plt.close(fig)
    (Path(folder) / f"leaderboard-{name}.png").write_bytes(shot.getvalue())
    body = "".join(f"<tr><td>{place}</td><td>{escape(student)}</td><td class=points>{score:.1f}</td></tr>"
                   for place, student, score in rows)  # fmt: skip
    alt = f"The share of puzzles left unsolved by each of {len(rows)} students' settings, on a logarithmic axis."
    return ["<h3>How far they got</h3><p>Per cent solved, the mean of the grader's seeds. Seeds differ by a few points: "
            "neighbours on this list are no different.</p>",
            f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(shot.getvalue()).decode()}">',
            f"<table><tr><th>Place</th><th>Student</th><th class=points>Solved (%)</th></tr>{body}</table>"]  # fmt: skip
