"""Measurements against closed forms: scores, Gaussian moments, and mixtures with their weights."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import pytest
import torch
from noisy import of_atoms, of_function, of_mixture

from unnoise._errors import InputError, NonFiniteError
from unnoise.chains import (
    MALA,
    AtNoise,
    Localization,
    Mean,
    Measurements,
    NotMixedWarning,
    Sequential,
    WalkJump,
    conditional,
    equal_levels,
    growing_levels,
    run,
    snr_levels,
    tune,
)
from unnoise.denoisers import ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.laws.base import standard_normal
from unnoise.processes import edm, rectified_flow, variance_exploding, variance_preserving
from unnoise.samplers import Ancestral
from unnoise.samplers.grids import UniformLogSNR
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_mean, assert_probable
from unnoise.testing.statistics import mean_is_zero

FLOAT64 = torch.float64
TAU2, CENTRE = torch.tensor([0.5, 2.0], dtype=FLOAT64), torch.tensor([1.0, -0.5], dtype=FLOAT64)


@pytest.fixture
def normal():
    return GaussianMixture(torch.ones(1, dtype=FLOAT64), CENTRE[None], torch.diag(TAU2)[None])


def two_modes(d, dtype=torch.float32):
    """The target of the paper: weights .8 and .2, unit covariance, 6 apart in every coordinate."""
    means = torch.stack([torch.full((d,), 3.0), torch.full((d,), -3.0)]).to(dtype)
    return GaussianMixture(torch.tensor([0.8, 0.2], dtype=dtype), means, torch.eye(d, dtype=dtype).expand(2, d, d))


def log_joint(law, y, sigmas):
    """log p(y_1..y_m) of measurements, (n, m, d), as the mixture that it is in R^(md)."""
    m, d = y.shape[1:]
    noise = torch.block_diag(*[s**2 * torch.eye(d, dtype=FLOAT64) for s in sigmas])
    covariances = torch.stack([c.repeat(m, m) + noise for c in law.covariances])
    return GaussianMixture(law.weights, law.means.repeat(1, m), covariances).log_prob(y.flatten(1))


class TestScores:
    def test_the_conditional_score_is_the_gradient_of_the_joint_density(self, ring, rng):
        sigmas = [0.9, 0.4, 0.6]
        y = torch.randn(10, 3, 2, generator=rng, dtype=FLOAT64)
        past = Mean(torch.zeros(10, 2, dtype=FLOAT64))
        for k, sigma in enumerate(sigmas):
            seen = y[:, : k + 1].clone().requires_grad_()
            (slope,) = torch.autograd.grad(log_joint(ring, seen, sigmas[: k + 1]).sum(), seen)
            found = conditional(of_mixture(ring), past, sigma).score(y[:, k])
            torch.testing.assert_close(found, slope[:, -1], rtol=1e-8, atol=1e-8)
            past = past.with_one_more(y[:, k], sigma)

    def test_it_is_the_published_formula_at_equal_levels(self, ring, rng):
        smoothed, sigma = of_mixture(ring), 0.7
        y = torch.randn(3, 10, 2, generator=rng, dtype=FLOAT64)
        past = Mean(torch.zeros(10, 2, dtype=FLOAT64)).with_one_more(y[0], sigma).with_one_more(y[1], sigma)
        mean = y.mean(0)
        expected = (mean - y[2] + sigma**2 / 3 * smoothed.score(mean, sigma / 3**0.5)) / sigma**2
        torch.testing.assert_close(conditional(smoothed, past, sigma).score(y[2]), expected)

    def test_the_joint_score_is_the_gradient_of_the_joint_density(self, ring, rng):
        y = torch.randn(10, 4, 2, generator=rng, dtype=FLOAT64).requires_grad_()
        (slope,) = torch.autograd.grad(log_joint(ring, y, [0.8] * 4).sum(), y)
        torch.testing.assert_close(
            WalkJump(of_mixture(ring), 0.8, m=4).kernel.target.score(y.detach()), slope, rtol=1e-8, atol=1e-8
        )

    def test_the_mean_says_all_that_the_measurements_say(self, rng):
        """E[X | y_1..y_m] by Bayes' rule over atoms is the denoiser at the mean, at the level sigma/sqrt(m)."""
        atoms, sigma = torch.randn(6, 2, generator=rng, dtype=FLOAT64), 0.8
        y, mean = torch.randn(4, 10, 2, generator=rng, dtype=FLOAT64), Mean(torch.zeros(10, 2, dtype=FLOAT64))
        log_likelihood = torch.zeros(10, 6, dtype=FLOAT64)
        for one in y:
            mean = mean.with_one_more(one, sigma)
            log_likelihood -= 0.5 * torch.cdist(one, atoms) ** 2 / sigma**2
        assert mean.level == pytest.approx(sigma / 2)
        torch.testing.assert_close(of_atoms(atoms).denoise(mean.value, mean.level), log_likelihood.softmax(1) @ atoms)

    def test_the_mean_is_weighted_by_precision(self, rng):
        y, sigmas = torch.randn(3, 5, 2, generator=rng, dtype=FLOAT64), torch.tensor([0.5, 1.0, 2.0], dtype=FLOAT64)
        mean = Mean(torch.zeros(5, 2, dtype=FLOAT64))
        assert mean.level == math.inf
        for one, sigma in zip(y, sigmas.tolist(), strict=True):
            mean = mean.with_one_more(one, sigma)
        weights = sigmas**-2 / (sigmas**-2).sum()
        torch.testing.assert_close(mean.value, torch.einsum("k,knd->nd", weights, y))
        assert mean.level == pytest.approx(float((sigmas**-2).sum() ** -0.5))


