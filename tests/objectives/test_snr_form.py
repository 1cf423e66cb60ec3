"""The SNR form: one price in many words, and integrals of it that are known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from unnoise.denoisers import Denoiser, Exact, ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.objectives import Denoising, snr_form, times, weightings
from unnoise.processes import Chain, Gaussian, even_times, paths, variance_preserving
from unnoise.schedules import Cosine, Learned, Linear, LinearLogSNR, LogSNR
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_mean

FLOAT64 = torch.float64
CLOSE = {"rtol": 1e-10, "atol": 1e-10}


class Shrink(Denoiser):
    """A wrong denoiser."""

    def __init__(self, process):
        super().__init__()
        self.process = process

    def forward(self, x_t, t, cond=None):
        return 0.4 * x_t


@pytest.fixture
def case(gaussian, rng):
    """A process, times s < t, x_0, x_t and an estimate of x_0; not at the very end, where digits are lost."""
    process, t = gaussian(3), torch.linspace(0.05, 0.95, 37, dtype=FLOAT64)
    x_0, eps, estimate = torch.randn(3, 37, 3, generator=rng, dtype=FLOAT64)
    alpha, sigma = (part[:, None] for part in process.alpha_sigma(t))
    return process, 0.8 * t, t, x_0, eps, alpha * x_0 + sigma * eps, estimate


class TestWords:
    def test_the_noise_of_the_data_is_the_noise(self, case):
        process, _, t, x_0, eps, x_t, _ = case
        torch.testing.assert_close(snr_form.noise(process, x_0, x_t, t), eps, rtol=1e-7, atol=1e-7)

    def test_the_force_is_the_noise_over_minus_sigma(self, case):
        process, _, t, _, _, x_t, estimate = case
        sigma = process.alpha_sigma(t)[1][:, None]
        expected = -snr_form.noise(process, estimate, x_t, t) / sigma
        torch.testing.assert_close(snr_form.force(process, estimate, x_t, t), expected, **CLOSE)

    def test_tweedie_inverts_the_force(self, case):
        process, _, t, _, _, x_t, estimate = case
        alpha = process.alpha_sigma(t)[0][:, None]
        found = snr_form.tweedie(process, snr_form.force(process, estimate, x_t, t), x_t, t)
        torch.testing.assert_close(found, alpha * estimate, rtol=1e-8, atol=1e-8)

    def test_the_marginal_force_is_the_expected_conditional_force(self, gaussian, rng):
        """And it is the gradient of the log of the mixture of kernels, by automatic differentiation."""
        process, t = gaussian(2), torch.tensor(0.4, dtype=FLOAT64)
        atoms, weights = torch.randn(5, 2, generator=rng, dtype=FLOAT64), torch.tensor([1.0, 2, 3, 1, 1]).double()
        x_t = process.marginal(atoms, t).sample(rng).requires_grad_()
        log_kernel = process.marginal(atoms, t).log_prob(x_t[:, None]) + (weights / weights.sum()).log()
        log_density = torch.logsumexp(log_kernel, 1)
        (gradient,) = torch.autograd.grad(log_density.sum(), x_t, retain_graph=True)
        conditional = snr_form.force(process, atoms.expand(5, 5, 2), x_t[:, None].expand(5, 5, 2), t)
        expected = torch.einsum("nk,nkd->nd", torch.softmax(log_kernel, 1), conditional)
        found = snr_form.force(process, Exact(process, atoms, weights)(x_t, t), x_t, t)
        torch.testing.assert_close(expected, gradient, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)

    def test_the_posterior_mean_has_the_least_squared_error(self, gaussian, rng):
        """Any other guess costs the square of its distance more, by enumeration of what x_0 can be."""
        process, t = gaussian(2), torch.tensor(0.4, dtype=FLOAT64)
        atoms, x_t, away = torch.randn(3, 5, 2, generator=rng, dtype=FLOAT64)
        chances = torch.softmax(process.marginal(atoms, t).log_prob(x_t[:, None]), 1)
        best = Exact(process, atoms)(x_t, t)
        errors = [(chances * torch.cdist(guess, atoms).square()).sum(1) for guess in (best, best + away)]
        torch.testing.assert_close(errors[1] - errors[0], away.square().sum(1), **CLOSE)


class TestLosses:
    def test_a_step_in_three_words(self, case):
        process, s, t, x_0, eps, x_t, estimate = case
        step = snr_form.step_loss(process, x_0, estimate, s, t)
        snr_s, snr_t = process.log_snr(s).exp(), process.log_snr(t).exp()
        torch.testing.assert_close(step, 0.5 * (snr_s - snr_t) * (x_0 - estimate).square().sum(-1), rtol=1e-9, atol=0)
        guessed = snr_form.noise(process, estimate, x_t, t)
        torch.testing.assert_close(snr_form.noise_loss(process, eps, guessed, t, s), step, rtol=1e-8, atol=1e-8)
        pulls = (snr_form.force(process, x, x_t, t) for x in (x_0, estimate))
        torch.testing.assert_close(snr_form.force_loss(process, *pulls, t, s), step, rtol=1e-8, atol=1e-8)

    def test_a_step_is_the_divergence_of_two_posteriors(self, case):
        """KL of Gaussians of one variance (equations 8.39 to 8.41), and the price of a chain's step."""
        process, s, t, x_0, _, x_t, estimate = case
        right, wrong = (process.bridge(x, x_t, t, s) for x in (x_0, estimate))
        expected = 0.5 * ((right.mean - wrong.mean) / right.scale).square().sum(-1)
        torch.testing.assert_close(snr_form.step_loss(process, x_0, estimate, s, t), expected, rtol=1e-7, atol=1e-9)

    def test_a_chain_takes_the_same_steps(self, gaussian, rng):
        process, t = gaussian(3), torch.tensor([2, 5, 9])
        x_0, x_t, estimate = torch.randn(3, 3, 3, generator=rng, dtype=FLOAT64)
        chain = Chain(process, even_times(9))
        expected = snr_form.step_loss(process, x_0, estimate, chain.time(t - 1), chain.time(t))
        torch.testing.assert_close(chain.kl(estimate, x_0, x_t, t), expected, rtol=1e-9, atol=1e-9)

    def test_the_continuous_limit_in_three_words(self, case):
        process, _, t, x_0, eps, x_t, estimate = case
        price = process.kl_rate(estimate, x_0, x_t, t)
        torch.testing.assert_close(snr_form.rate_loss(process, x_0, estimate, t), price, **CLOSE)
        level = snr_form.level_loss(process, x_0, estimate, t)
        torch.testing.assert_close(level * -process.log_snr_rate(t), price, **CLOSE)
        guessed = snr_form.noise(process, estimate, x_t, t)
        torch.testing.assert_close(snr_form.noise_loss(process, eps, guessed, t), price, rtol=1e-8, atol=1e-8)
        pulls = (snr_form.force(process, x, x_t, t) for x in (x_0, estimate))
        torch.testing.assert_close(snr_form.force_loss(process, *pulls, t), price, rtol=1e-8, atol=1e-8)

    def test_small_steps_are_the_rate(self, case):
        process, _, t, x_0, _, _, estimate = case
        step = snr_form.step_loss(process, x_0, estimate, t - 1e-6, t) / 1e-6
        torch.testing.assert_close(step, snr_form.rate_loss(process, x_0, estimate, t), rtol=1e-4, atol=0)


