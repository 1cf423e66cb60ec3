"""Where is it wrong? Columns, pairs of columns and regions, the most wrong first."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from unnoise.evaluation import MarginDistance, PairDistance, TableRegion
from unnoise.report import charts, plots, trust, views
from unnoise.report.answer import LEVEL
from unnoise.report.markup import NONE
from unnoise.report.measured import Assessment
from unnoise.report.page import Marked, Page
from unnoise.report.sections.shown import Shown

DRAWN = 4  # columns, and pairs, in pictures
LISTED = 10  # of them in tables before the rest is folded
MOST = 200  # rows of a folded table
LEAST_LIKELY = 20  # images


def show(page: Page, shown: Shown) -> None:
    """The columns, pairs and regions in which samples differ most from the data; of images those it knows least."""
    result = shown.result
    if result.standing is None or result.columns is None:
        page.text("These data have no columns, so no column is blamed; the box above says what was measured.")
        if shown.is_image:
            _least_likely(page, shown)
        return
    page.text(
        f"Sorted by how far beyond chance; ✗ is more than chance (p up to {LEVEL:g}, of all columns, pairs or regions "
        "together). Chance is what two sets of rows of the same law differ by."
    )
    _columns(page, shown)
    if result.standing.pairs:
        _pairs(page, shown)
    page.heading("Regions")
    if result.regions:
        _regions(page, result)
    else:
        page.text("Not measured: there are too few held-out rows to look for regions.")


def _columns(page: Page, shown: Shown) -> None:
    result = shown.result
    if result.standing is None or result.columns is None:
        return
    margins, columns = sorted(result.standing.margins, key=_is_chance), result.columns
    page.heading("Columns")
    rows = [
        [
            one.name,
            Marked(f"{one.distance:.3f}", one.p_value > LEVEL),
            f"{one.chance:.3f}",
            trust.atom_words(one, columns).removeprefix(one.name).removeprefix(" = ") or NONE,
        ]
        for one in margins
    ]
    _table(page, rows, ["column", "distance", "chance", "the value that differs most"], "columns")
    held, drawn = _values(result)
    page.figure(
        [
            charts.column(one.name, held[one.name], drawn[one.name], partial(views.word, shown.word, one.name))
            for one in margins[:DRAWN]
        ],
        "The worst columns. The distance is Kolmogorov-Smirnov's of numbers, where missing ones come last, and the "
        "total variation of levels: 0 if alike, 1 if nothing is in common.",
    )


def _pairs(page: Page, shown: Shown) -> None:
    result = shown.result
    if result.standing is None:
        return
    pairs = sorted(result.standing.pairs, key=_is_chance)
    page.heading("Pairs of columns")
    rows = [
        [
            f"{one.first}, {one.second}",
            Marked(f"{one.distance:.3f}", one.p_value > LEVEL),
            f"{one.chance:.3f}",
            "table"
            if one.correlations is None
            else "correlation {:.2f} in the data, {:.2f} in the samples".format(*one.correlations),
        ]
        for one in pairs
    ]
    _table(page, rows, ["pair", "distance", "chance", "measure"], "pairs")
    held, drawn = _values(result)
    drawn_pairs = []
    for one in pairs[:DRAWN]:
        names = one.first, one.second
        real, new = ((side[names[0]], side[names[1]]) for side in (held, drawn))
        figure = plots.pair(names, real, new, shown.word)
        drawn_pairs.append((figure, f"{one.first} and {one.second}: held-out rows in orange, samples in blue."))
    page.gallery(drawn_pairs)
    page.text(
        "The distance of a pair is the difference of the correlations of two numbers, else the total variation of the "
        "contingency tables, with numbers cut at deciles."
    )


def _regions(page: Page, result: Assessment) -> None:
    if result.columns is None:
        return
    columns = result.columns
    rows = [
        [
            trust.region_words(one, columns),
            f"{100 * one.share:.1f}",
            Marked(f"{100 * one.share_of_samples:.1f}", one.p_value > LEVEL),
            f"{100 * one.chance:.1f}",
        ]
        for one in sorted(result.regions, key=_is_chance)
    ]
    _table(page, rows, ["region", "data, %", "samples, %", "chance, %"], "regions")
    page.text(
        "A decision tree was fitted to tell half of the samples from half of the held-out rows; its leaves are these "
        "regions, counted on the other halves. Chance is what the two shares differ by if the law is the same."
    )


def _is_chance(one: MarginDistance | PairDistance | TableRegion) -> bool:
    """What is more than chance comes first; else the order stays."""
    return one.p_value > LEVEL


def _table(page: Page, rows: list[list[Any]], header: list[str], what: str) -> None:
    """The worst ones, and the rest folded."""
    more = rows[LISTED:MOST]
    caption = f"The worst {LISTED} of {len(rows)} {what}." if more else f"All {what}, the worst first."
    page.table(rows[:LISTED], header=header, caption=caption)
    if more:
        with page.folded(f"The next {len(more)} {what}", rest=True):
            page.table(more, header=header)


def _values(result: Assessment) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of held-out rows and of samples, to be drawn."""
    columns = result.columns
    if columns is None or result.tables is None:
        return {}, {}
    held, drawn = (
        {name: columns.shown(name, values) for name, values in zip(columns.names, table.T, strict=True)}
        for table in result.tables
    )
    return held, drawn


def _least_likely(page: Page, shown: Shown) -> None:
    """The held-out images that the model finds least likely."""
    result = shown.result
    log_prob = next(iter(result.log_probs.values()))
    order = np.argsort(log_prob, kind="stable")[:LEAST_LIKELY]
    page.figure(
        plots.image_grid(shown.images(result.test.x[order])),
        f"The {len(order)} held-out images that it finds least likely, from {log_prob[order[0]]:.4g} nats on; the mean "
        f"is {log_prob.mean():.4g}.",
    )
