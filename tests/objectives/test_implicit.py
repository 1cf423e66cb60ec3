"""Implicit score matching: its mean is a closed form, it differs from denoising by a constant, and it can be learnt."""

from __future__ import annotations

import math

import pytest
import torch
from spin_glass import DATA as TABLE
from spin_glass import POINTS, ExactRatios, noised

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Exact
from unnoise.laws import Law, Normal
from unnoise.objectives import Denoising, Implicit
from unnoise.processes import CTMC, DiffusionProcess, product, variance_preserving
from unnoise.processes.rates import UniformRates
from unnoise.schedules import Linear
from unnoise.spaces import Euclidean, Finite
from unnoise.testing import ImprobableError, assert_mean, assert_mean_at_most

FLOAT64 = torch.float64
SCHEDULE = Linear(0.1, 8.0, tau_min=0.02)
PLAIN = Linear(0.1, 8.0, tau_min=0.0)
SPACE = Euclidean(2)
KNOWN = variance_preserving(SPACE, SCHEDULE)
MEAN, VARIANCE, BATCH = 0.7, 0.4, 2048


def normal(n: int) -> Law:
    return Normal(torch.zeros(n, 2, dtype=FLOAT64), torch.ones(()), 1)


OWN = DiffusionProcess(
    SPACE,
    drift=lambda x, t: -0.5 * PLAIN.rate(t) * x,
    scale=lambda t: PLAIN.rate(t).sqrt(),
    prior_law=normal,
)


class Affine(Denoiser):
    """The exact statistic of N(MEAN, VARIANCE) data under OWN or KNOWN, spoilt by a learnt shift and factor."""

    def __init__(self, process, factor=1.0, shift=0.0):
        super().__init__()
        self.process = process
        self.factor = torch.nn.Parameter(torch.tensor(factor, dtype=FLOAT64))
        self.shift = torch.nn.Parameter(torch.tensor(shift, dtype=FLOAT64))

    def forward(self, x_t, t, cond=None):
        schedule = SCHEDULE if self.process is KNOWN else PLAIN
        alpha = torch.exp(-0.5 * schedule.value(t)).reshape(-1, 1)
        total = 1 + alpha**2 * (VARIANCE - 1)
        score = -self.factor * (x_t - alpha * MEAN) / total + self.shift
        score = score if cond is None else score * cond
        return score if self.process is OWN else (x_t + (1 - alpha**2) * score) / alpha


def draws(n, rng):
    return MEAN + VARIANCE**0.5 * torch.randn(n, 2, generator=rng, dtype=FLOAT64)


def means(objective, denoiser, rng, repeats=16):
    return torch.stack(
        [objective(denoiser, draws(BATCH, rng), None, rng).value.mean().detach() for _ in range(repeats)]
    )


@pytest.mark.parametrize("process", [OWN, KNOWN], ids=["simulated", "kernel"])
@pytest.mark.parametrize("probes", [None, 3], ids=["exact", "sliced"])
def test_its_mean_is_the_entropy_that_noise_adds(process, probes, rng):
    """E = H(q_0) - H(q_1) at the exact statistic, and more at any other."""
    schedule = SCHEDULE if process is KNOWN else PLAIN
    start, end = (1 + torch.exp(-schedule.value(torch.tensor([0.0, 1.0]))) * (VARIANCE - 1)).tolist()
    truth = math.log(start / end)  # of two coordinates
    found = means(Implicit(steps=60, probes=probes), Affine(process), rng)
    assert_mean(found, truth, tolerance=0.03)
    spoilt = means(Implicit(steps=60, probes=probes), Affine(process, factor=0.6), rng)
    with pytest.raises(ImprobableError):
        assert_mean_at_most(spoilt, truth + 0.03)


def test_it_differs_from_denoising_by_a_constant(rng):
    """The same seed gives both the same times and noise, so that most chance cancels."""
    models = [Affine(KNOWN), Affine(KNOWN, 0.7), Affine(KNOWN, 1.2, 0.5)]
    x_0 = draws(20_000, rng)

    def loss(objective, model):
        return objective(model, x_0, None, torch.Generator().manual_seed(1)).value.detach()

    gaps = torch.stack([loss(Denoising(), model) - loss(Implicit(), model) for model in models])
    losses = torch.stack([loss(Denoising(), model) for model in models])
    for other in gaps[1:]:
        assert_mean(other - gaps[0])
    for other in losses[1:]:  # the models are different
        with pytest.raises(ImprobableError):
            assert_mean_at_most(other - losses[0], 0.2)


