"""Draws, truths and observations as arrays, and as the features that distances and classifiers take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from unnoise._checks import real, refuse, whole
from unnoise._errors import InputError
from unnoise.evaluation._mixed import Flags, categorical_mask
from unnoise.evaluation._rows import Array, as_rows

FEWEST = 10  # rows
MOST_LEVELS = 20  # of one column that are told apart; rarer ones share a feature


def checked(draws: Any, truths: Any, observations: Any = None) -> tuple[Array, Array, Array]:
    """Draws (n, k, d), truths (n, d) and observations (n, c), of which there may be none, c = 0."""
    truth = as_rows(truths, "the truths", least=FEWEST, holes=True)
    n, d = truth.shape
    flat = as_rows(draws, "the draws", holes=True)
    shape = tuple(np.shape(draws.detach() if hasattr(draws, "detach") else draws))
    if len(shape) < 2 or shape[0] != n or shape[1] < 1:
        raise InputError(f"got draws of shape {shape} for {n} truths; expected (truths, draws, columns)")
    if flat.shape[1] != shape[1] * d:
        raise InputError(f"got draws of shape {shape} for truths of {d} columns; expected (truths, draws, columns)")
    if observations is None:
        return flat.reshape(n, shape[1], d), truth, np.zeros((n, 0))
    seen = as_rows(observations, "the observations", holes=True)
    if len(seen) != n:
        raise InputError(f"got {len(seen)} observations for {n} truths; expected one for each")
    return flat.reshape(n, shape[1], d), truth, seen


def periods_of(periods: Mapping[int, float] | None, columns: int) -> dict[int, float]:
    """After how much the columns of angles come round again, by their places."""
    if periods is None:
        return {}
    if not isinstance(periods, Mapping):
        refuse("periods", periods, "a dict from the place of a column to after how much it comes round again")
    for place, period in periods.items():
        whole(most=columns - 1, **_named("a place of periods", place))
        real(above=0, **_named(f"periods[{place}]", period))
    return {int(place): float(period) for place, period in periods.items()}


def in_order(draws: Array, truths: Array, periods: Mapping[int, float]) -> tuple[Array, Array]:
    """Numbers that have an order: missing ones last, angles as signed differences to the mean of truth and draws.

    The mean is of all k + 1 of them, so that none is told from the others.
    """
    together = np.concatenate([draws, truths[:, None]], axis=1)
    for place, period in periods.items():
        angles = together[..., place] * (2 * np.pi / period)
        there = ~np.isnan(angles)
        sines, cosines = (np.where(there, wave(angles), 0.0).sum(1) for wave in (np.sin, np.cos))
        middle = np.arctan2(sines, cosines)[:, None]
        together[..., place] = np.mod(angles - middle + np.pi, 2 * np.pi)
    together = np.where(np.isnan(together), np.inf, together)
    return together[:, :-1], together[:, -1]


def features(rows: Array, categorical: Any = (), periods: Mapping[int, float] | None = None) -> Array:
    """Rows (n, d) as numbers of like scales, (n, f): levels by one-hot codes, angles on the circle, holes by a flag.

    >>> features(np.array([[0.0, 1.0], [2.0, np.nan]]), [1])
    array([[-1.,  1.,  0.],
           [ 1.,  0.,  1.]])
    """
    mask, turns = categorical_mask(categorical, rows.shape[1]), periods_of(periods, rows.shape[1])
    parts = [part for place, column in enumerate(rows.T) for part in _feature(column, mask, place, turns)]
    return np.stack(parts, axis=1) if parts else np.zeros((len(rows), 0))


def together(draws: Array, truths: Array, categorical: Any, periods: Mapping[int, float] | None) -> tuple[Array, Array]:
    """The features of draws (n, k, f) and of truths (n, f), in common scales."""
    n, k, d = draws.shape
    both = features(np.concatenate([draws.reshape(-1, d), truths]), categorical, periods)
    return both[: n * k].reshape(n, k, -1), both[n * k :]


def names_or_places(names: Sequence[str] | None, columns: int) -> list[str]:
    """The names of the columns, by default `column 0`, ..."""
    if names is None:
        return [f"column {place}" for place in range(columns)]
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names) or isinstance(names, str):
        refuse("names", names, "a list of texts, or None")
    if len(names) != columns:
        raise InputError(f"got {len(names)} names for {columns} columns; expected one for each column")
    return list(names)


def _named(name: str, value: Any) -> dict[str, Any]:
    return {name: value}


def _feature(column: Array, mask: Flags, place: int, turns: Mapping[int, float]) -> list[Array]:
    missing = np.isnan(column)
    if mask[place]:
        values, counts = np.unique(column[~missing], return_counts=True)
        kept = values[np.argsort(-counts, kind="stable")[:MOST_LEVELS]]
        parts = [(column == value).astype(float) for value in kept]
    elif place in turns:
        angle = np.where(missing, 0.0, column) * (2 * np.pi / turns[place])
        parts = [np.where(missing, 0.0, np.cos(angle)), np.where(missing, 0.0, np.sin(angle))]
    else:
        seen = column[~missing]
        middle, width = (float(seen.mean()), float(seen.std())) if len(seen) else (0.0, 0.0)
        parts = [np.where(missing, 0.0, (column - middle) / (width if width > 0 else 1.0))]
    return [*parts, missing.astype(float)] if missing.any() else parts
