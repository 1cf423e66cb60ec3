"""DataFrames of any library that narwhals supports, as columns of numbers or text."""

from __future__ import annotations

import importlib
import itertools
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from unnoise._errors import InputError, warn
from unnoise.data import _intervals, holes
from unnoise.data._numerics import Values
from unnoise.data.arrays import NO_FEATURES, NO_ROWS, is_missing, tidy

if TYPE_CHECKING:
    import narwhals.stable.v2 as nw

_MOST_SHOWN = 3  # labels in a message


def opened(data: Any) -> nw.DataFrame[Any] | None:
    """The data as a narwhals DataFrame, or None if it is not a DataFrame."""
    if isinstance(data, np.ndarray | Tensor | Sequence):
        return None
    if type(data).__name__ == "RecordBatch" and hasattr(data, "num_rows"):
        data = importlib.import_module("pyarrow").Table.from_batches([data])
    import narwhals.stable.v2 as nw

    labels = odd_labels(data)
    if labels is not None:
        names = names_of(labels)
        data = data.rename_columns(names) if hasattr(data, "rename_columns") else data.set_axis(names, axis=1)
    frame = nw.from_native(data, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        raise InputError("The data is a lazy frame; call .collect() on it first.")
    if not isinstance(frame, nw.DataFrame):
        return None
    check_labels(frame.columns)
    if frame.implementation.is_polars():
        check_no_patterns(frame.columns)
    return frame


def odd_labels(data: Any) -> list[Any] | None:
    """The labels of a frame of pandas or Arrow, if some are no texts, or stand twice; whole numbers are texts."""
    if not (hasattr(data, "rename_columns") or (hasattr(data, "set_axis") and hasattr(data, "columns"))):
        return None
    labels = list(data.column_names if hasattr(data, "rename_columns") else data.columns)
    if any(isinstance(label, bool) for label in labels):  # which are refused, as they are no labels but a mask
        return None
    fine = all(isinstance(label, str | int) for label in labels)
    return None if fine and len(set(map(str, labels))) == len(labels) else labels


def names_of(labels: Sequence[Any]) -> list[str]:
    """A name for each label: the parts of one joined, and a number behind those that stand twice, as pandas has them.

    >>> names_of([("a", "x"), ("a", "y"), "b", "b", 0.5])
    ['a x', 'a y', 'b', 'b.1', '0.5']
    """
    texts = [" ".join(map(str, label)).strip() if isinstance(label, tuple) else str(label) for label in labels]
    names: list[str] = []
    for text in texts:
        others = (f"{text}.{i}" for i in itertools.count(1))
        names.append(text if text not in names else next(o for o in others if o not in names and o not in texts))
    return names


def shown(labels: Sequence[Any]) -> str:
    """The first labels, in a sentence."""
    return ", ".join(map(repr, labels[:_MOST_SHOWN])) + (", ..." if len(labels) > _MOST_SHOWN else "")


def columns(frame: nw.DataFrame[Any]) -> list[Values]:
    """The columns as arrays of numbers, or of objects if they hold text or levels, with holes as of `holes`."""
    check_size(frame)
    return [values(frame.get_column(label), str(label)) for label in frame.columns]


def check_size(frame: nw.DataFrame[Any]) -> None:
    """Refuse frames without columns or rows."""
    if not frame.columns:
        raise InputError(NO_FEATURES.format(frame.shape))
    if len(frame) == 0:
        raise InputError(NO_ROWS.format(frame.shape))


def check_labels(labels: Sequence[Any]) -> None:
    """Refuse names that are not text, and repeated names."""
    if odd := [label for label in labels if not isinstance(label, str | int) or isinstance(label, bool)]:
        raise InputError(f"A column is named {odd[0]!r}, which is not a text; rename the columns.")
    names = [str(label) for label in labels]
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise InputError(f"Several columns have the name {', '.join(map(repr, twice))}; rename or drop them.")


def check_no_patterns(labels: Sequence[str]) -> None:
    """Refuse names that polars takes for patterns of names."""
    if odd := [label for label in labels if label.startswith("^") and label.endswith("$")]:
        raise InputError(f"A column is named {odd[0]!r}, which polars takes for a pattern of names; rename it.")


def labels_of(columns: Sequence[Any], expected: Sequence[str], *, aloud: bool = True) -> dict[str, Any]:
    """The labels of columns by the names that are expected, and the others by their own.

    Blanks around a name, and letters with marks in two signs, make no other name; nor do capitals, which is said, where
    that leaves one column for one name.

    >>> labels_of(["AGE", " sex", "town"], ["age", "sex"], aloud=False)
    {'sex': ' sex', 'age': 'AGE', 'town': 'town'}
    """
    labels = {str(label): label for label in columns}
    found = {name: labels.pop(name) for name in expected if name in labels}
    for same in (_composed, _caseless):
        lacking = _alone([name for name in expected if name not in found], same)
        others = _alone(list(labels), same)
        for key in filter(others.__contains__, lacking):
            found[lacking[key]] = labels.pop(others[key])
            if aloud and same is _caseless:
                warn(f"Column '{others[key]}' is taken for '{lacking[key]}', as it was called at the fit.")
    return found | labels


def renamed(native: Any, names: Mapping[Any, str]) -> Any:
    """A frame of any library with other names for some of its columns."""
    import narwhals.stable.v2 as nw

    frame = nw.from_native(native)
    columns = [(label, frame.get_column(label)) for label in frame.columns]
    return frame.select(*(held.alias(names[label]) if label in names else held for label, held in columns)).to_native()


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _caseless(name: str) -> str:
    return _composed(name).casefold()


def _alone(names: Sequence[str], key: Callable[[str], str]) -> dict[str, str]:
    """The names by their keys, of which no other has the same."""
    counts = Counter(map(key, names))
    return {key(name): name for name in names if counts[key(name)] == 1}


def check_names(got: Sequence[str], expected: Sequence[str]) -> None:
    """Refuse columns without one of those that were fitted, in the words of scikit-learn; others are left out."""
    unseen, missing = sorted(set(got) - set(expected)), sorted(set(expected) - set(got))
    if missing:
        message = "The feature names should match those that were passed during fit.\n"
        if unseen:
            message += "Feature names unseen at fit time:\n" + _listed(unseen)
        raise InputError(message + "Feature names seen at fit time, yet now missing:\n" + _listed(missing))
    if unseen:
        shown = ", ".join(f"'{name}'" for name in unseen[:5]) + (", ..." if len(unseen) > 5 else "")
        one = len(unseen) == 1
        warn(
            f"Column{'s' * (not one)} {shown} {'was' if one else 'were'} not there when the model was fitted, so "
            f"{'it is' if one else 'they are'} left out."
        )


def values(series: nw.Series[Any], name: str) -> Values:
    """One column, as of `columns`."""
    if hasattr(series.to_native(), "sparse") and _type_of(series).startswith("Sparse"):
        series = _dense(series)
    kind = type(series.dtype).__name__
    if kind in ("Categorical", "Enum"):
        levels = [None if is_missing(level) else _intervals.level_of(level) for level in series.to_list()]
        return np.array(levels, dtype=object)
    if kind in ("Int128", "UInt128"):  # unknown to numpy
        series = _in_64_bits(series, name)
    plain = kind != "Decimal" and (series.dtype.is_numeric() or kind in ("Boolean", "String", "Object"))
    if not plain and series.is_null().all():
        return np.full(len(series), np.nan)
    if not plain:
        raise InputError(
            f"Column '{name}' is of type {_type_of(series)}; turn it into plain numbers or text, or drop it."
        )
    if str(getattr(series.to_native(), "type", "")) == "string_view":  # of which Arrow has few functions
        return tidy(np.array(series.to_list(), dtype=object), f"Column '{name}'")
    empty = series.is_null()
    if not empty.any():
        return tidy(series.to_numpy(), f"Column '{name}'")
    return holes.spread(tidy(series.drop_nulls().to_numpy(), f"Column '{name}'"), ~empty.to_numpy())


def _dense(series: nw.Series[Any]) -> nw.Series[Any]:
    import narwhals.stable.v2 as nw

    native: Any = series.to_native()
    return nw.from_native(native.sparse.to_dense(), series_only=True)


def _type_of(series: nw.Series[Any]) -> str:
    """The type as it is known to the library of the column, if narwhals knows none."""
    native: Any = series.to_native()
    return str(getattr(native, "dtype", None) or native.type if "Unknown" in str(series.dtype) else series.dtype)


def _in_64_bits(series: nw.Series[Any], name: str) -> nw.Series[Any]:
    import narwhals.stable.v2 as nw

    least, most = series.min(), series.max()
    if least is None or (least >= -(2**63) and most < 2**63):
        return series.cast(nw.Int64())
    if least < 0 or most >= 2**64:
        raise InputError(
            f"Column '{name}' holds {least} to {most}, and numbers of 64 bits would lose their digits; make it text, "
            "or floats."
        )
    return series.cast(nw.UInt64())


def _listed(names: Sequence[str]) -> str:
    return "".join(f"- {name}\n" for name in names[:5]) + ("- ...\n" if len(names) > 5 else "")
