"""Charts lead there and back, stretch what their volume says, and pull slopes as small steps do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unnoise.inference.charts import LEAST, Ranges, Shares
from unnoise.testing import ImprobableError, assert_frequencies, assert_law

INF = np.inf
NONE = np.zeros(4, dtype=bool)
BOX = Ranges(np.array([-1.0, 0.0, -INF, -INF]), np.array([3.0, INF, 2.0, INF]), NONE)
COUNTS = Ranges(np.array([0.5, -0.5, -INF]), np.array([4.5, INF, INF]), np.array([True, True, False]))


def points(free, n=50):
    return np.random.default_rng(0).normal(size=(n, free))


def jacobians(chart, z, step=1e-6):
    """By small steps, (n, numbers, free)."""
    aside = step * np.eye(z.shape[1])[:, None]
    return np.moveaxis((chart.inside(z + aside) - chart.inside(z - aside)) / (2 * step), 0, -1)


@pytest.mark.parametrize(("chart", "free"), [(BOX, 4), (Shares(2), 1), (Shares(5), 4), (Shares(3), 4)])
def test_it_leads_there_and_back(chart, free):
    z = points(free)
    theta = chart.inside(z)
    assert chart.contains(theta).all()
    np.testing.assert_allclose(chart.outside(theta), z, atol=1e-10)


@pytest.mark.parametrize(("chart", "free", "kept"), [(BOX, 4, [0, 1, 2, 3]), (Shares(4), 3, [0, 1, 2])])
def test_its_volume_is_that_of_small_steps(chart, free, kept):
    z = points(free)
    found = np.linalg.slogdet(jacobians(chart, z)[:, kept])[1]
    np.testing.assert_allclose(chart.log_volume(z), found, atol=1e-5)
    step = 1e-5 * np.eye(free)[:, None]
    slopes = (chart.log_volume(z + step) - chart.log_volume(z - step)).T / 2e-5
    np.testing.assert_allclose(np.broadcast_to(chart.volume_slopes(z), z.shape), slopes, atol=1e-5)


def test_the_volume_of_two_vectors_of_shares_is_their_product():
    z = points(4)
    apart = Shares(3).log_volume(z[:, :2]) + Shares(3).log_volume(z[:, 2:])
    np.testing.assert_allclose(Shares(3).log_volume(z), apart)


@pytest.mark.parametrize(("chart", "free", "numbers"), [(BOX, 4, 4), (Shares(4), 3, 4), (Shares(3), 4, 6)])
def test_slopes_are_pulled_as_by_small_steps(chart, free, numbers):
    z, slopes = points(free), np.random.default_rng(1).normal(size=(50, numbers))
    expected = np.einsum("nj,nji->ni", slopes, jacobians(chart, z))
    np.testing.assert_allclose(chart.pulled(slopes, z), expected, atol=1e-6)


def test_a_uniform_law_of_shares_is_normal_in_their_chart():
    z = torch.from_numpy(Shares(4).outside(np.random.default_rng(0).dirichlet(np.ones(4), 2000)))
    for place in range(3):
        assert_law(z[:, place], torch.special.ndtr)
    other = torch.from_numpy(Shares(4).outside(np.random.default_rng(0).dirichlet([1, 2, 1, 1], 2000)))
    with pytest.raises(ImprobableError):
        assert_law(other[:, 0], torch.special.ndtr)


def test_far_points_and_empty_shares_stay_finite():
    theta = Shares(3).inside(np.array([[1e4, 0.0], [-1e4, 1e4], [-60.0, -60.0]]))
    assert ((theta >= LEAST) & (theta <= 1)).all()
    np.testing.assert_allclose(theta.sum(1), 1)
    z = Shares(3).outside(np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [1e-20, 1.0, 0.0]]))
    assert np.isfinite(z).all()
    assert Shares(3).inside(z)[2, 0] == pytest.approx(1e-20)


def test_shares_that_do_not_sum_to_one_are_told():
    found = Shares(2).contains(np.array([[0.5, 0.5, 0.2, 0.8], [0.5, 0.5, 0.2, 0.7], [0.5, 0.5, -0.2, 1.2]]))
    assert found.tolist() == [True, False, False]


def test_whole_numbers_are_those_of_their_cells():
    """Each as often as N(0, 1) lies in its cell, so that a uniform law stays one."""
    z = points(3, 4000)
    theta = COUNTS.inside(z)
    assert COUNTS.contains(theta).all()
    assert_frequencies(torch.bincount(torch.from_numpy(theta[:, 0]).long(), minlength=5)[1:], torch.full((4,), 0.25))
    assert not COUNTS.contains(theta + 0.5).any()
    np.testing.assert_array_equal(COUNTS.inside(COUNTS.outside(theta)), theta)
    spread = COUNTS.outside(theta, torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(COUNTS.inside(spread), theta)
    assert_law(torch.from_numpy(spread[:, 0]), torch.special.ndtr)
    with pytest.raises(ImprobableError):
        assert_law(torch.from_numpy(COUNTS.outside(theta)[:, 0]), torch.special.ndtr)  # all in the middle
    assert (COUNTS.pulled(np.ones_like(z), z)[:, :2] == 0).all()
