"""Is a model as sure as it should be, given some columns? Measured, answered, and shown on a page."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from unnoise._errors import InputError, warn
from unnoise.evaluation import Calibration, CalibrationCurve, ColumnCalibration, calibration
from unnoise.model import DenoisingMarkovModel
from unnoise.report import plots
from unnoise.report.answer import LEVEL, Answer
from unnoise.report.markup import NONE
from unnoise.report.page import Marked, Page

CHECKS = 5  # which together give a perfect model a bad answer as often as any other question
MOST_ROWS = 200
DRAWS = 9  # of each row
DENSITY_DRAWS = 4  # of each row whose density is measured
MOST_CURVES = 6  # of columns
QUESTION = "Is it as sure as it should be?"

Curves = list[tuple[str, CalibrationCurve, bool]]


def calibrated(
    model: DenoisingMarkovModel, test: Any, y: Any, seed: int, given: Sequence[str] = ()
) -> Calibration | None:
    """The checks of draws given the conditions of held-out rows and some columns; None where nothing is given."""
    if not model.schema_.conditions and not given:
        return None
    counts = {"draws": DRAWS, "density_draws": DENSITY_DRAWS if model.schema_.conditions else 0, "max_rows": MOST_ROWS}
    more: dict[str, Any] = {"given": list(given)} if given else {}
    try:
        with warnings.catch_warnings():
            if given:  # nobody asked for this check: its number of rows says enough
                warnings.filterwarnings("ignore", ".* rows are left out", UserWarning)
            return calibration(model, test, y, **counts, **more, trials=0, level=LEVEL / CHECKS, seed=seed % 2**32)
    except InputError as error:  # as where too few rows are whole
        warn(f"calibration is not judged: {error}")
        return None


def answer(found: Calibration | None) -> Answer:
    """Whether draws given some columns are as spread as the truth."""
    if found is None:
        why = "This model is asked for whole rows alone, or too few held-out rows are whole."
        return Answer("calibration", QUESTION, NONE, why, None)
    least = min(found.answers, key=lambda one: one.p_value)
    bad = [one for one in found.answers if not one.good]
    number = f"{len(found.answers)} checks, least p = {least.p_value:.2g}"
    drawn = f"{found.rows:,} held-out rows, {found.draws} draws each given {', '.join(found.given)}"
    sentence = f"No check of {drawn}, sees more than chance."
    if bad:
        sentence = f"{len(bad)} of {len(found.answers)} checks of {drawn}, see more than chance: {least.answer}"
    return Answer("calibration", QUESTION, number, sentence, not bad, f"a perfect model: p above {found.level:g}")


def show_calibration(page: Page, found: Calibration) -> None:
    """A sentence, the checks with their p-values, and their curves in their bands."""
    page.text(
        f"For each of {found.rows:,} held-out rows {found.draws} draws were taken given {', '.join(found.given)}. If "
        f"the model is right, the true row is like one more draw. {_summed(found)}"
    )
    page.table(
        [[one.question, one.answer, Marked(f"{one.p_value:.2g}", one.good)] for one in found.answers],
        header=["question", "answer", "p"],
        caption=f"Red is p up to {found.level:g}, so that a perfect model is red in one of {1 / LEVEL:.0f} reports.",
    )
    page.figure(plots.calibration_curves(_panels(found)), _caption(found))


def _summed(found: Calibration) -> str:
    bad = sum(not one.good for one in found.answers)
    if bad:
        return f"{bad} of {len(found.answers)} checks see a difference: what it says of one row is not to be believed."
    return f"None of {len(found.answers)} checks sees more than chance."


def _panels(found: Calibration) -> list[tuple[str, str, Curves]]:
    panels = [("ranks", "rank among the draws", _columns(found.ranks.columns, found.level))]
    coverage: Curves = []
    if found.density is not None:
        coverage.append(("densest region", found.density.curve, found.density.p_value > found.level))
    if found.intervals is not None:
        worst = found.intervals.columns[0]
        coverage.append((f"middle of {worst.name}", worst.curve, worst.p_value > found.level))
    if coverage:
        panels.append(("coverage", "level of the region", coverage))
    points = ("", found.points.curve, found.points.p_value > found.level)
    return [*panels, ("points of reference", "share of draws in the ball", [points])]


def _columns(columns: tuple[ColumnCalibration, ...], level: float) -> Curves:
    return [(one.name, one.curve, one.p_value > level) for one in columns[:MOST_CURVES]]


def _caption(found: Calibration) -> str:
    more = len(found.ranks.columns) - MOST_CURVES
    some = f" (the worst {MOST_CURVES} columns)" if more > 0 else ""
    return (
        f"The share of truths up to each rank{some}, in the region of each level, and nearer to points of reference: "
        "on the dotted line if the model is right, and within the grey band but for chance. Red curves leave it. "
        "Coverage below the line: the model is surer than it should be."
    )
