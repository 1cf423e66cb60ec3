"""The log-likelihood of some columns given others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.data import Encoded, EncodedCells, Schema
from unnoise.evaluation import Estimate, Likelihood
from unnoise.evaluation.closed_form import own_likelihood
from unnoise.evaluation.dequantised import DequantisedLikelihood
from unnoise.model.defaults import default_likelihood
from unnoise.model.masks import both, either, negated
from unnoise.model.questions import Flags, Model, Rows, every_cell, scored

Columns = str | Sequence[str] | None


def estimated(
    model: Model,
    encoded: Encoded,
    of: Columns,
    given: Columns,
    rng: torch.Generator,
    likelihood: Likelihood | None,
    dequantisations: int,
) -> Estimate:
    """The log-likelihood of the columns `of` given others, of what is known of them.

    Each of `dequantisations` has new points in the cells of the integers that are asked; given ones keep theirs.
    """
    schema = model.schema_
    of, given = columns_of(schema, of, given)
    known = every_cell(schema, len(encoded)) if encoded.known is None else encoded.known
    asked, beside = (either(schema.cells(names), schema.flags(names)) for names in (of, given))
    asked = either(asked, both(schema.cells((*of, *given)), negated(beside)))  # with ties between both
    known = _tree.map(lambda mask, a, b: mask & (a | b), known, asked, beside)
    return _estimated(model, encoded, known, asked, rng, likelihood, dequantisations)


def estimated_cells(
    model: Model,
    encoded: Encoded,
    columns: Sequence[Sequence[str]],
    rng: torch.Generator,
    likelihood: Likelihood | None = None,
) -> Estimate:
    """The log-likelihood of other columns in each row: of `columns[i]` in row i, given all else that it says."""
    schema = model.schema_
    masks = [either(schema.cells_with(names), schema.flags(names)) for names in columns]
    return estimated_masks(model, encoded, _tree.map(lambda *rows: torch.stack(rows), *masks), rng, likelihood)


def estimated_masks(
    model: Model, encoded: Encoded, asked: Any, rng: torch.Generator, likelihood: Likelihood | None = None
) -> Estimate:
    """The log-likelihood of the cells `asked`, a mask of the states, given all else that each row says."""
    known = every_cell(model.schema_, len(encoded)) if encoded.known is None else encoded.known
    return _estimated(model, encoded, known, asked, rng, likelihood, 1)


def _estimated(
    model: Model,
    encoded: Encoded,
    known: Any,
    asked: Any,
    rng: torch.Generator,
    likelihood: Likelihood | None,
    dequantisations: int,
) -> Estimate:
    """Of the cells `asked`, those of all rows or of each, given the others that are known."""
    schema, chosen = model.schema_, likelihood or model.likelihood or own_likelihood(model.denoiser_)
    x, cond = encoded.all(rng)
    flags, of_rows = Flags(schema), _tree.map(lambda mask, a: mask & a, known, asked)
    follow = negated(flags.ties.followed(x, known, of_rows))
    known, of_rows = both(known, follow), both(of_rows, follow)
    edges = encoded if dequantisations > 1 and encoded.jitter is not None else None
    ask = partial(answer, model, chosen, edges, dequantisations, rng)
    found = [ask(*question) for question in scored(Rows(x, known, cond), of_rows, flags)]
    return _sum(found, schema.volumes(of_rows) + encoded.log_detail(of_rows))


def answer(
    model: Model,
    chosen: Likelihood | None,
    edges: Encoded | None,
    dequantisations: int,
    rng: torch.Generator,
    rows: Rows,
    cells: Any,
) -> Estimate:
    """By the chosen likelihood; by default the exact flow of the factors that are asked, if they have one."""
    question, only, process = rows.condition(cells), None, model.denoiser_.process
    x, jitter = (rows.x, None) if edges is None else (edges.x, edges.jitter)
    method = chosen or model.likelihood_
    if chosen is None and isinstance(question, dict) and isinstance(cells, dict):
        names = [name for name, mask in cells.items() if bool(mask.any())]
        process = model.answering(names).process
        exact = default_likelihood(process)
        if exact.is_exact(process):  # what has an error is as good, and surer, beside all factors
            method, only = exact, names
    if only is not None:
        x, jitter = ({name: tree[name] for name in only} if tree is not None else None for tree in (x, jitter))
    if jitter is not None:
        weighted = method.is_exact(process)
        method = DequantisedLikelihood(method, EncodedCells(jitter), dequantisations, weighted=weighted)
    return model.likelihood_of_states(x, question, rng, method, only)


def columns_of(schema: Schema, of: Columns, given: Columns) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns to score, by default all that are not given, and those that are."""
    known = () if given is None else (given,) if isinstance(given, str) else tuple(given)
    known = tuple(name for name in known if name not in schema.conditions)
    if of is None:
        asked = tuple(name for name in schema.columns_of_state if name not in known)
    else:
        asked = (of,) if isinstance(of, str) else tuple(of)
    if twice := [name for name in asked if name in known]:
        raise InputError(f"got the column '{twice[0]}' in both of and given; name it in one of them")
    schema.chart.check_question(asked, known)
    if not asked:
        raise InputError("got every column as given, so nothing is left to score; leave some out")
    return asked, known


def _sum(found: Sequence[Estimate], volume: Tensor) -> Estimate:
    """Of questions that are asked one after the other, in the data's units."""
    n = len(volume)
    zeros = torch.zeros(n, dtype=volume.dtype)
    parts: dict[str, Tensor] = {}
    for one in found:
        for name, part in one.parts.items():
            parts[name] = parts.get(name, zeros) + part.cpu()
    total = sum((one.log_prob.cpu() for one in found), zeros)
    error = sum((one.standard_error.cpu().square() for one in found), zeros).sqrt()
    freedom = next((one.degrees_of_freedom for one in found), None)
    words = "; ".join(dict.fromkeys(one.method for one in found))
    return Estimate(total + volume, error, parts | {"units": volume}, words, freedom)
