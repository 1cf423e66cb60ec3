"""Draws of held-out rows given some of their columns, beside what the rows say: what calibration is judged by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unnoise import _tree
from unnoise._checks import whole
from unnoise._errors import InputError, warn
from unnoise.data import Encoded, Schema
from unnoise.data.tabular import JudgedColumns
from unnoise.evaluation import Posteriors
from unnoise.model.masks import either, negated
from unnoise.model.questions import Flags, Model, Rows, any_in_row, blanked, drawn, every_cell
from unnoise.model.scoring import Columns, columns_of, estimated

Floats = NDArray[np.float64]

FEWEST = 10  # rows
MOST_NUMBERS = 64  # of states that are no table, such as images, chosen at random


@dataclass(frozen=True)
class Drawn:
    """Draws of rows as states.

    Attributes:
        x: of all draws, a row's one after the other.
        known: which of their cells are known.
        cond: what the model is conditioned on.
        per_row: how many of each row.
    """

    x: Any
    known: Any
    cond: Tensor | None
    per_row: int

    def first(self, count: int) -> Drawn:
        """The first draws of each row."""
        few = torch.arange(_tree.length(self.x)).view(-1, self.per_row)[:, :count].flatten()
        x, known = (_tree.map(lambda leaf: leaf[few], tree) for tree in (self.x, self.known))
        return Drawn(x, known, None if self.cond is None else self.cond[few], count)


def posteriors(
    model: Model,
    data: Any,
    y: Any,
    of: Columns,
    given: Columns,
    rng: torch.Generator,
    *,
    draws: int,
    density_draws: int,
    max_rows: int,
) -> Posteriors:
    """Draws of `of` given what each row says of `given` and the conditions, all rows in one batch.

    A hole of a column that may be missing is a value, of which the law is known; rows with other holes in `of` have no
    truth, and are left out.
    """
    whole(least=1, draws=draws, max_rows=max_rows)
    whole(density_draws=density_draws)
    schema = model.schema_
    of, given = columns_of(schema, of, given)
    if not given and not schema.conditions:
        raise InputError(
            "got nothing that draws are given, as the model has no conditions; name columns, such as "
            f"given=[{schema.columns_of_state[0]!r}]"
        )
    encoded, flags = schema.encode(data, y), Flags(schema)
    chosen = _chosen(schema, encoded, schema.cells(of), flags, max_rows, rng)
    some = encoded.rows(chosen)
    seen = _known(schema, some)
    beside = either(schema.cells(given), schema.flags(given))
    x, cond = some.all(rng)
    known = _tree.map(lambda mask, one: mask & one, seen, beside)
    new = _drawn(model, Rows(x, known, cond), schema.cells(given), flags, draws, rng)
    written = _written(schema, data, chosen)
    found = Posteriors(
        **_as_numbers(schema, some, written, new, of, rng),
        **_observed(schema, Rows(some.x, known, cond), written, beside, given),
        given=(*given, *schema.conditions),
    )
    if not density_draws:
        return found
    few = new.first(min(density_draws, draws))
    states = Encoded(schema.round_trip(few.x), schema.jitter, few.cond, few.known)
    of_truths, of_draws = (
        estimated(model, one, of, given, rng, None, 1).log_prob.double().numpy()
        for one in (replace(some, detail=None), states)
    )
    return replace(found, log_probs=of_draws.reshape(len(some), -1), log_prob_truths=of_truths)


def _chosen(schema: Schema, encoded: Encoded, cells: Any, flags: Flags, most: int, rng: torch.Generator) -> Tensor:
    """The rows that have a truth, at most so many of them."""
    n, every = len(encoded), every_cell(schema, len(encoded))
    chosen = torch.arange(n)
    if encoded.known is not None:
        said = flags.absent(Rows(encoded.x, every, None))
        holes = _tree.map(lambda hole, asked: hole & asked, negated(either(encoded.known, said)), cells)
        chosen = chosen[~any_in_row(holes)]
        if len(chosen) < n:
            warn(f"{n - len(chosen)} of {n} rows are left out: what is asked of them is not known")
    if len(chosen) < FEWEST:
        raise InputError(f"got {len(chosen)} held-out rows; expected at least {FEWEST} to judge calibration")
    return chosen[torch.randperm(len(chosen), generator=rng)[:most].sort().values]


def _drawn(model: Model, rows: Rows, given: Any, flags: Flags, draws: int, rng: torch.Generator) -> Drawn:
    """All cells of each row drawn several times; where flags say so they are not known, nor what was left open."""
    rows = rows.repeated(draws)
    new = drawn(rows, flags, model.asker(rng)).x
    there = negated(flags.absent(Rows(new, every_cell(model.schema_, len(rows)), None)))
    known = _tree.map(lambda mask, one, told: mask & (told | ~one), there, given, rows.known)
    return Drawn(new, known, rows.cond, draws)


def _written(schema: Schema, data: Any, chosen: Tensor) -> dict[str, Any]:
    """The columns of data whose states stand for several values."""
    columns = JudgedColumns.of(schema)
    return {} if columns is None else {k: v[chosen.numpy()] for k, v in columns.written(data).items()}


def _as_numbers(
    schema: Schema, some: Encoded, written: dict[str, Any], new: Drawn, of: tuple[str, ...], rng: torch.Generator
) -> dict[str, Any]:
    """The truths and draws of `Posteriors`, and what their columns are: those of a table, or the numbers of states."""
    columns = JudgedColumns.of(schema)
    names = [] if columns is None else [name for name in columns.names if name in of]
    if columns is None or not names:
        true, drawings = (
            _features(schema, Rows(x, mask, None), schema.cells(of))
            for x, mask in ((some.x, _known(schema, some)), (new.x, new.known))
        )
        varied = np.flatnonzero(np.ptp(np.concatenate([true, drawings]), axis=0) > 0)
        places = varied[torch.randperm(len(varied), generator=rng)[:MOST_NUMBERS].sort().values.numpy()]
        true, drawings = true[:, places], drawings[:, places]
        kinds: dict[str, Any] = {"names": [f"number {place}" for place in places]}
    else:
        places = np.array([columns.names.index(name) for name in names])
        true = columns.rows(some.x, some.known, some.cond, written)[:, places]
        drawings = columns.rows(new.x, new.known, new.cond, schema.values(new.x, rng))[:, places]
        turns = {names.index(name): turn for name, turn in columns.periods.items() if name in names}
        levels = [place for place, name in enumerate(names) if columns.levels[name] is not None]
        kinds = {"names": names, "categorical": levels, "periods": turns}
    return {"draws": drawings.reshape(len(true), new.per_row, -1), "truths": true, **kinds}


def _observed(
    schema: Schema, rows: Rows, written: dict[str, Any], beside: Any, given: tuple[str, ...]
) -> dict[str, Any]:
    """The observations of `Posteriors`, and what their columns are: of a table or of states, beside the conditions."""
    if not given and rows.cond is not None:
        return {"observations": _told(schema, rows.cond)}
    columns = JudgedColumns.of(schema)
    if columns is None or not set(given) <= set(columns.names):
        return {"observations": _features(schema, rows, beside)}
    places = [columns.names.index(name) for name in given]
    seen = columns.rows(rows.x, rows.known, rows.cond, written)[:, places]
    conditions = [] if rows.cond is None else [_told(schema, rows.cond)]
    turns = {given.index(name): turn for name, turn in columns.periods.items() if name in given}
    levels = [place for place, name in enumerate(given) if columns.levels[name] is not None]
    return {
        "observations": np.concatenate([seen, *conditions], axis=1),
        "observed_categorical": levels,
        "observed_periods": turns,
    }


def _known(schema: Schema, some: Encoded) -> Any:
    return every_cell(schema, len(some)) if some.known is None else some.known


def _features(schema: Schema, rows: Rows, cells: Any) -> Floats:
    """Some cells of rows as numbers, and the features of conditions, (n, c)."""
    seen = _tree.map(lambda mask, one: mask & one, rows.known, cells)
    x = blanked(schema, rows.x, seen)
    found: Floats = schema.process().space.features(x).reshape(len(rows), -1).double().numpy()
    return found if rows.cond is None else np.concatenate([found, _told(schema, rows.cond)], axis=1)


def _told(schema: Schema, cond: Tensor) -> Floats:
    """The features of conditions, without the number that says that they are known."""
    found: Floats = (cond[:, :-1] if schema.may_be_unknown else cond).double().numpy()
    return found
