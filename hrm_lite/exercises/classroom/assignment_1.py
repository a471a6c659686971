"""Visible checks of assignment 1, fixed points."""

from __future__ import annotations

import torch

from ..base import Wrong, call, exercise, expression, number, tensor

__all__: list[str] = []


def _three(answer, what: str):
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        raise Wrong(f"{what} should be three things: the state, the number of evaluations, and whether it arrived.")
    return answer


@exercise("C1.1", "a function of f, z, tolerance and most that returns a state, a number and True or False")
def settle(answer) -> str:
    half, swing = expression("lambda z: 0.5 * z + 1"), expression("lambda z: 1 - z")
    z, steps, arrived = _three(call(answer, half, torch.zeros(1), 0.1, 50), "what settle returns")
    steps = number(steps, "the number of evaluations", 0)
    if steps == 4:
        raise Wrong(
            "there are five evaluations of f until a step of 1/16 is seen, and you count four. The one that "
            "shows that it has arrived counts, too."
        )
    if steps != 5:
        raise Wrong(
            f"for z ← z/2 + 1 from 0 with tolerance 0.1 f is evaluated 5 times, and you say {steps:g}. A step "
            "is f(z) − z, and it is compared with the tolerance."
        )
    if abs(tensor(z, "the state").flatten()[0] - 1.9375) > 1e-5:
        raise Wrong("the state should be the last that was computed, 1.9375 in the example.")
    if arrived is not True:
        raise Wrong("a step of 1/16 is shorter than 0.1: the third thing should be True.")
    _, steps, arrived = _three(call(answer, swing, torch.zeros(1), 0.1, 50), "what settle returns")
    if arrived is not False:
        raise Wrong(
            "z ← 1 − z swings between 0 and 1 and never arrives. Running out of steps is no arrival: the third "
            "thing should be False."
        )
    if number(steps, "the number of evaluations") != 50:
        raise Wrong(f"with most = 50 f is evaluated 50 times where it does not arrive, and you say {steps}.")
    return (
        "It says whether it arrived, and that is more than many a loop does. Note what it does not say: a short step "
        "is "
        "no short way to the end."
    )


@exercise("C1.2", "a function of f, z, burn and most that returns a whole number")
def period(answer) -> str:
    def found(r: float) -> float:
        f = expression(f"lambda z: {r} * z * (1 - z)")
        return number(call(answer, f, torch.tensor([0.3], dtype=torch.float64), 1000, 32), "the period")

    rest, two = found(2.8), found(3.2)
    if rest == 0:
        raise Wrong("at r = 2.8 the map comes to rest. Rest is period 1: f(z) is z.")
    if rest != 1:
        raise Wrong(
            f"at r = 2.8 the map comes to rest, which is period 1, and you say {rest:g}. The smallest p, please."
        )
    if two == 1:
        raise Wrong(
            "at r = 3.2 each step is a long one. Compare f(z) with z, and not the length of z with that of f(z)."
        )
    if two == 0:
        raise Wrong(
            "at r = 3.2 it swings between two states, and you found no period. Compare with the state after "
            "the "
            "first `burn` steps, not with the start and not only with the one before."
        )
    if two != 2:
        raise Wrong(f"at r = 3.2 it swings between two states, and you say {two:g}: the smallest p that fits.")
    return "A residual alone cannot tell a swing from chaos: in both the steps stay long."


@exercise("C1.3", "a function of f, z and steps that returns a state")
def newton(answer) -> str:
    def after(text: str, start: list[float], steps: int):
        z = torch.tensor(start, dtype=torch.float64)
        return tensor(call(answer, expression(text), z, steps), "what newton returns", (len(start),))

    one = after("lambda z: 3 * z - 4", [1.0], 1)[0].item()
    if abs(one - 2) > 1e-4:
        if abs(one + 1) < 1e-4:
            raise Wrong(
                "that is where the iteration goes, away from the fixed point. Where does the straight line meet z′ = z?"
            )
        if abs(one - 0) < 1e-4:
            raise Wrong("that is a step of the right length in the wrong direction: mind the sign of (I − J)⁻¹.")
        raise Wrong(
            f"z ← 3 z − 4 rests at 2, and as it is a straight line, one step from anywhere leads there. Yours "
            f"leads from 1 to {one:.4g}. Is it I − J that you solve with?"
        )
    M = "torch.tensor([[0., 2.], [0.5, 3.]], dtype=torch.float64)"
    two = after(f"lambda z: {M} @ z + 1", [0.0, 0.0], 1)
    want = torch.linalg.solve(torch.tensor([[1.0, -2.0], [-0.5, -2.0]]).double(), torch.ones(2).double())
    if (two - want).abs().max() > 1e-4:
        other = torch.linalg.solve(torch.tensor([[1.0, -0.5], [-2.0, -2.0]]).double(), torch.ones(2).double())
        if (two - other).abs().max() < 1e-4:
            raise Wrong(
                "with two numbers it goes astray: that is the step with Jᵀ. The row of J is that of f's number."
            )
        raise Wrong("with two numbers it goes astray. J is a matrix: each number of f(z) may depend on every one of z.")
    return (
        "Newton's method does not ask which way the paths lead. So a fixed point that it finds may be one in which the "
        "network never comes to rest: look at the eigenvalues of J before you speak of an end."
    )


