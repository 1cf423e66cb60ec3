from __future__ import annotations

import base64
import errno
import hashlib
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from unnoise import __version__
from unnoise._errors import InputError
from unnoise.report import Page, charts
from unnoise.report.page import Marked

EVIL = "<script>alert('x')</script> & \"co\""


class Parsed(HTMLParser):
    """What a browser would see: tags with their attributes, and the text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def square() -> Figure:
    figure = Figure(figsize=(1, 1))
    figure.add_subplot().plot([0, 1])
    return figure


@pytest.fixture
def report() -> Page:
    report = Page(f"Digits {EVIL}", subtitle=EVIL, date=datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    report.section(f"Likelihood {EVIL}")
    report.verdicts([(EVIL, EVIL, "2.3", EVIL, True), ("Else?", "Nobody knows.", "–", "", None)])
    report.figure([charts.column(EVIL, np.array([EVIL, "b"], dtype=object), np.array(["b", "b"], dtype=object))], EVIL)
    with report.folded(EVIL):
        report.heading(EVIL)
        report.command(EVIL)
    report.text(f"First {EVIL}.\n\nSecond.")
    report.table([["unnoise", 2.5, "2.31 ± 0.01"], [EVIL, np.float64(-3.25), "-4"]], ["model", EVIL, "bits"], EVIL)
    report.section("Nothing in it")
    report.section("Pictures")
    report.figure(square(), EVIL, alt=f"a line {EVIL}")
    report.facts({"steps": 4000, EVIL: EVIL})
    report.reproducibility({"command": EVIL, "seed": 0, "commit": None, "versions": {"torch": "2.13"}}, 12.34)
    return report


def test_strings_of_users_never_become_markup(report: Page):
    page = Parsed(report.html())
    assert page.open == []  # every tag was closed where it was opened
    assert len(page.attributes("script")) == 1
    assert page.words.count(EVIL) >= 16
    assert all(not name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_page_loads_nothing_from_anywhere(report: Page):
    page = Parsed(report.html())
    addresses = [a[key] for _, a in page.tags for key in ("src", "href", "action", "data") if key in a]
    assert all(str(address).startswith(("#", "data:image/png;base64,")) for address in addresses)
    policy = str(page.attributes("meta")[1]["content"])
    script = report.html().rpartition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert policy.endswith(f"script-src 'sha256-{digest}'"), "no other script runs"
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|fetch|XMLHttp|import\b", script)
    assert not re.search(r"url\(|@import", report.html())


def test_pictures_are_inside_with_words_for_those_who_cannot_see_them(report: Page):
    (image,) = Parsed(report.html()).attributes("img")
    (chart,) = Parsed(report.html()).attributes("svg")
    assert (chart["role"], chart["tabindex"]) == ("img", "0")
    assert "50 % of the data" in str(chart["aria-label"])
    data = base64.b64decode(str(image["src"]).split(",", 1)[1])
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert image["alt"] == f"a line {EVIL}"
    assert 0 < int(str(image["width"])) < 300


def test_contents_lead_to_every_section_that_has_something(report: Page):
    page = Parsed(report.html())
    links = [str(a["href"]).removeprefix("#") for a in page.attributes("a")]
    assert links == [a["id"] for a in page.attributes("section")]
    assert len(links) == 2
    assert "Nothing in it" not in page.words
    named = [a["aria-labelledby"] for a in page.attributes("section")]
    assert named == [a["id"] for a in page.attributes("h2")]


def test_header_and_end_say_what_and_how(report: Page):
    words = Parsed(report.html()).words
    assert f"02 January 2026, 03:04 UTC · unnoise {__version__}" in words
    for part in ("seed", "torch 2.13", "12.3", "command"):
        assert part in words
    assert "commit" not in words  # unknown, so not claimed


def test_columns_of_numbers_stand_to_the_right(report: Page):
    cells = [a.get("class") for a in Parsed(report.html()).attributes("th")]
    assert cells == [None, "number", "number"]
    report.table([["64 components"], ["2"]], ["words"])
    assert Parsed(report.html()).attributes("th")[-1].get("class") is None


def test_a_row_without_all_its_cells_is_refused(report: Page):
    with pytest.raises(InputError, match="a row has 1 cells and the header 2"):
        report.table([["only"]], ["a", "b"])


def test_what_comes_before_any_section_gets_one():
    report = Page("title")
    report.text("hello")
    assert "Overview" in Parsed(report.html()).words
    assert Parsed(Page("empty").html()).open == []


def test_file_is_written_whole_or_not_at_all(tmp_path: Path, report: Page, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "report.html"
    report.write(path)
    assert path.read_text(encoding="utf-8") == report.html()

    def broken(self: Page) -> str:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Page, "html", broken)
    kept = path.read_bytes()
    with pytest.raises(OSError, match="No space left on the disk"):
        report.write(path)
    assert path.read_bytes() == kept
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_the_box_says_yes_and_no_in_words_symbols_and_colours():
    page = Page("title")
    page.verdicts(
        [
            ("Good?", "It is.", "1 < 2", "rival 3", True),
            ("Bad?", "Sadly.", "0", "", False),
            ("Else?", "Nobody knows.", "–", "", None),
        ]
    )
    source = page.html()
    for kind, symbol, word in (("good", "✓", "yes"), ("bad", "✗", "no"), ("open", "?", "not measured")):
        assert f'<li class="{kind}"><span class="sign"><span aria-hidden="true">{symbol}</span> {word}</span>' in source
    assert '<p class="figure">1 &lt; 2</p><p class="beside">rival 3</p>' in source
    assert "1 of 3 yes; 1 of 3 no; 1 of 3 not measured." in source


def test_cells_are_marked_in_words_and_stay_numbers():
    page = Page("title")
    page.table([["a", Marked("0.5", True), Marked("x", False)], ["b", Marked(0.25, None), "y"]], header=["n", "v", "w"])
    source = page.html()
    assert '<td class="number good">0.5 <span class="mark" role="img" aria-label="yes">✓</span></td>' in source
    assert '<td class="bad" dir="auto">x <span class="mark" role="img" aria-label="no">✗</span></td>' in source
    assert '<td class="number">0.25</td><td dir="auto">y</td>' in source


def test_without_a_script_all_is_open():
    page = Page("title")
    with page.folded("More"):
        page.text("inside")
    with page.folded("The next 190", rest=True):
        page.text("inside")
    assert '<details open class="fold"><summary>More</summary>\n<p>inside</p>\n</details>' in page.html()
    assert '<details open class="fold rest"><summary>The next 190</summary>' in page.html()
