"""Durations that are written with their units, as 5h 30m or PT5H30M: in which form, and back in the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_PART = re.compile(r"\[(d|h|m|s|mm|ss)\]([^\[]*)")
_PLAIN = (
    *(
        "[h]h [m]m",
        "[h]h[m]m",
        "[h]h [m]m [s]s",
        "[h]h[m]m[s]s",
        "[m]m [s]s",
        "[m]m[s]s",
        "[d]d [h]h",
        "[d]d [h]h [m]m",
    ),
    *("[h] h [m] min", "[h]h [m]min", "[h]h[m]min", "[m] min [s] s", "[h] hr [m] min", "[h] hrs [m] mins"),
)
_PADDED = tuple(form.replace("[m]m", "[mm]m").replace("[s]", "[ss]") for form in _PLAIN if form.startswith("[h]h"))
_ISO = ("PT[h]H[m]M", "PT[h]H[m]M[s]S", "PT[m]M[s]S", "P[d]DT[h]H[m]M[s]S")
_SPARSE = "?"  # before a form whose parts are left out where they are zero
FORMS = (*_PLAIN, *_PADDED, *_ISO, *(_SPARSE + form for form in (*_PLAIN, *_ISO)))
LIKE = r"^\s*(PT?\d|\d+ ?(d|h|hrs?|m|min)\b)"


def parsed(texts: pl.Series, form: str) -> pl.Series:
    """Durations; missing where a text is written otherwise.

    >>> import polars as pl
    >>> parsed(pl.Series(["5h 30m", "45m", "5"]), "?[h]h [m]m").dt.total_minutes().to_list()
    [330, 45, None]
    """
    import polars as pl

    total = pl.Series("x", [0] * len(texts))
    for unit, after in _PART.findall(form):
        number = texts.str.extract(rf"([0-9]+){re.escape(after.rstrip('T '))}").cast(pl.Int64, strict=False)
        total = total + number.fill_null(0) * _SECONDS[unit[0]]
    found = (total * 10**6).cast(pl.Duration("us"))
    return found.zip_with((written(found, form) == texts).fill_null(False), found.clear(len(found)))


def has_parts(texts: pl.Series, form: str) -> bool:
    """Whether some texts have two parts, where parts may be left out: 5m alone may be metres."""
    return not form.startswith(_SPARSE) or "P" in form or bool(texts.str.contains(r"[0-9][^0-9]+[0-9]").any())


def written(values: pl.Series, form: str) -> pl.Series:
    """Durations as text, whole seconds.

    >>> import polars as pl
    >>> written(pl.Series([3600, 90_060]).cast(pl.Duration("ms")) * 1000, "?P[d]DT[h]H[m]M[s]S").to_list()
    ['PT1H', 'P1DT1H1M']
    """
    import polars as pl

    sparse, parts = form.startswith(_SPARSE), _PART.findall(form)
    text = pl.Series("text", [form.lstrip(_SPARSE).partition("[")[0]] * len(values), dtype=pl.String)
    left, bare, some = values.dt.total_seconds(), text, pl.Series([not sparse] * len(values))
    for unit, after in parts:
        length = _SECONDS[unit[0]]
        number = (left // length).cast(pl.String).str.zfill(len(unit))
        none = pl.Series(["T" if after.endswith("T") else ""] * len(values), dtype=pl.String)
        text = text + (number + after).zip_with((left >= length) | (not sparse), none)
        some, left = some | (left >= length), left % length
    zero = bare + ("T0" if parts[0][1].endswith("T") else "0") + parts[-1][1]
    done = text.str.strip_chars_end(" ").str.strip_suffix("T") if sparse else text
    return done.zip_with(some, zero).alias(values.name)
