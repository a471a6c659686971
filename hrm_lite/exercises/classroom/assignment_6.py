"""Visible checks of assignment 6, the project."""

from __future__ import annotations

import torch

from ..base import Wrong, call, exercise, number
from . import project

__all__: list[str] = []


@exercise("C6.1", "a function of questions, answers and labels that returns a dictionary of three shares")
def shares(answer) -> str:
    questions = torch.tensor([[2, 1, 1, 3], [1, 1, 4, 5]])
    labels = torch.tensor([[2, 4, 5, 3], [2, 3, 4, 5]])
    answers = torch.tensor([[2, 4, 4, 3], [2, 3, 5, 2]])
    got = call(answer, questions, answers, labels)
    if not isinstance(got, dict) or set(got) != {"exact", "cells", "kept"}:
        raise Wrong('what shares returns should be a dictionary with the keys "exact", "cells" and "kept".')
    exact, cells, kept = (number(got[name], name) for name in ("exact", "cells", "kept"))
    if exact > 0.1:
        raise Wrong(
            f"neither of the example's two puzzles is right in every cell, and you say {exact:g}. A puzzle "
            "counts "
            "whole or not at all, its givens included."
        )
    if abs(cells - 5 / 8) < 1e-6:
        raise Wrong("these are all cells. What was given is no achievement: only the blanks count.")
    if abs(cells - 3 / 8) < 1e-6:
        raise Wrong("the right blanks are divided by all cells; divide them by all blanks.")
    if abs(cells - 3 / 4) > 1e-6:
        raise Wrong(f"of the example's four blanks (token 1) three are right, and you say {cells:.4g}.")
    if abs(kept - 2 / 4) > 1e-6:
        raise Wrong(f"of the example's four givens two are left as they were, and you say {kept:.4g}.")
    return "Cell accuracy flatters: with ten blanks, 90 % of them right may be a third of the puzzles, or none."


@exercise("C6.2", "a function of two lists of results that returns a number between 0 and 1")
def p_value(answer) -> str:
    found = number(call(answer, [0.9, 0.8, 0.7], [0.4, 0.5, 0.6]), "p", 0, 1)
    if abs(found - 0.05) < 1e-6:
        raise Wrong(
            "that counts one direction only. A difference that is as large the other way round would have "
            "impressed you as well."
        )
    if found < 1e-6:
        raise Wrong("the division that was really made is one of the twenty: p is never 0.")
    if abs(found - 0.1) > 1e-6:
        raise Wrong(
            f"of the twenty ways to divide these six numbers into three and three, two have means as far "
            "apart; "
            f"you say {found:.4g}."
        )
    same = number(call(answer, [0.5, 0.5], [0.5, 0.5]), "p", 0, 1)
    if same < 1:
        raise Wrong(
            "where all numbers are equal every division is as extreme: p is 1. Count those that are *equal*, "
            "too, "
            "and allow for rounding."
        )
    return (
        "Three seeds against three can never give less than 0.1, however large the difference: look at its size, too."
    )


@exercise("C6.3", "a function of noise, tries and seeds that returns a number")
def winners_curse(answer) -> str:
    one = number(call(answer, 0.05, 1, 1), "the error")
    if abs(one) > 0.003:
        raise Wrong(f"with a single setting nothing is chosen, so there is no error on average; you say {one:.4f}.")
    found = number(call(answer, 0.1, 10, 1), "the error")
    if abs(found - 0.154) > 0.01:
        if abs(found) < 0.01:
            raise Wrong("that is the mean over all settings. You report the one that looks *best*.")
        if abs(found + 0.154) < 0.01:
            raise Wrong("the best is the highest, and yours the lowest.")
        raise Wrong(
            f"the best of ten equal settings, each measured with a deviation of 0.1, looks 0.154 too good on "
            f"average; you say {found:.3f}."
        )
    more = number(call(answer, 0.1, 10, 4), "the error")
    if abs(more - 0.154) < 0.01:
        raise Wrong("more seeds make no difference here. A mean over four seeds has half the deviation.")
    if abs(more - 0.154 / 4) < 0.006:
        raise Wrong("over four seeds the deviation of the mean shrinks to a half and not to a quarter.")
    if abs(more - 0.077) > 0.006:
        raise Wrong(
            f"with four seeds for each of the ten the error should be half as large, 0.077; you say {more:.3f}."
        )
    return (
        "So the number that chose a setting is no estimate of it: measure the chosen one again, on puzzles kept apart."
    )


@exercise("C6.4", "a function without arguments that returns two dictionaries")
def configure(answer) -> str:
    settings = call(answer)
    config, taught = project.understood(settings)
    steps = project.steps_for(config, taught)
    if steps < 20:
        raise Wrong(
            f"a step with these settings has a price of {project.price(config, taught):.2f} s, so in "
            f"{project.BUDGET:g} s there are {steps} of them. That is no training: make it smaller."
        )
    return (
        f"These settings can be trained: at most {steps} steps of {1000 * project.price(config, taught):.1f} ms "
        "each. The "
        "grader trains them with seeds of its own and tests on puzzles of its own."
    )
