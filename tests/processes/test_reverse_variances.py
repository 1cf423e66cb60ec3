"""Variances of reverse steps: which is best where, by their KL in closed form."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from unnoise._errors import InputError
from unnoise.processes import (
    AnalyticVariance,
    LargeVariance,
    LearntVariance,
    SmallVariance,
    binomial_chain,
    chain_of_betas,
    linear_betas,
)
from unnoise.spaces import Euclidean, Finite

FLOAT64 = torch.float64
BETAS = linear_betas(8, 0.05, 0.5)
CHAIN = chain_of_betas(Euclidean(1), BETAS)
STEPS = torch.arange(2, 9)


def error(v, shrink=1.0, t=STEPS):
    """The mean squared error, for data N(0, v), of `shrink` times the exact denoiser."""
    alpha, sigma = CHAIN.process.alpha_sigma(CHAIN.time(t))
    gain = shrink * alpha * v / (alpha**2 * v + sigma**2)
    return v * (1 - gain * alpha) ** 2 + (gain * sigma) ** 2


def cost(rule, errors):
    """The mean KL of every step, given the mean squared error of its denoiser."""
    chain = dataclasses.replace(CHAIN, variance=rule)
    off = errors.sqrt()[:, None]
    return chain.kl(torch.zeros_like(off), off, torch.zeros_like(off), STEPS)


def analytic(v, shrink=1.0):
    return AnalyticVariance(CHAIN.times, tuple(error(v, shrink, torch.arange(1, 9)).tolist()))


def test_the_published_variances():
    """Beta tilde and beta."""
    x, left = torch.zeros(1, 1, dtype=FLOAT64), torch.cumprod(1 - torch.tensor(BETAS, dtype=FLOAT64), 0).tolist()
    for t in range(2, 9):
        beta = BETAS[t - 1]
        small = (1 - left[t - 2]) / (1 - left[t - 1]) * beta
        for rule, variance in {SmallVariance(): small, LargeVariance(): beta}.items():
            law = dataclasses.replace(CHAIN, variance=rule).posterior(x, x, torch.tensor(t))
            assert float(law.scale) ** 2 == pytest.approx(variance, rel=1e-9)


@pytest.mark.parametrize(("v", "shrink"), [(0.3, 1.0), (0.3, 0.7), (4.0, 1.0)])
def test_the_analytic_one_is_the_best_number_per_step(v, shrink):
    """Also for an imperfect mean: any other number costs more, at every step."""
    errors, best = error(v, shrink), analytic(v, shrink)
    least = cost(best, errors)
    for other in (
        SmallVariance(),
        LargeVariance(),
        *(AnalyticVariance(CHAIN.times, tuple(k * e for e in best.errors)) for k in (0.8, 1.2)),
    ):
        assert (cost(other, errors) > least + 1e-9).all()


def test_for_gaussian_data_the_analytic_reverse_is_exact():
    torch.testing.assert_close(
        cost(analytic(1.0), error(1.0)), cost(LargeVariance(), error(1.0)), rtol=0, atol=1e-12
    )  # data of the reference: large is right
    assert float((cost(SmallVariance(), torch.zeros(7, dtype=FLOAT64))).abs().max()) < 1e-12  # x_0 is known: small is


def test_the_errors_are_estimated_from_data(rng):
    v = 0.3

    def denoiser(x_t, t):
        alpha, sigma = CHAIN.process.alpha_sigma(t)
        return alpha * v / (alpha**2 * v + sigma**2) * x_t

    x_0 = v**0.5 * torch.randn(20_000, 1, generator=rng, dtype=FLOAT64)
    found = torch.tensor(
        AnalyticVariance.estimate(CHAIN.process, CHAIN.times, denoiser, x_0, rng).errors, dtype=FLOAT64
    )
    truth = error(v, t=torch.arange(1, 9))
    z = (found - truth) / (truth * (2 / 20_000) ** 0.5)  # squares of Gaussians
    assert float(z.abs().max()) < 4.5  # one in 18,000 repeats


class Output(torch.nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = torch.nn.Parameter(torch.tensor(value))

    def forward(self, x, t):
        return self.value.expand_as(x)


def test_the_learnt_one_runs_from_small_to_large_and_learns():
    errors = error(0.3)
    for output, rule in {-1.0: SmallVariance(), 1.0: LargeVariance()}.items():
        torch.testing.assert_close(cost(LearntVariance(Output(output)), errors).detach(), cost(rule, errors))
    network = Output(-1.0)
    optimiser = torch.optim.Adam(network.parameters(), 0.1)
    for _ in range(100):
        optimiser.zero_grad()
        total = cost(LearntVariance(network), errors).sum()
        total.backward()
        optimiser.step()
    assert (
        cost(analytic(0.3), errors).sum()
        < total
        < min(cost(rule, errors).sum() for rule in (SmallVariance(), LargeVariance()))
    )


def test_errors_of_another_chain_are_refused():
    with pytest.raises(InputError, match="got the errors of 3 times, and a step at another"):
        cost(AnalyticVariance((0.0, 0.5, 1.0), (0.1, 0.2, 0.3)), error(1.0))


def test_a_variance_is_for_gaussian_processes():
    with pytest.raises(InputError, match="for Binomial; the variance of reverse steps is a choice for G"):
        dataclasses.replace(binomial_chain(Finite(1, 2), steps=3), variance=LargeVariance())


def test_errors_are_those_of_one_coordinate(rng):
    """The mean over coordinates, whatever their number: that of doing nothing is the mean square of the data."""
    x_0 = torch.randn(50, 3, generator=rng, dtype=FLOAT64)
    chain = chain_of_betas(Euclidean(3), BETAS)
    found = AnalyticVariance.estimate(chain.process, chain.times, lambda x_t, t: torch.zeros_like(x_t), x_0, rng)
    assert found.errors == pytest.approx([float(x_0.square().mean())] * len(chain.times))
