"""Real columns and dequantised integers, standardised, as a point of a Euclidean space."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data import kinds as registry
from unnoise.data._checked import check, check_shape, entries
from unnoise.data._numerics import Values, pieces, row_of
from unnoise.data.base import Coordinate
from unnoise.data.factors.base import Columns, Factor, finite_numbers
from unnoise.data.kinds import Integer
from unnoise.processes import Gaussian, variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean


@dataclass(frozen=True)
class NumberFactor(Factor):
    """Columns of numbers, or one block of them such as an image.

    Args:
        columns: the names; a block has one.
        coordinates: how each column is standardised.
        block: the shape of the block; empty for columns.
    """

    kind: ClassVar[str] = "numbers"
    coordinates: tuple[Coordinate, ...]
    block: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_each("coordinates", self.coordinates)
        check(not self.block or len(self.columns) == 1, "columns", self.columns, "one, as it is a block")
        check_shape(self.block)

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """Not used: `inference` makes this factor."""
        raise InputError("got columns declared numbers; declare each of them real or integer")

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one point."""
        return self.block or (len(self.columns),)

    def process(self) -> Gaussian:
        """Variance preserving, with a log signal-to-noise ratio that falls linearly from 13.3 to -10."""
        return variance_preserving(Euclidean(self.event_shape), LinearLogSNR())

    @property
    def anywhere(self) -> Tensor:
        """The means."""
        return torch.zeros(self.event_shape)

    @property
    def log_volume(self) -> float:
        """One scale per number."""
        repeats = int(np.prod(self.event_shape)) // len(self.coordinates)
        return repeats * sum(kind.log_volume for kind in self.coordinates)

    def volumes(self) -> Tensor:
        """The scale of each number."""
        volumes = torch.tensor([kind.log_volume for kind in self.coordinates], dtype=torch.float64)
        return volumes.expand(self.event_shape)

    @property
    def measure(self) -> str:
        """A density, or a bound for dequantised integers."""
        return self.measure_of(self.columns)

    def measure_of(self, names: Collection[str]) -> str:
        """Of these columns, a density, or a bound for dequantised integers."""
        kinds = zip(self.columns, self.coordinates, strict=True)
        integers = [isinstance(kind, Integer) for name, kind in kinds if name in names]
        if all(integers):
            return "integer columns dequantised: a lower bound on the log-probability"
        bound = "; integer columns dequantised: a lower bound" if any(integers) else ""
        return f"density in the data's own units{bound}"

    def seen(self, column: str) -> tuple[float, float] | None:
        """The range of a column."""
        kind = self.coordinates[self.columns.index(column)]
        return None if kind.low is None or kind.high is None else (kind.low, kind.high)

    def jitter(self) -> Tensor | None:
        """The cells of integers."""
        widths = [kind.jitter for kind in self.coordinates]
        return torch.tensor(widths, dtype=torch.float32).expand(self.event_shape) if any(widths) else None

    def encode(self, columns: Columns) -> Tensor:
        """Standardised numbers, float32."""
        parts = []
        for name, kind in zip(self.columns, self.coordinates, strict=True):
            finite_numbers(columns[name], name, kind.name)
            kind.check(columns[name], name)
            parts.append(_coordinates(kind, columns[name], name))
        return parts[0] if self.block else torch.stack(parts, dim=1)

    def decode(self, x: Tensor) -> dict[str, Values]:
        """Numbers in their own units."""
        numbers, columns = x.double().numpy(), {}
        for i, (name, kind) in enumerate(zip(self.columns, self.coordinates, strict=True)):
            part = numbers if self.block else numbers[:, i]
            columns[name] = np.concatenate([kind.decode(piece) for piece in pieces(part)])
        return columns

    def to_config(self) -> dict[str, Any]:
        """JSON, with every coordinate's."""
        return super().to_config() | {"coordinates": [kind.to_config() for kind in self.coordinates]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The factor that `to_config` described."""
        kinds = [registry.from_config(part) for part in entries(config.get("coordinates"), "coordinates")]
        return super().from_config({**config, "coordinates": kinds})

    def __str__(self) -> str:
        return f"{len(self.columns)} columns of numbers"


def _coordinates(kind: Coordinate, values: Values, name: str) -> Tensor:
    x = np.empty(values.shape, dtype=np.float32)
    with np.errstate(over="ignore"):
        for target, piece in zip(pieces(x), pieces(values), strict=True):
            target[...] = kind.encode(piece)
    return representable(x, values, name)


def representable(x: NDArray[np.float32], values: Values, name: str) -> Tensor:
    """A float32 tensor; infinite numbers are refused."""
    if (far := np.flatnonzero(~np.isfinite(x))).size:
        raise InputError(
            f"Column '{name}' holds {values.flat[far[0]]} in row {row_of(int(far[0]), values)}, which is too "
            "far from the data that was fitted to be represented."
        )
    return torch.from_numpy(x)
