"""Rows of several kinds, for all tests of the fit."""

import math

import pytest
import torch

from unnoise import _tree
from unnoise.laws import CategoricalComponents, NormalComponents, PoissonComponents, WrappedNormalComponents
from unnoise.laws.latent_classes import WeightedRows


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def mixed():
    return several_kinds


def several_kinds(n=300):
    """WeightedRows of letters, numbers, angles and counts with two groups, and a tenth of all cells unknown."""
    group = torch.rand(n, 1, generator=rng()) < 0.4
    noise = torch.randn(n, 4, generator=rng(1))
    x = {
        "letters": torch.where(noise[:, :2] > 0.8, 2, group.long()),
        "numbers": noise[:, 2:3] + 3 * group,
        "angles": torch.remainder(noise[:, 3:] + 2.5 * group + math.pi, 2 * math.pi) - math.pi,
        "counts": torch.poisson(torch.where(group, 1.0, 6.0), generator=rng(2)).long(),
    }
    known = _tree.map(lambda leaf: torch.rand(leaf.shape, generator=rng(3)) > 0.1, x)
    base = {
        "letters": CategoricalComponents.of(x["letters"], known["letters"], torch.tensor([True, True, True, False])),
        "numbers": NormalComponents.of(x["numbers"], known["numbers"]),
        "angles": WrappedNormalComponents.of(x["angles"], known["angles"]),
        "counts": PoissonComponents.of(x["counts"], known["counts"]),
    }
    return base, WeightedRows(x, known, torch.rand(n, generator=rng(4)))
