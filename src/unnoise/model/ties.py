"""Cells that follow from others in a row, as their columns are tied: they are neither asked nor given.

Of columns that are alike in a row one stands for all: a given one, or else that on which the others are based. Whether
they are tied is asked before their values, and the others are what it is.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from unnoise.data import Schema
from unnoise.data.factors import ResolvedFactor
from unnoise.model.masks import apart, nowhere


class Ties:
    """The ties of a schema, and the cells of their columns, in trees of masks like states.

    Args:
        schema: of a table; one without ties has nothing that follows.
    """

    def __init__(self, schema: Schema) -> None:
        self.factor = schema.ties
        if self.factor is not None:
            (self.leaf,) = (name for name, part in schema.factors.items() if part is self.factor)
            kinds = {name: part for name, part in schema.factors.items() if isinstance(part, ResolvedFactor)}
            ((self.of, self.numbers),) = ((n, p) for n, p in kinds.items() if set(self.factor.columns) <= {*p.columns})
            self.places = {name: place for place, name in enumerate(self.factor.columns)}
            self.cells = torch.stack([self.numbers.cells_of([name]) for name in self.places])  # (columns, cells)

    def split(self, masks: Any) -> tuple[Any, Any]:
        """Masks of the ties alone, and of all else."""
        return apart(masks, None if self.factor is None else self.leaf)

    def among(self, masks: Any) -> Any:
        """The ties between columns whose cells are all in these masks, of every row."""
        if self.factor is None:
            return nowhere(masks)
        held = self._columns(masks)
        own = torch.stack([self.factor.cells_with(name) for name in self.places]).to(held.device)  # (columns, ties)
        inside = ((~held).float() @ own.float()) == 0
        return {name: inside if name == self.leaf else torch.zeros_like(mask) for name, mask in masks.items()}

    def followed(self, x: Any, known: Any, asked: Any) -> Any:
        """The cells among those asked that follow, by the ties that are known.

        Args:
            x: states.
            known: which of their cells are, before any is asked.
            asked: cells to draw or to score.
        """
        if self.factor is None:
            return nowhere(asked)
        fixed, wanted = self._columns({self.of: known[self.of] & ~asked[self.of]}), self._columns(asked)
        follows = torch.zeros_like(wanted)
        steps = [
            (self.places[target], self.places[base], rows)
            for target, base, rows in self.factor.each(torch.where(known[self.leaf], x[self.leaf], 0))
        ]
        for target, base, rows in reversed(steps):
            new = rows & fixed[:, target] & wanted[:, base]
            follows[:, base] |= new
            fixed[:, base] |= new
        for target, base, rows in steps:
            follows[:, target] |= rows & wanted[:, target] & (fixed[:, base] | wanted[:, base])
        cells = (follows.float() @ self.cells.to(follows.device).float()) > 0
        return {name: cells if name == self.of else torch.zeros_like(mask) for name, mask in asked.items()}

    def put(self, x: Any, followed: Any) -> Any:
        """The states, with the cells that follow as those that they follow from."""
        if self.factor is None or not followed[self.of].any():
            return x
        stands = ~self._columns(followed).cpu().numpy()
        masks = {name: stands[:, place] for name, place in self.places.items()}
        columns = self.numbers.decode(x[self.of].cpu())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a base may have values that its column never had
            cells = self.numbers.encode(self.factor.put(columns, x[self.leaf].cpu(), masks, {}))
        return {**x, self.of: torch.where(followed[self.of], cells.to(x[self.of]), x[self.of])}

    def _columns(self, masks: Any) -> Tensor:
        """The columns whose cells are in masks, (n, columns)."""
        cells = masks[self.of]
        found: Tensor = (cells.float() @ self.cells.to(cells.device).float().T) > 0
        return found
