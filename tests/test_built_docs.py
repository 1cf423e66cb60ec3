"""The documentation as `make docs` built it, in a real browser from its files; skipped where it is not built."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest
from chromium import BROKEN, FAINT, WIDEST, chromium

BUILT = Path(__file__).resolve().parents[1] / "docs" / "_build" / "html"
WIDTHS = (1280, 400)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BUILT / "searchindex.js").exists(), reason="`make docs` was not run"),
]


def test_every_page_fits_its_screen_and_can_be_read(tmp_path: Path) -> None:
    wrong = []
    with chromium(tmp_path) as browser:
        for width in WIDTHS:
            browser.see(width)
            for page in sorted(BUILT.glob("*.html")):
                browser.go(page.as_uri())
                wide = browser.ask(WIDEST)
                found = [f"{wide} px"] * (wide > width) + browser.ask(BROKEN) + browser.ask(FAINT)
                wrong += [f"{page.name} at {width}: {one}" for one in found]
    assert not wrong


def test_links_and_pictures_between_pages_are_there() -> None:
    broken = set()
    for page in BUILT.rglob("*.html"):
        for link in re.findall(r'(?:href|src)="([^"#?]+)', page.read_text(encoding="utf-8")):
            target = unquote(unescape(link))
            if not re.match(r"[a-z]+:|//", target) and not (page.parent / target).exists():
                broken.add(f"{page.relative_to(BUILT)}: {target}")
    assert not broken


def test_a_search_finds_pages_without_a_server(tmp_path: Path) -> None:
    with chromium(tmp_path) as browser:
        browser.go(f"{(BUILT / 'search.html').as_uri()}?q=torsions")
        assert browser.until("document.querySelectorAll('ul.search li a').length") > 0
