"""Checks of chapter 6, deep supervision: on networks of a few thousand weights, against gradients worked out apart."""

from __future__ import annotations

import copy
import functools
import gc
import math
import weakref

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..config import HRMConfig
from ..model import HRM
from .base import Wrong, call, exercise, number, tensor

__all__: list[str] = []


def _small(seed: int = 6, **settings) -> HRM:
    """A network of 8 numbers a cell for boards of 4 × 4; the caller's random numbers are left as they were."""
    size = dict(vocab_size=6, seq_len=16, d_model=8, n_heads=2, worker_layers=1, controller_layers=1, inner_multiple=8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = HRM(HRMConfig(**size | dict(puzzles=1, positions="grid", grid=(4, 4, 2, 2), mixer="mlp") | settings))
    return net


def _puzzles(rows: int = 4, seed: int = 1) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(1, 6, (rows, 16), generator=draw), torch.randint(2, 6, (rows, 16), generator=draw)


def _loss(net: HRM, z, answer: Tensor) -> Tensor:
    return F.cross_entropy(net.read_out(*z).logits.flatten(0, 1), answer.flatten())


def _flat(grads) -> Tensor:
    return torch.cat([g.flatten() for g in grads if g is not None]).double()


# -- 1: which segments does a cut between them change? ----------------------------------------------------------


@functools.cache
def _cut_changes(cycles: int, steps: int) -> bool:
    net, (question, answer) = _small(cycles=cycles, steps=steps), _puzzles()
    found = []
    for cut in (True, False):
        z = net.initial_latents(len(question))
        for _ in range(3):
            z = net.run_segment(z.detach() if cut else z, net.input_net(question))
        found.append(torch.autograd.grad(_loss(net, z, answer), list(net.parameters()), allow_unused=True))
    return not torch.equal(*map(_flat, found))


def _yes(value, what: str) -> bool:
    if isinstance(value, (Tensor, np.ndarray, np.generic)) and math.prod(value.shape) == 1:
        value = value.item()
    if isinstance(value, (bool, int)) and value in (0, 1):
        return bool(value)
    raise Wrong(f"{what} should be True or False.")


@exercise("6.1", "a function of N and T that returns True where `detach` between segments changes the gradient")
def where_it_cuts(cuts) -> str:
    pairs = [(N, T) for N in (1, 2, 3) for T in (1, 2, 3)]
    said = {pair: _yes(call(cuts, *pair), "what your function returns") for pair in pairs}
    wrong = [pair for pair in pairs if said[pair] != _cut_changes(*pair)]
    if not wrong:
        return (
            "With a single cycle, the last worker step reads the z_H that the segment began with: no pale controller "
            "step lies between, and the gradient passes. T makes no difference, though z_L alone would be open at "
            "T = 1 only. HRM's N = 2 is the least that closes both ways."
        )
    if not any(said.values()):
        raise Wrong(
            "N = T = 2 is one case. Write down the steps of other segments, and mark the two that get a gradient: does "
            "a pale H always stand before them?"
        )
    if all(said.values()):
        raise Wrong("with N = T = 2 the chapter compared the two gradients, and no bit of them differed.")
    if said == {(N, T): N == T == 1 for N, T in pairs}:
        raise Wrong(
            "you follow z_L, which a pale worker step does block as soon as T > 1. The worker reads a second state: "
            "who wrote that one last?"
        )
    if said == {(N, T): T == 1 for N, T in pairs}:
        raise Wrong(
            "with N = 2 and T = 1 the steps are LHLH, and the last two get a gradient. Which steps wrote the two "
            "states that the last L reads, and are those pale?"
        )
    N, T = wrong[0]
    raise Wrong(
        f"for N = {N} and T = {T}, {'L' * T + 'H'} {N} times, autograd finds the gradients "
        f"{'different' if _cut_changes(N, T) else 'equal'}."
    )


# -- 2: what a carried batch is full of -------------------------------------------------------------------------


@exercise("6.2", "the share of the rows that hold a hard puzzle, a number between 0 and 1")
def hard_rows(answer) -> str:
    share = number(answer, "the share", 0, 100)
    puzzles, stay = np.array([0.6, 0.4]), np.array([2, 16])
    expected = (puzzles * stay)[1] / (puzzles * stay).sum()
    if share > 1:
        raise Wrong("hand over a share between 0 and 1, not per cent and not a number of segments.")
    if abs(share - expected) < 0.006:
        return (
            f"{expected:.0%} of the rows are hard puzzles, though only 40 % of what comes in is: who stays long is "
            f"met often. A puzzle stays {puzzles @ stay:.1f} segments on average, so of 768 rows "
            f"{768 / (puzzles @ stay):.0f} get a fresh puzzle in each step (Little's law). Halting early is a "
            "curriculum: it hands the saved segments to what is not solved yet."
        )
    if abs(share - 0.4) < 0.006:
        raise Wrong("that is the share of the puzzles that come in. Count desks, not visitors: who stays how long?")
    if abs(share - (1 - expected)) < 0.006:
        raise Wrong("that is the share of the rows with an easy puzzle.")
    if abs(share - stay[1] / stay.sum()) < 0.006:
        raise Wrong("that would be so if as many hard puzzles came in as easy ones.")
    raise Wrong(
        "think of 100 puzzles that come in, one after another: how many row-segments does each kind of them take up?"
    )


# -- 3: many losses, one update, one graph ----------------------------------------------------------------------


class _Held:
    """What autograd keeps for one backward pass; it goes when autograd lets go of it."""

    def __init__(self, value: Tensor):
        self.value = value


class _Scale:
    """Counts the bytes that autograd holds, and the most that it held at once."""

    def __init__(self):
        self.now = self.most = 0

    def take(self, bytes_: int):
        self.now += bytes_
        self.most = max(self.most, self.now)

    def pack(self, value: Tensor) -> _Held:
        held, bytes_ = _Held(value), value.nbytes
        self.take(bytes_)
        weakref.finalize(held, self.take, -bytes_)
        return held

    def __enter__(self):
        self.hooks = torch.autograd.graph.saved_tensors_hooks(self.pack, lambda held: held.value)
        self.hooks.__enter__()
        return self

    def __exit__(self, *error):
        self.hooks.__exit__(*error)


def _summed(segments: int) -> tuple[HRM, Tensor, Tensor, list[Tensor]]:
    """A network, puzzles, and the gradients of the loss after each segment, by torch.autograd.grad."""
    net, (question, answer) = _small(gradient="full"), _puzzles(8, seed=2)
    z, parts = net.initial_latents(len(question)), []
    for _ in range(segments):
        z = net.run_segment(z.detach(), net.input_net(question))
        parts.append(_flat(torch.autograd.grad(_loss(net, z, answer), list(net.parameters()), allow_unused=True)))
    return net, question, answer, parts


@exercise("6.3", "a function of a network, questions, answers and a number of segments that returns a flat gradient")
def one_graph(gradient) -> str:
    most = {}
    for segments in (2, 5):
        net, question, answer, parts = _summed(segments)
        weights = copy.deepcopy(net.state_dict())
        if segments == 5:  # as after an earlier backward pass
            for p in net.parameters():
                p.grad = torch.full_like(p, 0.01)
        gc.collect()
        with torch.enable_grad(), _Scale() as scale:
            found = call(gradient, net, question, answer, segments)
        most[segments] = scale.most
        if any(not torch.equal(value, weights[name]) for name, value in net.state_dict().items()):
            raise Wrong("the weights of the network have moved. The update comes later; hand over the gradient.")
        found = tensor(found, "the gradient", (None,))
        total = sum(parts)
        if found.shape != total.shape and segments == 5:
            raise Wrong(
                "this network came with gradients from an earlier backward pass, some of them of parameters that this "
                "loss does not reach. Set them to None at the beginning, as `net.zero_grad()` does."
            )
        if found.shape != total.shape:
            raise Wrong(
                f"the gradient has {len(found):,} numbers, and the parameters that get one have {len(total):,}: put "
                "all p.grad that are not None into one row."
            )
        near = functools.partial(torch.allclose, rtol=1e-3, atol=1e-5 * total.abs().max().item())
        if near(found, total):
            continue
        if near(found, total / segments):
            raise Wrong("that is the gradient of the mean of the losses. The variant adds them up.")
        if near(found, parts[-1]):
            raise Wrong(
                "that is the gradient of the last loss alone. Does something set the gradients back between the "
                "segments?"
            )
        if near(found, segments * parts[0]):
            raise Wrong("every segment of yours starts from z⁰. Go on from where the one before has ended.")
        raise Wrong(
            f"for {segments} segments it differs from the sum of the {segments} gradients by "
            f"{((found - total).norm() / total.norm()).item():.0%} of its length. Are the states detached, and the "
            "gradients empty at the beginning?"
        )
    if most[5] > 1.5 * most[2]:
        raise Wrong(
            f"the gradient is right, and for five segments autograd held {most[5] / most[2]:.1f} times as much as for "
            "two. Each segment's graph should be gone before the next one begins."
        )
    return (
        "The gradient of a sum is the sum of the gradients, and `backward` adds to what is in .grad. The segments are "
        "detached, so no graph is needed twice. `summed` and `every` differ in nothing but where `optimizer.step()` "
        "stands."
    )


# -- 4: the state or the updates? -------------------------------------------------------------------------------

_RATE = 0.7


def _after_four(net: HRM, question: Tensor, answer: Tensor, move: bool, carry: bool) -> list[float]:
    """The losses of the four segments, with plain gradient descent written out."""
    net, losses = copy.deepcopy(net), []
    z = net.initial_latents(len(question))
    for _ in range(4):
        z = net.run_segment(z if carry else net.initial_latents(len(question)), net.input_net(question))
        loss = _loss(net, z, answer)
        losses.append(loss.item())
        grads = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True)
        z = z.detach()
        with torch.no_grad():
            for p, g in zip(net.parameters(), grads, strict=True):
                if move and g is not None:
                    p -= _RATE * g
    return losses


