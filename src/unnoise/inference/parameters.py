"""What parameters are: names, shapes, bounds, and a chart that takes a box to all of R^d."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unnoise._checks import instance, refuse, shape, shown
from unnoise._errors import InputError

Floats = NDArray[np.float64]

DTYPES = ("float16", "bfloat16", "float32", "float64")
EDGE = 2.0**-60  # of the width of a box, within which a number counts as so far inside


@dataclass(frozen=True)
class Part:
    """One parameter, or a vector of them.

    Args:
        name: of the part; empty where it has none.
        shape: of one value.
        dtype: of tensors, as "float32", where the prior draws tensors; None for arrays.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or (self.dtype is not None and self.dtype not in DTYPES):
            refuse("name, dtype", (self.name, self.dtype), f"a text, and None or one of {', '.join(DTYPES)}")
        object.__setattr__(self, "shape", shape("shape", self.shape))

    @property
    def size(self) -> int:
        """How many numbers a value has."""
        return math.prod(self.shape)

    @property
    def columns(self) -> list[str]:
        """A name for each number."""
        name = self.name or "theta"
        places = np.ndindex(*self.shape) if self.shape else ()
        return [f"{name}[{', '.join(map(str, place))}]" for place in places] or [name]

    def shown(self, numbers: Floats) -> Any:
        """Numbers (..., size) as the prior draws them, (..., *shape)."""
        values = numbers.reshape((*numbers.shape[:-1], *self.shape))
        return values.copy() if self.dtype is None else torch.from_numpy(values.copy()).to(getattr(torch, self.dtype))


@dataclass(frozen=True)
class Parameters:
    r"""Parameters in a box, each of whose sides may be missing.

    A side of a number on both ends is $\theta = a + (b - a)\,\Phi(z)$, with the normal distribution function $\Phi$, so
    that a uniform prior is N(0, 1) in the chart; on one end $\theta = a + e^z$ or $b - e^z$; without ends
    $\theta = z$.

    Args:
        parts: one without a name, or several with names, which are shown as a dict.
        low: the least value of each number; minus infinity without one.
        high: the greatest.

    >>> box = Parameters((Part("", (3,)),), (0.0, 0.0, -np.inf), (2.0, np.inf, np.inf))
    >>> box.inside(np.array([[-50.0, 0.0, 5.0]])).round(3).tolist()
    [[0.0, 1.0, 5.0]]
    >>> box.outside(np.array([[1.0, 1.0, 5.0]])).tolist()
    [[0.0, 0.0, 5.0]]
    """

    parts: tuple[Part, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self) -> None:
        instance(tuple, parts=self.parts, low=self.low, high=self.high)
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

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return len(self.low)

    @property
    def named(self) -> bool:
        """Whether they are shown as a dict."""
        return bool(self.parts[0].name)

    @property
    def columns(self) -> list[str]:
        """A name for each number."""
        return [column for part in self.parts for column in part.columns]

    def shown(self, theta: Floats) -> Any:
        """Rows (..., d) as the prior draws them."""
        cuts = np.cumsum([part.size for part in self.parts])[:-1]
        found = {
            part.name: part.shown(numbers)
            for part, numbers in zip(self.parts, np.split(theta, cuts, axis=-1), strict=True)
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
        rows = [self._rows(part, held[part.name]) for part in self.parts]
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
        """Which rows lie in the box, its ends with it."""
        low, high = np.array(self.low), np.array(self.high)
        return np.asarray(((theta >= low) & (theta <= high)).all(axis=1))

    def inside(self, z: Floats) -> Floats:
        """Points of the box for those of the chart, (n, d): never on its ends."""
        from scipy.special import ndtr

        low, high, left, right = self._sides()
        width = np.where(left & right, high - low, 1.0)
        with np.errstate(over="ignore"):
            away = np.exp(z)
        share = width * ndtr(-np.abs(z))
        near = np.where(z < 0, low + share, high - share)
        theta = np.where(left & right, near, np.where(left, low + away, np.where(right, high - away, z)))
        least, most = np.nextafter(self.low, np.inf), np.nextafter(self.high, -np.inf)
        ends = np.finfo(np.float64)
        return np.clip(theta, np.where(left, least, ends.min), np.where(right, most, ends.max))

    def outside(self, theta: Floats) -> Floats:
        """Points of the chart for those of the box, (n, d); an end counts as just inside."""
        from scipy.special import ndtri

        low, high, left, right = self._sides()
        above, below = np.maximum(theta - low, 0), np.maximum(high - theta, 0)
        width = np.where(left & right, high - low, 1.0)
        shares = (np.maximum(part / width, EDGE) for part in (above, below))
        under, over = (np.where(left & right, share, 0.5) for share in shares)
        both = np.where(under < over, ndtri(under), -ndtri(over))
        alone = np.log(np.maximum(np.where(left, above, below), np.finfo(np.float64).tiny))
        return np.where(left & right, both, np.where(left | right, alone, theta))

    def log_volume(self, z: Floats) -> Floats:
        r"""$\log|\partial\theta/\partial z|$, (n,)."""
        return np.asarray(self._log_slopes(z).sum(axis=1))

    def slopes(self, z: Floats) -> Floats:
        r"""$\partial\theta_i/\partial z_i$, (n, d)."""
        _, _, left, right = self._sides()
        return np.asarray(np.where(right & ~left, -1.0, 1.0) * np.exp(self._log_slopes(z)))

    def volume_slopes(self, z: Floats) -> Floats:
        r"""$\partial\log|\partial\theta/\partial z|/\partial z_i$, (n, d)."""
        _, _, left, right = self._sides()
        return np.where(left & right, -z, np.where(left | right, 1.0, 0.0))

    def _log_slopes(self, z: Floats) -> Floats:
        low, high, left, right = self._sides()
        width = np.where(left & right, high - low, 1.0)
        both = np.log(width) - 0.5 * z**2 - 0.5 * math.log(2 * math.pi)
        return np.where(left & right, both, np.where(left | right, z, 0.0))

    def _rows(self, part: Part, values: Any) -> Floats:
        try:
            found = np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputError(f"got {part.name or 'theta'} = {shown(values)}; expected numbers") from None
        if found.shape == part.shape:
            found = found[None]
        if found.shape[1:] != part.shape or not found.ndim:
            expected = ", ".join(("n", *map(str, part.shape)))
            raise InputError(
                f"got {part.name or 'theta'} of shape {found.shape}; expected one value of shape {part.shape}, or rows "
                f"({expected})"
            )
        return found.reshape(len(found), part.size)

    def _sides(self) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_]]:
        """The ends, 0 where there is none, and where there are some."""
        left, right = np.isfinite(self.low), np.isfinite(self.high)
        return np.where(left, self.low, 0.0), np.where(right, self.high, 0.0), left, right
