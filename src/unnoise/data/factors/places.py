"""Places on the globe: latitude and longitude in degrees, as one point of the unit sphere.

Densities are with respect to area on the unit sphere, of total 4 pi.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise.data._checked import check
from unnoise.data._numerics import Values, cast
from unnoise.data.factors.base import Columns, Factor, dtypes_of, expect, finite_numbers, refuse
from unnoise.processes import Brownian
from unnoise.spaces import Sphere


@dataclass(frozen=True)
class PlaceFactor(Factor):
    """Latitude from -90 to 90 and longitude from -180 to 180, or to 360, in degrees.

    >>> quakes = PlaceFactor.fit({"lat": np.array([10.0, -30.0]), "lon": np.array([179.0, -179.0])})
    >>> quakes.encode({"lat": np.array([90.0]), "lon": np.array([0.0])}).round(decimals=3)
    tensor([[0., 0., 1.]])
    """

    kind: ClassVar[str] = "latlon"
    joint: ClassVar[bool] = True
    measure: ClassVar[str] = "density per unit of area on the unit sphere"
    start: float
    dtypes: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check(len(self.columns) == 2, "columns", self.columns, "two")
        check(self.start in (0.0, -180.0), "start", self.start, "0 or -180")
        self._check_dtypes(self.dtypes)

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """Longitudes run from 0 to 360 if one is above 180."""
        expect(
            len(columns) == 2,
            f"latlon takes two columns, latitude and longitude, but got {len(columns)}; write --column lat,lon=latlon.",
        )
        _check(columns)
        longitude = list(columns.values())[1]
        return cls(tuple(columns), 0.0 if longitude.max() > 180 else -180.0, dtypes_of(columns))

    def process(self) -> Brownian:
        """Brownian motion on the sphere."""
        return Brownian(Sphere(2))

    @property
    def anywhere(self) -> Tensor:
        """Latitude and longitude 0."""
        return torch.tensor([1.0, 0.0, 0.0])

    def encode(self, columns: Columns) -> Tensor:
        """Unit vectors: x to (0, 0), z to the north pole."""
        _check({name: columns[name] for name in self.columns})
        latitude, longitude = (np.radians(columns[name].astype(np.float64)) for name in self.columns)
        level = np.cos(latitude)
        x = np.stack([level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)], axis=1)
        return torch.from_numpy(x.astype(np.float32))

    def decode(self, x: Tensor) -> dict[str, Values]:
        """Degrees in the range of the data."""
        a, b, c = x.double().numpy().T
        latitude = np.degrees(np.arctan2(c, np.hypot(a, b)))
        longitude = self.start + np.mod(np.degrees(np.arctan2(b, a)) - self.start, 360.0)
        parts = zip(self.columns, (latitude, longitude), self.dtypes, strict=True)
        return {name: cast(part, dtype) for name, part, dtype in parts}

    def turn_of(self, column: str) -> float | None:
        """Of longitudes."""
        return 360.0 if column == self.columns[1] else None

    def __str__(self) -> str:
        return f"latlon, degrees, longitude from {self.start:.0f} to {self.start + 360:.0f}"


def _check(columns: Columns) -> None:
    for name, values in columns.items():
        finite_numbers(values, name, PlaceFactor.kind)
    (lat, latitude), (lon, longitude) = columns.items()
    swapped = len(longitude) and bool(np.abs(longitude).max() <= 90)
    advice = "name latitude first, then longitude" if swapped else "convert it to degrees in this range"
    refuse(
        np.abs(latitude) > 90,
        lambda row: f"Column '{lat}' holds {latitude[row]} in row {row}; expected degrees from -90 to 90; {advice}.",
    )
    refuse(
        (longitude < -180) | (longitude > 360),
        lambda row: (
            f"Column '{lon}' holds {longitude[row]} in row {row}; expected degrees from -180 to 360; convert it "
            "to degrees in this range."
        ),
    )