@pytest.mark.parametrize("name", ["product", "chain", "line"])
def test_it_differs_from_denoising_by_a_constant_on_every_space(name, rng):
    """With the exact denoisers of other weights as the models: letters, a number, and a letter and a number at once."""
    chain = CTMC(Finite(2, 3), UniformRates(3))
    line = variance_preserving(Euclidean(1), SCHEDULE)
    words, places = torch.tensor([[0, 0], [1, 2], [2, 1]]), torch.tensor([[0.3], [1.0], [-1.0]], dtype=FLOAT64)
    process, atoms = {
        "product": (product({"word": chain, "place": line}), {"word": words, "place": places}),
        "chain": (chain, words),
        "line": (line, places),
    }[name]
    weights = torch.tensor([[0.2, 0.3, 0.5], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]], dtype=FLOAT64)
    chosen = torch.multinomial(weights[0], 4000, replacement=True, generator=rng)
    x_0 = _tree.map(lambda leaf: leaf[chosen], atoms)

    def loss(objective, model):
        return objective(Exact(process, atoms, model), x_0, None, torch.Generator().manual_seed(1)).value.detach()

    denoising, implicit = (torch.stack([loss(kind(), w).double() for w in weights]) for kind in (Denoising, Implicit))
    for change in (denoising - implicit)[1:] - (denoising - implicit)[0]:
        assert_mean(change)
    with pytest.raises(ImprobableError):  # the models are different
        assert_mean_at_most(denoising[2] - denoising[0], 0.0)


@pytest.mark.parametrize("probes", [None, 2])
def test_gradients_reach_the_parameters_through_the_divergence(probes):
    """Against central differences with the same seed."""
    model, objective = Affine(OWN, 0.8, 0.1), Implicit(steps=10, probes=probes)
    x_0 = draws(64, torch.Generator().manual_seed(2))

    def loss():
        return objective(model, x_0, None, torch.Generator().manual_seed(3)).value.mean()

    loss().backward()
    for parameter in (model.factor, model.shift):
        values = []
        for step in (1e-5, -2e-5):
            parameter.data += step
            values.append(float(loss().detach()))
        parameter.data += 1e-5
        assert float(parameter.grad) == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5)


def test_minimising_it_finds_the_score(rng):
    """Two parameters, far off at first; five standard errors of the minimiser are about 0.1."""
    model = Affine(OWN, 0.3, 0.5)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(100):
        optimiser.zero_grad()
        Implicit(steps=20)(model, draws(256, rng), None, rng).value.mean().backward()
        optimiser.step()
    assert float(model.factor.detach()) == pytest.approx(1.0, abs=0.2)
    assert float(model.shift.detach()) == pytest.approx(0.0, abs=0.15)


@pytest.mark.parametrize("probes", [None, 2], ids=["all neighbours", "some"])
def test_its_mean_on_a_chain_is_the_entropy_that_noise_adds(probes, rng):
    """Of nine states by enumeration, at the exact ratios; no power of them is better: the slope is zero."""
    q_0, q_1 = TABLE, noised(torch.ones(()))
    truth = float((q_1 * q_1.log()).sum() - (q_0 * q_0.log()).sum())
    x_0 = POINTS[torch.multinomial(TABLE, 5000, replacement=True, generator=rng)]

    def loss(power: float) -> torch.Tensor:
        seeded = torch.Generator().manual_seed(1)
        return Implicit(steps=50, probes=probes)(ExactRatios(power), x_0, None, seeded).value.detach()

    values = loss(1.0)
    assert_mean(values, truth, tolerance=0.01)
    with pytest.raises(ImprobableError):
        assert_mean(values + (1.0 if probes else 0.4), truth, tolerance=0.01)
    assert_mean((loss(1.01) - loss(0.99)) / 0.02, tolerance=0.01)
    for power in (0.5, 1.5):
        spoilt = ExactRatios(power)
        values = Implicit(steps=50, probes=probes)(spoilt, x_0, None, rng).value
        (slope,) = torch.autograd.grad(values.mean(), spoilt.power)
        assert float(slope) * (power - 1) > 0.1


def test_rows_and_conditions_are_those_of_the_batch():
    """Parts of a batch are parts of its loss, and every row sees its own condition."""
    model, x_0 = Affine(OWN, 0.8), draws(8, torch.Generator().manual_seed(4))
    cond = torch.linspace(0.5, 1.5, 8, dtype=FLOAT64)[:, None]

    def loss(rows, probes):
        rng = torch.Generator().manual_seed(5)
        return Implicit(steps=5, probes=probes)(model, x_0, cond, rng, rows).value

    for probes in (None, 2):
        parts = torch.cat([loss(slice(0, 3), probes), loss(slice(3, 8), probes)])
        torch.testing.assert_close(parts, loss(slice(None), probes), rtol=1e-12, atol=1e-12)
    other = Implicit(steps=5)(model, x_0, cond.flip(0), torch.Generator().manual_seed(5)).value
    assert not torch.allclose(other, loss(slice(None), None))


def test_a_weighting_is_a_factor():
    x_0, model = draws(8, torch.Generator().manual_seed(4)), Affine(OWN, 0.8)
    one, three = (
        Implicit(steps=5, weighting=weighting)(model, x_0, None, torch.Generator().manual_seed(5)).value
        for weighting in (lambda process, t: torch.ones_like(t), lambda process, t: 3 * torch.ones_like(t))
    )
    torch.testing.assert_close(three, 3 * one)


@pytest.mark.parametrize("efforts", [{"steps": 0}, {"probes": 0}])
def test_no_effort_is_refused(efforts):
    with pytest.raises(InputError, match="expected a whole number from 1"):
        Implicit(**efforts)
