"""Tempered posteriors agree with closed forms where importance sampling and chains do not, and say how far."""

from __future__ import annotations

import math

import pytest
import torch
from noisy import of_mixture

from unnoise._errors import InputError, NonFiniteError
from unnoise.chains import Density, LangevinPosterior, TemperedPosterior
from unnoise.chains import tempered as module
from unnoise.processes import edm
from unnoise.spaces import Euclidean
from unnoise.targets import Modes
from unnoise.testing import ImprobableError, assert_mean, assert_mean_at_most

D = 6
SPACE = edm(Euclidean(D))


@pytest.fixture
def apart():
    """Two narrow modes in R^6, of weights 4 : 1."""
    return Modes(torch.tensor([4.0, 1.0]), torch.tensor([[-1.0], [1.0]]).repeat(1, D), 0.25)


def standard():
    return Density(lambda x: -0.5 * (x**2).flatten(1).sum(1), gradient=lambda x: -x)


class TestTemperedPosterior:
    @pytest.mark.parametrize("sigma", [0.3, 3.0])
    def test_it_agrees_with_the_closed_form_of_a_normal(self, rng, sigma):
        y = torch.randn(200, D, generator=rng)
        found = TemperedPosterior(SPACE, standard(), 64, rng).estimate(y, sigma)
        keep = 1 / (1 + sigma**2)
        error = found.mean - keep * y
        assert_mean_at_most(error.square().sum(1) * found.effective, D * sigma**2 * keep)  # the claim is not bolder
        assert_mean((error * y).mean(1))
        with pytest.raises(ImprobableError):
            assert_mean(((found.mean - keep**2 * y) * y).mean(1))

    def test_it_weighs_modes_that_chains_count_by_their_basins(self, apart, rng):
        sigma = 2.5
        y = torch.zeros(150, D)
        truth = of_mixture(apart.mixture).denoise(y, sigma).mean(1)
        density = apart
        tempered = TemperedPosterior(SPACE, density, 64, rng).estimate(y, sigma).mean.mean(1)
        chains = LangevinPosterior(SPACE, density, 60, rng).estimate(y, sigma).mean.mean(1)

        assert abs(float(truth[0]) + 0.6) < 0.01
        bias = 0.1  # of a ratio, a share 1 / effective
        assert_mean(tempered - truth, tolerance=bias)
        assert_mean(chains, tolerance=bias)  # half and half, which is what lies around y
        with pytest.raises(ImprobableError):
            assert_mean(chains - truth, tolerance=bias)

    def test_families_are_what_counts_where_modes_are_apart(self, apart, rng):
        sigma, y = 2.5, torch.zeros(300, D)
        found = TemperedPosterior(SPACE, apart, 64, rng).estimate(y, sigma)
        truth = of_mixture(apart.mixture).denoise(y, sigma).mean(1)
        spread = 1 - truth[0] ** 2 + 0.25**2  # of the mean coordinate, nearly +-1
        achieved = float(spread / (found.mean.mean(1) - truth).square().mean())
        assert 0.4 < achieved / float(found.effective.mean()) < 2.5

    def test_counting_every_particle_would_claim_too_much(self, apart, rng, monkeypatch):
        """The broken twin of the families."""
        everyone = torch.arange(64)
        monkeypatch.setattr(
            module._Particles,
            "drawn_again",
            lambda self, log_weights, rng, once=module._Particles.drawn_again: module.replace(
                once(self, log_weights, rng), families=everyone.expand_as(self.families)
            ),
        )
        y = torch.zeros(300, D)
        found = TemperedPosterior(SPACE, apart, 64, rng).estimate(y, 2.5)
        truth = of_mixture(apart.mixture).denoise(y, 2.5).mean(1)
        achieved = float((1 - truth[0] ** 2) / (found.mean.mean(1) - truth).square().mean())
        assert achieved / float(found.effective.mean()) < 0.4

    def test_a_density_without_a_score_is_differentiated(self, apart, rng):
        y = apart.sample(rng, (100,))
        with_score = apart
        without = Density(apart.log_prob)
        a, b = (
            TemperedPosterior(SPACE, density, 32, torch.Generator().manual_seed(1)).estimate(y, 0.5).mean
            for density in (with_score, without)
        )
        torch.testing.assert_close(a, b, atol=0.05, rtol=0.05)

    def test_events_of_any_shape(self, rng):
        found = TemperedPosterior(SPACE, standard(), 8, rng).estimate(torch.ones(3, 2, 2), 0.5)
        assert found.mean.shape == (3, 2, 2)
        assert found.effective.shape == (3,)

    def test_groups_of_rows_change_nothing_but_the_draws(self, rng, monkeypatch):
        monkeypatch.setattr("unnoise.chains.estimates.NUMBERS_AT_ONCE", 100)
        found = TemperedPosterior(SPACE, standard(), 20, rng).estimate(torch.ones(7, 2), 1.0)
        assert found.mean.shape == (7, 2)

    def test_where_there_is_no_density_nothing_is_known(self, rng):
        half = Density(
            lambda x: torch.where(x[:, 0] > 0, -0.5 * x.square().sum(1), -math.inf), gradient=lambda x: -x.clamp(min=0)
        )
        y = torch.tensor([[-50.0, 0.0], [1.0, 0.0]])
        found = TemperedPosterior(SPACE, half, 50, rng).estimate(y, 1.0)
        torch.testing.assert_close(found.mean[0], y[0])
        assert found.effective[0] == 0
        assert found.effective[1] > 1
        assert found.mean[1, 0] > 0

    def test_nothing_is_claimed_before_the_exponent_is_1(self, rng, monkeypatch):
        monkeypatch.setattr(module, "MOST_RISES", 3)
        found = TemperedPosterior(SPACE, Density(lambda x: -1e4 * x.square().sum(1)), 20, rng).estimate(
            torch.ones(2, 4), 1.0
        )
        assert (found.effective == 0).all()

    def test_a_log_density_that_is_nan_is_named(self, rng):
        broken = Density(lambda x: torch.full((len(x),), math.nan))
        with pytest.raises(NonFiniteError, match="NaN or infinite at 20 of 20 draws"):
            TemperedPosterior(SPACE, broken, 10, rng).estimate(torch.ones(2, 1), 1.0)

    @pytest.mark.parametrize(("particles", "moves"), [(1, 3), (10, 0)])
    def test_too_little_to_go_on(self, rng, particles, moves):
        with pytest.raises(InputError, match=r"got (particles|moves) = "):
            TemperedPosterior(SPACE, standard(), particles, rng, moves)


