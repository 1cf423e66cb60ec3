"""Columns of text with several numbers in each cell, as 120/80 or 5.2±0.1: a column for each number, and back."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError, warn
from unnoise.data import _native
from unnoise.data._checked import check
from unnoise.data._native import Column
from unnoise.data._numerics import Values
from unnoise.data._written.counted import as_polars, holds_text
from unnoise.data.holes import Mask

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw
    import polars as pl

_NUMBER = re.compile(r"(?:(?<![\d)\]])-)?\d+(?:\.\d+)?")
_GROUP = r"(-?[0-9]+(?:\.[0-9]+)?)"
_BETWEEN = re.compile(r"\s*(?:/|±|\+/-|\+-|[×xX;|,–—'′-]|to|bis|[a-z]{1,5}[.,]?\s)?\s*[(\[]?\s*")
_DECIMAL_COMMA, _DASH = ",", "-"
_MOST_AROUND = 10  # letters before the first number, and behind the last, as in 120/80 mmHg
_SPECIAL = re.compile(r"([.^$*+?{}\[\]\\|()])")
_ZEROS = re.compile(r"0(?:\.(?P<decimals>0+|#+))?")
_MOST = 12  # numbers of a cell
_FEWEST, _LEVELS = 20, 50  # rows, and texts of which no more may be levels
_SERIAL = 0.9  # of the rows, which whole numbers of ids tell apart


@dataclass(frozen=True)
class Several:
    """A column of texts, each of which holds several numbers.

    Args:
        label: of the column.
        type: of its texts, as its library names it.
        form: of every text, with 0 for a whole number, 0.00 for one with so many decimals, and 0.## with at most so
            many.

    >>> import polars as pl
    >>> pressure = Several("bp", "String", "0/0 mmHg")
    >>> pressure.names, [one.to_list() for one in pressure.numbers(pl.Series(["120/80 mmHg", None]))]
    (['bp.0', 'bp.1'], [[120.0, None], [80.0, None]])
    >>> pressure.texts([np.array([117.6]), np.array([81.0])]).tolist()
    ['118/81 mmHg']
    """

    label: str
    type: str
    form: str

    def __post_init__(self) -> None:
        check(1 < len(self._decimals) <= _MOST, "form", self.form, f"2 to {_MOST} numbers")

    @property
    def names(self) -> list[str]:
        """Of the columns of its numbers."""
        return [f"{self.label}.{place}" for place in range(len(self._decimals))]

    def numbers(self, texts: pl.Series) -> list[pl.Series]:
        """A column for each number, missing where the text is; an InputError names a text of another form."""
        import polars as pl

        found = texts.str.strip_chars().str.extract_groups(self._pattern).struct.unnest()
        wrong = texts.filter(found.to_series(0).is_null() & texts.is_not_null())
        if len(wrong):
            raise InputError(
                f"Column '{self.label}' held numbers written as {self.form} when the model was fitted, and now "
                f"{wrong[0][:60]!r}; expected numbers as then."
            )
        return [one.cast(pl.Float64).alias(name) for one, name in zip(found, self.names, strict=True)]

    def texts(self, numbers: Sequence[Values]) -> Values:
        """Rows of numbers as texts, an array of objects."""
        parts = [
            _digits(np.nan_to_num(one.astype(np.float64)), decimals)
            for one, decimals in zip(numbers, self._decimals, strict=True)
        ]
        rows = zip(*parts, strict=True)
        found = ["".join(map("".join, zip(self._literals, (*row, ""), strict=True))) for row in rows]
        return np.array(found, dtype=object)

    @property
    def _decimals(self) -> list[str]:
        """Of each number, as 00 or ##."""
        return [one["decimals"] or "" for one in _ZEROS.finditer(self.form)]

    @property
    def _literals(self) -> list[str]:
        """What stands before, between and behind the numbers."""
        return _ZEROS.split(self.form)[:: _ZEROS.groups + 1]

    @property
    def _pattern(self) -> str:
        """Of a whole text, with a group for each number."""
        literals = [_SPECIAL.sub(r"\\\1", part) for part in self._literals]
        return f"^{_GROUP.join(literals)}$"


def several_in(
    frame: nw.DataFrame[Any], layout: Sequence[Column], levels: Collection[str], declared: Collection[str]
) -> tuple[Several, ...]:
    """The columns of a frame that hold several numbers, which is said.

    Args:
        frame: the data.
        layout: its columns, as `containers` describes them.
        levels: those whose texts are levels.
        declared: those whose kind is known.
    """
    found = []
    named = all(isinstance(label, str) for label in frame.columns)  # as names of the new columns are
    for label, column in zip(frame.columns, layout, strict=True) if named else ():
        name = str(label)
        plain = column.counted or column.written or column.categorical or name in levels or name in declared
        series = frame.get_column(label)
        held = as_polars(series) if not plain and holds_text(series) else None
        form = None if held is None else form_of(held)
        if held is None or form is None or {f"{name}.{place}" for place in range(_MOST)} & set(frame.columns):
            continue
        one = Several(name, column.type, form)
        warn(
            f"The texts of column {name!r}, as {held.drop_nulls()[0]!r}, are read as the numbers "
            f"{', '.join(one.names)}, and written as texts again."
        )
        found.append(one)
    return tuple(found)


