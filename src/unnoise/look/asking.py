"""From the fields of a form to what `sample` is given, and to the same as a person types it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data.base import Level
from unnoise.data.factors import CategoryFactor
from unnoise.look.subjects import Subject, factors_of

Fields = Mapping[str, Sequence[str]]  # name of a field -> what stands in it, as often as it was sent

IS, FROM, TO, MISSING = "is.", "from.", "to.", "missing."  # before the name of a column
LONGEST = 10_000  # letters of a field that is read
MOST_DIGITS = 40  # of a whole number that is kept whole


@dataclass(frozen=True)
class Typed:
    """What a person typed or ticked about one column, as the page shows it again."""

    values: tuple[str, ...] = ()
    low: str = ""
    high: str = ""
    missing: bool = False

    def __bool__(self) -> bool:
        return bool(self.values or self.low or self.high or self.missing)


@dataclass(frozen=True)
class Inquiry:
    """What is fixed.

    Attributes:
        given: by column, as `sample` takes it.
        words: the same as NAME=VALUE, as `--given` takes it.
        faults: by column, a sentence about what cannot be meant; of "" about all together.
        notes: by column, a warning.

    >>> Inquiry({"age": (30, 40)}, ("age=30..40",)).ready
    True
    """

    given: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether it can be asked."""
        return not self.faults

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from others."""
        return self.words


def typed_of(fields: Fields, name: str) -> Typed:
    """What stands in the fields of a column, with empty ones passed over."""
    values = tuple(dict.fromkeys(text[:LONGEST] for text in fields.get(IS + name, ()) if text.strip()))
    low, high = (next(iter(fields.get(side + name, ())), "").strip()[:LONGEST] for side in (FROM, TO))
    return Typed(values, low, high, any(fields.get(MISSING + name, ())))


def inquiry(schema: Schema, about: Mapping[str, Subject], fields: Fields) -> Inquiry:
    """What the fields of a form fix; what is wrong with each of them is said beside it."""
    given: dict[str, Any] = {}
    words: dict[str, str] = {}
    faults: dict[str, str] = {}
    notes: dict[str, str] = {}
    for name, subject in about.items():
        told = typed_of(fields, name)
        if not told and not (subject.needed and subject.fixable):
            continue
        try:
            given[name], words[name] = _meaning(schema, subject, told)
        except InputError as error:
            faults[name] = str(error)
    context = {name: given[name] for name in given if about[name].condition}
    for names in dict.fromkeys(about[name].together for name in given if name not in context):
        own = {name: given[name] for name in names if name in given}
        found, note = _checked(partial(schema.given, context | own, 1))
        faults |= {next(iter(own)): found} if found else {}
        notes |= {next(iter(own)): note} if note else {}
    if not faults and given:
        found, note = _checked(partial(schema.given, given, 1))
        faults |= {"": found} if found else {}
        notes |= {"": note} if note and note not in notes.values() else {}
    return Inquiry(given, tuple(f"{name}={text}" for name, text in words.items()), faults, notes)


def _checked(check: Callable[[], object]) -> tuple[str, str]:
    """What is wrong, and what it warns of, as sentences."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            check()
        except InputError as error:
            return str(error), ""
    return "", " ".join(dict.fromkeys(str(one.message) for one in caught))


def _meaning(schema: Schema, subject: Subject, told: Typed) -> tuple[Any, str]:
    """The value as the library takes it, and as `--given` reads it; a range may stand among values, as 30..40."""
    if subject.numeric and len(told.values) == 1 and not (told.low or told.high):
        low, dots, high = (part.strip() for part in told.values[0].partition(".."))
        if dots and (low or high):
            told = replace(told, values=(), low=low, high=high)
    several = [bool(told.values), bool(told.low or told.high), told.missing]
    if sum(several) > 1:
        raise InputError("A value, a range and missing exclude each other; clear all but one of them.")
    if told.missing:
        return None, ""
    if told.low or told.high:
        if not subject.numeric:
            raise InputError(f"The column {subject.name!r} holds no numbers, so it has no range; give its values.")
        low, high = (_end(schema, subject, text) for text in (told.low, told.high))
        return (low, high), f"{told.low}..{told.high}"
    if not told.values:
        return _default(schema, subject)
    if subject.text:
        return told.values[0], told.values[0]
    levels = levels_by_text(schema, subject)
    texts = list(told.values) if subject.levels else _parts(told.values[0], levels)
    if not all(text.strip() for text in texts):
        raise InputError(f"got {told.values[0]!r}; expected values with a bar between two of them, as in 1|2.")
    values = [value_of(schema, subject, text) for text in texts]
    if subject.condition and len(values) > 1:
        raise InputError(f"The model is given one {subject.name!r} at a time; choose one.")
    return (values[0] if len(values) == 1 else set(values)), "|".join(texts)


def _default(schema: Schema, subject: Subject) -> tuple[Any, str]:
    """A value for a condition that no question can leave open."""
    example = getattr(schema.conditions[subject.name], "example", "")
    return example, str(example)


def _parts(text: str, levels: Mapping[str, Level]) -> list[str]:
    """The values between bars, unless the text is a level itself."""
    return [text] if text in levels else [part.strip() for part in text.split("|")]


def levels_by_text(schema: Schema, subject: Subject) -> dict[str, Level]:
    """The levels of a column by their texts; none where it has numbers."""
    if subject.condition:
        return {str(level): level for level in getattr(schema.conditions[subject.name], "levels", ())}
    factor = factors_of(schema).get(subject.name)
    if not isinstance(factor, CategoryFactor):
        return {}
    return {str(level): level for level in factor.levels[factor.columns.index(subject.name)]}


def value_of(schema: Schema, subject: Subject, text: str) -> Any:
    """A level or a number; what is written otherwise, as a date or letters, is left to the schema."""
    levels = levels_by_text(schema, subject)
    if text in levels or subject.text:
        return levels.get(text, text)
    if levels:
        near = ", ".join(list(levels)[:8]) + (", ..." if len(levels) > 8 else "")
        raise InputError(f"The column {subject.name!r} has no level {text!r}; its levels are {near}.")
    if not subject.condition and schema.container.is_counted(subject.name):
        return text
    return number(text, subject.name)


def _end(schema: Schema, subject: Subject, text: str) -> Any:
    """One end of a range, None where it is open."""
    if not text:
        return None
    return text if schema.container.is_counted(subject.name) else number(text, subject.name)


def number(text: str, name: str) -> int | float:
    """A finite number.

    >>> number("40", "age"), number("-1.5", "x")
    (40, -1.5)
    """
    plain = text.strip()
    try:
        value = int(plain) if plain.lstrip("+-").isdecimal() and len(plain) < MOST_DIGITS else float(plain)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"got {text!r} for the column {name!r}; expected a number, such as 40 or 1.5.")
    return value
