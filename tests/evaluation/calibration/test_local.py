"""The local classifier two-sample test."""

from __future__ import annotations

import numpy as np
import pytest
from linear import posterior
from scipy.stats import binom
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

from unnoise._errors import InputError
from unnoise.evaluation import local_test
from unnoise.testing.statistics import FAILURE_RATE, assert_probable

QUICK = QuadraticDiscriminantAnalysis()  # the best for Gaussians, and fitted at once


def test_an_exact_posterior_passes() -> None:
    for seed in range(3):
        assert_probable(local_test(*posterior("exact", seed=seed), classifier=QUICK, trials=0).p_value)
    assert_probable(local_test(*posterior("exact"), trials=0).p_value)


@pytest.mark.parametrize("kind", ["narrow", "wide", "shifted", "blind"])
def test_a_wrong_posterior_is_seen(kind: str) -> None:
    found = local_test(*posterior(kind), classifier=QUICK, trials=0)
    assert found.p_value < FAILURE_RATE
    assert found.statistic > 0.55
    assert local_test(*posterior(kind, n=600), trials=0).p_value < FAILURE_RATE


def test_a_posterior_that_ignores_what_was_seen_needs_the_observation() -> None:
    draws, truths, _ = posterior("blind")
    assert_probable(local_test(draws, truths, classifier=QUICK, trials=0).p_value)


def test_p_values_are_as_seldom_small_as_they_say() -> None:
    draws = 60
    p_values = np.array(
        [local_test(*posterior("exact", n=60, seed=seed), classifier=QUICK, trials=0).p_value for seed in range(draws)]
    )
    for level in (0.05, 0.3):
        assert binom.sf(int((p_values <= level).sum()) - 1, draws, level) > FAILURE_RATE
    assert (p_values < 0.5).any()


def test_the_observations_where_draws_are_wrong_are_found() -> None:
    draws, truths, x = posterior("exact", n=600, columns=1)
    wrong = x[:, 0] > 0.5
    draws[wrong] += 2.0
    found = local_test(draws, truths, x, trials=9)
    assert found.p_values[wrong].mean() < 0.15 < found.p_values[~wrong].mean()
    assert found.distances[wrong].min() > np.median(found.distances[~wrong])
    assert (found.p_values >= 0.1).all()


def test_bad_input_is_named() -> None:
    draws, truths, x = posterior("exact", n=39)
    with pytest.raises(InputError, match="got 39 rows of 20 draws"):
        local_test(draws, truths, x)
    draws, truths, x = posterior("exact", n=50)
    with pytest.raises(InputError, match="a classifier of scikit-learn"):
        local_test(draws, truths, x, classifier=lambda rows: rows)
