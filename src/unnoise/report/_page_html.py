"""The pieces of HTML that a report is put together from. Every string that comes in is escaped here."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._errors import InputError
from unnoise.report.plots import png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS_PER_INCH = 160  # of the pictures in the file
SHOWN_PER_INCH = 104  # of the pictures on the page, so that they stay sharp on fine screens
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # nothing from anywhere else

NUMBER_IN_WORDS = re.compile(r"[-−+]?\d[\d.,]*%?( ± \d[\d.,]*%?)?|–|")  # such as "2.31 ± 0.01"


def text(value: Any) -> str:
    """A value as text that no browser takes for markup.

    >>> text("<b> & co"), text(0.123456)
    ('&lt;b&gt; &amp; co', '0.1235')
    """
    return escape(number(float(value)) if isinstance(value, float | np.floating) else str(value), quote=True)


def number(value: float) -> str:
    """Four significant digits, never less than its whole part, with thousands set apart.

    >>> number(12345.678), number(0.00012), number(2.0), number(1.5e-9)
    ('12,346', '0.00012', '2', '1.5e-09')
    """
    if 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def facts(pairs: Mapping[str, Any], code: Sequence[str] = ()) -> str:
    """Names and values; the values of the names in `code` in a typewriter face."""
    items = ((text(name), text(value), name in code) for name, value in pairs.items())
    lines = (f"<dt>{name}</dt><dd>{f'<code>{value}</code>' if fixed else value}</dd>" for name, value, fixed in items)
    return f'<dl class="facts">{"".join(lines)}</dl>'


def summary(pairs: Mapping[str, Any]) -> str:
    """The box of key numbers."""
    cells = (f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs.items())
    return f'<dl class="summary">{"".join(cells)}</dl>'


def table(rows: Sequence[Sequence[Any]], header: Sequence[str], caption: str) -> str:
    """A table that scrolls by itself when the page is narrow; columns of numbers stand to the right."""
    for row in rows:
        if len(row) != len(header):
            raise InputError(f"a row has {len(row)} cells and the header {len(header)}; give every row all its cells.")
    kinds = [' class="number"' if rows and all(_is_number(row[i]) for row in rows) else "" for i in range(len(header))]
    head = "".join(f'<th scope="col"{kind}>{text(name)}</th>' for kind, name in zip(kinds, header, strict=True))
    body = "".join(
        f"<tr>{''.join(f'<td{kind}>{text(cell)}</td>' for kind, cell in zip(kinds, row, strict=True))}</tr>"
        for row in rows
    )
    words = f"<caption>{text(caption)}</caption>" if caption else ""
    return f'<div class="wide"><table>{words}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float | np.number) or bool(NUMBER_IN_WORDS.fullmatch(str(cell)))


def picture(figure: Figure, caption: str, alt: str) -> str:
    """The figure as a PNG inside the page, with its caption; white behind it also on a dark page."""
    data = png(figure, PIXELS_PER_INCH)
    width = int.from_bytes(data[16:20], "big") * SHOWN_PER_INCH // PIXELS_PER_INCH
    source = f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
    image = f'<img src="{source}" alt="{text(alt)}" width="{width}">'
    return f'<figure><div class="paper">{image}</div><figcaption>{text(caption)}</figcaption></figure>'


def contents(titles: Sequence[str]) -> str:
    links = "".join(f'<li><a href="#section-{i}">{text(title)}</a></li>' for i, title in enumerate(titles))
    return f'<nav aria-label="Contents"><ol>{links}</ol></nav>' if titles else ""


def section(index: int, title: str, parts: Sequence[str]) -> str:
    return "\n".join([f'<section id="section-{index}">', f"<h2>{text(title)}</h2>", *parts, "</section>"])


def page(title: str, about: Sequence[str], body: str) -> str:
    """A whole page, which tells the browser to load nothing from anywhere."""
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    lines = "".join(f'<p class="about">{text(line)}</p>' for line in about if line)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{text(title)}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{text(title)}</h1>
{lines}
</header>
<main>
{body}
</main>
</body>
</html>
"""
