"""Visible checks of assignment 3, two clocks."""

from __future__ import annotations

import torch

from ..base import Wrong, call, exercise, expression, number, tensor

__all__: list[str] = []


@exercise("C3.1", "a function of a list of counts that returns a string of digits")
def schedule(answer) -> str:
    def said(counts: list[int]) -> str:
        found = call(answer, counts)
        if not isinstance(found, str):
            raise Wrong('what schedule returns should be a string of digits, as in "001".')
        return found

    two = said([2, 3])
    if two == "0001" * 2:
        raise Wrong("the counts are the other way round: the first is that of the fastest clock, T.")
    if two in ("00" * 3 + "1", "000011", "0000001"):
        raise Wrong("the slow clock steps once in *each* repetition.")
    if two == "100100100":
        raise Wrong("the slow clock steps after the fast ones, so that it reads what they have found.")
    if two != "001001001":
        raise Wrong(f"for [2, 3] the order is 001 three times, and yours is {two[:40]!r}.")
    if said([3]) != "000":
        raise Wrong('one clock alone just steps: [3] gives "000".')
    three = said([2, 2, 2])
    if three != "00100120010012":
        raise Wrong(
            f"a third clock steps once after everything below it, and then all is repeated: for [2, 2, 2] it "
            "is "
            f"0010012 twice, and yours is {three[:40]!r}."
        )
    return "Each clock more multiplies the steps and adds one network: the depth grows faster than the weights."


@exercise("C3.2", "a function of nets, states, x and order that returns a list of states")
def run(answer) -> str:
    nets = [expression("lambda z: 0.5 * z"), expression("lambda z: z + 1")]

    def found(order: str) -> list[float]:
        states = [torch.tensor([2.0], dtype=torch.float64), torch.tensor([4.0], dtype=torch.float64)]
        got = call(answer, nets, states, torch.tensor([10.0], dtype=torch.float64), order)
        if not isinstance(got, (list, tuple)) or len(got) != 2:
            raise Wrong("what run returns should be a list of the two states, the fastest first.")
        return [float(tensor(one, "a state").flatten()[0]) for one in got]

    fast = found("0")
    if abs(fast[0] - 8) > 1e-6:
        hints = {
            3.0: "the input x is missing.",
            6.0: "the slower clock's state is missing, or x is.",
            16.0: "f is applied to the sum of the states, and not to one of them alone.",
        }
        raise Wrong(
            f"one step of the fast clock from z₀ = 2, z₁ = 4 with x = 10 and f₀(z) = z/2 should give 8, and "
            "gives "
            f"{fast[0]:g}: {hints.get(fast[0], 'it reads its own state, the slower clock and x.')}"
        )
    if fast[1] != 4:
        raise Wrong("the slow clock has moved, and only the fast one stepped.")
    slow = found("1")
    if abs(slow[1] - 17) < 1e-6:
        raise Wrong("the slow clock reads x here, and only the fastest clock does.")
    if abs(slow[1] - 7) > 1e-6:
        raise Wrong(f"one step of the slow clock with f₁(z) = z + 1 should give 2 + 4 + 1 = 7, and gives {slow[1]:g}.")
    both = found("01")
    if abs(both[1] - 7) < 1e-6:
        raise Wrong(
            "after a fast step the slow clock reads the state that the fast one had before: the misprint of "
            "the "
            "paper. It should read the new one."
        )
    if abs(both[1] - 13) > 1e-6:
        raise Wrong(f"after the order 01 the slow clock should hold 8 + 4 + 1 = 13, and holds {both[1]:g}.")
    return "With two clocks this is HRM; with one and the same network for both it is TRM's loop."


@exercise("C3.3", "a function of lengths and order that returns a list of quotients")
def kicks(answer) -> str:
    lengths = torch.tensor([1.0, 0.5, 3.0, 2.0, 0.8, 4.0, 1.2, 0.3], dtype=torch.float64)
    found = tensor(call(answer, lengths, "00100100"), "what kicks returns").flatten().tolist()

    def near(*wanted):
        return len(found) == len(wanted) and all(abs(a - b) < 1e-6 for a, b in zip(found, wanted, strict=True))

    if near(4.0, 1.5):
        return (
            "A kick above 1 says that the fast clock was set going again. It does not say that it goes anywhere: a "
            "random "
            "push would kick as well."
        )
    if near(0.25, 1 / 1.5):
        raise Wrong("that is the length before, divided by the length after.")
    if near(6.0, 8.0, 5.0) or near(6.0, 5.0):
        raise Wrong("these compare the slow step with the fast one before it. Compare the fast steps on both sides.")
    if near(2 / 3, 1.2 / 4):
        raise Wrong("these compare the fast step with the slow one before it. Compare the fast steps on both sides.")
    raise Wrong(
        f"for 1, 0.5, [3], 2, 0.8, [4], 1.2, 0.3 (slow steps in brackets) the kicks are 2/0.5 and 1.2/0.8; you "
        f"find {[round(one, 3) for one in found[:6]]}."
    )


