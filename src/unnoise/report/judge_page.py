"""The parts of a page about a table: its worst columns and pairs, and simpler models beside ours."""

from __future__ import annotations

import math
from typing import Any

from unnoise.report import plots, trust
from unnoise.report.assessment import Assessment
from unnoise.report.page import Marked, Page
from unnoise.report.rivals import Standing
from unnoise.report.trust import LEVEL

DRAWN = 4  # columns, and pairs, in pictures
LISTED = 10  # of them in tables
NONE = "–"


def show_trust(page: Page, result: Assessment) -> None:
    """The box at the top."""
    page.trust((one.question, one.number, one.sentence, one.good) for one in result.answers)


def show_worst(page: Page, result: Assessment) -> None:
    """The columns and pairs in which samples differ most from the data."""
    found, columns = result.standing, result.columns
    if found is None or columns is None:
        return
    page.section("Which columns differ most?")
    page.text(
        "The distance of a column is Kolmogorov-Smirnov's of numbers, where missing ones come last, and the total "
        "variation of levels: 0 if alike, 1 if nothing is in common. Chance is the mean of random splits of the same "
        f"rows; red is more than chance (p up to {LEVEL:g}, of all columns together)."
    )
    page.table(
        [
            [
                one.name,
                Marked(f"{one.distance:.3f}", one.p_value > LEVEL),
                f"{one.chance:.3f}",
                trust.atom_words(one, columns) or NONE,
            ]
            for one in found.margins[:LISTED]
        ],
        header=["column", "distance", "chance", "the value that differs most"],
        caption=_caption(len(found.margins), "columns"),
    )
    held, drawn = _columns(result)
    worst = [(one.name, held[one.name], drawn[one.name]) for one in found.margins[:DRAWN]]
    page.figure(
        plots.worst_margins(worst),
        "The worst columns: shares of levels and of numbers that repeat, else the share of rows up to each number.",
    )
    if not found.pairs:
        return
    page.text(
        "The distance of a pair is the difference of the correlations of two numbers, else the total variation of "
        "the contingency tables, with numbers cut at deciles."
    )
    page.table(
        [
            [
                f"{one.first}, {one.second}",
                Marked(f"{one.distance:.3f}", one.p_value > LEVEL),
                f"{one.chance:.3f}",
                "table"
                if one.correlations is None
                else "correlation {:.2f} in the data, {:.2f} in the samples".format(*one.correlations),
            ]
            for one in found.pairs[:LISTED]
        ],
        header=["pair", "distance", "chance", "measure"],
        caption=_caption(len(found.pairs), "pairs"),
    )
    both = [
        ((one.first, one.second), (held[one.first], held[one.second]), (drawn[one.first], drawn[one.second]))
        for one in found.pairs[:DRAWN]
    ]
    page.figure(plots.worst_pairs(both), "The worst pairs of columns, held-out rows and samples.")


def show_rivals(page: Page, result: Assessment) -> None:
    """Our samples beside those of simpler models."""
    if result.standing is None or not result.rivals:
        return
    page.section("Beside simpler models")
    standings = {"unnoise": result.standing, **result.rivals}
    rows = [_standing(name, one) for name, one in standings.items()]
    blanks = [NONE] * 5
    rows += [
        [name, *blanks, f"{mean:.3f}"]
        for name, (mean, _) in result.likelihoods.items()
        if not name.startswith("unnoise")
    ]
    header = ["model", "trees AUC", "MLP", "column", "pair", "copying", "nats per row"]
    words = "Fitted on the same training rows, judged on the same held-out rows; red is more than chance."
    page.table(rows, header=header, caption=f"{words} The MLP of simpler models has two folds.")
    page.text(
        "How well trees and an MLP tell samples from held-out rows (0.5: they cannot), the distance of the worst "
        "column and of the worst pair, and the distance to the nearest training row over that of held-out rows (0: "
        "copies; none where most held-out rows repeat training rows)."
    )
    page.text(" ".join(f"{name[:1].upper()}{name[1:]}: {result.descriptions[name]}." for name in result.rivals))


def _standing(name: str, one: Standing) -> list[Any]:
    good = trust.believable(one)
    ratio = NONE if one.copying is None or not math.isfinite(one.copying.ratio) else f"{one.copying.ratio:.2f}"
    return [
        name,
        Marked(f"{one.trees.auc:.3f}", good["trees"]),
        Marked(f"{one.classifier.accuracy:.3f}", good["classifier"]),
        Marked(f"{one.margins[0].distance:.3f}", good["margin"]),
        Marked(f"{one.pairs[0].distance:.3f}", good["pair"]) if one.pairs else NONE,
        Marked(ratio, good.get("copying")),
        NONE if one.log_prob is None else f"{one.log_prob[0]:.3f}",
    ]


def _columns(result: Assessment) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of held-out rows and of samples, to be drawn."""
    columns = result.columns
    if columns is None or result.tables is None:
        return {}, {}
    held, drawn = (
        {name: columns.shown(name, values) for name, values in zip(columns.names, table.T, strict=True)}
        for table in result.tables
    )
    return held, drawn


def _caption(count: int, what: str) -> str:
    return f"The worst {LISTED} of {count} {what}." if count > LISTED else ""
