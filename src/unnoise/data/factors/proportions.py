"""Proportions: columns that are shares of a whole, as one point of the simplex.

Wright-Fisher noise acts on them, which can reach the faces; `spaces.Aitchison` is the alternative in log-ratio
coordinates, from Python. Densities are with respect to Lebesgue measure on all columns but one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data._numerics import Values, cast
from unnoise.data.factors.base import Columns, Factor, expect, finite_numbers, first_row, quoted
from unnoise.processes import WrightFisher
from unnoise.spaces import Simplex

OFF = 1e-3  # how far from 1 a row may sum
LEAST = 1e-5  # parts are kept this far from zero


@dataclass(frozen=True)
class ProportionFactor(Factor):
    """Columns that are shares of a whole, or percentages.

    >>> mix = ProportionFactor.fit({"a": np.array([20.0, 50.0]), "b": np.array([80.0, 50.0])})
    >>> mix.encode({"a": np.array([25.0]), "b": np.array([75.0])})
    tensor([[0.2500, 0.7500]])
    """

    kind: ClassVar[str] = "proportions"
    total: float
    dtype: str

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """The whole is 1 or 100."""
        expect(len(columns) > 1, f"Proportions take two or more columns that sum to one; got {quoted(list(columns))}.")
        for name, values in columns.items():
            finite_numbers(values, name, cls.kind)
        sums = np.sum(list(columns.values()), axis=0)
        total = 100.0 if np.median(sums) > 50 else 1.0
        factor = cls(tuple(columns), total, str(np.result_type(*columns.values(), np.float32)))
        factor.encode(columns)
        return factor

    def process(self) -> WrightFisher:
        """Wright-Fisher noise, which ends at the uniform law on the simplex."""
        return WrightFisher(Simplex(len(self.columns)))

    @property
    def log_volume(self) -> float:
        """One whole of the data is 1."""
        return -(len(self.columns) - 1) * float(np.log(self.total))

    @property
    def measure(self) -> str:
        """Lebesgue measure on all parts but one."""
        return "density of all proportions but one"

    def encode(self, columns: Columns) -> Tensor:
        """Points of the simplex, kept 1e-5 away from its faces."""
        parts = np.stack([columns[name].astype(np.float64) for name in self.columns], axis=1) / self.total
        negative: Values = parts.min(1) < 0
        if negative.any():
            row = first_row(negative)
            raise InputError(
                f"Row {row} of {quoted(self.columns)} holds {parts[row].min() * self.total:.4g}, and proportions are "
                "not negative; were these logits? Apply a softmax first."
            )
        off = np.abs(parts.sum(1) - 1) > OFF
        if off.any():
            row = first_row(off)
            raise InputError(
                f"Row {row} of {quoted(self.columns)} sums to {parts[row].sum() * self.total:.6g}; expected "
                f"{self.total:g}: divide each row by its sum."
            )
        parts = np.maximum(parts, LEAST)
        return torch.from_numpy((parts / parts.sum(1, keepdims=True)).astype(np.float32))

    def decode(self, x: Tensor) -> dict[str, Values]:
        """Shares of the data's whole."""
        parts = x.double().numpy() * self.total
        return {name: cast(parts[:, i], self.dtype) for i, name in enumerate(self.columns)}

    def __str__(self) -> str:
        return f"proportions that sum to {self.total:g}"
