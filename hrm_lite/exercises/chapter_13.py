"""Checks of chapter 13, what matters: odds, seeds and costs, with numbers that the text does not use."""

from __future__ import annotations

import math
from statistics import NormalDist

from .base import Wrong, call, exercise, number

__all__: list[str] = []


# -- 1: points, shares and odds ---------------------------------------------------------------------------------


@exercise("13.1", "the factor by which the odds of being solved change, a number above 0")
def odds(answer) -> str:
    factor = number(answer, "the factor", 0)
    base, variant = 0.98, 0.92
    expected = (variant / (1 - variant)) / (base / (1 - base))
    if abs(factor - expected) < 0.005:
        return (
            "Unsolved puzzles went from 2 to 8 in a hundred, about fourfold, and the odds fell to a quarter. The same "
            "6 points from 50 % to 44 % change the odds by a factor of 0.79 only."
        )
    if abs(factor - 1 / expected) < 0.05:
        raise Wrong("that is how much the odds of the base exceed those of the variant. Who is divided by whom?")
    if abs(factor - variant / base) < 0.005:
        raise Wrong("that divides the two shares that are solved. Odds are solved : unsolved, for each of the two.")
    if abs(factor - (1 - variant) / (1 - base)) < 0.05:
        raise Wrong("that divides the shares that are left unsolved. Odds are solved : unsolved, for each of the two.")
    if abs(factor - math.log(expected)) < 0.02 or abs(factor + math.log(expected)) < 0.02:
        raise Wrong("that is the difference of the log odds. The factor is its exponential.")
    raise Wrong("write down solved : unsolved for each of the two, and divide the second by the first.")


# -- 2: one seed against one seed -------------------------------------------------------------------------------


def _wrong_signs(base, variant) -> float:
    means = sum(variant) / len(variant) - sum(base) / len(base)
    pairs = [(v - b) * means for b in base for v in variant]
    return sum(p <= 0 for p in pairs) / len(pairs)


@exercise("13.2", "a function of two lists of accuracies, base and variant, that returns a share of pairs")
def wrong_signs(share) -> str:
    cases = [
        ([0.90, 0.94, 0.98], [0.91, 0.95, 0.99]),
        ([0.5, 0.6, 0.7], [0.4, 0.45, 0.65]),
        ([0.2, 0.3], [0.8, 0.9]),
        ([0.5, 0.7], [0.5, 0.9]),
        ([0.30, 0.50, 0.55, 0.60], [0.58]),
    ]
    for base, variant in cases:
        found = number(call(share, base, variant), "what your function returns", 0, 100)
        expected = _wrong_signs(base, variant)
        if abs(found - expected) < 1e-6:
            continue
        given = f"for base {base} and variant {variant}"
        pairs = len(base) * len(variant)
        strict = sum((v - b) * (sum(variant) / len(variant) - sum(base) / len(base)) < 0 for b in base for v in variant)
        if abs(found - expected * pairs) < 1e-6:
            raise Wrong(f"{given} that is a number of pairs. Divide by how many pairs there are.")
        below = sum(v <= b for b in base for v in variant) / pairs
        if abs(found - below) < 1e-6:
            raise Wrong(f"{given} the means say that the variant is worse, so a pair misleads where it is better.")
        if abs(found - (1 - expected)) < 1e-6:
            raise Wrong(f"{given} that is the share of pairs that agree with the means. Which ones mislead?")
        if abs(found - strict / pairs) < 1e-6:
            raise Wrong(f"{given} one pair is equal. Whoever sees only that pair does not see the effect: count it.")
        if len(base) == len(variant):
            same = [(v - b) * (sum(variant) - sum(base)) <= 0 for b, v in zip(base, variant, strict=True)]
            if abs(found - sum(same) / len(same)) < 1e-6:
                raise Wrong(f"{given} you compare seed 0 with seed 0 only. Any seed may meet any other.")
        raise Wrong(
            f"{given} there are {pairs} pairs. In how many has variant − base another sign than the means have?"
        )
    return (
        "With three seeds there are nine pairs, and a paper that shows one run a variant shows one of them. An effect "
        "as large as the spread of the seeds is turned round in a good part of the pairs."
    )


