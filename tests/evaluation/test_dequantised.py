"""From densities to probabilities of whole numbers: bounds below the truth, tighter with more points per cell."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Exact
from unnoise.evaluation import Bound, Estimate, Likelihood, ProbabilityFlow
from unnoise.evaluation.decoders import SoftmaxDecoder
from unnoise.evaluation.dequantised import DequantisedLikelihood, NoiseCells
from unnoise.objectives.dequantisation import UniformCells
from unnoise.processes import edm, variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean, Lattice
from unnoise.testing import ImprobableError, assert_mean, assert_mean_at_most

FLOAT64 = torch.float64
STEP, SCALE = 1.0, 0.4
EXACT = Exact(edm(Euclidean(2)), torch.zeros(1, 2, dtype=FLOAT64))  # of no matter to a law that is known


class Known(Likelihood):
    """A density that is known: independent normal numbers of deviation 0.4."""

    name = "known density"

    def __init__(self, error=0.0):
        self.error = error

    def evaluate(self, denoiser, x_0, cond, rng, on_rows):
        log_prob = torch.distributions.Normal(0.0, SCALE).log_prob(x_0).sum(-1)
        return Estimate(log_prob, torch.full_like(log_prob, self.error), {"density": log_prob})


def truth(x):
    """The mass of the cells."""
    law = torch.distributions.Normal(0.0, SCALE)
    return (law.cdf(x + 0.5 * STEP) - law.cdf(x - 0.5 * STEP)).log().sum(-1)


@pytest.fixture
def numbers():
    return torch.cartesian_prod(torch.arange(-1.0, 2.0), torch.arange(-1.0, 2.0)).double().repeat(300, 1)


def gap(numbers, rng, draws, weighted):
    """What every row loses."""
    estimate = DequantisedLikelihood(Known(), UniformCells(STEP), draws, weighted)(EXACT, numbers, rng)
    return truth(numbers) - estimate.log_prob, estimate


def test_uniform_dequantisation_is_below_the_truth(numbers, rng):
    lost, estimate = gap(numbers, rng, 1, weighted=False)
    assert_mean_at_most(-lost, 0.0)
    with pytest.raises(ImprobableError):
        assert_mean_at_most(lost, 0.0)
    assert estimate.method == "known density, uniform dequantisation"


def test_weighing_more_points_tightens_the_bound_step_by_step(numbers, rng):
    found = [gap(numbers, rng, draws, weighted=True)[0] for draws in (2, 4, 16, 64)]
    for lost, less in pairwise(found):
        with pytest.raises(ImprobableError):
            assert_mean_at_most(lost - less, 0.0)
    assert 0 < float(found[-1].mean()) < 0.1 * float(found[0].mean())


def test_averaging_lowers_the_error_and_not_the_gap(numbers, rng):
    (one, _), (many, _), (weighed, _) = (gap(numbers, rng, k, w) for k, w in ((1, False), (16, False), (16, True)))
    assert many.std() < 0.8 * one.std()
    assert_mean(one - many)
    with pytest.raises(ImprobableError):
        assert_mean(one - weighed)


def test_the_printed_error_of_weights_is_the_real_one(rng):
    x = torch.tensor([[1.0, 0.0]], dtype=FLOAT64).repeat(500, 1)
    estimate = DequantisedLikelihood(Known(), UniformCells(STEP), 64, weighted=True)(EXACT, x, rng)
    squares, printed = (estimate.log_prob - estimate.log_prob.mean()).square(), estimate.standard_error.square()
    bias = 0.1 * float(squares.mean())  # of the first order that a logarithm is taken to
    assert_mean(printed - squares, tolerance=bias)
    with pytest.raises(ImprobableError):
        assert_mean(0.5 * printed - squares, tolerance=bias)
    assert estimate.method.endswith("uniform dequantisation, 64 points per row, importance-weighted")
    torch.testing.assert_close(sum(estimate.parts.values()), estimate.log_prob)


def test_a_noisy_density_is_not_weighed(numbers, rng):
    with pytest.raises(InputError, match="importance weights need a density without Monte Carlo error"):
        DequantisedLikelihood(Known(0.1), UniformCells(STEP), 2, weighted=True)(EXACT, numbers, rng)


@pytest.mark.parametrize(("draws", "weighted"), [(0, False), (1, True)])
def test_too_few_points_are_refused(draws, weighted):
    with pytest.raises(InputError, match=f"got draws = {draws}"):
        DequantisedLikelihood(Known(), UniformCells(STEP), draws, weighted)


class TestNoiseCells:
    """Levels that a model was trained on themselves: the flow, with the noise that is left at t = 0."""

    LATTICE = Lattice(-1.0, 1.0, 3)

    @pytest.fixture
    def model(self):
        levels = self.LATTICE.levels().double()
        pairs = torch.cartesian_prod(levels, levels)
        weights = torch.arange(1.0, 10.0, dtype=FLOAT64)
        process = variance_preserving(Euclidean(2), LinearLogSNR(5.0, -9.0))
        return pairs, (weights / weights.sum()).log(), Exact(process, pairs, weights)

    def test_the_flow_finds_the_probabilities_of_atoms(self, model, rng):
        pairs, truth, denoiser = model
        cells = NoiseCells(SoftmaxDecoder(self.LATTICE))
        found = DequantisedLikelihood(ProbabilityFlow(tolerance=1e-5), cells)(denoiser, pairs, rng)
        torch.testing.assert_close(found.log_prob, truth, rtol=0, atol=0.03)

    def test_it_agrees_with_the_bound(self, model, rng):
        pairs, truth, denoiser = model
        bound = Bound(32, decoder=SoftmaxDecoder(self.LATTICE))(denoiser, pairs.repeat(50, 1), rng)
        assert_mean(bound.log_prob.view(50, 9), truth, tolerance=0.02)  # what the decoder does not know
        with pytest.raises(ImprobableError):
            assert_mean(bound.log_prob.view(50, 9), truth.flip(0), tolerance=0.02)

    def test_it_is_named(self):
        cells = NoiseCells(SoftmaxDecoder(self.LATTICE))
        words = DequantisedLikelihood(ProbabilityFlow(), cells).description
        assert words == (
            "exact log density of the probability flow, dequantisation by the noise at t = 0, softmax decoder over "
            "3 levels"
        )


@pytest.mark.parametrize("weighted", [False, True])
def test_the_error_has_one_freedom_less_than_points(numbers, rng, weighted):
    _, found = gap(numbers[:4], rng, 3, weighted)
    assert found.degrees_of_freedom == 2
