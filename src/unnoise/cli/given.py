"""What is typed about columns: their names, and what is given of them, as values, ranges, sets or a file of rows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._alike import truth_of
from unnoise._errors import InputError
from unnoise.cli import reading
from unnoise.cli.levels import Levels

if TYPE_CHECKING:
    from unnoise.data import Schema
    from unnoise.data._numerics import Values
    from unnoise.data.features import Block

_SIGNS = ("=", "!=")
_EXAMPLE = "expected NAME=VALUE, as in --given age=40 or age=40..60"


def columns(schema: Schema) -> tuple[str, ...]:
    """All columns that can be named: those that are modelled, the constant ones, and conditions."""
    return (*schema.columns_of_state, *schema.constants, *schema.conditions)


def names(texts: Sequence[str] | None, option: str, schema: Schema) -> list[str] | None:
    """NAME,NAME as a list, no name twice; a column may have commas in its name, and the option may be repeated."""
    if texts is None:
        return None
    found: list[str] = []
    for text in texts:
        read = _read(text, columns(schema), "")
        if read is None:
            raise _unknown(text, f"got {option} {text!r}; expected NAME,NAME, as in {option} sex,age", schema)
        found += read[0]
    _check_once(found, option)
    return found


def told(items: Sequence[str] | None, schema: Schema) -> dict[str, Any]:
    """NAME=VALUE of any columns, as `sample` takes them; NAME,NAME=VALUE gives both the value.

    The longest name of a column that a text begins with is meant, so names and values may hold = and commas.
    """
    found: list[tuple[str, str, bool]] = []
    whole = [name for name in schema.container.sources if name not in schema.container.columns]
    known = (*columns(schema), *whole)
    for item in items or ():
        read, unequal = (_read(item, known, end) or _read(_tidy(item), known, end) for end in _SIGNS)
        if read is None and unequal is None:
            _check_no_order(item, known)
            head, equals, _ = item.partition("=")
            raise _unknown(head if equals else "", f"got --given {item!r}; {_EXAMPLE}", schema)
        but = _letters(unequal) > _letters(read)
        names, text = (unequal if but else read) or ([], "")
        found += [(name, text, but) for name in names]
    if odd := next((name for name, _, but in found if but and name in whole), None):
        raise InputError(
            f"got --given '{odd}!=...', whose texts hold several numbers; expected one of them, {odd}.0!=..."
        )
    texts = [(name, text) for name, text, _ in found if name in whole]
    said = {name: (_other if but else meaning)(text, name, schema) for name, text, but in found if name not in whole}
    parts = [schema.container.told({name: text}) for name, text in texts]
    _check_once([*(name for name, *_ in found), *(name for part in parts for name in part)], "--given")
    return said | {name: value for part in parts for name, value in part.items()}


def meaning(text: str, name: str, schema: Schema) -> Any:
    """A value, None for "" and NA (missing), a pair (low, high) for LOW..HIGH, a set for A|B; levels come first."""
    if name in schema.conditions:
        return _condition(text, name, schema)
    from unnoise.data._written.cells import says_missing

    levels = _levels(name, schema)
    level = levels.find(text)
    if level is not None:
        return level or (None if name in schema.missing else "")
    if _is_sequence(name, schema):
        return text or None
    if says_missing(text) and text not in schema.container.words(name):
        return None
    plain = str if levels or schema.container.is_counted(name) else _number(name, schema)
    if "|" in text:
        return frozenset(plain(levels.find(part) or part) for part in _set(text, levels))
    low, dots, high = text.partition("..")
    if not dots:
        return plain(text)
    if levels and (ends := _levels_between(low, high, levels)) is not None:
        return ends
    if schema.container.is_counted(name):
        return low or None, high or None
    try:
        return _end(plain(low)), _end(plain(high))
    except ValueError:
        return text  # which the schema refuses in words


def _levels_between(low: str, high: str, levels: Levels) -> tuple[Any, Any] | None:
    """Both ends of a range of levels, None where it is open; None if one is no level."""
    ends = [end for end in (low, high) if end]
    if not ends or any(levels.find(end) is None for end in ends):
        return None
    return (levels.value(low) if low else None), (levels.value(high) if high else None)


def _other(text: str, name: str, schema: Schema) -> Any:
    """Any value but those that are typed; after nothing any value that is there."""
    from unnoise.data.within import Except

    value = None if name in schema.conditions else meaning(text, name, schema)
    if name in schema.conditions or isinstance(value, tuple):
        raise InputError(
            f"got --given {name}!={text}; expected values of a column that is modelled, as in --given 'sex!=F' or "
            f"'sex!=a|b'"
        )
    return Except(value if isinstance(value, frozenset) else () if value is None else {value})


def _check_no_order(item: str, known: Sequence[str]) -> None:
    for name in known:
        sign = item.removeprefix(name)[:1]
        if item.startswith(name) and sign and sign in "<>≤≥":
            end = item.removeprefix(name).lstrip("<>≤≥= ") or "60"
            more = f"{end}.." if sign in ">≥" else f"..{end}"
            raise InputError(f"got --given {item!r}; expected a range with its ends, as in --given '{name}={more}'")


def from_file(path: Path, schema: Schema, n: int | None) -> tuple[dict[str, Values], int]:
    """The columns of a file of given values, and how many rows to draw: n, or as many as it has. Holes say nothing."""
    from unnoise.data import frames

    rows = reading.contents(path, schema)
    frame = frames.opened(rows)
    held = schema.container.split(rows) if frame is None else schema.container.columns_of(frame)
    count = len(rows)
    n = count if n is None else n
    if count not in (1, n):
        raise InputError(f"got {count:,} rows in {path} for -n {n}; expected 1, for all, or {n}: leave out -n")
    index = np.zeros(n, dtype=int) if count == 1 else np.arange(n)
    return {name: column[index] for name, column in held.items()}, n


def rows_of(y: Any) -> int | None:
    """How many rows have conditions; None without any."""
    return None if y is None else len(next(iter(y.values())) if isinstance(y, dict) else y)


def merged(typed: dict[str, Any], read: dict[str, Values]) -> dict[str, Any]:
    """What is given by --given and by --given-file, a column by one of them."""
    if both := [name for name in typed if name in read]:
        raise InputError(f"got the column {both[0]!r} in --given and in the file of --given-file; give it in one")
    return typed | read


def _read(text: str, known: Sequence[str], end: str) -> tuple[list[str], str] | None:
    """Known names with commas between them, up to `end` or the end of the text, and what is left; longest first.

    Letters with marks may be typed in one sign or two, as é.
    """
    found = _read_as_typed(text, known, end)
    if found is not None:
        return found
    composed = {unicodedata.normalize("NFC", name): name for name in known}
    found = _read_as_typed(unicodedata.normalize("NFC", text), list(composed), end)
    return None if found is None else ([composed[name] for name in found[0]], found[1])


def _tidy(item: str) -> str:
    """Without blanks around the sign after the name.

    >>> _tidy("age = 40"), _tidy("sex != a=b")
    ('age=40', 'sex!=a=b')
    """
    return re.sub(r"\s*(!?=)\s*", r"\1", item, count=1)


def _letters(read: tuple[list[str], str] | None) -> int:
    """Of the names, of which the longest are meant."""
    return 0 if read is None else sum(map(len, read[0]))


def _read_as_typed(text: str, known: Sequence[str], end: str) -> tuple[list[str], str] | None:
    for name in sorted(filter(text.startswith, known), key=len, reverse=True):
        rest = text[len(name) :]
        if rest.startswith(end) and (end or not rest):
            return [name], rest[len(end) :]
        others = _read_as_typed(rest[1:], known, end) if rest.startswith(",") else None
        if others is not None:
            return [name, *others[0]], others[1]
    return None


def _unknown(typed: str, sentence: str, schema: Schema) -> InputError:
    """About the first name that is no column, or the sentence where a name is empty."""
    from unnoise.data.parts import unknown_column

    known, left = columns(schema), typed
    while name := max((name for name in known if left.startswith(f"{name},")), key=len, default=""):
        left = left[len(name) + 1 :]
    part = left.partition(",")[0]
    return unknown_column(part, known) if part and left[-1] != "," else InputError(sentence)


def _check_once(found: list[str], option: str) -> None:
    for i, name in enumerate(found):
        if name in found[:i]:
            raise InputError(f"got {option} for {name!r} twice; give it once")


def _levels(name: str, schema: Schema) -> Levels:
    """The levels of a finite column by the words for them."""
    from unnoise.data.factors import CategoryFactor

    finite = [one for one in schema.factors.values() if isinstance(one, CategoryFactor) and name in one.columns]
    return Levels(schema.levels(name) if finite else ())


def _is_sequence(name: str, schema: Schema) -> bool:
    """Whether the column is text of any letters, which no syntax may take apart."""
    from unnoise.data.factors import SequenceFactor

    return any(isinstance(one, SequenceFactor) and name in one.columns for one in schema.factors.values())


def _set(text: str, levels: Levels) -> frozenset[str]:
    """The parts between bars; a level with a bar in it is one part."""
    parts, found = text.split("|"), []
    while parts:
        sizes = range(len(parts), 1, -1)
        size = next((size for size in sizes if levels.find("|".join(parts[:size])) is not None), 1)
        found.append("|".join(parts[:size]))
        parts = parts[size:]
    if not all(found):
        raise InputError(f"got the set {text!r}; expected values with a bar between two of them, as in --given sex=a|b")
    return frozenset(found)


def _number(name: str, schema: Schema) -> Callable[[str], str]:
    """What reads a number as the file of the model writes it, and true and false where 1 and 0 stand for them."""
    dialect = schema.container.dialect
    seen = next((factor.seen(name) for factor in schema.factors.values() if name in factor.columns), None)

    def read(text: str) -> str:
        truth = truth_of(text) if seen == (0, 1) and not text.replace(".", "").isdecimal() else None
        plain = text if dialect is None else dialect.number(text)
        return plain if truth is None else str(int(truth))

    return read


def _end(text: str) -> float | None:
    """One end of a range, None where it is open."""
    if text == "":
        return None
    return int(text) if text.lstrip("+-").isdecimal() else float(text)


def _block(text: str, kind: Block, name: str) -> Any:
    """A value that is an array: a file, a text, or numbers with commas between them."""
    from unnoise.data import files
    from unnoise.data.features import Tokens

    path = Path(text)
    if isinstance(kind, Tokens) and kind.letters:
        return text
    if path.suffix and (path.is_file() or not _numbers(text)):
        return files.read_picture(path) if files.is_picture(path) else reading.contents(path, beside=True)
    if (found := _numbers(text)) is None:
        raise InputError(f"got --given {name}={text}; expected a file (.npy, .png) or numbers with commas between them")
    return found if kind.block else found[0]


def _numbers(text: str) -> list[float] | None:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        return None


def _condition(text: str, name: str, schema: Schema) -> Any:
    """The value of a column that the model is always given."""
    from unnoise.data.features import Block

    kind: Any = schema.conditions[name]
    if isinstance(kind, Block):
        return _block(text, kind, name)
    levels = Levels(getattr(kind, "levels", ()))
    if text == "" and levels.find("") is None:
        return None
    if levels:
        return levels.value(text)
    if schema.container.is_counted(name):
        return float(schema.container.told({name: text})[name])
    try:
        return float(_number(name, schema)(text))
    except ValueError:
        raise InputError(
            f"got --given {name}={text}; expected a number for the column {name!r}, as the model is always given one"
        ) from None
