"""How a table of text is written, so that what is made from it is written alike: signs, encoding, decimals, words."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise.data._checked import check
from unnoise.data._formats.reading import Reading
from unnoise.data._written.abbreviated import Abbreviated
from unnoise.data._written.cells import MISSING
from unnoise.data._written.forms import Form, nearly, plain_form
from unnoise.data._written.forms import form as form_by
from unnoise.data._written.notations import Notation
from unnoise.data._written.scientific import Scientific
from unnoise.data._written.scripts import Scripted
from unnoise.data._written.significant import Significant, significant_of
from unnoise.data._written.units import SeveralUnits
from unnoise.data.standard import separator

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import polars as pl

    from unnoise.data.holes import Mask

TRUTHS = {"true": "false", "True": "False", "TRUE": "FALSE"}
_USUAL = "utf-8"
_E = str.maketrans("Dd", "Ee")  # of Fortran, and what every program reads
_LOOKED_AT = 1000  # cells, for a first guess


@dataclass(frozen=True)
class Dialect:
    """The notation of a file.

    Args:
        separator: between fields.
        decimal: the sign before fractions, if numbers show it or it is said; None for a point.
        encoding: of the text; None for UTF-8.
        forms: pairs of a column and how its cells are written, where that is not the plain way: numbers as 0.00 or
            #,##0.00, truth values by the word for true.
        missing: what stands where nothing is known.
        told: whether the decimal sign was said, so that the other one groups thousands.

    >>> import polars as pl
    >>> german = Dialect(";", ",", forms=(("price", "0,00"), ("new", "TRUE")))
    >>> german.rendered(pl.DataFrame({"price": [19.0, None], "new": [True, False], "x": [0.5, 1e-9]})).rows()
    [('19,00', 'TRUE', '0,5'), (None, 'FALSE', '1e-9')]
    """

    separator: str = ","
    decimal: str | None = None
    encoding: str | None = None
    forms: tuple[tuple[str, ...], ...] = ()
    missing: str = ""
    told: bool = False

    def __post_init__(self) -> None:
        check(len(self.separator) == 1, "separator", self.separator, "one sign")
        Reading(self.encoding, self.separator, self.decimal)  # refuses what no file has
        check(self.missing in MISSING, "missing", self.missing, f"one of {', '.join(MISSING[1:])}")
        check(all(len(pair) == 2 for pair in self.forms), "forms", self.forms, "pairs of a column and its form")
        for _, form in self.forms:
            if form not in TRUTHS:
                form_by(form)

    def said(self, separator: str | None = None, decimal: str | None = None, encoding: str | None = None) -> Self:
        """The same, but for what the user says."""
        told = Reading(encoding, separator, decimal)
        kept = self.forms if decimal in (None, self.decimal or ".") else self._with_point(decimal)
        given: dict[str, Any] = {"separator": told.separator, "decimal": decimal, "encoding": encoding}
        return replace(self, forms=kept, **{name: value for name, value in given.items() if value is not None})

    def within(self, path: Path) -> Dialect:
        r"""The same, with tabs in a .tsv.

        >>> Dialect(";", ",").within(Path("new.tsv")).separator
        '\t'
        """
        tabs = separator(path) == "\t"
        return replace(self, separator="\t") if tabs else self

    @property
    def reading(self) -> Reading:
        """What is to be said of files that are written alike: no decimal sign that was found, which will be again."""
        return Reading(self.encoding, self.separator, self.decimal if self.told else None)

    @property
    def usual(self) -> Dialect:
        """The same decimals and words for truth between commas, with a point, in UTF-8: what every program reads.

        >>> str(Dialect(";", ",", "latin-1", forms=(("price", "#.##0,00"), ("q", "0,00D+00"))).usual.forms)
        "(('price', '0.00'), ('q', '0.00E+00'))"
        """
        return Dialect(forms=self._with_point(".", usual=True))

    def filling(self, model: Dialect | None, columns: Collection[str]) -> Self:
        """How a file is written whose holes in these columns a model fills, with at least the decimals of both."""
        theirs = model._by_name if model else {}
        found = {n: form if n not in columns else _joined(form, theirs.get(n)) for n, form in self._by_name.items()}
        return replace(self, forms=tuple((name, form) for name, form in found.items() if form is not None))

    def rendered(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with text where a plain table of text would differ from this notation."""
        forms = self._by_name
        return frame.with_columns(self._cells(column, forms.get(column.name)) for column in frame)

    def filled(self, cells: pl.DataFrame, frame: pl.DataFrame, gaps: Mapping[str, Mask]) -> pl.DataFrame:
        """Cells as they are written, with the values of a frame in their gaps.

        >>> import numpy as np, polars as pl
        >>> cells = pl.DataFrame({"": ["r", "s"], "a": ["1.50", None]})
        >>> Dialect(decimal=",").filled(cells, pl.DataFrame({"a": [1.5, 2.5]}), {"a": np.array([False, True])}).rows()
        [('r', '1.50'), ('s', '2,5')]
        """
        import polars as pl

        texts = self.rendered(frame.select(gaps.keys())).cast(pl.String)
        return cells.with_columns(texts[name].zip_with(pl.Series(gap), cells[name]) for name, gap in gaps.items())

    def write(self, frame: pl.DataFrame, beside: Path) -> None:
        """The frame as a file of text, which its caller puts in its place."""
        self.rendered(frame).write_csv(beside, separator=self.separator, null_value=self.missing)
        self.encode(beside)

    def encode(self, path: Path) -> None:
        """A file of text in UTF-8 in the encoding of this notation."""
        if self.encoding is None:
            return
        try:
            with (
                open(path, encoding=_USUAL, newline="") as text,
                atomic_path(path) as beside,
                open(beside, "w", encoding=self.encoding, newline="") as other,
            ):
                shutil.copyfileobj(text, other)
        except UnicodeEncodeError as error:
            raise InputError(
                f"{error.object[error.start]!r} cannot be written in {self.encoding}; pass --encoding utf-8"
            ) from None

    def number(self, text: str) -> str:
        """A number that is typed with this decimal sign, with a point; all else as it is."""
        if self.decimal != "," or text.count(",") != 1:
            return text
        plain = text.replace(".", "").replace(",", ".")
        return plain if plain.lstrip("+-").replace(".", "").isdecimal() else text

    @property
    def _by_name(self) -> dict[str, str]:
        return {name: form for name, form in self.forms}  # pairs, as was checked

    def _with_point(self, point: str, usual: bool = False) -> tuple[tuple[str, ...], ...]:
        """The forms with another decimal sign, and no signs between thousands; `usual` ones without Fortran's D."""

        def turned(form: str) -> str:
            way = form_by(form)
            if isinstance(way, Notation):
                return str(replace(way, point=point, group=""))
            if isinstance(way, Abbreviated | SeveralUnits | Scripted):  # of texts, which are written as they were
                return form
            if not isinstance(way, Scientific):
                return str(replace(way, point=point))
            return str(
                replace(way, point=way.point and point, letter=way.letter.translate(_E) if usual else way.letter)
            )

        return tuple((name, form if form in TRUTHS else turned(form)) for name, form in self.forms)

    def _cells(self, column: pl.Series, form: str | None) -> pl.Series:
        import polars as pl

        if column.dtype == pl.Boolean:
            return column.replace_strict([True, False], [form, TRUTHS[form]]) if form in TRUTHS else column
        if not column.dtype.is_numeric():
            return column
        if form is not None and form not in TRUTHS:
            texts = pl.Series(column.name, form_by(form).texts(column.fill_null(0).to_numpy()).tolist())
            return texts.zip_with(column.is_not_null(), texts.clear(len(texts)))
        comma = self.decimal == "," and column.dtype.is_float()
        return column.cast(pl.String).str.replace(".", ",", literal=True) if comma else column


