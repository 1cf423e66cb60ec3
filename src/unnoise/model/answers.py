"""Answers of a fitted model: likelihoods of some columns given others, holes filled, probabilities of levels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import refuse, whole
from unnoise._errors import InputError, warn
from unnoise._seeding import generator
from unnoise.data import Encoded, EncodedCells, Schema
from unnoise.data.questions import Given, Within
from unnoise.denoisers import Answering
from unnoise.evaluation import Estimate, Likelihood
from unnoise.evaluation.dequantised import DequantisedLikelihood
from unnoise.model.questions import Ask, Flags, Rows, any_in_row, both, drawn, either, filled, negated, scored, told
from unnoise.processes import CTMC, Gaussian, HasKernel, leaves, map_leaves

if TYPE_CHECKING:
    from unnoise.model.fitted import FittedModel

Columns = str | Sequence[str] | None
DRAWS = 16  # among which a point of other kinds is chosen
MOST_TRIES = 256  # draws per row, for ranges and sets
POINTS = ("mean", "mode")


def sampled(schema: Schema, known: Given, ask: Ask, rng: torch.Generator) -> Any:
    """The states of rows of which something is known."""
    rows, flags = Rows(known.x, known.known, known.cond), Flags(schema)
    if len(rows) and not any_in_row(negated(rows.known)).any():
        raise InputError("got values for every column as given, so nothing is left to ask; leave some out")
    if known.within:
        rows = _within(rows, known.within, schema, ask, rng)
    return drawn(rows, flags, ask).x


def estimated(
    model: FittedModel,
    encoded: Encoded,
    of: Columns,
    given: Columns,
    rng: torch.Generator,
    likelihood: Likelihood | None,
    dequantisations: int,
) -> Estimate:
    """The log-likelihood of the columns `of` given others, of what is known of them."""
    schema, method = model.schema_, likelihood or model.likelihood_
    (of, given), n = _split(schema, of, given), len(encoded)
    x, cond = encoded.all(rng)
    known = _ones(schema, n) if encoded.known is None else encoded.known
    asked, beside = (either(schema.cells(names), schema.flags(names)) for names in (of, given))
    known = _tree.map(lambda mask, a, b: mask & (a | b), known, asked, beside)
    of_rows = _tree.map(lambda mask, a: mask & a, known, asked)
    if dequantisations > 1 and encoded.jitter is not None:
        method = DequantisedLikelihood(method, EncodedCells(encoded.jitter), dequantisations)
        x = encoded.x
    found = [
        model.likelihood_of_states(rows.x, rows.condition(cells), rng, method)
        for rows, cells in scored(Rows(x, known, cond), of_rows, Flags(schema))
    ]
    volume = schema.volumes(of_rows)
    words = f"{method.description}; {schema.measure_of(of, given)}"
    return _sum(found, volume, words)


def imputed(model: FittedModel, X: Any, y: Any, draws: int, point: str | None, seed: int | None) -> Any:
    """The data with holes filled, once or as a list."""
    whole(least=1, most=10_000, draws=draws)
    if point is not None and point not in POINTS:
        refuse("point", point, "None for draws, 'mean' or 'mode'")
    schema, rng = model.schema_, generator(seed)
    encoded = schema.encode(X, y)
    if not any(gap.any() for gap in schema.holes(X).values()) or encoded.known is None:
        warn("the data have no holes in columns that are modelled, so they are returned as they are")
        return X if draws == 1 else [X] * draws
    x, cond = encoded.all(rng)
    rows = Rows(x, encoded.known, cond)
    flags = Flags(schema)
    some = any_in_row(flags.split(negated(rows.known))[1])
    ask = model.asker(rng)
    if point is not None:
        ask = partial(_points, model, ask, point)
    part = rows.at(some)
    repeated = Rows(*(_repeat(tree, draws) for tree in (part.x, part.known)), _repeat(part.cond, draws))
    done = _chunks(filled(repeated, flags, ask).x, draws)
    where = some.nonzero()[:, 0]
    complete = [_tree.map(lambda leaf, new: leaf.index_copy(0, where, new.to(leaf)), x, one) for one in done]
    frames = [schema.filled(X, states) for states in complete]
    return frames[0] if draws == 1 else frames


def probabilities(model: FittedModel, X: Any, column: str, y: Any) -> Any:
    r"""$p(x_0 | x_1, \text{rest})$ at t = 1, with the factor $q(x_1 | x_0)$ that the noisy value adds taken off."""
    schema, denoiser = model.schema_, model.answering()
    levels = schema.levels(column)
    rows = _beside(schema, X, column, y)
    asked = _tree.map(lambda cells, known: cells.expand_as(known), schema.cells([column]), rows.known)
    done = []
    for part in torch.arange(len(rows)).split(8192):
        some, wanted = rows.at(part), _tree.map(lambda mask, part=part: mask[part], asked)
        done.append(_of_cell(_likely(denoiser, some, wanted), wanted, len(levels)))
    return torch.cat(done).double().numpy()


def _of_cell(laws: Any, asked: Any, count: int) -> Tensor:
    for _, law, (_, mask) in ((name, law, (law, m)) for (name, law), (_, m) in zip(_tree.leaves(laws), _tree.leaves(asked), strict=True)):
        if mask.any():
            found = law[mask][:, :count]
            return found / found.sum(1, keepdim=True)
    raise InputError("nothing is asked")


@torch.no_grad()
def _likely(denoiser: Answering, rows: Rows, asked: Any) -> Any:
    """One evaluation at t = 1: laws of levels, means of numbers, and elsewhere the statistic."""
    device = next(denoiser.parameters()).device
    rows, asked = rows.to(device), _tree.map(lambda mask: mask.to(device), asked)
    blank = _tree.map(lambda point, x: point.to(x).expand_as(x), denoiser.blank, rows.x)
    question = rows.condition(asked) if not _all(asked) else rows.cond
    stat = denoiser(blank, torch.ones((), device=device), question)
    return map_leaves(_without_evidence, denoiser.process, stat, blank)


def _without_evidence(process: HasKernel[Any], stat: Tensor, x: Tensor) -> Tensor:
    """By Bayes' rule; where noise is no jump between levels there is next to none at t = 1."""
    if not isinstance(process, CTMC):
        return stat.cpu()
    evidence = process.evidence(x, torch.ones((), device=x.device), stat.dtype)
    law = torch.where(evidence > 0, stat / evidence, 0.0)
    return (law / law.sum(-1, keepdim=True)).cpu()
