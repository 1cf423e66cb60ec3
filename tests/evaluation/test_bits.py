"""Bits per dimension: the convention, on laws whose code is known."""

from __future__ import annotations

import math

import pytest

from unnoise._errors import InputError
from unnoise.evaluation.bits import bits_per_dimension


def test_uniform_noise_costs_eight_bits_by_every_road():
    """As a probability of bytes, as a density of bytes divided by 256, and as one of standardised bytes."""
    assert bits_per_dimension(-784 * math.log(256), 784) == 8.0
    assert bits_per_dimension(0.0, 784, step=1 / 256) == 8.0
    step = 1 / 73.9
    assert bits_per_dimension(-784 * math.log(256 * step), 784, step=step) == pytest.approx(8.0, abs=1e-12)


def test_a_fair_coin_costs_one_bit():
    assert bits_per_dimension(5 * math.log(0.5), 5) == pytest.approx(1.0)


@pytest.mark.parametrize(("count", "step"), [(0, 1.0), (3, 0.0), (3, math.nan)])
def test_what_is_no_lattice_is_refused(count, step):
    with pytest.raises(InputError, match=r"expected a (whole number from 1|finite number above 0)"):
        bits_per_dimension(1.0, count, step=step)
