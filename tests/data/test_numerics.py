"""Arithmetic at the ends of float64, against exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from unnoise.data import _numerics


@pytest.mark.parametrize("size", [1e308, 1e300, 1.0, 1e-300, 1e-307])
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_moments_are_those_of_exact_arithmetic(size: float, shift: float) -> None:
    values = (np.random.default_rng(0).uniform(-1, 1, size=101) + shift) / (1 + shift) * size
    exact = [Fraction(float(value)) for value in values]
    mean = sum(exact) / len(exact)
    variance = sum((value - mean) ** 2 for value in exact) / len(exact)
    got_mean, got_scale = _numerics.moments(values)
    assert abs(Fraction(got_mean) - mean) < Fraction(size) / 10**14
    assert abs(Fraction(got_scale) ** 2 / variance - 1) < Fraction(1, 10**13)


def test_moments_in_pieces_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=(100, 3, 4)) + 5
    monkeypatch.setattr(_numerics, "_PIECE", 64)
    assert len(_numerics.pieces(values)) == 19
    mean, scale = _numerics.moments(values)
    assert mean == pytest.approx(values.mean(), rel=1e-13)
    assert scale == pytest.approx(values.std(), rel=1e-13)


def test_equal_values_do_not_deviate_at_all() -> None:
    assert _numerics.moments(np.full(1000, 0.1)) == (0.1, 0.0)


def test_the_least_scale_has_a_finite_inverse() -> None:
    _, scale = _numerics.moments(np.array([0.0, 5e-324]))
    assert math.isfinite(1 / scale)


@pytest.mark.parametrize(
    ("dtype", "numbers", "expected"),
    [
        ("int8", [-200, -1.6, 1.5, 200], [-128, -2, 2, 127]),
        ("int64", [-1e30, 1e30], [-(2**63), 2**63 - 1024]),
        ("uint64", [-1, 1e30], [0, 2**64 - 2048]),
        ("bool", [-3, 0.4, 0.6], [False, False, True]),
        ("float16", [-1e6, 1.0, 1e6], [-65504, 1, 65504]),
    ],
)
def test_casts_go_to_the_nearest_value_there_is(dtype: str, numbers: list[float], expected: list[float]) -> None:
    got = _numerics.cast(np.array(numbers, dtype=np.float64), dtype)
    assert got.dtype == dtype
    assert got.tolist() == expected


def test_row_of_counts_rows_in_a_block() -> None:
    assert _numerics.row_of(40, np.zeros((6, 4, 4))) == 2
