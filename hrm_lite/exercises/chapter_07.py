"""Checks of chapter 7, halting: the game as it is played, a price on time, a rule without a head, calibration."""

from __future__ import annotations

import math
from itertools import pairwise

import torch

from .base import Wrong, call, exercise, tensor

__all__: list[str] = []

# The tiny game of the chapter, where a sure answer is never lost: lost, unsure, sure.
RIGHT = (0.02, 0.50, 0.97)
MOVES = ((0.80, 0.20, 0.00), (0.10, 0.40, 0.50), (0.00, 0.00, 1.00))
TO_COME = 3


@exercise("7.1", "a function of q_halt_after, q_continue_after, m and most that returns probabilities")
def as_it_is_played(target) -> str:
    draw = torch.Generator().manual_seed(7)
    for most in (2, 5, 16):
        m = torch.randint(1, most, (40,), generator=draw)
        m[:2] = most - 1
        q = 3 * torch.randn(2, 40, generator=draw, dtype=torch.float64)
        said = call(target, q[0].clone(), q[1].clone(), m.clone(), most, what="your target")
        found = tensor(said, "what your target returns", (40,)).tolist()
        wanted, published, always, worse = [], [], [], []
        for halt, go_on, now in zip(*q.tolist(), m.tolist(), strict=True):
            value, both = 1 / (1 + math.exp(-halt)), 1 / (1 + math.exp(-max(halt, go_on)))
            wanted.append(value if now + 1 == most else both)
            published.append(both)  # m < most in every row here
            always.append(value)
            worse.append(value if now + 1 == most else 1 / (1 + math.exp(-min(halt, go_on))))

        def same(other, found=found):
            return max(abs(a - b) for a, b in zip(found, other, strict=True)) < 1e-6

        if same(wanted):
            continue
        if same(published):
            raise Wrong(
                f"this is the published target: with M_max = {most}, the row at m = {most - 1} counts on a move that "
                "the next segment does not have."
            )
        if same(always):
            raise Wrong("Q_halt in every row: where the game is not over yet, the next segment has two moves.")
        if same(worse):
            raise Wrong("of the two moves of the next segment one may take the better.")
        if min(found) < 0 or max(found) > 1:
            raise Wrong("these look like logits. A target is a probability: σ of a logit.")
        row = next(i for i, (a, b) in enumerate(zip(found, wanted, strict=True)) if abs(a - b) >= 1e-6)
        raise Wrong(
            f"with M_max = {most} the row at m = {m[row]} has q_halt = {q[0, row]:.2f} and q_continue = "
            f"{q[1, row]:.2f} after the next segment, and your target is {found[row]:.4f}."
        )
    return (
        "One sign in a condition, and the values that are learned are those of the game that is played. The weights "
        "that were published learned the other ones; hrm_lite keeps the published condition so that its numbers are "
        "the same."
    )


def _gain(mood: int, price: float, to_come: int = TO_COME, every: bool = True) -> float:
    """What continuing is worth more than halting; every=False: only the first segment has to be paid for."""
    worth = list(RIGHT)
    for left in range(to_come):
        due = price if every or left == to_come - 1 else 0.0
        go_on = [sum(p * w for p, w in zip(row, worth, strict=True)) - due for row in MOVES]
        worth = [max(pair) for pair in zip(RIGHT, go_on, strict=True)]
    return go_on[mood] - RIGHT[mood]


