"""Levels end where they are told to, and grow no faster than they began."""

from __future__ import annotations

import pytest
import torch

from unnoise._errors import InputError
from unnoise.chains import growing_levels, snr_levels
from unnoise.processes import edm
from unnoise.spaces import Euclidean

FLOAT64 = torch.float64


class TestLevels:
    @pytest.mark.parametrize(("sigma", "m", "last"), [(4.0, 20, 0.1), (1.0, 1, 0.3), (3.0, 5, 3 / 5**0.5)])
    def test_growing_ends_where_it_is_told_and_grows_no_faster_than_it_began(self, sigma, m, last):
        levels = growing_levels(sigma, m, last)
        precision = torch.cumsum(torch.tensor(levels, dtype=FLOAT64) ** -2, 0)
        assert levels[:m] == [sigma] * m
        assert float(precision[-1] ** -0.5) == pytest.approx(last)
        assert (precision[m:] / precision[m - 1 : -1] <= 1 + 1 / m + 1e-9).all()

    def test_a_last_level_that_is_passed_already(self):
        with pytest.raises(InputError, match="give fewer"):
            growing_levels(1.0, 100, last=0.5)


def test_times_that_do_not_decrease_are_refused():
    with pytest.raises(InputError, match="got 2 times; expected at least one, decreasing"):
        snr_levels(edm(Euclidean(1)), torch.tensor([0.2, 0.5]))