@dataclass(frozen=True)
class Precise(times.Times):
    """A law of times in double precision."""

    law: times.Times

    def __call__(self, process, u):
        return self.law(process, u.double())


class TestObjectives:
    """The named equations are what `Denoising` computes, draw for draw."""

    @pytest.fixture
    def x_0(self, rng):
        return torch.randn(60, 2, generator=rng, dtype=FLOAT64)

    def draws(self, law, process, x_0):
        """The times, densities and states that an objective draws from this seed."""
        rng = torch.Generator().manual_seed(5)
        t, density = Precise(law)(process, times.low_discrepancy(len(x_0), rng))
        return t, density, process.marginal(x_0, t).sample(rng)

    def loss(self, objective, process, x_0):
        objective = replace(objective, times=Precise(objective.times))
        return objective(Shrink(process), x_0, None, torch.Generator().manual_seed(5)).value

    def test_in_discrete_steps(self, gaussian, x_0):
        process = gaussian(2)
        t, _, x_t = self.draws(times.StepTimes(12), process, x_0)
        expected = 12 * snr_form.step_loss(process, x_0, 0.4 * x_t, t - 1 / 12, t)
        assert torch.equal((12 * t).round().unique(), torch.arange(1.0, 13.0))
        found = self.loss(snr_form.discrete(12), process, x_0)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)

    def test_in_continuous_time(self, gaussian, x_0):
        process = gaussian(2)
        t, _, x_t = self.draws(times.UniformTimes(), process, x_0)
        expected = snr_form.rate_loss(process, x_0, 0.4 * x_t, t)
        torch.testing.assert_close(self.loss(Denoising(times=times.UniformTimes()), process, x_0), expected, **CLOSE)

    def test_with_the_log_snr_as_the_variable(self, gaussian, x_0):
        process = gaussian(2)
        t, _, x_t = self.draws(times.ImportanceTimes(), process, x_0)
        first, last = process.log_snr(torch.tensor([0.0, 1.0], dtype=FLOAT64)).tolist()
        expected = (first - last) * snr_form.level_loss(process, x_0, 0.4 * x_t, t)
        torch.testing.assert_close(self.loss(Denoising(), process, x_0), expected, rtol=1e-10, atol=1e-10)

    def test_noise_and_force_losses(self, gaussian, x_0):
        process = gaussian(2)
        t, _, x_t = self.draws(times.UniformTimes(), process, x_0)
        found = self.loss(Denoising(times=times.UniformTimes()), process, x_0)
        noises = (snr_form.noise(process, x, x_t, t) for x in (x_0, 0.4 * x_t))
        torch.testing.assert_close(snr_form.noise_loss(process, *noises, t), found, rtol=1e-10, atol=1e-10)
        forces = (snr_form.force(process, x, x_t, t) for x in (x_0, 0.4 * x_t))
        torch.testing.assert_close(snr_form.force_loss(process, *forces, t), found, rtol=1e-10, atol=1e-10)

    def test_steps_become_continuous(self):
        """Of Gaussian data, in closed form: the sum of T steps falls to the integral, with an error of order 1/T."""
        variance, process = 1.7, variance_preserving(Euclidean(1), LinearLogSNR(4.0, -6.0))
        high, low = process.log_snr(torch.tensor([0.0, 1.0], dtype=FLOAT64)).exp().tolist()
        truth, gaps = 0.5 * math.log((1 + variance * high) / (1 + variance * low)), []
        for steps in (100, 1000, 10_000):
            t = torch.arange(1, steps + 1, dtype=FLOAT64) / steps
            x_0 = torch.sqrt(variance / (1 + variance * process.log_snr(t).exp()))[:, None]  # of square the mmse
            price = process.kl_rate(0 * x_0, x_0, x_0, t) * weightings.StepWeighting(steps)(process, t)
            expected = snr_form.step_loss(process, x_0, 0 * x_0, t - 1 / steps, t) * steps
            torch.testing.assert_close(price, expected, **CLOSE)
            gaps.append(float(price.mean()) - truth)
        assert 0 < gaps[2] < 2e-3
        assert gaps[0] / gaps[1] == pytest.approx(10, rel=0.03)
        assert gaps[1] / gaps[2] == pytest.approx(10, rel=0.003)


