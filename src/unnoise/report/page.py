"""A page: one HTML file that a person opens, without a network, and keeps.

Pictures are inside the file and nothing is loaded from elsewhere (the page forbids it to the browser). Every
string that is given is escaped, since names of columns and classes come from a user's data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unnoise import __version__
from unnoise._atomic import atomic_path
from unnoise.report import _page_html as markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass
class Page:
    """Built from top to bottom, then written. What is added goes to the section that was opened last.

    >>> page = Page("Digits", subtitle="1797 images, 8x8")
    >>> page.summary({"held-out bits per dimension": "2.31 ± 0.01"})
    >>> page.section("How likely is held-out data?")
    >>> page.text("Lower is better.")
    >>> page.table([["unnoise", 2.31], ["Gaussian", 2.94]], header=["model", "bits"], caption="360 images.")
    >>> "<h1>Digits</h1>" in page.html()
    True
    """

    title: str
    subtitle: str = ""
    date: datetime = field(default_factory=lambda: datetime.now(UTC))
    _summary: str = field(default="", init=False, repr=False)
    _sections: list[tuple[str, list[str]]] = field(default_factory=list, init=False, repr=False)
    _provenance: str = field(default="", init=False, repr=False)

    def summary(self, numbers: Mapping[str, Any]) -> None:
        """The key numbers, in the box at the top."""
        self._summary = markup.summary(numbers)

    def section(self, title: str) -> None:
        """Open a section; it stands in the table of contents."""
        self._sections.append((title, []))

    def text(self, words: str) -> None:
        """Paragraphs, with an empty line between them."""
        self._add(*(f"<p>{markup.text(part)}</p>" for part in re.split(r"\n\s*\n", words.strip())))

    def facts(self, pairs: Mapping[str, Any]) -> None:
        """Names and values, a pair a line."""
        self._add(markup.facts(pairs))

    def table(self, rows: Sequence[Sequence[Any]], header: Sequence[str], caption: str = "") -> None:
        """A table; columns of numbers stand to the right."""
        self._add(markup.table(rows, header, caption))

    def figure(self, figure: Figure, caption: str, *, alt: str | None = None) -> None:
        """A picture; `alt` says in words what it shows, for screen readers (the caption, if not given)."""
        self._add(markup.picture(figure, caption, alt or caption))

    def reproducibility(self, provenance: Mapping[str, Any], seconds: float | None = None) -> None:
        """How the page came about (see `unnoise._provenance.provenance`); it stands at the end."""
        pairs = {name: _flat(value) for name, value in provenance.items() if value is not None}
        if seconds is not None:
            pairs["seconds"] = f"{seconds:.1f}"
        self._provenance = markup.facts(pairs, code=("command", "commit"))

    def html(self) -> str:
        """The whole page."""
        sections = [(title, parts) for title, parts in self._sections if parts]
        if self._provenance:
            sections.append(("How this report was made", [self._provenance]))
        about = (self.subtitle, f"{self.date:%d %B %Y, %H:%M %Z} · unnoise {__version__}")
        body = [markup.section(i, title, parts) for i, (title, parts) in enumerate(sections)]
        return markup.page(
            self.title, about, "\n".join([self._summary, markup.contents([t for t, _ in sections]), *body])
        )

    def write(self, path: Path | str) -> None:
        """Write the page, whole or not at all."""
        with atomic_path(Path(path)) as beside:
            beside.write_text(self.html(), encoding="utf-8")

    def _add(self, *parts: str) -> None:
        if not self._sections:
            self.section("Overview")
        self._sections[-1][1].extend(parts)


def _flat(value: Any) -> Any:
    """A dict of versions or hardware in one line."""
    return (
        ", ".join(f"{name.replace('_', ' ')} {part}" for name, part in value.items())
        if isinstance(value, Mapping)
        else value
    )
