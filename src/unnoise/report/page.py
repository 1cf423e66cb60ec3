"""A page: one HTML file with its pictures inside, which loads nothing.

Every string is escaped, since names of columns and classes come from a user's data.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise._version import __version__
from unnoise.report.plots import png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIGNS = {True: "yes", False: "no", None: "open"}  # words too, since not everybody tells red from green
KINDS = {True: "good", False: "bad", None: "open"}
PIXELS_PER_INCH = 160  # of the pictures in the file
SHOWN_PER_INCH = 104  # pictures stay sharp on fine screens
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # load nothing from anywhere
NUMBER_IN_WORDS = re.compile(r"[-−+]?\d[\d.,]*(e-\d+)?%?( ± \d[\d.,]*%?)?|–|")  # such as "2.31 ± 0.01"


@dataclass(frozen=True)
class Marked:
    """A cell of a table that is coloured: green if it is good, red if not."""

    value: Any
    good: bool | None

    def __str__(self) -> str:
        return number(float(self.value)) if isinstance(self.value, float | np.floating) else str(self.value)


@dataclass
class Page:
    """A page; new parts go to the section opened last.

    >>> page = Page("Digits", subtitle="1797 images, 8x8")
    >>> page.summary({"held-out bits per dimension": "2.31 ± 0.01"})
    >>> page.section("How likely is held-out data?")
    >>> "<h1>Digits</h1>" in page.html()
    True
    """

    title: str
    subtitle: str = ""
    date: datetime = field(default_factory=lambda: datetime.now(UTC))
    _trust: str = field(default="", init=False, repr=False)
    _summary: str = field(default="", init=False, repr=False)
    _sections: list[tuple[str, list[str]]] = field(default_factory=list, init=False, repr=False)
    _provenance: str = field(default="", init=False, repr=False)

    def trust(self, answers: Iterable[tuple[str, str, str, bool | None]]) -> None:
        """The box above all else: a question, its number, a sentence, and whether the answer is good, a line each."""
        lines = []
        for question, figure, sentence, good in answers:
            head = f'<span class="sign">{SIGNS[good]}</span><b>{text(question)}</b><span>{text(figure)}</span>'
            lines.append(f'<li class="{KINDS[good]}">{head}<p>{text(sentence)}</p></li>')
        self._trust = f'<section class="trust"><h2>Can I trust it?</h2><ul>{"".join(lines)}</ul></section>'

    def summary(self, numbers: Mapping[str, Any]) -> None:
        """The key numbers, in the box at the top."""
        cells = (f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in numbers.items())
        self._summary = f'<dl class="summary">{"".join(cells)}</dl>'

    def section(self, title: str) -> None:
        """Open a section, with an entry in the contents."""
        self._sections.append((title, []))

    def text(self, words: str) -> None:
        """Paragraphs, with an empty line between them."""
        self._add(*(f"<p>{text(part)}</p>" for part in re.split(r"\n\s*\n", words.strip())))

    def facts(self, pairs: Mapping[str, Any]) -> None:
        """Names and values, a pair a line."""
        self._add(_facts(pairs))

    def table(self, rows: Sequence[Sequence[Any]], header: Sequence[str], caption: str = "") -> None:
        """A table, which scrolls on a narrow page, with numbers to the right."""
        if wrong := [len(row) for row in rows if len(row) != len(header)]:
            raise InputError(f"a row has {wrong[0]} cells and the header {len(header)}; give every row all its cells.")
        numeric = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(header))]
        kinds = [' class="number"' if is_number else "" for is_number in numeric]
        head = _cells("th", [f' scope="col"{kind}' for kind in kinds], header)
        body = "".join(f"<tr>{_cells('td', map(_marked, kinds, row), row)}</tr>" for row in rows)
        words = f"<caption>{text(caption)}</caption>" if caption else ""
        table = f"<table>{words}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        self._add(f'<div class="wide">{table}</div>')

    def figure(self, figure: Figure, caption: str, *, alt: str | None = None) -> None:
        """A picture; `alt`, by default the caption, is for screen readers."""
        data = png(figure, PIXELS_PER_INCH)
        width = int.from_bytes(data[16:20], "big") * SHOWN_PER_INCH // PIXELS_PER_INCH
        source = f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
        image = f'<img src="{source}" alt="{text(alt or caption)}" width="{width}">'
        self._add(f'<figure><div class="paper">{image}</div><figcaption>{text(caption)}</figcaption></figure>')

    def reproducibility(self, provenance: Mapping[str, Any], seconds: float | None = None) -> None:
        """How the page was made, from the pairs of `unnoise._provenance.provenance`."""
        pairs = {name: _flat(value) for name, value in provenance.items() if value is not None}
        if seconds is not None:
            pairs["seconds"] = f"{seconds:.1f}"
        self._provenance = _facts(pairs, code=("command", "commit"))

    def html(self) -> str:
        """The whole page."""
        sections = [(title, parts) for title, parts in self._sections if parts]
        if self._provenance:
            sections.append(("How this report was made", [self._provenance]))
        about = (self.subtitle, f"{self.date:%d %B %Y, %H:%M %Z} · unnoise {__version__}")
        links = "".join(f'<li><a href="#section-{i}">{text(title)}</a></li>' for i, (title, _) in enumerate(sections))
        contents = f'<nav aria-label="Contents"><ol>{links}</ol></nav>' if sections else ""
        body = [
            "\n".join([f'<section id="section-{i}">', f"<h2>{text(title)}</h2>", *parts, "</section>"])
            for i, (title, parts) in enumerate(sections)
        ]
        return _document(self.title, about, "\n".join([self._trust, self._summary, contents, *body]))

    def write(self, path: Path | str) -> None:
        """Write the page, whole or not at all."""
        with atomic_path(Path(path)) as beside:
            beside.write_text(self.html(), encoding="utf-8")

    def _add(self, *parts: str) -> None:
        if not self._sections:
            self.section("Overview")
        self._sections[-1][1].extend(parts)


def text(value: Any) -> str:
    """A value as escaped text."""
    return escape(number(float(value)) if isinstance(value, float | np.floating) else str(value), quote=True)


def number(value: float) -> str:
    """Four significant digits, or a longer whole part with commas.

    >>> number(12345.678), number(0.00012), number(2.0), number(1.5e-9)
    ('12,346', '0.00012', '2', '1.5e-09')
    """
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


def _is_number(cell: Any) -> bool:
    return isinstance(cell, int | float | np.number) or bool(NUMBER_IN_WORDS.fullmatch(str(cell)))


def _marked(kind: str, cell: Any) -> str:
    """The attributes of a cell, coloured if it is marked."""
    mark = KINDS[cell.good] if isinstance(cell, Marked) and cell.good is not None else ""
    return f' class="{" ".join(filter(None, ["number" * bool(kind), mark]))}"' if kind or mark else ""


def _cells(tag: str, attributes: Iterable[str], values: Iterable[Any]) -> str:
    return "".join(f"<{tag}{more}>{text(value)}</{tag}>" for more, value in zip(attributes, values, strict=True))


def _facts(pairs: Mapping[str, Any], code: Sequence[str] = ()) -> str:
    items = ((text(name), text(value), name in code) for name, value in pairs.items())
    lines = (f"<dt>{name}</dt><dd>{f'<code>{value}</code>' if fixed else value}</dd>" for name, value, fixed in items)
    return f'<dl class="facts">{"".join(lines)}</dl>'


def _flat(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return ", ".join(f"{name.replace('_', ' ')} {part}" for name, part in value.items())


def _document(title: str, about: Sequence[str], body: str) -> str:
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
