"""Checks of chapter 1, depth."""

from __future__ import annotations

import math

import numpy as np
import torch

from .base import Unanswered, Wrong, call, exercise, number, tensor

__all__: list[str] = []


@exercise("1.1", "a function of pointers and hops that returns two things: where every node leads, and the rounds")
def doubling(after) -> str:
    draw = np.random.default_rng(1)
    for n, hops in ((10, 1), (10, 5), (7, 8), (10, 100), (12, 4097), (9, 100_000)):
        pointers = draw.integers(0, n, n)
        place = np.arange(n)
        for _ in range(hops):
            place = pointers[place]
        found = call(after, pointers, hops)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            raise Wrong("return two things: where every node leads, and how many rounds that took.")
        where, rounds = tensor(found[0], "where every node leads", (n,)), number(found[1], "the number of rounds", 0)
        if where.tolist() != place.tolist():
            nearest = 2 ** math.ceil(math.log2(hops)) if hops > 1 else 1
            jump = pointers
            for _ in range(round(math.log2(nearest))):
                jump = jump[jump]
            if hops != nearest and where.tolist() == jump.tolist():
                raise Wrong(
                    f"{hops} hops are no power of two: you have followed {nearest}. Write the number in binary, and "
                    "follow an arrow of 2^r hops for each of its ones."
                )
            if where.tolist() == pointers[place].tolist():
                raise Wrong("that is one hop too many: after 0 hops every node is where it was.")
            raise Wrong(f"after {hops} hops {(where.numpy() != place).sum()} of {n} nodes are elsewhere.")
        if rounds > 2 * math.log2(hops) + 2:
            raise Wrong(
                f"it took {rounds:.0f} rounds for {hops} hops. Let all nodes work at once: an arrow of two hops is "
                "made of two arrows of one, in a single round."
            )
    return (
        "A network whose depth grows with the logarithm of the number of hops has room for this; a constant depth does "
        "not, as far as anybody knows. (Both lines of a round could even be done at once, which halves their number.)"
    )


@exercise("1.2", "a dictionary with 'tree', 'and_or' and 'thresholds', to each a pair: depth and number of gates")
def circuits(answer) -> str:
    if not isinstance(answer, dict):
        raise Wrong("hand over a dictionary: {'tree': (depth, gates), 'and_or': (…), 'thresholds': (…)}.")
    if missing := {"tree", "and_or", "thresholds"} - set(answer):
        raise Wrong(f"the dictionary lacks {', '.join(sorted(missing))}.")
    if any(value is ... or (isinstance(value, tuple) and ... in value) for value in answer.values()):
        raise Unanswered
    found = {name: tuple(tensor(answer[name], f"the pair of {name!r}", (2,)).tolist()) for name in answer}
    depth, gates = found["tree"]
    if (depth, gates) == (15, 15):
        raise Wrong("tree: one gate after the other is a chain. In a tree, eight gates work at once, then four.")
    if (depth, gates) != (4, 15):
        raise Wrong("tree: each gate turns two bits into one. How many gates until one is left, in how many layers?")
    depth, gates = found["and_or"]
    if gates in (2**16, 2**16 + 1):
        raise Wrong("and_or: an AND for each string of *odd* parity, not for each string.")
    if gates == 2**15:
        raise Wrong("and_or: the OR on top is a gate, too.")
    if (depth, gates) != (2, 2**15 + 1):
        raise Wrong("and_or: how many of the 2^16 strings have an odd number of ones? And what stands on top?")
    depth, gates = found["thresholds"]
    if (depth, gates) == (2, 16):
        raise Wrong("thresholds: sixteen ask for at least k ones. Another gate adds their answers up.")
    if (depth, gates) != (2, 17):
        raise Wrong("thresholds: see `parity_by_thresholds`. How many rows has its matrix, and what comes after it?")
    return (
        "The tree has few gates, but its depth grows with n: NC¹. AND/OR in two layers has constant depth and "
        "exponentially many gates, so it is not AC⁰ either, and the theorem says that a hundred layers do not repair "
        "this. Only thresholds have both, constant depth and few gates: TC⁰."
    )


@exercise("1.3", "a function of a tensor of shares and a level that returns a whole number")
def front(in_a_row) -> str:
    cases = [
        (torch.tensor([0.99, 0.95, 0.91, 0.7, 0.95, 0.99]), 0.9),
        (torch.tensor([0.5, 0.99, 0.99]), 0.9),
        (torch.ones(5), 0.9),
        (torch.tensor([1.0, 0.8, 0.81, 0.4, 0.3]), 0.75),
    ]
    for shares, level in cases:
        found = number(call(in_a_row, shares, level), "what your function returns")
        true = 0
        while true < len(shares) and shares[true] > level:
            true += 1
        if found == true:
            continue
        if found == (shares > level).sum():
            raise Wrong("that counts all places above the level. The row ends at the first that is not.")
        if true == len(shares):
            raise Wrong(f"where all {true} are above the level the row is the whole string, not {found:g}.")
        if found == true + 1:
            raise Wrong("one too many: the place where the row ends does not belong to it.")
        raise Wrong(f"for {[round(s, 2) for s in shares.tolist()]} and {level} it is {true}, not {found:g}.")
    return (
        "Ask it about the recurrence, call by call: if each step settled one further bit the row would grow by four a "
        "call. Where it grows faster, steps combine stretches of the string, as the tree does."
    )
