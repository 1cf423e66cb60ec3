"""Denoisers estimated from a density agree with the closed form, and say when they are not to be believed."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from noisy import of_mixture

from unnoise._errors import InputError
from unnoise.chains import AtNoise, Density, LangevinPosterior, PlugIn, UnreliableEstimate
from unnoise.chains.estimates import _effective
from unnoise.processes import CTMC, edm, ornstein_uhlenbeck, rates
from unnoise.samplers import Euler
from unnoise.samplers.grids import Karras
from unnoise.spaces import Euclidean, Finite
from unnoise.targets import ring as eight
from unnoise.testing import ImprobableError, assert_mean


@pytest.fixture
def y(ring, rng):
    return ring.sample(rng, (40,)) + 0.3 * torch.randn(40, 2, generator=rng, dtype=torch.float64)


PLANE = edm(Euclidean(2))


def standard(d):
    return Density(lambda x: -0.5 * (x**2).sum(1), gradient=lambda x: -x)


class TestPlugIn:
    @pytest.mark.parametrize("antithetic", [True, False])
    def test_it_agrees_with_the_closed_form(self, ring, y, rng, antithetic):
        found = PlugIn(PLANE, ring, 4_000, rng, antithetic).estimate(y, 0.3)
        error = (found.mean - of_mixture(ring).denoise(y, 0.3)).square().sum(1)
        assert float((error * found.effective).mean()) < 4 * 2 * 0.3**2  # the variance of so many draws
        assert float(found.effective.min()) > 10

    def test_the_score_is_the_published_sum(self, ring, y):
        noise = torch.randn(50, 40, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        weights = torch.softmax(ring.log_prob(y + 0.3 * noise), 0)
        expected = torch.einsum("kn,knd->nd", weights, noise) / 0.3
        found = PlugIn(PLANE, ring, 50, torch.Generator().manual_seed(2), antithetic=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnreliableEstimate)
            torch.testing.assert_close(AtNoise(found).score(y, 0.3), expected)

    def test_pairs_make_the_score_of_a_constant_density_exact(self, rng):
        flat = Density(lambda x: 0 * x.sum(1))
        torch.testing.assert_close(
            AtNoise(PlugIn(PLANE, flat, 16, rng)).denoise(torch.ones(3, 2), 1.0), torch.ones(3, 2)
        )

    def test_groups_of_rows_change_nothing_but_the_draws(self, rng, monkeypatch):
        monkeypatch.setattr("unnoise.chains.estimates.NUMBERS_AT_ONCE", 1000)
        found = PlugIn(PLANE, standard(2), 400, rng).estimate(torch.ones(7, 2), 1.0)
        assert found.mean.shape == (7, 2)
        assert found.effective.shape == (7,)

    def test_it_warns_where_few_draws_count(self, rng):
        with pytest.warns(UnreliableEstimate, match=r"PlugIn at sigma = 5: .* below 10 at 20 of 20 points"):
            AtNoise(PlugIn(PLANE, standard(30), 200, rng)).denoise(torch.zeros(20, 30), 5.0)

    def test_where_there_is_no_density_nothing_is_known(self, rng):
        nowhere = Density(lambda x: torch.full((len(x),), -math.inf))
        found = PlugIn(PLANE, nowhere, 10, rng).estimate(torch.ones(2, 1), 1.0)
        torch.testing.assert_close(found.mean, torch.ones(2, 1))
        assert (found.effective == 0).all()

    @pytest.mark.parametrize("draws", [0, 7])
    def test_draws_that_cannot_be(self, rng, draws):
        with pytest.raises(InputError, match=f"got draws = {draws}"):
            PlugIn(PLANE, standard(1), draws, rng)


class TestLangevinPosterior:
    @pytest.mark.parametrize("d", [2, 30])
    def test_it_agrees_with_the_closed_form_in_any_dimension(self, rng, d):
        y, sigma, tau2 = torch.randn(30, d, generator=rng), 2.0, 1.0
        found = LangevinPosterior(PLANE, standard(d), 60, rng).estimate(y, sigma)
        keep = tau2 / (tau2 + sigma**2)
        error = (found.mean - keep * y).square().sum(1)
        ratio = float((error * found.effective).mean()) / (d * sigma**2 * keep)  # 1 where `effective` is right
        assert 0.4 < ratio < 2.5
        assert 20 < float(found.effective.median()) <= 240

    def test_it_differentiates_a_density_without_a_score(self, ring, y, rng):
        found = AtNoise(LangevinPosterior(PLANE, ring, 100, rng, chains=16)).denoise(y, 0.1)
        assert float((found - of_mixture(ring).denoise(y, 0.1)).abs().mean()) < 0.03

    def test_it_warns_where_chains_do_not_mix(self, rng):
        apart = Density(lambda x: torch.logaddexp(-50 * (x[:, 0] - 5) ** 2, -50 * (x[:, 0] + 5) ** 2))
        with pytest.warns(UnreliableEstimate, match="LangevinPosterior"):
            AtNoise(LangevinPosterior(PLANE, apart, 40, rng, chains=4)).denoise(torch.zeros(20, 1), 5.0)

    def test_too_little_to_go_on(self, rng):
        with pytest.raises(InputError, match="got chains = 1; expected a whole number from 2"):
            LangevinPosterior(PLANE, standard(1), 10, rng, chains=1)


def test_chains_have_left_their_start_before_they_count(rng):
    """They start around y, far from where the posterior is; half of the steps are left out."""
    sigma, y = 3.0, torch.full((400, 1), 20.0)
    found = LangevinPosterior(edm(Euclidean(1)), standard(1), 40, rng).estimate(y, sigma).mean
    assert_mean(found, 20.0 / (1 + sigma**2), tolerance=0.05)
    with pytest.raises(ImprobableError):
        assert_mean(found, 20.0 / (1 + sigma**2) + 0.2, tolerance=0.05)


@pytest.mark.filterwarnings("ignore:noise at t = 1 keeps")
def test_a_density_alone_can_be_run_backwards(rng):
    """The score comes from values of log p; eight modes of weight 1/8, all found."""
    target = eight()
    denoiser = PlugIn(ornstein_uhlenbeck(Euclidean(2), horizon=0.7), target, 1024, rng)
    nearest = torch.cdist(Euler(denoiser, steps=25, grid=Karras()).sample(120, rng), target.means).min(1)
    assert float((nearest.values < 4 * target.scale).double().mean()) > 0.95
    assert int(torch.bincount(nearest.indices, minlength=8).min()) > 4


def test_the_noise_must_be_gaussian(rng):
    with pytest.raises(InputError, match=r"PlugIn needs a process .* not CTMC"):
        PlugIn(CTMC(Finite(2, 3), rates.UniformRates(3)), standard(1), 10, rng)


def test_effective_draws_by_hand():
    """c var(x) / var(chain means): of two chains that stay apart two, and more as each wanders."""
    still = torch.tensor([0.0, 2.0]).expand(4, 1, 2)[..., None]
    assert _effective(still).tolist() == [2.0]
    wandering = still + torch.tensor([1.0, -1.0, 1.0, -1.0])[:, None, None, None]
    torch.testing.assert_close(_effective(wandering), torch.tensor([2 * (4 / 3 + 2) / 2]))
    assert _effective(wandering - still).tolist() == [8.0]  # all of them, where chains agree
