"""Can I trust it? The box of answers; behind it the numbers of simpler models, likelihoods, tests and copies."""

from __future__ import annotations

import math
from typing import Any

from unnoise.evaluation import bits_per_dimension, nearest_training
from unnoise.report import plots, trust
from unnoise.report.answer import LEVEL
from unnoise.report.conditions import show_calibration
from unnoise.report.markup import NONE
from unnoise.report.measured import Assessment
from unnoise.report.page import Marked, Page
from unnoise.report.rivals import Standing
from unnoise.report.sections.shown import Shown

PAIRS = 20  # samples beside their nearest training rows


def show(page: Page, shown: Shown) -> None:
    """The box, and what stands behind it."""
    result = shown.result
    page.verdicts((one.question, one.sentence, one.number, one.beside, one.good) for one in result.answers)
    page.text(
        f"A perfect model gets a wrong “no” to one question in {1 / LEVEL:.0f} reports; a “yes” says that so "
        "many rows show no difference. What was not measured is no “yes”."
    )
    if result.standing is not None and result.rivals:
        with page.folded("Beside simpler models"):
            _rivals(page, result)
    with page.folded("How likely is held-out data?"):
        _likelihood(page, shown)
    with page.folded("Can samples be told from data?"):
        _two_samples(page, result)
    if result.calibration is not None:
        with page.folded("Is it as sure as it should be?"):
            show_calibration(page, result.calibration)
    if result.train is not None:
        with page.folded("Are samples copies of the training data?"):
            _neighbours(page, shown)


def _rivals(page: Page, result: Assessment) -> None:
    """Our samples beside those of simpler models."""
    if result.standing is None:
        return
    standings = {"unnoise": result.standing, **result.rivals}
    rows = [_standing(name, one) for name, one in standings.items()]
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


def _likelihood(page: Page, shown: Shown) -> None:
    result, bits = shown.result, shown.in_bits
    schema = result.model.schema_
    factor = bits_per_dimension(1.0, math.prod(schema.event_shape)) if bits else 1.0
    unit = "bits per dimension" if bits else "nats per row"
    better = "less is better" if bits else "more is better"
    rows = [
        [name, result.descriptions[name], f"{mean * factor:.3f} ± {error * abs(factor):.3f}"]
        for name, (mean, error) in result.likelihoods.items()
    ]
    for name in result.rivals:  # whose likelihood is of the same rows
        log_prob = result.rivals[name].log_prob
        if log_prob is not None:
            mean, error = log_prob[0] * factor, log_prob[1] * abs(factor)
            rows.append([name, result.descriptions[name], f"{mean:.3f} ± {error:.3f}"])
    page.table(
        rows, header=["model", "what it is", unit], caption=f"The same {len(result.test):,} held-out rows; {better}."
    )
    holed = " Of rows with empty cells it is that of what is known." if result.has_holes else ""
    given = f" Only the model uses {', '.join(schema.conditions)}." if schema.conditions else ""
    page.text(
        f"Likelihoods are in {schema.measure}. Errors are standard errors over rows. "
        f"A lower bound understates the model.{holed}{given}"
    )
    for name, label in {"exact": "The exact log-likelihood", "bound": "The lower bound"}.items():
        prefix = f"{name}_part_"
        parts = {key.removeprefix(prefix): figure for key, figure in result.numbers.items() if key.startswith(prefix)}
        if parts:
            page.text(f"{label} is a sum: {', '.join(f'{part} {figure}' for part, figure in parts.items())}.")


def _two_samples(page: Page, result: Assessment) -> None:
    numbers = result.numbers
    page.text(
        f"A classifier ({result.descriptions['c2st']}) tells samples from held-out rows with accuracy "
        f"{numbers['c2st_accuracy']} (0.5: it cannot; 1: always); "
        f"p = {numbers['c2st_p_value'].value:.2g} for no better than chance. {_trees(result)}"
        f"The energy distance is {numbers['energy_distance']}; two exact samples of this size differ by about "
        f"{numbers['energy_distance_floor'].value:.2g}."
    )


def _trees(result: Assessment) -> str:
    if result.standing is None:
        return ""
    return (
        f"Another one ({result.descriptions['trees']}) ranks them with an area under the curve of "
        f"{result.numbers['trees_auc']}; p = {result.numbers['trees_p_value'].value:.2g}. Samples are not told from "
        "data only if both do not. "
    )


def _neighbours(page: Page, shown: Shown) -> None:
    result = shown.result
    if result.train is None:
        return
    ratio, near, usual = (result.numbers[f"copying_{name}"] for name in ("ratio", "near_share", "near_share_held_out"))
    page.text(
        f"The median distance of a sample to its nearest training row is {ratio} times that of a held-out row. "
        f"Near 1, samples are as new as held-out data; near 0, they are copies. {100 * near.value:.1f} % of samples "
        f"are as near to a training row as the nearest {100 * usual.value:.1f} % of held-out rows; much more than that "
        "are copies."
    )
    if shown.is_image:
        few = result.samples[:PAIRS]
        known = result.features(result.train.x, result.train.known)
        nearest = nearest_training(result.features(result.model.schema_.round_trip(few)), known).indices[:, 0]
        figure = plots.neighbour_grid(shown.images(few), shown.images(result.train.x[nearest]))
        page.figure(figure, "Samples, each above its nearest training image.")
