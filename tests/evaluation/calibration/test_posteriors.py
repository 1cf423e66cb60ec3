"""What checks of calibration take."""

from __future__ import annotations

import numpy as np
import pytest
from linear import posterior

from unnoise._errors import InputError
from unnoise.evaluation import Posteriors


def test_observations_become_features_of_like_scales() -> None:
    draws, truths, _ = posterior("exact", n=40)
    level, angle, number = np.arange(40) % 2, np.arange(40) * 9.0, 100.0 * np.arange(40)
    seen = np.stack([level, angle, number], axis=1)
    found = Posteriors(draws, truths, seen, observed_categorical=[0], observed_periods={1: 360.0})
    assert found.observations.shape == (40, 5)
    np.testing.assert_allclose(found.observations[:, :2].sum(1), 1)
    np.testing.assert_allclose(found.observations[:, 4].std(), 1)
    assert len(found) == 40
    assert found.per_row == 20


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"observations": np.zeros((39, 1))}, "39 observations for 40 truths"),
        ({"log_probs": np.zeros((40, 3))}, "of truths alone"),
        ({"log_probs": np.zeros((39, 3)), "log_prob_truths": np.zeros(40)}, "log_probs of 39 rows"),
        ({"names": ["a"]}, "1 names for 2 columns"),
        ({"observed_categorical": [0]}, "a place of categorical"),
    ],
)
def test_bad_input_is_named(more, words) -> None:
    draws, truths, _ = posterior("exact", n=40)
    with pytest.raises(InputError, match=words):
        Posteriors(draws, truths, **more)
