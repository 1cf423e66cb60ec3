"""Pieces of a page as HTML: every string is escaped, since names of columns and classes come from a user's data."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError
from unnoise.report.plots import png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORDS = {True: "yes", False: "no", None: "not measured"}  # and symbols, since not everybody tells red from green
SIGNS = {True: "✓", False: "✗", None: "?"}
KINDS = {True: "good", False: "bad", None: "open"}
NONE = "–"  # in place of a number that was not measured
PIXELS_PER_INCH = 160  # of the pictures in the file
SHOWN_PER_INCH = 104  # pictures stay sharp on fine screens
HEBREW_TO_ARABIC = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
LEFTWARD = re.compile(f"[{HEBREW_TO_ARABIC}](?:[{HEBREW_TO_ARABIC}\\s]*[{HEBREW_TO_ARABIC}])?")
NUMBER_IN_WORDS = re.compile(r"[-−+]?\d[\d.,]*(e-\d+)?%?( ± \d[\d.,]*%?)?|–|")  # such as "2.31 ± 0.01"


@dataclass(frozen=True)
class Marked:
    """A cell of a table that is good or bad: coloured, with a symbol."""

    value: Any
    good: bool | None

    def __str__(self) -> str:
        return number(float(self.value)) if isinstance(self.value, float | np.floating) else str(self.value)


def text(value: Any) -> str:
    """A value as escaped text, in which words from right to left do not turn the numbers around them."""
    words = number(float(value)) if isinstance(value, float | np.floating) else str(value)
    return escape(LEFTWARD.sub("\u2068\\g<0>\u2069", words), quote=True)


def percent(share: float) -> str:
    """A share in per cent, with three digits.

    >>> percent(1.0), percent(0.1234)
    ('100 %', '12.3 %')
    """
    return f"{100 * share:.3g} %"


def number(value: float) -> str:
    """Four significant digits, or a longer whole part with commas.

    >>> number(12345.678), number(0.00012), number(2.0), number(1.5e-9)
    ('12,346', '0.00012', '2', '1.5e-09')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def sign(good: bool | None) -> str:
    """A symbol and a word, in a colour."""
    return f'<span class="sign"><span aria-hidden="true">{SIGNS[good]}</span> {WORDS[good]}</span>'


def paragraphs(words: str) -> list[str]:
    """Paragraphs, with an empty line between them."""
    return [f"<p>{text(part)}</p>" for part in re.split(r"\n\s*\n", words.strip())]


def facts(pairs: Mapping[str, Any], code: Sequence[str] = ()) -> str:
    """Names and values, a pair a line; those of `code` in letters of one width."""
    items = ((text(name), text(value), name in code) for name, value in pairs.items())
    lines = (f"<dt>{name}</dt><dd>{f'<code>{value}</code>' if fixed else value}</dd>" for name, value, fixed in items)
    return f'<dl class="facts">{"".join(lines)}</dl>'


def table(rows: Sequence[Sequence[Any]], header: Sequence[str], caption: str = "") -> str:
    """A table, which scrolls on a narrow page, with numbers to the right; a script makes its columns sortable."""
    if wrong := [len(row) for row in rows if len(row) != len(header)]:
        raise InputError(f"a row has {wrong[0]} cells and the header {len(header)}; give every row all its cells.")
    numeric = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(header))]
    head = "".join(
        f'<th scope="col"{_class("number" * is_number)}>{text(name)}</th>'
        for name, is_number in zip(header, numeric, strict=True)
    )
    body = "".join(f"<tr>{''.join(map(_cell, row, numeric))}</tr>" for row in rows)
    words = f"<caption>{text(caption)}</caption>" if caption else ""
    label = text(caption or ", ".join(header))
    inside = f"<table>{words}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide" tabindex="0" role="region" aria-label="{label}">{inside}</div>'


def picture(figure: Figure, caption: str, alt: str | None = None) -> str:
    """A picture inside the page; `alt`, by default the caption, is for screen readers."""
    data = png(figure, PIXELS_PER_INCH)
    width = int.from_bytes(data[16:20], "big") * SHOWN_PER_INCH // PIXELS_PER_INCH
    source = f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
    image = f'<img src="{source}" alt="{text(alt or caption)}" width="{width}">'
    return f'<figure><div class="paper">{image}</div><figcaption>{text(caption)}</figcaption></figure>'


def verdicts(answers: Iterable[tuple[str, str, str, str, bool | None]]) -> str:
    """A box: a question, a sentence, its number, what rivals get, and whether the answer is good, an entry each."""
    lines, counts = [], dict.fromkeys(WORDS, 0)
    for question, sentence, figure, beside, good in answers:
        counts[good] += 1
        rivals = f'<p class="beside">{text(beside)}</p>' if beside else ""
        words = f"<h3>{text(question)}</h3><p>{text(sentence)}</p>"
        figures = f'<p class="figure">{text(figure)}</p>{rivals}'
        lines.append(f'<li class="{KINDS[good]}">{sign(good)}<div>{words}</div><div>{figures}</div></li>')
    asked = sum(counts.values())
    sums = [f"{counts[good]} of {asked} {WORDS[good]}" for good in WORDS if counts[good]]
    return f'<div class="trust"><p class="sum">{"; ".join(sums)}.</p><ul>{"".join(lines)}</ul></div>'


def _cell(cell: Any, is_number: bool) -> str:
    """A cell of a table, coloured if it is marked."""
    inside, good = text(cell), cell.good if isinstance(cell, Marked) else None
    if good is not None:
        inside += f' <span class="mark" role="img" aria-label="{WORDS[good]}">{SIGNS[good]}</span>'
    kinds = " ".join(filter(None, ["number" * is_number, "" if good is None else KINDS[good]]))
    direction = "" if is_number else ' dir="auto"'
    return f"<td{_class(kinds)}{direction}>{inside}</td>"


def _class(kinds: str) -> str:
    return f' class="{kinds}"' if kinds else ""


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float | np.number) or bool(NUMBER_IN_WORDS.fullmatch(str(cell)))
