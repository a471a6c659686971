"""A board, a row of boards that shows an answer forming, and the same as an animation for a page."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ..puzzles.base import PuzzleSet
from .style import COLOURS

__all__ = ["Cell", "board", "cells", "thinking"]


@dataclass
class Cell:
    """What a picture shows of one cell."""

    character: str
    """Empty for a blank."""
    colour: str | None
    """What the puzzle itself paints the cell with, such as a wall."""
    given: bool
    """The question's own digit, kept."""
    broken: bool
    """Breaks a rule."""
    changed: bool
    """Differs from the answer before."""

    @property
    def ground(self) -> str | None:
        """The colour under the cell, None for white. Red wins over the puzzle's own colour, and that over grey."""
        return COLOURS["broken"] if self.broken else self.colour or (COLOURS["changed"] if self.changed else None)


def cells(puzzles: PuzzleSet, question, answer=None, before=None) -> list[Cell]:
    """Every cell of a board in reading order; arguments as for `board`."""
    question, answer, before = (
        None if t is None else torch.tensor(np.asarray(t)).long() for t in (question, answer, before)
    )
    shown = question if answer is None else answer
    nowhere = torch.zeros(len(shown), dtype=torch.bool)
    broken = nowhere if answer is None else puzzles.violations(shown[None])[0]
    changed = nowhere if before is None else shown != before
    faces = [puzzles.faces[t] for t in shown.tolist()]
    kept = (shown == question).tolist()
    return [
        Cell(face.character, face.colour, bool(face.character) and same, *marks)
        for face, same, *marks in zip(faces, kept, broken.tolist(), changed.tolist(), strict=True)
    ]


def board(ax: Axes, puzzles: PuzzleSet, question, answer=None, before=None, title: str = "") -> None:
    """Draw a question, or an answer to it, on ``ax``.

    question, answer, before: (seq_len,) tokens.
    Givens are bold. In an answer a red cell breaks a rule and a grey one differs from ``before``; these are the
    paper's colours. A cell that the puzzle itself paints (a wall, a colour of ARC) keeps its colour where it has only
    changed.
    """
    rows, columns = puzzles.grid
    box = ax.get_window_extent()
    ax.add_patch(Rectangle((0, 0), columns, rows, color=COLOURS["paper"], linewidth=0))
    size = min(19.0, 0.7 * min(box.width / columns, box.height / rows) * 72 / ax.figure.dpi)
    for i, cell in enumerate(cells(puzzles, question, answer, before)):
        r, c = divmod(i, columns)
        if cell.ground:
            ax.add_patch(Rectangle((c, r), 1, 1, color=cell.ground, linewidth=0))
        if not cell.character:
            continue
        ax.text(
            c + 0.5,
            r + 0.52,
            cell.character,
            ha="center",
            va="center",
            fontsize=size,
            weight="bold" if cell.given else "normal",
            color=COLOURS["print" if cell.given else "worker"],
            in_layout=False,  # it lies within the board, so the layout need not measure it
        )
    _lines(ax, puzzles)
    if title:
        ax.set_title(title, fontsize=9)


def _lines(ax: Axes, puzzles: PuzzleSet) -> None:
    rows, columns = puzzles.grid
    box_rows, box_columns = puzzles.box or (rows, columns)
    thin = 0.5 if max(rows, columns) < 16 else 0.1
    style = dict(colors=COLOURS["print"], capstyle="round")
    ax.hlines(range(rows + 1), 0, columns, lw=[thin if i % box_rows else 1.6 for i in range(rows + 1)], **style)
    ax.vlines(range(columns + 1), 0, rows, lw=[thin if i % box_columns else 1.6 for i in range(columns + 1)], **style)
    ax.set(xlim=(-0.05, columns + 0.05), ylim=(rows + 0.05, -0.05), aspect="equal")
    ax.axis("off")


def thinking(puzzles: PuzzleSet, question, answers, titles=None, width: float = 1.5, per_line: int = 7):
    """A figure with the question and then each answer; answers: (moments, seq_len) tokens."""
    count = len(answers) + 1
    lines = -(-count // per_line)
    figure, axes = plt.subplots(
        lines, min(count, per_line), figsize=(width * min(count, per_line), lines * (width + 0.25)), squeeze=False
    )
    for ax in axes.flat[count:]:
        ax.axis("off")
    board(axes.flat[0], puzzles, question, title="question")
    for i, answer in enumerate(answers):
        before = answers[i - 1] if i else question
        board(axes.flat[i + 1], puzzles, question, answer, before, titles[i] if titles else f"segment {i + 1}")
    return figure
