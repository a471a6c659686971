"""Checks of chapter 9, Sudoku."""

from __future__ import annotations

import numpy as np
import torch

from ..puzzles import sudoku
from .base import Wrong, call, exercise, number

__all__: list[str] = []

_SOLVED = "4231132434122143"
_QUESTION = "4..1...4.4....4."


def _board(text: str) -> torch.Tensor:
    return torch.tensor([0 if c == "." else int(c) for c in text]).view(4, 4)


def _truth(value, what: str = "your function") -> bool:
    if isinstance(value, (torch.Tensor, np.ndarray, np.generic)) and np.ndim(value) == 0:
        value = value.item()
    if not isinstance(value, (bool, int)) or value not in (0, 1):
        raise Wrong(f"{what} should return True or False.")
    return bool(value)


@exercise("9.1", "a function of two tensors (4, 4) of digits, question and answer, that returns True or False")
def obeys(right) -> str:
    solved, question = _board(_SOLVED), _board(_QUESTION)
    cases = [(question, solved, True, "a right answer was refused")]
    latin = _board("1234234134124123")  # rows and columns are right, boxes are not
    cases.append((_board("1..............."), latin, False, "a board whose boxes hold a digit twice was taken"))
    sums = _board("1144441123323223")  # every row, column and box adds up to 10
    cases.append((_board("." * 16), sums, False, "four digits that add up to 10 need not be 1, 2, 3 and 4"))
    other = _board(_SOLVED.translate(str.maketrans("12", "21")))
    cases.append((question, other, False, "an answer that changes a given digit was taken"))
    blank = solved.clone()
    blank[1, 1] = 0
    cases.append((question, blank, False, "an answer with a blank in it was taken"))
    rows = _board("1234341212343412")
    cases.append((_board("." * 16), rows, False, "a board whose columns hold a digit twice was taken"))
    columns = rows.T.contiguous()
    cases.append((_board("." * 16), columns, False, "a board whose rows hold a digit twice was taken"))
    for asked, answer, true, said in cases:
        if _truth(call(right, asked, answer)) != true:
            raise Wrong(said + ".")
        text = "".join("." if d == 0 else str(d) for d in asked.flatten().tolist())
        assert sudoku.is_solution(text, "".join(map(str, answer.flatten().tolist()))) == true
    return (
        "A check by the rules needs no label and accepts every right answer. Where a puzzle has one solution, as here, "
        "it and the label agree."
    )


@exercise("9.2", "a function of two tensors (puzzles, 16) of True and False, right and blank")
def luck(expected) -> str:
    draw = torch.Generator().manual_seed(9)
    for share in (0.9, 0.6):
        right = torch.rand(40, 16, generator=draw) < share
        blank = torch.rand(40, 16, generator=draw) < torch.rand(40, 1, generator=draw) * 0.8 + 0.1
        right |= ~blank
        found = number(call(expected, right, blank), "what your function returns")
        p, count = right[blank].double().mean().item(), blank.sum(1).tolist()
        true = sum(p**b for b in count) / len(count)
        if abs(found - true) < 1e-6:
            continue
        if abs(found - 100 * true) < 1e-4:
            raise Wrong("hand over a share between 0 and 1, not per cent.")
        if abs(found - right.all(1).double().mean().item()) < 1e-6:
            raise Wrong("that is what was measured. What would it be if blanks were right independently?")
        q = right.double().mean().item()
        if any(abs(found - value) < 1e-6 for value in (q**16, sum(q**b for b in count) / len(count))):
            raise Wrong("the givens are right without any luck: the chance p is that of a blank.")
        if abs(found - p ** (sum(count) / len(count))) < 1e-6:
            raise Wrong("puzzles have different numbers of blanks, and the mean of p^b is not p to the mean of b.")
        raise Wrong(f"with p = {p:.3f} for a blank it is {true:.4f} here, and your function says {found:.4f}.")
    return (
        "In this chapter the measured accuracy is the higher one: errors come in company. Two cells that swap their "
        "digits are wrong together. So independence explains the jump of the curve, and underestimates its height."
    )


@exercise("9.3", "a function of q, right and a share that returns a whole number")
def acceptable(accept) -> str:
    draw = np.random.default_rng(3)
    for n, share, kind in ((30, 0.1, 0), (25, 0.3, 1), (12, 0.0, 2), (20, 0.25, 3)):
        q = torch.from_numpy(draw.permutation(n) - n / 2.0)
        right = torch.from_numpy(draw.random(n) < 1 / (1 + np.exp(-q.numpy() / 3)))
        if kind == 3:  # an error early in the list, made good by what follows
            right = torch.ones(n, dtype=torch.bool)
            right[q.argsort(descending=True)[1]] = False
        found = number(call(accept, q, right, share), "what your function returns")
        order = sorted(zip(q.tolist(), right.tolist(), strict=True), reverse=True)
        fine = [k for k in range(n + 1) if sum(not r for _, r in order[:k]) <= share * k]
        if found == max(fine):
            continue
        upside = sorted(order)
        if found == max(k for k in range(n + 1) if sum(not r for _, r in upside[:k]) <= share * k):
            raise Wrong("the list is sorted the wrong way: accept the answers with the highest q first.")
        if found == next(k for k in range(n + 1) if k + 1 not in fine):
            raise Wrong(
                "you stop at the first place where too many are wrong. Farther down the share may be small enough."
            )
        if found == max(k for k in range(n + 1) if sum(not r for _, r in order[:k]) <= share * n):
            raise Wrong("the share is of the answers that are accepted, not of all answers.")
        if 0 < found < 1:
            raise Wrong("return how many are accepted, a whole number.")
        raise Wrong(f"of {n} answers {max(fine)} can be accepted, and your function says {found:g}.")
    return (
        "What counts is the order, and not how sure the numbers sound: a few wrong answers near the top, and hardly "
        "any can be accepted. The q of the last one accepted is the margin, and it should be chosen on other puzzles "
        "than those that are reported."
    )
