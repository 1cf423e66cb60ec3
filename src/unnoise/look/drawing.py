"""Pictures as SVG that a style sheet colours, each with its numbers as a table; nothing is loaded, nothing runs.

A side is what is shown beside others: the data, those of its rows that are alike, the model. Each has a class of the
style sheet of its name, with a colour and a form of its own, so that nobody needs to tell colours apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from unnoise.data._numerics import Values

Numbers = NDArray[np.float64]
Word = Callable[[float], str]

WIDTH, HEIGHT = 360, 170  # of a histogram, in units of its own
LEFT, RIGHT, TOP, BOTTOM = 14, 14, 8, 24  # room around it
SQUARE = 360
TICKS = 4
LETTER = 6.2  # the width of one, on the average
DATA, ALIKE, MODEL = "data", "alike", "model"  # classes of the style sheet


@dataclass(frozen=True)
class Side:
    """Some rows of a column, or of two, and how they are drawn.

    Attributes:
        look: a class of the style sheet: "data", "alike" or "model".
        label: in words.
        values: a column, or several.
    """

    look: str
    label: str
    values: tuple[Values, ...]


@dataclass(frozen=True)
class Plate:
    """A picture with its numbers.

    Attributes:
        title: what it is of.
        drawing: HTML.
        caption: what it shows, in words.
        header: of the table.
        rows: of the table.
        wide: whether it needs the whole width.
    """

    title: str
    drawing: Markup
    caption: str
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    wide: bool = False


def svg(width: float, height: float, words: str, *parts: str, look: str = "") -> Markup:
    """A picture of a size, whose words are what a screen reader says.

    >>> str(svg(2, 1, "a < b"))
    '<svg role="img" viewBox="0 0 2 1" class=""><title>a &lt; b</title></svg>'
    """
    head = f'<svg role="img" viewBox="0 0 {width:g} {height:g}" class="{escape(look)}"><title>{escape(words)}</title>'
    return Markup(head + "".join(parts) + "</svg>")


def beside(drawings: Sequence[Markup]) -> Markup:
    """Pictures beside each other, or below where there is no room."""
    return Markup('<div class="beside">{}</div>').format(Markup("").join(drawings))


def text(x: float, y: float, words: object, anchor: str = "middle", look: str = "tick", more: str = "") -> str:
    """Words at a place."""
    return f'<text x="{x:.4g}" y="{y:.4g}" text-anchor="{anchor}" class="{look}"{more}>{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, look: str) -> str:
    """A straight line."""
    return f'<line x1="{x1:.4g}" y1="{y1:.4g}" x2="{x2:.4g}" y2="{y2:.4g}" class="{look}"/>'


def dots(x: Numbers, y: Numbers, look: str) -> str:
    """Many points as one path: each a line of no length with round ends."""
    places = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    return f'<path class="dots {look}" d="{places}"/>'


def steps(shares: Numbers, edges: Numbers, bottom: float, look: str, closed: bool) -> str:
    """A histogram's outline; heights and edges in units of the picture."""
    if not len(shares):
        return ""
    parts = [f"M{edges[0]:.1f} {bottom:.1f}"]
    parts += [f"V{height:.1f}H{right:.1f}" for height, right in zip(shares.tolist(), edges[1:].tolist(), strict=True)]
    return f'<path class="steps {look}" d="{"".join(parts)}V{bottom:.1f}{"Z" if closed else ""}"/>'


def ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """Round numbers in a range, about `count` of them.

    >>> ticks(17.0, 90.0)
    [20.0, 40.0, 60.0, 80.0]
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low] if math.isfinite(low) else []
    rough = (high - low) / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next((part * size for part in (1.0, 2.0, 2.5, 5.0, 10.0) if part * size >= rough), 10 * size)
    first = math.ceil(low / step - 1e-9)
    found = [(first + i) * step for i in range(2 * count + 2)]
    return [round(value, 12) for value in found if value <= high + 1e-9 * step]


def scaled(values: Numbers, low: float, high: float, start: float, end: float) -> Numbers:
    """Numbers of a range as places of a picture."""
    span = high - low if high > low else 1.0
    return np.asarray(start + (values - low) / span * (end - start))


def axis(low: float, high: float, word: Word, start: float, end: float, y: float) -> str:
    """A horizontal axis with as many ticks as their words have room."""
    marks = ticks(low, high)
    words = [word(value) for value in marks]
    places = scaled(np.array(marks), low, high, start, end).tolist() if marks else []
    wide = 1.5 * LETTER * max(map(len, words), default=1)  # the last may end at its tick
    every = math.ceil(wide / (places[1] - places[0])) if len(places) > 1 else 1
    found = [line(start, y, end, y, "axis")]
    for told, x in list(zip(words, places, strict=True))[::every]:
        half = max(16.0, LETTER * len(told) / 2 - LEFT / 2)
        anchor = "start" if x < start + half else "end" if x > end - half else "middle"
        found += [line(x, y, x, y + 4, "axis"), text(x, y + 16, told, anchor)]
    return "".join(found)


def plain(value: float) -> str:
    """A number in few digits.

    >>> plain(1234.5), plain(0.00012345), plain(-0.0)
    ('1,234', '0.000123', '0')
    """
    if value == 0:
        return "0"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def brief(value: float) -> str:
    """A number in four digits, or a longer whole part.

    >>> brief(234721.4), brief(-105.2431), brief(0.000123661)
    ('234721', '-105.2', '0.0001237')
    """
    return f"{value:.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def percent(share: float) -> str:
    """A share in per cent, with two digits.

    >>> percent(0.1234), percent(0.0012), percent(0.0), percent(1e-7)
    ('12 %', '0.12 %', '0 %', '< 0.01 %')
    """
    hundred = 100 * share
    if 0 < hundred < 0.01:
        return "< 0.01 %"
    return f"{hundred:.0f} %" if hundred >= 9.95 or hundred == 0 else f"{hundred:.2g} %"