# Clocks with the same ends, as far apart as they can be in between.
TOP, BOTTOM = 5.0, -20.0


def cosine():
    tau = (2 / math.pi * math.atan(math.exp(-0.5 * end)) for end in (TOP, BOTTOM))
    return Cosine(*tau)


def linear():
    """Linear beta, from an integral of log(1 + e^-TOP) at t = 0 to log(1 + e^-BOTTOM) at t = 1."""
    first, last = math.log1p(math.exp(-TOP)), math.log1p(math.exp(-BOTTOM))
    tau_min = 1e-3
    start, half = np.linalg.solve([[tau_min, tau_min**2], [1, 1]], [first, last])
    return Linear(float(start), float(start + 2 * half), tau_min)


CLOCKS = {
    "linear-beta": linear(),
    "cosine": cosine(),
    "log-snr": LinearLogSNR(TOP, BOTTOM),
    "curved": LogSNR(lambda t: TOP - (TOP - BOTTOM) * (0.3 * t + 0.7 * t**2)),
    "learned": Learned(TOP, BOTTOM, units=6).requires_grad_(False),
}
PROCESSES = {name: variance_preserving(Euclidean(1), clock) for name, clock in CLOCKS.items()}
PROCESSES |= {
    f"log-snr-{name}": Gaussian(Euclidean(1), CLOCKS["log-snr"], path)
    for name, path in {"exploding": paths.Exploding(), "straight": paths.Straight()}.items()
}


