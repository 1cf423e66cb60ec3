"""Correctors keep the law of a time, and lead back to it."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Exact, ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.processes import CTMC, Brownian, product, variance_exploding, variance_preserving
from unnoise.processes.rates import Absorbing, BirthDeath, UniformRates
from unnoise.samplers import Ancestral, Euler, PredictorCorrector, TauLeaping
from unnoise.samplers.grids import UniformLogSNR
from unnoise.spaces import Euclidean, Finite, Sphere
from unnoise.testing import ImprobableError, assert_mean, check_sampler
from unnoise.testing.case import NoisedAtoms

WORDS = torch.tensor([[0, 0], [1, 4], [3, 1]])
PROCESSES = {
    "uniform": CTMC(Finite(2, 5), UniformRates(5)),
    "absorbing": CTMC(Finite(2, 6), Absorbing(6)),
    "birth and death": CTMC(Finite(2, 5), BirthDeath(5)),
}


def corrected(denoiser, steps):
    return PredictorCorrector(TauLeaping(denoiser, steps), stride=0.5)


def test_it_keeps_the_laws():
    check_sampler(corrected, PROCESSES["uniform"], WORDS, draws=1500, steps=20)


@pytest.mark.slow
@pytest.mark.parametrize("name", PROCESSES)
def test_it_keeps_the_laws_at_many_draws(name):
    check_sampler(corrected, PROCESSES[name], WORDS, draws=20_000, steps=32)


class NoiseOnly(PredictorCorrector):
    """Corrects with the forward rates alone."""

    def correct(self, state, t, s, rng, cond=None):
        forward = self.process.forward(state, s)
        return self.process.space.move(state, forward, t - s).sample(rng)


def test_a_broken_twin_is_caught():
    make = lambda denoiser, steps: NoiseOnly(TauLeaping(denoiser, steps))  # noqa: E731
    failed = check_sampler(make, PROCESSES["uniform"], WORDS, draws=4000, steps=24, raises=False).failed
    assert any("half way" in finding.claim for finding in failed)


def test_corrections_repair_what_a_coarse_predictor_breaks():
    """The distance of the law at t = 1/4 to the truth, over all 25 points, after three steps."""
    process, weights = PROCESSES["uniform"], torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    denoiser = Exact(process, WORDS, weights)
    points = torch.cartesian_prod(torch.arange(5), torch.arange(5))
    truth = NoisedAtoms(process, WORDS, weights, torch.tensor(0.25, dtype=torch.float64)).log_prob(points).exp()

    def distance(sampler):
        seen = []
        sampler.sample(5000, torch.Generator().manual_seed(0), on_step=lambda i, t, x: seen.append((t, x)))
        (state,) = [x for t, x in seen if t == 0.25]
        found = torch.bincount(state @ torch.tensor([5, 1]), minlength=25) / 5000
        return 0.5 * float((found - truth).abs().sum())

    plain = distance(TauLeaping(denoiser, 5))
    repaired = distance(PredictorCorrector(TauLeaping(denoiser, 5), corrections=10, stride=0.2))
    assert plain > 0.1
    assert repaired < 0.5 * plain


def test_its_grid_is_that_of_the_predictor(rng):
    predictor = Ancestral(Exact(PROCESSES["uniform"], WORDS), 7)
    sampler = PredictorCorrector(predictor, corrections=0)
    assert (sampler.steps, sampler.grid) == (7, predictor.grid)
    one, other = (s.sample(20, torch.Generator().manual_seed(0)) for s in (sampler, predictor))
    assert torch.equal(one, other)


def langevin_corrected(denoiser, steps):
    return PredictorCorrector(Euler(denoiser, steps, grid=UniformLogSNR()), snr=0.1)


def geodesic_corrected(denoiser, steps):
    return PredictorCorrector(Euler(denoiser, steps), snr=0.1)


GAUSSIAN = variance_preserving(Euclidean(2))
POINTS = torch.tensor([[1.0, 0.5], [-1.0, 0.2], [0.3, -1.2]])
SPHERE = Brownian(Sphere(2))
PLACES = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0, 0.2], [0.0, -1.0, 0.1], [-0.5, 0.3, 1.0]]), dim=1)
MIXED = product({"place": GAUSSIAN, "word": PROCESSES["uniform"]})


def test_langevin_steps_keep_the_laws():
    check_sampler(langevin_corrected, GAUSSIAN, POINTS, draws=1500, steps=40)


@pytest.mark.slow
def test_geodesic_langevin_steps_keep_the_laws():
    check_sampler(geodesic_corrected, SPHERE, PLACES, draws=1500, steps=60)


def test_langevin_and_jumps_at_once_keep_the_laws():
    check_sampler(geodesic_corrected, MIXED, {"place": POINTS, "word": WORDS}, draws=1000, steps=32)


class Cooling(PredictorCorrector):
    """Forgets that Langevin at rate g^2 needs noise of rate 2 g^2: the drift of both, the noise of the forward."""

    def _one_step(self, process, forward, back, t, s):
        both = super()._one_step(process, forward, back, t, s)
        return type(both)(both.drift, both.scale / 2**0.5)


def test_too_little_noise_is_caught():
    make = lambda denoiser, steps: Cooling(Euler(denoiser, steps, grid=UniformLogSNR()), corrections=4)  # noqa: E731
    failed = check_sampler(make, GAUSSIAN, POINTS, draws=2000, steps=30, raises=False).failed
    assert any("half way" in finding.claim for finding in failed)


def test_a_langevin_corrector_without_progress_is_annealed_langevin():
    """With a predictor that stays where it is, scaled to the new time, all the work is done by the corrector."""
    law = GaussianMixture(torch.tensor([0.8, 0.2]), torch.tensor([[3.0], [-3.0]]), torch.full((2, 1, 1), 0.25))
    process = variance_exploding(Euclidean(1), 0.05, 10.0)
    denoiser = ExactMixture(process, law)
    sampler = PredictorCorrector(Stay(denoiser, 60, grid=UniformLogSNR()), corrections=20, stride=1e9)
    x = sampler.sample(4000, torch.Generator().manual_seed(0))
    assert_mean((x > 0).double(), 0.8, tolerance=0.01)  # of the steps
    assert_mean((x[x > 0] - 3).square(), 0.25, tolerance=0.02)
    with pytest.raises(ImprobableError):
        assert_mean((x[x > 0] - 3).square(), 0.25 / 2, tolerance=0.02)


class Stay(Euler):
    """Predicts no change."""

    def step(self, state, t, s, rng, cond=None):
        return state


def test_steps_follow_the_signal_to_noise_rule():
    r"""$dt\,g^2 = 2(\text{snr}|z|/|s|)^2$: for one Gaussian at its own scale the score has the length of the noise."""
    process = variance_exploding(Euclidean(50), 1e-3, 1.0)
    denoiser = Exact(process, torch.zeros(1, 50))
    x, s = torch.randn(2000, 50, generator=torch.Generator().manual_seed(0)) * 0.1, torch.tensor(2 / 3).double()
    sampler = PredictorCorrector(Euler(denoiser, 2), stride=1e9)
    forward, back = process.forward(x, s), process.reverse(x, denoiser(x, s), s)
    local = sampler._one_step(process, forward, back, s + 1, s)
    step = float(local.scale.square().mean() / 2)  # of x += step * score + sqrt(2 step) z
    assert step == pytest.approx(2 * 0.16**2 * 0.1**2, rel=0.01)


def test_what_it_cannot_do_is_said():
    with pytest.raises(InputError, match="got corrections = -1; expected a whole number from 0"):
        PredictorCorrector(TauLeaping(Exact(PROCESSES["uniform"], WORDS)), corrections=-1)


def test_jumps_are_not_corrected_near_data(rng):
    """There the reverse cannot undo the noise that a correction adds."""
    sampler = PredictorCorrector(TauLeaping(Exact(PROCESSES["uniform"], WORDS), 4), corrections=3)
    state = WORDS.repeat(100, 1)
    early, late = (
        sampler.correct(state, *torch.tensor(times, dtype=torch.float64), rng) for times in ((0.9, 0.6), (0.3, 0.05))
    )
    assert not torch.equal(early, state)
    assert torch.equal(late, state)
