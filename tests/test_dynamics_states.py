"""What is in a state, against numpy's eigenvalues, a second way to the same formula and the model's own steps."""

import numpy as np
import pytest
import torch

from hrm_lite import HRM, dynamics, model_preset
from hrm_lite.dynamics import directions, fit_probe, nudge, participation_ratio, run_frozen
from hrm_lite.model import Latents


def samples(n, d, seed=0):
    draw = np.random.default_rng(seed)
    return draw.normal(size=(n, d)) * draw.uniform(0.1, 2, d) + draw.normal(size=d)


@pytest.mark.parametrize(("n", "d"), [(200, 7), (7, 200), (2, 3), (40, 40)])
def test_the_participation_ratio_is_that_of_the_eigenvalues(n, d):
    z = samples(n, d)
    values = np.linalg.eigvalsh(np.cov(z.T))
    found = participation_ratio(torch.from_numpy(z).float())
    assert found == pytest.approx(values.sum() ** 2 / (values**2).sum(), rel=1e-4)
    assert 1 - 1e-9 <= found <= min(n - 1, d) + 1e-9


def test_it_counts_equal_directions_and_ignores_the_mean_the_scale_and_a_rotation():
    corners = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])  # a tetrahedron
    assert participation_ratio(corners) == pytest.approx(3)
    turn = torch.from_numpy(np.linalg.qr(samples(3, 3))[0]).float()
    assert participation_ratio(5 * corners @ turn + 100) == pytest.approx(3, rel=1e-4)


@pytest.mark.parametrize("z", [torch.ones(5, 3), torch.ones(1, 3), torch.ones(4)])
def test_what_does_not_vary_has_no_participation_ratio(z):
    with pytest.raises(ValueError, match=r"participation ratio needs|no direction"):
        participation_ratio(z)


def test_directions_are_the_singular_vectors_with_a_sign_of_their_own():
    z = samples(60, 9)
    middle, axes, shares = directions(torch.from_numpy(z), 3)
    _, singular, right = np.linalg.svd(z - z.mean(0), full_matrices=False)
    np.testing.assert_allclose(middle, z.mean(0))
    np.testing.assert_allclose(abs((right[:3] @ axes.numpy()).diagonal()), 1, rtol=1e-9)
    np.testing.assert_allclose(shares, singular**2 / (singular**2).sum(), atol=1e-12)
    assert (axes.numpy()[abs(axes).argmax(0), range(3)] > 0).all()
    again = directions(torch.from_numpy(np.concatenate([z[30:], z[:30]])), 3)[1]
    np.testing.assert_allclose(again, axes, atol=1e-9)  # another order of the samples is the same cloud


def test_a_probe_is_ridge_regression_and_reads_what_is_linear():
    z, classes = torch.from_numpy(samples(300, 6)), torch.arange(300) % 3
    probe = fit_probe(z, classes, 3, ridge=2.5)
    one = np.eye(3)[classes]
    centred = (z - z.mean(0)).numpy()
    # ridge regression as least squares with rows added: another way to the same numbers
    rows = np.concatenate([centred, np.sqrt(2.5) * np.eye(6)])
    expected = np.linalg.lstsq(rows, np.concatenate([one - one.mean(0), np.zeros((6, 3))]), rcond=None)[0]
    np.testing.assert_allclose(probe.weights[:-1], expected, atol=1e-9)
    shown = z + 5 * torch.nn.functional.one_hot(classes, 6)
    reads = fit_probe(shown[:200], classes[:200], 3)
    assert (reads(shown[200:]) == classes[200:]).double().mean() > 0.95
    assert (probe(z[200:]) == classes[200:]).double().mean() < 0.6  # nothing is there to be read
    assert reads(shown.view(3, 100, 6)).shape == (3, 100)
    with pytest.raises(ValueError, match="300 states and 2 classes"):
        fit_probe(z, classes[:2], 3)


def test_a_nudge_has_its_size_in_every_row_and_is_the_same_again():
    z = torch.from_numpy(samples(4 * 5, 8)).view(4, 5, 8) * torch.tensor([1.0, 10, 100, 1000]).view(-1, 1, 1)
    moved = nudge(z, 0.3, torch.Generator().manual_seed(1))
    assert torch.allclose((moved - z).flatten(1).norm(dim=1) / z.flatten(1).norm(dim=1), torch.full((4,), 0.3).double())
    assert torch.equal(moved, nudge(z, 0.3, torch.Generator().manual_seed(1)))
    assert not torch.equal(moved, nudge(z, 0.3, torch.Generator().manual_seed(2)))


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return HRM(model_preset("sudoku-4x4")), torch.randint(1, 6, (3, 16))


def test_with_nothing_frozen_it_is_the_model(small):
    model, tokens = small
    z, expected = model.initial_latents(3), []
    with torch.no_grad():
        for _ in range(3):
            out = model(z, tokens)
            z = out.latents
            expected.append(out.logits.argmax(-1))
    assert torch.equal(run_frozen(model, model.initial_latents(3), tokens, 3), torch.stack(expected))


def test_a_frozen_part_stands_still_and_the_other_goes_on(small):
    model, tokens = small
    ends = list(dynamics.moments(model, tokens, 2))[-1]
    start = Latents(ends.z_H, ends.z_L)
    with torch.no_grad():
        x, (z_H, z_L), looks = model.input_net(tokens), start, []
        for _ in range(2):
            for _ in range(4):  # the worker's steps of a segment, T = N = 2
                z_L = model.worker(z_L, z_H + x, model.angles())
            looks.append(model.output_net(model.controller(z_H, z_L, model.angles()))[:, 1:].argmax(-1))
        assert torch.equal(run_frozen(model, start, tokens, 2, "H"), torch.stack(looks))
        z_L, still = start.z_L, []
        for _ in range(2):
            for _ in range(2):
                z_H = model.controller(z_H, z_L, model.angles())
            still.append(model.output_net(z_H)[:, 1:].argmax(-1))
        assert torch.equal(run_frozen(model, start, tokens, 2, "L"), torch.stack(still))
    with pytest.raises(ValueError, match="neither"):
        run_frozen(model, start, tokens, 1, "z_H")
