"""Sets of any number of exchangeable observations as conditions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from torch import nn

from unnoise._errors import InputError
from unnoise.data import _numerics
from unnoise.data._checked import check, check_scale
from unnoise.data._numerics import Floats, Values
from unnoise.data.features.base import Block, as_values
from unnoise.data.features.vectors import CODE
from unnoise.networks import SetEncoder

MOST = 2**20  # observations of one row
_LEAST = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Sets(Block):
    """Sets of one or more observations, each of the same few numbers, whose order does not matter.

    They come as n arrays (m, d) or (m,), or as one (n, m, d) or (n, m) in which NaN or a mask stands for observations
    that there are not. In `cond` each observation is a 1 and its numbers, with mean 0 and spread 1 over the data; zeros
    follow. `networks.SetEncoder` reads them or that of `encoders`, called with (d,) and how many numbers it makes.

    >>> tries = Sets.fit(np.array([[1.0, 3.0, np.nan], [5.0, np.nan, np.nan]]), "tries")
    >>> str(tries), tries.features(np.array([[3.0, np.nan, np.nan]]), "tries").round(2).tolist()
    ('set of up to 2 observations of 1 number', [[1.0, 0.0, 0.0, 0.0]])
    """

    name: ClassVar[str] = "set"
    ragged: ClassVar[bool] = True
    numbers: int
    most: int
    means: tuple[float, ...]
    scales: tuple[float, ...]

    def __post_init__(self) -> None:
        check(
            self.numbers > 0 and 0 < self.most <= MOST, "numbers, most", (self.numbers, self.most), "positive numbers"
        )
        fits = len(self.means) == len(self.scales) == self.numbers
        check(fits, "means, scales", self.means, f"{self.numbers} numbers each")
        for scale in self.scales:
            check_scale(scale, _LEAST)

    @classmethod
    def fit(cls, values: Values, column: str) -> Self:
        """Means and spreads of all observations, and the largest set."""
        sets = _observations(values, column, None)
        every = np.concatenate(sets)
        found = [_numerics.moments(part) for part in every.T]
        means, scales = tuple(mean for mean, _ in found), tuple(scale or 1.0 for _, scale in found)
        return cls(every.shape[1], max(map(len, sets)), means, scales)

    @property
    def block(self) -> tuple[int, ...]:
        """That of the largest set."""
        return (self.most, self.numbers)

    @property
    def width(self) -> int:
        """A mark and the numbers of each observation, as many as the largest set of the data has."""
        return self.most * (1 + self.numbers)

    @property
    def layout(self) -> tuple[int, ...]:
        """(any, 1 + d)."""
        return (-1, 1 + self.numbers)

    def encoder(self, make: Callable[..., nn.Module] | None) -> nn.Module:
        """The same network for every observation, then their mean and number."""
        return (make or SetEncoder)((self.numbers,), CODE)

    @property
    def code(self) -> int:
        """The numbers that stand for a set."""
        return CODE

    def given(self, value: Any, column: str, n: int) -> Values:
        """Sets of n rows, from one for all rows or one for each."""
        values = as_values(value, column)
        apart = values.dtype == object or values.ndim == 3
        if not apart and (values.ndim == 1 or (values.shape[1] == self.numbers and len(values) != n)):
            found = np.empty(n, dtype=object)
            found[:] = [values] * n if n else []
            return found
        if len(values) != n:
            raise InputError(
                f"The condition '{column}' was given {len(values)} sets; give one, or one for each of {n} rows."
            )
        return values

    def features(self, values: Values, column: str) -> Floats:
        """A 1 and the standardised numbers for each observation; zeros where there is none."""
        sets = _observations(values, column, self.numbers)
        size = max([self.most, *map(len, sets)])
        there = np.arange(size) < np.array([len(one) for one in sets])[:, None]
        found = np.zeros((len(sets), size, 1 + self.numbers))
        found[there, 0] = 1
        if sets:
            found[there, 1:] = (np.concatenate(sets) - np.array(self.means)) / np.array(self.scales)
        return found.reshape(len(sets), -1)

    def holding(self, values: Any) -> Self:
        """As it is, but for larger sets."""
        sets = _observations(as_values(values, self.name), self.name, self.numbers)
        return replace(self, most=max([self.most, *map(len, sets)]))

    @property
    def example(self) -> Any:
        """Words for a set."""
        return f"an array of observations, (any, {self.numbers})"

    def __str__(self) -> str:
        what = "number" if self.numbers == 1 else "numbers"
        return f"set of up to {self.most} observations of {self.numbers} {what}"


def _observations(values: Values, column: str, numbers: int | None) -> list[Floats]:
    """The observations of each row, (m, d), without those that there are not."""
    check(values.dtype == object or values.ndim in (2, 3), f"the condition '{column}'", values.shape, "sets, (n, m, d)")
    sets = []
    for row, held in enumerate(values):
        part = np.asarray(held)
        part = part[:, None] if part.ndim == 1 else part
        if part.ndim != 2 or part.dtype.kind not in "biuf" or (numbers is not None and part.shape[1] != numbers):
            expected = "of numbers" if numbers is None else f"of {numbers} number{'s' * (numbers != 1)}"
            raise InputError(
                f"The condition '{column}' holds an array of shape {part.shape} in row {row}; expected observations "
                f"{expected}, (any, {numbers or 'd'})."
            )
        part = part.astype(np.float64)
        numbers = part.shape[1]
        gone = np.isnan(part)
        if (gone.any(1) != gone.all(1)).any() or np.isinf(part).any():
            raise InputError(
                f"The condition '{column}' has an observation with a hole or an infinity in row {row}; an observation "
                "is there as a whole, or not at all."
            )
        if not (kept := part[~gone.all(1)]).size:
            raise InputError(
                f"The condition '{column}' is a set of no observations in row {row}; expected at least one."
            )
        sets.append(kept)
    return sets
