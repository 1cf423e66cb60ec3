"""Holes filled, and probabilities of levels: what one evaluation at t = 1 says, or draws."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import refuse, whole
from unnoise._errors import warn
from unnoise._seeding import generator
from unnoise.data.factors import ResolvedFactor
from unnoise.denoisers import Answering, conditions
from unnoise.laws.base import standard_normal
from unnoise.model.masks import negated
from unnoise.model.questions import Ask, Flags, Model, Rows, any_in_row, every_cell, filled
from unnoise.processes import CTMC, Gaussian, HasKernel, leaves, map_leaves
from unnoise.samplers.base import batches

DRAWS = 16  # among which a point of other kinds is chosen
LOG_SNR, ROUNDS, PAIRS = -2.0, 4, 2  # where means of numbers are found, how often, and with how much noise
HARDLY, FEW, MOST_LOOKED_AT = 0.01, 0.1, (256, 24)  # probability of being there, share of holes; rows and columns
AT_ONCE = 8192  # rows of one evaluation
POINTS = {"mean": True, "mode": False}  # whether numbers are filled by their mean


def imputed(model: Model, X: Any, y: Any, draws: int, point: str | None, seed: int | None) -> Any:
    """The data with holes filled, once or as a list."""
    whole(least=1, most=10_000, draws=draws)
    if point is not None and point not in POINTS:
        refuse("point", point, "None for draws, 'mean' or 'mode'")
    schema, rng = model.schema_, generator(seed)
    encoded = schema.encode(schema.selected(X), y)
    if not any(gap.any() for gap in schema.holes(X).values()):
        warn("the data have no holes in columns that the model knows, so they are returned as they are")
        return X if draws == 1 else [X] * draws
    x, cond = encoded.all(rng)
    rows = Rows(x, every_cell(schema, len(encoded)) if encoded.known is None else encoded.known, cond)
    flags = Flags(schema)
    some = any_in_row(flags.split(negated(rows.known))[1])
    warn_of_holes_apart(model, rows)
    ask = model.asker(rng)
    if point is not None:
        ask = partial(_points, model, ask, POINTS[point])
    if means := point is not None and POINTS[point]:
        ask = partial(_with_means, model, ask)
    done = _chunks(filled(rows.at(some).repeated(draws), flags, ask, tied=not means).x, draws)
    where = some.nonzero()[:, 0]
    complete = [_tree.map(lambda leaf, new: leaf.index_copy(0, where, new.to(leaf)), x, one) for one in done]
    frames = [schema.filled(X, states, None if point else rng) for states in complete]
    return frames[0] if draws == 1 else frames


def warn_of_holes_apart(model: Model, rows: Rows) -> None:
    """Say which holes are filled in rows of which hardly any has the column, as weeks of pregnancy of men."""
    schema = model.schema_
    leaf = Flags(schema).leaf
    if leaf is None:
        return
    factor: Any = schema.factors[leaf]
    held = {key: mask & ~(rows.x[key] == 1) if key == leaf else mask for key, mask in rows.known.items()}
    plain, denoiser = Rows(rows.x, held, rows.cond), model.answering()
    for place, name in list(enumerate(factor.columns))[: MOST_LOOKED_AT[1]]:
        holes = (rows.known[leaf][:, place] & (rows.x[leaf][:, place] == 1)).nonzero()[:, 0]
        if not len(holes):
            continue
        some = holes[torch.linspace(0, len(holes) - 1, min(len(holes), MOST_LOOKED_AT[0])).long()]
        few = plain.at(some)
        asked = {key: torch.zeros_like(mask) for key, mask in few.known.items()}
        asked[leaf][:, place] = True
        there = _likely(denoiser, few, asked)[leaf][:, place, 0]
        odd = some[there < min(HARDLY, (1 - factor.shares[place]) / 10)]
        if len(odd) > FEW * len(some):
            warn(
                f"'{name}' is filled in {len(odd) / len(some):.0%} of the rows that lack it though hardly any row like "
                f"these has one, such as row {int(odd[0])}; what stands there is a guess, or does not apply to them."
            )


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
    """One evaluation at t = 1: laws of levels, and elsewhere the statistic."""
    return _in_groups(partial(_evaluated, denoiser), rows, asked)


def _in_groups(f: Callable[[Rows, Any], Any], rows: Rows, asked: Any) -> Any:
    parts = list(batches(len(rows), AT_ONCE)) or [slice(0, 0)]
    return _tree.concatenate([f(rows.at(part), conditions.at(asked, part)) for part in parts])


@torch.no_grad()
def _evaluated(denoiser: Answering, rows: Rows, asked: Any) -> Any:
    rows, asked = _moved(denoiser, rows, asked)
    blank = _tree.map(lambda point, x: point.to(x).expand_as(x), denoiser.blank, rows.x)
    stat = denoiser(blank, torch.ones((), device=rows.device), rows.condition(asked))
    return map_leaves(_without_evidence, denoiser.process, stat, blank)


def _moved(denoiser: Answering, rows: Rows, asked: Any) -> tuple[Rows, Any]:
    """To where the denoiser is."""
    like = next(denoiser.parameters(), next(denoiser.buffers(), torch.empty(0)))
    return rows.to(like.device), _tree.map(lambda mask: mask.to(like.device), asked)


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

    def needs_draws(process: HasKernel[Any], mask: Tensor) -> bool:
        return bool(mask.any()) and not isinstance(process, CTMC | Gaussian if means else CTMC)

    def point(process: HasKernel[Any], law: Tensor, middle: Tensor) -> Tensor:
        return law.argmax(-1) if isinstance(process, CTMC) else middle

    if any(needs for _, needs in _tree.leaves(map_leaves(needs_draws, denoiser.process, asked))):
        draws = ask(rows.repeated(DRAWS), _tree.map(lambda mask: mask.repeat_interleave(DRAWS, 0), asked))
        middles = map_leaves(partial(_middle, n=len(rows), means=means), denoiser.process, draws)
    else:
        middles = _in_groups(partial(_means, denoiser), rows, asked)
    return map_leaves(point, denoiser.process, _likely(denoiser, rows, asked), middles)


def _with_means(model: Model, ask: Ask, rows: Rows, asked: Any) -> Any:
    """The points, with the digits of numbers at their means."""
    x = ask(rows, asked)
    numbers = {name: part for name, part in model.schema_.factors.items() if isinstance(part, ResolvedFactor)}
    if not numbers:
        return x
    laws = _likely(model.answering(), rows, asked)
    if not isinstance(x, dict):
        (factor,) = numbers.values()
        return factor.means(laws, x)
    return x | {name: factor.means(laws[name], x[name]) for name, factor in numbers.items()}


def _middle(process: HasKernel[Any], x: Tensor, n: int, means: bool) -> Tensor:
    """The mean of draws of numbers; of other points, cell by cell, the one of least summed distance in features."""
    draws = x.view(n, DRAWS, *x.shape[1:])
    if means and isinstance(process, Gaussian):
        return draws.mean(1)
    features = process.cell.space.features(x).float().reshape(n, DRAWS, *process.cells, -1)
    distance = (features[:, :, None] - features[:, None]).square().sum(-1).sqrt().sum(2)  # (n, draws, *cells)
    best = _tree.expand(distance.argmin(1)[:, None], draws)
    return draws.gather(1, best.expand(-1, 1, *x.shape[1:]))[:, 0]


@torch.no_grad()
def _means(denoiser: Answering, rows: Rows, asked: Any) -> Any:
    r"""The means of numbers, where nothing but levels is asked besides.

    At t = 1 a network need not know them, as no price depends on it there. Where noise says a little,
    $E[x_0 | \alpha m + \sigma\epsilon]$ is on average $\mu + k (m - \mu)$ with a small k: so its fixed point is the
    mean $\mu$, to second order in the signal.
    """
    gaussian = [process for _, process, _ in leaves(denoiser.process) if isinstance(process, Gaussian)]
    if not gaussian:
        return rows.x
    rows, asked = _moved(denoiser, rows, asked)
    t = torch.stack([process.time_at(torch.tensor(LOG_SNR)) for process in gaussian]).max().to(rows.device)
    rng, question = generator(0), rows.condition(asked)
    blank = _tree.map(lambda point, x: point.to(x).expand_as(x), denoiser.blank, rows.x)

    def noised(process: HasKernel[Any], m: Tensor, noise: Tensor) -> Tensor:
        if not isinstance(process, Gaussian):
            return m
        alpha, sigma = process.alpha_sigma(t)
        return alpha * m + sigma * noise

    def averaged(process: HasKernel[Any], old: Tensor, *new: Tensor) -> Tensor:
        return torch.stack(new).mean(0) if isinstance(process, Gaussian) else old

    found = blank
    for _ in range(ROUNDS):
        stats = []
        for _ in range(PAIRS):
            noise = _tree.map(lambda x: standard_normal(tuple(x.shape), torch.empty(0), rng).to(x.device), found)
            for sign in (1, -1):
                signed = _tree.map(lambda one, sign=sign: sign * one, noise)
                x_t = map_leaves(noised, denoiser.process, found, signed)
                stats.append(denoiser(x_t, t, question))
        found = map_leaves(averaged, denoiser.process, found, *stats)
    return _tree.map(lambda leaf: leaf.cpu(), found)


def _chunks(tree: Any, times: int) -> list[Any]:
    """Of rows that were repeated, the first, the second and so on."""
    return [_tree.map(lambda leaf, place=place: leaf[place::times], tree) for place in range(times)]
