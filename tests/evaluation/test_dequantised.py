"""From densities to probabilities of whole numbers: bounds below the truth, tighter with more points per cell."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Exact
from unnoise.evaluation.decoders import SoftmaxDecoder
from unnoise.evaluation.dequantised import DequantisedLikelihood, NoiseCells
from unnoise.evaluation.likelihood import Bound, Estimate, Likelihood, ProbabilityFlow
from unnoise.objectives.dequantisation import UniformCells
from unnoise.processes import Lattice, edm, variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean

FLOAT64 = torch.float64
STEP, SCALE = 1.0, 0.4
EXACT = Exact(edm(Euclidean(2)), torch.zeros(1, 2, dtype=FLOAT64))  # of no matter to a law that is known


class Known(Likelihood):
    """A density that is known: independent normal numbers of deviation 0.4."""

    name = "known density"

    def __init__(self, error=0.0):
        self.error = error

    def __call__(self, denoiser, x_0, rng, cond=None, *, on_rows=None):
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
    estimate = DequantisedLikelihood(Known(), UniformCells(STEP), draws, weighted)(EXACT, numbers, rng)
    lost = truth(numbers) - estimate.log_prob
    return float(lost.mean()), float(lost.std()) / len(numbers) ** 0.5, estimate


def test_uniform_dequantisation_is_below_the_truth(numbers, rng):
    lost, error, estimate = gap(numbers, rng, 1, weighted=False)
    assert lost > 10 * error
    assert estimate.method == "known density, uniform dequantisation"


def test_weighing_more_points_tightens_the_bound_step_by_step(numbers, rng):
    found = [gap(numbers, rng, draws, weighted=True)[:2] for draws in (2, 4, 16, 64)]
    for (lost, error), (less, error_less) in pairwise(found):
        assert lost - less > 4 * math.hypot(error, error_less)
    assert found[-1][0] > 0
    assert found[-1][0] < 0.1 * found[0][0]


def test_averaging_lowers_the_error_and_not_the_gap(numbers, rng):
    (one, error, _), (many, less, _) = (gap(numbers, rng, draws, weighted=False) for draws in (1, 16))
    assert less < 0.8 * error
    assert abs(one - many) < 4 * math.hypot(error, less)


def test_the_printed_error_of_weights_is_the_real_one(rng):
    x = torch.tensor([[1.0, 0.0]], dtype=FLOAT64).repeat(500, 1)
    estimate = DequantisedLikelihood(Known(), UniformCells(STEP), 64, weighted=True)(EXACT, x, rng)
    spread = float(estimate.log_prob.std())
    assert float(estimate.standard_error.square().mean()) == pytest.approx(spread**2, rel=0.25)
    assert estimate.method.endswith("uniform dequantisation, 64 points per row, importance-weighted")
    torch.testing.assert_close(sum(estimate.parts.values()), estimate.log_prob)


def test_a_noisy_density_is_not_weighed(numbers, rng):
    with pytest.raises(InputError, match="importance weights need a density without Monte Carlo error"):
        DequantisedLikelihood(Known(0.1), UniformCells(STEP), 2, weighted=True)(EXACT, numbers, rng)


@pytest.mark.parametrize(("draws", "weighted"), [(0, False), (1, True)])
def test_too_few_points_are_refused(draws, weighted):
    with pytest.raises(InputError, match=f"got draws={draws}"):
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
        bound = Bound(512, decoder=SoftmaxDecoder(self.LATTICE))(denoiser, pairs, rng)
        assert ((bound.log_prob - truth).abs() < 5 * bound.standard_error + 0.02).all()

    def test_it_is_named(self):
        cells = NoiseCells(SoftmaxDecoder(self.LATTICE))
        words = DequantisedLikelihood(ProbabilityFlow(), cells).description
        assert words == (
            "exact log density of the probability flow, dequantisation by the noise at t = 0, softmax decoder over "
            "3 levels"
        )
