"""The bound: where the denoiser is exact the density is known, and the bound must come to it."""

from __future__ import annotations

import math

import pytest
import torch
from conditioned import conditional_case

from unnoise._errors import InputError
from unnoise.denoisers import ExactMixture
from unnoise.evaluation import Bound
from unnoise.laws import GaussianMixture
from unnoise.objectives.times import LogNormalTimes, UniformTimes
from unnoise.processes import edm, variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_mean, assert_mean_at_most

FLOAT64 = torch.float64
BOUND = Bound()


class TestBound:
    def test_it_covers_the_truth_of_the_ring(self, gaussian, ring, points, rng):
        estimate, truth = BOUND(ExactMixture(gaussian(2), ring), points, rng), ring.log_prob(points)
        assert estimate.mean[1] < 0.15
        assert_mean(estimate.log_prob - truth)
        z = (estimate.log_prob - truth) / estimate.standard_error
        assert 0.8 < float(z.std()) < 1.4
        assert z.abs().max() < 7

    def test_the_times_change_nothing_but_the_error(self, ring, points, rng):
        process = edm(Euclidean(2), 0.02, 20.0)
        denoiser, truth = ExactMixture(process, ring), ring.log_prob(points)
        for bound in (Bound(), Bound(times=UniformTimes()), Bound(times=LogNormalTimes(deviation=2.0))):
            estimate = bound(denoiser, points, rng)
            assert estimate.mean[1] < 0.2
            assert_mean(estimate.log_prob - truth, tolerance=0.01)  # the blur of 0.02 on a ring of width 0.15

    def test_a_wrong_denoiser_pays(self, ring, points, rng):
        """The bound is below the truth by the price of the error: it comes to the density that the denoiser knows."""
        process = variance_preserving(Euclidean(2), LinearLogSNR())
        wrong = GaussianMixture(ring.weights, 1.1 * ring.means, ring.covariances)
        found = BOUND(ExactMixture(process, wrong), points, rng).log_prob
        assert_mean_at_most(found - ring.log_prob(points), 0.0)
        with pytest.raises(ImprobableError):
            assert_mean(found - ring.log_prob(points))
        assert_mean(found - wrong.log_prob(points))

    @staticmethod
    def prior_divergence(process, points):
        """KL(q_1 given x_0 || p_1), and of its mistaken twin that forgets where x_0 is."""
        alpha, sigma = process.alpha_sigma(torch.tensor(1.0, dtype=FLOAT64))
        variance = alpha**2 + sigma**2
        ratio, square = sigma**2 / variance, alpha**2 * points.square().sum(-1) / variance
        return 0.5 * (2 * ratio + square - 2 - 2 * ratio.log()), ratio - 1 - ratio.log()

    def test_the_prior_costs_what_x_0_is_remembered(self, ring, points, rng):
        process = edm(Euclidean(2), 0.02, 4.0)
        found = Bound(draws=512)(ExactMixture(process, ring), points[:100], rng).parts["prior"]
        divergence, twin = self.prior_divergence(process, points[:100])
        assert_mean(found + divergence)
        with pytest.raises(ImprobableError):
            assert_mean(found + twin)

    def test_prior_and_reconstruction_are_closed_forms(self, gaussian, ring, points, rng):
        process = gaussian(2)
        parts = Bound(draws=512)(ExactMixture(process, ring), points[:100], rng).parts
        assert_mean(parts["prior"] + self.prior_divergence(process, points[:100])[0], tolerance=1e-6)
        alpha, sigma = process.alpha_sigma(torch.tensor([0.0, 1.0], dtype=FLOAT64))
        cost = math.log(2 * math.pi * math.e * float(sigma[0] / alpha[0]) ** 2)
        torch.testing.assert_close(parts["reconstruction"], torch.full((100,), -cost, dtype=FLOAT64), rtol=1e-5, atol=0)

    @pytest.mark.parametrize("batch_size", [None, 300])
    def test_every_row_meets_its_own_condition(self, rng, batch_size):
        denoiser, x, cond, truth = conditional_case(rng)
        estimate = Bound(256, batch_size=batch_size)(denoiser, x, rng, cond)
        assert_mean(estimate.log_prob - truth)
        assert estimate.standard_error.max() < 2
        wrong = Bound(256, batch_size=batch_size)(denoiser, x, rng, cond.flip(0))
        assert (wrong.log_prob - truth).abs().median() > 5

    def test_float32_works(self, gaussian, ring, points, rng):
        estimate = BOUND(ExactMixture(gaussian(2), ring).float(), points.float(), rng)
        assert estimate.log_prob.dtype == torch.float32
        assert_mean(estimate.log_prob - ring.log_prob(points), tolerance=1e-3)  # of rounding

    @pytest.mark.parametrize("draws", [0, 1, 7])
    def test_an_odd_number_of_draws_is_refused(self, draws):
        with pytest.raises(InputError, match=f"got draws = {draws}; expected"):
            Bound(draws)

    def test_a_single_row_and_the_fewest_draws_work(self, ring, points, rng):
        """The control variate learns from other rows; where there are none it does nothing."""
        denoiser = ExactMixture(edm(Euclidean(2)), ring)
        for draws in (2, 4, 128):
            estimate = Bound(draws)(denoiser, points[:1], rng)
            assert torch.isfinite(estimate.log_prob).all()
            assert torch.isfinite(estimate.standard_error).all()

    @pytest.mark.slow
    @pytest.mark.parametrize(("d", "rows"), [(2, 4000), (32, 6000)])
    def test_it_is_tight_to_a_hundredth_of_a_nat(self, d, rows, rng):
        """The standard error of the mean is at most 0.01 nats."""
        means = 0.7 * torch.randn(4, d, generator=rng, dtype=FLOAT64)
        covariances = 0.5 * torch.eye(d, dtype=FLOAT64).expand(4, d, d)
        law = GaussianMixture(torch.full((4,), 0.25, dtype=FLOAT64), means, covariances)
        denoiser, points = (
            ExactMixture(variance_preserving(Euclidean(d), LinearLogSNR()), law),
            law.sample(rng, (rows,)),
        )
        found = Bound(512)(denoiser, points, rng)
        assert found.mean[1] < 0.01
        assert_mean(found.log_prob - law.log_prob(points))
