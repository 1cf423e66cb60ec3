"""Wrapped normal laws, the heat kernels of tori."""

from __future__ import annotations

import math

import mpmath as mp
import pytest
import torch

from unnoise import InputError
from unnoise.laws import WrappedNormal
from unnoise.laws.wrapped_normal import wrap
from unnoise.testing import PropertyError, check_law

FLOAT64 = torch.float64


def exact(angle, scale):
    """The log density and its derivative in 50 digits."""
    with mp.workdps(50):
        angle, scale = mp.mpf(angle), mp.mpf(scale)
        images = [
            (angle + 2 * mp.pi * n, mp.exp(-((angle + 2 * mp.pi * n) ** 2) / (2 * scale**2))) for n in range(-99, 100)
        ]
        total = mp.fsum(weight for _, weight in images)
        slope = -mp.fsum(place * weight for place, weight in images) / scale**2 / total
        return mp.log(total / (scale * mp.sqrt(2 * mp.pi))), slope


@pytest.mark.parametrize("variance", [1e-4, 0.1, 1.99, 2.01, 10.0])
@pytest.mark.parametrize("angle", [1e-3, 1.0, 3.0, math.pi - 1e-3])
def test_digits(variance, angle):
    law = WrappedNormal(torch.zeros(1, dtype=FLOAT64), torch.tensor(variance**0.5, dtype=FLOAT64))
    x = torch.tensor([angle], dtype=FLOAT64)
    log, slope = exact(angle, variance**0.5)
    assert abs(float((float(law.log_prob(x)) - log) / log)) < 1e-10
    assert abs(float((float(law.score(x)) - slope) / slope)) < 1e-10


@pytest.mark.parametrize("scale", [0.01, 0.7, 1.41, 1.42, 5.0])
def test_the_score_is_the_gradient_and_both_are_finite_everywhere(scale):
    law = WrappedNormal(torch.zeros(2, dtype=FLOAT64), torch.tensor(scale, dtype=FLOAT64))
    x = torch.tensor([[0.0, 1.0], [math.pi, -math.pi], [3.1, -2.0], [7.0, -9.0]], dtype=FLOAT64, requires_grad=True)
    (slope,) = torch.autograd.grad(law.log_prob(x).sum(), x)
    assert torch.isfinite(slope).all()
    inside = torch.tensor([0, 2, 3])
    torch.testing.assert_close(law.score(x)[inside], slope[inside], rtol=1e-9, atol=1e-12)
    (twice,) = torch.autograd.grad(law.score(x).sum(), x)
    assert torch.isfinite(twice).all()


@pytest.mark.parametrize("scale", [0.05, 1.0, 3.0])
def test_the_total_mass_is_one(scale):
    grid = (torch.arange(2000, dtype=FLOAT64) / 2000 * 2 * math.pi)[:, None]
    law = WrappedNormal(torch.ones(1, dtype=FLOAT64), torch.tensor(scale, dtype=FLOAT64))
    assert float(law.log_prob(grid).exp().mean()) * 2 * math.pi == pytest.approx(1, abs=1e-12)


def test_samples_follow_the_density():
    mean = torch.tensor([3.0, -0.5], dtype=FLOAT64)
    law, reference = (WrappedNormal(mean, torch.tensor(scale, dtype=FLOAT64)) for scale in (0.6, 1.6))
    check_law(law, reference, features=lambda x: torch.cat([x.cos(), x.sin()], -1))


class Narrow(WrappedNormal):
    def sample(self, rng, shape=()):
        return WrappedNormal(self.mean, 0.93 * self.scale).sample(rng, shape)


def test_a_broken_twin_is_caught():
    mean = torch.zeros(2, dtype=FLOAT64)
    with pytest.raises(PropertyError, match="samples follow the density"):
        check_law(Narrow(mean, torch.tensor(0.6, dtype=FLOAT64)), WrappedNormal(mean, torch.tensor(0.8, dtype=FLOAT64)))


def test_every_row_may_have_its_own_width_and_the_batch_broadcasts():
    law = WrappedNormal(torch.zeros(1, 4, 2, dtype=FLOAT64), torch.tensor([[[0.1]], [[3.0]]], dtype=FLOAT64))
    assert law.log_prob(torch.zeros(5, 1, 1, 2, dtype=FLOAT64)).shape == (5, 2, 4)
    assert law.sample(torch.Generator().manual_seed(0), (3,)).shape == (3, 2, 4, 2)


def test_precision_is_that_of_the_points_and_zero_width_stays(rng):
    law = WrappedNormal(torch.tensor([4.0]), torch.tensor(0.0))
    assert law.sample(rng).dtype == torch.float32
    torch.testing.assert_close(law.sample(rng), torch.tensor([4.0 - 2 * math.pi]))
    assert WrappedNormal(torch.zeros(1), torch.tensor(0.3)).log_prob(torch.zeros(1)).dtype == torch.float32


def test_wrapping():
    angles = torch.tensor([-math.pi, math.pi, 3 * math.pi + 0.5, -0.3], dtype=FLOAT64)
    torch.testing.assert_close(wrap(angles), torch.tensor([-math.pi, -math.pi, 0.5 - math.pi, -0.3], dtype=FLOAT64))


def test_negative_scales_are_refused_and_zero_and_nan_are_not() -> None:
    with pytest.raises(InputError, match=r"got scale = -1.*; expected no negative number"):
        WrappedNormal(torch.zeros(2), torch.tensor(-1.0))
    WrappedNormal(torch.zeros(2), torch.tensor([0.0, math.nan]))
