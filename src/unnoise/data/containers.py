"""The form of data and samples: a table, a matrix, or an array of events such as images.

A container splits data into named columns and joins them again. The columns of a matrix (n, d) are x0, x1, ...; an
array with more axes is one column, x, whose elements share one kind.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from torch import Tensor

from unnoise._errors import InputError, warn
from unnoise.data import _intervals, _native, arrays, frames
from unnoise.data._adopted import HELD, TEXT_HELD, adopted, holding
from unnoise.data._checked import LATER, built, check, check_distinct, check_shape, entries
from unnoise.data._formats.dialect import Dialect
from unnoise.data._native import Column
from unnoise.data._numerics import Values
from unnoise.data._written import counted, several, spelled
from unnoise.data._written.several import Several
from unnoise.data.base import listed
from unnoise.data.holes import Mask
from unnoise.data.standard import suffix as suffix_of

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

_MOST_COLUMNS = 2**22
_MODEL = "DenoisingMarkovModel"  # the estimator in scikit-learn's sentences


@dataclass(frozen=True)
class Container(ABC):
    """The form of data: all but its values."""

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]]  # of files that can hold such data; "" of a folder of images
    called: ClassVar[str]  # in a sentence

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, as text."""

    @property
    def categorical(self) -> frozenset[str]:
        """The columns of a categorical type."""
        return frozenset()

    def categories(self, column: str) -> tuple[Any, ...] | None:
        """The levels of a column in the order that its type says; None where that says none."""
        return None

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns that hold text."""
        return ()

    @property
    def dialect(self) -> Dialect | None:
        """How the file of the data was written, if it was a table of text."""
        return None

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the columns of a frame or a file, of which one may hold the numbers of several."""
        return self.columns

    def in_sources(self, gaps: Mapping[str, Mask]) -> dict[str, Mask]:
        """Where columns have holes, as the columns of a frame or a file have them."""
        return dict(gaps)

    def written_in(self, dialect: Dialect | None) -> Self:
        """The same, with how the file of the data was written, if it was a table of text."""
        return self

    def is_counted(self, column: str) -> bool:
        """Whether the column holds dates, times or decimals, which are whole numbers inside."""
        return False

    def unit(self, column: str) -> str | None:
        """What whole numbers of the column count, in words; None where numbers stand for themselves."""
        return None

    def steps(self, column: str) -> str | None:
        """What distances between dates, times or decimals of the column count, as `days`; None of other columns."""
        return None

    def turn(self, column: str) -> float | None:
        """After how many of its units a column comes round again, as times of a day do; None of most columns."""
        return None

    def words(self, column: str) -> dict[str, float]:
        """The words beside the numbers of a column, such as <0.5, and the numbers that stand for them."""
        return {}

    def outside(self, column: str) -> tuple[float, ...]:
        """The numbers that stand for words of the column that say nothing of how much, as ERR, and lie in no range."""
        return ()

    def told(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by columns as they are modelled: dates, times and decimals as whole numbers."""
        return dict(values)

    def columns_of(self, frame: nw.DataFrame[Any]) -> dict[str, Values]:
        """The columns of a frame that may lack some, or have others, as they are modelled."""
        return dict(zip(map(str, frame.columns), frames.columns(frame), strict=True))

    def word(self, column: str, number: float) -> str | None:
        """A number of the column as its date, time or decimal is written; None if numbers stand for themselves."""
        return None

    def about(self, column: str, low: float, high: float) -> str | None:
        """The kind and the range of dates, times and decimals, in words; None for other columns."""
        return None

    @abstractmethod
    def split(self, data: Any) -> dict[str, Values]:
        """The columns of data, with holes as of `holes.spread`; an InputError if it has another form."""

    @abstractmethod
    def join(self, columns: Mapping[str, Values], missing: Mapping[str, Mask] | None = None) -> Any:
        """Data of the fitted form, with holes in these rows of some columns."""

    def check_file(self, path: Path) -> None:
        """Refuse, before long work, a file that cannot hold such data."""
        if suffix_of(path) not in self.suffixes:
            known = " or ".join(suffix or "nothing, as a folder of images" for suffix in self.suffixes)
            raise InputError(f"{self.called} cannot be written to {path}; give a name that ends in {known}.")

    def to_config(self) -> dict[str, Any]:
        """JSON, from which `from_config` makes an equal container."""
        return {"container": self.name, **listed(dataclasses.asdict(self))}

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """The container whose fields these are."""
        return built(cls, fields)


@dataclass(frozen=True)
class Table(Container):
    """A DataFrame; pandas' numeric names are read as text, and those of several parts joined.

    Attributes:
        backend: the library.
        layout: the columns.
        dialect: how the file was written, if it was a table of text.
        labels: the parts of the labels of its columns, where these are no names.
        several: the columns of texts that hold several numbers, each of which is a column of the layout.
    """

    name: ClassVar[str] = "table"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".parquet", ".tsv")
    called: ClassVar[str] = "A table"
    backend: str
    layout: tuple[Column, ...]
    dialect: Dialect | None = field(default=None, metadata={LATER: True})
    labels: tuple[tuple[str | int | float | bool, ...], ...] | None = field(default=None, metadata={LATER: True})
    several: tuple[Several, ...] = field(default=(), metadata={LATER: True})

    def __post_init__(self) -> None:
        fine = self.labels is None or len(self.labels) == len(self.layout)
        check(fine, "labels", self.labels, "the parts of the label of each column")
        check(self.backend in _native.BACKENDS, "backend", self.backend, f"one of {', '.join(_native.BACKENDS)}")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the frame's columns."""
        return tuple(str(column.label) for column in self.layout)

    @property
    def categorical(self) -> frozenset[str]:
        """The columns of a categorical type."""
        return frozenset(str(column.label) for column in self.layout if column.categorical)

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns that held text."""
        return tuple(str(column.label) for column in self.layout if column.holds == TEXT_HELD)

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the columns of a frame, of which one may hold the numbers of several."""
        labels = {name: one.label for one in self.several for name in one.names}
        return tuple(dict.fromkeys(labels.get(name, name) for name in self.columns))

    def in_sources(self, gaps: Mapping[str, Mask]) -> dict[str, Mask]:
        """Where columns have holes, as the columns of a frame have them: a text is whole or missing."""
        labels = {name: one.label for one in self.several for name in one.names}
        found: dict[str, Mask] = {}
        for name, gap in gaps.items():
            label = labels.get(name, name)
            found[label] = gap | found[label] if label in found else gap
        return found

    def parted(self, frame: nw.DataFrame[Any]) -> nw.DataFrame[Any]:
        """A frame with a column for each of several numbers in one text."""
        return several.parted(frame, self.several)

    def joined(self, native: Any) -> Any:
        """Undo it."""
        return several.joined(native, self.several)

    def written_in(self, dialect: Dialect | None) -> Self:
        """The same, with how the file of the data was written."""
        return dataclasses.replace(self, dialect=dialect)

    def categories(self, column: str) -> tuple[Any, ...] | None:
        """The levels of an ordered categorical of pandas, or of an Enum of polars."""
        found = self._by_name.get(column)
        return found.categories if found is not None and (found.ordered or found.type == "Enum") else None

    def split(self, data: Any) -> dict[str, Values]:
        """By name from a frame, in any order, by position from an array; in the types of the fitted columns."""
        frame = frames.opened(data)
        if frame is not None:
            frame = self.parted(frame)
            labels = frames.labels_of(frame.columns, self.columns)
            frames.check_names(list(labels), self.columns)
            frames.check_size(frame)
            return {name: self._values(frame, labels[name], name) for name in self.columns}
        parts = arrays.columns(data)
        warn(f"X does not have valid feature names, but {_MODEL} was fitted with feature names")
        held = _named(self.columns, parts)
        return {name: adopted(_told(held[name], column), column) for name, column in self._by_name.items()}

    def columns_of(self, frame: nw.DataFrame[Any]) -> dict[str, Values]:
        """The columns of a frame, of which those that were fitted are in the fitted types."""
        frames.check_size(frame)
        frame = self.parted(frame)
        labels = frames.labels_of(frame.columns, self.columns)
        return {name: self._values(frame, label, name) for name, label in labels.items()}

    def is_counted(self, column: str) -> bool:
        """Whether the column holds dates, times or decimals, or numbers in a form of their own."""
        found = self._by_name.get(column)
        return found is not None and bool(found.counted or found.written)

    def unit(self, column: str) -> str | None:
        """As `date, to D`, or the form of numbers of several units; None for columns that count nothing."""
        found = self._by_name[column]
        if spelled.units_of(found) is not None:
            return f"numbers written as {found.written}"
        return f"{found.counted}, to {found.unit}" if found.counted else None

    def steps(self, column: str) -> str | None:
        """As `days`; None for columns that count nothing."""
        found = self._by_name[column]
        return counted.steps(found) if found.counted else None

    def turn(self, column: str) -> float | None:
        """A day; None for all columns but times."""
        found = self._by_name.get(column)
        return None if found is None else counted.turn(found)

    def words(self, column: str) -> dict[str, float]:
        """As {'<0.5': -49.5}; no words of most columns."""
        found = self._by_name.get(column)
        return {} if found is None else dict(zip(found.words or (), found.places or (), strict=True))

    def outside(self, column: str) -> tuple[float, ...]:
        """The places of the first words."""
        found = self._by_name.get(column)
        return () if found is None else (found.places or ())[: found.apart or 0]

    def told(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Dates, times and decimals as whole numbers, and texts that are numbers as such."""
        known, values = self._by_name, several.told(values, self.several)
        return {name: _told(value, known[name]) if name in known else value for name, value in values.items()}

    def word(self, column: str, number: float) -> str | None:
        """A number as its date, time or decimal is written, or in the form of the column."""
        found = self._by_name[column]
        if found.written:
            return str(spelled.texts(np.array([number]), found)[0])
        return counted.word(number, found) if found.counted else None

    def about(self, column: str, low: float, high: float) -> str | None:
        """As `date, 2021-01-01 to 2023-05-06`."""
        found = self._by_name[column]
        if units := spelled.units_of(found):
            return units.words()
        if not found.counted:
            return None
        return f"{found.counted}, {counted.word(low, found)} to {counted.word(high, found)}"

    def native(self, column: str, values: Values, backend: str, series: nw.Series[Any]) -> Any:
        """Whole numbers that stand for dates, times or decimals in the type of another series; others as they are."""
        found = self._by_name[column]
        if found.written and (
            counted.holds_text(series) or series.is_null().all() or spelled.holds_words(values, found)
        ):
            return spelled.texts(values, found)
        if found.intervals and hasattr(series.to_native(), "cat"):
            return _intervals.in_levels(values, series.to_native().dtype)
        if not found.counted:
            return values
        own = _native.column_of(backend, series, found.label)
        if series.is_null().all():
            return _native.native_series(self.backend, found, counted.part(values, found))
        pattern = counted.pattern_in(series, found)
        kept = dataclasses.replace(found, label=own.label, type=own.type, pattern=pattern)
        return _native.native_series(backend, kept, counted.part(values, kept))

    def _values(self, frame: nw.DataFrame[Any], label: str, name: str) -> Values:
        series, column = frame.get_column(label), self._by_name.get(name)
        if column is not None and column.counted and not series.is_null().all():
            return counted.numbers(series, column)
        if column is not None and column.written and spelled.is_text_of(series, column):
            return spelled.numbers(series, column)
        values = frames.values(series, name)
        return values if column is None else adopted(values, column)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {str(column.label): column for column in self.layout}

    def join(self, columns: Mapping[str, Values], missing: Mapping[str, Mask] | None = None) -> Any:
        """A frame of the fitted library and types."""
        rows = [(missing or {}).get(name) for name in self.columns]
        named = zip(self._by_name.items(), rows, strict=True)
        parts = [_part(columns[name], column, blank) for (name, column), blank in named]
        try:
            made = self.joined(_native.build(self.backend, self.layout, parts, rows))
            return made if self.labels is None else _native.labelled(self.backend, made, self.labels)
        except ModuleNotFoundError as error:
            raise InputError(
                f"The model was fitted on a {self.backend} DataFrame and returns one, but {error.name} is not "
                f"installed here; install it: pip install {error.name}."
            ) from None

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """The table whose fields these are."""
        layout = [built(Column, column) for column in entries(fields.get("layout"), "layout")]
        told = fields.get("dialect")
        dialect = None if told is None else built(Dialect, entries([told], "dialect")[0])
        several = tuple(built(Several, one) for one in entries(fields.get("several", []), "several"))
        table = super().from_fields(fields | {"layout": layout, "dialect": dialect, "several": several})
        check({name for one in several for name in one.names} <= set(table.columns), "several", several, "its columns")
        check_distinct(table.columns, "columns")
        for column in table.layout:
            _native.check_column(table.backend, column)
            check(column.holds in (None, *HELD), "holds", column.holds, f"one of {', '.join(HELD)}")
            counted.check_column(column)
            spelled.check_column(column)
        return table


@dataclass(frozen=True)
class Matrix(Container):
    """An array or tensor (n, width)."""

    name: ClassVar[str] = "matrix"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".parquet", ".npy", ".tsv")
    called: ClassVar[str] = "An array (n, d)"
    backend: str
    dtype: str
    width: int

    def __post_init__(self) -> None:
        arrays.check_type(self.backend, self.dtype)
        check(0 < self.width <= _MOST_COLUMNS, "width", self.width, f"1 to {_MOST_COLUMNS}")

    @property
    def columns(self) -> tuple[str, ...]:
        """The names x0, x1, ..."""
        return tuple(f"x{i}" for i in range(self.width))

    def split(self, data: Any) -> dict[str, Values]:
        """By position, from an array of the fitted width or a frame."""
        frame = frames.opened(data)
        if frame is not None:
            warn(f"X has feature names, but {_MODEL} was fitted without feature names")
        return _named(self.columns, arrays.columns(data) if frame is None else frames.columns(frame))

    def join(self, columns: Mapping[str, Values], missing: Mapping[str, Mask] | None = None) -> Any:
        """An array or tensor of the fitted width and type."""
        array = np.stack([columns[name] for name in self.columns], axis=1)
        return arrays.typed(
            self.backend, self.dtype, array, [(r, self.columns.index(n)) for n, r in (missing or {}).items()]
        )


@dataclass(frozen=True)
class EventArray(Container):
    """An array or tensor (n, *event_shape), with two or more event axes, as of images."""

    name: ClassVar[str] = "event array"
    suffixes: ClassVar[tuple[str, ...]] = (".npy", "")
    called: ClassVar[str] = "An array of events"
    columns: ClassVar[tuple[str, ...]] = ("x",)
    backend: str
    dtype: str
    event_shape: tuple[int, ...]

    def __post_init__(self) -> None:
        arrays.check_type(self.backend, self.dtype)
        check(len(self.event_shape) > 1, "the shape", self.event_shape, "two or more axes")
        check_shape(self.event_shape)

    def split(self, data: Any) -> dict[str, Values]:
        """The whole array, if its events have the fitted shape."""
        array = arrays.as_array(data)
        if array.shape[1:] != self.event_shape:
            raise InputError(
                f"X has shape {array.shape}, but {_MODEL} was fitted on events of shape {self.event_shape}."
            )
        arrays.check_rows(array)
        return {"x": array}

    def join(self, columns: Mapping[str, Values], missing: Mapping[str, Mask] | None = None) -> Any:
        """An array or tensor of the fitted type."""
        return arrays.typed(self.backend, self.dtype, columns["x"], list((missing or {}).values()))


def container_of(data: Any, levels: Collection[str] = (), declared: Collection[str] = ()) -> Container:
    """The form of a DataFrame, an array, a tensor or a list of rows.

    Args:
        data: the data.
        levels: columns whose texts are levels, also where they look like dates.
        declared: columns whose kind is known, so that whole numbers are no dates.
    """
    frame = frames.opened(data)
    if frame is not None:
        backend, layout = _native.describe(frame)
        series = [frame.get_column(label) for label in frame.columns]
        told = [(str(column.label) in levels, str(column.label) in declared) for column in layout]
        found = [_described(s, c, *t) if len(s) else c for s, c, t in zip(series, layout, told, strict=True)]
        labels = _labels(data)
        held = () if labels else several.several_in(frame, found, levels, declared)
        return Table(backend, _with_parts(frame, found, held), labels=labels, several=held)
    if hasattr(data, "to_frame") and not hasattr(data, "columns"):
        raise InputError("The data is one column, a Series; make a DataFrame of it, as by data.to_frame().")
    array = arrays.as_array(data)
    backend, dtype = "numpy", str(array.dtype)
    if isinstance(data, Tensor):
        backend, dtype = "torch", str(data.dtype).removeprefix("torch.")
    if array.ndim > 2 and 0 not in array.shape[1:]:
        return EventArray(backend, dtype, array.shape[1:])
    return Matrix(backend, dtype, arrays.matrix_of(array).shape[1])


def from_config(config: dict[str, Any]) -> Container:
    """The container that `to_config` described."""
    kinds: dict[str, type[Container]] = {kind.name: kind for kind in (Table, Matrix, EventArray)}
    name = config.get("container")
    check(name in list(kinds), "container", name, f"one of {', '.join(kinds)}")
    return kinds[str(name)].from_fields({key: value for key, value in config.items() if key != "container"})


def _labels(data: Any) -> tuple[tuple[Any, ...], ...] | None:
    """The parts of labels that are no names, if JSON keeps them."""
    labels = frames.odd_labels(data)
    if labels is None:
        return None
    parts = tuple(one if isinstance(one, tuple) else (one,) for one in labels)
    kept = all(isinstance(part, str | int | float) for one in parts for part in one)
    names, made = frames.shown(frames.names_of(labels)), "their own labels" if kept else "these names"
    warn(f"The columns {frames.shown(labels)} are called {names} here; what is made has {made}.")
    return parts if kept else None


def _with_parts(frame: nw.DataFrame[Any], layout: Sequence[Column], held: tuple[Several, ...]) -> tuple[Column, ...]:
    """The columns, with one for each number in the place of those that hold several."""
    if not held:
        return tuple(layout)
    known, whole = {str(column.label): column for column in layout}, several.parted(frame, held)
    _, described = _native.describe(whole)
    made = zip(whole.columns, described, strict=True)
    return tuple(known.get(str(c.label)) or holding(whole.get_column(label), c) for label, c in made)


def _described(series: nw.Series[Any], column: Column, plain: bool, declared: bool) -> Column:
    column = counted.described(series, column, plain, declared)
    return holding(series, spelled.described(series, column, plain, declared))


def _told(value: Any, column: Column) -> Any:
    if column.counted:
        return counted.told(value, column)
    if column.intervals:
        return _as_texts(value)
    return spelled.told(value, column) if column.written else value


def _as_texts(value: Any) -> Any:
    """Intervals as their texts, alone, in a list or in a set."""
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(_as_texts(one) for one in value)
    return _intervals.level_of(value)


def _part(values: Values, column: Column, blank: Mask | None) -> Any:
    """Values as the frame is built of them."""
    if column.counted:
        return counted.part(values, column, blank)
    return spelled.texts(values, column) if column.written else values


def _named(names: tuple[str, ...], parts: list[Values]) -> dict[str, Values]:
    if len(parts) != len(names):
        raise InputError(f"X has {len(parts)} features, but {_MODEL} is expecting {len(names)} features as input")
    return dict(zip(names, parts, strict=True))
