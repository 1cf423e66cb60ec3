"""The bound along simulated paths: where the denoiser is exact it is the truth, row by row."""

from __future__ import annotations

import math

import pytest
import torch
from spin_glass import DATA as TABLE
from spin_glass import POINTS, ExactRatios

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, ExactMixture
from unnoise.evaluation import Bound, ImplicitBound, ProbabilityFlow
from unnoise.laws import GaussianMixture, Normal
from unnoise.processes import DiffusionProcess, variance_preserving
from unnoise.schedules import Linear
from unnoise.spaces import Euclidean, Sphere, Torus
from unnoise.testing import ImprobableError, assert_mean

FLOAT64 = torch.float64
MEAN, VARIANCE, DRAWS = 0.7, 0.4, 256
STEP_BIAS = 0.03  # of a hundred steps, in nats
END = Normal(  # q_1 itself, so that no bound loses anything at the end
    torch.full((2,), MEAN * math.exp(-4), dtype=FLOAT64), torch.tensor(1 + math.exp(-8) * (VARIANCE - 1)).sqrt(), 1
)
OWN = DiffusionProcess(
    Euclidean(2),
    drift=lambda x, t: -4 * x,
    scale=lambda t: 8**0.5 + 0 * t,
    prior_law=lambda n: Normal(END.mean.expand(n, 2), END.scale, 1),
)
KNOWN = variance_preserving(Euclidean(2), Linear(0.1, 16.0, tau_min=0.05))
DATA = GaussianMixture(
    torch.ones(1, dtype=FLOAT64),
    torch.full((1, 2), MEAN, dtype=FLOAT64),
    VARIANCE * torch.eye(2, dtype=FLOAT64)[None],
)


class GaussianScore(Denoiser):
    """The exact score of DATA under OWN; `factor` and the condition spoil it."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.process, self.factor = OWN, factor

    def forward(self, x_t, t, cond=None):
        alpha = torch.exp(-4 * t).reshape(-1, 1)
        score = -self.factor * (x_t - alpha * MEAN) / (1 + alpha**2 * (VARIANCE - 1))
        return score if cond is None else cond * score


@pytest.fixture
def points():
    return DATA.sample(torch.Generator().manual_seed(1), (60,))


@pytest.mark.parametrize("probes", [None, 2], ids=["exact", "sliced"])
def test_it_is_the_truth_for_the_exact_score(points, probes, rng):
    """Row by row within chance: the squares of standardised errors are chi-square."""
    found = ImplicitBound(DRAWS, steps=100, probes=probes)(GaussianScore(), points, rng)
    truth = DATA.log_prob(points)
    z = (found.log_prob - truth) / found.standard_error
    assert float(z.square().mean()) == pytest.approx(1, abs=1)
    assert found.mean[1] < 0.15
    assert_mean(found.log_prob - truth, tolerance=STEP_BIAS)
    torch.testing.assert_close(torch.stack(list(found.parts.values())).sum(0), found.log_prob)


def test_a_wrong_score_costs_what_it_should(points, rng):
    found = ImplicitBound(DRAWS, steps=100)(GaussianScore(0.3), points, rng)
    lost = DATA.log_prob(points) - found.log_prob
    assert float(lost.mean()) > 1
    assert found.mean[1] < 0.2
    with pytest.raises(ImprobableError):
        assert_mean(lost, tolerance=STEP_BIAS)


def test_it_agrees_with_the_bound_where_there_is_a_kernel(points, rng):
    """The same mean, residue at t = 0 and reconstruction included, and the truth is close."""
    denoiser = ExactMixture(KNOWN, DATA)
    mine, other = (likelihood(denoiser, points, rng) for likelihood in (ImplicitBound(DRAWS), Bound(DRAWS)))
    assert mine.mean[1] < 0.15
    assert_mean(mine.log_prob - other.log_prob, tolerance=STEP_BIAS)
    assert_mean(mine.log_prob - DATA.log_prob(points), tolerance=STEP_BIAS)
    with pytest.raises(ImprobableError):
        assert_mean(mine.log_prob - mine.parts["prior"] - other.log_prob, tolerance=STEP_BIAS)


def test_the_probability_flow_of_the_same_process_is_exact(points, rng):
    """A user's own process needs no kernel for its flow either."""
    found = ProbabilityFlow(tolerance=1e-6)(GaussianScore(), points, rng)
    torch.testing.assert_close(found.log_prob, DATA.log_prob(points), atol=1e-4, rtol=0)


