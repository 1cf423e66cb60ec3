"""What a person can ask about: every column, what it holds, and how it can be fixed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

from unnoise.data import Schema
from unnoise.data._numerics import Values
from unnoise.data.base import Feature
from unnoise.data.charts import Gap
from unnoise.data.factors import (
    CategoryFactor,
    Factor,
    NumberFactor,
    OrderedFactor,
    ResolvedFactor,
    SequenceFactor,
)
from unnoise.data.features import Block

MOST_LEVELS = 100  # boxes to tick; of more levels one is typed


@dataclass(frozen=True)
class Subject:
    """A column as the page shows it.

    Attributes:
        name: of the column.
        words: its kind and its range.
        levels: the texts of its levels, where there are few enough to tick.
        numeric: whether a range of it can be fixed.
        text: whether all that is typed is a value, and no syntax.
        may_be_missing: whether it can be fixed as missing.
        condition: whether the model is only ever given it.
        needed: whether no question can leave it open.
        fixable: whether it can be fixed by what is typed.
        whole: whether its values are arrays, such as images.
        together: the columns that are one cell with it, itself among them.

    >>> import numpy as np
    >>> schema = Schema.infer(np.array([[20.5], [30.0], [41.0]]))
    >>> subjects(schema)["x0"].numeric
    True
    """

    name: str
    words: str
    levels: tuple[str, ...] = ()
    numeric: bool = False
    text: bool = False
    may_be_missing: bool = False
    condition: bool = False
    needed: bool = False
    fixable: bool = True
    whole: bool = False
    together: tuple[str, ...] = ()


def subjects(schema: Schema) -> dict[str, Subject]:
    """Every column by its name, in the order of the data; conditions that are no columns come first."""
    outside = [name for name in schema.conditions if name not in schema.container.columns]
    of_state, missing = factors_of(schema), set(schema.missing)
    distinct = {factor.columns: factor for factor in of_state.values()}  # one may hold hundreds of columns
    examples = {columns: factor.decode(factor.anywhere[None]) for columns, factor in distinct.items()}
    found: dict[str, Subject] = {}
    for name in (*outside, *schema.container.columns):
        if name in schema.conditions:
            found[name] = _condition(schema, name, schema.conditions[name])
        elif name in schema.constants:
            found[name] = Subject(name, str(schema.constants[name]), fixable=False, together=(name,))
        elif name in of_state:
            factor = of_state[name]
            found[name] = _modelled(schema, name, factor, examples[factor.columns][name], name in missing)
        else:
            step = schema.chart.by_target[name]
            found[name] = Subject(name, f"follows: {step}", numeric=True, together=(name,))
    return found


def factors_of(schema: Schema) -> dict[str, Factor]:
    """The factor that each modelled column is a part of."""
    factors = [factor for factor in schema.factors.values() if factor.of_values]
    return {name: factor for factor in factors for name in factor.columns}


def _modelled(schema: Schema, name: str, factor: Factor, values: Values, may_be_missing: bool) -> Subject:
    levels = levels_in(factor, name)
    step = schema.chart.by_target.get(name)
    words = f"{schema.measured(step)}: {words_of(factor, name)}" if isinstance(step, Gap) else words_of(factor, name)
    is_text = isinstance(factor, SequenceFactor)
    named = is_text or (isinstance(factor, CategoryFactor) and not isinstance(factor, OrderedFactor))
    return Subject(
        name,
        schema.seen(factor, name) or words,
        levels=levels if len(levels) <= MOST_LEVELS else (),
        numeric=values.dtype.kind in "iuf" and not named,
        text=is_text and values.dtype == object,
        may_be_missing=may_be_missing,
        fixable=not factor.block,
        whole=bool(factor.block),
        together=factor.columns if factor.joint else (name,),
    )


def _condition(schema: Schema, name: str, kind: Feature) -> Subject:
    levels = tuple(str(level) for level in getattr(kind, "levels", ()))
    inside = name in schema.container.columns
    return Subject(
        name,
        str(kind),
        levels=levels if len(levels) <= MOST_LEVELS else (),
        condition=True,
        needed=inside or not schema.may_be_unknown,
        fixable=not isinstance(kind, Block),
        together=(name,),
    )


@singledispatch
def words_of(factor: Factor, name: str) -> str:
    """The kind of a column of this factor and its range."""
    return str(factor)


@words_of.register
def _resolved_words(factor: ResolvedFactor, name: str) -> str:
    return str(factor.resolutions[factor.columns.index(name)])


@words_of.register
def _number_words(factor: NumberFactor, name: str) -> str:
    return str(factor.coordinates[0 if factor.block else factor.columns.index(name)])


@words_of.register
def _category_words(factor: CategoryFactor, name: str) -> str:
    count = len(factor.levels[factor.columns.index(name)])
    return f"{factor.kind}, {count} levels"


@singledispatch
def levels_in(factor: Factor, name: str) -> tuple[str, ...]:
    """The texts of the levels of a column; none by default."""
    return ()


@levels_in.register
def _category_levels(factor: CategoryFactor, name: str) -> tuple[str, ...]:
    return tuple(str(level) for level in factor.levels[factor.columns.index(name)])


def words_in(schema: Schema, name: str, values: Values) -> list[str]:
    """The values of a column as a person reads them: a date as a date, a number with six digits."""
    if values.dtype.kind not in "iuf" or values.ndim > 1:
        return plain_words(values)
    return [schema.word(name, v) or plain for v, plain in zip(values.tolist(), plain_words(values), strict=True)]


def plain_words(values: Values) -> list[str]:
    """Values that stand for themselves as a person reads them.

    >>> import numpy as np
    >>> plain_words(np.array([1 / 3, 40.0])), plain_words(np.array(["a"], dtype=object))
    (['0.333333', '40'], ['a'])
    """
    return [f"{value:.6g}" if isinstance(value, float) else str(value) for value in values.tolist()]
