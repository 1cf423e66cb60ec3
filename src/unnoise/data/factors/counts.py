"""Counts: whole numbers from zero without a largest one, as one point of the space of counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data._numerics import Values
from unnoise.data.factors.base import Columns, Factor, finite_numbers, first_row
from unnoise.processes import ImmigrationDeath
from unnoise.spaces import Counts


@dataclass(frozen=True)
class CountFactor(Factor):
    """How often something happened.

    >>> calls = CountFactor.fit({"calls": np.array([0, 3, 5])})
    >>> str(calls)
    'count, mean 2.667'
    """

    kind: ClassVar[str] = "count"
    means: tuple[float, ...]
    dtypes: tuple[str, ...]

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """The means, at which noise arrives."""
        for name, values in columns.items():
            _check(values, name)
        means = tuple(max(float(values.mean()), 0.1) for values in columns.values())
        return cls(tuple(columns), means, tuple(str(values.dtype) for values in columns.values()))

    def process(self) -> ImmigrationDeath:
        """What was counted is forgotten one by one, while new events arrive, up to a Poisson law."""
        return ImmigrationDeath(Counts(len(self.columns)), self.means)

    @property
    def measure(self) -> str:
        """Probabilities."""
        return "probability of the counts"

    def encode(self, columns: Columns) -> Tensor:
        """The counts, int64."""
        for name in self.columns:
            _check(columns[name], name)
        return torch.from_numpy(np.stack([columns[name] for name in self.columns], axis=1).astype(np.int64))

    def decode(self, x: Tensor) -> dict[str, Values]:
        """The counts."""
        return {
            name: x[:, i].numpy().astype(dtype)
            for i, (name, dtype) in enumerate(zip(self.columns, self.dtypes, strict=True))
        }

    def __str__(self) -> str:
        return f"count, mean {self.means[0]:.4g}" if len(self.means) == 1 else "count"


def _check(values: Values, name: str) -> None:
    finite_numbers(values, name, CountFactor.kind)
    bad = (values < 0) | (values != np.rint(values))
    if bad.any():
        row = first_row(bad)
        raise InputError(
            f"Column '{name}' is declared a count, but holds {values[row]} in row {row}; expected whole numbers from 0."
        )