class HeatScore(Denoiser):
    """The exact score of the heat kernel from the first unit vector, of time 0.3 + 4 t; `factor` spoils it."""

    def __init__(self, space, home, factor=1.0):
        super().__init__()
        self.process = DiffusionProcess(space, lambda x, t: torch.zeros_like(x), lambda t: 2 + 0 * t, space.uniform)
        self.home, self.factor = home, factor

    def forward(self, x_t, t, cond=None):
        law = self.process.space.heat(self.home.expand_as(x_t), 0.3 + 4 * t)
        return self.factor * law.score(x_t)


SPACES = {
    "circle": (Torus(1), torch.zeros(1, dtype=FLOAT64)),
    "sphere": (Sphere(2), torch.tensor([1.0, 0.0, 0.0], dtype=FLOAT64)),
}


@pytest.mark.parametrize("name", SPACES)
def test_it_is_the_truth_on_curved_spaces(name, rng):
    """Data that are a heat kernel, so that every q_t is one: row by row within chance, in nats per area."""
    space, home = SPACES[name]
    law = space.heat(home, torch.tensor(0.3, dtype=FLOAT64))
    points = law.sample(rng, (30,))
    found = ImplicitBound(256, steps=100)(HeatScore(space, home), points, rng)
    truth = law.log_prob(points)
    assert found.mean[1] < 0.1
    assert float(((found.log_prob - truth) / found.standard_error).square().mean()) < 2.2
    assert_mean(found.log_prob - truth, tolerance=STEP_BIAS)
    spoilt = ImplicitBound(256, steps=100)(HeatScore(space, home, 0.0), points, rng)
    assert spoilt.mean[0] < found.mean[0] - 0.2
    with pytest.raises(ImprobableError):
        assert_mean(spoilt.log_prob - truth, tolerance=STEP_BIAS)


@pytest.mark.parametrize("probes", [None, 3], ids=["all neighbours", "some"])
def test_it_is_the_truth_on_a_chain_whose_sites_see_each_other(probes, rng):
    """All nine log probabilities by enumeration, from simulated jumps at exact ratios; spoilt ratios cost."""
    bound, rows = ImplicitBound(16, steps=80, probes=probes), POINTS.repeat(32, 1)
    found, spoilt = (bound(denoiser, rows, rng).log_prob.view(32, 9) for denoiser in (ExactRatios(), ExactRatios(-0.5)))
    assert float(found.std(0).max()) / 32**0.5 < (0.5 if probes else 0.2)
    assert_mean(found, TABLE.log(), tolerance=STEP_BIAS)
    assert float((TABLE * (TABLE.log() - spoilt.mean(0))).sum()) > 0.5
    with pytest.raises(ImprobableError):
        assert_mean(spoilt, TABLE.log(), tolerance=STEP_BIAS)


def test_rows_are_handled_in_groups_with_their_conditions(points):
    cond, seen = torch.ones(10, 1, dtype=FLOAT64), []
    cond[0] = 0.1
    bound = ImplicitBound(64, steps=20, batch_size=128)
    found = bound(GaussianScore(), points[:10], torch.Generator().manual_seed(0), cond, on_rows=seen.append)
    assert seen == [2, 4, 6, 8, 10]
    assert found.log_prob.shape == found.standard_error.shape == (10,)
    plain = bound(GaussianScore(), points[:10], torch.Generator().manual_seed(0))
    assert float(plain.log_prob[0] - found.log_prob[0]) > 0.5
    torch.testing.assert_close(plain.log_prob[1:], found.log_prob[1:])


@pytest.mark.parametrize("efforts", [{"draws": 3}, {"draws": 0}, {"steps": 0}, {"probes": 0}])
def test_impossible_efforts_are_refused(efforts):
    with pytest.raises(InputError, match="got "):
        ImplicitBound(**efforts)
