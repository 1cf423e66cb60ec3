"""Rows of a batch that see each other are told from rows whose noise is only dealt otherwise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from unnoise._errors import InputError
from unnoise.inference import simulate
from unnoise.inference.coupled import are_coupled

ROW, OTHER = np.array([0.5, 2.0]), np.array([3.0, 1.0])


def shares(theta, seed):
    """Right of one row, and of a batch a share of the sum of all."""
    return np.random.default_rng(seed).multinomial(200, theta / theta.sum())


def centred(theta, seed):
    return theta - theta.mean(axis=0) + 0.5 * np.random.default_rng(seed).normal(size=theta.shape)


def first(theta, seed):
    return theta[0] + np.random.default_rng(seed).normal(size=theta.shape)


def step_by_step(theta, seed):
    """How much noise a row takes depends on its parameters, and so the noise of the others."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(3):
        found.append(rng.poisson(theta[..., 0]) + rng.gamma(theta[..., 1]))
    return np.stack(found, axis=-1)


def heavy(theta, seed):
    rng = np.random.default_rng(seed)
    return theta[..., 0] + rng.poisson(theta[..., 1]) + rng.standard_cauchy(theta.shape[:-1])


def seldom(theta, seed):
    x = step_by_step(theta, seed)
    return np.where(x > 4, x, np.nan)


@pytest.mark.parametrize(
    ("simulator", "coupled"),
    [(shares, True), (centred, True), (first, True), (step_by_step, False), (heavy, False), (seldom, False)],
)
def test_rows_that_see_each_other_are_found(simulator, coupled):
    for seed in range(4):
        assert are_coupled(simulator, simulator, ROW, OTHER, seed) is coupled


def test_what_raises_alone_is_not_doubted():
    def together(theta, seed):
        return centred(theta, seed) if len(theta) > 1 else ValueError("a batch, please")

    assert not are_coupled(together, together, ROW, OTHER, 0)


def test_a_simulator_of_one_row_that_runs_on_batches_is_called_row_by_row():
    """It was given batches, whose rows had a part of the sum of all: no row had the counts that it should have."""
    prior = scipy.stats.gamma([2.0, 2.0, 2.0])
    found = simulate(prior, shares, 20, progress=False)
    assert (found.x.sum(axis=1) == 200).all()
    counts = 200 * found.theta / found.theta.sum(axis=1, keepdims=True)
    assert (np.abs(found.x - counts) <= 6 * np.sqrt(counts + 1)).all()


def test_one_of_batches_alone_is_refused():
    def standardised(theta, seed):
        return centred(theta[:, :], seed)

    with pytest.raises(InputError, match=r"a row of a batch other observations than alone, at .*; expected rows that"):
        simulate(scipy.stats.norm([0.0, 5.0], 1.0), standardised, 20, progress=False)


def test_a_mask_is_a_hole():
    def masked(theta):
        return np.ma.masked_greater(theta, 0.0)

    found = simulate(scipy.stats.norm([0.0, 5.0], 1.0), masked, 20, progress=False)
    assert np.array_equal(np.isnan(found.x), found.theta > 0)
