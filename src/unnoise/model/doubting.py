r"""Whether values that are given go together: a question about rows that there hardly are is answered, and said.

Values of columns are apart where they are far rarer together than if columns had nothing to do with each other:

    p(a, b, ...) < p(a) p(b) ... / RARER

which is no matter of how rare each is, as $\log p(a, b) - \log p(a) - \log p(b)$ is their pointwise mutual information
(Church & Hanks 1990, Word association norms, mutual information, and lexicography).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import warn
from unnoise._seeding import generator
from unnoise.data.factors import Factor
from unnoise.data.questions import Given
from unnoise.evaluation.closed_form import mixture_in
from unnoise.model.defaults import is_timeless
from unnoise.model.masks import both
from unnoise.model.questions import Flags, Model, Rows, scored
from unnoise.model.sampling import alike
from unnoise.model.scoring import answer

if TYPE_CHECKING:
    from unnoise.data.schema import Schema

RARER = 10.0  # of 1,200 questions of 2, 3 and 6 values of held-out rows of the census the rarest was 7.4 times
MOST_ROWS, MOST_VALUES = 64, 12  # of which are looked at, and of a row
_EVEN, _SURE = 1000.0, 3  # where the number of times is no longer told, and standard errors of an estimate


def warn_of_values_apart(model: Model, known: Given) -> None:
    """Say of which rows the given values hardly go together; of models alone whose laws of any columns are known."""
    if mixture_in(model.denoiser_) is None and not is_timeless(model.denoiser_):
        return
    rng = generator(0)  # its own, so that draws are the same with and without
    schema, rows = model.schema_, Rows(known.x, known.known, known.cond)
    if not len(rows):
        return
    parts = [part for part in schema.factors.values() if part.of_values]
    named = {label: _cells(schema, first) for part in parts for label, first in _named(part)}
    rows = rows.at(slice(0, 1 if alike(rows) else MOST_ROWS))
    there = {name: _tree.ravel(both(cells, rows.known)).any(1) for name, cells in named.items()}
    names = [name for name, rows_of in there.items() if rows_of.any()][:MOST_VALUES]
    if len(names) < 2:
        return
    masks = [both(named[name], rows.known) for name in names]
    together = _tree.map(lambda *each: torch.stack(each).any(0), *masks)
    ratio, variance = _log_prob(model, rows, together, rng)
    for mask in masks:
        log_prob, more = _log_prob(model, rows, mask, rng)
        ratio, variance = ratio - log_prob, variance + more
    apart = ratio + _SURE * variance.sqrt() < -math.log(RARER)
    if apart.any():
        row = int(apart.float().argmax())
        told = [name for name in names if there[name][row]]
        _warn(told, float(ratio[row]), None if len(rows) == 1 else int(apart.sum()), row)


def _warn(names: list[str], log_ratio: float, count: int | None, row: int) -> None:
    rarer = f"{math.exp(-log_ratio):.0f} times" if -log_ratio < math.log(_EVEN) else f"more than {_EVEN:,.0f} times"
    where = "" if count is None else f" in row {row}" + (f" and {count - 1} others" if count > 1 else "")
    warn(
        f"The values given for {', '.join(names)}{where} hardly go together: such rows are {rarer} as rare as if these "
        "columns had nothing to do with each other, and what the model says of them is a guess."
    )


def _named(factor: Factor) -> list[tuple[str, str]]:
    """The columns, joined where they are one thing, and the first of each."""
    if factor.joint:
        return [(",".join(factor.columns), factor.columns[0])]
    return [(name, name) for name in factor.columns]


def _cells(schema: Schema, name: str) -> Any:
    """The cells of a column, and the flag that says whether it is there, which a group of rows may never have."""
    cells = schema.cells([name])
    return _tree.map(torch.logical_or, cells, schema.flags([name])) if name in schema.missing else cells


def _log_prob(model: Model, rows: Rows, mask: Any, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Of the states in these cells, all others unknown, and its variance; each (n,)."""
    told = Rows(rows.x, mask, rows.cond)
    found = [answer(model, None, None, 1, rng, *question) for question in scored(told, mask, Flags(model.schema_))]
    zeros = torch.zeros(len(rows), dtype=torch.float64)
    total = sum((one.log_prob.cpu().double() for one in found), zeros)
    return total, sum((one.standard_error.cpu().double().square() for one in found), zeros)
