"""How to go on: what to do next, why, and the command for it."""

from __future__ import annotations

from unnoise.report.advice import advice
from unnoise.report.page import Page
from unnoise.report.sections.shown import Shown


def show(page: Page, shown: Shown) -> None:
    """An advice each, the most urgent first."""
    for one in advice(shown.result, shown.names):
        page.heading(one.what)
        page.text(one.why)
        if one.command:
            page.command(one.command)
