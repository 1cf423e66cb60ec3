"""Large tables of text, block by block, by the rules for small ones.

The first lines say what stands above the rows and how they are written; a first pass over all rows finds the types of
the columns, so that no digit is lost, and what stands for nothing in them; a second one writes parquet files.
"""

from __future__ import annotations

import codecs
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from unnoise._errors import InputError, warn
from unnoise.data._formats import csv
from unnoise.data._formats.reading import Reading
from unnoise.data._written import cells

if TYPE_CHECKING:
    import polars as pl

BLOCK = 100_000  # rows in memory at once
_HEAD = 2**20  # bytes that say how a text is written
_CHUNK = 2**24  # bytes of a text that are looked at together
_MOST_TEXTS, _MOST_NUMBERS = 1000, 2000  # of a column of both, that tell what stands for nothing
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # and those of UTF-32, one of which begins so


class NotInBlocks(InputError):
    """A text of which no part can be understood without the rest."""


@dataclass(frozen=True)
class Text:
    """A table of text that is read in blocks.

    Args:
        path: the file.
        names: of its columns; the first is empty if it numbers the rows.
        separator: between fields.
        decimal: the sign before fractions, where that is known; None for what the separator says.
        lines: above the first row.
    """

    path: Path
    names: tuple[str, ...]
    separator: str
    decimal: str | None
    lines: int

    @classmethod
    def opened(cls, path: Path, reading: Reading) -> Self:
        """What the first lines say; a NotInBlocks where rows are written otherwise than they are read."""
        head = _head(path)
        if head.startswith((*_WIDE, codecs.BOM_UTF32_BE)):
            raise NotInBlocks(f"{path} is no text in UTF-8, and cannot be read in blocks; save it as such.")
        with warnings.catch_warnings(record=True) as said:  # which is said again where all is read at once
            warnings.simplefilter("always")
            found = csv.parsed(head, str(path), reading)
        if not head.endswith(found.rows) or found.encoding not in (None, "utf-8-sig"):
            raise NotInBlocks(
                f"{path} cannot be read in blocks, as its fields stand between blanks or single quotes, or have other "
                "signs at their ends; write it between commas, or as .parquet."
            )
        for one in said:
            warn(str(one.message))
        start = len(head) - len(found.rows)
        _check_fields(path, found.separator.encode(), start, len(found.names))
        names, lines = tuple(found.names), head[:start].count(b"\n")
        if not names[0]:
            csv.warn_of_numbering(str(path))
        return cls(path, names, found.separator, found.reading.decimal, lines)

    def point(self, reading: Reading) -> str:
        """What `cells.typed` is told of the sign before fractions."""
        return csv.decimal_of(self.separator, reading.decimal or self.decimal)

    def blocks(self) -> Iterator[pl.DataFrame]:
        """The cells of the rows as text, in columns x0, x1, ..."""
        import polars as pl

        options: Any = {"infer_schema": False, "glob": False, "has_header": False}
        lazy = pl.scan_csv(self.path, separator=self.separator, skip_lines=self.lines, **options)
        for batch in lazy.collect_batches(chunk_size=BLOCK, maintain_order=True):
            if batch.width != len(self.names):
                raise InputError(
                    f"{self.path} cannot be read, it may be damaged or cut short: it has rows of {batch.width} fields; "
                    f"expected {len(self.names)}."
                )
            batch.columns = [f"x{i}" for i in range(batch.width)]
            yield cells.stripped(batch)


@dataclass
class _Column:
    """What blocks have shown of a column: the types of its values, and texts among them with some of the numbers."""

    types: set[Any] = field(default_factory=set)
    texts: dict[str, None] = field(default_factory=dict)
    numbers: dict[str, None] = field(default_factory=dict)

    def see(self, written: pl.Series, typed: pl.Series) -> None:
        import polars as pl

        if typed.null_count() < len(typed):
            self.types.add(typed.dtype)
        if typed.dtype != pl.String:
            written = written.head(_MOST_NUMBERS)
        held = written.drop_nulls().unique(maintain_order=True)
        begun = held.str.contains(r"^[+-]?[.,]?\d")
        self.texts |= dict.fromkeys(held.filter(~begun).head(_MOST_TEXTS - len(self.texts)).to_list())
        self.numbers |= dict.fromkeys(held.filter(begun).head(_MOST_NUMBERS - len(self.numbers)).to_list())

    def marks(self, name: str, reading: Reading, decimal: str) -> list[str]:
        """The texts that are read as missing."""
        return cells.marks_of(self.witnesses, name, reading, decimal)[0] if self.texts else []

    @property
    def witnesses(self) -> pl.Series:
        """Some of its texts."""
        import polars as pl

        return pl.Series([*self.numbers, *self.texts], dtype=pl.String)