def form_of(texts: pl.Series) -> str | None:
    """The form of texts that all hold the same number of numbers; None of others, and of few that may be levels.

    >>> import polars as pl
    >>> form_of(pl.Series([f"{i}.{i % 9 + 1}±0.{i % 7 + 1}" for i in range(100)]))
    '0.0±0.0'
    """
    held = texts.drop_nulls().str.strip_chars()
    if len(held) < _FEWEST or held.n_unique() <= min(_LEVELS, len(held) // 2):
        return None
    literals = _literals(held[0])
    if not _are_fine(literals):
        return None
    rows = [_NUMBER.findall(text) for text in held.to_list() if _literals(text) == literals]
    parts = list(zip(*rows, strict=True))
    if len(rows) < len(held) or _are_codes(literals, parts):
        return None
    zeros = [f"0{'.' * bool(decimals)}{decimals}" for decimals in map(_decimals_of, parts)]
    return "".join(literal + zero for literal, zero in zip(literals, [*zeros, ""], strict=True))


def _literals(text: str) -> list[str]:
    """What stands before, between and behind the numbers of a text."""
    return _NUMBER.split(text)


def _are_fine(literals: Sequence[str]) -> bool:
    """Whether they may stand around several numbers."""
    if len(literals) < 3:
        return False
    head, *inner, tail = literals
    around = max(len(head), len(tail)) <= _MOST_AROUND and not head[-1:].isalpha()  # as codes such as A3/7
    return around and 1 <= len(inner) < _MOST and all(one and _BETWEEN.fullmatch(one) for one in inner)


def _are_codes(literals: Sequence[str], parts: Sequence[Sequence[str]]) -> bool:
    """Whether they may be ids, dates, telephone numbers or numbers with a decimal comma instead."""
    whole = all("." not in text for part in parts for text in part)
    padded = any(re.match(r"-?0\d", text) for part in parts for text in part)
    ambiguous = whole and len(literals) == 3 and literals[1] in (_DECIMAL_COMMA, _DASH)
    ambiguous |= "" in map(str.strip, literals[1:-1]) and not all("." in text for part in parts for text in part)
    serial = whole and any(len(set(part)) > _SERIAL * len(part) for part in parts)
    return padded or ambiguous or serial


def _decimals_of(part: Sequence[str]) -> str:
    """A zero for each decimal, if all have as many; a # for each of the most, else."""
    counts = {len(text.partition(".")[2]) for text in part}
    return "0" * min(counts) if len(counts) == 1 else "#" * max(counts)


def _digits(values: Values, decimals: str) -> list[str]:
    """Numbers with so many decimals, or at most so many."""
    texts = [f"{value:.{len(decimals)}f}" for value in values.tolist()]
    texts = [text.rstrip("0").rstrip(".") if "#" in decimals else text for text in texts]
    return [text.removeprefix("-") if not text.strip("-0.") else text for text in texts]  # no -0.0


def parted(frame: nw.DataFrame[Any], several: Sequence[Several]) -> nw.DataFrame[Any]:
    """The frame with a column for each number in the place of those that hold several."""
    if not several:
        return frame
    import narwhals.stable.v2 as nw

    known, names = {one.label: one for one in several}, list[str]()
    for label in frame.columns:
        one, series = known.get(str(label)), frame.get_column(label)
        held = as_polars(series) if one is not None and holds_text(series) else None
        if one is None or held is None:
            names.append(label)
            continue
        parts = [_as_whole(part) for part in one.numbers(held)]
        backend, types = frame.implementation, {True: nw.Int64(), False: nw.Float64()}
        made = [nw.new_series(s.name, s.to_list(), types[s.dtype.is_integer()], backend=backend) for s in parts]
        frame = frame.with_columns(*made)
        names += one.names
    return frame.select(*names)


def joined(native: Any, several: Sequence[Several]) -> Any:
    """A frame of any library with the texts of numbers in their place."""
    if not several:
        return native
    import narwhals.stable.v2 as nw

    frame = nw.from_native(native)
    names = list(frame.columns)
    for one in several:
        frame = frame.with_columns(_texts_of(frame, one))
        names[names.index(one.names[0])] = one.label
        names = [name for name in names if name not in one.names]
    return frame.select(*names).to_native()


def told(values: Mapping[str, Any], several: Sequence[Several]) -> dict[str, Any]:
    """Values by columns, of which a text of several numbers says each."""
    import polars as pl

    found = dict(values)
    for one in several:
        said = found.get(one.label)
        rows = [said] if isinstance(said, str) else list(said) if isinstance(said, list | np.ndarray) else None
        if rows is None or not all(text is None or isinstance(text, str) for text in rows):
            continue
        del found[one.label]
        parts = one.numbers(pl.Series(rows, dtype=pl.String))
        found |= {part.name: part[0] if isinstance(said, str) else part.to_numpy() for part in parts}
    return found


def _texts_of(frame: nw.DataFrame[Any], one: Several) -> nw.Series[Any]:
    import narwhals.stable.v2 as nw

    numbers = [np.asarray(frame.get_column(name).cast(nw.Float64()).to_numpy(), dtype=np.float64) for name in one.names]
    missing: Mask = np.asarray(np.isnan(np.stack(numbers)).any(axis=0))
    blank = missing if missing.any() else None
    made = _native.build(frame.implementation.value, (Column(one.label, one.type),), [one.texts(numbers)], [blank])
    found: nw.Series[Any] = nw.from_native(made).get_column(one.label)
    return found


def _as_whole(part: pl.Series) -> pl.Series:
    """Whole numbers as such, where none is missing."""
    import polars as pl

    return part.cast(pl.Int64) if part.null_count() == 0 and bool((part == part.round()).all()) else part