@exercise("6.4", "a function (net, optimizer, question, answer, move, carry) that returns the loss after segment 4")
def state_or_updates(after_four) -> str:
    question, answer = _puzzles(16, seed=3)
    kinds = [(False, False), (True, False), (False, True), (True, True)]
    expected = {kind: _after_four(_small(), question, answer, *kind) for kind in kinds}
    for move, carry in kinds:
        net = _small()
        optimizer = torch.optim.SGD(net.parameters(), lr=_RATE)
        with torch.enable_grad():
            found = call(after_four, net, optimizer, question, answer, move, carry)
        found = number(found, "what your function returns")
        losses, case = expected[move, carry], f"with move={move} and carry={carry}"

        def near(value, found=found):
            return abs(found - value) < 2e-4 * abs(value)

        if near(losses[3]):
            continue
        if near(losses[0]) and not near(sum(losses) / 4):
            raise Wrong(f"{case} that is the loss after segment 1. Return the one after segment 4.")
        if near(sum(losses) / 4) or near(sum(losses)):
            raise Wrong(f"{case} that is made of all four losses. Return the one after segment 4 alone.")
        other = next((kind for kind in kinds if kind != (move, carry) and near(expected[kind][3])), None)
        if other is not None and other[0] != move:
            raise Wrong(f"{case} the weights {'should move' if move else 'should stand still'} between the segments.")
        if other is not None:
            raise Wrong(f"{case} each segment should start from {'where the last one ended' if carry else 'z⁰'}.")
        raise Wrong(
            f"{case} it returns {found:.4f}, and by gradient descent written out it is {losses[3]:.4f}. Are the "
            "gradients set to zero before each backward pass?"
        )
    return (
        "Three of our runs, means over four new batches: after 20 batches of training .35 to .41 with neither, .25 "
        "to .29 with the updates alone, .33 to .42 with the state alone; after 45, .15 to .18, .07 to .09 and .10 to "
        ".17. So the curves of the training loss part mostly because the weights have just moved on these very "
        "puzzles. The state alone lowered the loss in two runs of the three, and by less. That is why this chapter "
        "speaks of unseen puzzles and of weights that stand still."
    )
