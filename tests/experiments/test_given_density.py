"""The targets are the published ones, and what is reported of draws tells good ones from bad."""

from __future__ import annotations

import warnings

import pytest
import torch
from noisy import of_function

from experiments import given_density as experiment
from unnoise.chains import Localization, UnreliableEstimate
from unnoise.testing import ImprobableError, assert_mean, assert_probable


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_targets_are_the_published_ones() -> None:
    torch.testing.assert_close(experiment.RING.means.norm(dim=1), torch.full((8,), 10.0))
    assert experiment.RING.scale**2 == pytest.approx(0.7)
    torch.testing.assert_close(experiment.PAIR.weights, torch.tensor([2 / 3, 1 / 3]))
    torch.testing.assert_close(experiment.PAIR.weights @ experiment.PAIR.means, torch.zeros(8))
    assert experiment.PAIR.scale**2 == pytest.approx(0.05)


def within(draws: torch.Tensor) -> torch.Tensor:
    """The variance around the nearest mode over that of the target, of every hundred draws."""
    return torch.tensor([experiment._within(experiment.RING, some) for some in draws.split(100)])


def test_exact_draws_pass_and_others_do_not(rng: torch.Generator) -> None:
    draws = experiment.RING.sample(rng, (4000,))
    assert_probable(experiment._shares_p_value(draws))
    with pytest.raises(ImprobableError):
        assert_probable(experiment._shares_p_value(torch.cat([draws, draws[draws[:, 0] > 5]])))
    assert_mean(within(draws), 1.0)


def test_the_finish_gives_back_the_variance_that_jumps_lack(rng: torch.Generator) -> None:
    means = experiment.RING.means.repeat(500, 1)
    draws = experiment._finished(experiment.RING, means, experiment.Sizes(finish=60), rng)
    assert_mean(within(draws), 1.0)
    with pytest.raises(ImprobableError):
        assert_mean(within(means), 1.0)
    stayed = experiment.RING.responsibility(draws).argmax(1) == torch.arange(8).repeat(500)
    assert float(stayed.double().mean()) > 0.99


def test_doubts_are_counted_once_per_measurement(rng: torch.Generator) -> None:
    def doubting(y: torch.Tensor, sigma: float) -> torch.Tensor:
        if sigma > 1:
            warnings.warn("who knows", UnreliableEstimate, stacklevel=2)
        return y

    sampler = Localization(
        of_function(doubting, 2), [2.0, 2.0, 2.0, 1.0, 0.5, 0.5, 0.5, 0.5]
    )  # levels 2, 1.4, 1.2, 0.8 ...
    told: list[float] = []
    _, doubtful = experiment._quietly(sampler, torch.zeros(5, 2), rng, lambda share, words: told.append(share))
    assert doubtful == 3 / 8
    assert told == [(k + 1) / 8 for k in range(8)]
