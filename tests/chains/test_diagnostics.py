"""Bounds that are attained where theory says so, Hessians against closed forms, verdicts on chains."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from noisy import of_atoms, of_mixture

from unnoise._errors import InputError
from unnoise.chains import Density, Langevin, Mean, conditional, diagnostics, run
from unnoise.laws import GaussianMixture

FLOAT64 = torch.float64


def symmetric(d, tau=0.8):
    """Two equal modes at -3 and 3 in every coordinate, so R = 3 sqrt(d)."""
    means = 3 * torch.stack([torch.ones(d), -torch.ones(d)]).to(FLOAT64)
    return GaussianMixture(
        torch.full((2,), 0.5, dtype=FLOAT64), means, tau**2 * torch.eye(d, dtype=FLOAT64).expand(2, d, d)
    )


class TestZeta:
    @pytest.mark.parametrize("m", [1, 2, 7])
    def test_two_modes_attain_it_in_the_middle_and_stay_below_elsewhere(self, m, rng):
        law, sigma, tau = symmetric(4), 5.0, 0.8
        y = 3 * torch.randn(50, 4, generator=rng, dtype=FLOAT64)
        y[0] = 0
        past = Mean(-y / (m - 1), (m - 1) / sigma**2) if m > 1 else Mean(0 * y)
        past = Mean(past.value * (torch.arange(50)[:, None] == 0), past.precision)
        found = diagnostics.conditional_curvature(of_mixture(law), y, past, sigma)
        bound = diagnostics.zeta(m, sigma, 6.0, tau)
        assert float(found[0]) == pytest.approx(bound, abs=1e-12)
        assert float(found.max()) <= bound + 1e-12

    def test_it_changes_sign_at_the_smallest_log_concave_sigma(self):
        sigma = diagnostics.log_concave_sigma(6.0, 0.8)
        assert diagnostics.zeta(1, sigma, 6.0, 0.8) == pytest.approx(0, abs=1e-12)
        assert diagnostics.zeta(1, 0.99 * sigma, 6.0, 0.8) > 0
        values = [diagnostics.zeta(m, 0.5 * sigma, 6.0, 0.8) for m in range(1, 50)]
        assert all(a > b for a, b in itertools.pairwise(values))

    def test_published_thresholds(self):
        found = [diagnostics.log_concave_sigma(3 * math.sqrt(d), 1.0) for d in (2, 8, 16, 32)]
        assert found == pytest.approx([4.12, 8.43, 11.96, 16.94], abs=0.01)
        assert diagnostics.log_concave_sigma(1.0, 2.0) == 0

    def test_radius_from_data(self, rng):
        x = symmetric(8).sample(rng, (2000,))
        found = diagnostics.enclosing_radius(x, tau=0.8)
        assert 1 < found / (3 * math.sqrt(8)) < 1.4
        assert diagnostics.enclosing_radius(x) > found

    def test_the_noise_of_every_coordinate_is_taken_off_the_radius(self, rng):
        x = torch.randn(200, 5, generator=rng, dtype=FLOAT64)
        whole, less = diagnostics.enclosing_radius(x), diagnostics.enclosing_radius(x, tau=0.5)
        assert whole**2 - less**2 == pytest.approx(5 * 0.5**2)

    @pytest.mark.parametrize("numbers", [(0, 1.0, 1.0), (1, 0.0, 1.0), (1, 1.0, -1.0)])
    def test_numbers_that_mean_nothing(self, numbers):
        with pytest.raises(InputError, match=r"expected a (whole number from 1|finite number above 0)"):
            diagnostics.zeta(*numbers, tau=1.0)


class TestCurvature:
    def test_it_is_the_largest_eigenvalue(self, rng):
        a = torch.randn(3, 3, generator=rng, dtype=FLOAT64)
        density = Density(lambda x: 0.5 * torch.einsum("ni,ij,nj->n", x, a + a.T, x))
        found = diagnostics.curvature(density.score, torch.randn(5, 3, generator=rng, dtype=FLOAT64))
        torch.testing.assert_close(found, torch.linalg.eigvalsh(a + a.T)[-1].expand(5))

    def test_groups_change_nothing(self, ring, rng, monkeypatch):
        y = torch.randn(20, 2, generator=rng, dtype=FLOAT64)
        whole = diagnostics.curvature(of_mixture(ring).at(0.7).score, y)
        monkeypatch.setattr(diagnostics, "NUMBERS_AT_ONCE", 12)
        torch.testing.assert_close(diagnostics.curvature(of_mixture(ring).at(0.7).score, y), whole)

    def test_a_conditional_is_what_differentiation_says(self, ring, rng):
        y, past, sigma = (
            torch.randn(20, 2, generator=rng, dtype=FLOAT64),
            Mean(torch.randn(20, 2, generator=rng, dtype=FLOAT64), 2.0),
            0.9,
        )
        expected = diagnostics.curvature(conditional(of_mixture(ring), past, sigma).score, y)
        found = diagnostics.conditional_curvature(of_mixture(ring), y, past, sigma)
        torch.testing.assert_close(found, expected)

    def test_a_score_that_cannot_be_differentiated(self):
        with pytest.raises(InputError, match="curvature is not known"):
            diagnostics.curvature(lambda y: -y.detach(), torch.zeros(2, 2))


class TestHessians:
    """Against the covariance of X given y, by enumeration of atoms."""

    ATOMS = torch.tensor([[-1.0, 0.3], [1.0, 0.8], [0.2, -1.4], [1.5, -0.5]], dtype=FLOAT64)
    WEIGHTS = torch.tensor([0.1, 0.4, 0.3, 0.2], dtype=FLOAT64)

    def largest(self, log_likelihood):
        """The largest eigenvalue of the posterior covariance, which gives the largest of the Hessian."""
        posterior = (log_likelihood + self.WEIGHTS.log()).softmax(1)
        centred = self.ATOMS - (posterior @ self.ATOMS)[:, None]
        return torch.linalg.eigvalsh(torch.einsum("na,nad,nae->nde", posterior, centred, centred))[:, -1]

    def test_of_the_smoothed_density(self, rng):
        """Hessian of log q_sigma = -(I - cov(X | y)/sigma^2)/sigma^2."""
        y, sigma = torch.randn(30, 2, generator=rng, dtype=FLOAT64), 0.8
        top = self.largest(-0.5 * torch.cdist(y, self.ATOMS) ** 2 / sigma**2)
        found = diagnostics.curvature(of_atoms(self.ATOMS, self.WEIGHTS).at(sigma).score, y)
        torch.testing.assert_close(found, (top / sigma**2 - 1) / sigma**2)

    def test_of_a_measurement_given_those_before(self, rng):
        """The same with cov(X | y_1..y_m), m measurements of unequal noise."""
        sigmas = [1.1, 0.9, 1.4]
        y = torch.randn(3, 30, 2, generator=rng, dtype=FLOAT64)
        past = Mean(torch.zeros(30, 2, dtype=FLOAT64))
        for one, sigma in zip(y[:-1], sigmas[:-1], strict=True):
            past = past.with_one_more(one, sigma)
        squares = [torch.cdist(one, self.ATOMS) ** 2 / sigma**2 for one, sigma in zip(y, sigmas, strict=True)]
        top = self.largest(-0.5 * torch.stack(squares).sum(0))
        found = diagnostics.conditional_curvature(of_atoms(self.ATOMS, self.WEIGHTS), y[-1], past, sigmas[-1])
        torch.testing.assert_close(found, (top / sigmas[-1] ** 2 - 1) / sigmas[-1] ** 2)


class TestUnimodality:
    """Loog, Duistermaat, Florack 2001: blur by the radius of the support leaves one maximum, and less may not."""

    GRID = torch.linspace(-1.5, 1.5, 3001, dtype=FLOAT64)[:, None]

    def maxima(self, atoms, weights, sigma):
        slope = of_atoms(atoms[:, None], weights).score(self.GRID, sigma)[:, 0]
        return int(((slope[:-1] > 0) & (slope[1:] <= 0)).sum())

    def test_blur_by_the_radius_leaves_one(self, rng):
        sigma = diagnostics.log_concave_sigma(1.0)
        for _ in range(20):
            atoms = 2 * torch.rand(5, generator=rng, dtype=FLOAT64) - 1
            assert self.maxima(atoms, torch.rand(5, generator=rng, dtype=FLOAT64), sigma) == 1

    def test_two_points_need_all_of_it(self):
        atoms, weights = torch.tensor([-1.0, 1.0], dtype=FLOAT64), torch.ones(2, dtype=FLOAT64)
        assert [self.maxima(atoms, weights, sigma) for sigma in (0.98, 1.02)] == [2, 1]


class TestJumps:
    def test_the_bound_holds_for_a_gaussian(self):
        tau, level, d = 1.3, 0.7, 5
        distance = d * (tau - math.sqrt(diagnostics.jump_variance(tau, level))) ** 2
        assert distance < diagnostics.jump_bound(level, d)


APART = Density(lambda x: torch.logaddexp(-2 * (x - 4).square().sum(1), -2 * (x + 4).square().sum(1)))
NEAR = Density(lambda x: -0.5 * (x**2).sum(1))


class TestAgreement:
    def test_chains_that_never_leave_their_mode_are_seen(self, rng):
        start = 4 * torch.randn(8, 1, generator=rng).sign()
        found = diagnostics.agreement(run(Langevin(APART, 0.05), start, 200, rng, keep=1).kept)
        assert float(found.r_hat.max()) > 1.5
        assert "disagree" in str(found)

    def test_chains_that_mix_agree(self, rng):
        found = diagnostics.agreement(run(Langevin(NEAR, 0.5), torch.zeros(8, 2), 1000, rng, keep=1).kept)
        assert float(found.r_hat.max()) < 1.02
        assert found.bulk.shape == (2,)
        expected = 8 * 1000 * (1 - 0.5) / (1 + 0.5)  # of an autoregression of coefficient 1/2
        assert float(found.bulk.min()) == pytest.approx(expected, rel=0.2)
