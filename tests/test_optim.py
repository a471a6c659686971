"""Optimizers, moving average and schedule, against the formulas in float64 and against adam-atan2-pytorch."""

import math

import pytest
import torch
from adam_atan2_pytorch import AdamAtan2 as Reference
from helpers import TRAIN, make

from hrm_lite.training.optim import AdamAtan2, average_weights, gradient_norm, learning_rate, make_optimizer, sign_sgd

SHAPES = [(3, 4), (5,), (2, 3, 2)]


def problem(seed=0, steps=7, dtype=torch.float64):
    """Weights, and a gradient for each of several steps, of very different sizes."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda shape: torch.randn(shape, generator=generator, dtype=dtype)  # noqa: E731
    weights = [draw(shape) for shape in SHAPES]
    return weights, [[10.0 ** (2 * i - 3) * draw(shape) for i, shape in enumerate(SHAPES)] for _ in range(steps)]


def run(optimizer_of, weights, gradients, rates=None):
    parameters = [torch.nn.Parameter(w.clone()) for w in weights]
    optimizer = optimizer_of(parameters)
    for i, step in enumerate(gradients):
        if rates:
            optimizer.param_groups[0]["lr"] = rates[i]
        for p, g in zip(parameters, step, strict=True):
            p.grad = g.clone()
        optimizer.step()
    return [p.detach() for p in parameters]


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("correct_inside", [False, True])
def test_adam_atan2_is_its_formula_entry_by_entry(correct_inside, compiled):
    weights, gradients = problem()
    b1, b2, decay, a, b = 0.9, 0.95, 0.3, 0.8, 1.7
    rates = [0.01 * (i + 1) for i in range(len(gradients))]
    found = run(
        lambda p: AdamAtan2(p, 0.5, (b1, b2), decay, a=a, b=b, correct_inside=correct_inside, compiled=compiled),
        weights, gradients, rates,
    )  # fmt: skip
    for k, weight in enumerate(weights):
        for i, p in enumerate(weight.flatten().tolist()):
            m = v = 0.0
            for t, lr in enumerate(rates, start=1):
                g = gradients[t - 1][k].flatten()[i].item()
                m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
                c1, c2 = 1 - b1**t, 1 - b2**t
                p *= 1 - lr * decay
                if correct_inside:
                    p -= lr * a * math.atan2(m / c1, b * math.sqrt(v / c2))
                else:
                    p -= lr / c1 * a * math.atan2(m, b * math.sqrt(v) / math.sqrt(c2))
            assert found[k].flatten()[i].item() == pytest.approx(p, rel=1e-10)


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (1.27, 1.0), (0.7, 2.0)])
def test_adam_atan2_is_that_of_adam_atan2_pytorch(a, b):
    weights, gradients = problem(steps=20)
    settings = dict(lr=0.02, betas=(0.9, 0.95), weight_decay=0.1, a=a, b=b)
    ours = run(lambda p: AdamAtan2(p, **settings, correct_inside=True), weights, gradients)
    theirs = run(lambda p: Reference(p, **settings), weights, gradients)
    for x, y in zip(ours, theirs, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-12, atol=1e-12)


def test_the_published_correction_and_the_other_agree_in_the_long_run_and_differ_at_first():
    """At a = 1, step by step: 1.27 times as far at first (atan2(0.1, 1) / 0.1 against π / 4), the same after 200."""
    weights, gradients = [torch.zeros(1, dtype=torch.float64)], [[torch.ones(1, dtype=torch.float64)]] * 201
    steps = []
    for optimizer_of in (lambda p: AdamAtan2(p, 1.0), lambda p: Reference(p, 1.0, (0.9, 0.95), a=1.0)):
        path = [run(optimizer_of, weights, gradients[:n])[0].item() for n in (0, 1, 200, 201)]
        steps.append((path[0] - path[1], path[2] - path[3]))
    assert steps[0][0] / steps[1][0] == pytest.approx(10 * math.atan(0.1) / (math.pi / 4), rel=1e-9)
    assert steps[0][1] == pytest.approx(steps[1][1], rel=1e-6) == pytest.approx(math.pi / 4, rel=1e-6)


def test_adam_atan2_does_not_care_for_the_scale_of_the_gradient_nor_for_zero():
    weights, gradients = problem()
    optimizer_of = lambda p: AdamAtan2(p, 0.01)  # noqa: E731
    plain = run(optimizer_of, weights, gradients)
    tiny = run(optimizer_of, weights, [[g * 1e-20 for g in step] for step in gradients])
    for x, y in zip(plain, tiny, strict=True):
        torch.testing.assert_close(x, y, rtol=1e-9, atol=1e-12)
    still = run(optimizer_of, weights, [[torch.zeros_like(w) for w in weights]])
    assert all(torch.equal(x, w) for x, w in zip(still, weights, strict=True))


def test_decay_is_decoupled_and_a_weight_without_a_gradient_stays():
    lone, idle = torch.nn.Parameter(torch.full((2,), 4.0)), torch.nn.Parameter(torch.ones(2))
    optimizer = AdamAtan2([lone, idle], lr=0.1, weight_decay=0.5)
    lone.grad = torch.zeros(2)
    optimizer.step()
    assert lone.tolist() == pytest.approx([3.8, 3.8]) and idle.tolist() == [1, 1]


def test_adam_atan2_goes_on_from_a_saved_state():
    weights, gradients = problem(dtype=torch.float32)
    whole = run(lambda p: AdamAtan2(p, 0.01), weights, gradients)
    first = [torch.nn.Parameter(w.clone()) for w in weights]
    optimizer = AdamAtan2(first, 0.01)
    for i, step in enumerate(gradients):
        if i == 3:
            saved = optimizer.state_dict()
            first = [torch.nn.Parameter(p.detach().clone()) for p in first]
            optimizer = AdamAtan2(first, 0.01)
            optimizer.load_state_dict(saved)
        for p, g in zip(first, step, strict=True):
            p.grad = g.clone()
        optimizer.step()
    assert all(torch.equal(x, y) for x, y in zip(whole, first, strict=True))


@pytest.mark.parametrize("changes", [dict(lr=-1.0), dict(betas=(0.9, 1.0)), dict(weight_decay=-0.1)])
def test_absurd_settings_are_refused(changes):
    with pytest.raises(ValueError, match="not usable"):
        AdamAtan2([torch.nn.Parameter(torch.ones(1))], **changes)


@pytest.mark.parametrize("seed", range(5))
def test_sign_sgd_against_a_loop_over_puzzles(seed):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(20, 6, generator=generator, dtype=torch.float64)
    ids = torch.randint(0, 12, (15,), generator=generator)
    gradients = torch.randn(15, 6, generator=generator, dtype=torch.float64)
    expected = weight.clone()
    for puzzle in set(ids.tolist()):
        total = gradients[ids == puzzle].sum(0)
        expected[puzzle] = expected[puzzle] * (1 - 0.1 * 0.5) - 0.1 * total.sign()
    sign_sgd(weight, ids, gradients, lr=0.1, weight_decay=0.5)
    torch.testing.assert_close(weight, expected, rtol=1e-12, atol=1e-12)


def test_the_gradient_norm_is_torchs_and_shows_what_is_not_finite():
    _, [gradients] = problem(steps=1, dtype=torch.float32)
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for p, g in zip(parameters, gradients, strict=True):
        p.grad = g.clone()
    torch.testing.assert_close(gradient_norm(gradients), torch.nn.utils.clip_grad_norm_(parameters, 1e9))
    gradients[1][2] = float("nan")
    assert gradient_norm(gradients).isnan()


def test_the_schedule():
    config = TRAIN.replace(lr=1.0, warmup_steps=4, max_steps=104, lr_floor=0.2)
    assert [learning_rate(s, config) for s in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert learning_rate(4, config) == 1.0
    assert learning_rate(54, config) == pytest.approx(0.6)
    assert learning_rate(104, config) == pytest.approx(0.2)
    assert learning_rate(10**6, config.replace(lr_floor=1.0)) == 1.0


def test_the_moving_average_against_the_recurrence_by_hand():
    model, average = make(1), make(2)
    expected = average.output_net.weight.detach().double().clone()
    for step, d in ((0, 1 / 10), (1, 2 / 11), (200, 0.9)):
        expected = d * expected + (1 - d) * model.output_net.weight.detach().double()
        average_weights(average, model, 0.9, step)
    torch.testing.assert_close(average.output_net.weight.detach().double(), expected, atol=1e-6, rtol=1e-6)
    assert torch.equal(average.z_H_init, model.z_H_init)


@pytest.mark.parametrize("kind", ["adamw", "adam_atan2"])
def test_the_optimizer_is_made_as_the_settings_say(kind):
    config = TRAIN.replace(optimizer=kind, betas=(0.5, 0.7), lr=0.02, weight_decay=0.3)
    optimizer = make_optimizer(make().parameters(), config)
    group = optimizer.param_groups[0]
    assert (group["betas"], group["lr"], group["weight_decay"]) == ((0.5, 0.7), 0.02, 0.3)
    assert isinstance(optimizer, {"adamw": torch.optim.AdamW, "adam_atan2": AdamAtan2}[kind])
