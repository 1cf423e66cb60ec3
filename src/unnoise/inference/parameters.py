"""What parameters are: names, shapes, bounds, and a chart that takes what is possible to all of R^d."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unnoise._checks import instance, refuse, shown
from unnoise._errors import InputError
from unnoise.inference.charts import Floats as Floats
from unnoise.inference.charts import PriorChart, Ranges, Shares
from unnoise.inference.parts import Part as Part

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Parameters:
    r"""Parameters with or without bounds, some of them whole numbers or shares, and a chart of them.

    A number between two ends is $\theta = a + (b - a)\,\Phi(z)$, with the normal distribution function $\Phi$, so
    that a uniform prior is N(0, 1) in the chart; on one end $\theta = a + e^z$ or $b - e^z$; without ends
    $\theta = z$. A whole number k is drawn by what lies between k - 1/2 and k + 1/2; of shares each is a part of what
    those before it leave, $v_i = 1 - \Phi(-z_i)^{1/(K-i)}$.

    Args:
        parts: one without a name, or several with names, which are shown as a dict.
        low: the least value of each number; minus infinity without one.
        high: the greatest.
        whole: which numbers are whole; by default none.

    >>> box = Parameters((Part("", (3,)),), (0.0, 0.0, -np.inf), (2.0, np.inf, np.inf))
    >>> box.inside(np.array([[-50.0, 0.0, 5.0]])).round(3).tolist()
    [[0.0, 1.0, 5.0]]
    >>> box.outside(np.array([[1.0, 1.0, 5.0]])).tolist()
    [[0.0, 0.0, 5.0]]
    """

    parts: tuple[Part, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    whole: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        instance(tuple, parts=self.parts, low=self.low, high=self.high, whole=self.whole)
        for part in self.parts:
            instance(Part, part=part)
        names = [part.name for part in self.parts]
        if len(set(names)) < len(names) or not names or ("" in names and len(names) > 1):
            refuse("parts", names, "parts of different names, or one without a name")
        size = sum(part.size for part in self.parts)
        ends = [*self.low, *self.high]
        numbers = all(isinstance(end, int | float) for end in ends) and len(self.low) == len(self.high) == size
        if not (numbers and all(low < high for low, high in zip(self.low, self.high, strict=True))):
            refuse("low, high", (self.low, self.high), f"{size} least values, each below the greatest")
        if self.whole and not (len(self.whole) == size and all(isinstance(flag, bool) for flag in self.whole)):
            refuse("whole", self.whole, f"{size} truth values, or none")

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self.low)

    @property
    def free(self) -> int:
        """How many numbers the chart has."""
        return sum(part.free for part in self.parts)

    @property
    def ends(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The least and the greatest values, of whole numbers the ends of their cells."""
        whole = self.whole or (False,) * self.size
        low = tuple(end - 0.5 * cell for end, cell in zip(self.low, whole, strict=True))
        return low, tuple(end + 0.5 * cell for end, cell in zip(self.high, whole, strict=True))

    @property
    def named(self) -> bool:
        """Whether they are shown as a dict."""
        return bool(self.parts[0].name)

    @property
    def columns(self) -> list[str]:
        """A name for each number."""
        return [column for part in self.parts for column in part.columns]

    @property
    def free_columns(self) -> list[str]:
        """A name for each number of the chart."""
        return [column for part in self.parts for column in part.free_columns]

    def shown(self, theta: Floats) -> Any:
        """Rows (..., d) as the prior draws them."""
        ends = np.cumsum([part.size for part in self.parts])
        found = {
            part.name: part.shown(theta[..., end - part.size : end], all(self.whole[end - part.size : end] or [False]))
            for part, end in zip(self.parts, ends.tolist(), strict=True)
        }
        return found if self.named else found[""]

    def read(self, theta: Any) -> Floats:
        """Rows (n, d) from what `shown` makes; one value alone is one row.

        Raises:
            InputError: other names, shapes, or numbers that are not finite.
        """
        held = theta if self.named else {"": theta}
        if not isinstance(held, Mapping) or set(held) != {part.name for part in self.parts}:
            got = ", ".join(map(str, held)) if isinstance(held, Mapping) else shown(theta)
            raise InputError(f"got parameters {got}; expected a dict of {', '.join(part.name for part in self.parts)}")
        rows = [part.read(held[part.name]) for part in self.parts]
        counts = {len(one) for one in rows}
        if len(counts) > 1:
            raise InputError(f"got parameters of {sorted(counts)} rows; expected as many of each")
        found = np.concatenate(rows, axis=1)
        if not np.isfinite(found).all():
            row, place = np.argwhere(~np.isfinite(found))[0]
            raise InputError(f"got {self.columns[place]} = {found[row, place]} in row {row}; expected finite numbers")
        return found

    def told(self, row: Floats) -> str:
        """One row in words, as `a = 1, b = 2`."""
        return ", ".join(f"{name} = {value:.6g}" for name, value in zip(self.columns, row.tolist(), strict=True))

    def contains(self, theta: Floats) -> NDArray[np.bool_]:
        """Which rows are possible: in the box, its ends with it, whole numbers where they are, shares of sum 1."""
        return np.asarray(np.all([chart.contains(theta[..., place]) for chart, place, _ in self._charts], axis=0))

    def inside(self, z: Floats) -> Floats:
        """Parameters, (..., d), for points of the chart, (..., free): never on an end."""
        found = np.empty((*z.shape[:-1], self.size))
        for chart, place, free in self._charts:
            found[..., place] = chart.inside(z[..., free])
        return found

    def outside(self, theta: Floats, rng: torch.Generator | None = None) -> Floats:
        """Points of the chart for parameters; an end counts as just inside.

        Args:
            theta: (..., d).
            rng: of where in its cell a whole number lies; None for the middle.
        """
        found = np.empty((*theta.shape[:-1], self.free))
        for chart, place, free in self._charts:
            found[..., free] = chart.outside(theta[..., place], rng)
        return found

    def log_volume(self, z: Floats) -> Floats:
        r"""$\log|\partial\theta/\partial z|$, (n,); of whole numbers that of their cells."""
        return np.asarray(np.sum([chart.log_volume(z[..., free]) for chart, _, free in self._charts], axis=0))

    def volume_slopes(self, z: Floats) -> Floats:
        r"""$\partial\log|\partial\theta/\partial z|/\partial z_i$, (n, free)."""
        found = np.empty_like(z)
        for chart, _, free in self._charts:
            found[..., free] = chart.volume_slopes(z[..., free])
        return found

    def pulled(self, slopes: Floats, z: Floats) -> Floats:
        r"""$\sum_j g_j\,\partial\theta_j/\partial z_i$, (n, free), of slopes g in theta, (n, d); 0 of whole numbers."""
        found = np.empty_like(z)
        for chart, place, free in self._charts:
            found[..., free] = chart.pulled(slopes[..., place], z[..., free])
        return found

    @cached_property
    def _charts(self) -> list[tuple[PriorChart, Places, Places]]:
        """Each with the places of its numbers, and of those of its chart: a box, and shares of each part."""
        boxed: list[list[int]] = [[], []]
        charts: list[tuple[PriorChart, Places, Places]] = []
        start = first = 0
        for part in self.parts:
            places, free = (
                np.arange(begin, begin + count) for begin, count in ((start, part.size), (first, part.free))
            )
            start, first = start + part.size, first + part.free
            if part.shares:
                charts.append((Shares(part.shape[-1]), places, free))
            else:
                boxed[0].extend(places.tolist())
                boxed[1].extend(free.tolist())
        if boxed[0]:
            places, free = (np.array(one) for one in boxed)
            low, high = (np.array(end)[places] for end in self.ends)
            charts.append((Ranges(low, high, np.array(self.whole or (False,) * self.size)[places]), places, free))
        return charts
