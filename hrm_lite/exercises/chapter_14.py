"""Checks of chapter 14, beyond HRM."""

from __future__ import annotations

from math import comb

import torch

from .base import Wrong, call, exercise, number

__all__: list[str] = []


@exercise("14.1", "a function of cycles, steps, layers and segments that returns a number of blocks")
def blocks(depth) -> str:
    for cycles, steps, layers, segments in ((2, 2, 4, 16), (3, 6, 2, 16), (1, 5, 3, 2), (4, 1, 1, 7)):
        found = number(call(depth, cycles, steps, layers, segments), "what your function returns")
        true = segments * cycles * (steps + 1) * layers
        if found == true:
            continue
        if found == segments * cycles * steps * layers:
            raise Wrong("the worker's steps are counted and the controller's are not: it steps once in each cycle.")
        if found == cycles * (steps + 1) * layers:
            raise Wrong("that is one segment. The states are carried on to the next.")
        if found == segments * cycles * (steps + 1):
            raise Wrong("that counts steps; each of them goes through all the layers of its network.")
        if found == segments * (cycles * steps + 1) * layers:
            raise Wrong("the controller steps at the end of each cycle, and not once in a segment.")
        raise Wrong(f"with N = {cycles}, T = {steps}, {layers} layers and {segments} segments it should be {true}, "
                    f"and your function says {found:g}.")  # fmt: skip
    return (
        "HRM's published settings give 384 blocks in 16 segments, TRM's 672: a fifth of the weights, and nearly "
        "twice the depth. Fewer parameters are not less work."
    )


@exercise("14.2", "a function of answer (whole numbers) and q (logits), one entry an attempt, that returns a place")
def elected(vote) -> str:
    draw = torch.Generator().manual_seed(14)
    cases = [(torch.tensor([4, 7, 7, 7, 2]), torch.tensor([3.0, -2.5, -2.0, -3.0, -1.0]))]  # one sure, three doubtful
    cases.append((torch.tensor([6, 3, 3, 3]), torch.tensor([2.0, 2.2, -1.0, -1.0])))  # doubts take nothing away
    cases.append((torch.tensor([1, 0, 0, 5]), torch.tensor([-0.2, -0.5, -0.6, -0.4])))  # two that agree beat the best
    for _ in range(6):
        n = int(torch.randint(4, 9, (1,), generator=draw))
        cases.append((torch.randint(0, 4, (n,), generator=draw), 3 * torch.randn(n, generator=draw)))
    for answer, q in cases:
        place = number(call(vote, answer, q), "what your function returns")
        if place != int(place) or not 0 <= place < len(answer):
            raise Wrong(f"return the place of an attempt, from 0 to {len(answer) - 1}; this is {place:g}.")
        a, trust = answer.tolist(), [1 / (1 + 2.718281828459045 ** -v) for v in q.tolist()]
        weight = {one: sum(t for b, t in zip(a, trust, strict=True) if b == one) for one in set(a)}
        best = max(weight.values())
        if weight[a[int(place)]] > best - 1e-6:
            continue
        chosen, count = a[int(place)], {one: a.count(one) for one in set(a)}
        logits = {one: sum(v for b, v in zip(a, q.tolist(), strict=True) if b == one) for one in set(a)}
        if int(place) == int(q.argmax()):
            raise Wrong("that is the attempt with the highest q. Attempts that give the same answer add up.")
        if count[chosen] == max(count.values()):
            raise Wrong("that is the most frequent answer: one vote each. An attempt that the model does not believe "
                        "should count less than one.")  # fmt: skip
        if logits[chosen] == max(logits.values()):
            raise Wrong("you add logits, and a negative one would count against its own answer. Add Q̂ = σ(q).")
        raise Wrong(f"of the answers {a} with q {[round(v, 1) for v in q.tolist()]} another one has the most weight.")
    return (
        "With Q̂ as its weight a vote is a choice by Q in which answers that come twice are believed twice. The two "
        "differ only where no attempt is believed, and many agree."
    )


@exercise("14.3", "a function of n, c and k that returns a share between 0 and 1")
def at_least_one(chance) -> str:
    for n, c, k in ((16, 3, 4), (8, 0, 3), (10, 8, 4), (16, 16, 1), (5, 1, 5), (12, 1, 3)):
        found = number(call(chance, n, c, k), "what your function returns")
        true = 1 - comb(n - c, k) / comb(n, k)
        if abs(found - true) < 1e-9:
            continue
        if abs(found - 100 * true) < 1e-6:
            raise Wrong("hand over a share between 0 and 1, not per cent.")
        if abs(found - (1 - true)) < 1e-9:
            raise Wrong("that is the chance that none of them is right.")
        if abs(found - (1 - (1 - c / n) ** k)) < 1e-9:
            raise Wrong("that draws attempts with repetition. The k are different ones of the n; with all n of them "
                        "and one right, it must be 1.")  # fmt: skip
        if abs(found - min(1, k * c / n)) < 1e-9:
            raise Wrong("chances of events that can happen together do not add up. What is the chance that all k miss?")
        raise Wrong(f"with {c} of {n} attempts right and {k} drawn it is {true:.4f}, and your function says {found:g}.")
    return (
        "All attempts that were made are used for the estimate at each k, so that the curve is smooth, and it needs no "
        "assumption on their chances. It is the ceiling of every rule of choice."
    )
