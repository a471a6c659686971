"""Losses and the halting rule, against formulas written out by hand and against torch."""

import pytest
import torch

from hrm_lite.halting import continue_target, least_segments, wants_to_halt
from hrm_lite.losses import (
    IGNORE,
    exact_and_cells,
    output_loss,
    segment_loss,
    softmax_cross_entropy,
    stablemax_cross_entropy,
)
from hrm_lite.model import Latents, Output


def an_output(logits, q_halt, q_continue):
    empty = torch.zeros(0)
    return Output(torch.as_tensor(logits), torch.as_tensor(q_halt), torch.as_tensor(q_continue), Latents(empty, empty))


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(3)
    logits = 4 * torch.randn(4, 6, 5, dtype=torch.float64, generator=generator)
    labels = torch.randint(0, 5, (4, 6), generator=generator)
    labels[0, 2:] = IGNORE
    labels[3] = IGNORE
    return logits, labels


def test_stablemax_is_its_formula(batch):
    logits, labels = batch
    s = torch.where(logits >= 0, logits + 1, 1 / (1 - logits))
    p = s / s.sum(-1, keepdim=True)
    expected = -p.gather(-1, labels.clamp(min=0)[..., None])[..., 0].log() * (labels != IGNORE)
    torch.testing.assert_close(stablemax_cross_entropy(logits, labels), expected)
    torch.testing.assert_close(
        stablemax_cross_entropy(logits.float(), labels, torch.float32).double(), expected, atol=1e-5, rtol=1e-5
    )


def test_stablemax_gradient_is_right_and_finite_at_zero_and_far_out():
    logits = torch.tensor([[[0.0, 2.0, -3.0], [1e4, -1e4, 0.5]]], dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[0, 1]])
    assert torch.autograd.gradcheck(lambda x: stablemax_cross_entropy(x, labels), (logits + 0.01,))
    stablemax_cross_entropy(logits, labels).sum().backward()
    assert logits.grad.isfinite().all()


def test_softmax_is_torchs_own(batch):
    logits, labels = batch
    expected = torch.nn.functional.cross_entropy(logits[1], labels[1], reduction="none")
    torch.testing.assert_close(softmax_cross_entropy(logits, labels)[1], expected)


@pytest.mark.parametrize("kind", ["softmax", "stablemax"])
def test_every_row_counts_alike_however_many_positions_it_scores(batch, kind):
    logits, labels = batch
    one_by_one = [output_loss(logits[i : i + 1], labels[i : i + 1], kind) for i in range(4)]
    torch.testing.assert_close(output_loss(logits, labels, kind), sum(one_by_one))
    torch.testing.assert_close(one_by_one[0], output_loss(logits[:1, :2], labels[:1, :2], kind))
    assert one_by_one[3] == 0


def test_exact_and_cell_accuracy():
    labels = torch.tensor([[1, 2, IGNORE], [1, 2, 0], [0, 0, 0]])
    guess = torch.tensor([[1, 2, 4], [1, 3, 0], [0, 0, 0]])
    exact, cells = exact_and_cells(torch.nn.functional.one_hot(guess, 5).float(), labels)
    assert exact.tolist() == [True, False, True]
    torch.testing.assert_close(cells, torch.tensor([1.0, 2 / 3, 1.0]))


def test_the_total_is_output_plus_half_the_q_losses():
    out = an_output([[[5.0, 0.0]], [[5.0, 0.0]]], [2.0, -1.0], [0.5, 0.5])
    labels = torch.tensor([[0], [1]])
    losses = segment_loss(out, labels, torch.tensor([0.25, 1.0]), "softmax")
    sigmoid = lambda x: 1 / (1 + torch.exp(-torch.tensor(x)))  # noqa: E731
    halt = -(sigmoid(2.0).log() + (1 - sigmoid(-1.0)).log())
    p = sigmoid(0.5)
    go_on = -(0.25 * p.log() + 0.75 * (1 - p).log() + p.log())
    torch.testing.assert_close(losses.q_halt, halt)
    torch.testing.assert_close(losses.q_continue, go_on)
    torch.testing.assert_close(losses.total, losses.output + (halt + go_on) / 2)
    without = segment_loss(out, labels, None, "softmax")
    torch.testing.assert_close(without.total, losses.output + halt / 2)


def test_the_halting_rule():
    q_halt, q_continue = torch.tensor([1.0, 1.0, -2.0]), torch.tensor([0.5, 2.0, -3.0])
    assert wants_to_halt(q_halt, q_continue).tolist() == [True, False, True]
    assert wants_to_halt(q_halt, q_continue, margin=0.75).tolist() == [False, False, True]
    assert wants_to_halt(q_halt).tolist() == [True, True, False]
    assert wants_to_halt(q_halt, margin=1.0).tolist() == [False, False, False]


def test_exploration_draws_from_2_to_the_maximum_in_the_share_asked_for():
    generator = torch.Generator().manual_seed(0)
    drawn = least_segments(40_000, 5, 0.3, generator)
    counts = torch.bincount(drawn, minlength=6)
    assert counts[0] == 0 and abs(counts[1].item() / 40_000 - 0.7) < 0.01
    for m in (2, 3, 4, 5):
        assert abs(counts[m].item() / 40_000 - 0.075) < 0.006
    assert least_segments(100, 5, 0.0, generator).eq(1).all()
    assert least_segments(100, 1, 1.0, generator).eq(1).all(), "with M_max = 1 there is nothing to explore"


def test_the_target_of_continuing():
    after = an_output(torch.zeros(3, 1, 2), [0.0, -2.0, 3.0], [1.0, -4.0, 5.0])
    target = continue_target(after, torch.tensor([False, False, True]))
    torch.testing.assert_close(target, torch.tensor([1.0, -2.0, 3.0]).sigmoid())