@dataclass(frozen=True)
class ExactNormal(Measurements):
    """Draws from the conditionals of a normal target themselves."""

    def measure(self, y, past, sigma, rng):
        precision = past.precision + 1 / TAU2
        mean = (past.precision * past.value + CENTRE / TAU2) / precision
        return mean + (1 / precision + sigma**2).sqrt() * standard_normal(tuple(y.shape), y, rng)


@dataclass(frozen=True)
class Stale(Sequential):
    """A broken twin: the mean of the past is forgotten in the score."""

    def measure(self, y, past, sigma, rng):
        return super().measure(y, Mean(torch.zeros_like(y)), sigma, rng)


SIGMAS = [1.5, 1.5, 1.0, 1.0]


def path(sampler, n=6000):
    """The means after every measurement, (n, m, 2), from E[X]."""
    means = []
    start = CENTRE.expand(n, 2)
    sampler.sample(start, torch.Generator().manual_seed(0), on_step=lambda k, mean: means.append(mean.value))
    return torch.stack(means, 1)


def assert_path(means, sigmas):
    r"""Mean and covariance of the path: cov(mean_j, mean_k) = tau^2 + 1/precision_max(j, k)."""
    precision = torch.cumsum(torch.tensor(sigmas, dtype=FLOAT64) ** -2, 0)
    later = torch.maximum(*torch.meshgrid(torch.arange(len(sigmas)), torch.arange(len(sigmas)), indexing="ij"))
    expected = TAU2[:, None, None] + 1 / precision[later]
    centred = means - CENTRE
    products = torch.einsum("njd,nkd->ndjk", centred, centred) - expected
    upper = torch.triu_indices(len(sigmas), len(sigmas))
    rows = torch.cat([centred.flatten(1), products[:, :, upper[0], upper[1]].flatten(1)], 1)
    assert_probable(mean_is_zero(rows, 1e-2), "the running means have mean and covariance of X + B_t/t")


