"""A cut prior is the prior where the posterior has its draws, and nothing elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from simulated import cube

from unnoise._errors import InputError
from unnoise.inference import as_prior
from unnoise.inference.truncated import Region
from unnoise.testing import assert_frequencies


def moons(n, seed):
    """Two thin bows in the square."""
    rng = np.random.default_rng(seed)
    angle = np.pi * rng.random(n)
    side = rng.choice([-1.0, 1.0], n)
    points = np.stack([side * (0.2 + 0.3 * np.sin(angle)), 0.3 * np.cos(angle)], 1)
    return points + 0.01 * rng.normal(size=(n, 2))


@pytest.fixture(scope="module")
def cut():
    return Region(as_prior(cube()), moons(2000, 0)).truncated()


def test_it_holds_the_posterior_and_little_else(cut, rng):
    inside = torch.tensor(int(np.isfinite(cut.log_prob(moons(4000, 1))).sum()))
    assert int(inside) > 0.99 * 4000
    theta = cut.draw(3000, rng)
    assert np.isfinite(cut.log_prob(theta)).all()
    area = np.isfinite(cut.log_prob(as_prior(cube()).draw(20000, rng))).mean()
    assert area < 0.15
    assert cut.log_prob(np.zeros((1, 2)))[0] == -np.inf


def test_within_it_is_the_prior(cut, rng):
    """Shares of four parts of the region are those of draws of the prior that lie in it."""
    theta, every = cut.draw(4000, rng), as_prior(cube()).draw(200_000, torch.Generator().manual_seed(5))
    kept = every[np.isfinite(cut.log_prob(every))]

    def parts(points):
        return torch.from_numpy(np.bincount(2 * (points[:, 0] > 0) + (points[:, 1] > 0), minlength=4))

    assert_frequencies(parts(theta), parts(kept).double() / len(kept))


def test_near_is_in_units_of_the_spreads():
    """Parameters that are known a hundred times as well are cut a hundred times as close."""
    rng = np.random.default_rng(0)
    narrow = Region(as_prior(cube()), np.stack([3e-3 * rng.normal(size=600), 0.3 * rng.uniform(-1, 1, 600)], 1))
    density = narrow.truncated().log_prob(np.array([[0.0, 0.0], [0.0, 0.2], [0.06, 0.0], [0.06, 0.2]]))
    assert np.isfinite(density).tolist() == [True, True, False, False]


def test_a_region_that_the_prior_never_meets_is_a_sentence(rng, monkeypatch):
    monkeypatch.setattr("unnoise.inference.truncated.MOST_TRIES", 1000)
    prior = as_prior(torch.distributions.Normal(torch.zeros(12), torch.ones(12)))
    far = Region(prior, 1e-3 * np.random.default_rng(0).normal(size=(500, 12)))
    with pytest.raises(InputError, match="another round cannot begin"):
        far.truncated().draw(10, rng)
