"""Numbers that are written with signs around them, as $1,234.50 or 12,5 %: in which form, and back in the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from unnoise._errors import InputError, warn
from unnoise.data._numerics import Values

if TYPE_CHECKING:
    import polars as pl

_CODES = "AUD|BRL|CAD|CHF|CNY|CZK|DKK|EUR|GBP|HKD|HUF|INR|JPY|KRW|MXN|NOK|NZD|PLN|RUB|SEK|SGD|TRY|USD|ZAR"
_CURRENCY = rf"(?:[A-Z]{{1,3}})?[$€£¥₹₽₩₺₪₫₴฿]|{_CODES}|kr\.?|Fr\.?|zł|Kč|Ft"
_UNITS = (
    "%|‰|°[CF]?|[kmµ]?g|lbs?|oz|[kcmµn]?m|ft|mi|m²|km²|m³|[mcd]?[lL]|[mµn]?s|[kMGT]i?B"
    "|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|days?|weeks?|months?|years?|yrs?"
    "|[kMG]?W|[kM]Wh|[km]?V|mA|[kMG]?Hz|[hkM]?Pa|m?bar|kcal|[kKM]|mn|bn|mph|km/h|m/s|px|pt"
)
KNOWN = rf"(?:{_CURRENCY}|{_UNITS})"  # words and signs of money and of units
_GROUPS = ",.'’ \u00a0\u202f\u2009"
MEASURE = rf"^[-−+]?\d[\d.,]*\s?(?:{_UNITS})$"  # a number and its unit
_MINUS = "-−–"
_PARTS = (
    rf"^(?P<open>\()?(?P<sign>[{_MINUS}+])?(?P<before>(?:BEFORE)?)(?P<inside>[{_MINUS}(])?"
    rf"(?P<body>[0-9](?:[0-9{_GROUPS}]*[0-9])?)(?P<after>(?:\s?(?:AFTER))?)(?P<behind>[{_MINUS}])?(?P<close>\))?$"
)
_CELL = _PARTS.replace("BEFORE", rf"(?:{_CURRENCY})\s?").replace("AFTER", f"{_CURRENCY}|{_UNITS}")
_FIRST = rf"[^\-{_MINUS[1:]}\d\s:;#()+{_GROUPS}]"  # of signs that may stand beside numbers, though nobody listed them
_OTHER = _PARTS.replace("BEFORE", rf"{_FIRST}[^\d;#]{{0,9}}?").replace("AFTER", rf"{_FIRST}[^\s0;#()]{{0,9}}?")
_LAKHS = r"^(?:[0-9]{1,2}(?:,[0-9]{2})*,[0-9]{3}|[0-9]{1,3})(?:\.[0-9]+)?$"
_THREES = r"^(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?$"
_PATTERN = re.compile(
    rf"(?P<plus>\+?)(?P<before>[^0#;]*)(?:#(?P<group>[{_GROUPS}])(?P<twos>##(?P=group))?##)?0(?:(?P<point>[.,])(?P<digits>0+#*|#+))?"
    r"(?P<after>[^0#;]*)"
    r"(?:;(?P<negative>[^;]+))?(?:;(?P<zero>[^;]+))?"
)
_PLACES = ("open", "sign", "inside", "behind")  # of signs
_SIGNS = (  # with their places: inside, behind
    *((sign, *place) for sign in _MINUS for place in ((False, False), (True, False), (False, True))),
    *(("(", False, False), ("(", True, False)),
)
_MOST_DECIMALS = 9
_EXACT, _END = 2**53, 2**62
_LONGEST = 12  # letters before or after
_MANY = 20  # numbers that differ, above which they are measured, and no levels or codes
_LOOKED_AT = 50


@dataclass(frozen=True)
class Notation:
    """How numbers are written; `str` says it as spreadsheets do.

    Args:
        before: stands before the digits, and
        after: behind them.
        group: between thousands.
        twos: whether two digits stand between signs above thousands, as 12,34,567 in India.
        single: stands behind 1 in the place of `after`, as in 1 day beside 2 days.
        point: before decimals.
        least: decimals at least, and
        most: at most.
        sign: of negative numbers: "-", "−", or "(" for brackets around all.
        inside: whether the sign stands between `before` and the digits.
        behind: whether it stands behind all.
        plus: whether numbers above 0 have a sign, and
        plus_zero: 0 has it, too.

    >>> form = Notation("$", group=",", least=2, most=2)
    >>> str(form), form.texts(np.array([1234.5, -2.0])).tolist()
    ('$#,##0.00', ['$1,234.50', '-$2.00'])
    >>> Notation.of(str(form)) == form
    True
    """

    before: str = ""
    after: str = ""
    group: str = ""
    point: str = "."
    least: int = 0
    most: int = 0
    sign: str = "-"
    inside: bool = False
    behind: bool = False
    twos: bool = False
    single: str = ""
    plus: bool = False
    plus_zero: bool = False

    def __str__(self) -> str:
        positive = f"{self.before}{self._digits}{self.after}"
        negative = self._negative
        first = f"{positive}|{self.single}" if self.single else positive
        if self.plus:
            return f"+{first};{negative}" + f";{positive}" * (not self.plus_zero)
        return first if negative == f"-{positive}" else f"{first};{negative}"

    @classmethod
    def of(cls, pattern: str) -> Self:
        """The form that is written so; an InputError if there is none."""
        found = _PATTERN.fullmatch(pattern)
        if found is not None:
            group, digits = found["group"] or "", found["digits"] or ""
            after, _, single = found["after"].partition("|")
            point = found["point"] or ("," if group == "." else ".")
            for sign, inside, behind in _SIGNS:
                decimals = len(digits.rstrip("#")), len(digits)
                twos = found["twos"] is not None
                plus = bool(found["plus"]), bool(found["plus"]) and found["zero"] is None
                form = cls(found["before"], after, group, point, *decimals, sign, inside, behind, twos, single, *plus)
                if group != point and str(form) == pattern and max(len(form.before), len(form.after)) <= _LONGEST:
                    return form
        raise InputError(f"got the form {pattern!r}; expected one of numbers, as $#,##0.00")

    @property
    def _digits(self) -> str:
        decimals = "0" * self.least + "#" * (self.most - self.least)
        groups = f"#{self.group}" + f"##{self.group}" * self.twos + "##0" if self.group else "0"
        return groups + (self.point + decimals if decimals else "")

    @property
    def _ends(self) -> tuple[str, ...]:
        return (self.after, self.single) if self.single else (self.after,)

    @property
    def _negative(self) -> str:
        if self.behind:
            return f"{self.before}{self._digits}{self.after}{self.sign}"
        if self.sign == "(":
            head = f"{self.before}(" if self.inside else f"({self.before}"
            return f"{head}{self._digits}{self.after})"
        head = f"{self.before}{self.sign}" if self.inside else f"{self.sign}{self.before}"
        return f"{head}{self._digits}{self.after}"

    def numbers(self, texts: pl.Series) -> pl.Series:
        """The numbers, whole where the form has no decimals; missing where a text is none. Signs may be left out."""
        import polars as pl

        sign = re.escape(self.group)
        threes, twos = rf"[0-9]{{1,3}}(?:{sign}[0-9]{{3}})+|", rf"[0-9]{{1,2}}(?:{sign}[0-9]{{2}})*{sign}[0-9]{{3}}|"
        grouped = (twos if self.twos else threes) if self.group else ""
        digits = rf"((?:{grouped}[0-9]+)(?:{re.escape(self.point)}[0-9]+)?)"
        before, after = re.escape(self.before.strip()), "|".join(re.escape(s.strip()) for s in self._ends)
        whole = rf"^\s*\(?[{_MINUS}+]?(?:{before})?\s*[{_MINUS}(]?{digits}\s*(?:{after})?[{_MINUS}]?\)?\s*$"
        body = texts.str.extract(whole)
        if self.group:
            body = body.str.replace_all(self.group, "", literal=True)
        body = body.str.replace(self.point, ".", literal=True)
        negative = texts.str.contains(rf"[{_MINUS}(]")
        body = body.to_frame("x").select(pl.when(negative).then("-" + pl.col("x")).otherwise("x")).to_series()
        whole_numbers = body.cast(pl.Int64, strict=False)
        exact = self.most == 0 and whole_numbers.null_count() == body.null_count()
        return whole_numbers if exact else body.cast(pl.Float64, strict=False)

    def texts(self, numbers: Values) -> Values:
        """The numbers as texts, an array of objects; decimals beyond the most are rounded."""
        import polars as pl

        scaled = np.clip(np.nan_to_num(numbers * 10**self.most), -_END, _END)
        steps = (np.rint(scaled) if scaled.dtype.kind == "f" else scaled).astype(np.int64)
        digits = pl.Series("x", np.abs(steps)).cast(pl.String).str.zfill(self.most + 1).to_frame()
        whole, decimals = pl.col("x"), pl.lit("")
        if self.most:
            whole, decimals = whole.str.head(-self.most), whole.str.tail(self.most)
        if self.most > self.least:
            decimals = decimals.str.strip_chars_end("0").str.pad_end(self.least, "0")
        if self.group:
            upper, lower = (whole.str.head(-3), whole.str.tail(3)) if self.twos else (whole, pl.lit(""))
            size = "([0-9]{2})" if self.twos else "([0-9]{3})"
            parts = upper.str.reverse().str.replace_all(size, "${1}" + self.group)
            upper = parts.str.reverse().str.strip_prefix(self.group)
            between = pl.when(upper == "").then(pl.lit("")).otherwise(pl.lit(self.group * self.twos))
            whole = pl.concat_str(upper, between, lower)
        point = pl.when(decimals != "").then(pl.lit(self.point)).otherwise(pl.lit(""))
        head, tail = self._negative.split(self._digits)
        is_negative = pl.Series(steps < 0)
        has_plus = pl.Series(steps > 0 if not self.plus_zero else steps >= 0)
        above = pl.when(has_plus).then(pl.lit("+" * self.plus)).otherwise(pl.lit("")) + pl.lit(self.before)
        first = pl.when(is_negative).then(pl.lit(head)).otherwise(above)
        last = pl.when(is_negative).then(pl.lit(tail)).otherwise(pl.lit(self.after))
        if self.single:
            last = pl.when(pl.Series(np.abs(steps) == 10**self.most)).then(pl.lit(self.single)).otherwise(last)
        made = digits.select(pl.concat_str(first, whole, point, decimals, last)).to_series()
        return np.array(made.to_list(), dtype=object)


def notation_of(texts: pl.Series, name: str = "", *, aloud: bool = False, point: str | None = None) -> Notation | None:
    """The form in which all these texts would be written again as they are; None if there is none.

    Args:
        texts: with holes.
        name: of the column, for a warning
        aloud: of a sign that may be before decimals or between thousands.
        point: the sign before decimals, where it is known: then plain numbers have a form, too.
    """
    import polars as pl

    held = texts.drop_nulls().unique(maintain_order=True)
    first = held.head(_LOOKED_AT)
    known = len(held) > 0 and first.str.contains(_CELL).all()
    if not known and (len(held) <= _MANY or not first.str.contains(_OTHER).all()):
        return None
    cells = held.str.extract_groups(_CELL if known else _OTHER).struct.unnest()
    opened = cells["open"].fill_null("") + cells["inside"].fill_null("") == "("
    if cells["body"].null_count() or (opened != cells["close"].is_not_null()).any():
        return None
    if opened.all():  # brackets around all say nothing of a sign
        return None
    before, after = (cells[part].unique().to_list() for part in ("before", "after"))
    signs = [cells[part].drop_nulls().unique().to_list() for part in _PLACES]
    plus = "+" in signs[1]
    signs[1] = [sign for sign in signs[1] if sign != "+"]
    single = _single(cells) if len(after) == 2 else ""
    if single:
        after.remove(single)
    if len(before) > 1 or len(after) > 1 or sum(map(len, signs)) > 1 or (single and (signs[3] or opened.any())):
        return None
    sign = next((found[0] for found in signs if found), "-")
    body = cells["body"]
    if not known and not (body.str.contains(r"[.,]\d").any() or (after[0] and not before[0])):
        return None  # such as names and numbers of things
    plain = not before[0] and not after[0] and sign == "-" and not signs[3]
    plus_zero = plus and bool(held.str.contains(r"^\+[^1-9]*$").any())
    for group, mark, doubtful in _separators(body, before[0], after[0], point):
        if plain and point is None and not group:
            continue
        decimals = body.str.extract(re.escape(mark) + r"([0-9]+)$").str.len_chars().fill_null(0)
        least, most = (int(end) for end in (decimals.to_numpy().min(), decimals.to_numpy().max()))
        twos = group == "," and not body.str.contains(_THREES).all()
        inside, behind = map(bool, signs[2:])
        ends = before[0], after[0], group, mark, least, most
        form = Notation(*ends, sign, inside, behind, twos, single, plus, plus_zero)
        if most <= _MOST_DECIMALS and _is_same(form, held):
            if doubtful and aloud:
                example = held.filter(body.str.contains(rf"[{_GROUPS}]"))[0]
                number = form.numbers(pl.Series([example]))[0]
                warn(f"Column '{name}' is read as numbers: {example!r} is {number}; write it otherwise if it is not.")
            return form
    return None


def of_parts(before: str, after: str, single: str, texts: pl.Series) -> Notation | None:
    """The form with this before and behind the digits in which all texts would be written again; None without one."""
    body = texts.str.extract(r"([0-9][0-9.,]*)")
    decimals = body.str.extract(r"\.([0-9]+)$").str.len_chars().fill_null(0).to_numpy()
    group = "," if body.str.contains(",", literal=True).any() else ""
    form = Notation(before, after, group, ".", int(decimals.min()), int(decimals.max()), single=single)
    return form if form.most <= _MOST_DECIMALS and _is_same(form, texts) else None


def _single(cells: pl.DataFrame) -> str:
    """What stands behind 1, and behind no other number; nothing if there is no such thing.

    >>> import polars as pl
    >>> _single(pl.DataFrame({"body": ["1", "2", "7"], "after": [" day", " days", " days"]}))
    ' day'
    """
    one = cells["body"].str.contains(r"^1(?:[.,]0+)?$")
    ends, others = cells["after"].filter(one).unique().to_list(), cells["after"].filter(~one).unique().to_list()
    fine = len(ends) == len(others) == 1 and all((*ends, *others))
    return str(ends[0]) if fine and ends != others and "|" not in ends[0] + others[0] else ""


def _separators(body: pl.Series, before: str, after: str, known: str | None) -> list[tuple[str, str, bool]]:
    """What may stand between thousands and before decimals, likelier ones first, and whether one may be the other.

    `known` is the sign before decimals, if that is said.
    """
    there = [sign for sign in _GROUPS if body.str.contains(sign, literal=True).any()]
    points = [sign for sign in there if sign in ".,"]
    found = []
    for group in ("", *there):
        for point in dict.fromkeys([*points, "," if group == "." else "."]):
            grouped = rf"[0-9]{{1,3}}(?:{re.escape(group)}[0-9]{{3}})+" if group else "[0-9]+"
            whole = rf"^(?:{grouped}|[0-9]{{1,3}}|[0-9]+)(?:{re.escape(point)}[0-9]+)?$"
            if point != group and set(there) <= {group, point} and body.str.contains(whole).all():
                found.append((group, point))
    if not found and "," in there and body.str.contains(_LAKHS).all():
        found = [(",", ".")]
    if known is not None:
        return [(*pair, False) for pair in found if pair[1] == known]
    if len(found) == 2 and len(there) == 1:  # all as 1,234
        is_money = re.fullmatch(_CURRENCY, (before + after).strip()) is not None
        many = there == [","] and len(body) > _MANY  # of which as many would have three decimals
        thousands = many or (is_money and not (there == ["."] and before))
        if not is_money and not many and (there == [","] or not before + after):
            return []  # --decimal says it of plain numbers
        found.sort(key=lambda pair: (pair[0] == "") == thousands)
        return [(*pair, is_money or many) for pair in found]
    return [(*pair, False) for pair in found]


def _is_same(form: Notation, held: pl.Series) -> bool:
    """Whether these texts come back, but for a sign before zero."""
    import polars as pl

    numbers = form.numbers(held)
    if numbers.null_count():
        return False
    values = numbers.to_numpy()
    if values.dtype.kind == "f" and np.abs(values).max() * 10**form.most >= _EXACT:
        return False
    bare, again = (
        pl.DataFrame({"x": texts}).select(
            pl.when(numbers == 0).then(pl.col("x").str.replace_all(rf"[{_MINUS}+()]", "")).otherwise("x")
        )
        for texts in (held, form.texts(values).tolist())
    )
    return bare.equals(again)
