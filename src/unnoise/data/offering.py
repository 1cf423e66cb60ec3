"""What holds between the columns of a table in every row, and its schema does not keep yet."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from typing import Any

from unnoise.data import _offers
from unnoise.data._numerics import Values
from unnoise.data.constraints import offered
from unnoise.data.schema import Schema


def offered_by(schema: Schema, rows: Any) -> list[str]:
    """Sentences about what could be kept, among columns of the same unit, and about columns that count the rows."""
    kept = {*schema.conditions, *(name for step in schema.chart.steps for name in (step.target, *step.sources))}
    kept |= {name for factor in schema.factors.values() if factor.joint for name in factor.columns}
    columns = schema.container.split(rows)
    found = _of_shares({name: values for name, values in columns.items() if schema.container.unit(name) is None}, kept)
    return found + _of_counters(columns, {*kept, *schema.constants}) + _between(schema, columns, kept)


def _of_shares(columns: Mapping[str, Values], kept: Collection[str]) -> list[str]:
    left = {name: values for name, values in columns.items() if name not in kept and "," not in name}
    n = len(next(iter(columns.values()), ()))
    return [
        f"{', '.join(names)} sum to {total} in all {n:,} rows: keep it with --column "
        + shlex.quote(",".join(names) + "=proportions")
        for names, total in _offers.shares(left)
    ]


def _of_counters(columns: Mapping[str, Values], kept: Collection[str]) -> list[str]:
    found = _offers.counters({name: values for name, values in columns.items() if name not in kept})
    return [
        f"{name} counts the rows, and is modelled like any number: leave it out with --column "
        + shlex.quote(f"{name}=identifier")
        for name in found
    ]


def _between(schema: Schema, columns: Mapping[str, Values], kept: Collection[str]) -> list[str]:
    units = {name: schema.container.unit(name) for name in columns}
    alike = ({name: columns[name] for name in columns if units[name] == unit} for unit in dict.fromkeys(units.values()))
    return [sentence for part in alike for sentence in offered(part, kept)]
