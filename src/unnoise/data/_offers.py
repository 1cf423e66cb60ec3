"""What holds between columns in all rows of the data, and could be kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from unnoise.data import holes
from unnoise.data._decimals import decimals_of
from unnoise.data._numerics import Values

MOST_OFFERS = 5
MOST_NUMBERS, MOST_LEVELLED = 40, 40  # columns considered
MOST_VALUES = 64  # of a column that may determine another
FIRST = 1000  # rows that rule out most pairs
SUMS_AMONG = 16  # columns whose sums are tried
EXACT, _FAR_LESS = 1e-9, 1e-3  # rounding, as a share of the numbers, and of what they vary by
_LARGEST = 2**53  # of whole numbers that a float holds exactly
FEWEST_SHARES, NEAR, COARSE = 2, 1e-6, 0.01  # columns; how far their sum may be off; steps that shares are rounded to
_CODE = re.compile(r"-?(9*[89]9*[89]|8{2,}|7{2,}|6{2,})")
_BESIDE = 3  # whole numbers next to a code that may be some, as 95 to 97 below 98
FEWEST = 20  # rows from which it is no chance


def offers(columns: Mapping[str, Values]) -> list[tuple[str, int]]:
    """Constraints as users write them, and in how many rows each was seen; at most a few, the plainest first."""
    plain, present = holes.split(columns)
    flat = {name: values for name, values in plain.items() if values.ndim == 1 and len(values) >= FEWEST}
    numbers = {name: values for name, values in flat.items() if values.dtype.kind in "iuf"}
    numbers = {name: values for name, values in numbers.items() if np.unique(values[:FIRST]).size > 2}
    numbers = {name: values for name, values in numbers.items() if values.dtype.kind == "f" or _is_exact(values)}
    names = list(numbers)[:MOST_NUMBERS]
    n = len(next(iter(flat.values()))) if flat else 0
    held = np.full((len(names), n), np.nan)
    for place, name in enumerate(names):
        rows = present.get(name, slice(None))
        held[place, rows] = numbers[name][rows]
    copies = _copies(names, held)
    left = [place for place, name in enumerate(names) if name not in {target for target, _ in copies}]
    sums = copies + _sums([names[place] for place in left], held[left])
    used = {target for target, _ in sums}
    orders = [
        (low, high) for low, high in _orders(names, held) if not {low, high} & used
    ]  # a sum is at least its parts
    texts = [text for _, text in sums]
    others = {name: values for name, values in flat.items() if name not in present and name not in dict(copies)}
    texts += _equivalent(others)
    texts += [f"{low} <= {high}" for low, high in orders]
    return [(text, n) for text in texts[:MOST_OFFERS]]


def shares(columns: Mapping[str, Values]) -> list[tuple[list[str], int]]:
    """Columns in a row that sum to 1 or 100 in every row of all of them, as shares of a whole do, and the sum.

    >>> a = np.arange(1, 41) / 50
    >>> shares({"x": 7 * a, "a": a, "b": 1 - a})
    [(['a', 'b'], 1)]
    """
    plain, present = holes.split(columns)
    numbers = [n for n, v in plain.items() if v.ndim == 1 and v.dtype.kind in "iuf" and n not in present]
    fine = [n for n in numbers if len(plain[n]) >= FEWEST and plain[n].min() >= 0 and 0 < plain[n].max() <= 100]
    fine = [n for n in fine if plain[n].min() < plain[n].max()][:MOST_NUMBERS]
    found: list[tuple[list[str], int]] = []
    while fine:
        count, total = _whole_of([plain[n] for n in fine])
        if total:
            found.append((fine[:count], total))
        fine = fine[count:]
    return found


def _whole_of(columns: Sequence[Values]) -> tuple[int, int]:
    """How many of the first columns sum to 1 or to 100 in every row, those nearest to it; 1 and 0 if none do."""
    sums = np.cumsum([values[:FIRST].astype(np.float64) for values in columns], axis=0)
    places = [(count, total) for count in range(FEWEST_SHARES, len(columns) + 1) for total in (1, 100)]
    near = [
        (count, total) for count, total in places if np.abs(sums[count - 1] - total).max() <= COARSE * count * total
    ]
    found = [(off, -count, total) for count, total in near if (off := _off(columns[:count], total)) is not None]
    _, count, total = min(found, default=(0.0, -1, 0))
    return -count, total


def _off(columns: Sequence[Values], total: int) -> float | None:
    """How far the sums of rows are from this, if rounding explains it and they are no marks of levels."""
    decimals = decimals_of(*columns)
    rounding = 0.0 if decimals is None else min(len(columns) / 2 / 10**decimals, COARSE * len(columns) * total)
    off = float(np.abs(np.sum(columns, axis=0, dtype=np.float64) - total).max())
    fractions = any(((values != 0) & (values != total)).any() for values in columns)
    return off if fractions and off <= NEAR * total + rounding else None


def counters(columns: Mapping[str, Values]) -> list[str]:
    """Columns that count the rows, from 0 or 1.

    >>> counters({"id": np.arange(1, 51), "x": np.arange(50) ** 2})
    ['id']
    """
    plain, present = holes.split(columns)
    whole = {n: v for n, v in plain.items() if v.ndim == 1 and v.dtype.kind in "iu" and n not in present}
    return [
        name
        for name, values in whole.items()
        if len(values) >= FEWEST and values[0] in (0, 1) and bool((np.diff(values.astype(np.int64)) == 1).all())
    ]


def codes(columns: Mapping[str, Values]) -> list[tuple[str, list[float], float]]:
    """Numbers such as -999, 98 and 99 that lie far from all others and stand for something, and their share of rows.

    >>> codes({"age": np.array([30, 41, 999, 52] * 10), "score": np.array([0, 7, 10, 77, 97, 98] * 10)})
    [('age', [999], 0.25), ('score', [77, 97, 98], 0.5)]
    """
    plain, present = holes.split(columns)
    found = []
    for name, values in plain.items():
        there = values[present[name]] if name in present else values
        if there.ndim != 1 or there.dtype.kind not in "iuf" or len(there) < FEWEST:
            continue
        seen, counts = np.unique(there, return_counts=True)
        is_code = np.array([_CODE.fullmatch(f"{value:g}") is not None for value in seen.tolist()])
        for _ in range(_BESIDE if is_code.any() else 0):
            is_code |= np.isin(seen, [*(seen[is_code] - 1), *(seen[is_code] + 1)])
        rest = seen[~is_code].astype(np.float64)
        if is_code.any() and len(rest) > 1:
            far = np.maximum(rest[0] - seen, seen - rest[-1]) > rest[-1] - rest[0]
            good = is_code & far & (counts > 1)
            if good.any():
                found.append((name, seen[good].tolist(), float(counts[good].sum() / len(values))))
    return found


def _orders(names: Sequence[str], held: Values) -> list[tuple[str, str]]:
    """Pairs of overlapping ranges of which one is at most the other, without those that follow from others."""
    with np.errstate(invalid="ignore"):
        below = _at_most(held[:, :FIRST])
        pairs = [(i, j) for i, j in np.argwhere(below).tolist() if i != j]
        least, most = (np.array([f(row[~np.isnan(row)]) for row in held]) for f in (np.min, np.max))
        found = np.zeros_like(below)
        for i, j in pairs:
            gap = held[j] - held[i]
            there = ~np.isnan(gap)
            overlap = most[i] > least[j]
            alone = np.isnan(held[i]) & ~np.isnan(held[j])
            if overlap and there.sum() >= FEWEST and (gap[there] >= 0).all() and gap[there].any() and not alone.any():
                found[i, j] = _is_near(held[i][there], held[j][there])
    covered = (found[:, :, None] & found[None]).any(1)  # by a column between
    return [(names[i], names[j]) for i, j in np.argwhere(found & ~covered).tolist()]


def _at_most(held: Values) -> Values:
    """Which columns (rows of `held`) are at most which others wherever both are."""
    return np.stack([~(one[None] > held).any(1) for one in held]) if len(held) else np.zeros((0, 0), dtype=bool)


def _is_near(low: Values, high: Values) -> bool:
    """Whether independent columns would often break the order: in a row in a hundred, or more."""
    shift = len(low) // 2 + 1
    return bool((np.roll(low, shift) > high).mean() >= 0.01)


def _copies(names: Sequence[str], held: Values) -> list[tuple[str, str]]:
    """Columns that are an earlier one again, or lie as far from it in all rows."""
    found: dict[str, str] = {}
    for source, target in combinations(range(len(names)), 2):
        if names[source] in found or names[target] in found:
            continue
        shift = _shift(held[target, :FIRST], held[source, :FIRST])
        if shift is None or (shift := _shift(held[target], held[source])) is None:
            continue
        more = "" if shift == 0 else f" {'+' if shift > 0 else '-'} {abs(shift):g}"
        found[names[target]] = f"{names[target]} = {names[source]}{more}"
    return list(found.items())


def _shift(one: Values, other: Values) -> float | None:
    """How far one lies above the other wherever both are, if that never varies, and one is not there alone."""
    gap = one - other
    there = ~np.isnan(gap)
    if there.sum() < FEWEST or (~np.isnan(one) & ~there).any():
        return None
    shift = float(f"{gap[there][0]:.12g}")
    off = float(np.abs(gap[there] - shift).max())
    near = off <= EXACT * float(np.abs(one[there]).max())  # nearly no pair is
    return shift if near and off <= _rounding(one[there], other[there]) else None


def _is_exact(values: Values) -> bool:
    """Whether floats hold these whole numbers."""
    return max(-int(values.min()), int(values.max())) <= _LARGEST


def _rounding(target: Values, *parts: Values) -> float:
    """How far rounding may take a column from the sum of others: far less than any varies, or than their last digit."""
    columns = [one[~np.isnan(one)] for one in (target, *parts)]
    varies = min(float(np.ptp(one)) for one in columns)
    decimals = decimals_of(*columns)
    digit = np.inf if decimals is None else 10.0**-decimals
    return min(EXACT * float(np.abs(columns[0]).max()), _FAR_LESS * varies, digit / 4)


def _sums(names: Sequence[str], held: Values) -> list[tuple[str, str]]:
    """Columns that are the sum of two or three others, by their first rows, then by all."""
    found: list[tuple[str, str]] = []
    among = range(min(len(names), SUMS_AMONG))
    first = held[:, :FIRST]
    scale = np.nanmax(np.abs(first), axis=1) if len(names) else np.zeros(0)
    taken: set[int] = set()
    for size in (2, 3):
        for parts in combinations(among, size):
            if taken & set(parts):
                continue
            total = first[list(parts)].sum(0)
            if not all(np.nanmax(np.abs(first[part]), initial=0.0) > 0 for part in parts):
                continue
            gap = np.abs(first - total)
            near = np.isnan(gap) | (gap <= EXACT * scale[:, None])
            for target in np.flatnonzero(near.all(1)).tolist():
                if target in parts or target in taken or not _is_sum(held, target, parts):
                    continue
                taken |= {target}
                found.append((names[target], f"{names[target]} = {' + '.join(names[part] for part in parts)}"))
    return found


def _is_sum(held: Values, target: int, parts: Sequence[int]) -> bool:
    gap = np.abs(held[target] - held[list(parts)].sum(0))
    there = ~np.isnan(gap)
    alone = ~np.isnan(held[target]) & ~there
    close = _rounding(held[target], *held[list(parts)])
    return bool(there.sum() >= FEWEST and (gap[there] <= close).all() and not alone.any())


def _equivalent(columns: Mapping[str, Values]) -> list[str]:
    """Pairs of columns of few values, which come again, that determine each other."""
    codes: dict[str, tuple[Values, int]] = {}
    for name, values in list(columns.items())[:MOST_LEVELLED]:
        if 2 < len(set(values[:FIRST].tolist())) <= MOST_VALUES:
            index: dict[object, int] = {}
            code = np.array([index.setdefault(value, len(index)) for value in values.tolist()])
            if 2 < len(index) <= min(MOST_VALUES, len(values) // 2):
                codes[name] = code, len(index)
    found = []
    for (one, (a, count)), (other, (b, also)) in combinations(codes.items(), 2):
        pairs = a * also + b
        if count == also and len(np.unique(pairs[:FIRST])) <= count and len(np.unique(pairs)) == count:
            found.append(f"{one} -> {other}" if columns[one].dtype == object else f"{other} -> {one}")
    return found
