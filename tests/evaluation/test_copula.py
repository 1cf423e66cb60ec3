from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import ndtr

from unnoise._errors import InputError
from unnoise.evaluation import GaussianCopula, IndependentColumns
from unnoise.testing import ImprobableError, assert_frequencies, assert_law, assert_mean

NAN = float("nan")


def table() -> np.ndarray:
    """A lognormal number, and one that goes with it, with an atom and holes."""
    rng = np.random.default_rng(0)
    z = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.7], [0.7, 1.0]], 4000)
    other = np.where(z[:, 1] < 0.0, 0.0, z[:, 1])
    return np.stack([np.exp(z[:, 0]), np.where(z[:, 1] > 1.0, NAN, other)], axis=1)


@pytest.mark.parametrize("kind", [GaussianCopula.fit, IndependentColumns])
def test_margins_are_those_of_the_training_rows(kind) -> None:
    train = table()
    drawn = kind(train).sample(4000, seed=1)
    assert set(drawn[:, 0]) <= set(train[:, 0])
    ranks = np.searchsorted(np.sort(train[:, 0]), drawn[:, 0], side="right") - np.random.default_rng(2).random(4000)
    assert_law(torch.from_numpy(ranks / 4000), lambda x: x)
    share = np.array([(train[:, 1] == 0).mean(), np.isnan(train[:, 1]).mean()])
    seen = np.array([(drawn[:, 1] == 0).sum(), np.isnan(drawn[:, 1]).sum()])
    assert_frequencies(torch.tensor([*seen, 4000 - seen.sum()]), torch.from_numpy(np.append(share, 1 - share.sum())))


def test_the_correlation_of_normal_scores_is_found_and_drawn() -> None:
    rng = np.random.default_rng(0)
    z = rng.multivariate_normal(np.zeros(2), [[1.0, 0.7], [0.7, 1.0]], 4000)
    fitted = GaussianCopula.fit(np.exp(z))
    assert fitted.correlation[0, 1] == pytest.approx(0.7, abs=0.03)
    drawn = fitted.sample(4000, seed=3)
    both = torch.from_numpy((drawn > 1.0).all(axis=1)).double()  # the medians: 1/4 + arcsin(0.7) / 2 pi
    truth = 0.25 + np.arcsin(0.7) / (2 * np.pi)
    assert_mean(both, truth, tolerance=0.01)
    loose = IndependentColumns(np.exp(z)).sample(4000, seed=3)
    assert_mean(torch.from_numpy((loose > 1.0).all(axis=1)).double(), 0.25, tolerance=0.01)
    with pytest.raises(ImprobableError):
        assert_mean(torch.from_numpy((loose > 1.0).all(axis=1)).double(), truth, tolerance=0.01)


def test_equal_values_are_ranked_at_random_so_that_atoms_tie_nothing() -> None:
    """Two independent columns of two values: ranks in the order of the rows would tie them."""
    rng = np.random.default_rng(0)
    codes = np.sort(rng.integers(0, 2, (2000, 2)), axis=0) + 0.0
    codes[:, 1] = rng.permutation(codes[:, 1])
    assert abs(GaussianCopula.fit(codes).correlation[0, 1]) < 0.1


def test_seeds_and_sizes() -> None:
    fitted = GaussianCopula.fit(table()[:50])
    np.testing.assert_array_equal(fitted.sample(9, seed=1), fitted.sample(9, seed=1))
    assert fitted.sample(0).shape == (0, 2)
    assert GaussianCopula.fit([[1.0], [2.0]]).sample(3).shape == (3, 1)
    assert GaussianCopula.fit([[1.0, 5.0], [2.0, 5.0]]).sample(4)[:, 1].tolist() == [5.0] * 4
    assert ndtr(0.0) == 0.5


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="the training rows have 1 rows; expected at least 2"):
        GaussianCopula.fit([[1.0]])
    with pytest.raises(InputError, match="expected rows of numbers"):
        IndependentColumns("rows")
    with pytest.raises(InputError, match="got n = -1"):
        IndependentColumns([[1.0]]).sample(-1)


def test_seeds_decide_the_draws_and_how_equal_values_are_ranked() -> None:
    rows = table()[:50]
    fitted, independent = GaussianCopula.fit(rows), IndependentColumns(rows)
    for one in (fitted, independent):
        np.testing.assert_array_equal(one.sample(9, seed=1), one.sample(9, seed=1))
        assert not np.array_equal(one.sample(9, seed=1), one.sample(9, seed=2), equal_nan=True)
    assert GaussianCopula.fit(rows, seed=0).correlation[0, 1] == fitted.correlation[0, 1]
    assert GaussianCopula.fit(rows, seed=1).correlation[0, 1] != fitted.correlation[0, 1]
