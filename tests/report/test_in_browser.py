"""The report in a real browser: what is read, and what goes to paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from chromium import BROKEN, FAINT, WIDEST, chromium

from unnoise.report.page import Marked, Page

SEEN = "[...document.querySelectorAll('details')].map(it => it.open)"


def page() -> Page:
    """One of each part, with words from right to left and a long name."""
    made = Page("A report", subtitle="1,000 rows")
    made.section("Can I trust it?")
    made.verdicts(
        [
            (f"Is it {word}?", "A sentence.", "2.31", "2.94", ok)
            for word, ok in zip("abc", (True, False, None), strict=True)
        ]
    )
    with made.folded("How likely is held-out data?"):
        made.facts({"عدد الأطفال": "3.5", "a_very_long_name_of_a_column_" * 6: 1})
    made.section("Where is it wrong?")
    made.table([["a", Marked("0.5", True)], ["b", Marked("0.1", False)]], header=["column", "distance"], caption="Two.")
    with made.folded("The next 190 columns", rest=True):
        made.table([[f"column {i}", i] for i in range(190)], header=["column", "distance"])
    made.command("unnoise fit people.csv -o model --overwrite")
    return made


@pytest.mark.slow
def test_all_is_read_in_light_and_dark_and_at_the_width_of_a_phone(tmp_path: Path) -> None:
    page().write(tmp_path / "report.html")
    with chromium(tmp_path) as browser:
        for width, scheme in ((1280, "light"), (1280, "dark"), (400, "light")):
            browser.see(width, 900, scheme)
            browser.go((tmp_path / "report.html").as_uri())
            browser.ask("document.querySelectorAll('details').forEach(it => { it.open = true })")
            assert browser.ask(FAINT) == [], scheme
            assert browser.ask(BROKEN) == []
            assert browser.ask(WIDEST) <= width


@pytest.mark.slow
def test_paper_has_every_fold_but_the_rest_of_long_lists(tmp_path: Path) -> None:
    page().write(tmp_path / "report.html")
    with chromium(tmp_path) as browser:
        browser.go((tmp_path / "report.html").as_uri())
        assert browser.ask(SEEN) == [False, False]
        browser.ask("dispatchEvent(new Event('beforeprint'))")
        assert browser.ask(SEEN) == [True, False]
        browser.ask("dispatchEvent(new Event('afterprint'))")
        assert browser.ask(SEEN) == [False, False]
        browser.ask("document.querySelector('.rest').open = true")
        browser.ask("dispatchEvent(new Event('beforeprint'))")
        assert browser.ask(SEEN) == [True, True], "what the reader opened is printed"
        browser.ask("dispatchEvent(new Event('afterprint'))")
        assert browser.ask(SEEN) == [False, True], "and stays open"