@exercise("C1.4", "a function of a vector of lengths that returns a number")
def rate(answer) -> str:
    k = torch.arange(40, dtype=torch.float64)
    plain = number(call(answer, 0.9**k), "the rate")
    if abs(plain - 0.9) > 1e-3:
        if abs(plain - 0.9**19) < 1e-3 or abs(plain - 0.9**20) < 1e-3:
            raise Wrong("that is the factor over all steps of the second half. How much is it for one?")
        if abs(plain - 1 / 0.9) < 1e-3:
            raise Wrong("that is the reciprocal: lengths that shrink have a rate below 1.")
        if abs(plain - 0.9 ** (19 / 20)) < 1e-3:
            raise Wrong("very near. Between twenty lengths there are nineteen steps.")
        raise Wrong(f"lengths of 0.9, 0.81, 0.729, … shrink by 0.9 a step, and you say {plain:.4g}.")
    ripple = 0.9**k * (1 + 0.5 * (k % 2))
    found = number(call(answer, ripple), "the rate")
    if abs(found - 0.9) > 0.03:
        raise Wrong(
            f"lengths that shrink by 0.9 and ripple, every other one half as long again, give {found:.3f}. One "
            "quotient says little, and a plain mean of quotients too much: multiply them."
        )
    return (
        "Over n steps an error in one length counts for only 1/n in the exponent: that is what the long lever is for."
    )


@exercise("C1.5", "a function of f and starts (k, n) that returns the ends (m, n)")
def ends(answer) -> str:
    starts = torch.tensor([[-1.0], [0.5], [2.0], [-0.1]], dtype=torch.float64)
    one = tensor(call(answer, expression("lambda z: 0.5 * z + 1"), starts), "what ends returns", (None, 1))
    if len(one) > 1:
        raise Wrong(
            f"z ← z/2 + 1 has one end, 2, and you find {len(one)}. Places that differ in the last digits "
            "only are "
            "the same."
        )
    if len(one) == 0 or abs(one[0, 0] - 2) > 1e-3:
        raise Wrong("z ← z/2 + 1 comes to rest at 2 from everywhere.")
    found = tensor(call(answer, expression("lambda z: torch.tanh(2 * z)"), starts), "what ends returns", (None, 1))
    if len(found) != 2:
        raise Wrong(
            f"tanh(2 z) goes to one place from the positive and to another from the negative starts; you "
            "return "
            f"{len(found)} of them."
        )
    if (found.abs() - 0.9575).abs().max() > 1e-3:
        raise Wrong("the starts of tanh(2 z) are told apart, and what is asked for is where they come to rest.")
    return (
        "Zero is a fixed point of tanh(2 z) as well, and no path ends there: ends from starts are those one can end "
        "in. "
        "Another thing that it cannot show: an end that no start of yours leads to."
    )


@exercise("C1.6", "a function of a matrix W and a factor that returns a matrix")
def contracting(answer) -> str:
    W = torch.tensor([[4.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    found = tensor(call(answer, W, 0.5), "what contracting returns", (2, 2))
    norm = torch.linalg.matrix_norm(found, 2).item()
    if abs(found[0, 0] / 4 - found[1, 1]) > 1e-6 or found[0, 1] != 0:
        raise Wrong("all of W is to be scaled by one number, so that its directions stay as they are.")
    if abs(norm - 0.5) > 1e-4:
        if abs(torch.linalg.matrix_norm(found) - 0.5) < 1e-4:
            raise Wrong(
                "that is scaled by the root of the sum of squares, which is never smaller than the largest "
                "singular value, and so it shrinks W more than it must."
            )
        if abs(norm - 2) < 1e-4:
            raise Wrong("W is multiplied by the factor. The factor is what its norm should be afterwards.")
        raise Wrong(f"the largest singular value should be 0.5 afterwards, and it is {norm:.4g}.")
    return (
        "Such a network has one end for each input, and the one-step gradient of chapter 5 stands on firm ground. The "
        "price: what it can compute. It forgets its start at a fixed rate, and so everything that it could have kept."
    )