class TestGaussianPaths:
    """Mean and covariance of all running means are known: they are those of X + B_t/t at t = 1/precision."""

    def test_exact_conditionals(self, normal):
        assert_path(path(ExactNormal(of_mixture(normal), SIGMAS)), SIGMAS)

    def test_sequential(self, normal):
        assert_path(path(Sequential(of_mixture(normal), SIGMAS, steps=25)), SIGMAS)

    def test_localization_in_fine_steps_passes_through_the_same_laws(self, normal):
        """A hundred Euler steps for every measurement: their means at its end have the law of the running means."""
        fine = [sigma * 10 for sigma in SIGMAS for _ in range(100)]
        assert_path(path(Localization(of_mixture(normal), fine))[:, 99::100], SIGMAS)

    def test_broken_twins_are_seen(self, normal):
        for twin in (Stale(of_mixture(normal), SIGMAS, steps=25), Localization(of_mixture(normal), SIGMAS)):
            with pytest.raises(ImprobableError):
                assert_path(path(twin), SIGMAS)

    def test_localization_is_euler_on_the_observation_process(self, normal):
        """dZ = E[X | Z_t]dt + dB with steps of 1/sigma^2, on the same noise."""
        smoothed, sigma = of_mixture(normal), 0.9
        found = path(Localization(smoothed, equal_levels(sigma, 3)), n=5)
        rng, step, z, drift = torch.Generator().manual_seed(0), sigma**-2, torch.zeros(5, 2, dtype=FLOAT64), CENTRE
        for k in range(3):
            z = z + step * drift + step**0.5 * torch.randn(5, 2, generator=rng, dtype=FLOAT64)
            time = (k + 1) * step
            torch.testing.assert_close(found[:, k], z / time)
            drift = z / time + smoothed.score(z / time, time**-0.5) / time


def test_joint_measurements_of_a_gaussian(normal):
    joint = WalkJump(of_mixture(normal), 1.5, steps=80, m=3)
    jumps = joint.sample(CENTRE.expand(6000, 2), torch.Generator().manual_seed(0))
    assert_mean(jumps, CENTRE)
    assert_mean((jumps - CENTRE).square(), TAU2**2 / (TAU2 + 1.5**2 / 3), tolerance=0.02)  # of the step
    with pytest.raises(ImprobableError):
        assert_mean((jumps - CENTRE).square(), TAU2**2 / (TAU2 + 1.5**2), tolerance=0.02)


WEIGHT_BIAS = 0.01  # of a first measurement in few steps


def squares(x):
    """Mean squares of the deviations of rows from their mean, (n,)."""
    return (x - x.mean(0)).square().mean(1)


@pytest.mark.parametrize("d", [2, 8])
class TestTwoModes:
    """Weights .8/.2 at a distance of 6 sqrt(d), from the middle, in fewer than 1000 scores."""

    def sample(self, d, sigmas, n=3000):
        sampler = Sequential(of_mixture(two_modes(d)), sigmas, steps=3)
        x = sampler.sample(torch.zeros(n, d), torch.Generator().manual_seed(0))
        return x, x.mean(1) > 0

    def test_growing_precision_gets_weights_and_variances(self, d):
        x, right = self.sample(d, growing_levels(math.sqrt(9 * d - 1), 20, last=0.15))
        assert_mean(right.double(), 0.8, tolerance=WEIGHT_BIAS)
        for side, centre in ((right, 3), (~right, -3)):
            assert_mean((x[side] - centre).square().mean(1), 1.0, tolerance=0.03)  # of the last level, 0.15^2

    def test_equal_ones_shrink_the_modes_as_theory_says(self, d):
        sigma, m = math.sqrt(9 * d - 1), 60
        x, right = self.sample(d, equal_levels(sigma, m))
        assert_mean(squares(x[right]), 1 / (1 + sigma**2 / m), tolerance=0.02)  # of the steps
        with pytest.raises(ImprobableError):
            assert_mean(squares(x[right]), 1.0, tolerance=0.03)

    def test_a_few_exact_steps_give_the_variance_back(self, d, rng):
        law = two_modes(d)
        jumps, _ = self.sample(d, equal_levels(math.sqrt(9 * d - 1), 30), n=2000)
        tuned = tune(MALA(law, 0.5), jumps, rng, steps=20)
        x = run(tuned.kernel, tuned.state, 20, rng).x
        right = x.mean(1) > 0
        assert_mean(squares(x[right]), 1.0, tolerance=0.02)  # of twenty steps
        assert_mean(right.double(), 0.8, tolerance=WEIGHT_BIAS)