# -- 3: what a training step costs ------------------------------------------------------------------------------


@exercise("13.3", 'a function of N, T and gradient ("one_step", "last_cycle" or "full") that returns a number')
def cost(price) -> str:
    for N, T in ((2, 2), (2, 3), (3, 6), (1, 4), (4, 1)):
        tracked = {"one_step": 2, "last_cycle": T + 1, "full": N * (T + 1)}
        said = {g: number(call(price, N, T, g), "what your function returns", 0) for g in tracked}
        expected = {g: N * (T + 1) + 2 * some for g, some in tracked.items()}
        wrong = [g for g in tracked if abs(said[g] - expected[g]) > 1e-6]
        if not wrong:
            continue
        g = wrong[0]
        given = f"for N = {N}, T = {T} and {g!r}"
        if all(abs(said[g] - 3 * tracked[g]) < 1e-6 for g in tracked):
            raise Wrong(f"{given}: the steps without a gradient are run forwards, too.")
        if all(abs(said[g] - (N * (T + 1) + tracked[g])) < 1e-6 for g in tracked):
            raise Wrong(f"{given}: a backward step costs two forward steps, and comes on top of its own forward step.")
        if all(abs(said[g] - (N * T + 2 * min(tracked[g], N * T))) < 1e-6 for g in tracked) or abs(
            said["full"] - 3 * N * T
        ) < 1e-6:
            raise Wrong(f"{given}: the controller steps count as well, one in each cycle.")
        if g == "one_step" and abs(said[g] - (N * (T + 1) + 2)) < 1e-6:
            raise Wrong(f"{given}: the one-step gradient runs through the last step of each of the two networks.")
        raise Wrong(f"{given} the steps of a segment are {'L' * T + 'H'}, {N} times. Which are run backwards?")
    return (
        "At N = 2 and T = 3 a step with the full gradient costs twice as much as a step with one_step (24 : 12). So "
        "equal steps favour the long gradient and equal seconds the short one: say which of the two you held equal."
    )


# -- 4: how many seeds ------------------------------------------------------------------------------------------


def _seeds(effect: float, spread: float, sure: float) -> int:
    z = NormalDist().inv_cdf(sure)
    return max(1, math.ceil(2 * (spread * z / effect) ** 2 - 1e-9))


@exercise("13.4", "a function of effect, spread and sure that returns a number of seeds")
def seeds(needed) -> str:
    for effect, spread, sure in ((0.5, 0.2, 0.95), (0.2, 0.3, 0.9), (0.1, 0.25, 0.975), (2.0, 0.2, 0.9)):
        found = number(call(needed, effect, spread, sure), "what your function returns", 0)
        expected, z = _seeds(effect, spread, sure), NormalDist().inv_cdf(sure)
        given = f"for effect {effect}, spread {spread} and sure {sure}"
        if abs(found - expected) < 1e-6:
            continue
        if found < 1:
            raise Wrong(f"{given} you return {found:g}: a comparison needs at least one seed of each.")
        if abs(found - max(1, math.ceil((spread * z / effect) ** 2))) < 1e-6:
            raise Wrong(f"{given}: both means are uncertain, that of the base and that of the variant.")
        two_sided = NormalDist().inv_cdf((1 + sure) / 2)
        if abs(found - max(1, math.ceil(2 * (spread * two_sided / effect) ** 2))) < 1e-6:
            raise Wrong(f"{given}: it is only the sign that has to be right, so there is one tail and not two.")
        if found != int(found):
            raise Wrong(f"{given} you return {found:g}: seeds come whole. The smallest number that is enough.")
        raise Wrong(
            f"{given}: the difference of two means of k seeds has the standard deviation spread·√(2/k). How many of "
            "its deviations away from 0 must the effect lie?"
        )
    return (
        "An effect as large as the spread of its seeds needs 6 seeds of each to get even its sign right 19 times in "
        "20, and half of that effect needs 22. Three seeds settle only what is a third larger than the spread."
    )