@pytest.mark.parametrize("at", [1.5, -3.0])
def test_away_from_the_middle_the_last_weights_count(at, rng):
    """Without them the mean is that of a lower exponent, which lies nearer to y."""
    sigma, y = 1.5, torch.full((800, 1), at)
    found = TemperedPosterior(edm(Euclidean(1)), standard(), 64, rng).estimate(y, sigma).mean
    keep, bias = 1 / (1 + sigma**2), 0.02  # of a ratio
    assert_mean(found, keep * at, tolerance=bias)
    with pytest.raises(ImprobableError):
        assert_mean(found, keep * at * 1.1, tolerance=bias)


def test_a_rise_leaves_four_fifths_effective(rng):
    log_p = 100 * torch.randn(5, 400, generator=rng, dtype=torch.float64)
    rise = module._rise(log_p, torch.ones(5, dtype=torch.float64))
    share = module.effective_size(rise[:, None] * log_p) / 400
    torch.testing.assert_close(share, torch.full_like(share, module.KEPT), atol=0.01, rtol=0)


def test_a_rise_takes_all_the_room_that_a_flat_density_leaves():
    rise = module._rise(torch.zeros(2, 10), torch.tensor([0.3, 0.0]))
    torch.testing.assert_close(rise, torch.tensor([0.3, 0.0]))
