"""Independent frequencies: against counting by hand, and as a probability."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from unnoise.evaluation.frequencies import independent_log_prob

TRAIN = np.random.default_rng(0).integers(0, 3, size=(20, 2))


def test_every_site_has_its_own_frequencies_with_one_added_to_each() -> None:
    row = [2, 0]
    shares = [(np.sum(TRAIN[:, site] == state) + 1) / (len(TRAIN) + 3) for site, state in enumerate(row)]
    assert independent_log_prob(TRAIN, np.array([row]))[0] == pytest.approx(np.log(shares).sum(), rel=1e-12)


def test_the_probabilities_of_all_rows_sum_to_one() -> None:
    rows = np.array(list(itertools.product(range(3), repeat=2)))
    assert np.exp(independent_log_prob(TRAIN, rows)).sum() == pytest.approx(1.0, rel=1e-12)


def test_a_state_that_was_never_seen_is_possible() -> None:
    assert np.isfinite(independent_log_prob(TRAIN, np.array([[3, 0]]))).all()
