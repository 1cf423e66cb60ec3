"""Numbers: real columns and dequantised integers, standardised, as one point of a Euclidean space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data import kinds as registry
from unnoise.data._numerics import Floats, Values, pieces, row_of
from unnoise.data.base import Coordinate
from unnoise.data.factors.base import Columns, Factor, finite_numbers
from unnoise.data.kinds import Integer
from unnoise.processes import Gaussian, variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Numbers(Factor):
    """Columns of numbers, or one block of them such as an image.

    Args:
        columns: their names; a block has one.
        coordinates: how each is standardised.
        block: the shape of the block; empty for columns.
    """

    kind: ClassVar[str] = "numbers"
    coordinates: tuple[Coordinate, ...]
    block: tuple[int, ...] = ()

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """Kinds from the types of the values; `inference` makes them where a user asks for others."""
        raise InputError("numbers are grouped by the schema: declare columns real or integer instead")

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape of one point."""
        return self.block or (len(self.columns),)

    def process(self) -> Gaussian:
        """Variance preserving, log SNR falling on a line from 13.3 to -10: uniform times are uniform in log SNR."""
        return variance_preserving(Euclidean(self.event_shape), LinearLogSNR())

    @property
    def log_volume(self) -> float:
        """One scale per number."""
        repeats = int(np.prod(self.event_shape)) // len(self.coordinates)
        return repeats * sum(kind.log_volume for kind in self.coordinates)

    @property
    def measure(self) -> str:
        """Densities, and bounds on probabilities where integers are dequantised."""
        integers = sum(isinstance(kind, Integer) for kind in self.coordinates)
        if integers == 0:
            return "density in the data's own units"
        if integers == len(self.coordinates):
            return "integer columns dequantised: a lower bound on the log-probability"
        return "density in the data's own units; integer columns dequantised: a lower bound"

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

    def baselines(self, train: Tensor, test: Tensor, seed: int) -> Iterator[tuple[str, str, Floats]]:
        """A Gaussian, a Gaussian mixture and a kernel density."""
        from unnoise.evaluation import fit_baselines

        first, second = (part.flatten(1).double().numpy() for part in (train, test))
        for label, baseline in fit_baselines(first, seed).items():
            yield label, baseline.description, baseline.score_samples(second)

    def figures(self, real: Columns, samples: Columns) -> list[tuple[Figure, str]]:
        """Histograms, and the first columns against each other."""
        from unnoise.report import plots

        found = super().figures(real, samples)
        if len(self.columns) > 1:
            found.append((plots.pairs(real, samples, self.columns), "The first columns against each other."))
        return found

    def to_config(self) -> dict[str, Any]:
        """With the configuration of every coordinate."""
        coordinates = [kind.to_config() for kind in self.coordinates]
        return {
            "kind": self.kind,
            "columns": list(self.columns),
            "coordinates": coordinates,
            "block": list(self.block),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The factor that `to_config` described."""
        kinds = [registry.from_config(part) for part in config["coordinates"]]
        if any(not isinstance(kind, Coordinate) for kind in kinds):
            raise TypeError("a coordinate is real or integer")
        return cls(tuple(config["columns"]), tuple(kinds), tuple(config["block"]))  # type: ignore[arg-type]

    def __str__(self) -> str:
        return f"{len(self.columns)} columns of numbers"


def _coordinates(kind: Coordinate, values: Values, name: str) -> Tensor:
    x = np.empty(values.shape, dtype=np.float32)
    with np.errstate(over="ignore"):
        for target, piece in zip(pieces(x), pieces(values), strict=True):
            target[...] = kind.encode(piece)
    return representable(x, values, name)


def representable(x: NDArray[np.float32], values: Values, name: str) -> Tensor:
    """The float32 numbers as a tensor; what lies too far out is said here and not met later as infinity."""
    if (far := np.flatnonzero(~np.isfinite(x))).size:
        raise InputError(
            f"Column '{name}' holds {values.flat[far[0]]} in row {row_of(int(far[0]), values)}, which is too "
            "far from the data that was fitted to be represented."
        )
    return torch.from_numpy(x)
