"""The log-likelihood of some columns given others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.data import Encoded, EncodedCells, Schema
from unnoise.evaluation import Bound, Estimate, Likelihood
from unnoise.evaluation.dequantised import DequantisedLikelihood
from unnoise.model.defaults import default_likelihood
from unnoise.model.questions import Flags, Model, Rows, either, scored
from unnoise.processes import map_leaves

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
    """The log-likelihood of the columns `of` given others, of what is known of them."""
    schema, chosen = model.schema_, likelihood or model.likelihood
    (of, given), n = _split(schema, of, given), len(encoded)
    x, cond = encoded.all(rng)
    known = _ones(schema, n) if encoded.known is None else encoded.known
    asked, beside = (either(schema.cells(names), schema.flags(names)) for names in (of, given))
    known = _tree.map(lambda mask, a, b: mask & (a | b), known, asked, beside)
    of_rows = _tree.map(lambda mask, a: mask & a, known, asked)
    if dequantisations > 1 and encoded.jitter is not None:
        chosen = DequantisedLikelihood(chosen or Bound(), EncodedCells(encoded.jitter), dequantisations)
        x = encoded.x
    found = [
        _answer(model, rows, cells, chosen, rng) for rows, cells in scored(Rows(x, known, cond), of_rows, Flags(schema))
    ]
    words = "; ".join([*dict.fromkeys(one.method for one in found), schema.measure_of(of, given)])
    return _sum(found, schema.volumes(of_rows), words)


def _answer(model: Model, rows: Rows, cells: Any, chosen: Likelihood | None, rng: torch.Generator) -> Estimate:
    """By the chosen likelihood; by default the exact flow of the factors that are asked, if they have one."""
    question = rows.condition(cells)
    if chosen is not None or not isinstance(question, dict) or not isinstance(cells, dict):
        return model.likelihood_of_states(rows.x, question, rng, chosen or model.likelihood_)
    only = [name for name, mask in cells.items() if bool(mask.any())]
    method = default_likelihood(model.answering(only).process)
    if not method.is_exact(model.answering(only).process):
        return model.likelihood_of_states(rows.x, question, rng, method)
    return model.likelihood_of_states({name: rows.x[name] for name in only}, question, rng, method, only)


def _split(schema: Schema, of: Columns, given: Columns) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns to score, by default all that are not given, and those that are."""
    known = () if given is None else (given,) if isinstance(given, str) else tuple(given)
    known = tuple(name for name in known if name not in schema.conditions)
    if of is None:
        asked = tuple(name for name in schema.columns_of_state if name not in known)
    else:
        asked = (of,) if isinstance(of, str) else tuple(of)
    if twice := [name for name in asked if name in known]:
        raise InputError(f"got the column '{twice[0]}' in both of and given; name it in one of them")
    if not asked:
        raise InputError("got every column as given, so nothing is left to score; leave some out")
    return asked, known


def _sum(found: Sequence[Estimate], volume: Tensor, words: str) -> Estimate:
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
    return Estimate(total + volume, error, parts | {"units": volume}, words, freedom)


def _ones(schema: Schema, n: int) -> Any:
    return map_leaves(lambda process: torch.ones(n, *process.cells, dtype=torch.bool), schema.process())
