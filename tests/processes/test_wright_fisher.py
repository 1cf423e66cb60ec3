"""Wright-Fisher noise: its laws, closed forms, likelihoods, and a network that learns it."""

from __future__ import annotations

import math

import pytest
import torch
from checked import OF_KERNEL, assert_checked

from unnoise._config import decode, encode
from unnoise._errors import InputError
from unnoise.denoisers import Exact, Neural
from unnoise.evaluation import ProbabilityFlow
from unnoise.laws import Dirichlet
from unnoise.networks import MLP
from unnoise.objectives import Denoising
from unnoise.processes import WrightFisher
from unnoise.samplers import Euler
from unnoise.schedules import Geometric
from unnoise.spaces import Diffusion, Simplex
from unnoise.testing import (
    ImprobableError,
    assert_mean,
    assert_mean_at_most,
    check_process,
    check_sampler,
    kernels,
    kl_rates,
    reversal,
)
from unnoise.testing.processes import case_of

FLOAT64 = torch.float64
ATOMS = torch.tensor([[0.1, 0.9], [0.55, 0.45], [0.9, 0.1]], dtype=FLOAT64)
WIDE = torch.tensor([[0.2, 0.3, 0.5], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], dtype=FLOAT64)
PROCESS = WrightFisher(Simplex(2), alpha=(1.0, 1.5))
T = torch.tensor(0.7, dtype=FLOAT64)


def test_it_keeps_the_properties():
    assert_checked(check_process(PROCESS, ATOMS, draws=230, functions=2, times=(0.8,)), OF_KERNEL)


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [1.0, (0.7, 1.0, 2.0)], ids=str)
def test_it_keeps_the_properties_in_three_parts(alpha):
    check_process(WrightFisher(Simplex(3), alpha), WIDE, draws=400, functions=3, times=(0.7, 0.85))


class HalfMutation(WrightFisher):
    def forward(self, x, t):
        local = super().forward(x, t)
        return Diffusion(0.5 * local.drift, local.scale)


class ScoreOnly(WrightFisher):
    """Takes the relative score for the score itself."""

    def reverse(self, x_t, stat, t, *, churn=1.0):
        local = super().reverse(x_t, stat, t, churn=churn)
        return Diffusion(local.drift + self.forward(x_t, t).drift, local.scale)


class FlatPrice(WrightFisher):
    def kl_rate(self, stat, target, x_t, t):
        return 0.5 * self.schedule.rate(t) * (x_t * (stat - target)).square().sum(-1)


class RawSpread(WrightFisher):
    def control_variate(self, x_0, x_t, t):
        return super().control_variate(x_0, x_t, t) + 10 * (x_t - x_0).square().sum(-1)


TWINS = [
    (HalfMutation, kernels.kernel_solves_the_forward_equation),
    (ScoreOnly, reversal.reverse_is_the_time_reversal),
    (ScoreOnly, reversal.churn_keeps_the_marginals),
    (FlatPrice, kl_rates.kl_rate_is_phi),
    (RawSpread, kl_rates.control_variate_has_mean_zero),
]


@pytest.mark.parametrize(("twin", "law"), TWINS, ids=lambda part: part.__name__)
def test_a_broken_twin_is_caught(twin, law):
    draws = 500 if law is kl_rates.kl_rate_is_phi else 4000
    finding = law(case_of(twin(Simplex(2), alpha=(1.0, 1.5)), ATOMS, draws=draws, functions=3, times=(0.9,)))
    assert not finding.passed
    assert "nan" not in finding.detail


@pytest.mark.slow
def test_euler_keeps_the_properties_in_three_parts():
    check_sampler(Euler, WrightFisher(Simplex(3)), WIDE, steps=24, draws=400)


