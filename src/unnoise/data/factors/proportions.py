"""Proportions: columns that are shares of a whole, as one point of the simplex.

Densities are with respect to Lebesgue measure on all columns but one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise.data._checked import check, check_dtype
from unnoise.data._decimals import decimals_of
from unnoise.data._numerics import Values, cast
from unnoise.data.factors.base import Columns, Factor, expect, finite_numbers, quoted, refuse, stacked
from unnoise.processes import WrightFisher
from unnoise.spaces import Simplex

OFF = 1e-3  # how far the sum of a row may be from 1, besides rounding
_COARSEST = 0.01  # steps to which shares are rounded
LEAST = 1e-5  # how far parts stay from 0


@dataclass(frozen=True)
class ProportionFactor(Factor):
    """Columns that are shares of a whole, or percentages.

    >>> mix = ProportionFactor.fit({"a": np.array([20.0, 50.0]), "b": np.array([80.0, 50.0])})
    >>> mix.encode({"a": np.array([25.0]), "b": np.array([75.0])})
    tensor([[0.2500, 0.7500]])
    """

    kind: ClassVar[str] = "proportions"
    joint: ClassVar[bool] = True
    measure: ClassVar[str] = "density of all proportions but one"
    total: float
    dtype: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check(len(self.columns) > 1, "columns", self.columns, "two or more")
        check(self.total in (1.0, 100.0), "total", self.total, "1 or 100")
        check_dtype(self.dtype)

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """The whole is 1 or 100."""
        expect(len(columns) > 1, f"Proportions take two or more columns that sum to one; got {quoted(list(columns))}.")
        for name, values in columns.items():
            finite_numbers(values, name, cls.kind)
        with np.errstate(over="ignore"):
            sums = np.sum(list(columns.values()), axis=0)
        total = 100.0 if np.median(sums) > 50 else 1.0
        factor = cls(tuple(columns), total, str(np.result_type(*columns.values(), np.float32)))
        factor.encode(columns)
        return factor

    def process(self) -> WrightFisher:
        """Wright-Fisher noise, with a uniform limit."""
        return WrightFisher(Simplex(len(self.columns)))

    @property
    def anywhere(self) -> Tensor:
        """Equal parts."""
        return torch.full((len(self.columns),), 1 / len(self.columns))

    @property
    def log_volume(self) -> float:
        """The scale 1 / total, for all parts but one."""
        return -(len(self.columns) - 1) * math.log(self.total)

    def encode(self, columns: Columns) -> Tensor:
        """Points kept 1e-5 away from the faces."""
        parts = stacked(columns, self.columns).astype(np.float64) / self.total
        with np.errstate(over="ignore"):
            sums = parts.sum(1)
        where = f"of {quoted(self.columns)}"
        refuse(
            parts.min(1) < 0,
            lambda row: (
                f"Row {row} {where} holds {parts[row].min() * self.total:.4g}; expected proportions, which are "
                "not negative. Were these logits? Apply a softmax first."
            ),
        )
        refuse(
            np.abs(sums - 1) > OFF + self._rounding(columns),
            lambda row: (
                f"Row {row} {where} sums to {float(sums[row]) * self.total:.6g}; expected {self.total:g}: "
                "divide each row by its sum."
            ),
        )
        parts = np.maximum(parts, LEAST)
        return torch.from_numpy((parts / parts.sum(1, keepdims=True)).astype(np.float32))

    def _rounding(self, columns: Columns) -> float:
        """How far sums of shares that were rounded, to a hundredth or finer, may be from 1."""
        decimals = decimals_of(*(columns[name] for name in self.columns))
        step = 1.0 if decimals is None else 10.0**-decimals / self.total
        return len(self.columns) * step / 2 if step <= _COARSEST else 0.0

    def decode(self, x: Tensor) -> dict[str, Values]:
        """Shares of the data's whole."""
        parts = x.double().numpy() * self.total
        return {name: cast(parts[:, i], self.dtype) for i, name in enumerate(self.columns)}

    def __str__(self) -> str:
        return f"proportions that sum to {self.total:g}"
