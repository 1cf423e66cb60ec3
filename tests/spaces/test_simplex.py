"""The simplex: small moves, Ito's generator, the flat divergence, the price of undoing, and wrong points."""

from __future__ import annotations

import math

import pytest
import torch
from checked import OF_SPACE, assert_checked

from unnoise._errors import InputError
from unnoise._gradients import partials
from unnoise.laws import Dirichlet
from unnoise.spaces import Diffusion, Simplex
from unnoise.spaces.simplex import helmert
from unnoise.testing import ImprobableError, PropertyError, assert_mean, check_space

FLOAT64 = torch.float64
SPACE = Simplex(3)
POINTS = torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.1, 0.15, 0.75], [0.33, 0.33, 0.34]], dtype=FLOAT64)
ALPHA = torch.tensor([1.0, 2.0, 0.7], dtype=FLOAT64)
SCALE = torch.tensor(1.3, dtype=FLOAT64).sqrt()


def mutation(x, alpha=ALPHA):
    return Diffusion(0.65 * (alpha - alpha.sum() * x), SCALE)


def test_it_keeps_the_properties():
    assert_checked(check_space(SPACE, POINTS, mutation, draws=4000), OF_SPACE)


class Flat(Simplex):
    def apply(self, local, f, x):
        _, laplacian = self.divergence(lambda y: self.tangent(y, partials(f, y)), x)
        return (local.drift * partials(f, x)).sum(-1) + 0.5 * local.scale**2 * laplacian


class PulledOutwards(Simplex):
    """Spreading drifts the wrong way."""

    def drift_of_spreading(self, x):
        return -super().drift_of_spreading(x)


class PhiOfSlopes(Simplex):
    def phi(self, local, log_f, x):
        return 0.5 * local.scale**2 * (x * partials(log_f, x) ** 2).sum(-1)


TWINS = [
    (Flat, "small moves follow the generator"),
    (PulledOutwards, "small moves follow the generator"),
    (PhiOfSlopes, "phi"),
]


@pytest.mark.parametrize(("twin", "law"), TWINS, ids=lambda part: getattr(part, "__name__", ""))
def test_a_broken_twin_is_caught(twin, law):
    with pytest.raises(PropertyError, match=f"BROKEN  {law}"):
        check_space(twin(3), POINTS, mutation, draws=100_000)


def test_the_generator_is_itos():
    """Against the matrix a = diag(x) - x x^T and the Hessian of a function of two free parts."""

    def f(x):
        return torch.sin(2 * x[..., 0] + x[..., 1] ** 2)

    def free(z):
        return f(torch.stack([z[0], z[1], 1 - z[0] - z[1]]))

    local = mutation(POINTS)
    for i, x in enumerate(POINTS):
        z = x[:2]
        slope, hessian = torch.func.grad(free)(z), torch.autograd.functional.hessian(free, z)
        spread = torch.diag(z) - torch.outer(z, z)
        expected = local.drift[i, :2] @ slope + 0.5 * SCALE**2 * (spread * hessian).sum()
        torch.testing.assert_close(SPACE.apply(local, f, POINTS)[i], expected)
        expected = 0.5 * SCALE**2 * (slope @ spread @ slope)
        torch.testing.assert_close(SPACE.phi(local, f, POINTS)[i], expected)


def test_divergence_is_that_of_the_free_parts(rng):
    def field(x):
        return SPACE.spread(x, torch.stack([x[..., 1] ** 2, x[..., 0].sin(), x[..., 2] * x[..., 0]], -1))

    value, divergence = SPACE.divergence(field, POINTS)
    torch.testing.assert_close(value, field(POINTS))

    def free(z):
        return field(torch.stack([z[0], z[1], 1 - z[0] - z[1]]))[:2]

    expected = torch.stack([torch.func.jacrev(free)(x[:2]).trace() for x in POINTS])
    torch.testing.assert_close(divergence, expected)
    _, estimate = SPACE.divergence(field, POINTS, SPACE.probes(POINTS, 20_000, rng))
    assert_mean(estimate, expected)
    with pytest.raises(ImprobableError):
        assert_mean(estimate, 1.1 * expected)


