"""Fixed points and local contraction, against closed forms, numpy's eigenvalues and a root finder."""

import math

import numpy as np
import pytest
import torch

from hrm_lite import HRM, HRMConfig
from hrm_lite.fixed_points import (
    NoConvergence,
    anderson,
    fixed_point,
    jacobian_norm,
    lyapunov_factor,
    spectral_radius,
)


def linear(rows: int, n: int, radius: float, seed: int = 0):
    """Maps z ↦ A z + b of a given spectral radius, one a row, and their fixed points (I − A)⁻¹ b."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((rows, n, n))
    A *= radius / np.abs(np.linalg.eigvals(A)).max(1)[:, None, None]
    b = rng.standard_normal((rows, n))
    z = np.linalg.solve(np.eye(n) - A, b[..., None])[..., 0]
    A, b, z = (torch.from_numpy(t) for t in (A, b, z))
    return (lambda s: (A @ s[..., None])[..., 0] + b), A, z


both = pytest.mark.parametrize("solve", [fixed_point, anderson])


@both
def test_a_linear_map_ends_at_its_closed_form(solve):
    f, _, right = linear(rows=3, n=6, radius=0.8)
    found = solve(f, torch.zeros(3, 6, dtype=torch.float64), tolerance=1e-12)
    torch.testing.assert_close(found.z, right, rtol=1e-9, atol=1e-9)
    assert found.converged.all() and len(found.distances) == found.steps.max()


def test_cosine_ends_where_its_root_is_for_rows_of_any_shape():
    low, high = 0.0, 1.0
    for _ in range(60):  # bisection
        middle = (low + high) / 2
        low, high = (middle, high) if math.cos(middle) > middle else (low, middle)
    for solve in (fixed_point, anderson):
        found = solve(torch.cos, torch.linspace(-3, 3, 12, dtype=torch.float64).view(2, 3, 2), tolerance=1e-12)
        torch.testing.assert_close(found.z, torch.full_like(found.z, low), rtol=0, atol=1e-11)


def test_anderson_that_remembers_enough_is_done_after_n_plus_one_evaluations():
    f, _, _ = linear(rows=4, n=5, radius=0.95)
    start = torch.ones(4, 5, dtype=torch.float64)
    quick, slow = anderson(f, start, memory=5, tolerance=1e-9), fixed_point(f, start, tolerance=1e-9)
    # One more to see that it has arrived.
    assert quick.steps.max() <= 5 + 2 and slow.steps.min() > 50


def test_anderson_arrives_where_iteration_runs_away():
    f, _, right = linear(rows=2, n=4, radius=1.5)
    start = torch.zeros(2, 4, dtype=torch.float64)
    torch.testing.assert_close(anderson(f, start, memory=4, tolerance=1e-10).z, right, rtol=1e-7, atol=1e-7)
    with pytest.raises(NoConvergence, match="had not arrived after 50 evaluations") as failed:
        fixed_point(f, start, max_steps=50)
    assert failed.value.result.distances.shape == (50, 2) and not failed.value.result.converged.any()


def test_no_memory_is_plain_iteration():
    f, _, _ = linear(rows=2, n=4, radius=0.7)
    start = torch.ones(2, 4, dtype=torch.float64)
    one, two = fixed_point(f, start), anderson(f, start, memory=0)
    assert torch.equal(one.z, two.z) and torch.equal(one.distances, two.distances)


def test_the_rate_of_a_contraction_is_its_factor_and_the_error_keeps_within_banachs_bound():
    q, start = 0.6, torch.tensor([[3.0], [-2.0]], dtype=torch.float64)
    found = fixed_point(lambda z: q * z + 1, start, tolerance=1e-10)
    moved = found.distances[:20]
    torch.testing.assert_close(moved[1:] / moved[:-1], torch.full_like(moved[1:], q), rtol=1e-6, atol=0)
    errors = torch.stack([(start - 2.5).squeeze(1).abs() * q**k for k in range(20)])
    assert (errors <= moved / (1 - q) * (1 + 1e-9)).all()


@both
def test_rows_do_not_wait_for_one_another_and_do_not_mix(solve):
    f, A, right = linear(rows=2, n=3, radius=0.9)
    far = torch.full((1, 3), 9.0, dtype=torch.float64)
    start = torch.cat((right[:1] + 1e-9, far))
    together = solve(f, start, tolerance=1e-8)
    assert together.steps[0] == 1 and together.steps[1] > 4
    assert torch.equal(together.z[0], f(start)[0]), "a row that has arrived does not move again"
    b = f(torch.zeros_like(right))
    alone = solve(lambda z: (A[1:] @ z[..., None])[..., 0] + b[1:], far, tolerance=1e-8)
    assert torch.equal(together.z[1:], alone.z) and together.steps[1] == alone.steps[0]
    assert torch.equal(together.distances[1:, 0], together.distances[:1, 0].expand(len(together.distances) - 1))


@both
def test_a_fixed_point_at_zero_can_be_reached(solve):
    found = solve(lambda z: z / 2, torch.ones(1, 4))
    assert found.z.norm() < 2e-6 and found.steps.item() < 30


@both
def test_what_does_not_settle_is_an_error_or_is_returned_as_it_is(solve):
    start = torch.tensor([[1.0, 0.0]])
    with pytest.raises(NoConvergence, match=r"row 0 of 1 had not arrived after 30 evaluations.*strict=False"):
        solve(lambda z: z + 1, start, max_steps=30)
    result = solve(lambda z: z + 1, start, max_steps=30, strict=False)
    assert not result.converged.any() and result.steps.tolist() == [30]


@both
def test_a_map_that_runs_away_is_named_with_its_row(solve):
    def f(z):
        return torch.stack((z[0] / 2, torch.where(z[1].abs() > 3, z[1] / 0, z[1] * 2 + torch.tensor([0.0, 1.0]))))

    with pytest.raises(NoConvergence, match=r"left the finite numbers at evaluation .*row 1"):
        solve(f, torch.tensor([[4.0, 4.0], [4.0, 4.0]]))


@both
@pytest.mark.parametrize("z0, message", [
    (torch.ones(3), r"shape \(3,\).*z\[None\]"), (torch.ones(2, 3).long(), "int64"), (torch.ones(0, 3), "one row"),
    ([1.0], "got list"), (torch.tensor([[1.0], [float("nan")]]), "not finite in row 1"),
    (torch.tensor([[float("inf")], [1.0]]), "not finite in row 0")])
def test_a_start_that_cannot_be_iterated_says_so(solve, z0, message):
    with pytest.raises(ValueError, match=message):
        solve(torch.cos, z0)


@both
def test_a_map_that_changes_shape_or_precision_says_so(solve):
    for f in (lambda z: z[:, :1], lambda z: z.double(), lambda z: 1.0):
        with pytest.raises(ValueError, match="f must return what it takes"):
            solve(f, torch.ones(2, 3))


def test_settings_without_sense_are_refused():
    z = torch.ones(1, 2)
    for call in (lambda: fixed_point(torch.cos, z, tolerance=0), lambda: fixed_point(torch.cos, z, max_steps=0),
                 lambda: anderson(torch.cos, z, memory=-1)):
        with pytest.raises(ValueError, match=r"tolerance|memory"):
            call()


def test_spectral_radius_and_norm_are_numpys():
    _, A, z = linear(rows=4, n=5, radius=0.9, seed=3)

    def f(s):
        return torch.tanh((A @ s[..., None])[..., 0])

    slope = (1 - f(z) ** 2).numpy()
    J = slope[..., None] * A.numpy()
    eigenvalues = np.linalg.eigvals(J)
    assert np.iscomplex(eigenvalues).any()
    radius = spectral_radius(f, z, steps=1000).numpy()
    np.testing.assert_allclose(radius, np.abs(eigenvalues).max(1), rtol=5e-3)
    np.testing.assert_allclose(jacobian_norm(f, z, steps=500).numpy(), np.linalg.norm(J, 2, axis=(1, 2)), rtol=1e-4)


def test_spectral_radius_of_a_rotation_and_of_a_map_that_ignores_its_state():
    angle = torch.tensor(0.7, dtype=torch.float64)
    R = torch.stack((torch.stack((angle.cos(), -angle.sin())), torch.stack((angle.sin(), angle.cos()))))
    z = torch.ones(1, 2, dtype=torch.float64)
    assert spectral_radius(lambda s: 1.1 * s @ R, z).item() == pytest.approx(1.1)
    assert spectral_radius(lambda s: torch.ones_like(s) + 0 * s, z).item() < 1e-200


def test_the_lyapunov_factor_of_the_logistic_map_is_two_where_it_is_chaotic_and_that_of_a_cycle_is_its_slope():
    z = torch.tensor([[0.1234]], dtype=torch.float64)
    factor = lyapunov_factor(lambda s: 4 * s * (1 - s), z, steps=3000)
    assert factor.item() == pytest.approx(2, rel=0.03)
    r = 3.2  # a cycle of two states; the slope over both is 4 + 2 r − r² (in closed form)
    f = lambda s: r * s * (1 - s)  # noqa: E731
    for _ in range(500):
        z = f(z)
    assert lyapunov_factor(f, z, steps=400).item() == pytest.approx(abs(4 + 2 * r - r**2) ** 0.5, rel=1e-3)


def test_spectral_radius_of_a_block_is_that_of_its_whole_jacobian():
    config = HRMConfig(vocab_size=6, seq_len=4, d_model=8, n_heads=2, worker_layers=1, controller_layers=1,
                       inner_multiple=8, positions="learned")
    torch.manual_seed(0)
    model = HRM(config).double()
    x = model.input_net(torch.tensor([[1, 2, 3, 4], [5, 1, 1, 2]])).detach()
    z = torch.randn(2, 4, 8, dtype=torch.float64)

    def f(s):
        return model.worker(s, x)

    whole = torch.autograd.functional.jacobian(f, z)  # by reverse mode
    for row in range(2):
        J = whole[row, :, :, row].reshape(32, 32).numpy()
        found = spectral_radius(f, z, steps=400)[row].item()
        assert found == pytest.approx(np.abs(np.linalg.eigvals(J)).max(), rel=2e-2)
        assert jacobian_norm(f, z, steps=200)[row].item() == pytest.approx(np.linalg.norm(J, 2), rel=1e-4)
