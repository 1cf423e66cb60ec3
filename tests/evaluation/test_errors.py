"""Printed errors, intervals and volumes are what they say: against closed forms, and against how far draws differ."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch.distributions import Normal

from unnoise.denoisers import Exact, ExactMixture
from unnoise.evaluation import (
    Bound,
    DequantisedLikelihood,
    Estimate,
    ImportanceWeighted,
    Likelihood,
    classifier_test,
    memorisation,
)
from unnoise.evaluation.decoders import BinDecoder, SoftmaxDecoder
from unnoise.evaluation.dequantised import NoiseCells
from unnoise.laws import GaussianMixture
from unnoise.objectives.dequantisation import UniformCells
from unnoise.processes import LargeVariance, chain_of_betas, edm, linear_betas, variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean, Lattice
from unnoise.testing import ImprobableError, assert_mean, assert_mean_at_most, assert_probable

FLOAT64 = torch.float64
LATTICE = Lattice(-1.0, 1.0, 3)
NOISY_START = variance_preserving(Euclidean(2), LinearLogSNR(1.0, -9.0))  # alpha^2 is 0.73 at t = 0
TWO = ExactMixture(
    variance_preserving(Euclidean(2), LinearLogSNR()),
    GaussianMixture(
        torch.tensor([0.3, 0.7], dtype=FLOAT64),
        torch.tensor([[-1.0, 0.0], [1.0, 0.5]], dtype=FLOAT64),
        0.1 * torch.eye(2, dtype=FLOAT64).expand(2, 2, 2),
    ),
)


class Square(Likelihood):
    """A log density without error: minus half the square."""

    name = "square"

    def evaluate(self, denoiser, x_0, cond, rng, on_rows):
        log_prob = -0.5 * x_0.square().sum(-1)
        return Estimate(log_prob, torch.zeros_like(log_prob), {"density": log_prob})


def test_the_control_variate_of_a_bound_learns_nothing_from_the_row_that_it_corrects(rng):
    """On two rows of few draws, slopes of the same row would lift the bound above the truth."""
    x = torch.tensor([[1.3, 0.2], [-0.6, -0.4]], dtype=FLOAT64)
    truth = TWO.law.log_prob(x)
    found = torch.stack([Bound(16)(TWO, x, rng).log_prob for _ in range(300)])
    assert_mean(found, truth, tolerance=0.02)  # of the ends of the process
    lifted = found + 0.5 * found.std(0)
    with pytest.raises(ImprobableError):
        assert_mean_at_most(lifted - truth, 0.02)


def test_where_there_is_one_row_the_bound_is_the_plain_mean():
    x = torch.tensor([[1.3, 0.2]], dtype=FLOAT64)
    found = Bound(16)(TWO, x, torch.Generator().manual_seed(3)).log_prob
    rng = torch.Generator().manual_seed(3)
    process, many = TWO.process, x.expand(16, 2)
    x_1 = process.marginal(many, torch.ones((), dtype=FLOAT64)).sample(rng)
    prior = process.marginal(many, torch.ones((), dtype=FLOAT64)).log_prob(x_1) - process.prior(16).log_prob(x_1)
    u = Bound(16).strata(1, rng).to(x)
    t, density = process.importance_times(u)
    x_t = process.marginal(many, t).sample(rng)
    rate = process.kl_rate(TWO(x_t, t), many, x_t, t) / density
    rows = prior + rate + process.reconstruction(many)
    torch.testing.assert_close(found, -rows.mean()[None])


@pytest.mark.parametrize("draws", [2, 4, 8])
def test_intervals_of_a_bound_cover_the_truth(draws, rng):
    """Of normal costs the error is Student's, with as many degrees of freedom as the bound says."""
    freedom = Bound(draws)(TWO, torch.zeros(2, 2, dtype=FLOAT64), rng).degrees_of_freedom
    costs = torch.randn(4000 * draws, generator=rng, dtype=FLOAT64)

    def p_value(freedom):
        low, high = replace(Bound(draws).estimate({"cost": costs}), degrees_of_freedom=freedom).interval(0.95)
        return binomtest(int(((low <= 0) & (high >= 0)).sum()), 4000, 0.95).pvalue

    assert_probable(p_value(freedom), f"95 % of the intervals with {freedom} degrees of freedom cover the truth")
    with pytest.raises(ImprobableError):
        assert_probable(p_value(2 * freedom))


