"""Checks of chapter 12, Inside."""

from __future__ import annotations

import torch

from ..dynamics import fit_probe, participation_ratio
from .base import Wrong, call, choice, exercise, number, tensor

__all__: list[str] = []

_CASES = ((50, 512), (100, 512), (400, 64), (64, 64))


@exercise("12.1", "a function of two whole numbers, n samples of d numbers, that returns a participation ratio")
def few_samples(expected) -> str:
    draw = torch.Generator().manual_seed(12)
    for n, d in _CASES:
        found = number(call(expected, n, d), f"what your function returns for n = {n} and d = {d}")
        true = sum(participation_ratio(torch.randn(n, d, generator=draw)) for _ in range(4)) / 4
        if abs(found / true - 1) < 0.06:
            continue
        if n != d and abs(found - d) < 0.06 * d:
            raise Wrong(f"d is what infinitely many samples give. {n} samples of {d} numbers gave {true:.1f}.")
        if n != d and abs(found - min(n, d)) < 0.06 * min(n, d):
            raise Wrong(
                f"it cannot exceed the smaller of the two, and it does not reach it: {n} samples of {d} numbers gave "
                f"{true:.1f}. The sampled eigenvalues are unequal, although all directions are alike."
            )
        if abs(found - (n + d)) < 0.06 * (n + d):
            raise Wrong("more directions than numbers? Add the inverses of n and d, not n and d.")
        raise Wrong(f"{n} samples of noise with {d} numbers each gave {true:.1f}, and your function says {found:.1f}.")
    return (
        "1/PR is about 1/n + 1/d: samples and numbers count alike. With a hundred samples nothing exceeds a hundred, "
        "so a participation ratio without its number of samples says little."
    )


@exercise("12.2", "a function of states, classes, states_apart, classes_apart that returns a share between 0 and 1")
def fair_probe(read) -> str:
    draw = torch.Generator().manual_seed(7)
    for n, d, told in ((60, 80, 0.0), (200, 12, 0.8), (120, 40, 2.5)):
        classes = torch.randint(0, 4, (2 * n,), generator=draw)
        states = torch.randn(2 * n, d, generator=draw)
        states[:, :4] += told * torch.nn.functional.one_hot(classes, 4)
        states = states + 3  # a mean that tells nothing
        found = number(call(read, states[:n], classes[:n], states[n:], classes[n:]), "what your function returns")
        probe = fit_probe(states[:n], classes[:n], 4)
        fair = (probe(states[n:]) == classes[n:]).double().mean().item()
        flattered = (probe(states[:n]) == classes[:n]).double().mean().item()
        both = (probe(states) == classes).double().mean().item()
        swapped = (fit_probe(states[n:], classes[n:], 4)(states[:n]) == classes[:n]).double().mean().item()
        if abs(found - fair) < 0.03:
            continue
        if abs(found - 100 * fair) < 3:
            raise Wrong("hand over a share between 0 and 1, not per cent.")
        if abs(found - flattered) < 0.03:
            raise Wrong(
                f"that is how well it reads what it was fitted on. Here {d} numbers a state fit {n} labels to "
                f"{flattered:.0%}, and on states that were kept apart to {fair:.0%}."
            )
        if abs(found - both) < 0.03 and abs(both - fair) > 0.03:
            raise Wrong("half of what you judge it by is what it was fitted on: judge by the states that are apart.")
        if abs(found - swapped) < 0.005 and abs(swapped - fair) > 0.01:
            raise Wrong("fit it on the first two, and judge it by the last two.")
        raise Wrong(f"fitted on the first and judged by the last, a probe reads {fair:.0%} here; you have {found:.0%}.")
    return (
        "In the first case there was nothing to be read, and a probe that is judged by its own data finds it all the "
        "same. Held-out states are the one control; what the input alone gives is the other."
    )


@exercise("12.3", "a function of a state (batch, positions, d) and a size that returns the state, moved")
def pushes(push) -> str:
    for shape in ((5, 17, 64), (3, 4, 6)):
        z = torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        z = z * torch.tensor([1.0, 10.0, 0.1, 3.0, 2.0], dtype=torch.float64)[: len(z)].view(-1, 1, 1)
        z[:, 0] *= 5  # positions of unequal length
        for size in (0.5, 2.0):
            moved = tensor(call(push, z, size), "what your function returns", shape)
            step = moved - z
            lengths = step.flatten(1).norm(dim=1) / z.flatten(1).norm(dim=1)
            by_position = step.norm(dim=2) / z.norm(dim=2)
            if torch.allclose(lengths, torch.full_like(lengths, size), rtol=1e-3):
                along = torch.cosine_similarity(step.flatten(1), z.flatten(1)).abs()
                if (along > 0.99).all():
                    raise Wrong("this makes the state longer or shorter and does not turn it. Draw a direction.")
                if torch.allclose(by_position, torch.full_like(by_position, size), rtol=1e-3):
                    raise Wrong(
                        "each position is moved by its own length. Draw one direction for the whole state of a puzzle."
                    )
                continue
            if torch.allclose(step.norm(), size * z.norm(), rtol=1e-3):
                raise Wrong(
                    "the batch as a whole has the right size, and its rows have not: "
                    f"{', '.join(f'{v:.2f}' for v in lengths[:3].tolist())} where {size} was asked for."
                )
            if torch.allclose(step.flatten(1).norm(dim=1), torch.full((len(z),), size, dtype=z.dtype), rtol=1e-2):
                raise Wrong("the push has the length itself, and should have that many times the length of the state.")
            if torch.allclose(moved.flatten(1).norm(dim=1), size * z.flatten(1).norm(dim=1), rtol=1e-2):
                raise Wrong("return the state plus the push, and not the push.")
            if (step.abs().mean() - size * 0.8).abs() < 0.2 * size:
                raise Wrong(
                    "noise of this deviation in every number has another length than the state: divide by its own "
                    "length first, row by row."
                )
            raise Wrong(f"the rows move by {lengths[0]:.3g} and {lengths[1]:.3g} of their length; asked for: {size}.")
    return (
        "A push in shares of the state's length can be compared between models, widths and moments. A random one is a "
        "mild test: in 1,088 dimensions it hardly ever points where another answer lies."
    )


@exercise("12.4", 'one of "z_H", "z_L", "both" and "neither"')
def whose(answer) -> str:
    said = choice(answer, "your answer", ("z_H", "z_L", "both", "neither"))
    if said == "z_L":
        raise Wrong("look at the row “z_L of another”: whose answers come out there after one cycle?")
    if said == "both":
        raise Wrong(
            "with both states of another puzzle the other's answers come out. Which of the two is enough for that?"
        )
    if said == "neither":
        raise Wrong("the question stays the puzzle's own everywhere. Find those in which the other's answers come out.")
    return (
        "The answer comes from the puzzle that z_H comes from. The question is not enough to turn it: x̃ goes into z_L "
        "alone, and what z_L makes of it reaches a z_H that has made up its mind."
    )
