"""One puzzle, thought about segment by segment: the answers, how sure the model was, and what they break."""

from __future__ import annotations

import dataclasses

import torch

from ..halting import wants_to_halt
from ..model import HRM
from ..puzzles.base import PuzzleSet
from ..solving import solve


@dataclasses.dataclass
class Thought:
    """What a model made of one puzzle."""

    answers: torch.Tensor
    """(segments, seq_len) the answer after each segment of the first attempt, int64"""
    q_halt: list[float]
    """the logit that the answer is right, after each of these segments"""
    answer: torch.Tensor
    """(seq_len,) the answer that counts"""
    confidence: float
    """σ(q_halt) of that answer: how sure the model is of it, 0 to 1"""
    segments: int
    """how many were used, those of restarts included"""
    content: bool
    """whether the halting rule was satisfied; without halting, whether it would have been at the end"""


@torch.no_grad()
def think(
    model: HRM, tokens: torch.Tensor, max_segments: int, halt: bool = True, margin: float = 0.0, restarts: int = 0
) -> Thought:
    """The thinking about one puzzle, tokens (seq_len,). Arguments as for `solving.solve`."""
    one = tokens[None].to(model.z_H_init.device)
    solution = solve(model, one, max_segments=1)  # refuses a puzzle that does not fit, in a sentence
    z, answers, q = model.initial_latents(1), [], []
    for _ in range(max_segments):
        out = model(z, one)
        z = out.latents
        answers.append(out.logits[0].argmax(-1).cpu())
        q.append(out.q_halt.item())
        content = bool(wants_to_halt(out.q_halt, margin=margin))
        if halt and content:
            break
    answer, best, used = answers[-1], q[-1], len(answers)
    if restarts and halt and not content:
        solution = solve(model, one, max_segments, margin=margin, restarts=restarts)
        answer, best, used = solution.tokens[0].cpu(), solution.q_halt.item(), int(solution.segments)
        content = best > margin
    sure = torch.tensor(best, dtype=torch.float64).sigmoid().item()
    return Thought(torch.stack(answers), q, answer, sure, used, content)


def breaks(puzzles: PuzzleSet, answer: torch.Tensor) -> list[str]:
    """What an answer (seq_len,) to the one puzzle of the set breaks, by the rules, in words; [] when it is right.

    The answer is held against the question and the rules, never against a label.
    """
    question = torch.tensor(puzzles.inputs)
    if bool(puzzles.check(question, answer[None])[0]):
        return []
    found = _changes(puzzles, question[0].long(), answer)
    if puzzles.name.startswith("sudoku"):
        found += _clashes(puzzles, answer)
    else:
        dangling = int(puzzles.violations(answer[None]).sum())
        if dangling:
            found.append(f"{dangling} cell{'s' * (dangling > 1)} of the path lead nowhere or branch")
        if not (answer == puzzles.vocab.index("o")).any():
            found.append("no path is drawn")
    return found or ["what is drawn is not one shortest path from S to G"]


def _place(puzzles: PuzzleSet, cell: int) -> str:
    row, column = divmod(cell, puzzles.grid[1])
    return f"row {row + 1}, column {column + 1}"


def _changes(puzzles: PuzzleSet, question: torch.Tensor, answer: torch.Tensor) -> list[str]:
    """Cells of the question that the answer does not keep, and cells that it leaves empty."""
    found = []
    if puzzles.name.startswith("sudoku"):
        for cell in ((question > 1) & (question != answer)).nonzero().flatten().tolist():
            now = puzzles.vocab[answer[cell]] if answer[cell] > 1 else "a blank"
            found.append(f"the given {puzzles.vocab[question[cell]]} in {_place(puzzles, cell)} became {now}")
        if empty := int(((question <= 1) & (answer <= 1)).sum()):
            found.append(f"{empty} cell{'s are' if empty > 1 else ' is'} empty")
    else:
        path = puzzles.vocab.index("o")
        kept = torch.where(answer == path, question == puzzles.vocab.index(" "), question == answer)
        if moved := int((~kept).sum()):
            found.append(f"{moved} cell{'s' * (moved > 1)} of the maze itself changed")
    return found


def _clashes(puzzles: PuzzleSet, answer: torch.Tensor) -> list[str]:
    """Digits that stand twice in a row, column or box."""
    board, found = puzzles.board, []
    for kind, unit_of_cell in zip(("row", "column", "box"), board.unit_of_cell, strict=True):
        for unit in range(board.side):
            digits = answer[torch.from_numpy(unit_of_cell == unit)]
            for token in range(2, puzzles.vocab_size):
                count = int((digits == token).sum())
                if count > 1:
                    many = {2: "two", 3: "three"}.get(count, str(count))
                    found.append(f"{many} {puzzles.vocab[token]}s in {kind} {unit + 1}")
    return found