@pytest.mark.parametrize(("confidence", "reach"), [(0.5, 0.67449), (0.95, 1.95996), (0.99, 2.57583)])
def test_an_interval_has_two_sides(confidence, reach):
    low, high = Estimate(torch.zeros(1), torch.ones(1)).interval(confidence)
    assert (float(low), float(high)) == pytest.approx((-reach, reach), abs=1e-4)


def test_the_error_of_averaged_dequantisations_is_the_real_one(rng):
    x = torch.tensor([[1.0, 0.0]], dtype=FLOAT64).repeat(1000, 1)
    found = DequantisedLikelihood(Square(), UniformCells(1.0), 4)(Exact(edm(Euclidean(2)), x[:1]), x, rng)
    squares, printed = (found.log_prob - found.log_prob.mean()).square(), found.standard_error.square()
    assert_mean(printed - squares)
    with pytest.raises(ImprobableError):
        assert_mean(2 * printed - squares)


def test_the_noise_at_the_start_is_a_density_in_the_units_of_the_data(rng):
    """z / alpha given x is N(x, (sigma / alpha)^2), which weighs against the decoder."""
    levels = LATTICE.levels().double()
    pairs = torch.cartesian_prod(levels, levels)
    denoiser, decoder = Exact(NOISY_START, pairs), SoftmaxDecoder(LATTICE)
    points, weight = NoiseCells(decoder).draw(denoiser, pairs, rng)
    alpha, sigma = map(float, NOISY_START.alpha_sigma(torch.zeros((), dtype=FLOAT64)))
    log_q = Normal(pairs, sigma / alpha).log_prob(points).sum(-1)
    torch.testing.assert_close(weight, decoder.log_prob(denoiser, pairs, alpha * points) - log_q)


def test_bins_of_a_state_hold_the_mass_of_its_noise(rng):
    """Given z, x is N(z / alpha, (sigma / alpha)^2), cut at the middles between levels."""
    z = torch.randn(7, 2, generator=rng, dtype=FLOAT64)
    decoder = BinDecoder(LATTICE, denoised=False)
    found = decoder.log_probabilities(Exact(NOISY_START, torch.zeros(1, 2, dtype=FLOAT64)), z).exp()
    alpha, sigma = map(float, NOISY_START.alpha_sigma(torch.zeros((), dtype=FLOAT64)))
    below = Normal(z / alpha, sigma / alpha).cdf
    wanted = torch.stack([below(-0.5 + 0 * z), below(0.5 + 0 * z) - below(-0.5 + 0 * z), 1 - below(0.5 + 0 * z)], -1)
    torch.testing.assert_close(found, wanted)


def test_the_error_of_importance_weights_is_that_of_a_mean(rng):
    """To the first order: their deviation over their mean and the root of their number."""
    chain = chain_of_betas(Euclidean(1), linear_betas(8, 0.1, 0.5), LargeVariance())
    denoiser = Exact(chain.process, torch.tensor([[-1.0], [2.0]], dtype=FLOAT64))
    method, x = ImportanceWeighted(chain, 5), torch.tensor([[-0.9], [0.2]], dtype=FLOAT64)
    weights = method.log_weights(denoiser, x, torch.Generator().manual_seed(1)).exp()
    found = method(denoiser, x, torch.Generator().manual_seed(1))
    torch.testing.assert_close(found.standard_error, weights.std(1) / 5**0.5 / weights.mean(1))


def test_the_error_of_an_accuracy_is_binomial_over_all_rows():
    draws = np.random.default_rng(0).normal(size=(2, 40, 1))
    found = classifier_test(draws[0], draws[1] + 1.0, max_epochs=20)
    assert found.rows == 40
    assert 0 < found.accuracy < 1
    assert found.standard_error == pytest.approx(math.sqrt(found.accuracy * (1 - found.accuracy) / 80))


@pytest.mark.parametrize("side", ["samples", "held-out rows"])
def test_the_error_of_a_ratio_counts_both_sides(side):
    """Where the rows of one side are all equally far, the other side alone makes the error."""
    train = 10.0 * np.arange(100.0)[:, None]
    same, varied = train + 1.0, train + np.random.default_rng(0).uniform(0.5, 1.5, (100, 1))
    found = memorisation(varied, same, train) if side == "samples" else memorisation(same, varied, train)
    assert 0.03 < found.ratio_se < 0.15, "a median of 100 uniform numbers of width 1 errs by about 1 / 20"
    assert memorisation(same, same, train).ratio_se == 0
