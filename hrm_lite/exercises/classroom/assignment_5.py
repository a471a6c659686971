"""Visible checks of assignment 5, deep supervision and halting."""

from __future__ import annotations

import torch

from ..base import Wrong, call, exercise, number, tensor

__all__: list[str] = []


def _of(rows) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


@exercise("C5.1", "a function of q_halt, q_continue and least that returns a segment for each row")
def halt_at(answer) -> str:
    halt = _of([[1, 1, 1, 1], [-1, 2, -1, -1], [-1, -1, -1, -1], [1, -1, -1, 2], [0, 0, 3, 0]])
    least = torch.tensor([1, 1, 1, 2, 1])
    got = call(answer, halt, torch.zeros_like(halt), least)
    found = [int(m) for m in tensor(got, "what halt_at returns", (5,)).tolist()]
    if found == [0, 1, 3, 3, 2]:
        raise Wrong("each is one too small: segments are counted from 1.")
    if found[0] == 4:
        raise Wrong(
            "the first row has a reason to halt after each segment, and halts after the first of them, not the last."
        )
    if found[2] in (0, 1):
        raise Wrong("the third row never has a reason to halt, and so runs to the last segment.")
    if found[3] == 1:
        raise Wrong("the fourth row may not halt before its second segment: `least` makes no difference.")
    if found[3] == 2:
        raise Wrong(
            "the fourth row has its first reason before its least segment. It has none at its second, so it goes on."
        )
    if found[4] == 1:
        raise Wrong("the last row has two equal values after its first segment, and Q_halt has to be the larger.")
    if found != [1, 2, 4, 4, 3]:
        raise Wrong(f"the five rows of the example halt after 1, 2, 4, 4 and 3 segments; yours after {found}.")
    return "In training the least segment is drawn by chance, which is the next task; when solving it is 1."


@exercise("C5.2", "a function of rows, most and epsilon that returns a vector of whole numbers")
def draw_least(answer) -> str:
    def drawn(rows: int, most: int, epsilon: float) -> torch.Tensor:
        return tensor(call(answer, rows, most, epsilon), "what draw_least returns", (rows,))

    never, always = drawn(500, 4, 0.0), drawn(2000, 4, 1.0)
    if (never != 1).any():
        raise Wrong("with ε = 0 nothing is explored, and every row's least segment is 1.")
    if (always == 1).any():
        raise Wrong("with ε = 1 every row is to go on for two segments at least, and some of yours may halt after one.")
    if (always == always[0]).all():
        raise Wrong("all rows have the same number: each row draws for itself.")
    if (always > 4).any():
        raise Wrong(f"with M_max = 4 a least segment of {always.max():g} cannot be reached.")
    if not (always == 4).any():
        raise Wrong("M_max itself never comes up. Where does torch.randint end?")
    if (always != always.round()).any():
        raise Wrong("segments are whole numbers.")
    half = drawn(2000, 4, 0.5)
    if not 0.4 < (half == 1).double().mean() < 0.6:
        raise Wrong(f"with ε = 0.5 about half of the rows should have 1, and {(half == 1).double().mean():.0%} do.")
    return "Without it a head that is always impatient would never meet the evidence against its impatience."


@exercise("C5.3", "a function of q_halt, q_continue and right that returns two tensors (rows, segments − 1)")
def targets(answer) -> str:
    halt, go = _of([[2, -1, 0]]), _of([[0, 1, 3]])
    right = torch.tensor([[True, False, True]])
    got = call(answer, halt, go, right)
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        raise Wrong("what targets returns should be a pair: G_halt and G_continue.")
    if tensor(got[0], "G_halt").shape == (1, 3):
        raise Wrong("there is no target after the last segment: both have one column less than the logits.")
    first, second = (tensor(one, name, (1, 2))[0] for one, name in zip(got, ("G_halt", "G_continue"), strict=True))

    def near(found, *wanted):
        return (found - _of(wanted)).abs().max() < 1e-5

    s0, s1, s2, s3 = (_of(v).sigmoid().item() for v in (0, 1, 2, 3))
    if near(first, s1, s0) or near(first, s1, s3):
        raise Wrong("the pair is in the wrong order: first the target of halting.")
    if near(first, 0, 1):
        raise Wrong("the target of halting is whether *this* segment's answer is right; that is the next one's.")
    if not near(first, 1, 0):
        raise Wrong("the target of halting is 1 where the answer is right and 0 where it is not.")
    if near(second, 1, 0) or near(second, 1, 3):
        raise Wrong("these are logits. Q̂ is their sigmoid, a number between 0 and 1.")
    if near(second, s1, s3):
        raise Wrong("from the last segment one cannot continue, so there only its Q_halt counts.")
    if near(second, s2, s1):
        raise Wrong("that is what this segment promises itself. Look at the next one.")
    if near(second, 1 - s1, s0):
        raise Wrong("at the next segment the model may halt or continue, as it likes better: the larger of the two.")
    if not near(second, s1, s0):
        raise Wrong(f"for the example the target of continuing is σ(1) = {s1:.3f} and then σ(0) = {s0:.3f}; you have "
                    f"{second[0]:.3f} and {second[1]:.3f}.")
    return (
        "Only G_halt knows the answers. G_continue is the head's own opinion a segment later, with its errors."
    )


