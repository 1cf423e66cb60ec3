"""unnoise fit: learn the distribution of the rows of a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unnoise.cli import common

if TYPE_CHECKING:
    from unnoise.model import DenoisingMarkovModel


@common.reports_errors
def fit(
    data: common.Data,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="MODEL", help="Folder for the model.")],
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES=KIND",
            help="Kind of columns (repeatable): real, integer, category, ordered, binary, count, angle, degrees, "
            "radians, latlon (2 columns), rotation (3, 4 or 9), proportions, sequence.",
        ),
    ] = None,
    condition: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Columns that are given at sampling, as in --condition sex,age.")
    ] = None,
    labels: common.Labels = None,
    steps: Annotated[int | None, typer.Option(help="Gradient steps; 3000 by default.", show_default=False)] = None,
    time_limit: Annotated[
        str | None, typer.Option("--time", metavar="TIME", help="Longest time to train, as 90s, 10m, 2h.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows per step; 512 by default.", show_default=False)] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak learning rate of AdamW; 0.001 by default.", show_default=False)
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, the default, or bfloat16 (faster on GPUs).", show_default=False)
    ] = None,
    device: common.Device = "auto",
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of all randomness; 0 by default.", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint in MODEL.")] = False,
    overwrite: common.Overwrite = False,
    trust: common.Trust = None,
    json: common.Json = False,
) -> None:
    """Learn the distribution of the rows of DATA and save it as MODEL.

    The type of a column decides how it is modelled, unless --column gives its
    kind. Columns that form one object, such as a place, are named together, or
    by the start of their names (q for qx, qy, qz, qw). The columns of an array
    are x0, x1, ...; x means all of them. The data needs no standardisation.

    Ctrl-C saves a checkpoint, from which --resume continues.

    Examples:
      unnoise fit measurements.csv -o model

      unnoise fit people.parquet -o model --condition sex,age --column zip=category --time 10m

      unnoise fit quakes.csv -o model --column lat,lon=latlon

      unnoise fit tokens.npy -o model --column x=sequence
    """
    from unnoise.model import DenoisingMarkovModel, load_unfitted
    from unnoise.storage import TRAINING

    start = time.monotonic()
    options = {
        "kinds": common.kinds(column),
        "condition": condition.split(",") if condition else None,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "precision": precision,
        "random_state": seed,
        "device": device,
        "steps": steps,
        "time_limit": common.duration(time_limit),
    }
    model = load_unfitted(output, trust=trust or ()) if resume else DenoisingMarkovModel()
    model.set_params(**{name: value for name, value in options.items() if value is not None})
    rows, y = common.contents(data), common.contents(labels)
    try:
        model.fit(rows, y, folder=output, resume=resume, overwrite=overwrite)
    except KeyboardInterrupt:
        saved = f"; the checkpoint is saved, continue with: {common.command_line('--resume')}"
        common.fail("interrupted" + (saved if (output / TRAINING).is_file() else ""), 130)
    common.result(json, *_outcome(model, data, output, len(rows), time.monotonic() - start))


def _outcome(
    model: DenoisingMarkovModel, data: Path, output: Path, rows: int, seconds: float
) -> tuple[dict[str, Any], str]:
    steps = len(model.losses_)
    facts = {
        "model": str(output),
        "rows": rows,
        "steps": steps,
        "loss": float(model.losses_[-100:].mean()),
        "seconds": round(seconds, 1),
    }
    words = (
        f"{model.schema_.describe()}\n\nsaved {output} after {steps:,} steps in {seconds:.0f} s; next:\n"
        f"  unnoise sample {output} -n 1000 -o new{data.suffix or '.npy'}\n"
        f"  unnoise evaluate {output} HELD_OUT --report report.html"
    )
    return facts, words
