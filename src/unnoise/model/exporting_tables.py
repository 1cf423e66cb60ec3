"""What the sampler of an exported table has to know: its cells, and how they become columns."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data._checked import TEXT
from unnoise.data.containers import Table
from unnoise.data.factors import CategoryFactor, Factor, MissingFactor, ResolvedFactor, TieFactor
from unnoise.data.kinds import Identifier
from unnoise.denoisers import Denoiser
from unnoise.evaluation.closed_form import mixture_in
from unnoise.model.defaults import default_sampler, is_timeless
from unnoise.processes import leaves
from unnoise.samplers import FirstHitting
from unnoise.samplers.base import default_batch_size


class Laws(nn.Module):
    """The laws of all cells of a table, as a tuple of one tensor (n, cells, states) for every factor.

    Args:
        denoiser: of states whose cells wait behind masks.
        schema: of the table.
    """

    def __init__(self, denoiser: Denoiser, schema: Schema) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.sizes = {name: factor.cells[0] for name, factor in schema.factors.items()}

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Of cells (n, cells), int64, and conditions (n, c) if there are any."""
        cells, *cond = inputs
        parts = dict(zip(self.sizes, torch.split(cells, list(self.sizes.values()), 1), strict=True))
        state = parts if len(parts) > 1 else cells
        laws = self.denoiser(state, torch.ones((), dtype=torch.float64), *cond)
        return tuple(law for _, law in _tree.leaves(laws))


def of_table(denoiser: Denoiser, schema: Schema) -> dict[str, Any]:
    """The plan: the cells, their masks and flags, and the columns.

    Raises:
        InputError: a part of the table that torch alone cannot draw or write.
    """
    _check(denoiser, schema)
    flags = [name if isinstance(part, MissingFactor) else None for part, name in _cells(schema)]
    masks = [process.blank().flatten() for _, process, _ in leaves(denoiser.process)]
    return {
        "batch": default_batch_size(schema.event_shape),
        "sites": [factor.cells[0] for factor in schema.factors.values()],
        "masks": torch.cat(masks).tolist(),
        "flags": flags,
        "cells": _names(schema),
        "ties": list(_ties(schema)),
        "placed": [len(part.columns) for part in schema.factors.values() if isinstance(part, ResolvedFactor)],
        "columns": list(_columns(schema, flags)),
    }


def _check(denoiser: Denoiser, schema: Schema) -> None:
    has = ""
    if not isinstance(schema.container, Table):
        has = "what is no table"
    elif schema.container.several:
        has = f"the column {schema.container.several[0].label!r}, whose texts of several numbers only unnoise can write"
    elif schema.chart:
        has = "constraints"
    elif odd := [name for name in schema.container.columns if schema.container.is_counted(name)]:
        has = f"the column {odd[0]!r}, whose dates, times, decimals or texts of numbers only unnoise can write"
    elif odd := [part.kind for part in schema.factors.values() if not isinstance(part, _KNOWN)]:
        has = f"columns of kind {odd[0]}"
    elif mixture_in(denoiser) is None and default_sampler(denoiser.process, is_timeless(denoiser)) is not FirstHitting:
        has = "so many cells that they are not drawn one after the other, or noise of an earlier version"
    if has:
        raise InputError(
            f"got {has}; expected a table of numbers and levels of at most 128 cells, which torch alone can draw: "
            "leave such columns out, or use 'unnoise sample'"
        )


_KNOWN = CategoryFactor, MissingFactor, ResolvedFactor, TieFactor


def _cells(schema: Schema) -> Iterator[tuple[Factor, str]]:
    """Of every cell of a state the factor and the column."""
    for factor in schema.factors.values():
        if isinstance(factor, TieFactor):
            yield from ((factor, tie.target) for tie in factor.ties)
            continue
        counts = factor.digits if isinstance(factor, ResolvedFactor) else (1,) * len(factor.columns)
        for name, count in zip(factor.columns, counts, strict=True):
            yield from itertools.repeat((factor, name), count)


def _names(schema: Schema) -> list[str | None]:
    """The column of which each cell is a value, if it is one."""
    return [name if factor.of_values else None for factor, name in _cells(schema)]


def _ties(schema: Schema) -> Iterator[dict[str, Any]]:
    """The cells of ties, each after those of its bases, and the columns that they tie."""
    start = [isinstance(factor, TieFactor) for factor, _ in _cells(schema)]
    for place, tie in enumerate(
        () if schema.ties is None else schema.ties.ties, start.index(True) if any(start) else 0
    ):
        yield {"cell": place, "of": tie.target, "bases": list(tie.bases)}


def _columns(schema: Schema, flags: list[str | None]) -> Iterator[dict[str, Any]]:
    """The columns in the order of the data."""
    cells = _names(schema)
    rows = [name for part in schema.factors.values() if isinstance(part, ResolvedFactor) for name in part.columns]
    types = {str(column.label): column.type for column in schema.container.layout}  # type: ignore[attr-defined]
    valued = [part for part in schema.factors.values() if part.of_values]
    held = {name: part for part in valued for name in part.columns}
    for name in schema.container.columns:
        factor, always = held.get(name), schema.constants.get(name)
        yield {
            "name": name,
            "value": None if always is None else always.value,
            "made": _made(always) if isinstance(always, Identifier) else None,
            "cell": None if factor is None else cells.index(name),
            "digits": cells.count(name),
            "row": rows.index(name) if name in rows else None,
            "flag": flags.index(name) if name in flags else None,
            **_of_values(factor, name, types[name]),
        }


def _made(kind: Identifier) -> dict[str, Any]:
    """How an identifier is made."""
    serial = kind.serial
    told = None if serial is None else {**dataclasses.asdict(serial), "stride": serial.stride}
    return {"serial": told, "whole": kind.dtype != TEXT}


def _of_values(factor: Factor | None, name: str, type_: str) -> dict[str, Any]:
    """The levels of a column, or the cells of its numbers; a condition and what is always the same have neither."""
    if isinstance(factor, CategoryFactor):
        return {"levels": list(factor.levels[factor.columns.index(name)]), "float": None}
    if not isinstance(factor, ResolvedFactor):
        return {}
    one = factor.resolutions[factor.columns.index(name)]
    held = np.dtype(one.dtype)
    whole = one.decimals == 0 and (held.kind in "ui" or re.match("u?int", type_.lower()))
    return {
        "levels": None,
        "float": None if whole else f"float{8 * min(held.itemsize, 8)}" if held.kind == "f" else "float64",
        "first": [*one.coarse, len(one.starts)],
        "starts": list(one.starts),
        "ends": list(one.ends),
        "decimals": one.decimals,
        "low": one.low,
        "step": one.step,
    }
