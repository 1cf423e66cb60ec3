from __future__ import annotations

import math

import pytest
import torch
from caught import assert_caught

from unnoise._errors import InputError
from unnoise.laws import GaussianMixture, Normal
from unnoise.testing import PropertyError, check_law, laws


def mixture(scale: float = 1.5) -> GaussianMixture:
    means = torch.tensor([[1.0, 0.0], [-1.0, 0.5]], dtype=torch.float64)
    covariances = scale * torch.tensor([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.5], [0.5, 1.0]]], dtype=torch.float64)
    return GaussianMixture(torch.tensor([0.3, 0.7], dtype=torch.float64), means, covariances)


def normal(kind: type[Normal] = Normal, scale: float = 1.0) -> Normal:
    return kind(torch.zeros(2, dtype=torch.float64), torch.tensor(scale, dtype=torch.float64), 1)


BATCH = Normal(torch.tensor([[0.0, 0.0], [1.0, 0.0]]).double(), torch.tensor([[1.0], [0.5]]).double(), 1)
WIDE = Normal(torch.zeros(2, 2, dtype=torch.float64), torch.tensor(1.5, dtype=torch.float64), 1)


@pytest.mark.parametrize(
    ("law", "reference"),
    [(normal(), mixture()), (mixture(1.0), normal(scale=2.0)), (BATCH, WIDE)],
    ids=["normal", "mixture", "batch of normals"],
)
def test_the_laws_of_the_package_keep_the_properties(law, reference) -> None:
    assert check_law(law, reference).failed == ()


class Unnormalised(Normal):
    def log_prob(self, x):
        return super().log_prob(x) + 0.5 * math.log(2 * math.pi)


class MissingHalf(Normal):
    def log_prob(self, x):
        return super().log_prob(x) - 0.5 * (((x - self.mean) / self.scale) ** 2).sum(-1)


class VarianceForScale(Normal):
    def sample(self, rng, shape=()):
        return Normal(self.mean, self.scale**2, self.event_ndim).sample(rng, shape)


class Shifted(Normal):
    def sample(self, rng, shape=()):
        return super().sample(rng, shape) + 0.15


@pytest.mark.parametrize(
    ("twin", "scale"), [(Unnormalised, 1.0), (MissingHalf, 1.0), (VarianceForScale, 1.2), (Shifted, 1.0)]
)
def test_a_sample_that_does_not_follow_the_density_is_caught(twin, scale) -> None:
    law = normal(twin, scale)
    assert_caught(laws.samples_follow_the_density(law, mixture(), laws.numbers, 10_000, 12, 0))


class BatchFirst(Normal):
    def sample(self, rng, shape=()):
        return super().sample(rng, shape).movedim(-2, 0)


class Global(Normal):
    def sample(self, rng, shape=()):
        return self.mean + self.scale * torch.randn(*shape, *self.mean.shape, dtype=torch.float64)


class Stuck(Normal):
    def sample(self, rng, shape=()):
        return super().sample(torch.Generator().manual_seed(0), shape)


class Truncated(Normal):
    def log_prob(self, x):
        return torch.where(x[..., 0] > 2, -torch.inf, super().log_prob(x))


def test_axes_in_the_wrong_order_are_caught() -> None:
    assert_caught(laws.shapes_agree(BatchFirst(BATCH.mean, BATCH.scale, 1)))


@pytest.mark.parametrize("twin", [Global, Stuck])
def test_randomness_of_its_own_is_caught(twin) -> None:
    with torch.random.fork_rng():
        assert_caught(laws.seeds_reproduce(normal(twin)))


def test_samples_outside_the_support_are_caught() -> None:
    assert_caught(laws.own_samples_have_a_density(normal(Truncated), 1000, 0))


def test_laws_that_do_not_meet_are_refused() -> None:
    far = Normal(torch.full((2,), 50.0, dtype=torch.float64), torch.ones((), dtype=torch.float64), 1)
    with pytest.raises(InputError, match="give a reference that overlaps more"):
        check_law(normal(), far)


def test_the_table_is_raised() -> None:
    with pytest.raises(PropertyError, match="BROKEN  samples follow the density"):
        check_law(normal(Unnormalised), mixture())
    assert len(check_law(normal(Unnormalised), mixture(), raises=False).failed) == 1