class TestBudget:
    """Too few steps of the first measurement leave the weights of the start, and are reported."""

    SIGMA = math.sqrt(9 * 8 - 1)  # the smallest at which no law of a measurement has two modes

    def sample(self, sigma, n=3000, start=0.0, **settings):
        """Which are on the heavier side, and the mean of the jumps after every measurement."""
        smoothed, jumps = of_mixture(two_modes(8)), []
        sampler = Sequential(smoothed, equal_levels(sigma, 20), **settings)
        x = sampler.sample(
            torch.full((n, 8), start),
            torch.Generator().manual_seed(0),
            on_step=lambda k, mean: jumps.append(smoothed.denoise(mean.value, mean.level).mean(1)),
        )
        return x.mean(1) > 0, torch.stack(jumps)

    @pytest.mark.parametrize("start", [0.0, -3.0])
    def test_enough_is_silent_from_anywhere_and_right(self, start):
        """Warnings are errors here."""
        right, _ = self.sample(self.SIGMA, start=start)
        assert_mean(right.double(), 0.8, tolerance=WEIGHT_BIAS)

    @pytest.mark.parametrize("start", [0.0, -3.0])
    def test_too_few_steps_are_reported_and_wrong(self, start):
        with pytest.warns(NotMixedWarning, match=r"after 4 steps .* standard errors\).*take a larger first") as seen:
            right, _ = self.sample(self.SIGMA, start=start, first=4)
        with pytest.raises(ImprobableError):
            assert_mean(right.double(), 0.8, tolerance=WEIGHT_BIAS)
        assert len(seen) == 1
        assert seen[0].filename == __file__

    def test_too_small_a_noise_is_reported_and_wrong(self):
        with pytest.warns(NotMixedWarning, match="a larger noise than 2.528"):
            right, _ = self.sample(0.3 * self.SIGMA)
        with pytest.raises(ImprobableError):
            assert_mean(right.double(), 0.8, tolerance=WEIGHT_BIAS)

    def test_later_measurements_neither_repair_nor_betray_it(self):
        """The mean of the jumps is a martingale: it stays where the first measurement put it, wrong as it is."""
        with pytest.warns(NotMixedWarning):
            _, jumps = self.sample(self.SIGMA, first=4)
        moves = jumps[-1] - jumps[2]  # the second and third take part in the weighing
        assert_mean(moves)
        with pytest.raises(ImprobableError):
            assert_mean(jumps[-1], 3 * (0.8 - 0.2), tolerance=3 * 2 * WEIGHT_BIAS)

    def test_a_broken_twin_that_looks_at_other_chains_stays_silent(self):
        @dataclass(frozen=True)
        class Shuffled(Sequential):
            def _check_mixing(self, guess, jump):
                super()._check_mixing(guess.roll(1, 0), jump)

        smoothed = of_mixture(two_modes(8))
        Shuffled(smoothed, [self.SIGMA], first=4).sample(torch.zeros(3000, 8), torch.Generator().manual_seed(0))

    def test_one_chain_alone_can_tell_nothing(self, rng):
        x = Sequential(of_mixture(two_modes(2)), equal_levels(4.0, 3), first=4).sample(torch.zeros(1, 2), rng)
        assert x.shape == (1, 2)


class TestFaults:
    @pytest.mark.parametrize("sigmas", [[], [1.0, 0.0], [-1.0], [math.nan]])
    @pytest.mark.parametrize("sampler", [Sequential, Localization])
    def test_levels_that_are_none(self, sampler, sigmas, ring):
        with pytest.raises(InputError, match=r"got sigmas = |sigmas\[\d\]"):
            sampler(of_mixture(ring), sigmas)

    def test_a_diverging_measurement_is_named(self, rng):
        with pytest.raises(NonFiniteError, match="measurement 1 of 3: chain 0 diverged at step"):
            Sequential(of_function(lambda y, sigma: 1e30 * y, 2), equal_levels(1.0, 3)).sample(torch.ones(4, 2), rng)


