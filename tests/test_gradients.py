"""Gradients that stop early, and the implicit one: against autograd in float64, closed forms and differences."""

import copy

import pytest
import torch
from helpers import make

from hrm_lite.baselines import FlatRecurrence
from hrm_lite.gradients import (
    agreement,
    cycle_map,
    gradient_terms,
    implicit_gradient,
    jacobians,
    unroll,
)
from hrm_lite.losses import segment_loss


@pytest.fixture
def contraction():
    """z ← tanh(W z + U), three rows of four numbers: the map, its weights and its fixed point."""
    torch.manual_seed(0)
    W = torch.randn(4, 4, dtype=torch.float64)
    W = (0.7 * W / torch.linalg.matrix_norm(W, 2)).requires_grad_()
    U = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    step = lambda z: torch.tanh(z @ W.T + U)  # noqa: E731
    with torch.no_grad():
        z = unroll(step, torch.zeros(3, 4, dtype=torch.float64), 300)
    return step, (W, U), z


def loss(z):
    return (z * torch.arange(12.0, dtype=torch.float64).view(3, 4).sin()).sum() + z.pow(3).sum()


# -- any recurrence -----------------------------------------------------------------------------------------------


def test_unroll_tracks_the_last_steps_and_no_others(contraction):
    step, weights, _ = contraction
    z = torch.zeros(3, 4, dtype=torch.float64)
    for tracked in (0, 1, 3, 5, None):
        got = unroll(step, z, 5, tracked)
        by_hand = z
        for i in range(5):
            by_hand = step(by_hand)
            if tracked is not None and i < 5 - tracked:
                by_hand = by_hand.detach()
        torch.testing.assert_close(got, by_hand, rtol=0, atol=0)
        assert got.requires_grad == (tracked != 0)
        if tracked != 0:
            pairs = zip(*(torch.autograd.grad(loss(out), weights) for out in (got, by_hand)), strict=True)
            assert all(torch.equal(a, b) for a, b in pairs)
    with torch.no_grad():
        assert not unroll(step, z, 5).requires_grad
    with pytest.raises(ValueError, match="tracked=6 of 5 steps"):
        unroll(step, z, 5, 6)


def test_jacobians_are_those_of_torch(contraction):
    step, (W, _), z = contraction
    whole = torch.autograd.functional.jacobian(step, z)  # (3, 4, 3, 4)
    torch.testing.assert_close(jacobians(step, z), torch.stack([whole[i, :, i] for i in range(3)]))
    torch.testing.assert_close(jacobians(step, z), ((1 - z**2).unsqueeze(-1) * W).detach())  # and the closed form


def test_the_implicit_gradient_is_that_of_bptt_at_convergence_and_of_finite_differences(contraction):
    step, (W, U), z = contraction
    mine = implicit_gradient(step, z, loss, (W, U))
    bptt = torch.autograd.grad(loss(unroll(step, z, 200)), (W, U))
    for a, b in zip(mine, bptt, strict=True):
        torch.testing.assert_close(a, b)
    for weight, gradient in zip((W, U), mine, strict=True):
        for index in ((0, 1), (2, 3)):
            ends = []
            for h in (1e-5, -1e-5):
                with torch.no_grad():
                    weight[index] += h
                    ends.append(loss(unroll(step, z, 300)))
                    weight[index] -= h
            assert gradient[index].item() == pytest.approx(((ends[0] - ends[1]) / 2e-5).item(), rel=1e-6)


def test_what_the_loss_itself_asks_of_a_weight_is_added(contraction):
    step, (W, U), z = contraction
    plain = implicit_gradient(step, z, loss, (W, U))
    more = implicit_gradient(step, z, lambda z: loss(z) + 3 * W.sum(), (W, U))
    torch.testing.assert_close(more[0], plain[0] + 3)
    torch.testing.assert_close(more[1], plain[1])


def test_k_steps_at_a_fixed_point_are_k_terms_of_the_neumann_series(contraction):
    step, (_, U), z = contraction
    J, D = jacobians(step, z), 1 - z**2  # ∂F/∂U is diagonal
    z_leaf = z.clone().requires_grad_()
    v = torch.autograd.grad(loss(z_leaf), z_leaf)[0]
    total, power = torch.zeros_like(v), v
    for k in range(1, 8):
        total = total + power
        power = torch.einsum("bij,bi->bj", J, power)
        torch.testing.assert_close(torch.autograd.grad(loss(unroll(step, z, 9, k)), U)[0], (total * D).detach())


# -- HRM ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def batch(puzzles):
    tokens, labels, _ = puzzles.as_tensors()
    tokens, labels = tokens[:5], labels[:5]
    return tokens, lambda out: segment_loss(out, labels, None, "softmax").total


