"""A rival is a quick model of the same rows."""

import numpy as np
import pandas as pd

from unnoise import DenoisingMarkovModel
from unnoise.model import rival


def test_it_is_the_quick_model_of_these_rows():
    rows = pd.DataFrame({"a": np.arange(90) % 3, "b": np.where(np.arange(90) % 3 == 0, "x", "y")})
    other = DenoisingMarkovModel(quick=True, progress=False).fit(rows)
    np.testing.assert_allclose(rival(rows).score_samples(rows), other.score_samples(rows))
    assert rival(rows).score(rows) > -np.log(6)


def test_it_is_fitted_as_it_is_told():
    """The kinds are those of the model that is to be beaten."""
    found = rival(pd.DataFrame({"a": np.arange(9.0)}), kinds={"a": "category"}, time_limit=7.0, seed=3)
    told = found.get_params()
    assert {name: told[name] for name in ("quick", "kinds", "time_limit", "random_state")} == {
        "quick": True,
        "kinds": {"a": "category"},
        "time_limit": 7.0,
        "random_state": 3,
    }
