"""Dates and times that are written as text: in which pattern, and back in the same."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from unnoise._errors import InputError, warn
from unnoise.data._written import durations, months

if TYPE_CHECKING:
    import polars as pl

    from unnoise.data._native import Column

DAYS = "d days hh:mm:ss"  # as pandas writes durations
_CLOCKS = tuple(  # as of spreadsheets, and of races: +1:05 behind, 1:02.33
    f"{sign}{clock}{decimals}"
    for sign in ("", "+")
    for decimals in ("", ".0", ".00", ".000")
    for clock in ("[hh]:mm:ss", "[h]:mm:ss", "[mm]:ss", "[m]:ss")
)
ELAPSED = (*_CLOCKS, DAYS, *durations.FORMS)
_DECIMALS = (".1f", ".2f")  # of seconds, which polars does not know
_TWELVE = ("%I:%M %p", "%I:%M:%S %p")
_TIMES = ("%H:%M", "%H:%M:%S", "%H:%M:%S%.3f", "%H:%M:%S%.6f", "%H:%M:%S%.9f", "%H:%M:%S%.f", *_TWELVE)
_COMPACT = "%Y%m%dT%H%M%S"
NUMBERS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}  # of whole numbers such as 20210131, by their digits
_FIRST, _LAST, _FEWEST = 18000101, 21991231, 10  # such numbers, and how many that differ are no chance
_FRENCH = "%Hh%M"
_LOG = "%d/%b/%Y:%H:%M:%S"  # as servers write it
_FIRST_YEAR = 100  # that is written with four digits
_CLEAR = ("%Y-%m-%d", *(f"%Y-%m-%d{sign}{time}" for sign in " T" for time in _TIMES), *_TIMES, _FRENCH, _COMPACT, _LOG)
_CLEAR_DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%d %b %Y", "%d %B %Y")
_FEW = 3  # dates that are written in one of several ways
_DAYS: tuple[str, ...] = (
    *("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%-d.%-m.%Y", "%d %b %Y", "%d %B %Y", "%-d %b %Y", "%-d %B %Y"),
    *("%d-%b-%Y", "%d-%B-%Y", "%b %d, %Y", "%B %d, %Y", "%b %-d, %Y", "%B %-d, %Y"),
)
_MORE = ("%d/%b/%Y", "%d%b%Y", "%d%b%Y:%H:%M:%S", "%b. %d, %Y", "%b %d %Y", "%B %d %Y")  # as SAS and newspapers write
_MINUTES = (*_TIMES[:2], *_TWELVE)
_OTHER = (*_DAYS, *_MORE, *(f"{day} {time}" for day in _DAYS[:4] for time in _MINUTES))
_WEEKDAY = r"^\s*(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d"
_WEEKDAYS = (
    *(
        f"{name}{sign}{day}{time}"
        for name in ("%a", "%A")
        for sign in (", ", " ")
        for day in (*_DAYS[2:], "%Y-%m-%d")
        for time in ("", " %H:%M:%S", " %H:%M:%S GMT", " %H:%M")
    ),
    *("%a %b %e %H:%M:%S %Y", "%a %b %d %H:%M:%S %Y"),  # of C
)
_IN_WEEKS = ("%G-W%V-%u", "%GW%V%u")
_EIGHT, _DIGITS = r"\d{8}", ("%Y%m%d", "%d%m%Y", "%m%d%Y")
_PAIRS = (
    *(
        (f"%d{sign}%m{sign}%Y{time}", f"%m{sign}%d{sign}%Y{time}")
        for sign in "/-"
        for time in ("", *(f" {time}" for time in _MINUTES))
    ),
)
_LIKE = re.compile(
    r"^\s*\d{1,4}[-/.: ](\d{1,2}|[A-Za-z]{3,9})\b.*\d|^\s*[A-Za-z]{3,9} \d{1,2}, ?\d{4}|^\s*\d{4}-\d{2}$"
    r"|^\s*\d{8}$|^\s*\d{2}[A-Za-z]{3}\d{4}\b|^\s*[A-Za-z]{3,9}\.? \d{1,2},? \d{4}$"
    r"|^\s*\d{1,2}h\d\d$|^\s*\+?\d+:\d\d(:\d\d)?(\.\d+| ?[AaPp][Mm])?$|^\s*\d{8}T\d{6}$|^\s*-?\d+ days?\b"
    f"|{_WEEKDAY}|{durations.LIKE}|{months.LIKE}"
)
_SHORT = (
    "%d.%m.%y",
    "%y-%m-%d",
    "%y/%m/%d",
    *(f"{pair}{sign}%y" for sign in "/-" for pair in (f"%d{sign}%m", f"%m{sign}%d")),
    *("%d-%b-%y", "%d %b %y", *months.SHORT),
)
_CENTURY = 50  # most years between dates of two digits for the year, of which the century could be told
_ALIKE = {"date", "datetime"}
_FEW_YEARS = 20  # between months whose years may be days, as of Jan-23
_SHORT_YEAR = r"^\s*(\d{1,2}[/.-]\d{1,2}[/.-]|(\d{1,2}[- ])?[A-Za-z]{3,9}[- ])\d{2}\b"
_ZONE = r"(Z| UTC| ?[+-]\d{2}:?\d{2})$"
_LONG = r"^(-?\d+) days \+?(\d\d):([0-5]\d):([0-5]\d)(?:\.(\d{6}))?$"
_DAY = 86_400 * 10**6  # microseconds
_MOST = 0.9  # of texts that are dates
_LOOKED_AT = 50


def pattern_of(texts: pl.Series, name: str) -> str | None:
    """How all texts are written, as of strftime; None, with a warning where they look like dates, if they are none."""
    held = texts.drop_nulls().unique(maintain_order=True)
    first = held.head(_LOOKED_AT).to_list()
    if sum(_LIKE.match(text) is not None for text in first) < _MOST * len(first):
        return None
    if re.fullmatch(_EIGHT, first[0]):
        return _of_digits(held, name)
    found = next((pattern for one in months.COARSE for pattern in _short(one) if _is_same(held, pattern)), None)
    if found is None and re.match(_WEEKDAY, first[0]):
        found = next((pattern for one in _WEEKDAYS for pattern in _short(one) if _is_same(held, pattern)), None)
    found = found or next((pattern for pattern in _IN_WEEKS if _is_same(held, pattern)), None)
    if found is not None:
        return found
    zones: list[Any] = held.str.extract(_ZONE).unique().to_list() if ":" in first[0] else [None]
    if None not in zones:
        return _zoned(held, zones, name)
    found = next((pattern for pattern in _CLEAR if _fits(held, pattern)), None)
    if found is None or (found == "%H:%M:%S" and not _same(held, found)):
        found = _elapsed(held, name) or found
    return _unpadded(held, found) if found and found not in ELAPSED else found or _less_clear(held, name)


def _unpadded(held: pl.Series, pattern: str) -> str:
    """The pattern, or with days, months and hours of one digit, or am and pm, if texts are written so."""
    shorter = (pattern.replace("%.f", f"%{decimals}") for decimals in _DECIMALS) if "%.f" in pattern else ()
    for hours in (way for one in (pattern, *shorter) for way in (one, re.sub("%([HI])", r"%-\1", one))):
        for days in (hours, re.sub("%([dm])", r"%-\1", hours)):
            for found in (days, _upper(days), *(days.replace(" %p", end) for end in (" %P", "%p", "%P"))):
                if _same(held, found):
                    return found
    return pattern


def days_of(numbers: pl.Series) -> pl.Series | None:
    """Whole numbers such as 20210131 as texts in a pattern of `NUMBERS`, if all are days; None if they are not."""
    import polars as pl

    held: Any = numbers.fill_nan(None) if numbers.dtype.is_float() else numbers
    low, high = held.min(), held.max()
    pattern = None if low is None else number_pattern(low)
    if pattern is None or pattern != number_pattern(high) or held.n_unique() < _FEWEST:
        return None
    if held.dtype.is_float() and (held % 1 != 0).any():
        return None
    texts = held.cast(pl.Int64).cast(pl.String)
    return texts if parsed(texts, pattern).null_count() == texts.null_count() else None


def number_pattern(number: float) -> str | None:
    """In which pattern a whole number of these digits may be a day of these centuries.

    >>> number_pattern(20210131), number_pattern(202101311159), number_pattern(2021)
    ('%Y%m%d', '%Y%m%d%H%M', None)
    """
    if not math.isfinite(number):
        return None
    digits = len(str(int(number)))
    day = int(number) // 10 ** max(digits - 8, 0)
    return NUMBERS.get(digits) if _FIRST <= day <= _LAST else None


def _elapsed(held: pl.Series, name: str) -> str | None:
    """Hours, minutes and seconds that are no time of a day, or not written as one."""
    for pattern in ELAPSED:
        if not durations.has_parts(held, pattern):
            continue
        found = parsed(held, pattern)
        if found.null_count() == 0 and _same(held, pattern):
            if pattern in _CLOCKS and not set("h.") & set(pattern):  # hours and minutes have no decimals
                warn(f"Column '{name}' is read as minutes and seconds: {held[0]!r} is {found[0]}.")
            return pattern
    return None


def _zoned(held: pl.Series, zones: list[Any], name: str) -> str | None:
    """Times with Z or +01:00 at their ends."""
    bare = held.str.replace(_ZONE, "")
    found = next((pattern for pattern in _CLEAR if "d" in pattern and "%M" in pattern and _fits(bare, pattern)), None)
    if found is None or len(zones) == 1 or " UTC" in zones:
        return None if found is None or len(zones) > 1 else _unpadded(bare, found) + zones[0]
    warn(f"Column '{name}' holds times of several zones, such as {held[0]!r}; they come back in UTC.")
    return f"{found}%:z"


def _less_clear(held: pl.Series, name: str) -> str | None:
    spelled = (*months.NAMED, *months.ORDINALS)
    named = next((pattern for one in spelled for pattern in _short(one) if _is_same(held, pattern)), None)
    if named is not None:
        return named
    fitting = [pattern for pattern in _OTHER if _fits(held, pattern)]
    ways = (way for pattern in fitting for way in _short(pattern))
    found = next((way for way in ways if _same(held, way)), next(iter(fitting), None))
    if found is None and held.str.contains(_SHORT_YEAR).all():
        fitting = [pattern for pattern in _SHORT if _fits(held, pattern) and _is_short(held, pattern)]
        found = fitting[0] if len(fitting) == 1 else None
    for one, other in () if found else _PAIRS:
        fits = [pattern for pattern in (one, other) if _fits(held, pattern)]
        if len(fits) == 2:
            _warn_of_two(held, name)
            return None
        if fits:
            found = fits[0]
            break
    if found is not None:
        return _said(held, _unpadded(held, found), name)
    if (usual := _usual_of(held)) is not None:
        other = held.filter(parsed(held, usual).is_null())[0]
        warn(
            f"Column '{name}' holds dates that are written in several ways, such as {other!r}; new ones are written as "
            f"{written(parsed(held, usual).drop_nulls().head(1), usual)[0]}."
        )
        return usual
    best = max(("%Y-%m-%d", *_OTHER[:4], *_PAIRS[0]), key=lambda pattern: _share(held, pattern))
    if _share(held, best) >= _MOST or held.str.contains(_SHORT_YEAR).all():
        odd = held.filter(parsed(held, best).is_null())
        warn(
            f"Column '{name}' looks like dates, but is text, as it holds {(odd if len(odd) else held)[0]!r}; write all "
            "as 2021-01-31 to model them as dates."
        )
    return None


def _of_digits(held: pl.Series, name: str) -> str | None:
    """Of eight digits, where all are days of these centuries, which is no chance of some."""
    fits = [one for one in _DIGITS if _is_near(held.head(_LOOKED_AT), one) and _is_near(held, one)]
    if len(held) < _FEWEST or not fits:
        return None
    if len(fits) > 1:
        _warn_of_two(held, name)
        return None
    return _said(held, fits[0], name)


def _said(held: pl.Series, pattern: str, name: str) -> str:
    warn(f"Column '{name}' is read as dates: {held[0]!r} is {parsed(held.head(1), pattern)[0]}.")
    return pattern


def _warn_of_two(held: pl.Series, name: str) -> None:
    warn(
        f"Column '{name}' holds {held[0]!r}, where the day and the month cannot be told apart, so it is text; write "
        "dates as 2021-01-31 to model them so."
    )


def _usual_of(held: pl.Series) -> str | None:
    """The most frequent way of texts that are all clear dates, each way that of a few or more; None of others."""
    days = [(parsed(held, pattern).dt.year() >= 1000).fill_null(False) for pattern in _CLEAR_DAYS]
    if len(held) < _FEWEST or any(sum(int(own[i]) for own in days) != 1 for i in range(len(held))):
        return None
    counts = [int(own.sum()) for own in days]
    fine = min(count for count in counts if count) >= _FEW
    return _unpadded_in(held, _CLEAR_DAYS[counts.index(max(counts))]) if fine else None


def _unpadded_in(held: pl.Series, pattern: str) -> str:
    """The pattern as it is among those that fit it."""
    return _unpadded(held.filter(parsed(held, pattern).is_not_null()), pattern)


def parsed(texts: pl.Series, pattern: str) -> pl.Series:
    """Dates, times of a day, or dates with times; missing where a text is written otherwise."""
    import polars as pl

    pattern = pattern.replace("%^", "%")
    if pattern == DAYS:
        parts = texts.str.extract_groups(_LONG)
        days, hours, minutes, seconds = (parts.struct.field(str(i)).cast(pl.Int64, strict=False) for i in range(1, 5))
        rest = parts.struct.field("5").cast(pl.Int64, strict=False).fill_null(0)
        return ((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 10**6 + rest).cast(pl.Duration("us"))
    if pattern in durations.FORMS:
        return durations.parsed(texts, pattern)
    if pattern in _CLOCKS:
        _, digits = _clock(pattern)
        end = rf"\.(\d{{{digits}}})" if digits else "()"
        first = r"(?:(\d+):)?" if "h" in pattern else "()?"
        parts = texts.str.extract_groups(rf"^\+?{first}(\d+):([0-5]\d){end}$")
        hours, minutes, seconds, rest = (parts.struct.field(str(i)).cast(pl.Int64, strict=False) for i in (1, 2, 3, 4))
        in_hours = hours if "h" in pattern else hours.fill_null(0)
        whole = ((in_hours * 60 + minutes) * 60 + seconds) * 10**6
        total: pl.Series = whole + rest.fill_null(0) * 10 ** (6 - digits)
        return total.cast(pl.Duration("us"))
    if months.check(pattern):
        return months.parsed(texts, pattern)
    pattern = _longer(pattern.replace("%-", "%"), "%.f")  # which reads one digit, too
    if not re.search("%[deu]", pattern):
        return texts.str.to_time(pattern, strict=False)
    if "%M" not in pattern:
        days = texts.str.to_date(pattern, strict=False)
        is_cut = days.dt.year() < _FIRST_YEAR  # as Feb 2020 is February 20, year 20, to `%b %d%Y`
        return days.zip_with(is_cut.fill_null(False).not_(), days.clear(len(days)))
    if pattern.endswith("%:z"):
        found = texts.str.to_datetime(pattern.replace("%:z", "%#z"), strict=False, time_zone="UTC", time_unit="us")
        return found.dt.replace_time_zone(None)
    unit = "ns" if pattern.endswith(("%.9f", "%.f")) else "us"
    return texts.str.to_datetime(pattern, strict=False, time_unit=unit).cast(pl.Datetime(unit))  # type: ignore[arg-type]


def parsed_again(texts: pl.Series, column: Column) -> pl.Series:
    """Texts of a column whose pattern is known; else as any clear date, time or duration, in the zone of the column."""
    if column.counted == "duration":
        kinds = dict.fromkeys(ELAPSED, "duration")
    else:
        clear = (*_CLEAR, *_OTHER)
        kinds = {one: "time" if "d" not in one else "datetime" if "%M" in one else "date" for one in clear}
    patterns = [one for one, kind in kinds.items() if kind == column.counted or {kind, column.counted} == _ALIKE]
    zoned = [f"{one}%:z" for one in patterns if kinds[one] == "datetime"] if column.zone else []
    for pattern in filter(None, (column.pattern, *zoned, *patterns)):
        found = parsed(texts, pattern)
        if found.null_count() == texts.null_count():
            return localised(found, column.zone) if column.zone and pattern in patterns else found
    found = parsed(texts, column.pattern or _CLEAR[0])
    if column.counted == "date" and str(column.pattern).replace("%-", "%") in _CLEAR_DAYS:
        for pattern in _CLEAR_DAYS:
            found = found.zip_with(found.is_not_null(), parsed(texts, pattern))
    return found


def localised(found: pl.Series, zone: str) -> pl.Series:
    """Dates and times of a zone in UTC; the earlier of two, and none where the clock leaps over it."""
    import polars as pl

    times = found.cast(pl.Datetime("us")) if found.dtype == pl.Date else found
    there = times.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return there.dt.convert_time_zone("UTC").dt.replace_time_zone(None)


def written(values: pl.Series, pattern: str) -> pl.Series:
    """Values as text; %^ is a name in capitals, and then there are no others."""
    import polars as pl

    if "%^" in pattern:
        return written(values, pattern.replace("%^", "%")).str.to_uppercase()
    if pattern == DAYS:
        total = values.dt.total_microseconds()
        form = "%H:%M:%S%.6f" if (total % 10**6 != 0).any() else "%H:%M:%S"
        time = (total % _DAY * 1000).cast(pl.Time).dt.to_string(form)
        parts = pl.DataFrame({"days": total // _DAY, "time": time})
        sign = pl.when(pl.col("days") < 0).then(pl.lit(" days +")).otherwise(pl.lit(" days "))
        whole = pl.concat_str(pl.col("days"), sign, pl.col("time"))
        return parts.select(whole.alias(values.name)).to_series()
    if pattern in durations.FORMS:
        return durations.written(values, pattern)
    if months.check(pattern):
        return months.written(values, pattern)
    if pattern in _CLOCKS:
        seconds, clock, digits = values.dt.total_seconds(), *_clock(pattern)
        first, rest = (3600, ":mm:ss") if "h" in pattern else (60, ":ss")
        head = (seconds // first).cast(pl.String).str.zfill(len(clock.removesuffix(rest)) - 2)
        tail = [(seconds // 60 % 60)] * (first == 3600) + [seconds % 60]
        text = sum((":" + part.cast(pl.String).str.zfill(2) for part in tail), "+" * pattern.startswith("+") + head)
        left = values.dt.total_microseconds() % 10**6 // 10 ** (6 - digits)
        return text + "." + left.cast(pl.String).str.zfill(digits) if digits else text
    if pattern.endswith("%:z"):
        return values.dt.to_string(pattern.removesuffix("%:z")) + "+00:00"
    longer = _longer(pattern, "%.3f")
    texts = values.dt.to_string(longer)
    return texts if longer == pattern else texts.str.replace(rf"(\.\d{{{pattern.partition('%.')[2][0]}}})\d+", "$1")


def _longer(pattern: str, decimals: str) -> str:
    """With these decimals of seconds, if it has one or two."""
    return re.sub(r"%\.[12]f", decimals, pattern)


def _clock(pattern: str) -> tuple[str, int]:
    """Its form in whole seconds without a sign, and how many decimals it has."""
    form, _, decimals = pattern.lstrip("+").partition(".")
    return form, len(decimals)


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that no text was found to have."""
    pattern = pattern.replace("%^", "%")
    bare = _longer(re.sub(" ?%[pP]", " %p", re.sub(_ZONE, "", pattern.removesuffix("%:z"))), "%.f")
    known = (
        *NUMBERS.values(),
        *_DIGITS,
        *_WEEKDAYS,
        *_IN_WEEKS,
        *_SHORT,
        *ELAPSED,
        *_CLEAR,
        *_OTHER,
        *(one for pair in _PAIRS for one in pair),
    )
    if not {bare, bare.replace("%-", "%")} & set(known) and not months.check(pattern):
        raise InputError(f"got the pattern {pattern!r}; expected one of dates or times")