def integral(denoiser, atoms, weights):
    """The mean of `divergence` over a law of atoms, noise and time, by quadrature.

    By trapezoids in the noise and by Gauss and Legendre's rule in the log SNR; both converge exponentially.
    """
    process = denoiser.process
    noise = torch.linspace(-9, 9, 241, dtype=FLOAT64)
    density = torch.exp(-0.5 * noise**2) / math.sqrt(2 * math.pi) * (noise[1] - noise[0])
    nodes, shares = (torch.tensor(part) * 0.5 * (TOP - BOTTOM) for part in np.polynomial.legendre.leggauss(120))
    t = process.time_at(nodes + 0.5 * (TOP + BOTTOM))
    shape = len(t), len(atoms), len(noise)
    times_, x_0, eps = (part.expand(shape).flatten() for part in (t[:, None, None], atoms[None, :, None], noise))
    alpha, sigma = process.alpha_sigma(times_)
    x_t = (alpha * x_0 + sigma * eps)[:, None]
    price = process.kl_rate(denoiser(x_t, times_), x_0[:, None], x_t, times_).reshape(shape)
    return float(torch.einsum("tan,n,a,t->", price, density, weights, shares / -process.log_snr_rate(t)))


ENTROPIES = {
    "coin": ([-1.0, 1.0], [0.5, 0.5]),
    "three atoms": ([-1.5, 0.3, 1.4], [0.5, 0.2, 0.3]),
}


class TestMutualInformation:
    """I-MMSE (Guo, Shamai, Verdu 2005): the continuous loss of the exact denoiser, integrated, to 1e-6."""

    @pytest.mark.parametrize(("atoms", "weights"), ENTROPIES.values(), ids=ENTROPIES)
    @pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
    def test_of_atoms_it_is_the_entropy(self, process, atoms, weights):
        """Half the integral of the least squared error over all SNR, here from e^-20 to e^5, is H(x)."""
        atoms, weights = (torch.tensor(part, dtype=FLOAT64) for part in (atoms, weights))
        found = integral(Exact(process, atoms[:, None], weights), atoms, weights)
        assert found == pytest.approx(float(-(weights * weights.log()).sum()), abs=1e-6)

    @pytest.mark.parametrize("variance", [0.3, 2.0])
    @pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
    def test_of_a_gaussian_it_is_a_logarithm(self, process, variance):
        """(1/2) log((1 + v SNR_max) / (1 + v SNR_min)); x_0 at the two nodes of Gauss and Hermite, quadratics' own."""
        one = torch.ones(1, dtype=FLOAT64)
        law = GaussianMixture(one, torch.zeros(1, 1, dtype=FLOAT64), variance * one[:, None, None])
        atoms = variance**0.5 * torch.tensor([-1.0, 1.0], dtype=FLOAT64)
        found = integral(ExactMixture(process, law), atoms, torch.tensor([0.5, 0.5], dtype=FLOAT64))
        truth = 0.5 * math.log((1 + variance * math.exp(TOP)) / (1 + variance * math.exp(BOTTOM)))
        assert found == pytest.approx(truth, abs=1e-6)


def test_means_agree_and_variances_do_not(rng):
    """Monte Carlo with uniform times: one mean for every clock."""
    found = {}
    for name, clock in CLOCKS.items():
        process = variance_preserving(Euclidean(1), clock)
        atoms = torch.tensor([[-1.0], [1.0]], dtype=FLOAT64)
        x_0 = atoms[torch.randint(2, (40_000,), generator=rng)]
        t = torch.rand(40_000, generator=rng, dtype=FLOAT64)
        x_t = process.marginal(x_0, t).sample(rng)
        found[name] = process.kl_rate(Exact(process, atoms)(x_t, t), x_0, x_t, t)
    for price in found.values():
        assert float(price.std()) / 200 < 0.05
        assert_mean(price, math.log(2))
        with pytest.raises(ImprobableError):
            assert_mean(2 * price, math.log(2))
    assert found["cosine"].var() < 0.5 * found["log-snr"].var()
