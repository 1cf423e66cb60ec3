"""Degrees with minutes and seconds, as 52°31'12.5"N or -0° 07.5': numbers of degrees, and back as they were written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from unnoise._errors import InputError
from unnoise.data._numerics import Values

if TYPE_CHECKING:
    import polars as pl

_SIDES = {"N": ("N", "S"), "S": ("N", "S"), "E": ("E", "W"), "W": ("E", "W")}
_PRIMES = r"[\s'′’´\"″”]"
_TEXT = (
    r"^\s*(?P<head>[NSEW]?)(?P<before>\s*)(?P<sign>[-−+]?)(?P<d>[0-9]{1,3})(?P<degrees>\s*[°º]\s*)"
    rf"(?P<m>[0-9]{{1,2}})(?P<minutes>{_PRIMES}+)?(?P<s>[0-9]{{1,2}})?"
    rf"(?:(?P<point>[.,])(?P<decimals>[0-9]+))?(?P<end>{_PRIMES}*)(?P<tail>[NSEW]?)\s*$"
)
_PATTERN = re.compile(
    r"(?P<head>N/S|E/W|)(?P<before>\s*)(?P<plus>\+?)(?P<d>0{1,3})(?P<degrees>\s*[°º]\s*)(?P<m>00?)"
    rf"(?:(?P<minutes>{_PRIMES}+)(?P<s>00?))?(?:(?P<point>[.,])(?P<decimals>0+))?(?P<end>{_PRIMES}*)(?P<tail>N/S|E/W|)"
)
_MOST_DECIMALS, _LOOKED_AT = 6, 50
_MOST = 0.95  # of the texts come back; 5°59'60.0" of a program that rounds does not, as it is 6°
_PLAIN = r"^\s*[-+]?[0-9]+(\.[0-9]+)?\s*$"


@dataclass(frozen=True)
class Degrees:
    r"""How degrees are written; `str` says it with a zero for each digit.

    Args:
        head: the sides before the number, as N/S; "" for none.
        before: what stands between.
        widths: the least digits of degrees, minutes and, if there are some, seconds.
        signs: what follows each of these.
        point: before decimals, and
        decimals: as many.
        tail: the sides behind the number.
        plus: whether numbers above 0 have a sign.

    >>> form = Degrees.of("00°00'00.0\" N/S")
    >>> form.texts(np.array([52.5225, -0.125])).tolist()
    ['52°31\'21.0" N', '00°07\'30.0" S']
    """

    head: str
    before: str
    widths: tuple[int, ...]
    signs: tuple[str, ...]
    point: str
    decimals: int
    tail: str
    plus: bool = False

    def __str__(self) -> str:
        zeros = ["0" * width for width in self.widths]
        zeros[-1] += f"{self.point}{'0' * self.decimals}" if self.decimals else ""
        parts = "".join(zero + sign for zero, sign in zip(zeros, self.signs, strict=True))
        return f"{self.head}{self.before}{'+' * self.plus}{parts}{self.tail}"

    @classmethod
    def of(cls, pattern: str) -> Self:
        """The form that is written so; an InputError if there is none."""
        found = _PATTERN.fullmatch(pattern)
        if found is None or (found["head"] and found["tail"]) or len(found["decimals"] or "") > _MOST_DECIMALS:
            raise InputError(f"got the form {pattern!r}; expected one of degrees, as 00°00'00.0\"N/S")
        seconds = found["s"] is not None
        widths = (len(found["d"]), len(found["m"]), *((len(found["s"]),) if seconds else ()))
        signs = (found["degrees"], *((found["minutes"],) if seconds else ()), found["end"])
        decimals = len(found["decimals"] or "")
        point, plus = found["point"] or ".", bool(found["plus"])
        return cls(found["head"], found["before"], widths, signs, point, decimals, found["tail"], plus)

    def numbers(self, texts: pl.Series) -> pl.Series:
        """Degrees, negative to the south and west; plain numbers are degrees; missing where a text is neither."""
        import polars as pl

        cells = _cells(texts)
        parts = [cells[name].cast(pl.Float64) for name in "dms"]
        last = pl.Series([None if text is None else float(f"0.{text}") for text in cells["decimals"]], dtype=pl.Float64)
        seconds = parts[2].is_not_null()
        minutes = parts[1] + last.fill_null(0).zip_with(~seconds, pl.Series([0.0] * len(texts), dtype=pl.Float64))
        more = (parts[2] + last.fill_null(0)).fill_null(0)
        size = parts[0] + (minutes * 60 + more) / 3600
        side = cells["head"].fill_null("") + cells["tail"].fill_null("") + cells["sign"].fill_null("")
        found = size.zip_with(~side.str.contains("[SW−-]"), -size)
        plain = texts.str.contains(_PLAIN).fill_null(False)
        return texts.str.strip_chars().cast(pl.Float64, strict=False).zip_with(plain, found)

    def texts(self, numbers: Values) -> Values:
        """The numbers as texts, an array of objects, to the nearest of their last digit."""
        finest = 60 ** (len(self.widths) - 1) * 10**self.decimals
        steps = np.rint(np.nan_to_num(numbers.astype(np.float64)) * finest).astype(np.int64)
        return np.array([self._text(step) for step in steps.tolist()], dtype=object)

    def _text(self, step: int) -> str:
        left, decimals = divmod(abs(step), 10**self.decimals)
        parts: list[int] = []
        for _ in self.widths[1:]:
            left, part = divmod(left, 60)
            parts.insert(0, part)
        texts = [f"{part:0{width}}" for part, width in zip([left, *parts], self.widths, strict=True)]
        texts[-1] += f"{self.point}{decimals:0{self.decimals}}" if self.decimals else ""
        body = "".join(text + sign for text, sign in zip(texts, self.signs, strict=True))
        sides = (self.head or self.tail or f"{'+' * self.plus}/-").split("/")
        side = sides[step < 0]
        return f"{body}{side}" if self.tail else f"{side}{self.before}{body}"


def degrees_of(texts: pl.Series) -> Degrees | None:
    """The form in which nearly all these texts would be written again as they are; None if there is none.

    >>> import polars as pl
    >>> str(degrees_of(pl.Series(["52°31'N", "0°07'S"])))
    "0°00'N/S"
    """
    held = texts.drop_nulls().unique(maintain_order=True)
    if not len(held) or not held.head(_LOOKED_AT).str.contains(_TEXT).all():
        return None
    cells = _cells(held)
    if cells["d"].null_count() or cells["s"].null_count() not in (0, len(held)):
        return None
    seconds = cells["s"].null_count() == 0
    if not seconds:
        cells = cells.with_columns(end=cells["minutes"].fill_null("") + cells["end"])
    sides = [_side(cells["head"]), _side(cells["tail"])]
    kept = {name: _same(cells[name]) for name in ("before", "degrees", "minutes", "point", "end")}
    places = cells["decimals"].fill_null("").str.len_chars().unique().to_list()
    if None in sides or all(sides) or None in kept.values() or len(places) > 1 or places[0] > _MOST_DECIMALS:
        return None
    widths = tuple(_width(cells[name]) for name in ("dms" if seconds else "dm"))
    signs = (kept["degrees"], *((kept["minutes"],) if seconds else ()), kept["end"])
    form = Degrees(
        str(sides[0]),
        str(kept["before"]),
        widths,
        tuple(map(str, signs)),
        kept["point"] or ".",
        places[0],
        str(sides[1]),
        plus=bool((cells["sign"] == "+").any()),
    )
    numbers = form.numbers(held)
    if numbers.null_count():
        return None
    same = np.mean([one == other for one, other in zip(form.texts(numbers.to_numpy()), held.to_list(), strict=True)])
    return form if same >= _MOST else None


def _cells(texts: pl.Series) -> pl.DataFrame:
    return texts.str.extract_groups(_TEXT).struct.unnest()


def _same(column: pl.Series) -> str | None:
    """The only text of a column; None of several."""
    found = column.fill_null("").unique().to_list()
    return str(found[0]) if len(found) == 1 else None


def _side(column: pl.Series) -> str | None:
    """The pair of sides, as N/S; "" without any, None of others."""
    found = {_SIDES.get(side) for side in column.fill_null("").unique().to_list()}
    pair = found.pop() if len(found) == 1 else None
    if pair is None:
        return "" if not found and column.fill_null("").eq("").all() else None
    return "/".join(pair)


def _width(column: pl.Series) -> int:
    """How many digits there are at least, where zeros fill them up."""
    lengths = column.str.len_chars()
    padded = column.str.starts_with("0") & (lengths > 1)
    least = int(lengths.to_numpy().min())
    return least if padded.any() or least > 1 else 1