def _fits(held: pl.Series, pattern: str) -> bool:
    """Whether all texts are written so, and years have four digits."""
    import polars as pl

    found = parsed(held, pattern)
    if found.null_count():
        return False
    return found.dtype == pl.Time or bool((found.dt.year() >= 1000).all() and (found.dt.year() < 10_000).all())


def _is_near(held: pl.Series, pattern: str) -> bool:
    """Whether dates lie in the centuries of people."""
    years = parsed(held, pattern).dt.year()
    return years.null_count() == 0 and bool(years.is_between(_FIRST // 10_000, _LAST // 10_000).all())


def _same(held: pl.Series, pattern: str) -> bool:
    return bool(written(parsed(held, pattern), pattern).eq_missing(held).all())


def _is_short(held: pl.Series, pattern: str) -> bool:
    """Whether dates with two digits for the year come back, and lie near each other, so that one century has them."""
    years = parsed(held, pattern).dt.year()
    span = int(years.max()) - int(years.min())  # type: ignore[arg-type]  # of dates
    if pattern in months.SHORT and span > _FEW_YEARS and (years % 100).is_between(1, 31).all():
        return False
    return span <= _CENTURY and _same(held, _unpadded(held, pattern))


def _short(pattern: str) -> tuple[str, ...]:
    """The pattern, that with days and months of one digit, and that with names in capitals."""
    return tuple(dict.fromkeys((pattern, re.sub("%([dm])", r"%-\1", pattern), _upper(pattern))))


def _upper(pattern: str) -> str:
    """With names of months and days in capitals; names in other languages stay as they are."""
    return pattern if "@" in pattern else re.sub("%([abBA])", r"%^\1", pattern)


def _is_same(held: pl.Series, pattern: str) -> bool:
    """Whether all texts are written so, and come back as they are."""
    return _fits(held, pattern) and _same(held, pattern)


def _share(held: pl.Series, pattern: str) -> float:
    return float((parsed(held, pattern).dt.year() >= 1000).sum()) / len(held)
