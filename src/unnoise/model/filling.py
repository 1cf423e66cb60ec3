"""Holes filled, and probabilities of levels: what one evaluation at t = 1 says, or draws."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import refuse, whole
from unnoise._errors import warn
from unnoise._seeding import generator
from unnoise.denoisers import Answering, conditions
from unnoise.model.questions import Ask, Flags, Model, Rows, any_in_row, filled, negated
from unnoise.processes import CTMC, Gaussian, HasKernel, map_leaves
from unnoise.samplers.base import batches

DRAWS = 16  # among which a point of other kinds is chosen
AT_ONCE = 8192  # rows of one evaluation
POINTS = {"mean": True, "mode": False}  # whether numbers are filled by their mean


def imputed(model: Model, X: Any, y: Any, draws: int, point: str | None, seed: int | None) -> Any:
    """The data with holes filled, once or as a list."""
    whole(least=1, most=10_000, draws=draws)
    if point is not None and point not in POINTS:
        refuse("point", point, "None for draws, 'mean' or 'mode'")
    schema, rng = model.schema_, generator(seed)
    encoded = schema.encode(schema.selected(X), y)
    if not any(gap.any() for gap in schema.holes(X).values()) or encoded.known is None:
        warn("the data have no holes in columns that are modelled, so they are returned as they are")
        return X if draws == 1 else [X] * draws
    x, cond = encoded.all(rng)
    rows = Rows(x, encoded.known, cond)
    flags = Flags(schema)
    some = any_in_row(flags.split(negated(rows.known))[1])
    ask = model.asker(rng)
    if point is not None:
        ask = partial(_points, model, ask, POINTS[point])
    done = _chunks(filled(rows.at(some).repeated(draws), flags, ask).x, draws)
    where = some.nonzero()[:, 0]
    complete = [_tree.map(lambda leaf, new: leaf.index_copy(0, where, new.to(leaf)), x, one) for one in done]
    frames = [schema.filled(X, states) for states in complete]
    return frames[0] if draws == 1 else frames


def probabilities(model: Model, X: Any, column: str, y: Any) -> Any:
    r"""$p(x_0 | x_1, \text{rest})$ at t = 1, with the factor $q(x_1 | x_0)$ that the noisy value adds taken off."""
    schema, denoiser = model.schema_, model.answering()
    levels, told = schema.levels(column), schema.beside(X, column, y)
    rows = Rows(told.x, told.known, told.cond)
    cells = schema.cells([column])
    laws = _likely(denoiser, rows, _tree.map(lambda mask, known: mask.expand_as(known), cells, rows.known))
    pairs = zip(_tree.leaves(laws), _tree.leaves(cells), strict=True)
    (law,) = [law[:, mask][:, 0, : len(levels)] for (_, law), (_, mask) in pairs if mask.any()]
    return (law / law.sum(1, keepdim=True)).double().numpy()


def _likely(denoiser: Answering, rows: Rows, asked: Any) -> Any:
    """One evaluation at t = 1: laws of levels, means of numbers, and elsewhere the statistic."""
    parts = list(batches(len(rows), AT_ONCE)) or [slice(0, 0)]
    return _tree.concatenate([_evaluated(denoiser, rows.at(part), conditions.at(asked, part)) for part in parts])


@torch.no_grad()
def _evaluated(denoiser: Answering, rows: Rows, asked: Any) -> Any:
    like = next(denoiser.parameters(), next(denoiser.buffers(), torch.empty(0)))
    device = like.device
    rows, asked = rows.to(device), _tree.map(lambda mask: mask.to(device), asked)
    blank = _tree.map(lambda point, x: point.to(x).expand_as(x), denoiser.blank, rows.x)
    stat = denoiser(blank, torch.ones((), device=device), rows.condition(asked))
    return map_leaves(_without_evidence, denoiser.process, stat, blank)


def _without_evidence(process: HasKernel[Any], stat: Tensor, x: Tensor) -> Tensor:
    """By Bayes' rule; where noise is no jump between levels there is next to none at t = 1."""
    if not isinstance(process, CTMC):
        return stat.cpu()
    evidence = process.evidence(x, torch.ones((), device=x.device), stat.dtype)
    law = torch.where(evidence > 0, stat / evidence, 0.0)
    whole: Tensor = law / law.sum(-1, keepdim=True)
    return whole.cpu()


def _points(model: Model, ask: Ask, means: bool, rows: Rows, asked: Any) -> Any:
    """The likeliest level, the mean of numbers, and for other kinds the draw that is nearest to the others."""
    denoiser = model.answering()

    def unclear(process: HasKernel[Any], mask: Tensor) -> bool:
        by_one = isinstance(process, CTMC) or (means and isinstance(process, Gaussian))
        return bool(mask.any()) and not by_one

    def chosen(process: HasKernel[Any], law: Tensor, draw: Tensor, needs_draws: bool) -> Tensor:
        if needs_draws or not isinstance(process, CTMC | Gaussian):
            return draw
        return law.argmax(-1) if isinstance(process, CTMC) else law.to(draw)

    needs_draws = map_leaves(unclear, denoiser.process, asked)
    some = any(needs for _, needs in _tree.leaves(needs_draws))
    middle = _nearest(denoiser, rows, asked, ask) if some else rows.x
    return map_leaves(chosen, denoiser.process, _likely(denoiser, rows, asked), middle, needs_draws)


def _nearest(denoiser: Answering, rows: Rows, asked: Any, ask: Ask) -> Any:
    """Leaf by leaf, the draw of the least summed distance to the others, in features."""
    draws = ask(rows.repeated(DRAWS), _tree.map(lambda mask: mask.repeat_interleave(DRAWS, 0), asked))

    def chosen(process: HasKernel[Any], x: Tensor) -> Tensor:
        features = process.cell.space.features(x).float()
        apart = features.reshape(len(rows), DRAWS, *x.shape[1 : 1 + len(process.cells)], -1)
        distance = (apart[:, :, None] - apart[:, None]).square().sum(-1).sqrt().sum(2)  # (n, draws, *cells)
        best = _tree.expand(distance.argmin(1)[:, None], x.view(len(rows), DRAWS, *x.shape[1:]))
        return x.view(len(rows), DRAWS, *x.shape[1:]).gather(1, best.expand(-1, 1, *x.shape[1:]))[:, 0]

    return map_leaves(chosen, denoiser.process, draws)


def _chunks(tree: Any, times: int) -> list[Any]:
    """Of rows that were repeated, the first, the second and so on."""
    return [_tree.map(lambda leaf, place=place: leaf[place::times], tree) for place in range(times)]
