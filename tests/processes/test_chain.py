"""Chains: textbook formulas for any two steps, bounds that are entropies in closed form, and products of all kinds."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from unnoise import _tree
from unnoise._config import decode, encode
from unnoise._errors import InputError
from unnoise.denoisers import Exact
from unnoise.evaluation import ImportanceWeighted, StepBound
from unnoise.processes import (
    CTMC,
    AnalyticVariance,
    Betas,
    Chain,
    LargeVariance,
    LearntVariance,
    PureDeath,
    SmallVariance,
    chain_of_betas,
    edm,
    erasing_betas,
    even_times,
    linear_betas,
    product,
    rectified_flow,
    variance_preserving,
)
from unnoise.processes.rates import Absorbing as AbsorbingRates
from unnoise.processes.rates import UniformRates
from unnoise.samplers import ChainSteps
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Counts, Euclidean, Finite
from unnoise.testing.findings import FAILURE_RATE
from unnoise.testing.statistics import mean_is_zero

FLOAT64 = torch.float64
LINE, PLANE = Euclidean(1), Euclidean(2)
BETAS = linear_betas(12, 0.01, 0.4)
CHAINS = {
    "betas": chain_of_betas(PLANE, BETAS),
    "vp": Chain(variance_preserving(PLANE), even_times(9)),
    "edm": Chain(edm(PLANE), even_times(9)),
    "flow": Chain(rectified_flow(PLANE), even_times(9)),
}
PAIRS = [(1, 2), (3, 4), (2, 7), (1, 9)]
every_chain = pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)


def numbers(chain, t):
    return map(float, chain.process.alpha_sigma(chain.time(torch.tensor(t))))


def points(n=5, seed=0):
    return torch.randn(n, 2, dtype=FLOAT64, generator=torch.Generator().manual_seed(seed))


def centred(scale):
    return Normal(torch.zeros((), dtype=FLOAT64), torch.tensor(scale, dtype=FLOAT64))


def mmse(chain, t, v):
    """E (x_0 - E[x_0 | x_t])^2 of each coordinate, for data N(0, v)."""
    alpha, sigma = numbers(chain, t)
    return v * sigma**2 / (alpha**2 * v + sigma**2)


def analytic(chain, v):
    errors = tuple(mmse(chain, t, v) for t in range(1, chain.steps + 1))
    return dataclasses.replace(chain, variance=AnalyticVariance(chain.times, errors))


def steps_cost(chain, x_0, v):
    """The sum of the steps of rows on a line, exactly: a KL is quadratic in the noise, so +-1 stand for it."""
    n, count = len(x_0), chain.steps - 1
    t = torch.arange(2, chain.steps + 1).repeat_interleave(n)
    alpha, sigma = (part[:, None] for part in chain.process.alpha_sigma(chain.time(t)))
    rows, cost = x_0.repeat(count, 1), torch.zeros(n, dtype=FLOAT64)
    for noise in (-1.0, 1.0):
        x_t = alpha * rows + sigma * noise
        stat = alpha * v / (alpha**2 * v + sigma**2) * x_t
        cost += 0.5 * chain.kl(stat, rows, x_t, t).view(count, n).sum(0)
    return cost


def mean_bound(chain, v):
    """E[K] for data N(0, v) on a line; quadratic in x_0 too."""
    x_0 = math.sqrt(v) * torch.tensor([[-1.0], [1.0]], dtype=FLOAT64)
    return float((sum(chain.entropies(x_0).values()) - steps_cost(chain, x_0, v)).mean())


def test_a_step_is_the_published_one():
    chain, x = CHAINS["betas"], points()
    left = 1.0
    for t, beta in enumerate(BETAS, 1):
        if t > 1:
            before, now = chain.time(torch.tensor([t - 1, t]))
            law = chain.process.transition(x, before, now)
            torch.testing.assert_close(law.mean, math.sqrt(1 - beta) * x, rtol=1e-12, atol=0)
            assert float(law.scale) ** 2 == pytest.approx(beta, rel=1e-10)
        left *= 1 - beta
        law = chain.marginal(x, torch.tensor(t))
        torch.testing.assert_close(law.mean, math.sqrt(left) * x, rtol=1e-12, atol=0)
        assert float(law.scale) ** 2 == pytest.approx(1 - left, rel=1e-10)


@every_chain
@pytest.mark.parametrize(("s", "t"), PAIRS)
def test_the_posterior_is_that_of_bayes(chain, s, t):
    """Precisions add; and the mean and variance are those that the textbooks print."""
    x_0, x_t = points(), points(seed=1)
    (alpha_s, sigma_s), (alpha_t, sigma_t) = numbers(chain, s), numbers(chain, t)
    ratio = alpha_t / alpha_s
    fresh = sigma_t**2 - ratio**2 * sigma_s**2
    law = chain.bridge(x_0, x_t, torch.tensor(t), torch.tensor(s))
    precision = 1 / sigma_s**2 + ratio**2 / fresh
    assert float(law.scale) ** -2 == pytest.approx(precision, rel=1e-7)
    mean = (alpha_s * x_0 / sigma_s**2 + ratio * x_t / fresh) / precision
    torch.testing.assert_close(law.mean, mean, rtol=1e-6, atol=1e-9)


def test_the_posterior_is_ddpms():
    """Equation 7 of Ho et al. 2020, where x_0 carries the index t - 1."""
    chain, x_0, x_t = CHAINS["betas"], points(), points(seed=1)
    left = torch.cumprod(1 - torch.tensor(BETAS, dtype=FLOAT64), 0)
    for t in range(2, 13):
        beta, now, before = BETAS[t - 1], float(left[t - 1]), float(left[t - 2])
        law = chain.bridge(x_0, x_t, torch.tensor(t))
        of_x_0, of_x_t = math.sqrt(before) * beta / (1 - now), math.sqrt(1 - beta) * (1 - before) / (1 - now)
        torch.testing.assert_close(law.mean, of_x_0 * x_0 + of_x_t * x_t, rtol=1e-10, atol=1e-12)
        assert float(law.scale) ** 2 == pytest.approx((1 - before) / (1 - now) * beta, rel=1e-10)


class Shares(torch.nn.Module):
    def forward(self, x, t):
        return torch.sin(3 * x)


RULES = {
    "small": SmallVariance(),
    "large": LargeVariance(),
    "analytic": AnalyticVariance(even_times(9), (0.3,) * 9),
    "learnt": LearntVariance(Shares()),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize(("s", "t"), PAIRS)
def test_the_kl_is_the_divergence_of_the_two_steps(rule, s, t):
    chain = dataclasses.replace(CHAINS["vp"], variance=rule)
    x_0, stat, x_t = points(), points(seed=1), points(seed=2)
    t, s = torch.tensor(t), torch.tensor(s)
    right, wrong = chain.bridge(x_0, x_t, t, s), chain.posterior(stat, x_t, t, s)
    truth = kl_divergence(Normal(right.mean, right.scale), Normal(wrong.mean, wrong.scale)).sum(-1)
    torch.testing.assert_close(chain.kl(stat, x_0, x_t, t, s), truth, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_steps_of_a_batch_are_steps_of_its_rows(rule):
    chain = dataclasses.replace(CHAINS["vp"], variance=rule)
    x_0, stat, x_t, t = points(), points(seed=1), points(seed=2), torch.tensor([2, 9, 3, 5, 2])
    every, law = chain.kl(stat, x_0, x_t, t), chain.posterior(stat, x_t, t)
    for i in range(5):
        rows = slice(i, i + 1)
        torch.testing.assert_close(every[rows], chain.kl(stat[rows], x_0[rows], x_t[rows], t[i]))
        torch.testing.assert_close(law.mean[rows], chain.posterior(stat[rows], x_t[rows], t[i]).mean)


@every_chain
def test_the_two_decompositions_agree_and_are_what_they_say(chain):
    x_0, last, first = 3 * points(), torch.tensor(chain.steps), torch.tensor(1)
    published, lecture = chain.entropies(x_0), chain.divergences(x_0)
    assert list(published) == ["end", "start", "prior", "edge"]
    assert list(lecture) == ["prior", "reconstruction"]
    torch.testing.assert_close(sum(published.values()), sum(lecture.values()), rtol=1e-12, atol=1e-10)
    law, reference = chain.marginal(x_0, last), chain.reference(x_0, last)
    entropy = Normal(law.mean, law.scale).entropy().sum(-1)
    torch.testing.assert_close(published["end"], entropy)
    torch.testing.assert_close(-published["prior"], Normal(reference.mean, reference.scale).entropy().sum(-1))
    prior = kl_divergence(Normal(law.mean, law.scale), Normal(reference.mean, reference.scale)).sum(-1)
    torch.testing.assert_close(-lecture["prior"], prior, rtol=1e-9, atol=1e-10)
    law = chain.marginal(x_0, first)
    torch.testing.assert_close(-published["start"], Normal(law.mean, law.scale).entropy().sum(-1))
    noise = torch.tensor([[-1.0, -1], [-1, 1], [1, -1], [1, 1]], dtype=FLOAT64)  # a quadratic has its mean here
    decoded = torch.stack([chain.decoded(x_0, law.mean + law.scale * way) for way in noise]).mean(0)
    torch.testing.assert_close(lecture["reconstruction"], decoded, rtol=1e-8, atol=1e-8)


@every_chain
def test_edge_has_mean_zero_over_data_of_unit_variance_where_variance_is_preserved(chain):
    corners = torch.tensor([[-1.0, -1], [-1, 1], [1, -1], [1, 1]], dtype=FLOAT64)
    edge = float(chain.entropies(corners)["edge"].mean())
    first = chain.reference(corners, torch.tensor(1)).scale
    assert edge == pytest.approx(2 * float(first.log()), abs=1e-12)  # 0 where the reference keeps its width


@pytest.mark.parametrize("steps", [2, 5, 40])
def test_the_bound_of_the_reference_is_its_likelihood_row_by_row(steps):
    """Data N(0, 1): the large variance and the exact mean are the exact reverse, whatever T."""
    chain = chain_of_betas(LINE, erasing_betas(steps), LargeVariance())
    x_0 = torch.linspace(-3, 3, 7, dtype=FLOAT64)[:, None]
    bound = sum(chain.entropies(x_0).values()) - steps_cost(chain, x_0, 1.0)
    torch.testing.assert_close(bound, Normal(0, 1).log_prob(x_0[:, 0]), rtol=0, atol=1e-9)
    assert mean_bound(chain, 1.0) == pytest.approx(-0.5 * math.log(2 * math.pi * math.e), abs=1e-9)


@pytest.mark.parametrize(
    "process", [edm(LINE), rectified_flow(LINE), variance_preserving(LINE)], ids=["edm", "flow", "vp"]
)
def test_so_it_is_on_every_gaussian_process(process):
    chain = analytic(Chain(process, even_times(11)), 1.0)
    x_0 = torch.linspace(-3, 3, 7, dtype=FLOAT64)[:, None]
    bound = sum(chain.divergences(x_0).values()) - steps_cost(chain, x_0, 1.0)
    torch.testing.assert_close(bound, Normal(0, 1).log_prob(x_0[:, 0]), rtol=0, atol=1e-8)


@pytest.mark.parametrize("v", [0.01, 0.3, 4.0])
def test_with_the_exact_posterior_only_the_ends_are_lost(v):
    """-E[K] is the entropy of the data, and what the prior and the last step, which are set, know wrong of them."""
    chain = analytic(chain_of_betas(LINE, linear_betas(10, 0.02, 0.6)), v)
    (alpha, sigma), (alpha_1, sigma_1) = numbers(chain, 10), numbers(chain, 1)
    entropy = 0.5 * math.log(2 * math.pi * math.e * v)
    prior = kl_divergence(centred(math.sqrt(alpha**2 * v + sigma**2)), centred(1.0))
    spread = alpha_1**2 * v + sigma_1**2
    right, wrong = centred(math.sqrt(v * sigma_1**2 / spread)), centred(sigma_1)
    shift = alpha_1 * (v / spread - 1)  # of the mean of x_0, per x_1
    decoder = kl_divergence(right, wrong) + 0.5 * shift**2 * spread / sigma_1**2
    assert -mean_bound(chain, v) == pytest.approx(entropy + float(prior + decoder), abs=1e-9)


@pytest.mark.parametrize("v", [0.05, 3.0])
def test_the_steps_become_continuous_time(v):
    """At T -> 2 T - 1, every old step is kept and split: the sum falls each time, with an error of order 1 / T."""
    process = variance_preserving(LINE, LinearLogSNR(6.0, -6.0))
    high, low = process.log_snr(torch.tensor([0.0, 1.0], dtype=FLOAT64)).exp().tolist()
    integral = 0.5 * math.log((1 + v * high) / (1 + v * low))  # half the integral of the mmse over the SNR
    gaps = []
    for steps in (33, 65, 129, 257):
        chain = Chain(process, even_times(steps))
        x_0 = math.sqrt(v) * torch.tensor([[-1.0], [1.0]], dtype=FLOAT64)
        gaps.append(float(steps_cost(chain, x_0, v).mean()) - integral)
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] > 0
    assert gaps[-2] / gaps[-1] == pytest.approx(2, abs=0.1)


def test_it_can_be_saved():
    chain = dataclasses.replace(CHAINS["betas"], variance=LargeVariance())
    assert decode(encode(chain)) == chain
    assert isinstance(chain.process.schedule, Betas)


def test_there_is_no_step_to_the_data():
    """The last step of the reverse is `decoded`."""
    chain, x = CHAINS["betas"], points()
    with pytest.raises(InputError, match="got s = nan"):
        chain.posterior(x, x, torch.tensor(1))


@pytest.mark.parametrize("step", [-1, 13, 10**9])
def test_steps_that_a_chain_does_not_have_are_refused(step):
    with pytest.raises(InputError, match=f"got steps from {step} to {step}; this chain has the steps 1 to 12"):
        CHAINS["betas"].marginal(points(), torch.tensor(step))


def test_single_precision_and_shapes_are_kept():
    chain = chain_of_betas(Euclidean((1, 4, 4)), BETAS)
    x_0, t = torch.zeros(3, 1, 4, 4), torch.tensor([1, 5, 12])
    x_t = chain.marginal(x_0, t).sample(torch.Generator().manual_seed(0))
    assert x_t.dtype == torch.float32
    later = t.clamp(min=2)
    law = chain.posterior(x_0, x_t, later)
    assert law.sample(torch.Generator().manual_seed(0)).dtype == torch.float32
    assert chain.kl(x_0, x_0, x_t, later).shape == (3,)
    assert law.log_prob(x_0).shape == (3,)


BAD = {
    "steps": (lambda: even_times(1), "got (steps|times) = "),
    "times": (lambda: Chain(edm(LINE), (0.5,)), "got (steps|times) = "),
    "order": (lambda: Chain(edm(LINE), (0.0, 0.5, 0.5)), "got times from 0.0 to 0.5; expected an increase"),
    "range": (lambda: Chain(edm(LINE), (0.0, 1.5)), "got times from 0.0 to 1.5"),
}


@pytest.mark.parametrize(("build", "message"), BAD.values(), ids=BAD)
def test_what_is_no_chain_is_refused(build, message):
    with pytest.raises(InputError, match=message):
        build()


EVERY = {  # a process of every kind, three states of data, and their weights
    "bits": (CTMC(Finite(2, 2), UniformRates(2)), torch.tensor([[0, 1], [1, 1], [0, 0]])),
    "masked": (CTMC(Finite(2, 3), AbsorbingRates(3)), torch.tensor([[0, 1], [1, 1], [0, 0]])),
    "counts": (PureDeath(Counts(2), 3.0), torch.tensor([[0, 1], [5, 2], [3, 3]])),
    "plane": (rectified_flow(PLANE), points(3)),
}
MIXED = (
    product({name: process for name, (process, _) in EVERY.items()}),
    {name: x for name, (_, x) in EVERY.items()},
)
EVERY["product"] = MIXED  # type: ignore[assignment]


def generous(stat, x_0, process):
    """A statistic of counts whose ancestral law allows all that the bridge does; any other as it is."""
    if isinstance(process, PureDeath):
        return x_0 + 0.5
    return stat | {"counts": x_0["counts"] + 0.5} if isinstance(stat, dict) else stat


@pytest.mark.parametrize(("process", "x_0"), EVERY.values(), ids=EVERY)
def test_every_bridged_process_has_a_bound(process, x_0, rng):
    """The KL of a step and the two ends against their definitions, by Monte Carlo, with a p-value; and both sums."""
    chain, n = Chain(process, even_times(4)), 20_000
    published, lecture = chain.entropies(x_0), chain.divergences(x_0)
    torch.testing.assert_close(sum(published.values()), sum(lecture.values()))
    many = _tree.map(lambda leaf: leaf[1:2].expand(n, *leaf.shape[1:]), x_0)
    first, t, last = torch.tensor([1, 3, 4])
    denoiser = Exact(process, x_0)
    law = chain.marginal(many, first)
    decoded = chain.decoded(many, law.sample(rng))
    x_t = chain.marginal(many, t).sample(rng)
    stat = generous(denoiser(x_t, chain.time(t)), many, process)
    right, wrong = chain.bridge(many, x_t, t), chain.posterior(stat, x_t, t)
    x_s = right.sample(rng)
    start = chain.marginal(many, last)
    end = start.sample(rng)
    far = start.log_prob(end) - chain.reference(many, last).log_prob(end)
    rows = [
        right.log_prob(x_s) - wrong.log_prob(x_s) - chain.kl(stat, many, x_t, t),
        decoded - lecture["reconstruction"][1],
        far + lecture["prior"][1],
        start.log_prob(end) + published["end"][1],
    ]
    assert mean_is_zero(torch.stack([row.double() for row in rows], 1)) > FAILURE_RATE
    assert (chain.kl(stat, many, x_t, t) > -1e-9).all()


@pytest.mark.parametrize(("process", "x_0"), EVERY.values(), ids=EVERY)
def test_every_bridged_process_runs_in_steps(process, x_0, rng):
    chain = Chain(process, even_times(4))
    denoiser = Exact(process, x_0)
    found = StepBound(chain, draws=8)(denoiser, x_0, rng)
    weights = ImportanceWeighted(chain, 4)(denoiser, x_0, rng)
    counted = "counts" in str(process.space).lower()  # whose ancestral law does not allow all that the bridge does
    for bound in (found.log_prob, weights.log_prob):
        assert not bound.isnan().any()
        assert bound.isfinite().all() or counted
    assert _tree.length(ChainSteps(denoiser, chain).sample(5, rng)) == 5
