"""Infer factors from the types of columns, unless the user declares kinds."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from unnoise._alike import warn_of_alike
from unnoise._errors import InputError, warn
from unnoise.data import _orders, factors, features, holes
from unnoise.data._numerics import Values, row_of
from unnoise.data.base import Coordinate, Feature
from unnoise.data.constraints import Chart
from unnoise.data.factors import Factor, MissingFactor, NumberFactor, ResolvedFactor, TieFactor
from unnoise.data.factors.base import Columns, finite_numbers, quoted
from unnoise.data.factors.discrete import FEW
from unnoise.data.kinds import Category, Constant, Empty, Identifier, Integer, Real
from unnoise.data.ties import Tie

_EXACT = 2**53  # all whole floats beyond it are whole
_FEW = 50  # most values of integer labels that are classes, and levels of a text
_COORDINATES: dict[str, type[Coordinate]] = {"real": Real, "integer": Integer}
_EACH = {"latlon": "degrees", "rotation": "real", "proportions": "real"}  # how a network sees each column of a point
BINARY = "binary"
_FEWEST_NAMES, _MOSTLY = 20, 0.9  # rows, and the share of them that differ, from which texts are names
_RARE, _LETTERS = 5, 40  # rows of a level, fewer of which teach little; letters of one
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_LOOKED_AT, _FEW_WAYS = 100, 3  # texts, and what may stand between their numbers
OF_TEXT = (BINARY, "category", "ordered", "sequence")
_LEVELS = (factors.CategoryFactor.kind, factors.OrderedFactor.kind)  # kinds that keep every bound by themselves
KINDS = (*_COORDINATES, *factors.BY_KIND, *factors.ALIASES, Identifier.name, *features.ONLY_CONDITIONS)


@dataclass(frozen=True)
class Declared:
    """Columns that the user puts together, their kind, and the order of their levels where that is said."""

    name: str
    kind: str
    columns: tuple[str, ...]
    order: str | None = None


def declared_as(asked: Mapping[str, str] | None, kinds: Collection[str]) -> frozenset[str]:
    """The columns that are declared to be of one of these kinds, whatever they look like."""
    if not isinstance(asked, Mapping):
        return frozenset()
    keys = [key for key, kind in asked.items() if isinstance(key, str) and _plain(kind) in kinds]
    return frozenset(name for key in keys for name in (key, *key.split(",")))


def declarations(asked: Mapping[str, str], columns: Mapping[str, Values], present: holes.Present) -> list[Declared]:
    """Kinds by a column, by columns with commas between, or by the common part of their names."""
    if not isinstance(asked, Mapping) or not all(isinstance(key, str) for key in asked):
        raise InputError(f"got kinds = {asked!r:.100}; expected a dict of the names of columns, as {{'age': 'real'}}.")
    found: list[Declared] = []
    seen: set[str] = set()
    for key, kind in asked.items():
        plain = _plain(kind)
        if plain not in KINDS:
            raise InputError(f"Column '{key}' is declared {kind!r}; the known kinds are {', '.join(KINDS)}.")
        names = _resolved(key, list(columns))
        if twice := {name for i, name in enumerate(names) if name in seen or name in names[:i]}:
            raise InputError(f"The kind of '{min(twice)}' is given twice; give each column one kind.")
        seen |= set(names)
        for name in names if kind == BINARY and not any(features.is_block(columns[n]) for n in names) else ():
            _check_binary(holes.filled(columns[name], present[name]) if name in present else columns[name], name)
        found.append(Declared(key, factors.ALIASES.get(plain, plain), names, kind if plain != kind else None))
    return found


def _plain(kind: str) -> str:
    """The kind itself, or ordered, of levels whose order is said."""
    return factors.OrderedFactor.kind if _orders.is_said(kind) else kind


def kinds_of(declared: Sequence[Declared], given: Mapping[str, Values]) -> dict[str, str]:
    """The kind of each column; a condition has no law, so of a point that is one each column stands for itself.

    >>> place = {"lat": np.array([50.0, -10.0]), "lon": np.array([8.0, 170.0])}
    >>> kinds_of([Declared("lat,lon", "latlon", ("lat", "lon"))], place)
    {'lat': 'degrees', 'lon': 'degrees'}
    """
    found: dict[str, str] = {}
    for one in declared:
        inside = [name for name in one.columns if name in given]
        if one.kind in factors.JOINT and 0 < len(inside) < len(one.columns):
            raise InputError(
                f"{one.name} are declared {one.kind} together, but only {quoted(inside)} of them is a condition; make "
                "all of them conditions, or none."
            )
        kind = one.kind
        if len(inside) > 1 and kind in _EACH:
            factors.BY_KIND[kind]({name: given[name] for name in inside})  # refuses what no such point has
            kind = _EACH[kind]
        found |= dict.fromkeys(one.columns, kind)
    return found


def with_chart(declared: Sequence[Declared], chart: Chart, columns: Collection[str]) -> list[Declared]:
    """The declarations, and those that what must hold between columns makes."""
    kind_of = {name: d.kind for d in declared for name in d.columns}
    if taken := [name for name in kind_of if name in chart.computed]:
        step = chart.by_target[taken[0]]
        raise InputError(f"Column '{taken[0]}' follows from others ({step}) and is not modelled; leave out its kind.")
    found, gaps = list(declared), chart.by_target
    for name in chart.numbers:
        if name not in columns:
            continue
        kind = kind_of.get(name)
        if kind is None:
            found.append(Declared(name, ResolvedFactor.kind, (name,)))
        elif kind != ResolvedFactor.kind and (name in gaps or kind not in _LEVELS):
            raise InputError(
                f"Column '{name}' is declared {kind}, and a constraint needs it as number: leave out its kind, or the "
                "constraint."
            )
    return found


def modelled(
    columns: Mapping[str, Values],
    present: holes.Present,
    declared: Sequence[Declared],
    categorical: frozenset[str],
    resolve: bool = False,
    orders: Mapping[str, Sequence[Any]] | None = None,
    words: Mapping[str, Collection[float]] = MappingProxyType({}),
) -> tuple[dict[str, Factor], dict[str, Constant]]:
    """The factors by name, and the columns that never vary; the last holds the flags of missing cells, if any are.

    `resolve` cuts numbers of which nothing is declared into cells, as a table's; `words` are numbers that stand for
    some.
    """
    empty = {name: Empty.fit(columns[name], name) for name, mask in present.items() if not mask.any()}
    n = len(next(iter(columns.values()), ()))
    if len(empty) == len(columns):
        holes.check_not_empty(present)
    present = {name: mask for name, mask in present.items() if name not in empty}
    columns = {
        name: holes.filled(v, present[name]) if name in present else v
        for name, v in columns.items()
        if name not in empty
    }
    by_declaration = {name for d in declared if d.kind in factors.BY_DECLARATION for name in d.columns}
    kind_of = {name: d.kind for d in declared for name in d.columns}
    constants = {
        name: Constant.fit(values, name)
        for name, values in columns.items()
        if name not in by_declaration and (values == values.flat[0]).all()
    }
    constants |= _identifiers(columns, kind_of, present, orders or {})
    flagged = holes.missing({name: mask for name, mask in present.items() if name in columns})
    check_varying(columns, constants, flagged)
    pools: dict[str, list[str]] = {}
    for name, values in columns.items():
        if name not in by_declaration and name not in constants:
            usual = _usual(values, name in categorical, name in present)
            kind = kind_of.get(name) or (ResolvedFactor.kind if resolve and usual in _COORDINATES else usual)
            pools.setdefault(NumberFactor.kind if kind in _COORDINATES else kind, []).append(name)
    found: dict[str, Factor] = {}
    for kind, names in pools.items():
        if kind == NumberFactor.kind:
            found[kind] = _numbers({name: columns[name] for name in names}, present, kind_of)
        elif columns[names[0]].ndim > 1:
            raise InputError(
                f"{quoted(names)} is an array of shape {columns[names[0]].shape[1:]} per row, which cannot be {kind}; "
                "declare it real, integer, rotation or sequence."
            )
        else:
            fit = partial(ResolvedFactor.fit, words=words) if kind == ResolvedFactor.kind else factors.BY_KIND[kind]
            found[kind] = _fitted(fit, {name: columns[name] for name in names}, present)
    found = {name: part for factor_name, factor in found.items() for name, part in _apart(factor_name, factor)}
    for d in declared:
        for name, members in _split(d):
            parts = {column: columns[column] for column in members}
            whole = _complete(parts, present) if d.kind in factors.JOINT else parts
            found[_free(name, found)] = factors.BY_KIND[d.kind](whole)
    told = {name: d.order for d in declared for name in d.columns if d.order is not None}
    found = {name: _in_order(factor, orders or {}, told) for name, factor in found.items()}
    told_of = {*kind_of, *categorical}
    _warn_of_levels(found, told_of, {name: int(present[name].sum()) if name in present else n for name in columns})
    if flagged:
        found[_free(MissingFactor.kind, found)] = MissingFactor.fit(flagged)
    if empty:
        warn(f"{quoted(list(empty))} held no value in any row; not modelled, and empty in what is made.")
    return found, {**constants, **empty}


def tied(
    parts: Mapping[str, Factor],
    columns: Mapping[str, Values],
    present: holes.Present,
    units: Mapping[str, str | None],
    left_out: Collection[str],
) -> dict[str, Factor]:
    """The factor of ties between numbers of one unit in cells, by its name; nothing where there are none.

    `left_out` are columns whose values may stand for words, or have to keep a constraint.
    """
    found: list[Tie] = []
    for factor in parts.values():
        if isinstance(factor, ResolvedFactor):
            names = [name for name in factor.columns if name not in left_out]
            for unit in dict.fromkeys(units[name] for name in names):
                alike = {name: columns[name] for name in names if units[name] == unit}
                found += factor.ties_among(alike, present)
    return {_free(TieFactor.kind, parts): TieFactor.of(tuple(found))} if found else {}


def _warn_of_levels(found: Mapping[str, Factor], declared: Collection[str], rows: Mapping[str, int]) -> None:
    """Say which levels may be one, and which texts are levels though hardly any comes again."""
    for factor in found.values():
        if isinstance(factor, factors.CategoryFactor):
            for name, levels in zip(factor.columns, factor.levels, strict=True):
                if name not in declared:
                    warn_of_alike(name, levels)
                    _warn_of_rare(name, levels, rows[name])


def _warn_of_rare(name: str, levels: Sequence[Any], rows: int) -> None:
    if len(levels) > _FEW and rows < _RARE * len(levels):
        shown = repr(str(levels[0])[:_LETTERS])
        warn(
            f"Column '{name}' holds {len(levels)} texts in {rows:,} rows, such as {shown}: each is a level, which "
            "samples repeat, and of which little can be learnt. Write numbers and dates as such, and each thing in a "
            "column of its own; or declare it category if they are levels."
        )


def _identifiers(
    columns: Mapping[str, Values],
    kind_of: Mapping[str, str],
    present: holes.Present,
    orders: Collection[str],
) -> dict[str, Identifier]:
    """The columns of text of which nearly every row has its own: names of people must not come back unasked."""
    found = {}
    for name, values in columns.items():
        texts = values[present[name]] if name in present else values
        free = name not in kind_of and name not in orders and values.dtype == object and values.ndim == 1
        if kind_of.get(name) == Identifier.name:
            found[name] = Identifier.fit(texts, name)
        elif free and len(texts) >= _FEWEST_NAMES and len(set(texts.tolist())) > _MOSTLY * len(texts):
            found[name] = Identifier.fit(texts, name)
            made = ", ".join(f"'{text}'" for text in found[name].values(2).tolist())
            warn(
                f"'{name}' has a text of its own in nearly every row, as names do, so it is not modelled, and "
                f"samples hold {made}, ...; declare it category or sequence to model it{_several(texts, found[name])}"
            )
    return found


def _several(texts: Values, kind: Identifier) -> str:
    """What else to do with texts that hold several numbers each, as 120/80; nothing of others, and of ids of a pattern.

    >>> _several(np.array(["120/80", "99/71"], dtype=object), Identifier("bp", "object"))
    ', or split it into columns of one number each, as 120 and 80'
    """
    first = texts[:_LOOKED_AT].tolist()
    between = {_NUMBER.sub("#", text) for text in first}
    numbers = _NUMBER.findall(first[0])
    if kind.serial is not None or len(numbers) < 2 or len(between) > _FEW_WAYS:
        return ""
    return f", or split it into columns of one number each, as {numbers[0]} and {numbers[1]}"


def condition(values: Values, name: str, asked: str | None, labels: bool) -> Feature:
    """Text, booleans and labels with few values are categories, others real; arrays are blocks, pictures or sets.

    A condition is not modelled, so its integers need no dequantisation.
    """
    if features.is_block(values):
        return features.fitted(values, name, features.Vector.name if asked in _COORDINATES else asked)
    if asked in features.KINDS:
        return features.fitted(values, name, asked)
    if asked is None:
        few = labels and values.dtype.kind in "iu" and len(np.unique(values)) <= _FEW
        asked = "category" if values.dtype.kind in "Ob" or few else "real"
    if asked == "category":
        return Category.fit(values, name)
    if asked not in _COORDINATES:
        known = ", ".join(("real", "category", *features.KINDS))
        raise InputError(f"The condition '{name}' is declared {asked}; a condition is one of {known}.")
    if values.dtype == object:
        raise InputError(f"The condition '{name}' is declared {asked}, but holds {values[0]!r}.")
    return Real.fit(values, name)


def check_modelled(asked: Mapping[str, str], columns: Collection[str]) -> None:
    """Refuse kinds that only conditions have."""
    for name in columns:
        if asked.get(name) in features.ONLY_CONDITIONS:
            raise InputError(
                f"Column '{name}' is declared {asked[name]}, which only conditions are; give it in y, or another kind."
            )


def check_varying(
    columns: Mapping[str, Values], constants: Mapping[str, Constant], flagged: Collection[str] = ()
) -> None:
    """Refuse data without a column to model; warn of constant ones, unless they are missing here and there."""
    if not columns:
        raise InputError("Every column is a condition, so nothing is left to model.")
    if len(constants) == len(columns):
        hint = "; if an empty cell means something, such as no, write it there" if flagged else ""
        raise InputError(
            f"Every column holds a single value ({_valued(constants)}), so there is nothing to model{hint}."
        )
    silent = {name: kind for name, kind in constants.items() if not (name in flagged or isinstance(kind, Identifier))}
    if silent:
        who = "1 column holds" if len(silent) == 1 else f"{len(silent)} columns hold"
        warn(f"{who} a single value; samples repeat it, and the model does not learn it: {_valued(silent)}.")


def _valued(constants: Mapping[str, Constant]) -> str:
    words = [f"'{name}' = {kind.value}" for name, kind in constants.items()]
    return ", ".join(words[:5]) + (f", and {len(words) - 5} more" if len(words) > 5 else "")


def _in_order(factor: Factor, orders: Mapping[str, Sequence[Any]], told: Mapping[str, str]) -> Factor:
    """Levels in the order that is told, that the type of their column says, or that ordered ones have by themselves."""
    if not isinstance(factor, factors.CategoryFactor):
        return factor
    about: Any = {"kind": factor.kind, "said_of": told, "typed": orders}
    held = zip(factor.columns, factor.levels, strict=True)
    levels = tuple(_orders.arranged(name, found, **about) for name, found in held)
    return factor if levels == factor.levels else dataclasses.replace(factor, levels=levels)


def _fitted(fit: Callable[[Columns], Factor], columns: Columns, present: holes.Present) -> Factor:
    """A fit to the values that are there, after one to all rows, whose messages name the rows of the data."""
    found = fit(columns)
    if not any(name in present for name in columns):
        return found
    return fit({name: values[present[name]] if name in present else values for name, values in columns.items()})


def _apart(name: str, factor: Factor) -> list[tuple[str, Factor]]:
    """Categories with each column of many levels in a factor of its own, as sites of one space are all as large."""
    if type(factor) is not factors.CategoryFactor or len(factor.columns) == 1:
        return [(name, factor)]
    places = range(len(factor.columns))
    large = [i for i in places if len(factor.levels[i]) > FEW]
    groups = [("", [i for i in places if i not in large]), *((f"_{factor.columns[i]}", [i]) for i in large)]
    return [(f"{name}{end}", factor.only(group)) for end, group in groups if group]


def _complete(columns: Columns, present: holes.Present) -> Columns:
    """Columns that are one thing, a row with a hole as the one above it."""
    masks = [present[name].reshape(len(values), -1).all(1) for name, values in columns.items() if name in present]
    if not masks:
        return columns
    whole = np.all(masks, axis=0)
    if not whole.any():
        raise InputError(f"There is no row in which {quoted(list(columns))} are all present; drop these columns.")
    rows = holes.above(whole)
    return {name: values[rows] for name, values in columns.items()}


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name += "_"
    return name


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


def _usual(values: Values, categorical: bool, holed: bool) -> str:
    """Text, booleans and levels are categories, whole numbers integers, others real.

    Holes turn whole numbers into floats in arrays and in plain pandas.
    """
    if categorical or values.dtype == object or (values.dtype == bool and values.ndim == 1):
        return factors.CategoryFactor.kind
    if values.dtype.kind == "f":
        whole = holed and bool((values == np.rint(values)).all()) and float(np.abs(values).max()) <= _EXACT
        return "integer" if whole else "real"
    return "integer"


def _numbers(columns: Mapping[str, Values], present: holes.Present, kind_of: Mapping[str, str]) -> NumberFactor:
    coordinates = []
    for name, values in columns.items():
        kind = kind_of.get(name) or _usual(values, False, name in present)
        finite_numbers(values, name, kind)
        found = _COORDINATES[kind].fit(values, name)
        coordinates.append(_COORDINATES[kind].fit(values[present[name]], name) if name in present else found)
    first = next(iter(columns.values()))
    return NumberFactor(tuple(columns), tuple(coordinates), first.shape[1:])
