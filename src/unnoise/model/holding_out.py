"""Which rows a model learns from, how much each counts, and which are held out to stop in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import real
from unnoise._errors import InputError
from unnoise.data import Encoded, Schema
from unnoise.data.mapped import Mapped
from unnoise.denoisers import Neural, Started
from unnoise.model.defaults import Sizes
from unnoise.objectives import Objective
from unnoise.processes import map_leaves
from unnoise.training import Dataset, HeldOut, Settings, Validation
from unnoise.training.dataset import MOST_DEALT, check_weights, derived_seed, digest
from unnoise.training.scattering import ROUNDS, scattered
from unnoise.training.validation import affordable

FEW_HELD_OUT, MOST_HELD_OUT = 20, 1024  # rows: more would cost data and time, and tell little more
BEGIN_WITH = 100_000  # rows tell the margins well enough


@dataclass(frozen=True, eq=False)
class Portions:
    """Rows to learn from, and rows held out, each with weights or None.

    Args:
        rows: to learn from.
        weights: of these, (n,).
        held_out: None without.
        held_weights: of those held out.
    """

    rows: Encoded | Mapped
    weights: Tensor | None = None
    held_out: Encoded | None = None
    held_weights: Tensor | None = None

    @classmethod
    def of(cls, encoded: Encoded | Mapped, weights: Tensor | None, share: float, seed: int) -> Portions:
        """Hold out a share of the rows that count, chosen by the seed.

        Of few rows a quarter, up to `FEW_HELD_OUT`, without which one would know too little; of many `MOST_HELD_OUT`.
        """
        counting = None if weights is None else weights.nonzero().flatten()
        count = len(encoded) if counting is None else len(counting)
        fewest = min(FEW_HELD_OUT, count // 4)
        held = min(max(round(share * count), fewest), MOST_HELD_OUT)
        if not (held and share):
            return cls(encoded, weights)
        drawn = _drawn(count, held, seed)
        out = (drawn if counting is None else counting[drawn]).sort().values
        if weights is None:
            return cls(encoded.without(out), None, encoded.rows(out))
        kept = torch.ones(len(encoded), dtype=torch.bool)
        kept[out] = False
        return cls(encoded.without(out), weights[kept], encoded.rows(out), weights[out])

    @property
    def sizes(self) -> Sizes:
        """The numbers of a training that suit as much data."""
        one = self.rows.rows(torch.arange(1))
        return Sizes.of(len(self.rows), _tree.numel_per_row(one.x), 0 if one.cond is None else one.cond.shape[1])

    @property
    def first(self) -> tuple[Encoded, Tensor | None]:
        """As many rows to learn from as formulas look at, and their weights."""
        rows = self.rows.rows(torch.arange(min(len(self.rows), BEGIN_WITH)))
        return rows, None if self.weights is None else self.weights[: len(rows)]

    def begun(self, denoiser: Neural) -> Neural:
        """The untrained denoiser, at what a formula knows of the rows to learn from.

        That are margins where masks hide their cells, and a regression where few numbers are given conditions.
        """
        if not (denoiser.head.timeless or isinstance(denoiser, Started)):
            return denoiser
        rows, weights = self.first
        weights = torch.ones(len(rows)) if weights is None else weights.float()
        if isinstance(denoiser, Started):
            if rows.known is not None:
                weights = weights * _tree.ravel(rows.known).all(1)
            if rows.cond is not None:
                denoiser.fit(rows.x, rows.cond, weights)
            return denoiser
        cells = map_leaves(lambda part: part.cells, denoiser.process)
        known = _tree.map(lambda shape: torch.ones(len(rows), *shape), cells) if rows.known is None else rows.known
        denoiser.begin(rows.x, _tree.map(lambda cell: cell * _tree.expand(weights, cell), known))
        return denoiser

    @property
    def digest(self) -> str | None:
        """Of all that is held out."""
        if self.held_out is None:
            return None
        return self.held_out.digest() + ("" if self.held_weights is None else digest(self.held_weights))

    @property
    def words(self) -> str:
        """How many rows there are of each."""
        return f"{len(self.rows):,} rows" + (f", {len(self.held_out):,} held out" if self.held_out else "")

    def check_same(self, held_out: Any) -> None:
        """An InputError unless the digest of what a training held out is that of these rows."""
        if held_out != self.digest:
            raise InputError(
                "The training to resume saw other numbers, or the same in another order; resume with the same data, or "
                "train anew."
            )

    def validation(
        self, objective: Objective, rows: Callable[[Encoded], Dataset], settings: Settings, begun: bool = False
    ) -> Validation | None:
        """Looks at the rows held out, as `rows` makes them to be asked about; `begun` as in `Validation`."""
        if self.held_out is None:
            return None
        batch = settings.batch_size * settings.accumulate
        held_out = HeldOut(
            objective,
            rows(self.held_out),
            self.held_weights,
            settings.seed,
            settings.batch_size,
            affordable(batch * settings.steps),
        )
        return Validation.of(held_out, batch, begun)


@dataclass(frozen=True, eq=False)
class ToFit:
    """What `fit` is given.

    Args:
        X: rows.
        y: conditions beside them.
        sample_weight: of the rows.
        validation_data: rows to hold out, or the pair of these and their conditions.
    """

    X: Any
    y: Any = None
    sample_weight: Any = None
    validation_data: Any = None

    def portions(
        self, schema: Schema, share: float, seed: int, encode: Callable[[Any, Any], Encoded | Mapped] | None = None
    ) -> Portions:
        """The encoded rows to learn from, as `encode` keeps them, and those held out."""
        encoded = (encode or schema.encode)(self.X, self.y)
        weights = weights_of(self.sample_weight, len(encoded))
        if self.validation_data is None:
            return Portions.of(encoded, weights, share, seed)
        return Portions(encoded, weights, schema.encode(*pair_of(self.validation_data)))


def _drawn(n: int, count: int, seed: int) -> Tensor:
    """Different numbers below n, at random; of very many without a list of all."""
    if n > MOST_DEALT:
        keys = tuple(derived_seed(seed, "held out", i) for i in range(ROUNDS))
        return scattered(torch.arange(count), n, keys)
    rng = torch.Generator().manual_seed(derived_seed(seed, "held out"))
    return torch.randperm(n, generator=rng)[:count]


def check_share(validation: Any) -> None:
    """An InputError unless it is a share of the rows."""
    real(least=0, below=1, validation=validation)


def weights_of(sample_weight: Any, rows: int) -> Tensor | None:
    """One weight per row, the largest 1; None for equal ones, InputError for what are none."""
    if sample_weight is None:
        return None
    try:
        found = torch.from_numpy(np.asarray(sample_weight, dtype=np.float64).copy())
    except (TypeError, ValueError) as error:
        raise InputError(f"got weights that are no numbers ({error}); expected one number from 0 per row") from error
    return check_weights(found, rows)


def pair_of(validation_data: Any) -> tuple[Any, Any]:
    """Data and their conditions, of data or a pair of both."""
    if isinstance(validation_data, tuple):
        if len(validation_data) != 2:
            raise InputError(f"got validation_data of {len(validation_data)} parts; expected X, or the pair (X, y)")
        return validation_data
    return validation_data, None
