"""Columns that are others in another unit, as pounds of kilograms: y = a x + b, to rounding."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from unnoise.data import holes
from unnoise.data._decimals import decimals_of
from unnoise.data._numerics import Values

_MOST_COLUMNS = 64
_FEWEST = 20  # rows, and values that differ, from which it is no chance
_LOOKED_AT = 1000  # rows that rule out most pairs
_NEAR = 0.9999  # correlations that are looked at
_EXACT = 1e-6  # rounding of real numbers, as a share of what they vary by
_FINE = 50  # times the rounding that both must vary


@np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore")  # such numbers are near no line
def lines(columns: Mapping[str, Values]) -> list[tuple[str, str, float, float]]:
    """The columns y that follow from another one, x, wherever they are: y, x, a and b; none where a is 1.

    >>> celsius = np.arange(40) / 2
    >>> [(y, x, round(a, 6), round(b, 6)) for y, x, a, b in lines({"c": celsius, "f": 1.8 * celsius + 32})]
    [('f', 'c', 1.8, 32.0)]
    """
    plain, present = holes.split(columns)
    names = [
        name
        for name, values in plain.items()
        if values.ndim == 1 and values.dtype.kind in "iuf" and len(np.unique(values[:_LOOKED_AT])) >= _FEWEST
    ][:_MOST_COLUMNS]
    rows = {name: present.get(name, np.ones(len(plain[name]), dtype=bool)) for name in names}
    found: dict[str, tuple[str, str, float, float]] = {}
    for x, y in combinations(names, 2):
        if {x, y} & found.keys() or not _are_near(*(plain[name][:_LOOKED_AT] for name in (x, y)), rows[x], rows[y]):
            continue
        there = rows[x] & rows[y]
        source, target = (x, y) if (rows[y] <= rows[x]).all() else (y, x)
        line = None if (rows[target] & ~there).any() else _line(plain[source][there], plain[target][there])
        if line is not None:
            found[target] = (target, source, *line)
    return list(found.values())


def _are_near(x: Values, y: Values, *rows: Values) -> bool:
    """Whether the first rows, where both are, lie near a line."""
    there = np.logical_and(*(mask[: len(x)] for mask in rows))
    one, other = x[there].astype(np.float64), y[there].astype(np.float64)
    if len(one) < _FEWEST or not (np.ptp(one) and np.ptp(other)):
        return False
    return bool(np.abs(np.corrcoef(one, other)[0, 1]) >= _NEAR)


def _line(x: Values, y: Values) -> tuple[float, float] | None:
    """The slope and the intercept, if y follows from x to the last digit."""
    one, other = x.astype(np.float64), y.astype(np.float64)
    slope, intercept = np.polyfit(one - one.mean(), other, 1)
    intercept -= slope * one.mean()
    step = [_step(values) for values in (x, y)]
    rounding = (abs(slope) * step[0] + step[1]) / 2
    if rounding * _FINE > np.ptp(other) or np.abs(other - slope * one - intercept).max() > 1.1 * rounding:
        return None
    if abs(slope - 1) * np.ptp(one) <= rounding:
        return None
    plain = float(one @ other / (one @ one))
    is_plain = bool(np.abs(other - plain * one).max() <= 1.1 * rounding)
    return (plain, 0.0) if is_plain else (float(slope), float(intercept))


def _step(values: Values) -> float:
    """What the last digit of all counts."""
    decimals = decimals_of(values)
    spread = float(np.ptp(values.astype(np.float64)))
    return _EXACT * spread if decimals is None else max(10.0**-decimals, _EXACT * spread)
