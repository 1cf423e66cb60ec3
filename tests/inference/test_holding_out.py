"""A tenth is held out, a hundred at least, a quarter of few; each row is learnt from or held out."""

from __future__ import annotations

import numpy as np
import pytest
from simulated import cube

from unnoise._errors import InputError
from unnoise.inference import Simulations, as_prior
from unnoise.inference.holding_out import portions


@pytest.mark.parametrize(("n", "count"), [(40, 10), (400, 100), (3000, 300), (20_000, 1000)])
def test_each_row_is_learnt_from_or_held_out(n, count):
    theta = np.random.default_rng(0).uniform(-1, 1, (n, 2))
    rows, out, kept = portions(as_prior(cube()), Simulations(theta, theta), 0.1, seed=0)
    np.testing.assert_array_equal(rows, theta)
    assert len(out) == count
    assert sorted([*out, *kept]) == list(range(n))
    assert not np.array_equal(out, portions(as_prior(cube()), Simulations(theta, theta), 0.1, seed=1)[1])


def test_parameters_that_the_prior_does_not_have_are_a_sentence():
    theta = np.full((30, 2), 0.5)
    theta[7] = 1.5
    with pytest.raises(InputError, match="outside the bounds of the prior in row 7"):
        portions(as_prior(cube()), Simulations(theta, theta), 0.1, seed=0)