@exercise("C5.4", "a function of needs, rows and steps that returns a tensor (steps, rows)")
def carried(answer) -> str:
    got = call(answer, torch.tensor([1, 3, 2, 1]), 2, 5)
    found = [[int(v) for v in row] for row in tensor(got, "what carried returns", (5, 2)).tolist()]
    if found[1] == [0, 1]:
        raise Wrong("puzzle 0 needs one segment and leaves after it. In the second step its row holds the next one.")
    if found[1] == [-1, 1]:
        raise Wrong("in the second step the first row is empty, and two puzzles are waiting.")
    if found[3] == [-1, 3]:
        raise Wrong("in the fourth step both rows are free and one puzzle is left: the first row takes it.")
    if found[3][0] == 2 or found[2] == [3, 1]:
        raise Wrong("a puzzle has a segment too many or too few: puzzle 2 works in steps 2 and 3.")
    if found[:4] == [[0, 1], [2, 1], [2, 1], [3, -1]] and found[4] != [-1, -1]:
        raise Wrong("at the end the queue is empty, and a free row holds −1.")
    if found != [[0, 1], [2, 1], [2, 1], [3, -1], [-1, -1]]:
        raise Wrong(f"for needs of 1, 3, 2, 1 on two rows the steps are (0, 1), (2, 1), (2, 1), (3, −1), (−1, −1); "
                    "yours "
                    f"are {', '.join(f'({a}, {b})' for a, b in found)}.")
    return (
        "A puzzle that needs long holds its row for long: a carried batch holds more hard puzzles than the data does."
    )


@exercise("C5.5", "a function of q_halt, right and margins that returns a tensor (margins, 2)")
def trade(answer) -> str:
    q = _of([[3, 0, 0], [-1, 1, 0], [-1, -1, -1], [1, -1, 3]])
    right = torch.tensor([[True, True, False], [False, False, True], [False, True, True], [False, True, True]])
    found = tensor(call(answer, q, right, [0.0, 2.0]), "what trade returns", (2, 2))

    def near(*wanted):
        return (found - _of(wanted)).abs().max() < 1e-5

    if near([1.75, 0.5], [2.5, 1.0]):
        return "On the way from one margin to the next, each row halts later or at the same place, never earlier."
    if near([0.5, 1.75], [1.0, 2.5]):
        raise Wrong("the two are in the wrong order: first the segments.")
    if near([0.75, 0.5], [1.5, 1.0]):
        raise Wrong("the segments are one too few: they are counted from 1.")
    if near([7, 2], [10, 4]):
        raise Wrong("these are sums over the rows. Their mean is asked for.")
    if near([1.75, 0.75], [2.5, 0.75]):
        raise Wrong("these are the answers after the last segment. A row that has halted keeps the answer it had.")
    if near([4 / 3, 1 / 3], [2.0, 1.0]):
        raise Wrong("a row that never passes the margin runs to its last segment, and counts as well.")
    if abs(found[0, 0] - found[1, 0]) < 1e-6:
        raise Wrong("the margin makes no difference, and a higher one should make rows halt later.")
    raise Wrong(f"for the example's four rows a margin of 0 takes 1.75 segments and solves half of them; you have "
                f"{found[0, 0]:.3f} and {found[0, 1]:.3f}.")


@exercise("C5.6", "a function of stop and right that returns a dictionary of four shares")
def verdicts(answer) -> str:
    right = torch.tensor([[True, False, False], [False, True, False], [False, False, True], [False, False, False],
                          [False, True, True]])
    got = call(answer, torch.tensor([1, 3, 1, 2, 2]), right)
    if not isinstance(got, dict) or set(got) != {"right", "early", "late", "never"}:
        raise Wrong('what verdicts returns should be a dictionary with the keys "right", "early", "late" and "never".')
    found = {name: number(value, name) for name, value in got.items()}

    def near(**wanted):
        return all(abs(found[name] - value) < 1e-6 for name, value in wanted.items())

    if near(right=0.4, early=0.2, late=0.2, never=0.2):
        return "Too early can be mended by patience. Too late cannot: a right answer was there, and nobody knew."
    if near(right=2, early=1, late=1, never=1):
        raise Wrong("these are counts, and shares are asked for.")
    if near(right=0.4, early=0.2, late=0.2) or near(early=0.2, late=0.2, never=0.2):
        raise Wrong("the four do not add up to 1: each row is of exactly one kind.")
    if near(right=0.4, early=0.2, late=0):
        raise Wrong("the second row was right after two segments and ran on to a wrong answer: too late.")
    if near(early=0.4):
        raise Wrong("early: right only *after* where it halts; late: right only before.")
    if near(early=0.2, late=0.4):
        raise Wrong("the answer after segment m stands in column m − 1: segments are counted from 1.")
    raise Wrong(f"of the example's five rows two are right, and one each halts too early, too late and is never "
                "right; you "
                f"have {', '.join(f'{name} {value:.2g}' for name, value in found.items())}.")
