"""unnoise evaluate: measure a model on held-out data."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unnoise._errors import InputError
from unnoise._paths import typed
from unnoise._places import check_writable
from unnoise.cli import common, reading, words
from unnoise.cli.manual import MORE
from unnoise.cli.reading import files_of

if TYPE_CHECKING:
    from unnoise.model import DenoisingMarkovModel

MOST_TRAIN = 200_000  # rows of training data that are compared with
FITTING = 60.0  # seconds that a rival may take


@common.reports_errors
@reading.reads_files
def evaluate(
    model: common.Model,
    data: common.Data,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write all results with pictures to one HTML file.")
    ] = None,
    train: Annotated[
        Path | None,
        typer.Option(metavar="DATA", help="The training data: adds rivals and a search for copies."),
    ] = None,
    labels: common.Labels = None,
    train_labels: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=MORE, metavar="FILE", help="The conditions of the training data, as --labels."),
    ] = None,
    max_rows: Annotated[
        int, typer.Option(help="Held-out rows to score, chosen at random; trees judge ten times as many.")
    ] = 1000,
    device: common.Device = "auto",
    seed: common.Seed = 0,
    overwrite: common.Overwrite = False,
    trust: common.Trust = None,
    json: common.Json = False,
) -> None:
    """Measure MODEL on held-out DATA, which it was not fitted on.

    First comes whether one can trust it: its likelihood beside rivals, what
    classifiers tell, calibration, copies, columns and pairs. Then all numbers,
    and how to go on, with the commands. Rivals and copies need --train. Of rows
    with empty cells what is known is measured, and which cells are empty.

    Examples:
      unnoise evaluate model test.csv  # numbers
      unnoise evaluate model test.csv --train train.csv --report report.html
    """
    words.refuse(
        (train_labels is not None and train is None, "--train-labels is for the rows of --train"),
        (overwrite and report is None, "--overwrite is for the file of --report"),
    )
    if report is not None:
        check_writable(report, overwrite, {".html"})
    common.check_there(model, data, train, *files_of(labels).values(), *files_of(train_labels).values())
    from unnoise.report import Names, page_of
    from unnoise.report import evaluate as measure
    from unnoise.report.advice import advice
    from unnoise.report.assessment import MORE

    fitted = common.opened(model, device, trust)
    test, y = reading.some(data, labels, max(max_rows, 1), seed, fitted.schema_, more=MORE)
    known, known_y = reading.some(train, train_labels, MOST_TRAIN, seed, fitted.schema_, beside=True)
    conditions = fitted.schema_.conditions
    words.refuse(
        reading.idle_labels(labels, "--labels", conditions, test),
        reading.idle_labels(train_labels, "--train-labels", conditions, known),
    )
    rivals = _rivals(fitted, known, test, seed)
    found = measure(fitted, test, y, train=known, train_y=known_y, rivals=rivals, max_rows=max_rows, seed=seed)
    names = Names(
        model=typed(model),
        data=typed(data),
        train="TRAIN" if train is None else typed(train),
        better=f"{model.name}_better",
        data_options=tuple(reading.options(data)),
        train_options=tuple(reading.options(train or data, beside=True)),  # rows that nobody named are written alike
    )
    if report is not None:
        page_of(found, f"{model.name} on {data.name}", words.command_line(), names=names).write(report)
    told = advice(found, names)
    lines = ["can I trust it?"]
    for answer in found.answers:
        sign = {True: "yes", False: "NO", None: "?"}[answer.good]
        lines += [f"  {sign:<4} {answer.question} {answer.number}", f"       {answer.sentence}"]
    lines += [f"{name:<28} {number}" for name, number in found.numbers.items()]
    methods = {label: found.descriptions[label] for label in found.likelihoods}
    lines += [f"{label}: {words}" for label, words in methods.items()]
    lines += ["how to go on?"]
    for one in told:
        lines += [f"  {one.what} {one.why}", *([f"    {one.command}"] if one.command else [])]
    lines += [] if report is None else [f"wrote {report}"]
    more = {"methods": methods, "advice": [asdict(one) for one in told]}
    common.result(json, found.measured() | more | found.details(), "\n".join(lines))


def _rivals(fitted: DenoisingMarkovModel, train: Any, test: Any, seed: int) -> dict[str, DenoisingMarkovModel]:
    """A mixture that was fitted to the same rows, where the model is one of a table and no mixture itself."""
    from unnoise.model import rival

    schema = fitted.schema_
    if train is None or schema.feature_names is None or schema.conditions or fitted.quick:
        return {}
    try:
        mixture = rival(schema.selected(train), kinds=fitted.kinds, time_limit=FITTING, seed=seed)
        mixture.schema_.encode(test)
    except InputError:  # columns with no law in closed form, or values that no training row has
        return {}
    return {"mixture": mixture}