def form_of(column: pl.Series, cells: pl.Series, decimal: str | None) -> str | None:
    """How the numbers or truth values of a column are written in its cells; None for the plain way, or no steady one.

    >>> import polars as pl
    >>> form_of(pl.Series([19.0, 4.5]), pl.Series(["19.00", "4.50"]), None)
    '0.00'
    """
    import polars as pl

    there = column.is_not_null()
    held, values = cells.filter(there), column.drop_nulls()
    if not len(held):
        return None
    if column.dtype == pl.Boolean:
        words = held.unique().to_list()
        return next((word for word, other in TRUTHS.items() if word != "true" and {*words} <= {word, other}), None)
    point = decimal or "."
    if not column.dtype.is_numeric():
        return None
    if (held == values.cast(pl.String)).all():
        few = _rounded(held, point) if column.dtype.is_float() else None
        return None if few is None else str(few)
    found: Form | None = plain_form(held.head(_LOOKED_AT), point)
    if found is not None and found.texts(values.to_numpy()).tolist() != held.to_list():  # far faster than all at once
        found = plain_form(held, point)
    found = found or (_rounded(held, point) if column.dtype.is_float() else None)
    bare = column.dtype.is_float() and held.str.contains(r"^\d+$").any() and not held.str.contains(r"[.,]0+$").any()
    found = found or (nearly(held) if bare else None)  # of 0 beside 1.50, which would be written as 0.0
    same = found is not None and (found.numbers(held).cast(pl.Float64) == values.cast(pl.Float64)).all()
    return str(found) if same else None  # a column may be read with another sign than the rest


def _rounded(held: pl.Series, point: str) -> Significant | None:
    """The form of numbers of few digits; most columns have none, as their first cells show."""
    return None if significant_of(held.head(_LOOKED_AT), point) is None else significant_of(held, point)


def _joined(form: str, other: str | None) -> str | None:
    """A form with the decimals of both; of numbers None where the other is none."""
    if form in TRUTHS or other is None or other in TRUTHS:
        return form if form in TRUTHS else None
    mine, theirs = form_by(form), form_by(other)
    if isinstance(mine, Significant) and isinstance(theirs, Significant):
        return str(replace(mine, digits=max(mine.digits, theirs.digits)))
    if (isinstance(mine, Notation) and isinstance(theirs, Notation)) or (
        isinstance(mine, Scientific) and isinstance(theirs, Scientific)
    ):
        return str(replace(mine, least=min(mine.least, theirs.least), most=max(mine.most, theirs.most)))
    return form