def kinds():
    return {
        "plain": make(cycles=2, steps=3),
        "learned": make(cycles=2, steps=3, positions="learned", controller_sees_input=True),
        "mlp": make(cycles=3, steps=1, mixer="mlp"),
        "shared": make(cycles=2, steps=2, share_modules=True),
        "flat": FlatRecurrence(make(cycles=2, steps=2).config),
    }


def stopped(model, tokens, tracked, z):
    """One segment by hand, cut by detaching."""
    z_H, z_L = z
    x = model.input_net(tokens, None)
    schedule = model.schedule()
    for i, part in enumerate(schedule):
        if i < len(schedule) - tracked:
            z_H, z_L = (t.detach() for t in model.advance(part, z_H, z_L, x.detach()))
        else:
            z_H, z_L = model.advance(part, z_H, z_L, x)
    return model.read_out(z_H, z_L)


@pytest.mark.parametrize("kind", ["plain", "learned", "mlp", "shared", "flat"])
def test_the_terms_add_up_to_what_stopping_gives(kind, batch):
    tokens, loss_of = batch
    model = kinds()[kind].double().eval()
    torch.manual_seed(3)
    torch.nn.init.normal_(model.q_head.weight)
    z = model(model.initial_latents(len(tokens)), tokens).latents
    terms = gradient_terms(model, tokens, loss_of, z)
    assert terms.parts == model.schedule()[::-1]
    for tracked in range(len(terms.parts) + 1):
        loss_of(stopped(model, tokens, tracked, z)).backward()
        for name, p in model.named_parameters():
            torch.testing.assert_close(terms.last(tracked)[name], p.grad if p.grad is not None else 0 * p.detach())
        model.zero_grad()
    assert all(torch.equal(a, b) for a, b in zip(terms.last().values(), terms.last(tracked).values(), strict=True))


@pytest.mark.parametrize("gradient", ["one_step", "last_cycle", "full"])
def test_the_terms_are_those_of_the_model_s_own_gradient(gradient, batch):
    tokens, loss_of = batch
    model = make(cycles=3, steps=2, gradient=gradient).double().eval()
    loss_of(model(model.initial_latents(len(tokens)), tokens)).backward()
    found = gradient_terms(model, tokens, loss_of).last(model.tracked_steps())
    for name, p in model.named_parameters():
        torch.testing.assert_close(found[name], p.grad)


def test_the_signal_is_the_length_of_the_gradient_that_reaches_a_state(batch):
    tokens, loss_of = batch
    model = make(cycles=2, steps=2).double().eval()
    signal = gradient_terms(model, tokens, loss_of).signal
    assert signal.shape == (7, 5)
    x = model.input_net(tokens, None)
    states = [tuple(z.clone().requires_grad_() for z in model.initial_latents(len(tokens)))]
    for part in model.schedule():
        # A fresh pair after each step: the state that did not move would be one tensor at two places.
        states.append(tuple(t * 1 for t in model.advance(part, *states[-1], x)))
    total = loss_of(model.read_out(*states[-1]))
    for back, (z_H, z_L) in enumerate(reversed(states)):
        found = torch.autograd.grad(total, (z_H, z_L), retain_graph=True, allow_unused=True)
        shares = [g.flatten(1) for g in found if g is not None]
        torch.testing.assert_close(signal[back], torch.cat(shares, 1).norm(dim=1))


def test_a_cycle_as_a_map_is_a_segment_of_one_cycle(batch):
    tokens, _ = batch
    model = make(cycles=3, steps=2).double()
    short = copy.deepcopy(model)
    short.config = model.config.replace(cycles=1)
    z = model.initial_latents(len(tokens))
    got = cycle_map(model, tokens)(torch.stack(z, 1))
    torch.testing.assert_close(got, torch.stack(short(z, tokens).latents, 1))
    whole = unroll(cycle_map(model, tokens), torch.stack(z, 1), 3)
    torch.testing.assert_close(whole, torch.stack(model(z, tokens).latents, 1))


# -- comparing ----------------------------------------------------------------------------------------------------


def test_agreement_of_known_vectors():
    reference = {"worker.a": torch.tensor([3.0, 0.0]), "worker.b": torch.tensor([4.0]), "q.w": torch.zeros(2)}
    gradient = {"worker.a": torch.tensor([0.0, 0.0]), "worker.b": torch.tensor([-8.0]), "q.w": torch.ones(2)}
    found = agreement(gradient, reference)
    assert list(found) == ["all", "worker", "q"]
    assert found["worker"] == (pytest.approx(-0.8), pytest.approx(1.6))
    assert found["all"] == (pytest.approx(-32 / 5 / 66**0.5), pytest.approx(66**0.5 / 5))
    assert all(v != v for v in found["q"]), "there is nothing to compare with"
    assert agreement({k: 0 * v for k, v in reference.items()}, reference)["all"] == (0.0, 0.0)
    with pytest.raises(ValueError, match=r"only one of the two gradients has q\.w"):
        agreement({k: v for k, v in gradient.items() if k != "q.w"}, reference)