class TestClosedForms:
    def test_the_prior_is_stationary(self):
        """L* Dir(alpha) = 0: E[L f] = 0 for any f, by quadrature over angles."""
        angle = (torch.arange(4000, dtype=FLOAT64) + 0.5) / 4000 * math.pi / 2
        x = torch.stack([angle.sin() ** 2, angle.cos() ** 2], -1)
        mass = PROCESS.prior(1).log_prob(x).exp() * 2 * angle.sin() * angle.cos() * math.pi / 8000
        applied = PROCESS.space.apply(PROCESS.forward(x, T), lambda y: torch.sin(3 * y[..., 0]), x).detach()
        assert abs(float((mass * applied).sum())) < 1e-5 * float((mass * applied.abs()).sum())

    def test_reverse_in_terms_of_the_score(self):
        """-b + (1 + c^2) / 2 beta (div a + a s) with s the score of the kernel."""
        space, x = PROCESS.space, ATOMS.roll(1, 0)
        law, rate = PROCESS.marginal(ATOMS, T), PROCESS.schedule.rate(T)
        forward = PROCESS.forward(x, T)
        pull = rate * (space.drift_of_spreading(x) + space.spread(x, law.score(x)))
        for churn in (0.0, 0.5, 1.0):
            local = PROCESS.reverse(x, PROCESS.target(ATOMS, x, T), T, churn=churn)
            torch.testing.assert_close(local.drift, -forward.drift + 0.5 * (1 + churn**2) * pull)
            torch.testing.assert_close(local.scale, churn * forward.scale)

    def test_target_is_centred_and_finite_at_the_faces(self):
        x = torch.tensor([[1e-30, 1.0], [1e-8, 1 - 1e-8], [0.5, 0.5]], dtype=FLOAT64)
        target = PROCESS.target(ATOMS, x, T)
        assert torch.isfinite(target).all()
        assert float((x * target).sum(-1).abs().max()) < 1e-9 * float(target.abs().max())

    def test_moments(self, rng):
        x_0 = ATOMS[:1].expand(20_000, 2)
        mean, variance = PROCESS.moments(x_0, T)
        x = PROCESS.marginal(x_0, T).sample(rng)
        z = (x - mean)[:, 0] / variance[:, 0].sqrt()
        moments = torch.stack([z, z**2], -1)
        assert_mean(moments, torch.tensor([0.0, 1.0]))
        with pytest.raises(ImprobableError):
            assert_mean(moments, torch.tensor([0.0, 1.1]))

    def test_the_clock_is_uniform_in_log_noise(self):
        for process in (PROCESS, WrightFisher(Simplex(2), schedule=Geometric(1e-3, 2.0))):
            u = torch.linspace(0, 1, 11, dtype=FLOAT64)
            t, density = process.importance_times(u)
            torch.testing.assert_close(t, u)
            torch.testing.assert_close(density, torch.ones_like(u))

    def test_noise_ends_within_a_thousandth_of_a_nat_of_the_prior(self, rng):
        """From the worst corner, for few and many parts."""
        for parts in (2, 5, 20):
            process = WrightFisher(Simplex(parts))
            corner = torch.nn.functional.one_hot(torch.zeros(4000, dtype=torch.int64), parts).double()
            law = process.marginal(corner, torch.ones((), dtype=FLOAT64))
            y = law.sample(rng)
            cost = law.log_prob(y) - process.prior(4000).log_prob(y)
            assert_mean_at_most(cost, 1e-3)

    @pytest.mark.parametrize("alpha", [0.5, pytest.param(1.0, marks=pytest.mark.slow), 3.0])
    def test_reconstruction_is_never_less_than_the_cost_of_the_decoder(self, alpha, rng):
        """The decoder is neutral noise backwards; near the faces the term is an upper bound, elsewhere exact."""
        process, neutral = WrightFisher(Simplex(2), alpha), WrightFisher(Simplex(2))
        start = torch.zeros((), dtype=FLOAT64)
        for x, slack in ((0.5, 0.002), (0.01, 0.05), (2e-4, 2.0), (1e-6, 4.0)):
            x_0 = torch.tensor([[x, 1 - x]], dtype=FLOAT64).expand(2000, 2)
            y = process.marginal(x_0, start).sample(rng)
            cost = -neutral.marginal(y, start).log_prob(x_0)
            term = float(process.reconstruction(x_0[:1]))
            assert_mean_at_most(cost, term)
            assert_mean(cost, term - slack / 2, tolerance=slack / 2)


@pytest.mark.parametrize("alpha", [0.1, 0.3, 0.9])
def test_reconstruction_gives_no_discount_where_noise_draws_to_the_faces(alpha):
    """The decoder is neutral noise backwards, which costs no less there: a discount would lift the bound too high."""
    x = torch.logspace(-7, -0.31, 50, dtype=FLOAT64)
    x = torch.stack([x, 1 - x], -1)
    drawn, neutral = (WrightFisher(Simplex(2), a).reconstruction(x) for a in (alpha, 1.0))
    torch.testing.assert_close(drawn, neutral)
    assert (WrightFisher(Simplex(2), 2.0).reconstruction(x) > neutral).all()  # and pushes away from them cost


def test_the_flow_gives_the_density_of_noised_data():
    """From t = 0 on, the exact denoiser of one atom has the kernel at t = 0 as its density."""
    process = WrightFisher(Simplex(3), schedule=Geometric(0.02, 5.0))
    x = torch.tensor([[0.25, 0.3, 0.45], [0.4, 0.3, 0.3]], dtype=FLOAT64)
    found = ProbabilityFlow(tolerance=1e-5)(Exact(process, WIDE[:1]), x, torch.Generator())
    expected = process.marginal(WIDE[:1], torch.zeros((), dtype=FLOAT64)).log_prob(x)
    torch.testing.assert_close(found.log_prob, expected, rtol=0, atol=5e-3)


@pytest.mark.slow
def test_a_small_network_learns_a_dirichlet_law(rng):
    """Exact likelihoods of 400 points within 0.03 nats of the truth, beyond chance."""
    law, process = Dirichlet(torch.tensor([4.0, 2.0, 3.0])), WrightFisher(Simplex(3))
    torch.set_default_dtype(torch.float32)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        denoiser = Neural(process, MLP((3,), width=64, depth=2))
    optimiser = torch.optim.AdamW(denoiser.parameters(), lr=2e-3)
    for _ in range(400):
        loss = Denoising()(denoiser, law.sample(rng, (128,)), None, rng).value.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x = law.sample(rng, (400,))
    gap = law.log_prob(x) - ProbabilityFlow()(denoiser, x, rng).log_prob
    assert_mean_at_most(gap, 0.03)


def test_it_survives_files():
    assert decode(encode(PROCESS)) == PROCESS


@pytest.mark.parametrize("alpha", [0.0, -1.0, (1.0, 2.0, 3.0), (1.0, 0.0)])
def test_impossible_parameters_are_refused(alpha):
    with pytest.raises(InputError, match="got alpha"):
        WrightFisher(Simplex(2), alpha)
