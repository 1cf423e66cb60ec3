"""The bound: where the denoiser is exact the density is known, and the bound must come to it."""

from __future__ import annotations

import math

import pytest
import torch
from conditioned import conditional_case
from spin_glass import DATA as TABLE
from spin_glass import POINTS, ExactRatios

from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, ExactMixture
from unnoise.evaluation import Bound, ImplicitBound, ProbabilityFlow
from unnoise.laws import GaussianMixture, Normal
from unnoise.objectives.times import LogNormalTimes, UniformTimes
from unnoise.processes import DiffusionProcess, edm, variance_preserving
from unnoise.schedules import Linear, LinearLogSNR
from unnoise.spaces import Euclidean, Sphere, Torus

FLOAT64 = torch.float64
BOUND = Bound()


class TestBound:
    def test_it_covers_the_truth_of_the_ring(self, gaussian, ring, points, rng):
        estimate, truth = BOUND(ExactMixture(gaussian(2), ring), points, rng), ring.log_prob(points)
        mean, error = estimate.mean
        assert error < 0.15
        assert abs(mean - float(truth.mean())) < 5 * error
        z = (estimate.log_prob - truth) / estimate.standard_error
        assert 0.8 < float(z.std()) < 1.4
        assert z.abs().max() < 7

    def test_the_times_change_nothing_but_the_error(self, ring, points, rng):
        process = edm(Euclidean(2), 0.02, 20.0)
        denoiser, truth = ExactMixture(process, ring), ring.log_prob(points)
        for bound in (Bound(), Bound(times=UniformTimes()), Bound(times=LogNormalTimes(deviation=2.0))):
            mean, error = bound(denoiser, points, rng).mean
            assert error < 0.2
            assert abs(mean - float(truth.mean())) < 5 * error + 0.01  # 0.01: the blur of 0.02 on a ring of width 0.15

    def test_a_wrong_denoiser_pays(self, ring, points, rng):
        """The bound is below the truth by the price of the error, far more than its standard error."""
        process = variance_preserving(Euclidean(2), LinearLogSNR())
        wrong = GaussianMixture(ring.weights, 1.1 * ring.means, ring.covariances)
        mean, error = BOUND(ExactMixture(process, wrong), points, rng).mean
        truth = float(ring.log_prob(points).mean())
        assert mean + 5 * error < truth
        assert mean == pytest.approx(float(wrong.log_prob(points).mean()), abs=5 * error)

    def test_prior_and_reconstruction_are_closed_forms(self, gaussian, ring, points, rng):
        process = gaussian(2)
        parts = Bound(draws=512)(ExactMixture(process, ring), points[:100], rng).parts
        alpha, sigma = process.alpha_sigma(torch.tensor([0.0, 1.0], dtype=FLOAT64))
        variance = alpha[1] ** 2 + sigma[1] ** 2
        ratio = sigma[1] ** 2 / variance
        square = alpha[1] ** 2 * points[:100].square().sum(-1) / variance
        divergence = 0.5 * (2 * ratio + square - 2 - 2 * ratio.log())
        deviation = (2 * (1 - ratio) ** 2 / 2 + ratio * square).sqrt()  # of one draw of the log ratio
        assert ((parts["prior"] + divergence).abs() < 5.5 * deviation / 512**0.5 + 1e-6).all()
        cost = math.log(2 * math.pi * math.e * float(sigma[0] / alpha[0]) ** 2)
        torch.testing.assert_close(parts["reconstruction"], torch.full((100,), -cost, dtype=FLOAT64), rtol=1e-5, atol=0)

    @pytest.mark.parametrize("batch_size", [None, 300])
    def test_every_row_meets_its_own_condition(self, rng, batch_size):
        denoiser, x, cond, truth = conditional_case(rng)
        estimate = Bound(256, batch_size=batch_size)(denoiser, x, rng, cond)
        assert ((estimate.log_prob - truth).abs() < 5 * estimate.standard_error).all()
        assert estimate.standard_error.max() < 2
        wrong = Bound(256, batch_size=batch_size)(denoiser, x, rng, cond.flip(0))
        assert (wrong.log_prob - truth).abs().median() > 5

    def test_float32_works(self, gaussian, ring, points, rng):
        estimate = BOUND(ExactMixture(gaussian(2), ring).float(), points.float(), rng)
        mean, error = estimate.mean
        assert estimate.log_prob.dtype == torch.float32
        assert abs(mean - float(ring.log_prob(points).mean())) < 5 * error

    @pytest.mark.parametrize("draws", [0, 1, 7])
    def test_an_odd_number_of_draws_is_refused(self, draws):
        with pytest.raises(InputError, match=f"got draws={draws}; the bound needs an even number"):
            Bound(draws)

    def test_a_single_row_and_the_fewest_draws_work(self, ring, points, rng):
        """The control variate learns from other rows; where there are none it does nothing."""
        denoiser = ExactMixture(edm(Euclidean(2)), ring)
        for draws in (2, 4, 128):
            estimate = Bound(draws)(denoiser, points[:1], rng)
            assert torch.isfinite(estimate.log_prob).all()
            assert torch.isfinite(estimate.standard_error).all()

    @pytest.mark.slow
    @pytest.mark.parametrize(("d", "rows"), [(2, 4000), (32, 6000)])
    def test_it_is_tight_to_a_hundredth_of_a_nat(self, d, rows, rng):
        """The standard error of the mean is at most 0.01 nats, and the truth within 3 of it."""
        means = 0.7 * torch.randn(4, d, generator=rng, dtype=FLOAT64)
        covariances = 0.5 * torch.eye(d, dtype=FLOAT64).expand(4, d, d)
        law = GaussianMixture(torch.full((4,), 0.25, dtype=FLOAT64), means, covariances)
        denoiser, points = (
            ExactMixture(variance_preserving(Euclidean(d), LinearLogSNR()), law),
            law.sample(rng, (rows,)),
        )
        mean, error = Bound(512)(denoiser, points, rng).mean
        assert error < 0.01
        assert abs(mean - float(law.log_prob(points).mean())) < 3 * error


