r"""Questions about rows: cells are known, wanted or marginalised, and flags say which values there are.

A value exists where its flag says so. So flags come first, with every value that they speak of unknown; then the
values, given all flags:

    p(flags, values | known) = p(flags | known) p(values | flags, known)

Likewise ties come before the values of their columns (`model.ties`), and whatever is missing is marginalised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.data import Schema
from unnoise.data.factors import MissingFactor
from unnoise.denoisers import Answering, Denoiser
from unnoise.evaluation import Estimate, Likelihood
from unnoise.model.masks import apart, both, either, negated, nowhere
from unnoise.model.ties import Ties
from unnoise.processes import map_leaves

Ask = Callable[["Rows", Any], Any]  # rows and the cells that they ask -> states


class Model(Protocol):
    """What answers need of a fitted model."""

    @property
    def schema_(self) -> Schema:
        """Of its data."""

    @property
    def denoiser_(self) -> Denoiser:
        """What was learnt."""

    @property
    def likelihood(self) -> Likelihood | None:
        """How it scores, where that was chosen."""

    @property
    def likelihood_(self) -> Likelihood:
        """How it scores by default."""

    def answering(self, only: Sequence[str] | None = None) -> Answering:
        """The denoiser that answers questions."""

    def asker(self, rng: torch.Generator) -> Ask:
        """What draws the cells of rows that are asked."""

    def likelihood_of_states(
        self, x: Any, cond: Any, rng: torch.Generator, method: Likelihood, only: Sequence[str] | None = None
    ) -> Estimate:
        """Of standardised states, in their own units; or of some factors given others."""


@dataclass(frozen=True)
class Rows:
    """Rows of which some cells are known.

    Args:
        x: states; any valid points where nothing is known.
        known: a tree of bool tensors (n, *cells).
        cond: what the model is conditioned on besides, or None.
    """

    x: Any
    known: Any
    cond: Tensor | None

    def __len__(self) -> int:
        return _tree.length(self.x)

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return _tree.first(self.x).device

    def at(self, rows: Tensor | slice) -> Rows:
        """Some of the rows, by their numbers or a mask."""
        return self._mapped(lambda leaf: leaf[rows])

    def to(self, device: torch.device) -> Rows:
        """On another device."""
        return self._mapped(lambda leaf: leaf.to(device))

    def repeated(self, times: int) -> Rows:
        """Every row several times in a row."""
        return self._mapped(lambda leaf: leaf.repeat_interleave(times, 0))

    def _mapped(self, f: Callable[[Tensor], Tensor]) -> Rows:
        cond = None if self.cond is None else f(self.cond)
        return Rows(_tree.map(f, self.x), _tree.map(f, self.known), cond)

    def condition(self, asked: Any) -> Any:
        """What a denoiser that answers questions takes: nothing but the condition where all is asked."""
        if all(bool(mask.all()) for _, mask in _tree.leaves(asked)):
            return self.cond
        given = _tree.map(lambda known, wanted: known & ~wanted, self.known, asked)
        question = {"asked": asked, "given": given, "values": self.x}
        return question if self.cond is None else question | {"cond": self.cond}


class Flags:
    """The flags of a schema, and the cells that they speak of; and its ties."""

    def __init__(self, schema: Schema) -> None:
        self.leaf = next((name for name, part in schema.factors.items() if isinstance(part, MissingFactor)), None)
        self.ties = Ties(schema)
        if self.leaf is not None:
            columns = schema.factors[self.leaf].columns
            self.cells = {
                name: torch.stack([factor.cells_with(column).reshape(-1) for column in columns])  # (flags, cells)
                for name, factor in schema.factors.items()
            }
            joint = {name: len(factor.columns) if factor.joint else 1 for name, factor in schema.factors.items()}
            self.columns = {name: torch.tensor(count) for name, count in joint.items()}  # of each cell

    @property
    def share(self) -> float:
        """Of all cells of a row."""
        if self.leaf is None:
            return 0.0
        return len(self.cells[self.leaf]) / sum(cells.shape[1] for cells in self.cells.values())

    def split(self, masks: Any) -> tuple[Any, Any]:
        """Masks of the flags alone, and of the values alone."""
        return apart(masks, self.leaf)

    def of_cells(self, masks: Any) -> Any:
        """The flags of the cells in these masks, and nothing else."""
        if self.leaf is None:
            return nowhere(masks)
        n, count = len(masks[self.leaf]), len(self.cells[self.leaf])
        found = torch.zeros(n, count, dtype=torch.bool, device=masks[self.leaf].device)
        for name, cells in self.cells.items():
            found |= (_tree.ravel(masks[name]).float() @ cells.T.to(found.device).float()) > 0
        return {name: found if name == self.leaf else torch.zeros_like(mask) for name, mask in masks.items()}

    def absent(self, rows: Rows) -> Any:
        """The cells of which a flag is known to say that it is missing, at least in part."""
        return nowhere(rows.known) if self.leaf is None else self.marked(self._says(rows))

    def gone(self, rows: Rows) -> Any:
        """The cells of which all columns are known to be missing."""
        if self.leaf is None:
            return nowhere(rows.known)
        counts = self._counts(self._says(rows))
        return {name: (count > 0) & (count >= self.columns[name].to(count)) for name, count in counts.items()}

    def _says(self, rows: Rows) -> Any:
        return {name: mask & (rows.x[name] == 1) if name == self.leaf else mask for name, mask in rows.known.items()}

    def _counts(self, masks: Any) -> dict[str, Tensor]:
        flags = masks[self.leaf].float()
        return {name: (flags @ self.cells[name].to(flags)).view(mask.shape) for name, mask in masks.items()}

    def as_in(self, rows: Rows, changed: Rows) -> Rows:
        """The other rows, with the flags of the first."""
        return changed if self.leaf is None else replace(changed, x=changed.x | {self.leaf: rows.x[self.leaf]})

    def present(self, rows: Rows, masks: Any) -> Rows:
        """The rows, whose flags say of these cells that they are there."""
        if self.leaf is None:
            return rows
        flags = self.of_cells(masks)[self.leaf]
        return replace(rows, x=rows.x | {self.leaf: torch.where(flags, 0, rows.x[self.leaf])})

    def marked(self, masks: Any) -> Any:
        """The cells that the flags in these masks speak of, and nothing else."""
        if self.leaf is None:
            return nowhere(masks)
        return {name: count > 0 for name, count in self._counts(masks).items()}


def drawn(rows: Rows, flags: Flags, ask: Ask) -> Rows:
    """The rows with all their cells drawn: flags, then ties and the values that there are."""
    wanted = _tree.map(torch.logical_not, rows.known)
    of_flags, of_values = flags.split(wanted)
    rows = told(rows, of_flags, ask)
    there = both(of_values, negated(flags.gone(rows)))
    return flags.as_in(rows, answered(flags.present(rows, there), there, flags.ties, ask))


def filled(rows: Rows, flags: Flags, ask: Ask, tied: bool = True) -> Rows:
    """The rows with the values of all their holes drawn, whatever flags say of them.

    Holes without a flag are filled first, given all flags; then the others, as if they were there. Unless `tied`, it
    stays open what they are tied to, as for means.
    """
    _, holes = flags.split(_tree.map(torch.logical_not, rows.known))
    holes = holes if tied else flags.ties.split(holes)[1]
    flagged = both(holes, flags.absent(rows))
    rows = answered(rows, both(holes, negated(flagged)), flags.ties, ask)
    return answered(flags.present(rows, flagged), flagged, flags.ties, ask)


def answered(rows: Rows, asked: Any, ties: Ties, ask: Ask) -> Rows:
    """The rows with these cells drawn and known: ties, then the values that do not follow, and those that do."""
    of_ties, values = ties.split(asked)
    rows = told(rows, of_ties, ask)
    follow = ties.followed(rows.x, rows.known, values)
    rows = told(rows, both(values, negated(follow)), ask)
    return replace(rows, x=ties.put(rows.x, follow), known=either(rows.known, follow))


def told(rows: Rows, asked: Any, ask: Ask) -> Rows:
    """The rows with these cells drawn and known; only the rows that ask anything are drawn."""
    some = any_in_row(asked)
    if not some.any():
        return rows
    if some.all():
        x = ask(rows, asked)
    else:
        part = ask(rows.at(some), _tree.map(lambda mask: mask[some], asked))
        x = _tree.map(lambda leaf, new: leaf.masked_scatter(_rows_of(some, leaf), new.to(leaf)), rows.x, part)
    return Rows(_tree.map(_put, rows.x, x, asked), _tree.map(torch.logical_or, rows.known, asked), rows.cond)


def scored(rows: Rows, of: Any, flags: Flags) -> Iterator[tuple[Rows, Any]]:
    r"""The questions whose log-likelihoods sum to $\log p(\text{of} | \text{the other known cells})$.

    Args:
        rows: with their flags.
        of: the cells to score; only known ones count.
        flags: of the schema.
    """
    of = both(of, rows.known)
    of_flags, of_values = flags.split(of)
    given_flags, given_values = flags.split(both(rows.known, negated(of)))
    if flags.leaf is not None and bool(of_flags[flags.leaf].any()):
        settled = Rows(rows.x, either(given_flags, either(given_values, of_flags)), rows.cond)
        yield settled, of_flags
    if bool(any_in_row(of_values).any()):
        yield rows, of_values


def every_cell(schema: Schema, n: int) -> Any:
    """All cells of n rows."""
    return map_leaves(lambda process: torch.ones(n, *process.cells, dtype=torch.bool), schema.process())


def any_in_row(masks: Any) -> Tensor:
    """Which rows have a cell in the masks, (n,)."""
    return _tree.ravel(masks).any(1)


def blanked(schema: Schema, x: Any, seen: Any) -> Any:
    """States with the same point wherever nothing is known."""
    if seen is None:
        return x
    points = {name: factor.anywhere for name, factor in schema.factors.items()}
    blank = points if isinstance(x, dict) else next(iter(points.values()))
    return _tree.map(
        lambda leaf, mask, point: torch.where(_tree.expand(mask, leaf), leaf, point.to(leaf)), x, seen, blank
    )


def _put(x: Tensor, new: Tensor, asked: Tensor) -> Tensor:
    return torch.where(_tree.expand(asked, x), new.to(x), x)


def _rows_of(some: Tensor, leaf: Tensor) -> Tensor:
    return _tree.expand(some, leaf).expand_as(leaf)
