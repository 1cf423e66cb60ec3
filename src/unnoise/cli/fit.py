"""unnoise fit: learn the distribution of the rows of a file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unnoise.cli import common, errors, words

if TYPE_CHECKING:
    from unnoise.model import DenoisingMarkovModel

_SIGNALS = {129, 130, 143}  # the codes after SIGHUP, SIGINT and SIGTERM


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
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Columns that are always given and never modelled, as in --condition sex,age. Other columns can be "
            "given at sampling without it.",
        ),
    ] = None,
    roles: Annotated[
        Literal["any", "joint"] | None,
        typer.Option(
            help="any, the default: learn to answer questions about any columns given any others; joint: learn the law "
            "of all columns together alone.",
            show_default=False,
        ),
    ] = None,
    labels: common.Labels = None,
    steps: Annotated[int | None, typer.Option(help="Gradient steps; 3000 by default.", show_default=False)] = None,
    time_limit: Annotated[
        str | None, typer.Option("--time", metavar="TIME", help="Longest time to train, as 90s, 10m, 2h.")
    ] = None,
    checkpoint_every: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How often to save a checkpoint; 30s by default.", show_default=False),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(max=common.MOST_AT_ONCE, help="Rows per step; 512 by default.", show_default=False)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Peak learning rate of AdamW; 0.001 by default.", show_default=False)
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="float32, the default, or bfloat16 (faster on GPUs).", show_default=False)
    ] = None,
    device: common.Device = "auto",
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=common.LAST_SEED, help="Seed of all randomness; 0 by default.", show_default=False),
    ] = None,
    stream: Annotated[
        bool,
        typer.Option("--stream", help="Read the table in blocks, as is done anyway with more than 2 GiB of numbers."),
    ] = False,
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
    Empty cells are welcome: that they are empty is learnt too.

    A table larger than memory, or a folder of .parquet or .csv files, is read in blocks, and its encoded rows wait on
    the disk of MODEL while it trains.

    Ctrl-C saves a checkpoint, from which --resume continues, and so does the end of a job on a cluster (SIGTERM).

    Examples:
      unnoise fit measurements.csv -o model

      unnoise fit people.parquet -o model --column zip=category --time 10m

      unnoise fit people.parquet -o model --condition sex,age

      unnoise fit quakes.csv -o model --column lat,lon=latlon

      unnoise fit tokens.npy -o model --column x=sequence
    """
    from unnoise.model import DenoisingMarkovModel, load_unfitted

    words.refuse(
        (resume and overwrite, "--overwrite replaces the model that --resume continues"),
        (bool(trust) and not resume, "--trust is for the modules of a model that --resume continues"),
    )
    start = time.monotonic()
    options = {
        "kinds": words.kinds(column),
        "condition": words.names(condition, "--condition"),
        "roles": roles,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "precision": precision,
        "random_state": seed,
        "device": device,
        "steps": steps,
        "time_limit": words.duration(time_limit),
        "checkpoint_every": words.duration(checkpoint_every),
    }
    model = load_unfitted(output, trust=trust or ()) if resume else DenoisingMarkovModel()
    model.set_params(**{name: value for name, value in options.items() if value is not None})
    rows, y = common.large(data, stream), common.contents(labels)
    words.refuse(common.idle_labels(labels, "--labels", model._conditions(), rows))
    with _continued(output):
        model.fit(rows, y, folder=output, resume=resume, overwrite=overwrite)
    common.result(json, *_outcome(model, data, output, len(rows), time.monotonic() - start))


@contextmanager
def _continued(output: Path) -> Iterator[None]:
    """Say how to go on from the checkpoint that `fit` saves at Ctrl-C and at the signals that end a job."""
    from unnoise.storage import TRAINING

    try:
        yield
    except (KeyboardInterrupt, SystemExit) as end:
        code = 130 if isinstance(end, KeyboardInterrupt) else end.code
        if code not in _SIGNALS or not (output / TRAINING).is_file():
            raise
        again = words.command_line("--resume", without=("--overwrite",))
        common.fail(f"{errors.ending(code)}; the checkpoint is saved, continue with: {again}", code)


def _outcome(
    model: DenoisingMarkovModel, data: Path, output: Path, rows: int, seconds: float
) -> tuple[dict[str, Any], str]:
    from unnoise.data.scans import tables_in

    steps = len(model.losses_)
    facts = {
        "model": str(output),
        "rows": rows,
        "steps": steps,
        "loss": float(model.losses_[-100:].mean()),
        "seconds": round(seconds, 1),
    }
    suffix = {".npz": ".npy", ".safetensors": ".npy", ".gz": ".csv", "": ".npy"}.get(data.suffix, data.suffix)
    suffix = next((part.suffix for part in tables_in(data)), suffix)
    told = (
        f"{model.schema_.describe()}\n\nsaved {output} after {steps:,} steps in {seconds:.0f} s; next:\n"
        f"  {words.command('unnoise', 'sample', output, '-n', 1000, '-o', f'new{suffix}')}\n"
        f"  {words.command('unnoise', 'evaluate', output, 'HELD_OUT', '--report', 'report.html')}"
    )
    if model.schema_.missing:
        told += f"\n  {words.command('unnoise', 'impute', output, data, '-o', f'filled{suffix}')}"
    return facts, told
