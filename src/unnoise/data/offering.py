"""What a table has in every row, and its schema does not keep yet: relations of columns, places and angles."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

from unnoise.data import _offers, holes
from unnoise.data._likely import likely
from unnoise.data._lines import lines
from unnoise.data._numerics import Values
from unnoise.data._relations import share_broken
from unnoise.data.constraints import offered
from unnoise.data.factors import NumberFactor, ResolvedFactor
from unnoise.data.factors.base import quoted
from unnoise.data.schema import Schema

NETWORKS_ALONE = {"latlon", "rotation", "proportions"}  # kinds that no quick model takes, as the tests of this file see


def offered_by(schema: Schema, rows: Any, draw: Callable[[], Any] | None = None) -> list[str]:
    """Sentences about what could be said of columns, and about what could be kept among those of the same unit.

    Args:
        schema: of the table.
        rows: all of them.
        draw: new rows, which are asked for if something could be kept, to say how many of them break it.
    """
    kept = {*schema.conditions, *(name for step in schema.chart.steps for name in (step.target, *step.sources))}
    kept |= {name for factor in schema.factors.values() if factor.joint for name in factor.columns}
    columns = {name: held for name, held in schema.container.split(rows).items() if not schema.container.words(name)}
    plain = {name: values for name, values in columns.items() if schema.container.unit(name) is None}
    free = {name: values for name, values in columns.items() if name not in {*kept, *schema.constants}}
    counters = _offers.counters(free)
    return [
        *_of_shares(plain, kept),
        *map(_of_counter, counters),
        *(_of_code(*one) for one in _offers.codes({name: plain[name] for name in plain if name in free})),
        *_of_kinds(schema, plain, {*kept, *counters}),
        *(_of_line(*line) for line in lines({name: plain[name] for name in plain if name in free})),
        *_between(schema, columns, kept, draw),
    ]


def _of_shares(columns: Mapping[str, Values], kept: Collection[str]) -> list[str]:
    left = {name: values for name, values in columns.items() if name not in kept and "," not in name}
    n = len(next(iter(columns.values()), ()))
    return [
        f"{', '.join(names)} sum to {total} in all {n:,} rows: keep it {_option(names, 'proportions')}"
        for names, total in _offers.shares(left)
    ]


def _of_counter(name: str) -> str:
    return f"{name} counts the rows, and is modelled like any number: leave it out {_option([name], 'identifier')}"


def _of_code(name: str, values: Sequence[float], share: float) -> str:
    listed = [f"{value:g}" for value in values]
    which, they = (listed[0], "it stands") if len(listed) == 1 else (" or ".join(listed[-2:]), "they stand")
    return (
        f"{name} is {', '.join([*listed[:-2], which])} in {100 * share:.2g} % of rows, far from all other values: "
        f"leave these cells empty if {they} for missing"
    )


def _of_line(name: str, source: str, slope: float, intercept: float) -> str:
    more = f" {'+' if intercept > 0 else '-'} {abs(intercept):.4g}" if intercept else ""
    return (
        f"{name} is {slope:.5g} times {source}{more} in all rows, to rounding, and only roughly in new ones: leave it "
        f"out, and compute it from {source}"
    )


def _of_kinds(schema: Schema, columns: Mapping[str, Values], kept: Collection[str]) -> list[str]:
    numbers = [factor for factor in schema.factors.values() if isinstance(factor, NumberFactor | ResolvedFactor)]
    names = {name for factor in numbers for name in factor.columns} - set(kept)
    plain, present = holes.split({name: values for name, values in columns.items() if name in names})
    return [_looks(*one) for one in likely({name: values[present.get(name, ...)] for name, values in plain.items()})]


def _looks(names: Sequence[str], kind: str, what: str) -> str:
    verb, them = ("looks", "it") if len(names) == 1 else ("look", "them")
    return f"{quoted(names)} {verb} like {what}: model {them} so {_option(names, kind)}"


def _option(names: Sequence[str], kind: str) -> str:
    """What to type, and that it takes a network where no mixture can do it."""
    typed = shlex.quote(f"{','.join(names)}={kind}")
    return ("by a network, " if kind in NETWORKS_ALONE else "") + f"with --column {typed}"


def _between(
    schema: Schema, columns: Mapping[str, Values], kept: Collection[str], draw: Callable[[], Any] | None
) -> list[str]:
    units = {name: schema.container.unit(name) for name in columns}
    alike = ({name: columns[name] for name in columns if units[name] == unit} for unit in dict.fromkeys(units.values()))
    drawn = None if draw is None else cache(lambda: schema.container.split(draw()))

    def broken(text: str) -> float:
        return 0.0 if drawn is None else share_broken(text, columns, drawn())

    return [sentence for part in alike for sentence in offered(part, kept, broken)]
