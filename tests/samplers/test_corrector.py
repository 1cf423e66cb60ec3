"""Correctors keep the law of a time, and lead back to it."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.denoisers import Exact
from unnoise.processes import CTMC, EDM
from unnoise.processes.rates import Absorbing, BirthDeath, Uniform
from unnoise.samplers import DDIM, Ancestral, PredictorCorrector, TauLeaping
from unnoise.spaces import Euclidean, Finite
from unnoise.testing import check_sampler
from unnoise.testing.noised import Noised

WORDS = torch.tensor([[0, 0], [1, 4], [3, 1]])
PROCESSES = {
    "uniform": CTMC(Finite(2, 5), Uniform(5)),
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

    def step(self, state, t, s, rng, cond=None):
        state = self.predictor.step(state, t, s, rng, cond)
        forward = self.process.forward(state, s)
        return self.process.space.move(state, forward, t - s).sample(rng)


def test_a_broken_twin_is_caught():
    make = lambda denoiser, steps: NoiseOnly(TauLeaping(denoiser, steps))  # noqa: E731
    failed = check_sampler(make, PROCESSES["uniform"], WORDS, draws=4000, steps=24, raises=False).failed
    assert any("half way" in finding.law for finding in failed)


def test_corrections_repair_what_a_coarse_predictor_breaks():
    """The distance of the law at t = 1/4 to the truth, over all 25 points, after three steps."""
    process, weights = PROCESSES["uniform"], torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64)
    denoiser = Exact(process, WORDS, weights)
    points = torch.cartesian_prod(torch.arange(5), torch.arange(5))
    truth = Noised(process, WORDS, weights, torch.tensor(0.25, dtype=torch.float64)).log_prob(points).exp()

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


def test_what_it_cannot_do_is_said():
    with pytest.raises(InputError, match=r"^PredictorCorrector needs a process that jumps"):
        PredictorCorrector(DDIM(Exact(EDM(Euclidean(1)), torch.zeros(1, 1))))
    with pytest.raises(InputError, match="expected 0 or more"):
        PredictorCorrector(TauLeaping(Exact(PROCESSES["uniform"], WORDS)), corrections=-1)