def test_undoing_by_the_time_reversal_costs_the_implicit_integrand():
    r"""L* beta / beta + L log beta = tr a (S' + s s^T / 2) + (1 - N x) s - N (N - 1) / 2 + theta (N - 1) / 2."""
    model = torch.tensor([2.0, 3.0, 1.5], dtype=FLOAT64)

    def score(x):
        return partials(Dirichlet(model).log_prob, x)

    def reverse(x):
        forward = mutation(x)
        drift = -forward.drift + SCALE**2 * (SPACE.drift_of_spreading(x) + SPACE.spread(x, score(x)))
        return Diffusion(drift, SCALE)

    s, curvature = score(POINTS), -torch.diag_embed((model - 1) / POINTS**2)
    a = torch.diag_embed(POINTS) - POINTS[:, :, None] * POINTS[:, None]
    terms = (a * (curvature + 0.5 * s[:, :, None] * s[:, None])).sum((1, 2))
    terms = terms + ((1 - 3 * POINTS) * s).sum(-1) - 3 + ALPHA.sum()
    expected = SCALE**2 * terms
    torch.testing.assert_close(SPACE.implicit(mutation, reverse, POINTS), expected)


class TestMoves:
    def test_a_move_has_the_mean_and_covariance_of_its_characteristics(self):
        dt = torch.tensor(1e-4, dtype=FLOAT64)
        law, local = SPACE.move(POINTS, mutation(POINTS), dt), mutation(POINTS)
        total = law.concentration.sum(-1, keepdim=True)
        mean = law.concentration / total
        torch.testing.assert_close((mean - POINTS) / dt, local.drift, rtol=1e-2, atol=1e-3)
        variance = mean * (1 - mean) / (total + 1) / dt
        torch.testing.assert_close(variance, SCALE**2 * POINTS * (1 - POINTS), rtol=1e-2, atol=0)

    def test_no_step_leaves_the_simplex(self, rng):
        outwards = Diffusion(torch.tensor([[-9.0, 4.0, 5.0]], dtype=FLOAT64), SCALE)
        for dt in (0.0, 0.1, 10.0):
            moved = SPACE.move(POINTS, outwards, torch.tensor(dt, dtype=FLOAT64)).sample(rng)
            SPACE.check(moved)
            assert (moved > 0).all()

    def test_without_noise_it_drifts(self, rng):
        still = Diffusion(mutation(POINTS).drift, torch.zeros((), dtype=FLOAT64))
        moved = SPACE.move(POINTS, still, torch.tensor(0.1, dtype=FLOAT64)).sample(rng)
        expected = SPACE.move(POINTS, still, torch.tensor(0.1, dtype=FLOAT64)).concentration
        torch.testing.assert_close(moved, expected / expected.sum(-1, keepdim=True), rtol=1e-9, atol=0)

    def test_precision_is_kept(self, rng):
        x = POINTS.float()
        local = Diffusion(torch.zeros_like(x), torch.ones(()))
        assert SPACE.move(x, local, torch.tensor(0.1, dtype=FLOAT64)).sample(rng).dtype == torch.float32


def test_projection_leads_back(rng):
    x = SPACE.project(POINTS + 0.3 * torch.randn(4, 3, generator=rng, dtype=FLOAT64))
    SPACE.check(x)
    torch.testing.assert_close(SPACE.project(POINTS), POINTS)


def test_helmert_vectors_are_the_tangent_space():
    basis = helmert(5)
    torch.testing.assert_close(basis.T @ basis, torch.eye(5, dtype=FLOAT64) - 0.2)


BAD = {
    "logits": (torch.tensor([[2.0, -1.0, 0.0]]), r"got a part of -1 at batch index \[0\]; .* were these logits\?"),
    "percent": (torch.tensor([[20.0, 30.0, 50.0]]), r"sum to 100 at batch index \[0\]; .* divide each row by its sum"),
    "off": (torch.tensor([[0.2, 0.3, 0.5], [0.2, 0.33, 0.5]]), r"sum to 1.03 at batch index \[1\]"),
    "nan": (torch.tensor([[0.2, math.nan, 0.5]]), r"got NaN or infinite values, first at batch index \[\[0\]\]"),
    "integers": (torch.tensor([[1, 0, 0]]), "got torch.int64; Simplex expects floating point"),
    "shape": (torch.tensor([[0.5, 0.5]]), r"got points of shape \(2,\); Simplex expects \(3,\)"),
}


@pytest.mark.parametrize(("points", "message"), BAD.values(), ids=BAD)
def test_what_is_no_point_is_refused_in_one_sentence(points, message):
    with pytest.raises(InputError, match=message):
        SPACE.check(points)


def test_one_part_is_no_simplex():
    with pytest.raises(InputError, match="got parts = 1; expected a whole number from 2"):
        Simplex(1)


def test_functions_that_do_not_depend_on_the_point_have_no_slope():
    assert (partials(lambda x: torch.ones(4), POINTS) == 0).all()
