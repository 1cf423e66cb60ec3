"""What a table has in every row, and its schema does not keep yet: relations of columns, places and angles."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from unnoise.data import holes
from unnoise.data._likely import likely
from unnoise.data._numerics import Values
from unnoise.data.constraints import offered
from unnoise.data.factors import NumberFactor, ResolvedFactor
from unnoise.data.factors.base import quoted
from unnoise.data.schema import Schema


def offered_by(schema: Schema, rows: Any) -> list[str]:
    """Sentences about what could be said of columns, and about what could be kept among those of the same unit."""
    kept = {*schema.conditions, *(name for step in schema.chart.steps for name in (step.target, *step.sources))}
    columns = schema.container.split(rows)
    units = {name: schema.container.unit(name) for name in columns}
    alike = ({name: columns[name] for name in columns if units[name] == unit} for unit in dict.fromkeys(units.values()))
    between = [sentence for part in alike for sentence in offered(part, kept)]
    return [*_kinds(schema, columns, kept), *between]


def _kinds(schema: Schema, columns: Mapping[str, Values], kept: Collection[str]) -> list[str]:
    numbers = [factor for factor in schema.factors.values() if isinstance(factor, NumberFactor | ResolvedFactor)]
    names = {name for factor in numbers for name in factor.columns} - set(kept)
    plain, present = holes.split({name: values for name, values in columns.items() if name in names})
    there = {name: values[present.get(name, ...)] for name, values in plain.items()}
    found = likely({name: values for name, values in there.items() if schema.container.unit(name) is None})
    return [_looks(*one) for one in found]


def _looks(names: Sequence[str], kind: str, what: str) -> str:
    verb = "looks" if len(names) == 1 else "look"
    option = shlex.quote(f"{','.join(names)}={kind}")
    return f"{quoted(names)} {verb} like {what}; model {'it' if len(names) == 1 else 'them'} so with --column {option}"
