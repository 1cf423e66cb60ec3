"""Which numbers of a row are those of other columns, as a point of a finite space: beside each tied column a state."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.data._checked import built, check, entries
from unnoise.data._numerics import Values, cast
from unnoise.data.factors.base import Columns, Factor, percent
from unnoise.data.factors.discrete import hiding
from unnoise.data.holes import Mask, Present
from unnoise.data.ties import Tie, ties_of
from unnoise.processes import CTMC


@dataclass(frozen=True)
class TieFactor(Factor):
    r"""Of each tied column 0 where it stands by itself, k where it is its k-th base.

    The cells of the column say its value as before. But where it is tied, and its base is known or drawn, they follow:
    in questions they are neither asked nor given, and in rows that are made the column is its base, exactly. So with s
    the state, a the base and b the tied column, all given c,

    $$p(a, b | c) = p(s = 0 | c)\,p(a, b | s = 0, c) + p(s = 1 | c)\,p(a | s = 1, c)\,\delta_a(b),$$

    and the likelihood of a row in which b is a, unless both have a common value, is its part with $\delta$: a
    probability of b, whatever the measure of a is.

    Args:
        columns: of all ties, the tied ones and their bases.
        ties: each after those of its bases.

    >>> bill = np.arange(1, 101) ** 2
    >>> columns = {"bill": bill, "paid": np.where(bill % 2, bill, bill // 2)}
    >>> factor = TieFactor.fit(columns)
    >>> factor.encode(columns)[:4, 0].tolist()
    [1, 0, 1, 0]
    >>> factor.put({"bill": bill, "paid": 0 * bill}, factor.encode(columns), {}, {})["paid"][:4].tolist()
    [1, 0, 9, 0]
    """

    kind: ClassVar[str] = "tied"
    of_values: ClassVar[bool] = False
    measure: ClassVar[str] = "where a column is another one, the probability of that"
    ties: tuple[Tie, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        targets = [tie.target for tie in self.ties]
        held = {name for tie in self.ties for name in (tie.target, *tie.bases)}
        check(bool(targets) and held == set(self.columns), "columns", self.columns, "those of the ties")
        check(len(set(targets)) == len(targets), "ties", targets, "one for each column")
        for place, tie in enumerate(self.ties):
            check(not set(tie.bases) & set(targets[place:]), "ties", targets, "each after those of its bases")

    @classmethod
    def fit(cls, columns: Columns) -> Self:
        """The ties of columns without holes; an InputError where there are none."""
        ties = ties_of(columns, {})
        if not ties:
            raise InputError("got columns none of which is often exactly another one; leave out the kind tied")
        return cls.of(ties)

    @classmethod
    def of(cls, ties: tuple[Tie, ...]) -> Self:
        """Of one tie or more."""
        return cls(tuple(dict.fromkeys(name for tie in ties for name in (*tie.bases, tie.target))), ties)

    def process(self) -> CTMC:
        """Jumps to a mask."""
        return hiding(tuple(1 + len(tie.bases) for tie in self.ties))

    @property
    def anywhere(self) -> Tensor:
        """No ties."""
        return torch.zeros(len(self.ties), dtype=torch.int64)

    def encode(self, columns: Columns) -> Tensor:
        """To which of its bases each column is tied, int64."""
        return torch.from_numpy(np.stack([tie.states(columns) for tie in self.ties], axis=1))

    def encode_known(self, columns: Columns, present: Present) -> Tensor:
        """The same, and no tie where one of the columns is not known."""
        known = self.known(present, len(columns[self.columns[0]]))
        return torch.where(known, self.encode(columns), 0)

    def decode(self, x: Tensor) -> dict[str, Values]:
        """None: ties are no columns; `put` says what they make of some."""
        return {}

    def known(self, present: Present, n: int) -> Tensor:
        """The ties of which all columns are there."""
        whole = [np.ones(n, dtype=bool)]
        parts = [[present[name] for name in (tie.target, *tie.bases) if name in present] for tie in self.ties]
        return torch.from_numpy(np.stack([np.logical_and.reduce(whole + masks) for masks in parts], axis=1))

    def cells_of(self, names: Collection[str]) -> Tensor:
        """The ties that are between these columns alone."""
        return torch.tensor([{tie.target, *tie.bases} <= set(names) for tie in self.ties])

    def cells_with(self, column: str) -> Tensor:
        """The ties of this column with others."""
        return torch.tensor([column in (tie.target, *tie.bases) for tie in self.ties])

    def each(self, x: Tensor) -> Iterator[tuple[str, str, Tensor]]:
        """Every tied column with each of its bases, and in which rows it is that, (n,) bool; bases of others first."""
        for place, tie in enumerate(self.ties):
            for state, base in enumerate(tie.bases, 1):
                yield tie.target, base, x[:, place] == state

    def put(self, columns: Columns, x: Tensor, told: Mapping[str, Mask], gone: Mapping[str, Mask]) -> dict[str, Values]:
        """The columns, of which tied ones are alike: as the base is, or where the tied one alone is told, as that.

        Args:
            columns: by name, (n,) each.
            x: which are tied, (n, ties).
            told: which of their values stay as they are.
            gone: where they are missing, and tied to nothing.
        """
        found, nowhere = dict(columns), np.zeros(len(x), dtype=bool)
        fixed = {name: told.get(name, nowhere).copy() for name in self.columns}
        steps = [
            (target, base, rows.numpy() & ~gone.get(target, nowhere) & ~gone.get(base, nowhere))
            for target, base, rows in self.each(x)
        ]
        for target, base, rows in reversed(steps):
            _copy(found, target, base, rows & fixed[target] & ~fixed[base])
            fixed[base] |= rows & fixed[target]
        for target, base, rows in steps:
            _copy(found, base, target, rows & ~fixed[target])
        return found

    def words(self, column: str) -> str:
        """How often a column is another one, to add to its description."""
        pairs = [pair for tie in self.ties if tie.target == column for pair in zip(tie.bases, tie.shares, strict=True)]
        listed = ", ".join(f"{base} in {percent(share)}" for base, share in pairs[:3])
        return f", the same as {listed}{', ...' if len(pairs) > 3 else ' of rows'}" if pairs else ""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The factor that `to_config` described."""
        return super().from_config({**config, "ties": [built(Tie, one) for one in entries(config.get("ties"), "ties")]})

    def __str__(self) -> str:
        return "which columns are others in a row"


def _copy(columns: dict[str, Values], source: str, target: str, rows: Mask) -> None:
    """Put the values of one column into another, in its type."""
    if rows.any():
        values, kind = columns[source], columns[target].dtype
        held = values if values.dtype == kind else cast(values.astype(np.float64), str(kind))
        columns[target] = np.where(rows, held, columns[target])
