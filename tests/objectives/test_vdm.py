"""Variational diffusion: the whole bound moves denoiser and ends, its variance the interior of the schedule."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch

import unnoise
from unnoise import DenoisingMarkovModel
from unnoise._errors import InputError
from unnoise.denoisers import ExactMixture, Neural
from unnoise.evaluation import Bound
from unnoise.laws import GaussianMixture
from unnoise.networks import MLP
from unnoise.objectives import VDM, Denoising, times
from unnoise.objectives.vdm import _log_second_moment, prior_cost
from unnoise.processes import ProductProcess, edm, product, variance_preserving
from unnoise.schedules import Learned, Linear, LinearLogSNR
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_mean

FLOAT64 = torch.float64
SPACE = Euclidean(2)


def mixture():
    """Two narrow components in the plane, of about unit variance."""
    means = torch.tensor([[1.0, 0.5], [-1.0, -0.5]], dtype=FLOAT64)
    return GaussianMixture(
        torch.tensor([0.5, 0.5], dtype=FLOAT64), means, 0.04 * torch.eye(2, dtype=FLOAT64).repeat(2, 1, 1)
    )


def exact(schedule):
    return ExactMixture(variance_preserving(SPACE, schedule), mixture())


def prices(schedule, rng, n=40_000):
    """Estimates of the diffusion part, each from a row, a uniform time and noise of its own."""
    denoiser, x_0 = exact(schedule), mixture().sample(rng, (n,))
    t = torch.rand(n, generator=rng, dtype=FLOAT64)
    x_t = denoiser.process.marginal(x_0, t).sample(rng)
    with torch.no_grad():
        return denoiser.process.kl_rate(denoiser(x_t, t), x_0, x_t, t)


@pytest.fixture(scope="module")
def trained():
    """A schedule after 150 steps with the exact denoiser."""
    rng, schedule = torch.Generator().manual_seed(0), Learned(8.0, -8.0, units=16)
    optimiser, denoiser = torch.optim.Adam(schedule.parameters(), lr=5e-3), exact(schedule)
    for _ in range(150):
        optimiser.zero_grad()
        VDM()(denoiser, mixture().sample(rng, (128,)), None, rng).value.mean().backward()
        optimiser.step()
    return schedule.requires_grad_(False)


class TestTheInterior:
    def test_it_lowers_the_variance_and_keeps_the_mean(self, trained, rng):
        """At least 1.5 times below the line, which is not far from the least."""
        before, after = prices(LinearLogSNR(8.0, -8.0), rng), prices(trained, rng)
        assert after.var() < before.var() / 1.5
        assert_mean(before - after)
        with pytest.raises(ImprobableError):
            assert_mean(before - 1.2 * after)

    def test_it_comes_near_the_least_variance(self, trained, rng):
        """Cauchy and Schwarz: no schedule has less than (int sqrt(E m^2))^2 - (int E m)^2."""
        line = prices(LinearLogSNR(8.0, -8.0), rng, 100_000)  # any price at even levels
        levels = torch.linspace(0, 1, 201, dtype=FLOAT64)[:-1]
        denoiser, process = exact(LinearLogSNR(8.0, -8.0)), variance_preserving(SPACE, LinearLogSNR(8.0, -8.0))
        t = (levels + 0.0025).repeat(400)
        x_0 = mixture().sample(rng, (len(t),))
        x_t = process.marginal(x_0, t).sample(rng)
        roots = process.kl_rate(denoiser(x_t, t), x_0, x_t, t).square().view(400, -1).mean(0).sqrt()
        least = float(roots.mean() ** 2 - line.mean() ** 2)
        assert least * 0.9 < float(prices(trained, rng, 100_000).var()) < least * 1.35

    @pytest.mark.parametrize("name", ["weights", "slopes", "centres"])
    def test_the_gradient_is_that_of_the_log_of_the_second_moment(self, name):
        """Against central differences, for a price m(level) per unit of log SNR and times on a fine grid."""
        schedule, t = Learned(6.0, -6.0, units=4).double(), (torch.arange(20_000, dtype=FLOAT64) + 0.5) / 20_000
        part = getattr(schedule, name)
        step = 1e-4 * torch.linspace(-1, 2, part.numel(), dtype=FLOAT64)

        def price():
            level = schedule.log_snr(t).detach()
            return -schedule.log_snr_rate(t).detach() * torch.exp(-0.1 * (level - 2) ** 2)

        def moved(sign):
            with torch.no_grad():
                part.add_(sign * step)
                moment = price().square().mean().log()
                part.sub_(sign * step)
            return moment

        _log_second_moment(price(), schedule.log_density(t)).mean().backward()
        expected = (moved(1) - moved(-1)) / 2
        assert abs(float(expected)) > 1e-6
        torch.testing.assert_close((part.grad * step).sum(), expected, rtol=1e-5, atol=0)


class TestTheBound:
    def test_its_parts_are_those_of_the_evaluation(self, rng):
        """The same three, at rows of their own."""
        schedule, x_0 = Learned(5.0, -2.0), mixture().sample(rng, (20_400,)).float()
        denoiser = Neural(variance_preserving(SPACE, schedule), MLP((2,), width=8, depth=1))
        loss = VDM()(denoiser, x_0[400:], None, rng)
        found = Bound(draws=64)(denoiser, x_0[:400], rng)
        for name, part in loss.metrics.items():
            means = part.view(400, 50).mean(1)
            assert_mean(means + found.parts[name], tolerance=1e-4)  # of rounding
        with pytest.raises(ImprobableError):
            assert_mean(0.5 * loss.metrics["diffusion"].view(400, 50).mean(1) + found.parts["diffusion"])
        torch.testing.assert_close(loss.value.detach(), sum(loss.metrics.values()))

    def test_its_diffusion_part_is_denoising_at_uniform_times(self, rng):
        denoiser, x_0 = exact(Learned(5.0, -5.0)), mixture().sample(rng, (50,))
        one = VDM()(denoiser, x_0, None, torch.Generator().manual_seed(1)).metrics["diffusion"]
        other = Denoising(times=times.UniformTimes())(denoiser, x_0, None, torch.Generator().manual_seed(1)).value
        assert torch.equal(one, other)

    @pytest.mark.parametrize("end", [-2.0, 1.5])
    def test_the_prior_costs_a_divergence_of_gaussians(self, end, rng):
        for process in (variance_preserving(SPACE, LinearLogSNR(5.0, end)), edm(SPACE, 0.1, math.exp(-0.5 * end))):
            x_0 = torch.randn(6, 2, generator=rng, dtype=FLOAT64)
            one = torch.ones((), dtype=FLOAT64)
            made, prior = process.marginal(x_0, one), process.prior(6)
            normals = (torch.distributions.Normal(law.mean.double(), law.scale.double()) for law in (made, prior))
            expected = torch.distributions.kl_divergence(*normals).sum(-1)
            torch.testing.assert_close(prior_cost(process, x_0), expected, rtol=1e-5, atol=1e-6)

    def test_the_gradient_of_the_ends_is_that_of_the_bound(self, rng):
        """Leibniz: an end that moves by dl gains or loses m dl of diffusion, besides what prior and decoder say."""
        schedule = Learned(1.0, -1.0, learn_ends=True).double()
        x_0 = mixture().sample(rng, (50_000,))
        VDM()(exact(schedule), x_0, None, rng).value.mean().backward()

        def bound(first, last):
            process = variance_preserving(SPACE, LinearLogSNR(first, last))
            t = (torch.arange(50_000, dtype=FLOAT64) + 0.5) / 50_000
            x_t = process.marginal(x_0, t).sample(torch.Generator().manual_seed(4))
            diffusion = process.kl_rate(ExactMixture(process, mixture())(x_t, t), x_0, x_t, t)
            return float((prior_cost(process, x_0) + diffusion + process.reconstruction(x_0)).mean())

        with torch.no_grad():
            up = (bound(1.1, -1.0) - bound(0.9, -1.0)) / 0.2
            down = (bound(1.0, -1.1) - bound(1.0, -0.9)) / 0.2
        assert schedule.reach.grad.tolist() == pytest.approx([up, down], abs=0.015)
        assert up < -0.05  # ends so near each other gain by moving apart
        assert down < -0.005

    def test_the_parts_of_a_batch_are_those_of_the_whole(self, rng):
        denoiser, x_0 = exact(Learned(5.0, -5.0)), mixture().sample(rng, (10,))
        losses = [
            VDM()(denoiser, x_0, None, torch.Generator().manual_seed(8), rows).value.detach()
            for rows in (slice(None), slice(0, 4), slice(4, 10))
        ]
        torch.testing.assert_close(torch.cat(losses[1:]), losses[0])


@pytest.mark.parametrize(
    "process",
    [variance_preserving(SPACE, Linear()), edm(SPACE), product({"a": edm(SPACE)})],
    ids=["vp", "edm", "product"],
)
def test_a_schedule_that_does_not_learn_is_refused(process, rng):
    denoiser = Neural(process, torch.nn.Identity())
    x_0 = {"a": torch.zeros(3, 2)} if isinstance(process, ProductProcess) else torch.zeros(3, 2)
    with pytest.raises(InputError, match=r"has none that learns: give one such as .*schedules\.Learned\(\)"):
        VDM()(denoiser, x_0, None, rng)


def test_a_model_learns_saves_and_loads_its_schedule(tmp_path, rng):
    """Jointly with the network, ends included; the object that was given stays as it was."""
    given = Learned(3.0, -3.0, units=8, learn_ends=True)
    x = mixture().sample(rng, (200,)).numpy()
    model = DenoisingMarkovModel(
        process=variance_preserving(SPACE, given),
        network=partial(MLP, width=16, depth=1),
        objective=VDM(),
        steps=30,
        learning_rate=0.01,
        ema=0.5,
        likelihood=Bound(draws=4),
    ).fit(x)
    learnt, start = model.denoiser_.process.schedule, Learned(3.0, -3.0, units=8)
    assert torch.equal(given.weights, start.weights)
    assert all(not torch.equal(getattr(learnt, name), getattr(start, name)) for name in ("reach", "weights", "centres"))
    assert float(learnt.log_snr(torch.tensor(0.0))) > 3.0
    model.save(tmp_path / "model")
    again = unnoise.load(tmp_path / "model")
    assert all(torch.equal(one, other) for one, other in zip(state(again), state(model), strict=True))
    assert torch.equal(again.denoiser_.process.schedule.reach, learnt.reach)
    assert np.array_equal(again.score_samples(x[:5]), model.score_samples(x[:5]))


def state(model):
    return model.denoiser_.state_dict().values()


def test_the_pace_of_the_schedule_does_not_move_the_denoiser():
    """Its gradient is that of the bound at uniform times alone; only the schedule learns from the variance."""
    schedule = Learned(8.0, -8.0, units=4)
    process = variance_preserving(SPACE, schedule)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        denoiser = Neural(process, MLP((2,), width=8, depth=1))
        for weight in denoiser.network.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    x_0, weights = torch.randn(16, 2, generator=torch.Generator().manual_seed(1)), list(denoiser.network.parameters())

    def gradients(objective):
        loss = objective(denoiser, x_0, None, torch.Generator().manual_seed(2)).value.mean()
        return torch.autograd.grad(loss, [*weights, schedule.slopes], allow_unused=True)

    (*ours, of_schedule), (*alone, _) = gradients(VDM()), gradients(Denoising(times=times.UniformTimes()))
    for one, other in zip(ours, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)
    assert any(gradient.abs().max() > 1e-3 for gradient in ours)
    assert of_schedule.abs().max() > 0
