"""CSV files, gzipped or not, separated by commas, semicolons or tabs."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import TYPE_CHECKING

from unnoise._errors import InputError
from unnoise.data.frames import check_labels

if TYPE_CHECKING:
    import polars as pl

_MISSING = ["", "NA", "N/A", "NaN", "nan", "null"]  # empty cells


def read_csv(path: Path) -> pl.DataFrame:
    """The table; columns without names are x0, x1, ..."""
    import polars as pl

    zipped = path.name.lower().endswith(".gz")
    content = gzip.decompress(path.read_bytes()) if zipped else b""
    with io.BytesIO(content) if zipped else open(path, "rb") as file:
        lines = ((i, line) for i, line in enumerate(file) if not line.startswith(b"#"))
        comments, line = next(lines, (0, b""))
    names, separator = _header(line, path)
    frame = pl.read_csv(
        content if zipped else path,
        skip_rows=comments,
        separator=separator,
        has_header=names is not None,
        null_values=_MISSING,
        infer_schema_length=None,  # all rows: the only fraction may be in the last
    )
    frame.columns = names or [f"x{i}" for i in range(frame.width)]
    if frame.height == 0:
        raise InputError(f"{path} holds no rows of data.")
    return frame.with_columns(_unpadded(frame))


def _header(line: bytes, path: Path) -> tuple[list[str] | None, str]:
    """The names, or None if the line holds data, and the separator."""
    if b"\0" in line:
        raise InputError(f"{path} cannot be read: it is not a text file.")
    text = line.decode("utf-8-sig").rstrip("\r\n")
    separator = max(",;\t", key=text.count)
    names = [name.strip() for name in next(csv.reader([text], delimiter=separator), [])]
    # Numbers are data, except 0, 1, 2, ..., which pandas writes for columns without names.
    if all(map(_is_number, names)) and names != [str(i) for i in range(len(names))]:
        return None, separator
    if "" in names:
        raise InputError(
            f"Column {names.index('') + 1} of {path} has no name; name it, or drop it if it only numbers the rows "
            "(pandas: to_csv(index=False))."
        )
    check_labels(names)
    return names, separator


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unpadded(frame: pl.DataFrame) -> list[pl.Series]:
    import polars as pl

    columns = []
    for series in frame.select(pl.col(pl.String)):
        text = series.str.strip_chars()
        if text.equals(series):
            continue
        text = text.set(text.is_in(_MISSING), None)
        casts = [text.cast(kind, strict=False) for kind in (pl.Int64, pl.Float64)]
        columns.append(next((cast for cast in casts if cast.null_count() == text.null_count()), text))
    return columns
