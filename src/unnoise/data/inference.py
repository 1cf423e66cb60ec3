"""Infer factors from the types of columns, unless the user declares kinds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from unnoise._errors import InputError, warn
from unnoise.data import factors
from unnoise.data._numerics import Values, row_of
from unnoise.data.base import Coordinate, Feature
from unnoise.data.factors import Factor, NumberFactor
from unnoise.data.factors.base import finite_numbers, quoted
from unnoise.data.kinds import Category, Constant, Integer, Real

_FEW = 50  # most values of integer labels that are classes
_COORDINATES: dict[str, type[Coordinate]] = {"real": Real, "integer": Integer}
BINARY = "binary"
KINDS = (*_COORDINATES, *factors.BY_KIND, *factors.ALIASES)


@dataclass(frozen=True)
class Declared:
    """Columns that the user puts together, and their kind."""

    name: str
    kind: str
    columns: tuple[str, ...]


def declarations(asked: Mapping[str, str], columns: Mapping[str, Values]) -> list[Declared]:
    """Kinds by a column, by columns with commas between, or by the common part of their names."""
    if not isinstance(asked, Mapping) or not all(isinstance(key, str) for key in asked):
        raise InputError(f"got kinds = {asked!r:.100}; expected a dict of the names of columns, as {{'age': 'real'}}.")
    found: list[Declared] = []
    seen: set[str] = set()
    for key, kind in asked.items():
        if kind not in KINDS:
            raise InputError(f"Column '{key}' is declared {kind!r}; the known kinds are {', '.join(KINDS)}.")
        names = _resolved(key, list(columns))
        if twice := {name for i, name in enumerate(names) if name in seen or name in names[:i]}:
            raise InputError(f"The kind of '{min(twice)}' is given twice; give each column one kind.")
        seen |= set(names)
        for name in names if kind == BINARY else ():
            _check_binary(columns[name], name)
        found.append(Declared(key, factors.ALIASES.get(kind, kind), names))
    return found


def modelled(
    columns: Mapping[str, Values], declared: Sequence[Declared], categorical: frozenset[str]
) -> tuple[dict[str, Factor], dict[str, Constant]]:
    """The factors by name, and the columns that never vary."""
    by_declaration = {name for d in declared if d.kind in factors.BY_DECLARATION for name in d.columns}
    kind_of = {name: d.kind for d in declared for name in d.columns}
    constants = {
        name: Constant.fit(values, name)
        for name, values in columns.items()
        if name not in by_declaration and (values == values.flat[0]).all()
    }
    check_varying(columns, constants)
    pools: dict[str, list[str]] = {}
    for name, values in columns.items():
        if name not in by_declaration and name not in constants:
            kind = kind_of.get(name) or _usual(values, name in categorical)
            pools.setdefault(NumberFactor.kind if kind in _COORDINATES else kind, []).append(name)
    found: dict[str, Factor] = {}
    for kind, names in pools.items():
        if kind == NumberFactor.kind:
            found[kind] = _numbers({name: columns[name] for name in names}, kind_of)
        elif columns[names[0]].ndim > 1:
            raise InputError(
                f"{quoted(names)} is an array of shape {columns[names[0]].shape[1:]} per row, which cannot be {kind}; "
                "declare it real, integer, rotation or sequence."
            )
        else:
            found[kind] = factors.BY_KIND[kind]({name: columns[name] for name in names})
    for d in declared:
        for name, members in _split(d):
            while name in found:
                name += "_"
            found[name] = factors.BY_KIND[d.kind]({column: columns[column] for column in members})
    return found, constants


def condition(values: Values, name: str, asked: str | None, labels: bool) -> Feature:
    """Text, booleans and labels with few values are categories, others real.

    A condition is not modelled, so its integers need no dequantisation.
    """
    if asked is None:
        few = labels and values.dtype.kind in "iu" and len(np.unique(values)) <= _FEW
        asked = "category" if values.dtype.kind in "Ob" or few else "real"
    if asked == "category":
        return Category.fit(values, name)
    if asked not in _COORDINATES:
        raise InputError(f"The condition '{name}' is declared {asked}; a condition is real or category.")
    if values.dtype == object:
        raise InputError(f"The condition '{name}' is declared {asked}, but holds {values[0]!r}.")
    return Real.fit(values, name)


def check_varying(columns: Mapping[str, Values], constants: Mapping[str, Constant]) -> None:
    """Refuse data without a column to model; warn of constant ones."""
    if not columns:
        raise InputError("Every column is a condition, so nothing is left to model.")
    constant = [f"'{name}' = {kind.value}" for name, kind in constants.items()]
    listed = ", ".join(constant[:5]) + (f", and {len(constant) - 5} more" if len(constant) > 5 else "")
    if len(constant) == len(columns):
        raise InputError(f"Every column holds a single value ({listed}), so there is nothing to model.")
    if constant:
        who = "1 column holds" if len(constant) == 1 else f"{len(constant)} columns hold"
        warn(f"{who} a single value; samples repeat it, and the model does not learn it: {listed}.")


def _resolved(key: str, names: Sequence[str]) -> tuple[str, ...]:
    """One column, several with commas between, or with q all of q0, q1 ... or qx, qy, qz, qw."""
    if key in names:
        return (key,)
    parts = tuple(key.split(","))
    if all(part in names for part in parts):
        return parts
    pattern = re.compile(re.escape(key) + r"[_. ]?(\d+|[wxyz])", re.IGNORECASE)
    if family := tuple(name for name in names if pattern.fullmatch(name)):
        return family
    unknown = next(part for part in parts if part not in names)
    known = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    raise InputError(f"The kind of '{unknown}' is given, but there is no such column; the columns are {known}.")


def _check_binary(values: Values, name: str) -> None:
    held = values.ravel().tolist()
    first = list(dict.fromkeys(held))
    if len(first) > 2:
        row = row_of(held.index(first[2]), values)
        raise InputError(
            f"Column '{name}' is declared binary, but holds {len(first)} values, such as {first[2]!r} in row {row}; "
            "expected two: declare it category, count or real."
        )


def _split(declared: Declared) -> list[tuple[str, tuple[str, ...]]]:
    if declared.kind not in factors.BY_DECLARATION:
        return []
    if declared.kind == factors.OrderedFactor.kind:
        return [(name, (name,)) for name in declared.columns]
    return [(declared.name, declared.columns)]


def _usual(values: Values, categorical: bool) -> str:
    """Text, booleans and levels are categories, whole numbers integers, others real."""
    if categorical or values.dtype == object or (values.dtype == bool and values.ndim == 1):
        return factors.CategoryFactor.kind
    return "real" if values.dtype.kind == "f" else "integer"


def _numbers(columns: Mapping[str, Values], kind_of: Mapping[str, str]) -> NumberFactor:
    coordinates = []
    for name, values in columns.items():
        kind = kind_of.get(name) or _usual(values, False)
        finite_numbers(values, name, kind)
        coordinates.append(_COORDINATES[kind].fit(values, name))
    first = next(iter(columns.values()))
    return NumberFactor(tuple(columns), tuple(coordinates), first.shape[1:])
