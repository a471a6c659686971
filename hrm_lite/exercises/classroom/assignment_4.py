"""Visible checks of assignment 4, the one-step gradient."""

from __future__ import annotations

import torch

from ..base import Wrong, call, exercise, expression, number, tensor

__all__: list[str] = []

_LINE = "lambda z, t: t[0] * z + t[1]"


def _of(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _near(found: torch.Tensor, *values: float) -> bool:
    return bool((found - _of(*values)).abs().max() < 1e-4)


@exercise("C4.1", "a function of step, z, theta and v that returns a vector of the length of theta")
def one_step(answer) -> str:
    got = call(answer, expression(_LINE), _of(2, 7), _of(0.5, 1), _of(3, 1))
    found = tensor(got, "what one_step returns", (2,))
    if _near(found, 13, 4):
        return "Nothing of the past is in it: it needs the memory of one step, however many there were before."
    if _near(found, 9, 2):
        raise Wrong("v is missing: that is the gradient of the sum of the state.")
    if _near(found, 1.5, 0.5):
        raise Wrong("that is the derivative by z. z is a constant here; by θ, please.")
    if _near(found, 6.5, 2):
        raise Wrong("that is half of it: a mean in place of a sum?")
    raise Wrong(
        f"for z ← θ₀ z + θ₁ at z = (2, 7), v = (3, 1) the derivative by θ₀ is 3 · 2 + 1 · 7 = 13 and by θ₁ "
        "it is "
        f"4; you get {found[0]:.4g} and {found[1]:.4g}."
    )


@exercise("C4.2", "a function of step, z, theta and v that returns a vector of the length of theta")
def implicit(answer) -> str:
    found = tensor(call(answer, expression(_LINE), _of(2), _of(0.5, 1), _of(1)), "what implicit returns", (2,))
    if not _near(found, 4, 2):
        if _near(found, 2, 1):
            raise Wrong(
                "that is the one-step gradient, the first term of the series. The state moves, too, when θ does."
            )
        if _near(found, -4, -2):
            raise Wrong("the right size, with the wrong sign: I − J, not J − I.")
        if _near(found, 3, 1.5):
            raise Wrong(
                "these are the first two terms of the series. There are infinitely many, and solving a linear "
                "system adds them all up."
            )
        if _near(found, 1, 0.5):
            raise Wrong("multiplied by I − J, and it should be divided by it: solve.")
        raise Wrong(
            f"z ← θ₀ z + θ₁ rests at θ₁/(1 − θ₀), whose derivatives at (½, 1) are 4 and 2; you get "
            f"{found[0]:.4g} and {found[1]:.4g}."
        )
    text = "lambda z, t: torch.stack([0.5 * z[1] + t[0], t[1] + 0 * z[0]])"  # at rest: (0.5 t₁ + t₀, t₁)
    found = tensor(call(answer, expression(text), _of(1, 2), _of(0, 2), _of(1, 0)), "what implicit returns", (2,))
    if not _near(found, 1, 0.5):
        if _near(found, 1, 0):
            raise Wrong(
                "backwards, the gradient meets the transpose: (I − J)ᵀ u = v. With two numbers, of which the "
                "first "
                "looks at the second, it makes a difference."
            )
        raise Wrong(
            "with two numbers, of which the first looks at the second, the second parameter should count by half."
        )
    return (
        "One linear system takes the place of infinitely many steps back, in the memory of one. Deep equilibrium "
        "models "
        "are trained so; HRM stops after the first term."
    )


@exercise("C4.3", "a function of step, z, theta, v, steps and last that returns a vector of the length of theta")
def truncated(answer) -> str:
    def found(steps: int, last: int) -> torch.Tensor:
        got = call(answer, expression(_LINE), _of(0), _of(0.5, 1), _of(1), steps, last)
        return tensor(got, "what truncated returns", (2,))

    one, two = found(3, 1), found(3, 2)  # z: 0, 1, 1.5, 1.75
    if _near(one, 0, 1) or _near(one, 0, 0.25):
        raise Wrong("with last = 1 that is the first step and not the last: the state there was still 0.")
    if _near(one, 2, 1.75):
        raise Wrong("with last = 1 you go back through all three steps. Cut the state off from what was before.")
    if _near(one, 1.75, 1):
        raise Wrong("you run one step too many: after three steps of z ← z/2 + 1 from 0, the last began at 1.5.")
    if not _near(one, 1.5, 1):
        raise Wrong(
            f"three steps of z ← z/2 + 1 from 0 give 1, 1.5, 1.75. The last began at 1.5, so that is its "
            "derivative "
            f"by θ₀, and 1 by θ₁; you get {one[0]:.4g} and {one[1]:.4g}."
        )
    if _near(two, 1.5, 1):
        raise Wrong("with last = 2 nothing is added. The step before the last reaches the loss through the last one.")
    if not _near(two, 2, 1.5):
        raise Wrong(
            f"with last = 2 the step before adds ½ · 1 and ½ · 1: 2 and 1.5; you get {two[0]:.4g}, {two[1]:.4g}."
        )
    if not _near(found(3, 8), 2, 1.75):
        raise Wrong("with last = 8 and three steps it is through all three.")
    return "Each step further back adds a term, smaller by the step's Jacobian, and the memory of one step more."


@exercise("C4.4", "a function of two lists of tensors that returns two numbers")
def compare(answer) -> str:
    a, b = [_of(3, 0), _of(4)], [_of(0, 0), _of(2)]
    found = tensor(call(answer, a, b), "what compare returns", (2,))
    if _near(found, 0.8, 2.5):
        return "Taken together, not tensor by tensor: an update moves all of them at once."
    if _near(found, 2.5, 0.8):
        raise Wrong("the two are in the wrong order: first the cosine.")
    if abs(found[0] - 0.5) < 1e-4:
        raise Wrong(
            "that is the mean of the cosines of the tensors. Put the tensors of a list into one long vector first."
        )
    if abs(found[0] - 8) < 1e-4:
        raise Wrong("that is the scalar product; divided by both lengths it becomes the cosine.")
    if _near(found, 0.8, 0.4):
        raise Wrong("the ratio is upside down: the length of a, divided by that of b.")
    raise Wrong(
        f"(3, 0, 4) and (0, 0, 2) have a cosine of 0.8, and the first is 2.5 times as long; you find "
        f"{found[0]:.4g} and {found[1]:.4g}."
    )


@exercise("C4.5", "a function of step, z, theta, target, rate, updates and between that returns theta")
def descend(answer) -> str:
    def found(updates: int, between: int) -> float:
        got = call(answer, expression("lambda z, t: 0.5 * z + t"), _of(0), _of(1), _of(3), 0.1, updates, between)
        return number(got, "θ")

    one = found(1, 1)
    if abs(one - 0.8) < 1e-4:
        raise Wrong("that climbs: θ has to go against the gradient.")
    if abs(one - 1.3) < 1e-4:
        raise Wrong("v is taken at the state before the step. It is that of the state that was reached.")
    if abs(one - 1.2) > 1e-4:
        raise Wrong(
            f"from z = 0 with θ = 1 a step of z ← z/2 + θ leads to 1, so v = 1 − 3, and θ goes to 1 + 0.1 · 2; "
            f"yours goes to {one:.4g}."
        )
    three = found(1, 3)
    if abs(three - 1.21875) < 1e-4:
        raise Wrong("you go back through all the steps in between, and one is asked for.")
    if abs(three - 1.125) > 1e-4:
        raise Wrong(
            f"with three steps between updates the state is at 1.75 when θ is first updated, to 1.125; yours "
            "goes to "
            f"{three:.4g}. An update comes after all of them."
        )
    two = found(2, 1)
    if abs(two - 1.38) < 1e-4:
        raise Wrong("the second update begins at the first state again. It goes on from where the first one ended.")
    if abs(two - 1.33) > 1e-4:
        raise Wrong(f"after two updates θ should be 1.33, and is {two:.4g}.")
    return (
        "The state follows θ while θ is still learning. That works as long as the state settles faster than θ moves; "
        "HRM's training relies on it, segment after segment."
    )


@exercise("C4.6", "a function of budget, weights, per_step, cycles, steps and gradient that returns a whole number")
def largest_batch(answer) -> str:
    def found(gradient: str, budget: int = 1_000) -> float:
        return number(call(answer, budget, 100, 10, 2, 3, gradient), "the batch")

    one, cycle, full = (found(name) for name in ("one_step", "last_cycle", "full"))
    if one == 50:
        raise Wrong("the weights take no room in your count. They take four times their number.")
    if one == 45:
        raise Wrong("the weights are counted once. Their gradient and Adam's two averages are as large each.")
    if one == 60:
        raise Wrong("one_step sees two steps, the last of the worker and the last of the controller.")
    if one != 30:
        raise Wrong(f"of 1000 numbers 400 go to the weights, and a row takes 2 · 10: 30 rows fit, and you say {one:g}.")
    if cycle == 20:
        raise Wrong("the last cycle has a step of the controller, too.")
    if cycle != 15:
        raise Wrong(f"the last cycle has T + 1 = 4 steps, so 15 rows fit, and you say {cycle:g}.")
    if full == 10:
        raise Wrong("a full segment has the controller's N steps as well.")
    if full != 7:
        raise Wrong(f"a full segment has N (T + 1) = 8 steps, so 7 rows fit, and no half one; you say {full:g}.")
    return (
        "With the weights small beside the rest, full to one-step is N (T + 1) to 2: the ratio is a matter of N and T."
    )
