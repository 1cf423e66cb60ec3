"""What a model says of one column given another, beside the data: the pair that depends most, a few groups of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray

from unnoise import _tree
from unnoise._errors import InputError
from unnoise._seeding import generator
from unnoise.data import Schema
from unnoise.data._numerics import Values
from unnoise.data.factors import AngleFactor, CategoryFactor, CountFactor, Factor, NumberFactor, ResolvedFactor
from unnoise.model.masks import either
from unnoise.model.questions import Flags, Rows, drawn, every_cell
from unnoise.report.measured import Assessment, Pair
from unnoise.report.plots._style import shorten

Codes = NDArray[np.int64]

MOST_COLUMNS = 40  # among which a pair is sought
MOST_LEVELS = 20  # of one column, in the measure of dependence
GROUPS = 4  # of rows
DRAWS = 100  # of each group
COPY = 0.9  # of the entropy of a column; beyond it one column tells the other, and nothing is left to show


@dataclass(frozen=True)
class Conditional:
    """One column given another.

    Attributes:
        of: the column that is asked.
        given: the column that is given.
        nats: their mutual information in the held-out rows, with the bias of few rows taken off.
        groups: words for a group of rows with like values of `given` -> the values of `of` in these rows, and the
            model's draws, each given the value of one of these rows.
    """

    of: str
    given: str
    nats: float
    groups: dict[str, tuple[Values, Values]]


def strongest(result: Assessment) -> Pair | None:
    """The pair of columns that depends most; None without a pair of numbers or levels, or a model that answers."""
    try:
        result.model.answering()
    except InputError:
        return None
    values, present = _columns(result.model.schema_, result)
    codes = {name: _codes(column, present[name]) for name, column in values.items()}
    pair = _strongest(codes, present)
    if pair is None:
        return None
    given, of = sorted(pair, key=lambda name: values[name].dtype.kind in "iuf")  # levels are given rather than asked
    there = present[given] & present[of]
    nats, _ = dependence(codes[given][there], codes[of][there])
    return Pair(of, given, nats)


def conditional(result: Assessment) -> Conditional | None:
    """What the model says of one column of the strongest pair given the other; None without such a pair."""
    pair = result.pair
    if pair is None:
        return None
    given, of = pair.given, pair.of
    values, present = _columns(result.model.schema_, result)
    codes = _codes(values[given], present[given])
    members = _members(codes, present[given] & present[of])
    chosen = [rows[np.linspace(0, len(rows) - 1, DRAWS).astype(int)] for rows in members]
    draws = _asked(result, given, of, np.concatenate(chosen))
    groups = {}
    for rows, part in zip(members, np.split(np.arange(len(draws)), len(members)), strict=True):
        new = np.array([one for one in draws[part].tolist() if one is not None], dtype=values[of].dtype)
        groups[_words(given, values[given][rows], partial(result.model.schema_.word, given))] = (values[of][rows], new)
    return Conditional(of, given, pair.nats, groups)


def dependence(one: Codes, other: Codes) -> tuple[float, float]:
    r"""Mutual information of codes (n,) in nats, and as a share of the smaller entropy.

    $I = \sum p(a, b) \log [p(a, b) / p(a) p(b)]$, less its bias $(k_a - 1)(k_b - 1) / 2n$ (Miller 1955), where the
    codes have $k_a$ and $k_b$ values.
    """
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one, other), 1 / len(one))
    rows, columns = table.sum(1), table.sum(0)
    entropies = _entropy(rows), _entropy(columns)
    bias = (np.count_nonzero(rows) - 1) * (np.count_nonzero(columns) - 1) / (2 * len(one))
    nats = float(sum(entropies) - _entropy(table.ravel()) - bias)
    return nats, nats / min(entropies) if min(entropies) > 0 else 0.0


def _entropy(shares: NDArray[np.float64]) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum())


def _columns(schema: Schema, result: Assessment) -> tuple[dict[str, Values], dict[str, NDArray[np.bool_]]]:
    """The columns of numbers and levels, in the order of the data, and in which rows they are known."""
    held = schema.values(result.test.x)
    kinds = (NumberFactor, ResolvedFactor, AngleFactor, CountFactor, CategoryFactor)
    of: dict[str, tuple[str, Factor]] = {
        column: (name, factor)
        for name, factor in schema.factors.items()
        if isinstance(factor, kinds) and not factor.block
        for column in factor.columns
    }
    names = [n for n in schema.columns_of_state if n in of and n not in schema.chart.by_target][:MOST_COLUMNS]
    known = result.known.test if result.known.test is not None else every_cell(schema, len(result.test))
    present = {}
    for name in names:
        key, factor = of[name]
        cells = known[key] if isinstance(known, dict) else known
        present[name] = (
            cells[:, factor.cells_of([name])][:, 0]
            if isinstance(factor, ResolvedFactor)
            else cells[:, factor.columns.index(name)]
        ).numpy()
    levels = [name for name in names if isinstance(of[name][1], CategoryFactor)]
    return {name: held[name].astype(object) if name in levels else held[name] for name in names}, present


def _codes(values: Values, present: NDArray[np.bool_]) -> Codes:
    """Frequent levels, or quarters of numbers, as 0, 1, ...; the rest of the levels share a code."""
    seen = values[present]
    if values.dtype.kind in "iuf":
        edges: Values = np.unique(np.quantile(seen, np.arange(1, GROUPS) / GROUPS)) if len(seen) else np.zeros(0)
        return np.searchsorted(edges, values, side="right")
    levels, places, counts = np.unique(values.astype(str), return_inverse=True, return_counts=True)
    rank = np.empty(len(levels), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(levels))
    return np.minimum(rank[places], MOST_LEVELS)


def _strongest(codes: dict[str, Codes], present: dict[str, NDArray[np.bool_]]) -> tuple[str, str] | None:
    """The pair of the most mutual information; a pair of which one tells the other is the last choice."""
    found = []
    for one, other in combinations(codes, 2):
        there = present[one] & present[other]
        if there.any():
            nats, share = dependence(codes[one][there], codes[other][there])
            found.append(((share < COPY, nats), (one, other)))
    return max(found)[1] if found else None


def _members(codes: Codes, there: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """The rows of up to `GROUPS` codes, those of the most rows."""
    counts = np.bincount(codes[there])
    chosen = np.argsort(-counts, kind="stable")[:GROUPS]
    return [np.flatnonzero(there & (codes == code)) for code in np.sort(chosen) if counts[code]]


def _words(name: str, values: Values, word: Callable[[float], str | None]) -> str:
    """A group of rows, by the values of the column that is given."""
    name = shorten(name, 12)
    if values.dtype.kind not in "iuf":
        return f"{name} = {values[0]}" if len(set(values.tolist())) == 1 else f"{name}: others"
    low, high = (word(float(end)) or f"{end:.4g}" for end in (values.min(), values.max()))
    return f"{name} = {low}" if low == high else f"{name} {low} to {high}"


def _asked(result: Assessment, given: str, of: str, index: NDArray[np.int64]) -> Values:
    """Draws of a column for rows whose other column alone is known, (n,) of objects; None where it is missing."""
    model, schema, rng = result.model, result.model.schema_, generator(result.seed)
    x, cond = result.test.rows(torch.from_numpy(index)).all(rng)
    told = either(schema.cells([given]), schema.flags([given]))
    known = _tree.map(lambda cells, every: cells & every, told, every_cell(schema, len(index)))
    flags = Flags(schema)
    new = drawn(Rows(x, known, cond), flags, model.asker(rng)).x
    missing = flags.absent(Rows(new, every_cell(schema, len(index)), None))
    of_cells = _tree.map(lambda mask, cells: mask & cells, missing, schema.cells([of]))
    gone = _tree.ravel(of_cells).any(1).numpy()
    values: Values = schema.values(new)[of].astype(object)
    values[gone] = None
    return values
