"""Numbers of an observation with long tails: read in the middle as they are, far out by their logarithm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from unnoise.inference.charts import Floats

LONG = 3.0  # of a deviation, in distances of the quartiles: that of a normal law is .74, of e^N(0, 1) 1.5


@dataclass(frozen=True)
class Tails:
    r"""$\mathrm{arsinh}((u - m)/q)$ of numbers whose deviation says nothing of where most lie; others as they are.

    The mean and the deviation of a Cauchy law are those of its farthest draws, in units of which all others are alike.

    Args:
        middle: m, the median of each number; none where no number has long tails.
        unit: q, the distance of the quartiles; 0 for a number that is read as it is.

    >>> tails = Tails((0.0, 5.0), (0.0, 2.0))
    >>> tails.read(np.array([[3.0, 5.0], [4.0, 5e9]])).round(1).tolist()
    [[3.0, 0.0], [4.0, 22.3]]
    """

    middle: tuple[float, ...] = ()
    unit: tuple[float, ...] = ()

    @classmethod
    def of(cls, x: Floats) -> Tails:
        """Of numbers, (n, k), NaN where there are holes."""
        seen = np.where(np.isnan(x).all(axis=0), 0.0, x)
        low, middle, high = np.nanquantile(seen, [0.25, 0.5, 0.75], axis=0)
        unit = high - low
        unit = np.where(np.nanstd(seen / np.where(unit > 0, unit, 1.0), axis=0) > LONG, unit, 0.0)
        return cls(tuple(middle.tolist()), tuple(unit.tolist())) if unit.any() else cls()

    @classmethod
    def loaded(cls, held: Mapping[str, Any] | None) -> Tails:
        """From a file; older ones have none."""
        return cls() if held is None else cls(*(tuple(map(float, held[name])) for name in ("middle", "unit")))

    def read(self, x: Floats) -> Floats:
        """Numbers (..., k) as they are told."""
        return np.asarray(np.where(self._long, np.arcsinh(self._from_middle(x)), x)) if self.unit else x

    def log_slope(self, x: Floats) -> Floats:
        r"""The logarithm of $\partial\,\mathrm{read}/\partial u$, summed over the numbers, (...,)."""
        if not self.unit:
            return np.zeros(x.shape[:-1])
        slopes = np.log(np.hypot(1.0, self._from_middle(x))) + np.log(np.where(self._long, self.unit, 1.0))
        return np.asarray(-np.where(self._long, slopes, 0.0).sum(axis=-1))

    def _from_middle(self, x: Floats) -> Floats:
        return np.asarray((x - self.middle) / np.where(self._long, self.unit, 1.0))

    @property
    def _long(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return np.array(self.unit) > 0
