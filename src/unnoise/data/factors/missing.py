"""Which cells of the data are missing, as a point of a finite space: beside each column with holes, 0 or 1."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise.data._checked import check
from unnoise.data._numerics import Values
from unnoise.data.factors.base import Columns, Factor, percent
from unnoise.data.factors.discrete import hiding
from unnoise.data.holes import Present, missing
from unnoise.processes import CTMC


@dataclass(frozen=True)
class MissingFactor(Factor):
    """Flags of the columns that had holes: 0 where a row has a value, 1 where it has none.

    Args:
        columns: the names of the columns.
        shares: how much of each was missing.

    >>> flags = MissingFactor.fit({"income": np.array([False, True, False, False])})
    >>> flags.shares, flags.encode({"income": np.array([True, False])}).tolist()
    ((0.25,), [[1], [0]])
    """

    kind: ClassVar[str] = "missing"
    of_values: ClassVar[bool] = False
    measure: ClassVar[str] = "rows with holes: of what is known"
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_each("shares", self.shares)
        check(all(0 < share < 1 for share in self.shares), "shares", self.shares, "numbers between 0 and 1")

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """Of truth values: where each column is missing."""
        return cls(tuple(columns), tuple(float(flags.mean()) for flags in columns.values()))

    def process(self) -> CTMC:
        """Jumps to a mask."""
        return hiding((2,) * len(self.columns))

    @property
    def anywhere(self) -> Tensor:
        """Nothing is missing."""
        return torch.zeros(len(self.columns), dtype=torch.int64)

    def encode(self, columns: Columns) -> Tensor:
        """The flags of truth values, int64."""
        return torch.from_numpy(np.stack([columns[name] for name in self.columns], axis=1).astype(np.int64))

    def decode(self, x: Tensor) -> dict[str, Values]:
        """Where each column is missing."""
        return {name: flags.astype(bool) for name, flags in zip(self.columns, x.numpy().T, strict=True)}

    def encode_known(self, columns: Columns, present: Present) -> Tensor:
        """The flags of columns, from their holes."""
        flags, n = missing(present), len(columns[self.columns[0]])
        return self.encode({name: flags.get(name, np.zeros(n, dtype=bool)) for name in self.columns})

    def known(self, present: Present, n: int) -> Tensor:
        """All: a hole says that a cell is missing."""
        return torch.ones((n, len(self.columns)), dtype=torch.bool)

    def cells_of(self, names: Collection[str]) -> Tensor:
        """None: the cell of a column is its value, not its flag."""
        return torch.zeros(len(self.columns), dtype=torch.bool)

    def flags_of(self, names: Collection[str]) -> Tensor:
        """Which flags are those of these columns, (*cells) bool."""
        return torch.tensor([name in names for name in self.columns])

    def words(self, columns: Collection[str]) -> str:
        """How much of these columns was missing, to add to their description."""
        shares = {name: share for name, share in zip(self.columns, self.shares, strict=True) if name in columns}
        if len(columns) == 1:
            return "".join(f", missing in {percent(share)} of rows" for share in shares.values())
        listed = ", ".join(f"{name} in {percent(share)}" for name, share in list(shares.items())[:6])
        return f", missing: {listed}{', ...' if len(shares) > 6 else ''}" if shares else ""

    def __str__(self) -> str:
        return "which cells are missing"
