"""A sampler that meets numbers that are not finite says why."""

from __future__ import annotations

import math

import pytest
import torch

from unnoise._errors import NonFiniteError
from unnoise.denoisers import Denoiser, Neural
from unnoise.networks import MLP
from unnoise.processes import edm
from unnoise.samplers import DDIM, Ancestral, Euler
from unnoise.spaces import Euclidean

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
