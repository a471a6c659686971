"""The class at a glance: a figure of which test failed whom, and a page around it for the lecturer."""

from __future__ import annotations

from collections import Counter
from html import escape
from pathlib import Path
from statistics import median

from . import leaderboard, pictures
from .feedback import page, points
from .grading import GRADED
from .notebooks import Master
from .written import remarks, total


def figure(records: list[dict], master: Master):
    """A row for each student, best first, a column for each test: full where it gave its points, open where not."""
    import matplotlib.pyplot as plt

    from hrm_lite.plots import COLOURS, use_style

    use_style()
    rows = sorted(records, key=lambda one: (-one["result"]["points"], one["student"]))
    tests = master.tests
    # Wide enough for the names and the columns, and a fifth of an inch for each student.
    fig, axes = plt.subplots(figsize=(max(4.6, 2.4 + 0.42 * len(tests)), max(2.4, 1.3 + 0.2 * len(rows))))
    right, wrong, none = [], [], []
    for y, one in enumerate(rows):
        for x, test in enumerate(tests):
            found = one["result"]["tests"][test.grade_id]
            (right if found["passed"] else wrong if found["answered"] else none).append((x, y))
    size = 60
    for where, colour, face, marker, label in (
        (right, COLOURS["worker"], COLOURS["worker"], "s", "points given"),
        (wrong, COLOURS["controller"], "none", "s", "not yet right"),
        (none, COLOURS["ink"], COLOURS["ink"], "_", "not answered"),
    ):
        x, y = zip(*where, strict=True) if where else ((), ())
        axes.scatter(x, y, s=size, marker=marker, edgecolors=None if marker == "_" else colour, facecolors=face,
                     color=colour if marker == "_" else None, linewidths=1.3, label=label)  # fmt: skip
    names = [f"{pictures.in_the_margin(one['student'])}  {points(one['result']['points'])}" for one in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=9)
    gave = [sum(one["result"]["tests"][test.grade_id]["passed"] for one in rows) for test in tests]
    labels = [f"{test.grade_id.removeprefix('test-')}\n{n}" for test, n in zip(tests, gave, strict=True)]
    axes.set_xticks(range(len(tests)), labels, fontsize=9)
    axes.set(xlim=(-0.6, len(tests) - 0.4), ylim=(len(rows) - 0.4, -0.6))
    axes.set_xlabel(f"test, and how many of {len(rows)} passed it")
    axes.set_ylabel(f"student, and points of {points(master.points)}")
    axes.grid(False)
    fig.legend(loc="outside upper center", ncols=3, fontsize=9, handletextpad=0.3, columnspacing=1.2)
    return fig


def write(records: list[dict], among: dict[str, Master], folder: Path, pages: dict[str, str]) -> Path:
    """index.html and a figure for each assignment. pages: by the record's file, the address of its feedback."""
    folder = Path(folder)
    parts = ["<h1>The class</h1>", f"<p>{_counted(records)}</p>"]
    for name, master in among.items():
        own = [one for one in records if one["assignment"] == name and one["status"] == GRADED]
        if own:
            parts += _assignment(own, name, master, folder)
    parts += ["<h2>All files</h2>", '<div class="wide"><table>',
              "<tr><th>Student</th><th>Assignment</th><th class=points>Points</th><th>Remarks</th></tr>"]  # fmt: skip
    for one in records:
        result = one.get("result") if one["status"] == GRADED else None
        got = total(one) if result else None
        open_ = f"; {got[2]} to read" if got and got[2] else ""
        given = f"{points(got[0])} of {points(got[1])}{open_}" if got else escape(one["status"])
        link = f'<a href="{escape(pages[one["file"]])}">{escape(one["student"])}</a>'
        parts.append(f"<tr><td>{link}{' (late)' if one['late'] else ''}</td><td>{escape(one['assignment'] or '?')}</td>"
                     f'<td class="points">{given}</td><td>{escape(remarks(one)[:300])}</td></tr>')  # fmt: skip
    path = folder / "index.html"
    path.write_bytes(page("The class", "\n".join([*parts, "</table></div>"])).encode("utf-8", "replace"))
    return path


def _assignment(own: list[dict], name: str, master: Master, folder: Path) -> list[str]:
    middle = median(one["result"]["points"] for one in own)
    said = f"{len(own)} graded; half of them have {points(middle)} of {points(master.points)} points or more."
    alt = f"A row for each of {len(own)} students, a column for each test; filled squares are tests that gave points."
    shown = pictures.keep(figure(own, master), folder / f"{name}.png", alt)
    parts = [f"<h2>{escape(master.title)}</h2><p>{said}</p>", shown]
    parts += leaderboard.parts(own, folder, name)
    hints: dict[str, tuple[set, set]] = {}
    for number, one in enumerate(own):
        for test, found in one["result"]["tests"].items():
            if found["answered"] and not found["passed"]:
                who, where = hints.setdefault(found["message"], (set(), set()))
                who.add(number)
                where.add(test.removeprefix("test-"))
    often = sorted(((len(who), sorted(where), said) for said, (who, where) in hints.items()), key=lambda one: -one[0])
    if often:
        parts += ["<p>What was said most often:</p><ul>"]
        parts += [f"<li>To {n} ({escape(', '.join(where))}): {escape(said[:300])}</li>" for n, where, said in often[:8]]
        parts.append("</ul>")
    odd = Counter((test, found["detail"]) for one in own for test, found in one["result"]["tests"].items()
                  if found.get("detail"))  # fmt: skip
    if odd:
        parts += ["<p>Tests that failed in a way that they did not foresee (only you see this; a check of type and "
                  "shape in front of them would tell the students more):</p><ul>"]  # fmt: skip
        parts += [f"<li>{n} times, {escape(test)}: {escape(said[:300])}</li>" for (test, said), n in odd.most_common(8)]
        parts.append("</ul>")
    return parts


def _counted(records: list[dict]) -> str:
    total = Counter(one["status"] for one in records)
    said = [f"{n} {status}" for status, n in total.most_common()]
    return f"{len(records)} files of {len({one['key'] for one in records})} students: {', '.join(said)}."
