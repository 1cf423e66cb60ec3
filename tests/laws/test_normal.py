"""The isotropic Gaussian, against torch.distributions."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Independent, kl_divergence
from torch.distributions import Normal as Peer

from unnoise import InputError
from unnoise.laws import Normal
from unnoise.testing import ImprobableError, assert_law

SHAPES = {"scalar": (), "vector": (3,), "image": (2, 4)}


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def law(request, rng):
    mean = torch.randn(5, *request.param, generator=rng, dtype=torch.float64)
    scale = (0.1 + torch.rand(5, generator=rng, dtype=torch.float64)).reshape(5, *(1 for _ in request.param))
    return Normal(mean, scale, len(request.param))


def test_log_prob_is_that_of_torch(law, rng):
    peer = Independent(Peer(law.mean, law.scale.expand_as(law.mean)), law.event_ndim)
    x = law.sample(rng, (7,))
    assert law.log_prob(x).shape == (7, 5)
    torch.testing.assert_close(law.log_prob(x), peer.log_prob(x), rtol=1e-12, atol=1e-12)


def test_a_scalar_scale_counts_once_for_every_coordinate(rng):
    mean = torch.randn(5, 3, generator=rng, dtype=torch.float64)
    one = Normal(mean, torch.tensor(0.3, dtype=torch.float64), 1)
    many = Normal(mean, torch.full((5, 3), 0.3, dtype=torch.float64), 1)
    torch.testing.assert_close(one.log_prob(mean + 0.1), many.log_prob(mean + 0.1), rtol=1e-13, atol=0)


def test_samples_are_mean_plus_scaled_noise(law):
    noise = torch.randn(3, *law.mean.shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    drawn = law.sample(torch.Generator().manual_seed(5), (3,))
    torch.testing.assert_close(drawn, law.mean + law.scale * noise, rtol=1e-14, atol=1e-15)


def test_samples_follow_the_law(law, rng):
    z = (law.sample(rng, (2000,)) - law.mean) / law.scale
    assert_law(z.flatten(), torch.special.ndtr)
    with pytest.raises(ImprobableError):
        assert_law(1.2 * z.flatten(), torch.special.ndtr)


def test_drawing_leaves_the_mean_alone_and_keeps_its_dtype(rng):
    mean = torch.zeros(4, 2)
    drawn = Normal(mean, torch.ones((), dtype=torch.float64), 1).sample(rng)
    assert drawn.dtype == torch.float32
    assert (mean == 0).all()


def test_scale_zero_is_a_point_mass(rng):
    mean = torch.randn(4, 2, generator=rng)
    assert torch.equal(Normal(mean, torch.zeros(()), 1).sample(rng, (3,)), mean.expand(3, 4, 2))


class TestRowOfLaws:
    """All of k laws at each of n points, by one product of matrices."""

    @pytest.mark.parametrize("scale", [torch.tensor(0.3), torch.full((1, 1, 1), 0.3), torch.rand(1, 5, 1) + 0.1])
    def test_it_is_the_density_of_each(self, scale, rng):
        x, means = torch.randn(7, 1, 3, generator=rng).double(), torch.randn(1, 5, 3, generator=rng).double()
        found = Normal(means, scale.double(), 1).log_prob(x)
        pairs = Normal(means.expand(7, 5, 3).contiguous(), scale.double(), 1).log_prob(x)
        torch.testing.assert_close(found, pairs, rtol=1e-12, atol=1e-12)

    def test_events_of_any_shape(self, rng):
        x, means = torch.randn(7, 1, 2, 2, generator=rng), torch.randn(1, 5, 2, 2, generator=rng)
        flat = Normal(means.flatten(2), torch.tensor(0.3), 1).log_prob(x.flatten(2))
        torch.testing.assert_close(Normal(means, torch.tensor(0.3), 2).log_prob(x), flat)

    def test_points_that_differ_in_the_last_digits_are_told_apart_in_single_precision(self):
        """The squares of 10 are a million times larger than that of 0.01; a product in float32 would lose it."""
        means = torch.tensor([[[10.0, 10.0], [10.01, 10.0]]])
        found = Normal(means, torch.tensor(0.01), 1).log_prob(means[:, :1].clone())
        assert found.dtype == torch.float32
        assert float(found[0, 0] - found[0, 1]) == pytest.approx(0.5, abs=1e-3)


def test_entropy_and_divergence_are_those_of_torch(law, rng):
    other = Normal(torch.randn(law.mean.shape, generator=rng, dtype=torch.float64), 1.7 * law.scale, law.event_ndim)
    peer, its = (Independent(Peer(one.mean, one.scale.expand_as(one.mean)), one.event_ndim) for one in (law, other))
    torch.testing.assert_close(law.entropy(), peer.entropy(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(law.kl(other), kl_divergence(peer, its), rtol=1e-12, atol=1e-12)
    assert (law.kl(law) == 0).all()


def test_negative_scales_are_refused_and_zero_and_nan_are_not() -> None:
    for scale in (torch.tensor(-1.0), torch.tensor([[1.0], [-1e-9]])):
        with pytest.raises(InputError, match=r"got scale = -\S+; expected no negative number"):
            Normal(torch.zeros(2, 1), scale, 1)
    Normal(torch.zeros(2), torch.tensor([0.0, math.nan]), 1)
