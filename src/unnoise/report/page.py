"""A page: one HTML file with its pictures inside, which loads nothing, and can be read without a script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unnoise._atomic import atomic_path
from unnoise._version import __version__
from unnoise.report import markup
from unnoise.report.charts import Panel, panels
from unnoise.report.markup import Marked as Marked
from unnoise.report.markup import number as number
from unnoise.report.markup import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POLICY = (  # load nothing from anywhere, and run the one script of the page alone, whatever a name of a column says
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
)


@dataclass
class Page:
    """A page; new parts go to the section opened last.

    >>> page = Page("Digits", subtitle="1797 images, 8x8")
    >>> page.section("Can I trust it?")
    >>> page.verdicts([("Is it likely?", "2.31 bits, a Gaussian 2.94.", "2.31 ± 0.01", "Gaussian 2.94", True)])
    >>> "Digits</h1>" in page.html()
    True
    """

    title: str
    subtitle: str = ""
    date: datetime = field(default_factory=lambda: datetime.now(UTC))
    _sections: list[tuple[str, list[str]]] = field(default_factory=list, init=False, repr=False)

    def section(self, title: str) -> None:
        """Open a section, with an entry in the contents."""
        self._sections.append((title, []))

    def heading(self, title: str) -> None:
        """The heading of a part of a section."""
        self._add(f"<h3>{text(title)}</h3>")

    @contextmanager
    def folded(self, title: str, *, rest: bool = False) -> Iterator[None]:
        """What is added inside can be opened and closed; it is open where no script runs, and on paper.

        The rest of a long list goes to paper only where the reader opened it: hundreds of rows are pages.
        """
        self._add(f'<details open class="fold{" rest" * rest}"><summary>{text(title)}</summary>')
        yield
        self._add("</details>")

    def verdicts(self, answers: Iterable[tuple[str, str, str, str, bool | None]]) -> None:
        """A box: a question, a sentence, its number, what rivals get, and whether the answer is good, an entry each."""
        self._add(markup.verdicts(answers))

    def text(self, words: str) -> None:
        """Paragraphs, with an empty line between them."""
        self._add(*markup.paragraphs(words))

    def command(self, words: str) -> None:
        """A command to type, which a click selects."""
        self._add(f'<pre class="command"><code>{text(words)}</code></pre>')

    def facts(self, pairs: Mapping[str, Any]) -> None:
        """Names and values, a pair a line."""
        self._add(markup.facts(pairs))

    def table(self, rows: Sequence[Sequence[Any]], header: Sequence[str], caption: str = "") -> None:
        """A table, which scrolls on a narrow page, with numbers to the right; a click on a column sorts it."""
        self._add(markup.table(rows, header, caption))

    def figure(self, figure: Figure | Sequence[Panel], caption: str, *, alt: str | None = None) -> None:
        """A picture, or panels whose values can be pointed at; `alt`, by default the caption, is for screen readers."""
        if isinstance(figure, Sequence):
            self._add(panels(figure, caption))
        else:
            self._add(markup.picture(figure, caption, alt))

    def gallery(self, pictures: Iterable[tuple[Figure, str]]) -> None:
        """Pictures with captions, beside each other as the page has room."""
        inside = "".join(markup.picture(figure, caption) for figure, caption in pictures)
        self._add(f'<div class="gallery">{inside}</div>')

    def reproducibility(self, provenance: Mapping[str, Any], seconds: float | None = None) -> None:
        """How the page was made, from the pairs of `unnoise._provenance.provenance`."""
        pairs = {name: _flat(value) for name, value in provenance.items() if value is not None}
        if seconds is not None:
            pairs["seconds"] = f"{seconds:.1f}"
        self._add(markup.facts(pairs, code=("command", "commit")))

    def html(self) -> str:
        """The whole page."""
        sections = [(title, parts) for title, parts in self._sections if parts]
        about = (self.subtitle, f"{self.date:%d %B %Y, %H:%M %Z} · unnoise {__version__}")
        links = "".join(f'<li><a href="#section-{i}">{text(title)}</a></li>' for i, (title, _) in enumerate(sections))
        contents = f'<nav aria-label="Contents"><ol>{links}</ol></nav>' if len(sections) > 1 else ""
        body = [
            "\n".join([f'<section id="section-{i}" aria-labelledby="title-{i}">', _heading(i, title), *parts])
            + "\n</section>"
            for i, (title, parts) in enumerate(sections)
        ]
        return _document(self.title, about, "\n".join([contents, *body]))

    def write(self, path: Path | str) -> None:
        """Write the page, whole or not at all."""
        with atomic_path(Path(path)) as beside:
            beside.write_text(self.html(), encoding="utf-8")

    def _add(self, *parts: str) -> None:
        if not self._sections:
            self.section("Overview")
        self._sections[-1][1].extend(parts)


def _heading(place: int, title: str) -> str:
    return f'<h2 id="title-{place}">{text(title)}</h2>'


def _flat(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return ", ".join(f"{name.replace('_', ' ')} {part}" for name, part in value.items())


def _document(title: str, about: Sequence[str], body: str) -> str:
    style, script = (files(__package__).joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    lines = "".join(f'<p class="about" dir="auto">{text(line)}</p>' for line in about if line)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY.format(digest=digest)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{text(title)}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1 dir="auto">{text(title)}</h1>
{lines}
</header>
<main>
{body}
</main>
<script>{script}</script>
</body>
</html>
"""