def convert(texts: Sequence[Text], source: str, reading: Reading, beside: Path) -> None:
    """Files 00000000.parquet, ... of blocks with the columns that have names; a warning says what is missing there."""
    import polars as pl

    names = texts[0].names
    known = dict(zip((f"x{i}" for i in range(len(names))), csv.as_known([*names], reading.names), strict=True))
    columns = _seen(texts, known, reading, {})
    told = {place: column.marks(known[place], reading, texts[0].point(reading)) for place, column in columns.items()}
    marks = {place: found for place, found in told.items() if found}
    if marks:
        columns = _seen(texts, known, reading, marks)
        among = dict.fromkeys(mark for found in marks.values() for mark in found)
        cells.warn_of_marks(
            {mark: [known[place] for place, found in marks.items() if mark in found] for mark in among}, source
        )
    schema = {place: _common(columns[place].types) for place in known}
    schema |= {place: pl.String for place, name in known.items() if name in reading.text}
    left = {place: columns[place].witnesses for place, kind in schema.items() if kind == pl.String}
    for place, held in left.items():
        cells.warn_of_numbers(held.to_frame(), [known[place]], source, reading.text | reading.levels)
    named = {place: name for place, name in zip(known, names, strict=True) if name}
    for number, (written, typed) in enumerate(_typed(texts, reading, marks)):
        kept = [written[place] if kind == pl.String else typed[place].cast(kind) for place, kind in schema.items()]
        made = pl.DataFrame(kept).select(pl.col(place).alias(name) for place, name in named.items())
        made.write_parquet(beside / f"{number:08}.parquet", compression="lz4")


def _seen(
    texts: Sequence[Text], known: Mapping[str, str], reading: Reading, marks: Mapping[str, list[str]]
) -> dict[str, _Column]:
    import polars as pl

    columns = {place: _Column() for place in known}
    for written, typed in _typed(texts, reading, marks):
        for place, name in known.items():
            columns[place].see(written[place], typed[place])
            if name in reading.levels and cells.is_changed(typed[place], written):
                columns[place].types.add(pl.String)
    return columns


def _typed(
    texts: Sequence[Text], reading: Reading, marks: Mapping[str, list[str]]
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Blocks of cells with holes for the marks of their columns, and what these are by themselves."""
    import polars as pl

    cases = (pl.when(pl.col(place).is_in(found)).then(None).otherwise(place) for place, found in marks.items())
    told = [case.alias(place) for place, case in zip(marks, cases, strict=True)]
    for text in texts:
        about: Any = {"source": str(text.path), "decimal": text.point(reading), "alone": len(text.names) == 1}
        for block in text.blocks():
            written = block.with_columns(told)
            with warnings.catch_warnings(action="ignore"):  # which were said of the first lines
                typed = cells.typed(written, **about)
            yield written, typed


def _head(path: Path) -> bytes:
    """The first lines, whole ones, quotes around several included."""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
        if len(head) < _HEAD:
            return head
        while chunk := file.read(_HEAD):
            end = head.rfind(b"\n") + 1
            while end and head.count(b'"', 0, end) % 2:
                end = head.rfind(b"\n", 0, end - 1) + 1
            if end and head.count(b"\n", 0, end) > 1:
                return head[:end]
            head += chunk
        return head


def _check_fields(path: Path, sign: bytes, start: int, fields: int) -> None:
    """Refuse a row that is too short, whose end polars would take for holes; quotes may hide signs and lines."""
    lines, signs, end, width = 0, 0, b"", fields - 1
    with open(path, "rb") as file:
        file.seek(start)
        while chunk := file.read(_CHUNK):
            if b'"' in chunk:
                return
            lines, signs, end = lines + chunk.count(b"\n"), signs + chunk.count(sign), chunk[-1:]
        if signs >= (lines + (end not in (b"", b"\n"))) * width:
            return
        file.seek(start)
        rows = (line for line in file if line.strip())
        for row, line in enumerate(rows):
            if line.count(sign) < width:
                raise InputError(
                    f"{path} cannot be read, it may be damaged or cut short: row {row} has {line.count(sign) + 1} "
                    f"fields; expected {width + 1}."
                )


def _common(kinds: set[Any]) -> Any:
    """The type of a column whose blocks have these; whole numbers and fractions are floats, and all else is text."""
    import polars as pl

    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds and kinds <= {pl.Int64, pl.Float64}:
        return pl.Float64
    return pl.String
