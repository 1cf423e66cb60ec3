"""Laws of points in cells: their weights are densities, and a learnt one gains on the uniform one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from unnoise._errors import InputError
from unnoise.denoisers import ExactMixture
from unnoise.evaluation import ProbabilityFlow
from unnoise.evaluation.dequantised import DequantisedLikelihood
from unnoise.laws import GaussianMixture
from unnoise.objectives import Denoising
from unnoise.objectives.dequantisation import Dequantised, LogitNormalCells, UniformCells, WithCells
from unnoise.processes import variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean
from unnoise.testing import ImprobableError, assert_mean, assert_mean_at_most
from unnoise.training import Settings, TrainState, train

SCALE = 0.4


def narrow():
    """The exact denoiser of a normal law of deviation 0.4, much of whose mass is in one cell of width 1."""
    law = GaussianMixture(torch.ones(1), torch.zeros(1, 1), torch.full((1, 1, 1), SCALE**2))
    return ExactMixture(variance_preserving(Euclidean(1), LinearLogSNR(12.0, -9.0)), law)


class Rows:
    """The number 0 and its neighbours."""

    def __len__(self):
        return 300

    def batch(self, indices, rng):
        return (indices % 3 - 1).float()[:, None], None


def network():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 2))
    nn.init.zeros_(net[2].weight)
    nn.init.zeros_(net[2].bias)
    return net


@pytest.mark.parametrize("cells", [UniformCells(0.5), LogitNormalCells(network(), 0.5)], ids=["uniform", "learnt"])
class TestEveryLaw:
    def test_points_stay_in_their_cells(self, cells, rng):
        x = torch.zeros(2000, 1)
        points, _ = cells.draw(narrow(), x, rng)
        assert points.abs().max() <= 0.25
        assert points.min() < -0.2
        assert points.max() > 0.2

    def test_the_weights_are_one_over_a_density(self, cells, rng):
        """E[f / q] over points is the integral of f over the cell, of f = 1 and of f = y^2."""
        points, weight = cells.draw(narrow(), torch.zeros(50_000, 1), rng)
        for f, integral in ((torch.ones(50_000), 0.5), (points[:, 0].detach() ** 2, 2 * 0.25**3 / 3)):
            assert_mean(weight.exp() * f, integral)
            with pytest.raises(ImprobableError):
                assert_mean((-weight).exp() * f, integral)  # the density itself

    def test_a_cell_without_width_is_refused(self, cells):
        with pytest.raises(InputError, match="expected a finite number above 0"):
            UniformCells(0.0)


def test_a_learnt_law_gains_on_the_uniform_one_and_stays_below_the_truth(rng):
    denoiser = narrow().requires_grad_(False)
    state = TrainState(
        WithCells(denoiser, LogitNormalCells(network(), 1.0)),
        Settings(device="cpu", steps=150, batch_size=300, learning_rate=3e-2, ema=0.9),
    )
    for _ in train(state, Dequantised(Denoising()), Rows()):
        pass
    x = torch.tensor([[-1.0], [0.0], [1.0]]).repeat(200, 1)
    law = torch.distributions.Normal(0.0, SCALE)
    truth = (law.cdf(x + 0.5) - law.cdf(x - 0.5)).log()[:, 0]
    lost = {}
    for cells in (UniformCells(1.0), state.ema.cells):
        found = DequantisedLikelihood(ProbabilityFlow(tolerance=1e-3), cells)(denoiser, x, rng)
        lost[cells.name] = truth - found.log_prob
    uniform, learnt = lost["uniform dequantisation"], lost["learnt dequantisation"]
    assert float(learnt.mean()) < 0.5 * float(uniform.mean())
    assert_mean_at_most(-learnt, 0.0)
    assert_mean_at_most(learnt - uniform, 0.0)
    with pytest.raises(ImprobableError):
        assert_mean_at_most(uniform - learnt, 0.0)


def test_only_a_denoiser_with_cells_is_trained(rng):
    with pytest.raises(InputError, match=r"trains objectives\.WithCells, got ExactMixture"):
        Dequantised(Denoising())(narrow(), torch.zeros(3, 1), None, rng)
