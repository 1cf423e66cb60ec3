"""Masked numbers are NaN, and all else is left alone."""

from __future__ import annotations

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise._masks import unmasked
from unnoise.evaluation import classifier_test


def test_what_is_masked_is_nan():
    values = np.ma.masked_array([[1, 2], [3, 4]], mask=[[False, True], [False, False]])
    np.testing.assert_array_equal(unmasked(values), [[1.0, np.nan], [3.0, 4.0]])
    assert np.isnan(unmasked(np.ma.masked))
    rows = np.zeros((2, 2))
    assert unmasked(rows) is rows


def test_masked_samples_are_not_judged():
    """The numbers behind the mask were."""
    rows = np.random.default_rng(0).normal(size=(40, 2))
    with pytest.raises(InputError, match=r"hold NaN or infinity in \d+ rows"):
        classifier_test(np.ma.masked_greater(rows, 1.0), rows)
