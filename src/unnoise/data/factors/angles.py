r"""Angles: periodic columns, as one point of a torus.

Degrees or radians u become angles x in $[-\pi, \pi)$; in degrees $\log p(u) = \log p(x) + \log(\pi/180)$ per angle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise._errors import warn
from unnoise.data._checked import check
from unnoise.data._numerics import Values, cast
from unnoise.data.factors.base import Columns, Factor, dtypes_of, expect, finite_numbers, refuse
from unnoise.processes import Brownian
from unnoise.spaces import Torus

WHOLE_TURN = 2 * math.pi
_MOST_TURNS = 1e6  # beyond them the remainder loses digits
_LEAST_DEGREES = 60  # whole numbers below it may count something else
_FINEST = 1e10  # in the finest unit that files have, 1e-7 of a degree, no angle is beyond
_DEGREES = 1.01 * WHOLE_TURN  # numbers beyond a turn of radians are degrees


@dataclass(frozen=True)
class AngleFactor(Factor):
    """Angles in degrees or radians; if the kind does not say which, the range does.

    >>> wind = AngleFactor.fit({"from": np.array([350.0, 10.0, 180.0])})
    >>> str(wind)
    'angle in degrees, 0 to 360'
    >>> wind.decode(wind.encode({"from": np.array([350.0, 10.0])}))["from"].round()
    array([350.,  10.])
    """

    kind: ClassVar[str] = "angle"
    turn: float
    starts: tuple[float, ...]
    dtypes: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check(self.turn in (360.0, WHOLE_TURN), "turn", self.turn, "360 or 2 pi")
        self._check_each("starts", self.starts)
        self._check_dtypes(self.dtypes)
        check({*self.starts} <= {0.0, -self.turn / 2}, "starts", self.starts, "0 or half a turn below it")

    @classmethod
    def fit(cls, columns: Columns, turn: float | None = None) -> Self:
        """By `turn`, 360 or 2 pi; else in degrees if a column exceeds 2 pi. From 0 if no value is negative."""
        for name, values in columns.items():
            finite_numbers(values, name, cls.kind)
        if turn is None:
            _refuse_parts_of_a_day(columns)
            farthest = max(float(np.abs(values.astype(np.float64)).max()) for values in columns.values())
            turn = 360.0 if farthest > _DEGREES else WHOLE_TURN
        whole = next((name for name, values in columns.items() if values.dtype.kind != "f"), None)
        expect(
            turn == 360.0 or whole is None,
            f"Column '{whole}' holds whole numbers, which are hardly angles in radians; declare it degrees, or scale "
            "it so that a turn is 360.",
        )
        if turn == 360.0:  # in radians they are refused
            _warn_beyond_a_turn(columns)
        starts = tuple(0.0 if values.min() >= 0 else -turn / 2 for values in columns.values())
        return cls(tuple(columns), turn, starts, dtypes_of(columns))

    def process(self) -> Brownian:
        """Brownian motion on the torus."""
        return Brownian(Torus(len(self.columns)))

    @property
    def anywhere(self) -> Tensor:
        """All angles 0."""
        return torch.zeros(len(self.columns))

    @property
    def log_volume(self) -> float:
        """The scale 2 pi / turn, once per angle."""
        return len(self.columns) * math.log(WHOLE_TURN / self.turn)

    @property
    def measure(self) -> str:
        """Per unit of angle."""
        return f"density per {self._unit.removesuffix('s')} of each angle"

    def encode(self, columns: Columns) -> Tensor:
        """Angles in [-pi, pi)."""
        parts = [self._wrapped(columns[name], name) for name in self.columns]
        return torch.from_numpy(np.stack(parts, axis=1).astype(np.float32))

    def decode(self, x: Tensor) -> dict[str, Values]:
        """Angles in the units and the range of the data."""
        angles = x.double().numpy().T * (self.turn / WHOLE_TURN)
        fields = zip(self.columns, angles, self.starts, self.dtypes, strict=True)
        return {name: cast(_within(angle, s, self.turn, dtype), dtype) for name, angle, s, dtype in fields}

    def turn_of(self, column: str) -> float:
        """A turn, in the unit of the data."""
        return self.turn

    @property
    def _unit(self) -> str:
        return "degrees" if self.turn == 360.0 else "radians"

    def _wrapped(self, values: Values, name: str) -> Values:
        finite_numbers(values, name, self.kind)
        farthest = float(np.abs(values.astype(np.float64)).max()) if len(values) else 0.0
        refuse(
            np.abs(values.astype(np.float64)) > _MOST_TURNS * self.turn,
            lambda row: f"Column '{name}' holds {values[row]} in row {row}, far more than a turn; expected angles.",
        )
        expect(
            self.turn == 360.0 or farthest <= _DEGREES,
            f"Column '{name}' holds angles up to {farthest:.4g}, but the model is fitted on radians; were these "
            "degrees?",
        )
        angle = values.astype(np.float64) * (WHOLE_TURN / self.turn)
        return np.mod(angle + math.pi, WHOLE_TURN) - math.pi

    def __str__(self) -> str:
        start = self.starts[0]
        return f"angle in {self._unit}, {start:.4g} to {start + self.turn:.4g}"


def _within(angles: Values, start: float, turn: float, dtype: str) -> Values:
    """Angles in one turn from its start, whole ones without its end, which is its start."""
    whole = np.rint(angles) if np.dtype(dtype).kind in "iu" else angles
    return np.asarray(start + np.mod(whole - start, turn))


def _warn_beyond_a_turn(columns: Columns) -> None:
    """Most angles lie within a turn, unless they are in another unit, such as thousandths."""
    for name, values in columns.items():
        far = np.abs(values.astype(np.float64))
        if (share := float((far > 360).mean())) > 0.5 and far.max() <= _FINEST:
            warn(
                f"Column '{name}' holds angles up to {far.max():g} degrees, {100 * share:.0f} % of them beyond a turn; "
                "they are taken modulo 360: scale the column if it is in another unit"
            )


def _refuse_parts_of_a_day(columns: Columns) -> None:
    """Whole numbers that stay near 0 count hours, minutes, days or months rather than degrees."""
    for name, values in columns.items():
        most = int(values.max()) if values.dtype.kind in "iu" else _LEAST_DEGREES
        expect(
            not _DEGREES < most < _LEAST_DEGREES or values.min() < 0,
            f"Column '{name}' holds whole numbers up to {most}, which may be hours, days or months; declare it degrees "
            "if it is that, or scale it so that a turn is 360, as hours by 15.",
        )