def _price(mood: int, **how) -> float:
    """The price at which the gain is gone, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _gain(mood, middle, **how) > 0 else (low, middle)
    return low


@exercise("7.2", "two prices, of lost and of unsure, above which it is better to halt")
def a_price_on_time(answer) -> str:
    found = tensor(answer, "the answer", (2,)).tolist()
    wanted = [_price(0), _price(1)]

    def near(prices):
        return all(abs(a - b) < 0.001 for a, b in zip(found, prices, strict=True))

    if near(wanted):
        return (
            "The hopeless case is given up first: from lost the way is long, and every step of it costs. The promising "
            "one is worth more. Sure stops at the smallest price: the tie is gone. That is how one would wish a budget "
            "of thinking to be spent, and nothing in HRM's reward asks for it."
        )
    if near(wanted[::-1]):
        raise Wrong("these are the two prices, in the wrong order: first lost, then unsure.")
    if near([_price(0, every=False), _price(1, every=False)]):
        raise Wrong("here only the first of the segments costs. Those that may follow it cost as well.")
    if near([_price(0, to_come=1), _price(1, to_come=1)]):
        raise Wrong("that is with one segment to come. With three, a step may pay because of what it leads to.")
    for to_come in (TO_COME - 1, TO_COME + 1):
        if near([_price(0, to_come=to_come), _price(1, to_come=to_come)]):
            raise Wrong(f"that is with {to_come} segments to come, and the question has {TO_COME}.")
    for mood, name in enumerate(("lost", "unsure")):
        if abs(found[mood] - wanted[mood]) >= 0.001:
            gain = _gain(mood, found[mood])
            raise Wrong(
                f"at a price of {found[mood]:.3f} continuing from {name} is worth {gain:+.4f} more than halting: it "
                "should be worth exactly as much. Is P[2] = (0, 0, 1)?"
            )
    raise AssertionError("one of the two is wrong")


def _first_repeat(row: list[list[int]], before=None) -> int:
    for m in range(1, len(row)):
        if row[m] in (row[:m] if before == "any" else [row[m - 1]]):
            return m + 1
    return len(row)


@exercise("7.3", "a function of answers (puzzles, segments, cells) that returns a segment for each puzzle")
def stop_at_a_repeat(rule) -> str:
    draw = torch.Generator().manual_seed(3)
    for puzzles, segments in ((60, 6), (30, 2), (40, 9)):
        answers = torch.randint(0, 2, (puzzles, segments, 3), generator=draw)
        answers[:4] = torch.arange(segments)[None, :, None]  # these never repeat
        said = call(rule, answers, what="your rule")
        found = tensor(said, "what your rule returns", (puzzles,)).tolist()
        wanted = [_first_repeat(row) for row in answers.tolist()]
        if found == wanted:
            continue
        if found == [m - 1 for m in wanted]:
            raise Wrong("each is one segment too early: segments are counted from 1, and the *second* of two equal "
                        "answers has to be computed before one can see that they are equal.")  # fmt: skip
        never = [all(a != b for a, b in pairwise(r)) for r in answers.tolist()]
        if all(a == b or none for a, b, none in zip(found, wanted, never, strict=True)):
            raise Wrong(f"a puzzle whose answer never repeats stops after the last segment, {segments}, not after "
                        f"{found[0]:g}.")  # fmt: skip
        if found == [_first_repeat(row, "any") for row in answers.tolist()]:
            raise Wrong("an answer that comes back after another one is no repetition: compare with the one before.")
        once = [next((m + 1 for m in range(1, segments) if any(a == b for a, b in zip(r[m], r[m - 1], strict=True))),
                     segments) for r in answers.tolist()]  # fmt: skip
        if found == once:
            raise Wrong("here one cell that stays is enough. All of them have to.")
        i = next(i for i, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b)
        raise Wrong(f"the answers {answers[i].tolist()} should stop after segment {wanted[i]}, not {found[i]:g}.")
    return (
        "For a rule that learns nothing it does well, and a learned one should be held against it. It can never stop "
        "after one segment, and it is fooled where a wrong answer stands still for a segment."
    )


def _logistic(q: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """(a, b) of the least binary cross-entropy of σ(a q + b), by Newton's method: the check's own."""
    inputs, ab = torch.stack([q, torch.ones_like(q)], 1), torch.zeros(2, dtype=torch.float64)
    for _ in range(50):
        p = (inputs @ ab).sigmoid()
        ab = ab - torch.linalg.solve((inputs * (p * (1 - p))[:, None]).T @ inputs, inputs.T @ (p - right))
    return ab


@exercise("7.4", "a function of q (n,) and right (n,) that returns two numbers, a and b")
def calibrate(fit) -> str:
    draw = torch.Generator().manual_seed(11)
    for a, b in ((0.6, 1.2), (1.5, -0.7), (2.0, 0.3)):
        q = 1.5 * torch.randn(2000, generator=draw, dtype=torch.float64)
        right = torch.rand(2000, generator=draw, dtype=torch.float64) < (a * q + b).sigmoid()
        found = tensor(call(fit, q, right, what="your fit"), "what your fit returns", (2,))
        wanted = _logistic(q, right.double())
        if (found - wanted).abs().max() < 0.01:
            continue
        if (found.flip(0) - wanted).abs().max() < 0.01:
            raise Wrong("the numbers are right, and in the wrong order: first a, then b.")
        if found[1] == 0:
            raise Wrong(
                "b is 0: that is a temperature. A head that says too little everywhere needs its logits shifted, too."
            )
        if abs(found[0] - 1) < 1e-9:
            raise Wrong("a is 1: a shift alone leaves the differences between the answers as they were.")
        said, was = (found[0] * q + found[1]).sigmoid().mean().item(), right.double().mean().item()
        slope = ((found[0] * q + found[1]).sigmoid() - right.double()).mul(q).mean().item()
        raise Wrong(
            f"with a = {found[0]:.2f} and b = {found[1]:.2f} the answers are said to be right in {said:.1%} of the "
            f"cases, and {was:.1%} are; the mean of (said − right) · q is {slope:+.4f}. At the minimum of the "
            "cross-entropy the first two are equal and the third is 0: both are its derivatives."
        )
    return (
        "Now ask what it is good for. For a > 0 the line a q + b rises with q, so the answers keep their order: every "
        "margin on the new scale is a margin on the old one, and the trade-off between accuracy and segments stays as "
        "it was. Calibration says what a number means. Only another order could stop better."
    )
