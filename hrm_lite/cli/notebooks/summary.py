"""What came of a batch: its records as a table, and a figure of one measure over the parameters that vary."""

from __future__ import annotations

import math
import numbers
from pathlib import Path
from typing import Any

from ...records import read_json, write_atomically
from .grid import Grid, Run
from .parameters import Refused, nearest

__all__ = ["choose_metric", "figure", "measures", "rows", "show"]

_USUAL = ("exact", "best.exact", "cells", "best.cells", "loss")  # the first that the records hold
_ASIDE = {"history", "provenance", "model", "train", "versions", "hardware"}


def measures(record: dict, before: str = "") -> dict[str, float]:
    """The numbers of a record, by dotted names. A list, such as accuracy after each segment, counts by its last."""
    found = {}
    for name, value in record.items():
        if name in _ASIDE and not before:
            continue
        while isinstance(value, list) and value:
            value = value[-1]
        if isinstance(value, dict):
            found |= measures(value, f"{before}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found[before + name] = value
    if not before and (losses := [h["loss"] for h in record.get("history", []) if isinstance(h, dict) and "loss" in h]):
        found.setdefault("loss", losses[-1])
    return found


def rows(grid: Grid) -> list[dict[str, Any]]:
    """A row for each finished run: its name, what varies, and what its record measured."""
    found = []
    for run in grid.runs:
        stamp = run.output.stamp()
        if stamp is None or stamp["key"] != grid.notebook.key(run.given):
            continue
        attempts = len(stamp["attempts"])
        row = {"run": run.name} | _values(grid, run) | {"notebook_seconds": stamp["seconds"], "attempts": attempts}
        place = run.find_record()
        if place is not None:
            row |= {k: v for k, v in measures(read_json(place)).items() if k not in row}
        found.append(row)
    return found


def _values(grid: Grid, run: Run) -> dict[str, Any]:
    defaults = {name: grid.notebook.parameters[name].default for name in grid.varied}
    return {name: run.given.get(name, defaults[name]) for name in grid.varied}


def choose_metric(grid: Grid, table: list[dict], wanted: str | None) -> str | None:
    """The measure to compare by: the one ``wanted``, or the first usual one that is there; None when there is none.

    Raises `Refused` for one that no record holds.
    """
    known = list(dict.fromkeys(k for row in table for k in row if k not in ("run", "attempts", *grid.varied)))
    if wanted is None:
        return next((name for name in _USUAL if name in known), None)
    if wanted not in known:
        raise Refused(f"no record holds the metric {wanted}. {nearest(wanted, known)}")
    return wanted


def keep(table: list[dict], path: Path) -> None:
    """Write the rows as CSV, all or nothing."""
    import pandas

    text = pandas.DataFrame(table).to_csv(index=False, lineterminator="\n")
    write_atomically(path, lambda file: file.write(text.encode()))


def show(grid: Grid, table: list[dict], metric: str | None) -> Any:
    """The rows as a table for the terminal: what varies, the measure, minutes."""
    from rich.table import Table

    names = [*(grid.varied or ["run"]), *([metric] if metric else [])]
    shown = Table(*names, "minutes", box=None, pad_edge=False)
    for row in table:
        cells = [f"{v:.4g}" if isinstance(v := row.get(name, ""), float) else str(v) for name in names]
        shown.add_row(*cells, f"{row['notebook_seconds'] / 60:.1f}")
    return shown


def axes(table: list[dict], varied: list[str]) -> tuple[str, str | None, str | None]:
    """Which varied parameter goes along the axis, which one into colours and which one into panels.

    A seed is none of them: runs that differ in it alone are the points of one place. Most values go along the axis.
    """
    counts = {name: len({str(row[name]) for row in table}) for name in varied if name != "seed"}
    order = sorted((name for name in counts if counts[name] > 1), key=lambda name: -counts[name])
    x, hue, col = (order + [None] * 3)[:3]
    return x or ("seed" if "seed" in varied else "run"), hue, col


def _ordered(values: Any) -> list[str]:
    """The different ones as text: numbers by size, then the others by the alphabet."""
    by_text = {str(value): value for value in values}

    def key(text: str) -> tuple:
        number = isinstance(by_text[text], numbers.Real)
        return (0, float(by_text[text]), "") if number else (1, 0.0, text)

    return sorted(by_text, key=key)


def figure(table: list[dict], varied: list[str], metric: str, path: Path) -> None:
    """Draw ``metric`` over what varies, a point for each run and a line through their means, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    import pandas
    import seaborn as sns

    from ...plots import use_style

    use_style()
    matplotlib.rcParams["figure.constrained_layout.use"] = False  # seaborn lays its panels out itself
    data = pandas.DataFrame([row for row in table if metric in row], dtype=object)
    data[metric] = data[metric].astype(float)
    x, hue, col = axes(table, varied)
    rest = [n for n in varied if n not in (x, hue, col, "seed") and data[n].map(str).nunique() > 1]
    order = {}
    for name in {x, hue, col} - {None}:
        order[name] = _ordered(data[name])
        data[name] = [str(value) for value in data[name]]  # None is a value, too: astype would call it missing
    options = dict(
        data=data,
        x=x,
        y=metric,
        hue=hue,
        col=col,
        order=order[x],
        hue_order=order.get(hue),
        col_order=order.get(col),
        height=3.2,
        aspect=1.4,
        legend="full" if hue else False,
    )
    grid_of_axes = sns.catplot(kind="strip", dodge=bool(hue), jitter=False, alpha=0.7, **options)
    for panel, ax in zip(order.get(col, [None]), grid_of_axes.axes.flat, strict=True):
        part = data if col is None else data[data[col] == panel]
        sns.pointplot(
            data=part,
            x=x,
            y=metric,
            hue=hue,
            order=order[x],
            hue_order=order.get(hue),
            errorbar=None,
            ax=ax,
            dodge=0.4 if hue else False,
            markers="_",
            linewidth=1,
            legend=False,
        )
    title = "a point is a run, a line joins their means" + (f"; they differ in {', '.join(rest)}, too" if rest else "")
    grid_of_axes.figure.suptitle(title, y=1.02, fontsize="medium")
    write_atomically(path, lambda file: grid_of_axes.savefig(file, format="png", dpi=150))
