r"""Numbers of a row that are those of another column, exactly, in more rows than chance would make: ties.

A bill that is paid in full, an end on the day of the beginning, a second reading like the first: of two columns a and
b, b is a itself in many rows, and near a in few. So the difference of both has an atom at zero, as a column has one at
a value that many rows share, and no cells of a and of b can say so, however fine they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unnoise.data._checked import check, check_distinct
from unnoise.data._numerics import Values
from unnoise.data.holes import Present

COMMON = 0.05  # share of rows from which a value of a column has a law of its own, as zero often has
LEAST, FEWEST = 0.01, 10  # share of rows, and rows, that are tied beyond chance
TIMES, SURE = 2.0, 6.0  # as often as by chance, at least, and standard errors of that
FIRST, MOST_ROWS = 1000, 5000  # rows that rule out most pairs, and rows that are looked at
MOST_PAIRS = 2000  # of columns, those with most ties first
NEXT = 3  # least distances at which rows that are near each other are counted
MOST_BASES = 8  # of one column

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Tie:
    """A column that is often exactly another one.

    Args:
        target: the column.
        bases: the others, of which in every row the first that it is counts.
        apart: for each base the common values: where both have such a one they are not tied, as that is no more than
            two atoms.
        shares: of rows that are tied to each base.

    >>> tie = Tie("paid", ("bill",), ((0.0,),), (0.5,))
    >>> tie.states({"bill": np.array([0, 30, 20]), "paid": np.array([0, 30, 10])}).tolist()
    [0, 1, 0]
    """

    target: str
    bases: tuple[str, ...]
    apart: tuple[tuple[float | int, ...], ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        check_distinct((self.target, *self.bases), "a tie")
        count = len(self.bases)
        check(0 < count == len(self.apart) == len(self.shares), "bases", self.bases, "one or more, each with its share")
        check(all(0 <= share <= 1 for share in self.shares), "shares", self.shares, "numbers between 0 and 1")

    def states(self, columns: Mapping[str, Values]) -> NDArray[np.int64]:
        """Of every row 0 where the column stands by itself, k where it is its k-th base, (n,)."""
        target = columns[self.target]
        found = np.zeros(len(target), dtype=np.int64)
        for place, (base, apart) in reversed(list(enumerate(zip(self.bases, self.apart, strict=True), 1))):
            found[(target == columns[base]) & ~np.isin(target, apart)] = place
        return found


def ties_of(columns: Mapping[str, Values], present: Present) -> tuple[Tie, ...]:
    """The ties of columns of numbers in the same unit; each column to ones before it.

    A tie holds in `LEAST` of the rows beyond what chance makes, and `TIMES` as often. Chance is what both laws would
    give if columns were independent, or what rows next to a tie say (as many as differ by the least step, to either
    side), whichever is more: grades of two terms that are alike have no ties.

    Args:
        columns: by name, the coarsest first, so that every value of a base can be one of its targets.
        present: where those with holes are there.

    >>> rng = np.random.default_rng(0)
    >>> bill, rest = rng.integers(1, 10**6, (2, 500))
    >>> paid = np.where(rng.random(500) < 0.2, bill, rest)
    >>> [(tie.target, tie.bases) for tie in ties_of({"bill": bill, "paid": paid}, {})]
    [('paid', ('bill',))]
    """
    n = len(next(iter(columns.values()), ()))
    if n < FEWEST:
        return ()
    rows = _evenly(n, MOST_ROWS)
    some = {name: values[rows] for name, values in columns.items()}
    there = {name: present[name][rows] if name in present else np.ones(len(rows), dtype=bool) for name in columns}
    common = {name: _common(values[there[name]]) for name, values in some.items()}
    names, tied = list(columns), dict[str, list[tuple[int, str, Mask]]]()
    for one, other in _likely_pairs(some, there, common):
        base, target = names[one], names[other]
        whole = there[base] & there[target]
        free = whole & ~np.isin(some[target], list({*common[base], *common[target]}))
        if _is_more_than_chance(some[base][free], some[target][free], int(whole.sum())):
            equal = free & (some[base] == some[target])
            tied.setdefault(target, []).append((int(equal.sum()), base, equal))
    least = max(FEWEST, LEAST * len(rows))
    found = (_tie(name, tied[name], common, least) for name in names if name in tied)
    return tuple(found)


def _tie(target: str, tied: list[tuple[int, str, Mask]], common: Mapping[str, tuple[float, ...]], least: float) -> Tie:
    """To the base of the most rows, and to others that have as many rows more as a tie needs."""
    bases, shares = list[str](), list[float]()
    left = np.ones(len(tied[0][2]), dtype=bool)
    for _, base, equal in sorted(tied, key=lambda one: -one[0]):
        if len(bases) < MOST_BASES and (not bases or (left & equal).sum() >= least):
            bases.append(base)
            shares.append(float(f"{(left & equal).mean():.4g}"))
            left &= ~equal
    apart = (tuple(sorted({*common[base], *common[target]})) for base in bases)
    return Tie(target, tuple(bases), tuple(apart), tuple(shares))


def _likely_pairs(
    columns: Mapping[str, Values], there: Mapping[str, Mask], common: Mapping[str, tuple[float, ...]]
) -> Iterator[tuple[int, int]]:
    """The places of two columns that are equal in some of the first rows, those of the most rows first."""
    rows = _evenly(len(next(iter(there.values()))), FIRST)
    held = np.full((len(columns), len(rows)), np.nan)
    for place, (name, values) in enumerate(columns.items()):
        kept = there[name][rows] & ~np.isin(values[rows], common[name])
        held[place, kept] = values[rows][kept]
    counts = [(held[place + 1 :] == held[place]).sum(1) for place in range(len(held))]
    least = max(2.0, LEAST * len(rows) / 3)
    found = [
        (-int(count[more]), place, place + 1 + more)
        for place, count in enumerate(counts)
        for more in np.flatnonzero(count >= least).tolist()
    ]
    yield from ((place, other) for _, place, other in sorted(found)[:MOST_PAIRS])


def _is_more_than_chance(base: Values, target: Values, rows: int) -> bool:
    """Whether the columns are equal more often than they would be by chance; both without holes and common values."""
    equal = int((base == target).sum())
    if equal < max(FEWEST, LEAST * rows):
        return False
    gaps, counts = np.unique(target.astype(np.float64) - base.astype(np.float64), return_counts=True)
    near, places = np.unique(np.abs(gaps[gaps != 0]), return_inverse=True)
    beside = np.bincount(places, counts[gaps != 0], len(near))[:NEXT] / 2  # on either side
    (seen, of_base), (also, of_target) = (np.unique(part, return_counts=True) for part in (base, target))
    _, one, other = np.intersect1d(seen, also, return_indices=True)
    by_laws = float(of_base[one] @ of_target[other].astype(np.float64)) / max(1, rows)
    chance = max(by_laws, float(beside.max(initial=0.0)))
    return equal >= TIMES * chance and equal - chance >= max(LEAST * rows, SURE * (1 + chance) ** 0.5)


def _common(values: Values) -> tuple[float | int, ...]:
    seen, counts = np.unique(values, return_counts=True)
    return tuple(seen[counts >= COMMON * len(values)].tolist())


def _evenly(n: int, most: int) -> NDArray[np.intp]:
    """So many rows at most, all of them or as far from each other as can be."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.intp)
