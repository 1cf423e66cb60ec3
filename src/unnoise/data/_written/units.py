"""Numbers of several units, as USD 5 beside EUR 7 or 3.5 kg beside 896 g: each unit a stretch of one scale.

So the unit and the number are drawn together, and none gets the numbers of another. The stretches of units of one
quantity rise with these; of others they stand by the alphabet, numbers without a unit first.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from unnoise._errors import InputError
from unnoise.data._numerics import Values
from unnoise.data._written.notations import KNOWN, Notation, of_parts

if TYPE_CHECKING:
    import polars as pl

_WORD = r"[^\W\d_][^\d\s#;:|()\[\]<>≤≥+]{0,11}"
_SIGN = r"[^\w\s#;:|()\[\]<>≤≥+.,'’/\\-]{1,3}"
_TEXT = (
    rf"^(?P<before>-?(?:{_WORD}\s|{_SIGN}\s?)?)(?P<body>\d[\d,]*(?:\.\d+)?)"
    rf"(?P<after>(?:\s{_WORD}|\s?{_SIGN}|[a-zµ]{{1,5}}|{KNOWN})?)$"
)
_PATTERN = re.compile(r"\[([^\[\]:]+): (-?[\d.e+]+) to (-?[\d.e+]+)\]")
_Quantity = Sequence[tuple[Any, ...]]
_QUANTITIES: Sequence[_Quantity] = (  # from the smallest unit: how many of it each is, and words for it
    (
        *((1.0, "s", "sec", "second"), (60.0, "min", "minute"), (3600.0, "h", "hr", "hour"), (86400.0, "d", "day")),
        *((604800.0, "w", "wk", "week"), (2.6298e6, "m", "mo", "mon", "month"), (3.15576e7, "y", "yr", "year")),
    ),
    (
        *((1.0, "ng"), (1e3, "µg", "mcg", "ug"), (1e6, "mg"), (1e9, "g"), (2.834952e10, "oz"), (4.535924e11, "lb")),
        *((1e12, "kg"), (1e15, "t")),
    ),
    (
        *((1.0, "nm"), (1e3, "µm"), (1e6, "mm"), (1e7, "cm"), (2.54e7, "in"), (3.048e8, "ft"), (1e9, "m")),
        *((1e12, "km"), (1.609344e12, "mi")),
    ),
    ((1.0, "b", "byte"), (1e3, "kb", "kib"), (1e6, "mb", "mib"), (1e9, "gb", "gib"), (1e12, "tb", "tib")),
    ((1.0, "µl", "ul"), (1e3, "ml"), (1e4, "cl"), (1e5, "dl"), (1e6, "l")),
)
_ORDINALS = {"st", "nd", "rd", "th"}
_MANY, _MOST_UNITS, _SERIAL = 20, 8, 0.9  # texts that differ, as fewer may be levels; and the share of them in ids
_GAP = 4  # between two stretches, times the widest one, so that no number is drawn there


@dataclass(frozen=True)
class SeveralUnits:
    """How numbers of several units are written; `str` says it with the least and the greatest of each.

    Args:
        forms: of each unit.
        ends: the least and the greatest number of each.

    >>> form = SeveralUnits.of("[EUR 0: 5 to 90][USD 0: 1 to 70]")
    >>> import polars as pl
    >>> form.numbers(pl.Series(["EUR 7", "USD 3", "7"])).to_list()
    [7, 432, None]
    >>> form.texts(np.array([7, 432])).tolist()
    ['EUR 7', 'USD 3']
    """

    forms: tuple[Notation, ...]
    ends: tuple[tuple[float, float], ...]

    def __str__(self) -> str:
        parts = zip(self.forms, self.ends, strict=True)
        return "".join(f"[{form}: {low:.15g} to {high:.15g}]" for form, (low, high) in parts)

    @classmethod
    def of(cls, pattern: str) -> Self:
        """The form that is written so; an InputError if there is none."""
        found = _PATTERN.findall(pattern)
        if not 1 < len(found) <= _MOST_UNITS or "".join(f"[{a}: {b} to {c}]" for a, b, c in found) != pattern:
            raise InputError(f"got the form {pattern!r}; expected one of units, as [0 g: 5 to 90][0 kg: 1 to 7]")
        forms = tuple(Notation.of(text) for text, *_ in found)
        return cls(forms, tuple((float(low), float(high)) for _, low, high in found))

    @cached_property
    def _reach(self) -> float:
        """How far beyond its ends a stretch goes on."""
        return max(1.0, *(high - low for low, high in self.ends))

    @cached_property
    def _shifts(self) -> tuple[float, ...]:
        """What is added to the numbers of each unit, whole."""
        found = [0.0]
        for (_, before), (low, _) in itertools.pairwise(self.ends):
            found.append(float(np.ceil(found[-1] + before + _GAP * self._reach - low)))
        return tuple(found)

    @property
    def _digits(self) -> int:
        return max(form.most for form in self.forms)

    def numbers(self, texts: pl.Series) -> pl.Series:
        """The numbers on the common scale; missing where a text is none, or far from all of its unit."""
        import polars as pl

        plain = texts.str.strip_chars()
        cells = plain.str.extract_groups(_TEXT).struct.unnest()
        units = pl.concat_str(cells["before"].str.strip_chars("- "), pl.lit("0"), cells["after"].str.strip_chars())
        keys = pl.select(units).to_series()
        found = pl.Series(texts.name, [None] * len(texts), dtype=pl.Float64)
        sign = cells["before"].str.starts_with("-").fill_null(False).cast(pl.Float64) * -2 + 1
        held = cells["body"].str.replace_all(",", "").cast(pl.Float64, strict=False) * sign
        quantity = quantity_of(self.forms)
        for form, (low, high), shift in zip(self.forms, self.ends, self._shifts, strict=True):
            own = keys.is_in(_keys(form, quantity)).fill_null(False)
            near = (held >= low - self._reach) & (held <= high + self._reach)
            found = found.zip_with((own & near).fill_null(False).not_(), (held + shift).round(self._digits))
        return found if self._digits else found.cast(pl.Int64)

    def texts(self, numbers: Values) -> Values:
        """Numbers on the common scale as texts, an array of objects; between two stretches the nearer end."""
        found = np.full(len(numbers), "", dtype=object)
        held = np.nan_to_num(numbers.astype(np.float64))
        places = self._places(held)
        for place, form in enumerate(self.forms):
            rows = np.flatnonzero(places == place)
            if len(rows):
                (low, high), own = self.ends[place], held[rows] - self._shifts[place]
                far = (own < low - self._reach) | (own > high + self._reach)
                found[rows] = form.texts(np.where(far, np.clip(own, low, high), own))
        return found

    def between(self, low: str | None, high: str | None) -> tuple[float | None, float | None]:
        """The ends of a range on the common scale; an InputError if it is no stretch of it.

        Both are of one unit, whose numbers alone are meant, or of one quantity, if the amounts of its units rise as the
        scale does: of 900 g to 2000 g beside 1 kg to 3 kg no stretch is 1 kg to 1500 g.
        """
        import polars as pl

        ends = [None if end is None else self.numbers(pl.Series([end], dtype=pl.String))[0] for end in (low, high)]
        if all(end is None for end in (low, high)) or any(
            end is None and text is not None for end, text in zip(ends, (low, high), strict=True)
        ):
            raise InputError(f"got the range {low!r} to {high!r}; expected numbers with a unit, near {self.words()}")
        places = {int(self._places(np.array([end]))[0]) for end in ends if end is not None}
        if (quantity := quantity_of(self.forms)) is not None:
            if not (len(places) == 1 and None not in ends) and not self._rises(ends, quantity):
                raise InputError(
                    f"got the range {low!r} to {high!r}, whose units overlap in {self.words()}; give both ends in one "
                    "unit, for the numbers of that unit"
                )
            return ends[0], ends[1]
        if len(places) > 1:
            raise InputError(f"got the range {low!r} to {high!r}, whose ends are of two units; expected one unit")
        (first, last), shift = self.ends[place := places.pop()], self._shifts[place]
        outer = first + shift - self._reach, last + shift + self._reach
        return (outer[0] if ends[0] is None else ends[0]), (outer[1] if ends[1] is None else ends[1])

    def _rises(self, ends: Sequence[float | None], quantity: _Quantity) -> bool:
        """Whether what lies between the ends on the common scale is what lies between them as amounts."""
        sizes = np.array([quantity[_rank(quantity, form.after.strip().lower()) or 0][0] for form in self.forms])
        seen, shifts = np.array(self.ends), np.array(self._shifts)
        scale, amounts = seen + shifts[:, None], seen * sizes[:, None]
        for end, compare in zip(ends, (np.greater_equal, np.less_equal), strict=True):
            if end is not None:
                place = int(self._places(np.array([end]))[0])
                amount = (end - shifts[place]) * sizes[place]
                cut = (amounts[:, 0] < amount) & (amount < amounts[:, 1])
                cut[place] = False
                if cut.any() or (compare(scale, end) != compare(amounts, amount)).any():
                    return False
        return True

    def words(self) -> str:
        """As `numbers of several units, 100 g to 900 g, 1.0 kg to 5.0 kg`."""
        ends = (form.texts(np.array(pair)).tolist() for form, pair in zip(self.forms, self.ends, strict=True))
        return "numbers of several units, " + ", ".join(" to ".join(pair) for pair in ends)

    def _places(self, numbers: Values) -> Any:
        """Which stretch is the nearest."""
        shifted = [(low + shift, high + shift) for (low, high), shift in zip(self.ends, self._shifts, strict=True)]
        return np.searchsorted([(a[1] + b[0]) / 2 for a, b in itertools.pairwise(shifted)], numbers)


def in_units_of(texts: pl.Series) -> SeveralUnits | None:
    """The form in which all these texts would be written again as they are; None if there is none.

    >>> import polars as pl
    >>> str(in_units_of(pl.Series([*(f"{i} g" for i in range(900, 920)), "1.5 kg", "1.0 kg"])))
    '[0 g: 900 to 919][0.0 kg: 1 to 1.5]'
    """
    held = texts.drop_nulls()
    once = held.unique(maintain_order=True)
    if len(once) <= _MANY or not once.head(50).str.contains(_TEXT).all():
        return None
    cells = once.str.extract_groups(_TEXT).struct.unnest()
    bodies = cells["body"]
    if bodies.null_count() or bodies.str.contains(r"^0\d").any():
        return None
    keys = list(zip(cells["before"].str.strip_prefix("-"), cells["after"], strict=True))
    groups = _merged({key: [i for i, one in enumerate(keys) if one == key] for key in dict.fromkeys(keys)}, bodies)
    if not 1 < len(groups) <= _MOST_UNITS or {after for _, after, _ in groups} <= _ORDINALS:
        return None
    found = [(of_parts(*unit, once.gather(rows)), rows) for unit, rows in groups.items()]
    if any(form is None for form, _ in found):
        return None
    forms = tuple(form for form, _ in found if form is not None)
    has_decimals = bodies.str.contains(r"\.").any()
    if not has_decimals and any(re.match(r"-?\w", one.before) and not _is_known(one) for one in forms):
        return None  # names and numbers of things, as Room 12 and Hall 7
    is_serial = not has_decimals and len(once) > _SERIAL * len(held)
    if is_serial and not all(map(_is_known, forms)):
        return None
    numbers = (form.numbers(once.gather(rows)).to_numpy() for form, rows in found if form is not None)
    ends = [(float(values.min()), float(values.max())) for values in numbers]
    made = SeveralUnits(*zip(*sorted(zip(forms, ends, strict=True), key=_order(forms)), strict=True))
    back = made.numbers(once)
    return made if not back.null_count() and made.texts(back.to_numpy()).tolist() == once.to_list() else None


def _is_known(form: Notation) -> bool:
    """Whether what stands around its digits is money or a unit that is listed."""
    return re.fullmatch(KNOWN, f"{form.before}{form.after}".strip()) is not None


def quantity_of(forms: Sequence[Notation]) -> _Quantity | None:
    """The units of a quantity of which all are, from the smallest; None of others, as of two currencies."""
    names = [form.after.strip().lower() for form in forms]
    alone = not any(form.before for form in forms)
    return next((one for one in _QUANTITIES if alone and all(_rank(one, name) is not None for name in names)), None)


def _rank(quantity: _Quantity, name: str) -> int | None:
    return next((place for place, words in enumerate(quantity) if {name, name.removesuffix("s")} & {*words}), None)


def _order(forms: Sequence[Notation]) -> Any:
    """What sorts pairs of a form and its ends."""
    quantity = quantity_of(forms)
    if quantity is None:
        return lambda pair: (pair[0].before, pair[0].after)
    return lambda pair: _rank(quantity, pair[0].after.strip().lower())


def _keys(form: Notation, quantity: _Quantity | None) -> list[str]:
    """What may stand around the digits, with a 0 for them: in a quantity any word for the unit."""
    found = {f"{form.before.strip()}0{after.strip()}" for after in (form.after, form.single or form.after)}
    rank = None if quantity is None else _rank(quantity, form.after.strip().lower())
    words = quantity[rank][1:] if quantity is not None and rank is not None else ()
    return sorted(found | {f"0{word}{end}" for word in words for end in ("", "s")})


def _merged(groups: dict[tuple[str, str], list[int]], bodies: pl.Series) -> dict[tuple[str, str, str], list[int]]:
    """The texts of each unit, with its word behind 1 where that differs, as in 1 day beside 2 days."""
    ones = {key: rows for key, rows in groups.items() if all(bodies[row] == "1" for row in rows)}
    found = {(*key, ""): rows for key, rows in groups.items()}
    for (before, after), rows in ones.items():
        plural = next((key for key in groups if key == (before, f"{after}s") and after.strip()), None)
        if plural is not None:
            del found[before, after, ""]
            found[*plural, after] = found.pop((*plural, "")) + rows
    return found
