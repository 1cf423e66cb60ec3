"""Samplers on a product of Gaussian processes: what they do to each factor is what they do to it alone."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from scipy.stats import ks_2samp

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, ExactMixture, Guided
from unnoise.denoisers.likelihoods import OfFactors, noisy
from unnoise.laws import GaussianMixture
from unnoise.processes import CTMC, edm, map_leaves, product, rates, rectified_flow, variance_preserving
from unnoise.samplers import (
    DDIM,
    Adaptive,
    Ancestral,
    Heun,
    Multistep,
    Perturbed,
    PredictorCorrector,
    TwistedSMC,
    dpm_solver_pp,
    linear_multistep,
)
from unnoise.samplers.grids import UniformGrid
from unnoise.spaces import Euclidean, Finite
from unnoise.testing.findings import FAILURE_RATE

FLOAT64 = torch.float64
GRID = UniformGrid()  # the same times for every factor
STEPS = 12


class Beside(Denoiser):
    """Denoisers of independent factors as one."""

    def __init__(self, parts):
        super().__init__()
        self.parts = torch.nn.ModuleDict(parts)
        self.process = product({name: part.process for name, part in parts.items()})

    def forward(self, x_t, t, cond=None):
        return {name: part(x_t[name], t) for name, part in self.parts.items()}


def mixture(process, means):
    """The exact denoiser of a mixture of narrow Gaussians."""
    means = torch.tensor(means, dtype=FLOAT64)
    k, d = means.shape
    weights, covariances = torch.ones(k, dtype=FLOAT64) / k, 0.1 * torch.eye(d, dtype=FLOAT64).expand(k, d, d)
    return ExactMixture(process, GaussianMixture(weights, means, covariances))


PARTS = {
    "a": mixture(variance_preserving(Euclidean(2)), [[1.0, 0.5], [-1.0, 0.2]]),
    "b": mixture(edm(Euclidean(1)), [[0.7], [-1.3], [0.0]]),
    "c": mixture(rectified_flow(Euclidean(1)), [[1.2], [-0.8]]),
}
R = {"a": noisy(torch.tensor([0.5, 0.0], dtype=FLOAT64), 0.8), "b": noisy(torch.ones(1, dtype=FLOAT64), 0.5)}
R["c"] = noisy(torch.zeros(1, dtype=FLOAT64), 1.0)
TOGETHER = Beside(PARTS)


def guided(denoiser, r, **settings):
    return DDIM(Guided(denoiser, r, scale=0.7), STEPS, grid=GRID, **settings)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def starts(n):
    return {name: 1.0 * part.process.prior(n).sample(seeded(7)).double() for name, part in PARTS.items()}


DETERMINISTIC = {
    "Heun": partial(Heun, steps=STEPS, grid=GRID),
    "DDIM": partial(DDIM, steps=STEPS, grid=GRID),
    "Multistep": partial(Multistep, steps=STEPS, grid=GRID),
    "linear multistep": partial(linear_multistep, steps=STEPS, grid=GRID),
}


@pytest.mark.parametrize("make", DETERMINISTIC.values(), ids=DETERMINISTIC)
def test_every_factor_goes_its_own_way(make):
    start = starts(50)
    found = make(TOGETHER).run(start, seeded())
    for name, part in PARTS.items():
        torch.testing.assert_close(found[name], make(part).run(start[name], seeded()), rtol=1e-12, atol=1e-12)


def test_guidance_of_factors_is_that_of_each():
    start = starts(50)
    found = guided(TOGETHER, OfFactors(R)).run(start, seeded())
    for name, part in PARTS.items():
        torch.testing.assert_close(found[name], guided(part, R[name]).run(start[name], seeded()), rtol=1e-9, atol=1e-9)


def test_guidance_leaves_factors_that_were_not_observed():
    start = starts(50)
    found = guided(TOGETHER, lambda x: R["b"](x["b"])).run(start, seeded())
    assert torch.equal(found["a"], DDIM(PARTS["a"], STEPS, grid=GRID).run(start["a"], seeded()))
    assert not torch.allclose(found["b"], DDIM(PARTS["b"], STEPS, grid=GRID).run(start["b"], seeded()), atol=0.01)


def test_the_adaptive_flow_ends_where_those_of_the_factors_do():
    start = starts(20)
    found = Adaptive(TOGETHER, 1e-9).solve(start, seeded())
    for name, part in PARTS.items():
        alone = Adaptive(part, 1e-9).solve(start[name], seeded())
        torch.testing.assert_close(found.x[name], alone.x, rtol=0, atol=1e-6)
    assert found.evaluations.shape == (20,)
    assert torch.equal(Adaptive(TOGETHER, 1e-9).run(start, seeded())["a"], found.x["a"])


RANDOM = {
    "churned Heun": lambda denoiser, r: Heun(denoiser, 2 * STEPS, churn=8.0, grid=GRID),
    "random DDIM": lambda denoiser, r: DDIM(denoiser, STEPS, eta=1.0, grid=GRID),
    "Ancestral": lambda denoiser, r: Ancestral(denoiser, STEPS, grid=GRID),
    "SDE solver": lambda denoiser, r: dpm_solver_pp(denoiser, STEPS, churn=1.0, grid=GRID),
    "corrector": lambda denoiser, r: PredictorCorrector(Ancestral(denoiser, STEPS, grid=GRID)),
    "Perturbed": lambda denoiser, r: Perturbed(denoiser, r, STEPS, grid=GRID),
    "TwistedSMC": lambda denoiser, r: TwistedSMC(denoiser, r, 32, STEPS, grid=GRID),
}


@pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM)
def test_a_product_of_one_factor_is_that_factor(make):
    """With the same seed, to the last bit."""
    product = Beside({"a": PARTS["a"]})
    one, other = (
        make(product, OfFactors({"a": R["a"]})).sample(64, seeded())["a"],
        make(PARTS["a"], R["a"]).sample(64, seeded()),
    )
    assert torch.equal(one, other)


def draws(sampler, n, seed):
    """Independent points: one of each group, where points share one."""
    if isinstance(sampler, TwistedSMC):
        return map_leaves(lambda _, x: x[:, 0], sampler.process, sampler.weigh(n, seeded(seed)).draw(1, seeded(seed)))
    return sampler.sample(n, seeded(seed))


def least_p_value(make, r, together):
    """Over the coordinates of all factors, against the samplers run on the factors apart; Bonferroni."""
    found = draws(make(TOGETHER, together), 1500, 0)
    p_values = [
        ks_2samp(found[name][:, k], alone[:, k]).pvalue
        for seed, (name, part) in enumerate(PARTS.items(), 1)
        for alone in [draws(make(part, r[name]), 1500, seed)]
        for k in range(alone.shape[1])
    ]
    return len(p_values) * min(p_values)


@pytest.mark.parametrize("make", RANDOM.values(), ids=RANDOM)
def test_the_law_of_every_factor_is_that_of_it_alone(make):
    assert least_p_value(make, R, OfFactors(R)) > FAILURE_RATE


@pytest.mark.parametrize("name", ["Perturbed", "TwistedSMC"])
def test_a_twin_that_forgets_a_factor_fails(name):
    assert least_p_value(RANDOM[name], R, OfFactors({"a": R["a"], "c": R["c"]})) < FAILURE_RATE


def test_a_twin_that_takes_other_steps_fails():
    """Of a coarser one."""
    make = lambda denoiser, r: DDIM(denoiser, 4 if denoiser is TOGETHER else STEPS, eta=1.0, grid=GRID)  # noqa: E731
    assert least_p_value(make, R, OfFactors(R)) < FAILURE_RATE


@pytest.mark.parametrize("make", [Heun, DDIM, Adaptive, Multistep, partial(Perturbed, log_r=None)])
def test_a_factor_that_is_not_gaussian_is_named(make):
    mixed = Beside({"a": PARTS["a"]})
    mixed.process = product({"a": PARTS["a"].process, "word": CTMC(Finite(2, 3), rates.UniformRates(3))})
    with pytest.raises(InputError, match=r"needs a process with x_t = alpha x_0 .*, not CTMC: use samplers.Euler"):
        make(mixed)