@exercise("C3.4", "a function of a, b, c, d and T that returns a 2 × 2 matrix")
def cycle_matrix(answer) -> str:
    M = tensor(call(answer, 0.5, 2.0, 0.25, 4.0, 1), "the matrix", (2, 2))

    def near(rows, tolerance=1e-5):
        return (M - torch.tensor(rows, dtype=torch.float64)).abs().max() < tolerance

    if not near([[8.25, 2.0], [2.0, 0.5]]):
        if near([[0.5, 2.0], [2.0, 8.25]]):
            raise Wrong("rows and columns are in the order z_L, z_H. Asked for is z_H first.")
        if near([[0.25, 4.0], [2.0, 0.5]]):
            raise Wrong("here the controller reads the old z_L. It steps after the worker, and reads the new one.")
        if near([[0.25, 4.0], [0.5, 8.5]]):
            raise Wrong("here the controller steps first. The worker's T steps come before it.")
        raise Wrong(
            f"for a = 1/2, b = 2, c = 1/4, d = 4 and T = 1: from (z_H, z_L) = (1, 0) the worker goes to 2, and "
            f"the controller to 1/4 + 8; so the first column is (8.25, 2), and yours ({M[0, 0]:g}, "
            f"{M[1, 0]:g})."
        )
    M = tensor(call(answer, 0.5, 2.0, 0.25, 4.0, 2), "the matrix", (2, 2))
    if not near([[12.25, 1.0], [3.0, 0.25]]):
        if near([[8.25, 2.0], [2.0, 0.5]]):
            raise Wrong("T makes no difference.")
        raise Wrong(
            f"with T = 2 the worker takes z_H in twice: from (1, 0) it goes to 2 and then to 3. Your first "
            "column "
            f"is ({M[0, 0]:g}, {M[1, 0]:g})."
        )
    return (
        "The worker forgets its own past like aᵀ, and leans on z_H by b(1 − aᵀ)/(1 − a): after a long cycle it is a "
        "function of the controller, and the controller is what remains of the recurrence."
    )


@exercise("C3.5", "a function of f, z1, z2, push and steps that returns a vector of shares")
def left_over(answer) -> str:
    f = expression("lambda z: 0.5 * z")
    z1, z2, push = (torch.tensor(v, dtype=torch.float64) for v in ([3.0, 4.0], [0.0, 0.0], [1.0, 1.0]))
    found = tensor(call(answer, f, z1, z2, push, 3), "what left_over returns")
    if found.shape == (4,):
        raise Wrong("the first number is that after one step, and there are as many as steps: leave the start out.")
    found = tensor(found, "what left_over returns", (3,))
    if (found - torch.tensor([2.5, 1.25, 0.625])).abs().max() < 1e-5:
        raise Wrong("these are the distances. As a share of the distance at the start, please.")
    if (found - 0.5).abs().max() < 1e-5:
        raise Wrong("each is compared with the distance one step before. Compare with the start.")
    if (found - torch.tensor([0.5, 0.25, 0.125])).abs().max() > 1e-5:
        raise Wrong(
            f"z ← (z + push)/2 halves every distance, whatever the push: 0.5, 0.25, 0.125. You find "
            f"{[round(one, 4) for one in found.tolist()]}."
        )
    return (
        "If little is left at the end of a cycle, it makes no difference whether the worker was reset. Chapter 4 "
        "measures "
        "it on trained networks."
    )


@exercise(
    "C3.6", "a function of cycles, steps, worker_layers, controller_layers and segments that returns a dictionary"
)
def counts(answer) -> str:
    found = call(answer, 2, 3, 4, 5, 2)
    if not isinstance(found, dict) or set(found) != {"worker", "controller", "blocks", "gradient"}:
        raise Wrong(
            'what counts returns should be a dictionary with the keys "worker", "controller", "blocks" and "gradient".'
        )
    worker, controller, blocks, gradient = (
        number(found[key], key) for key in ("worker", "controller", "blocks", "gradient")
    )
    if worker == 6 or controller == 2:
        raise Wrong("these are the steps of one segment, and there are two.")
    if controller == worker:
        raise Wrong("the controller steps once in a cycle, not once in a step.")
    if (worker, controller) != (12, 4):
        raise Wrong(
            f"with N = 2, T = 3 and two segments the worker steps 12 times and the controller 4; you say "
            f"{worker:g} and {controller:g}."
        )
    if blocks == 48:
        raise Wrong("the controller's blocks are applied as well.")
    if blocks == 144:
        raise Wrong(
            "not every step applies all the blocks: a step of the worker applies its own, and the same for the "
            "controller."
        )
    if blocks != 68:
        raise Wrong(f"12 steps of 4 blocks and 4 steps of 5 blocks are 68 blocks, and you say {blocks:g}.")
    if gradient != 9:
        raise Wrong(
            f"the one-step gradient runs through the last step of the controller and the last of the worker, "
            f"whatever N and T; you say {gradient:g} blocks."
        )
    return (
        "The published model: 384 blocks in a row with 16 segments, a gradient through 8 in each, and T = 2, not 100."
    )
