"""Mixtures of Students: density, draws and distances."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from unnoise._errors import InputError
from unnoise.laws.students import Students
from unnoise.testing import ImprobableError, assert_law

F64 = torch.float64
FACTOR = torch.tensor([[2.0, 0.0], [0.6, 0.5]], dtype=F64)
ONE = Students(torch.ones(1), torch.tensor([[1.0, -2.0]], dtype=F64), FACTOR[None], torch.tensor([3.0], dtype=F64))
LINE = Students(
    torch.tensor([3.0, 1.0]),
    torch.tensor([[0.0], [4.0]], dtype=F64),
    torch.tensor([[[1.0]], [[0.5]]], dtype=F64),
    torch.tensor([2.0, 8.0], dtype=F64),
)


def cdf(x):
    return 0.75 * stats.t(2).cdf(x) + 0.25 * stats.t(8, 4, 0.5).cdf(x)


def test_the_density_is_scipys():
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=F64) * 4
    known = stats.multivariate_t([1.0, -2.0], (FACTOR @ FACTOR.T).numpy(), df=3)
    torch.testing.assert_close(ONE.log_prob(x), torch.tensor(known.logpdf(x.numpy())))


def test_draws_follow_it():
    x = LINE.sample(torch.Generator().manual_seed(1), (5000,))[:, 0]
    assert_law(x, cdf)
    with pytest.raises(ImprobableError):
        assert_law(x, stats.t(2).cdf)


def test_the_nearest_component_and_the_score():
    assert LINE.nearest(torch.tensor([[0.0], [4.0]], dtype=F64)).tolist() == [0, 1]
    _, score = ONE.log_prob_and_score(torch.tensor([[1.0, -2.0]], dtype=F64))
    assert float(score.abs().max()) < 1e-12
    assert math.isclose(float(ONE.distances(torch.tensor([3.0, -1.4], dtype=F64))), 1.0)


def test_shapes_and_signs_are_checked():
    with pytest.raises(InputError, match="got weights, factors and degrees of freedom of shapes"):
        Students(torch.ones(2), torch.zeros(1, 2), torch.eye(2)[None], torch.ones(1))
    with pytest.raises(InputError, match="not positive"):
        Students(torch.zeros(1), torch.zeros(1, 2), torch.eye(2)[None], torch.ones(1))