@pytest.mark.parametrize(
    "kind", [variance_preserving, variance_exploding, edm, rectified_flow], ids=lambda k: k.__name__
)
class TestDiffusionIsMeasuring:
    """The equivalent generative model: observations of the data whose precisions are the increments of the SNR."""

    def test_a_step_of_the_mean_is_the_bridge(self, kind, rng):
        """Its law given X and the past, N((L mean + d X)/(L + d), d/(L + d)^2), in the units of x_s / alpha_s."""
        process = kind(Euclidean(2))
        x, state = torch.randn(2, 6, 2, generator=rng, dtype=FLOAT64)
        times = torch.tensor([0.9, 0.7, 0.4, 0.1], dtype=FLOAT64)
        sigmas, alphas = snr_levels(process, times), process.alpha_sigma(times)[0]
        for k in range(1, 4):
            past = Mean(state, sum(sigma**-2 for sigma in sigmas[:k]))
            centre, shifted = (past.with_one_more(x + shift * sigmas[k], sigmas[k]) for shift in (0, 1))
            law = process.bridge(x, alphas[k - 1] * state, times[k - 1], times[k])
            torch.testing.assert_close(centre.value, law.mean / alphas[k], rtol=1e-10, atol=1e-10)
            spread = (law.scale / alphas[k]).expand(6, 2)
            torch.testing.assert_close(shifted.value - centre.value, spread, rtol=1e-10, atol=1e-10)
            log_snr = torch.tensor(-2 * math.log(centre.level), dtype=FLOAT64)
            torch.testing.assert_close(log_snr, process.log_snr(times[k]), rtol=1e-10, atol=1e-10)

    def test_localization_is_ancestral_sampling(self, kind, normal):
        """On the same noise, from the same first measurement, to the last digits."""
        process, seen, means = kind(Euclidean(2)), [], []
        sampler = Ancestral(ExactMixture(process, normal), 12, UniformLogSNR())
        times = sampler.grid(process, 12).double()
        levels = Localization(AtNoise(ExactMixture(process, normal)), snr_levels(process, times))
        levels.sample(CENTRE.expand(5, 2), torch.Generator().manual_seed(0), on_step=lambda k, mean: means.append(mean))
        rng = torch.Generator().manual_seed(0)
        standard_normal((5, 2), CENTRE, rng)  # of the first measurement, which is the start
        alphas, state = process.alpha_sigma(times)[0], means[0].value * process.alpha_sigma(times[0])[0]
        for k in range(1, 12):
            state = sampler.step(state, times[k - 1], times[k], rng)
            seen.append(state / alphas[k])
        torch.testing.assert_close(torch.stack(seen), torch.stack([m.value for m in means[1:]]), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("sigmas", "first"), [(equal_levels(3.0, 12), 50), (growing_levels(3.0, 10, 0.2), 200), ([2.0, 0.5], 1)]
)
def test_scores_are_counted(sigmas, first):
    asked = []

    def counting(y, sigma):
        asked.append(sigma)
        return y.tanh()

    sampler = Sequential(of_function(counting, 1), sigmas, steps=2, first=first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotMixedWarning)
        sampler.sample(torch.zeros(3, 1), torch.Generator().manual_seed(0))
    assert sampler.scores == len(asked)


def test_later_measurements_take_fewer_steps_by_the_square_of_their_number():
    """As their conditionals are narrower, and the first alone weighs the modes; and one score where each begins."""
    sampler = Sequential(of_function(lambda y, sigma: y, 1), equal_levels(3.0, 4), steps=2, first=3600)
    assert sampler.scores == 3600 + 900 + 400 + 225 + 4


FLOAT64 = torch.float64


class TestLevels:
    @pytest.mark.parametrize(("sigma", "m", "last"), [(4.0, 20, 0.1), (1.0, 1, 0.3), (3.0, 5, 3 / 5**0.5)])
    def test_growing_ends_where_it_is_told_and_grows_no_faster_than_it_began(self, sigma, m, last):
        levels = growing_levels(sigma, m, last)
        precision = torch.cumsum(torch.tensor(levels, dtype=FLOAT64) ** -2, 0)
        assert levels[:m] == [sigma] * m
        assert float(precision[-1] ** -0.5) == pytest.approx(last)
        assert (precision[m:] / precision[m - 1 : -1] <= 1 + 1 / m + 1e-9).all()

    def test_a_last_level_that_is_passed_already(self):
        with pytest.raises(InputError, match="give fewer"):
            growing_levels(1.0, 100, last=0.5)


def test_times_that_do_not_decrease_are_refused():
    with pytest.raises(InputError, match="got 2 times; expected at least one, decreasing"):
        snr_levels(edm(Euclidean(1)), torch.tensor([0.2, 0.5]))