FLOAT64 = torch.float64
MEAN, VARIANCE, DRAWS = 0.7, 0.4, 256
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
    """Row by row within chance: the squares of standardised errors are chi-square; the bias of 100 steps is below."""
    found = ImplicitBound(DRAWS, steps=100, probes=probes)(GaussianScore(), points, rng)
    truth = DATA.log_prob(points)
    z = (found.log_prob - truth) / found.standard_error
    assert float(z.square().mean()) == pytest.approx(1, abs=1)
    mean, error = found.mean
    assert error < 0.15
    assert abs(mean - float(truth.mean())) < 5 * error + 0.03
    torch.testing.assert_close(torch.stack(list(found.parts.values())).sum(0), found.log_prob)


def test_a_wrong_score_costs_what_it_should(points, rng):
    found, error = ImplicitBound(DRAWS, steps=100)(GaussianScore(0.3), points, rng).mean
    assert found < float(DATA.log_prob(points).mean()) - 1
    assert error < 0.2


def test_it_agrees_with_the_bound_where_there_is_a_kernel(points, rng):
    """The same mean, residue at t = 0 and reconstruction included, and the truth is close."""
    denoiser = ExactMixture(KNOWN, DATA)
    (mine, my_error), (other, other_error) = (
        likelihood(denoiser, points, rng).mean for likelihood in (ImplicitBound(DRAWS), Bound(DRAWS))
    )
    assert my_error < 0.15
    assert abs(mine - other) < 5 * (my_error**2 + other_error**2) ** 0.5
    assert abs(mine - float(DATA.log_prob(points).mean())) < 5 * my_error + 0.05


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
    mean, error = found.mean
    assert error < 0.1
    assert float(((found.log_prob - truth) / found.standard_error).square().mean()) < 2.2
    assert abs(mean - float(truth.mean())) < 5 * error + 0.03
    spoilt, _ = ImplicitBound(256, steps=100)(HeatScore(space, home, 0.4), points, rng).mean
    assert spoilt < mean - 0.2


@pytest.mark.parametrize("probes", [None, 3], ids=["all neighbours", "some"])
def test_it_is_the_truth_on_a_chain_whose_sites_see_each_other(probes, rng):
    """All nine log probabilities by enumeration, from simulated jumps at exact ratios; spoilt ratios cost."""
    found = ImplicitBound(512, steps=80, probes=probes)(ExactRatios(), POINTS, rng)
    assert float(found.standard_error.max()) < (0.45 if probes else 0.2)
    z = (found.log_prob - TABLE.log()) / torch.hypot(found.standard_error, torch.tensor(0.02))
    assert float(z.abs().max()) < 4
    spoilt = ImplicitBound(512, steps=80, probes=probes)(ExactRatios(-0.5), POINTS, rng)
    gap = (TABLE * (TABLE.log() - spoilt.log_prob)).sum()
    assert float(gap) > 0.5


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
