"""An explorer of Sudoku: a model at work, segment by segment. What it shows first needs no kernel."""

from __future__ import annotations

import html

import ipywidgets as w
import torch

from ..model import HRM
from ..plots.boards import cells
from ..plots.style import COLOURS
from ..puzzles import sudoku
from ..puzzles.base import PuzzleSet
from ..solving import solve

__all__ = ["SudokuExplorer", "board_html"]


def board_html(puzzles: PuzzleSet, question, answer=None, before=None) -> str:
    """A board as an HTML table; arguments and colours as for `plots.board`."""
    rows, columns = puzzles.grid
    box_rows, box_columns = puzzles.box or puzzles.grid
    ink, line = COLOURS["print"], COLOURS["faint"]
    size = 44 if rows <= 6 else 32 if rows <= 12 else 14
    paper = COLOURS["paper"]
    parts = [f'<table style="border-collapse:collapse;margin:6px auto;background:{paper};width:auto">']
    for i, cell in enumerate(cells(puzzles, question, answer, before)):
        r, c = divmod(i, columns)
        edges = [
            ("top", r == 0, 1),
            ("left", c == 0, 1),
            ("bottom", (r + 1) % box_rows == 0, 0),
            ("right", (c + 1) % box_columns == 0, 0),
        ]
        borders = "".join(
            f"border-{side}:{f'2px solid {ink}' if thick else f'1px solid {line}'};"
            for side, thick, first in edges
            if thick or not first
        )
        style = (
            f"{borders}width:{size}px;height:{size}px;padding:0;text-align:center;font-size:{size // 2}px;"
            f"color:{ink if cell.given else COLOURS['worker']};font-weight:{700 if cell.given else 400};"
            f"background:{cell.ground or paper}"
        )
        parts.append(
            ("<tr>" if c == 0 else "")
            + f'<td style="{style}">{cell.character}</td>'
            + ("</tr>" if c == columns - 1 else "")
        )
    return "".join(parts) + "</table>"


class SudokuExplorer(w.VBox):
    """Step through a model's answers to a puzzle; with a kernel, type another puzzle.

    model: an `HRM` of the puzzles' size. puzzles: a Sudoku set; its first puzzle is shown at the start.
    segments: how many to run.
    The play button and the slider need no kernel: they are linked in the browser.
    """

    def __init__(self, model: HRM, puzzles: PuzzleSet, segments: int = 8):
        self.model, self.puzzles, self.segments = model, puzzles, segments
        self.text = w.Text(
            value=puzzles.questions()[0],
            description="puzzle",
            continuous_update=False,
            layout=w.Layout(width="100%", max_width="46em"),
        )
        self.message = w.HTML()
        self.boards = [w.HTML() for _ in range(segments + 1)]
        self.tabs = w.Tab(children=self.boards)
        for i in range(segments + 1):
            self.tabs.set_title(i, str(i) if i else "question")
        self.slider = w.IntSlider(min=0, max=segments, description="segment", readout=True)
        self.play = w.Play(min=0, max=segments, interval=700)
        w.jslink((self.play, "value"), (self.slider, "value"))
        w.jslink((self.slider, "value"), (self.tabs, "selected_index"))
        self.text.observe(lambda change: self.show(change["new"]), names="value")
        super().__init__([self.text, self.message, w.HBox([self.play, self.slider]), self.tabs])
        self.show(self.text.value)
        # The question alone says little. All three: a page without a kernel takes over the value of the play button.
        self.play.value = self.slider.value = self.tabs.selected_index = min(1, segments)

    def show(self, text: str) -> None:
        """Solve ``text`` and fill the boards; if it is no puzzle, say why and leave the boards as they are."""
        try:
            question = self.puzzles.encode(text)
            answer = sudoku.solve(text)
        except ValueError as error:
            self.message.value = f'<span style="color:#B42318">{html.escape(str(error))}</span>'
            return
        tokens = torch.from_numpy(question.astype("int64"))[None]
        trace = solve(self.model, tokens, self.segments, halt=False, record=True).trace[0].cpu()
        right = (trace == torch.from_numpy(self.puzzles.encode(answer).astype("int64"))).all(1)
        first = int(right.float().argmax()) + 1 if right.any() else None
        outcome = f"solved after segment {first}" if first else "not solved"
        if first and not right[-1]:
            outcome += ", then lost again"
        self.message.value = f"The model: {outcome}. Red: breaks a rule. Grey: changed since the segment before."
        self.boards[0].value = board_html(self.puzzles, question)
        for i, tokens in enumerate(trace):
            self.boards[i + 1].value = board_html(self.puzzles, question, tokens, trace[i - 1] if i else question)
