"""Boards in the terminal: the answers of a model side by side, as many in a line as the window is wide.

Colour is never alone: a cell that breaks a rule is red and marked "!", one that has changed is dim and marked "'".
"""

from __future__ import annotations

import torch

from ..puzzles.base import PuzzleSet

LEGEND = "! breaks a rule   ' changed since the board before   bold: given"


def board(puzzles: PuzzleSet, answer: torch.Tensor, before: torch.Tensor | None, title: str):
    """One board as a rich text: an answer (seq_len,) to the one puzzle of the set, compared with the one before."""
    from rich.text import Text

    question = torch.tensor(puzzles.inputs[0]).long()
    broken = puzzles.violations(answer[None])[0]
    sudoku = puzzles.name.startswith("sudoku")
    blank = 1 if sudoku else puzzles.vocab.index(" ")
    given = (question != blank) & (question > 0)
    broken = broken | (given & (answer != question))  # a given that was not kept breaks the first rule
    changed = torch.zeros_like(broken) if before is None else before != answer
    rows, columns = puzzles.grid
    text = Text(no_wrap=True, end="")
    text.append(title + "\n", "bold")
    for row in range(rows):
        if sudoku and row and row % puzzles.box[0] == 0:
            width = puzzles.box[1]
            text.append("+".join("-" * (2 * width + (part > 0)) for part in range(columns // width)) + "\n", "dim")
        for column in range(columns):
            if sudoku and column and column % puzzles.box[1] == 0:
                text.append("| ", "dim")
            cell = row * columns + column
            style = "red bold" if broken[cell] else "bold" if given[cell] else "dim" if changed[cell] else ""
            mark = "!" if broken[cell] else "'" if changed[cell] else " "
            sign = puzzles.vocab[answer[cell]]
            if sudoku:
                text.append(sign + mark, style)
            else:  # no room for a mark beside each of thirty cells: it takes the place of the dot
                text.append(mark if sign in "o_" and mark != " " else sign, style)
        if row < rows - 1:
            text.append("\n")
    return text


def thinking(puzzles: PuzzleSet, answers: torch.Tensor, confidences: list[float]):
    """All boards, from the question on; segments that changed nothing share one. (segments, seq_len) answers."""
    from rich.columns import Columns

    question = torch.tensor(puzzles.inputs[0]).long()
    shown, start = [board(puzzles, question, None, "the puzzle")], 0
    while start < len(answers):
        end = start
        while end + 1 < len(answers) and torch.equal(answers[end + 1], answers[start]):
            end += 1
        which = f"segment {start + 1}" if end == start else f"segments {start + 1}-{end + 1}"
        before = answers[start - 1] if start else None
        shown.append(board(puzzles, answers[start], before, f"{which}: {confidences[end]:.1%} sure"))
        start = end + 1
    return Columns(shown, padding=(1, 4, 0, 0))
