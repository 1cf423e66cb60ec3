"""Columns of numbers as digits of one finite space."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unnoise import InputError
from unnoise.data.factors import ResolvedFactor

RNG = np.random.default_rng(0)
COLUMNS = {"age": RNG.integers(18, 60, 3000), "pay": np.round(RNG.exponential(100.0, 3000), 2)}
FACTOR = ResolvedFactor.fit(COLUMNS)


def test_digits_of_each_column_stand_side_by_side() -> None:
    assert FACTOR.cells == (3,)
    assert FACTOR.cells_of(["pay"]).tolist() == [False, True, True]
    assert FACTOR.known({"age": np.array([True, False])}, 2).tolist() == [[True] * 3, [False, True, True]]
    x = FACTOR.encode(COLUMNS)
    FACTOR.process().check(x)
    assert np.array_equal(FACTOR.decode(x)["age"], COLUMNS["age"])
    drawn = FACTOR.draw(x, torch.Generator().manual_seed(0))
    assert torch.equal(FACTOR.encode(drawn), x)
    assert ResolvedFactor.from_config(FACTOR.to_config()) == FACTOR


def test_numbers_are_no_states() -> None:
    with pytest.raises(InputError, match=r"states of type torch.float32"):
        FACTOR.decode(torch.zeros(1, 3))
