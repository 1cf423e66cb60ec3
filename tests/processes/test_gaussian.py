"""Gaussian processes: every closed form against the published one, or against automatic differentiation."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import InputError
from unnoise.processes import (
    Gaussian,
    edm,
    paths,
    rectified_flow,
    sub_variance_preserving,
    variance_exploding,
    variance_preserving,
)
from unnoise.schedules import ByLogSNR, Cosine, Linear, LinearLogSNR
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_mean

FLOAT64 = torch.float64
SPACE = Euclidean(3)
EXACT = {"rtol": 1e-10, "atol": 1e-12}


@pytest.fixture
def process(gaussian):
    return gaussian(3)


@pytest.fixture
def times():
    return torch.linspace(0, 1, 41, dtype=FLOAT64)


@pytest.fixture
def points(rng):
    """x_0, x_t and a wrong estimate of x_0, for 41 times."""
    return torch.randn(3, 41, 3, generator=rng, dtype=FLOAT64)


def derivative(f, t):
    t = t.detach().requires_grad_()
    return torch.autograd.grad(f(t).sum(), t)[0]


class TestTheTwoLogarithms:
    def test_rates_are_their_derivatives(self, process, times):
        f, h = process.rates(times)
        logs = (lambda t: process.logs(t)[0] + 0 * t, lambda t: process.logs(t)[1])
        for rate, log in zip((f, h), logs, strict=True):
            torch.testing.assert_close(rate, derivative(log, times), **EXACT)
        torch.testing.assert_close(process.log_snr_rate(times), derivative(process.log_snr, times), **EXACT)

    def test_log_snr_decreases_and_belongs_to_alpha_and_sigma(self, process, times):
        alpha, sigma = process.alpha_sigma(times)
        torch.testing.assert_close(process.log_snr(times), (alpha / sigma).log() * 2, **EXACT)
        assert (process.log_snr(times).diff() < 0).all()
        assert (process.log_snr_rate(times) < 0).all()

    def test_time_at_inverts_log_snr(self, process, times):
        torch.testing.assert_close(process.time_at(process.log_snr(times)), times, rtol=0, atol=1e-10)

    def test_float32_is_accurate_at_both_ends(self, process, times):
        low, high = times.float(), times.float().double()
        found = torch.stack([*process.logs(low), process.log_snr_rate(low)]).double()
        expected = torch.stack([*process.logs(high), process.log_snr_rate(high)])
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)


ENDPOINTS = {  # (alpha(0), sigma(0)), (alpha(1), sigma(1)), to the digits that the docstrings print
    "vp-linear": (variance_preserving(SPACE), (1.0, 0.001), (0.0066, 1.0)),
    "vp-cosine": (variance_preserving(SPACE, Cosine()), (1.0, 0.0016), (0.0016, 1.0)),
    "vp-log-snr": (variance_preserving(SPACE, LinearLogSNR()), (1.0, 0.0013), (0.0067, 1.0)),
    "sub-vp": (sub_variance_preserving(SPACE), (0.9999, 0.00011), (0.0066, 1.0)),
    "ve": (variance_exploding(SPACE), (1.0, 0.002), (1.0, 80.0)),
    "edm": (edm(SPACE), (1.0, 0.002), (1.0, 80.0)),
    "rectified-flow": (rectified_flow(SPACE), (0.999, 0.001), (0.001, 0.999)),
}


@pytest.mark.parametrize(("process", "start", "end"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_endpoints_are_those_of_the_docstrings(process, start, end):
    for t, expected in ((0.0, start), (1.0, end)):
        found = process.alpha_sigma(torch.tensor(t, dtype=FLOAT64))
        for value, stated in zip(found, expected, strict=True):
            digits = 5 if stated < 0.001 else 4
            assert round(float(value), digits) == stated


SCHEDULES = {"linear": Linear(), "cosine": Cosine(), "log-snr": LinearLogSNR()}


class TestPublishedForms:
    @pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
    def test_vp_preserves_variance(self, schedule, times):
        alpha, sigma = variance_preserving(SPACE, schedule).alpha_sigma(times)
        torch.testing.assert_close(alpha**2 + sigma**2, torch.ones_like(times), **EXACT)

    @pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
    def test_vp_volatility_and_drift(self, schedule, times):
        """Song et al. 2021, eq. 11: dx = -beta x / 2 dt + sqrt(beta) dB."""
        process, x = variance_preserving(SPACE, schedule), torch.ones(41, 3, dtype=FLOAT64)
        local, beta = process.forward(x, times), schedule.rate(times)[:, None]
        torch.testing.assert_close(local.scale**2, beta, **EXACT)
        torch.testing.assert_close(local.drift, -0.5 * beta * x, **EXACT)

    def test_sub_vp_volatility_and_drift(self, times):
        """Song et al. 2021, eq. 12: g^2 = beta (1 - exp(-2 B))."""
        process, x = sub_variance_preserving(SPACE), torch.ones(41, 3, dtype=FLOAT64)
        beta, integral = Linear(tau_min=1e-3).rate(times), Linear(tau_min=1e-3).value(times)
        local = process.forward(x, times)
        torch.testing.assert_close(local.scale[:, 0] ** 2, beta * (1 - torch.exp(-2 * integral)), rtol=1e-9, atol=0)
        torch.testing.assert_close(local.drift, -0.5 * beta[:, None] * x, **EXACT)

    @pytest.mark.parametrize("process", [variance_exploding(SPACE), edm(SPACE), edm(SPACE, 0.01, 10.0, 3.0)])
    def test_exploding_processes_diffuse_at_the_rate_of_their_variance(self, process, times):
        """Song et al. 2021, eq. 9: dx = sqrt(d sigma^2 / dt) dB."""
        local = process.forward(torch.ones(41, 3, dtype=FLOAT64), times)
        variance_rate = derivative(lambda t: process.alpha_sigma(t)[1] ** 2, times)
        torch.testing.assert_close(local.scale[:, 0] ** 2, variance_rate, **EXACT)
        assert (local.drift == 0).all()

    def test_edm_noise_levels(self, times):
        """Karras et al. 2022, eq. 5 (their index runs from the largest level down)."""
        root = 0.002 ** (1 / 7) + times * (80 ** (1 / 7) - 0.002 ** (1 / 7))
        torch.testing.assert_close(edm(SPACE).alpha_sigma(times)[1], root**7, **EXACT)

    def test_rectified_flow_moves_on_straight_lines(self, times):
        """Liu et al. 2023: x_t = (1 - tau) x_0 + tau noise."""
        alpha, sigma = rectified_flow(SPACE).alpha_sigma(times)
        torch.testing.assert_close(alpha + sigma, torch.ones_like(times), **EXACT)
        torch.testing.assert_close(sigma, 0.001 + 0.998 * times, **EXACT)


class TestTheGenerator:
    def test_the_kernel_solves_the_forward_equation(self, process, times):
        """d alpha/dt = f alpha, and d sigma^2/dt = 2 f sigma^2 + g^2."""
        local = process.forward(torch.ones(41, 3, dtype=FLOAT64), times)
        f, g2 = local.drift[:, 0], local.scale[:, 0] ** 2
        alpha, sigma = process.alpha_sigma(times)
        mean_rate = derivative(lambda t: process.alpha_sigma(t)[0] + 0 * t, times)
        variance_rate = derivative(lambda t: process.alpha_sigma(t)[1] ** 2, times)
        torch.testing.assert_close(mean_rate, f * alpha, **EXACT)
        torch.testing.assert_close(variance_rate, 2 * f * sigma**2 + g2, rtol=1e-8, atol=1e-9)

    @pytest.mark.parametrize("churn", [0.0, 0.5, 1.0, 2.0])
    def test_reverse_in_terms_of_the_score(self, process, times, points, churn):
        """Drift -f x + (1 + churn^2)/2 g^2 score and scale churn g, in reversed time (Song et al. 2021)."""
        x_t, x_0 = points[0], points[2]
        forward, reverse = process.forward(x_t, times), process.reverse(x_t, x_0, times, churn=churn)
        score = process.score(x_t, x_0, times)
        expected = -forward.drift + 0.5 * (1 + churn**2) * forward.scale**2 * score
        torch.testing.assert_close(reverse.drift, expected, rtol=1e-8, atol=1e-8 * float(expected.abs().max()))
        torch.testing.assert_close(reverse.scale, churn * forward.scale, **EXACT)

    def test_reverse_is_finite_at_both_ends_in_float32(self, process):
        x = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
        for t in (0.0, 1.0):
            local = process.reverse(x, x, torch.tensor(t))
            assert torch.isfinite(local.drift).all()
            assert torch.isfinite(local.scale).all()

    def test_probability_flow_of_gaussian_data(self, process, times, points):
        """For data N(0, v I) the flow only scales: x_t is proportional to the deviation of q_t."""
        variance, x_t = 2.5, points[0]

        def log_deviation(t):
            alpha, sigma = process.alpha_sigma(t)
            return 0.5 * torch.log(alpha**2 * variance + sigma**2)

        alpha, sigma = process.alpha_sigma(times)
        posterior_mean = (alpha * variance / (alpha**2 * variance + sigma**2))[:, None] * x_t
        velocity = -process.reverse(x_t, posterior_mean, times, churn=0.0).drift
        expected = derivative(log_deviation, times)[:, None] * x_t
        torch.testing.assert_close(velocity, expected, rtol=1e-8, atol=1e-8)

    def test_score_is_the_gradient_of_the_kernel(self, process, times, points):
        """With one atom, q_t is the kernel itself."""
        x_t = points[0].clone().requires_grad_()
        log_density = process.marginal(points[1], times).log_prob(x_t)
        (gradient,) = torch.autograd.grad(log_density.sum(), x_t)
        torch.testing.assert_close(process.score(x_t.detach(), points[1], times), gradient, rtol=1e-9, atol=1e-9)

    def test_divergence_is_the_price_of_a_wrong_score(self, process, times, points):
        x_t, x_0, estimate = points
        right, wrong = process.score(x_t, x_0, times), process.score(x_t, estimate, times)
        g2 = process.forward(x_t, times).scale[:, 0] ** 2
        expected = 0.5 * g2 * (right - wrong).square().sum(-1)
        torch.testing.assert_close(process.kl_rate(estimate, x_0, x_t, times), expected, rtol=1e-8, atol=0)

    @pytest.mark.parametrize("time", [0.0, 0.1, 0.5, 1.0])
    def test_the_fluctuation_has_mean_zero_under_the_kernel(self, process, rng, time):
        """For a fixed x_0; at small noise it follows the price of a good guess."""
        t, x_0 = torch.tensor(time, dtype=FLOAT64), torch.tensor([1.0, -0.5, 2.0], dtype=FLOAT64).expand(20_000, 3)
        x_t = process.marginal(x_0, t).sample(rng)
        found = process.control_variate(x_0, x_t, t)
        assert found.shape == (20_000,)
        assert_mean(found)
        if time < 1.0:  # there it hardly depends on the noise
            more = 1.1 * x_t - 0.1 * process.marginal(x_0, t).mean
            with pytest.raises(ImprobableError):
                assert_mean(process.control_variate(x_0, more, t))
        if time == 0.0:
            alpha, sigma = process.alpha_sigma(t)
            price = process.kl_rate(alpha * x_t / (alpha**2 + sigma**2), x_0, x_t, t)
            assert torch.corrcoef(torch.stack([found, price]))[0, 1] > 0.99

    @pytest.mark.parametrize("time", [0.1, 0.5])
    def test_the_fluctuation_is_all_that_noise_does_to_the_price_of_the_best_linear_guess(self, process, rng, time):
        """alpha x_t / (alpha^2 + sigma^2), for data of unit variance: what is left depends on x_0 alone."""
        t, x_0 = torch.tensor(time, dtype=FLOAT64), torch.tensor([1.0, -0.5, 2.0], dtype=FLOAT64).expand(50, 3)
        x_t = process.marginal(x_0, t).sample(rng)
        alpha, sigma = process.alpha_sigma(t)
        price = process.kl_rate(alpha * x_t / (alpha**2 + sigma**2), x_0, x_t, t)
        left = price - process.control_variate(x_0, x_t, t)
        torch.testing.assert_close(left, left[:1].expand(50), rtol=1e-6, atol=1e-6 * float(price.abs().max()))
        assert price.max() - price.min() > 0.1 * price.abs().max(), "the price itself should depend on the noise"

    def test_the_target_is_the_data(self, process, points, times):
        assert torch.equal(process.target(points[0], points[1], times), points[0])


class TestTheTransition:
    def test_textbook(self, process, times, points):
        """Equation 8.37, for any s < t: alpha_t/alpha_s, and sigma_t^2 less what is left of sigma_s^2."""
        s, t = 0.6 * times, 0.1 + 0.9 * times
        (alpha_s, sigma_s), (alpha_t, sigma_t) = process.alpha_sigma(s), process.alpha_sigma(t)
        law = process.transition(points[0], s, t)
        torch.testing.assert_close(law.mean, (alpha_t / alpha_s)[:, None] * points[0], **EXACT)
        variance = sigma_t**2 - (alpha_t / alpha_s * sigma_s) ** 2
        torch.testing.assert_close(law.scale[:, 0] ** 2, variance, rtol=1e-8, atol=1e-12)

    def test_after_the_kernel_it_is_the_kernel(self, process, points):
        """Chapman and Kolmogorov: from 0.2 to 0.9 over 0.5 is as from 0.2 to 0.9 at once."""
        s, r, t = torch.tensor([0.2, 0.5, 0.9], dtype=FLOAT64)
        first, whole = process.transition(points[0], s, r), process.transition(points[0], s, t)
        second = process.transition(first.mean, r, t)
        kept = process.transition(torch.ones_like(points[0]), r, t).mean
        torch.testing.assert_close(second.mean, whole.mean, **EXACT)
        torch.testing.assert_close(second.scale**2 + (kept * first.scale) ** 2, whole.scale**2 + 0 * kept, **EXACT)

    def test_no_time_no_noise(self, process, points):
        law = process.transition(points[0], torch.tensor(0.3), torch.tensor(0.3))
        assert torch.equal(law.mean, points[0])
        assert float(law.scale) == 0

    def test_with_the_bridge_it_makes_the_kernel(self, process, points):
        """Bayes: q(x_s | x_0) q(x_t | x_s) = q(x_t | x_0) q(x_s | x_t, x_0)."""
        (x_0, x_s, x_t), s, t = points, torch.tensor(0.3, dtype=FLOAT64), torch.tensor(0.7, dtype=FLOAT64)
        there = process.marginal(x_0, s).log_prob(x_s) + process.transition(x_s, s, t).log_prob(x_t)
        back = process.marginal(x_0, t).log_prob(x_t) + process.bridge(x_0, x_t, t, s).log_prob(x_s)
        torch.testing.assert_close(there, back, rtol=1e-8, atol=1e-8)


class TestTheBridge:
    @pytest.fixture
    def pair(self):
        """Times s < t."""
        grid = torch.linspace(0, 1, 42, dtype=FLOAT64)
        return grid[:-1] * 0.7, grid[1:]

    def test_textbook_posterior(self, process, pair, points):
        """Equations 8.37 and 8.38: transitions for any s < t, then the posterior by Bayes."""
        (s, t), (x_0, x_t, _) = pair, points
        (alpha_s, sigma_s), (alpha_t, sigma_t) = process.alpha_sigma(s), process.alpha_sigma(t)
        step = alpha_t / alpha_s
        step_variance = sigma_t**2 - step**2 * sigma_s**2
        variance = step_variance * sigma_s**2 / sigma_t**2
        mean = (step * sigma_s**2 / sigma_t**2)[:, None] * x_t
        mean = mean + (alpha_s * step_variance / sigma_t**2)[:, None] * x_0
        law = process.bridge(x_0, x_t, t, s)
        torch.testing.assert_close(law.mean, mean, **EXACT)
        torch.testing.assert_close(law.scale[:, 0] ** 2, variance, **EXACT)
        assert law.event_ndim == 1

    @pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
    def test_ddpm_posterior(self, schedule, points, pair):
        """Ho et al. 2020, eq. 7, with beta_t = 1 - abar_t / abar_s."""
        (s, t), (x_0, x_t, _) = pair, points
        abar_s, abar_t = (torch.exp(-schedule.value(u))[:, None] for u in (s, t))
        beta = 1 - abar_t / abar_s
        mean = abar_s.sqrt() * beta / (1 - abar_t) * x_0
        mean = mean + (1 - beta).sqrt() * (1 - abar_s) / (1 - abar_t) * x_t
        law = variance_preserving(SPACE, schedule).bridge(x_0, x_t, t, s)
        torch.testing.assert_close(law.mean, mean, rtol=1e-9, atol=1e-10)
        torch.testing.assert_close(law.scale**2, (1 - abar_s) / (1 - abar_t) * beta, rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("churn", [0.0, 0.3, 1.0])
    def test_it_keeps_the_marginals(self, process, pair, points, churn):
        """Averaged over x_t given x_0, the bridge is the kernel at s, whatever the churn."""
        (s, t), (x_0, noise, _) = pair, points
        (alpha_s, sigma_s), (alpha_t, sigma_t) = process.alpha_sigma(s), process.alpha_sigma(t)
        centre, moved = (
            process.bridge(x_0, alpha_t[:, None] * x_0 + shift * sigma_t[:, None] * noise, t, s, churn=churn)
            for shift in (0.0, 1.0)
        )
        torch.testing.assert_close(centre.mean, alpha_s[:, None] * x_0, **EXACT)
        posterior = process.bridge(x_0, x_0, t, s)
        torch.testing.assert_close(moved.scale, churn * posterior.scale, **EXACT)
        kept = (moved.mean - centre.mean) / noise
        torch.testing.assert_close(kept**2 + moved.scale**2, (sigma_s**2)[:, None].expand(-1, 3), rtol=1e-6, atol=1e-12)

    def test_one_time_serves_all_rows(self, process, points):
        s, t = torch.tensor([0.3, 0.6], dtype=FLOAT64)
        one = process.bridge(points[0], points[1], t, s)
        many = process.bridge(points[0], points[1], t.expand(41), s.expand(41))
        torch.testing.assert_close(one.mean, many.mean, rtol=1e-14, atol=1e-14)
        torch.testing.assert_close(one.scale.expand(41, 1), many.scale, rtol=1e-14, atol=0)


class TestTheEnds:
    def test_the_prior_is_where_unit_variance_data_end(self, process):
        alpha, sigma = process.alpha_sigma(torch.tensor(1.0, dtype=FLOAT64))
        prior = process.prior(5)
        assert prior.mean.shape == (5, 3)
        assert float(prior.scale) == pytest.approx(math.hypot(alpha, sigma), rel=1e-6)
        assert prior.log_prob(prior.mean).shape == (5,)

    def test_begin_has_the_volume_of_its_jacobian(self, process, points):
        x_0 = points[0, :4]
        start, log_volume = process.encode(x_0)
        jacobian = torch.func.vmap(torch.func.jacrev(lambda x: process.encode(x)[0]))(x_0)
        torch.testing.assert_close(log_volume, torch.linalg.slogdet(jacobian).logabsdet, rtol=1e-9, atol=1e-12)
        torch.testing.assert_close(start, process.marginal(x_0, torch.zeros((), dtype=FLOAT64)).mean)

    def test_reconstruction_is_the_mean_cost_of_its_decoder(self, process, rng):
        """E[-log N(x_0; x_{t=0} / alpha_0, (sigma_0 / alpha_0)^2 I)], by Monte Carlo."""
        alpha, sigma = process.alpha_sigma(torch.zeros((), dtype=FLOAT64))
        x_0 = torch.randn(20_000, 3, generator=rng, dtype=FLOAT64)
        start = process.marginal(x_0, torch.zeros((), dtype=FLOAT64)).sample(rng)
        z = (x_0 - start / alpha) / (sigma / alpha)
        cost = 0.5 * z.square().sum(-1) + 3 * torch.log(sigma / alpha * math.sqrt(2 * math.pi))
        found = process.reconstruction(x_0)
        assert found.shape == (20_000,)
        assert float(cost.std()) / math.sqrt(20_000) < 0.05
        assert_mean(cost, found[0])
        with pytest.raises(ImprobableError):
            assert_mean(cost - 0.25 * z.square().sum(-1), found[0])

    def test_finish_gives_the_posterior_mean(self, process, points, rng):
        assert torch.equal(process.decode(points[0], points[1], rng), points[1])


def test_events_of_any_shape(gaussian, rng):
    """A batch of images at a time each: every result has the batch's or the image's shape."""
    process = gaussian((2, 4, 4))
    x = torch.randn(5, 2, 4, 4, generator=rng, dtype=FLOAT64)
    t = torch.rand(5, generator=rng, dtype=FLOAT64)
    assert process.marginal(x, t).sample(rng).shape == x.shape
    assert process.marginal(x, t).log_prob(x).shape == (5,)
    assert process.bridge(x, x, t, 0.5 * t).sample(rng).shape == x.shape
    assert process.reverse(x, x, t).drift.shape == x.shape
    assert process.kl_rate(x, 0 * x, x, t).shape == (5,)
    assert process.reconstruction(x).shape == process.encode(x)[1].shape == (5,)
    assert process.prior(6).sample(rng).shape == (6, 2, 4, 4)


class Backwards(ByLogSNR):
    """From noise to data."""

    def log_snr(self, t):
        return 8 * t - 4

    def log_snr_rate(self, t):
        return torch.full_like(t, 8.0)


BAD = {
    "ve": (
        lambda: variance_exploding(SPACE, 2.0, 1.0),
        "got noise from 2.0 to 1.0; expected 0 < sigma_min",
    ),
    "edm": (lambda: edm(SPACE, 0.0), "expected 0 < sigma_min < sigma_max"),
    "rectified-flow": (lambda: rectified_flow(SPACE, 0.0), "expected 0 < tau_min < tau_max < 1"),
    "no noise": (
        lambda: variance_preserving(SPACE, Linear(tau_min=0.0)),
        "is inf at t = 0; it must be finite",
    ),
    "no noise, cosine": (lambda: variance_preserving(SPACE, Cosine(tau_min=0.0)), "the log SNR is inf at t = 0"),
    "no noise, sub-vp": (lambda: sub_variance_preserving(SPACE, Linear(tau_min=0.0)), "the log SNR is inf at t = 0"),
    "rising": (lambda: Gaussian(SPACE, Backwards(), paths.Preserving()), "must decrease strictly from t = 0"),
}


@pytest.mark.parametrize(("build", "message"), BAD.values(), ids=BAD)
def test_impossible_ends_are_refused(build, message):
    with pytest.raises(InputError, match=message):
        build()
