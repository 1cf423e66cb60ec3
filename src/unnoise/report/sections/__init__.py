"""An assessment as a page, in the order in which a person asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from unnoise.report.advice import Names
from unnoise.report.measured import Assessment
from unnoise.report.page import Page
from unnoise.report.sections import going_on, making, samples, trusting, wrong
from unnoise.report.sections.shown import Shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECTIONS: tuple[tuple[str, Callable[[Page, Shown], None]], ...] = (
    ("Can I trust it?", trusting.show),
    ("What do the samples look like?", samples.show),
    ("Where is it wrong?", wrong.show),
    ("How was it made?", making.show),
    ("How to go on?", going_on.show),
)


def page_of(
    result: Assessment,
    title: str = "unnoise",
    command: str | None = None,
    *,
    names: Names = Names(),
    pictures: Sequence[tuple[Figure, str]] = (),
) -> Page:
    """The page of an assessment, for `page_of(found).write("report.html")`.

    Args:
        result: what was measured.
        title: of the page.
        command: that makes the page again.
        names: of the files, for the commands that it advises.
        pictures: more pictures of samples, with captions.
    """
    schema = result.model.schema_
    what = " x ".join(map(str, schema.event_shape)) + " numbers" if schema.numbers else schema.kinds
    page = Page(title, subtitle=f"{len(result.test):,} held-out rows of {what}")
    for heading, show in SECTIONS:
        page.section(heading)
        show(page, Shown(result, command, names, tuple(pictures)))
    return page
