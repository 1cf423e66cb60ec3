"""Rows drawn given what is known of them: values, ranges, sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError, warn
from unnoise.data import Schema
from unnoise.data._numerics import Values
from unnoise.data.questions import Given
from unnoise.data.said import Held, word_of
from unnoise.denoisers import conditions
from unnoise.model.masks import both, either, negated
from unnoise.model.questions import Ask, Flags, Rows, answered, any_in_row, drawn

MOST_TRIES = 256  # draws per row, for ranges and sets
AT_ONCE = 2**15  # draws of one attempt


def sampled(schema: Schema, known: Given, ask: Ask, rng: torch.Generator) -> tuple[Any, Given]:
    """The states of rows of which something is known, and what is known with the values drawn for ranges and sets."""
    rows, flags = Rows(known.x, known.known, known.cond), Flags(schema)
    if len(rows) and not any_in_row(negated(rows.known)).any():
        raise InputError("got values for every column as given, so nothing is left to ask; leave some out")
    if known.within:
        rows, values = _within(rows, known, flags, schema, ask, rng)
        known = replace(known, columns={**known.columns, **values})
    return drawn(rows, flags, ask).x, known


def _within(
    rows: Rows, known: Given, flags: Flags, schema: Schema, ask: Ask, rng: torch.Generator
) -> tuple[Rows, Held]:
    """The rows with the columns of ranges and sets drawn and known: draws of these alone, until they lie inside.

    Rows that know the same share their draws. Where `MOST_TRIES` draws per row are not enough they are used again. A
    state may stand for many values, a few of them inside, so the values that were drawn are kept too, of the columns
    that hang together with no others.
    """
    within, ties = known.within, flags.ties
    alone = [name for name in within if schema.chart.connected(name) <= {name}]
    exact: dict[str, Values] = {}
    wanted = _tree.map(lambda cells, known: cells & ~known, schema.cells(schema.chart.closure(within)), rows.known)
    wanted = either(wanted, both(ties.among(either(rows.known, wanted)), negated(rows.known)))
    same, left = alike(rows), torch.arange(len(rows))
    tries, kept, pools = 0, [], []
    while len(left) and tries < MOST_TRIES * len(rows):
        index = left.repeat(max(1, min(tries, AT_ONCE) // len(left)))
        tries += len(index)
        some = answered(rows.at(index), conditions.at(wanted, index), ties, ask)
        fixed = _held_at(known, index) if schema.ties is not None else None
        values, drawn_in = schema.values(some.x, told=fixed), schema.values(some.x, rng, fixed)
        values |= {name: drawn_in[name] for name in alone}
        inside = torch.from_numpy(np.logical_and.reduce([one.holds(values[name]) for name, one in within.items()]))
        hits = some.at(inside)
        own = {name: values[name][inside.numpy()] for name in alone}
        if same:
            kept.append(hits)
            pools.append(own)
            places, left = left[: len(hits)], left[len(hits) :]
            first = torch.arange(len(places))
        else:
            places, first = _first_of_each(index[inside])
            left = left[~torch.isin(left, places)]
        rows = _with(rows, places, hits.at(first))
        _keep(exact, len(rows), places, {name: part[first.numpy()] for name, part in own.items()})
    everywhere = np.ones(len(rows), dtype=bool)
    if not len(left):
        return rows, {name: (part, everywhere) for name, part in exact.items()}
    words = ", ".join(f"{name} {one.said(word_of(schema, name))}" for name, one in within.items())
    pool = _joined(kept) if kept else None
    if pool is None or not len(pool):
        who = f"of {tries:,}" if same else f"for row {int(left[0])}"
        raise InputError(f"no draw {who} has {words}, so such a row is next to impossible here; widen it")
    size = len(pool)
    warn(f"{size} of {tries:,} draws have {words}: the {len(rows)} rows have an effective sample size of {size}")
    chosen = torch.randint(size, (len(left),), generator=rng)
    own = {name: np.concatenate([part[name] for part in pools])[chosen.numpy()] for name in alone}
    _keep(exact, len(rows), left, own)
    return _with(rows, left, pool.at(chosen)), {name: (part, everywhere) for name, part in exact.items()}


def _held_at(known: Given, index: Tensor) -> Held:
    """The values that were given, of some rows."""
    rows = index.numpy()
    return {name: (values[rows], there[rows]) for name, (values, there) in known.columns.items()}


def _keep(exact: dict[str, Values], n: int, places: Tensor, own: Mapping[str, Values]) -> None:
    """Set the values of some of n rows."""
    for name, part in own.items():
        exact.setdefault(name, np.zeros((n, *part.shape[1:]), dtype=part.dtype))[places.numpy()] = part


def alike(rows: Rows) -> bool:
    """Whether all rows know the same."""
    same = [bool((mask == mask[:1]).all()) for _, mask in _tree.leaves(rows.known)]
    pairs = zip(_tree.leaves(rows.x), _tree.leaves(rows.known), strict=True)
    equal = [bool(((x == x[:1]) | ~_tree.expand(mask, x)).all()) for (_, x), (_, mask) in pairs]
    return all(same) and all(equal) and (rows.cond is None or bool((rows.cond == rows.cond[:1]).all()))


def _first_of_each(index: Tensor) -> tuple[Tensor, Tensor]:
    """The different numbers, and where each stands first."""
    numbers, inverse = torch.unique(index, return_inverse=True)
    first = torch.full((len(numbers),), len(index)).scatter_reduce(0, inverse, torch.arange(len(index)), "amin")
    return numbers, first


def _with(rows: Rows, places: Tensor, others: Rows) -> Rows:
    trees = ((rows.x, others.x), (rows.known, others.known))
    x, known = (_tree.map(lambda leaf, new: leaf.index_copy(0, places, new.to(leaf)), *pair) for pair in trees)
    return replace(rows, x=x, known=known)


def _joined(parts: Sequence[Rows]) -> Rows:
    cond = None if parts[0].cond is None else torch.cat([part.cond for part in parts if part.cond is not None])
    return Rows(_tree.concatenate([part.x for part in parts]), _tree.concatenate([part.known for part in parts]), cond)
