"""A sampler that meets numbers that are not finite says why."""

from __future__ import annotations

import math
import warnings

import pytest
import torch

from unnoise._errors import NonFiniteError
from unnoise.denoisers import Denoiser, Neural
from unnoise.networks import MLP
from unnoise.processes import CTMC, edm, product, rates
from unnoise.samplers import DDIM, Ancestral, Euler, InaccurateSamplesWarning
from unnoise.samplers.checks import warn_of_spread
from unnoise.spaces import Euclidean, Finite

PROCESS = edm(Euclidean(2))


def message(sampler, cond=None):
    with pytest.raises(NonFiniteError, match=r"^the sampler met non-finite values at step .*; ") as caught:
        sampler.sample(4, torch.Generator().manual_seed(0), cond)
    return str(caught.value)


def test_a_condition_that_is_not_finite():
    denoiser = Neural(PROCESS, MLP((2,), 1, width=8, depth=1))
    assert "the condition holds NaN or infinite numbers" in message(
        Ancestral(denoiser, 4), torch.full((4, 1), math.nan)
    )
    assert Ancestral(denoiser, 4).sample(4, torch.Generator().manual_seed(0), torch.zeros(4, 1)).isfinite().all()


def test_weights_that_are_not_finite():
    denoiser = Neural(PROCESS, MLP((2,), width=8, depth=1))
    with torch.no_grad():
        next(denoiser.parameters()).fill_(math.nan)
    assert "the weights of the denoiser are not finite: its training diverged" in message(Ancestral(denoiser, 4))


class Answers(Denoiser):
    """Answers a function of the state."""

    process = PROCESS

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x_t, t, cond=None):
        return self.answer(x_t)


def test_a_denoiser_that_gives_no_numbers():
    sampler = DDIM(Answers(lambda x: torch.where(x.abs() < 1e6, math.nan, x)), 4)
    assert "the denoiser gives non-finite numbers at t = 1 for finite states" in message(sampler)


def test_states_that_grow():
    assert "states grew without bound: try more sampling steps" in message(
        Euler(Answers(lambda x: torch.full_like(x, 3e38)), 5)
    )


def test_a_schedule_that_does_not_fall(monkeypatch):
    monkeypatch.setattr(type(PROCESS), "log_snr", lambda process, t: 20 * t - 10)
    assert "the schedule has a signal-to-noise ratio that is infinite, or does not fall" in message(
        DDIM(Answers(lambda x: math.nan * x), 4)
    )


PLAIN = edm(Euclidean(2))
NORMAL = torch.randn(500, 2, generator=torch.Generator().manual_seed(0))
TWO_POINTS = NORMAL.sign() + 1e-3
OUTLIERS = torch.where(NORMAL > 2.5, 9.0, 0.1 * NORMAL)


@pytest.mark.parametrize("x", [NORMAL, TWO_POINTS, OUTLIERS, 50 * NORMAL[:5]], ids=["normal", "two", "tails", "few"])
def test_what_standardised_data_may_look_like_is_no_matter(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_spread(PLAIN, x, conditional=False)


@pytest.mark.parametrize(("factor", "conditional"), [(4.0, False), (0.01, False), (100.0, True)])
def test_what_they_cannot_look_like_is_told_of(factor, conditional):
    with pytest.warns(InaccurateSamplesWarning, match=r"^the samples have .* times the spread of the data"):
        warn_of_spread(PLAIN, factor * NORMAL, conditional)


@pytest.mark.parametrize("factor", [0.01, 8.0])
def test_given_a_condition_samples_may_lie_close_together_or_far_out(factor):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_spread(PLAIN, factor * NORMAL, conditional=True)


def test_only_gaussian_factors_are_standardised():
    words = CTMC(Finite(2, 100), rates.UniformRates(100))
    x = {"number": 9 * NORMAL, "word": torch.full((500, 2), 99)}
    with pytest.warns(InaccurateSamplesWarning, match="the samples of 'number' have") as seen:
        warn_of_spread(product({"number": PLAIN, "word": words}), x, conditional=False)
    assert len(seen) == 1
