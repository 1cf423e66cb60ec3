"""unnoise fit: learn the distribution of the rows of a file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unnoise._places import check_model_folder
from unnoise.cli import common, reading, words
from unnoise.cli.manual import MORE

if TYPE_CHECKING:
    from unnoise.model import DenoisingMarkovModel

DRAWN = 1000  # new rows that show what the model does not keep
MOST_VALIDATION = 200_000  # rows of a file to validate on, of those in many more a sample


@common.reports_errors
@reading.reads_files
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
    constraint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            help="What holds in every row, also of samples (repeatable): 'low <= high', 'total = a + b', 'price > 0', "
            "'code -> place' where one column determines another.",
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
            rich_help_panel=MORE,
            help="any, the default: learn to answer questions about any columns given any others; joint: learn the law "
            "of all columns together alone.",
            show_default=False,
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="In seconds: a mixture of product laws, fitted by EM, instead of a network."),
    ] = False,
    labels: common.Labels = None,
    weight: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=MORE,
            metavar="COLUMN",
            help="Column that says how much each row counts; it is not modelled.",
        ),
    ] = None,
    validation: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE|FILE",
            help="Share of the rows to hold out, 0.1 by default, or a file of others: training ends when it no longer "
            "helps on them. 0 holds out none.",
            show_default=False,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=MORE,
            help="Gradient steps at most; by default 2000 to 8000, more for more data.",
            show_default=False,
        ),
    ] = None,
    time_limit: Annotated[
        str | None, typer.Option("--time", metavar="TIME", help="Longest time to train, as 90s, 10m, 2h.")
    ] = None,
    checkpoint_every: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=MORE,
            metavar="TIME",
            help="How often to save a checkpoint; 30s by default.",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=MORE,
            max=common.MOST_AT_ONCE,
            help="Rows per step; 64 to 512 by default.",
            show_default=False,
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            rich_help_panel=MORE,
            help="Peak learning rate of AdamW; 0.003 or 0.001 by default.",
            show_default=False,
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=MORE,
            help="float32, the default, or bfloat16 (faster on GPUs).",
            show_default=False,
        ),
    ] = None,
    device: common.Device = "auto",
    compiling: Annotated[
        bool,
        typer.Option(
            "--compile",
            rich_help_panel=MORE,
            help="Let torch.compile join small operations of the network, after a minute or so that it takes; `unnoise "
            "doctor` says whether it works.",
        ),
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=MORE,
            min=0,
            max=common.LAST_SEED,
            help="Seed of all randomness; 0 by default.",
            show_default=False,
        ),
    ] = None,
    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            rich_help_panel=MORE,
            help="Read the table in blocks, as is done anyway with more than 2 GiB of numbers.",
        ),
    ] = False,
    log: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=MORE,
            metavar="TRACKER",
            help="Show the losses elsewhere while it trains: tensorboard (in runs/), wandb, mlflow, trackio, aim, "
            "comet_ml, clearml, dvclive or swanlab, where it is installed.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint in MODEL.")] = False,
    overwrite: common.Overwrite = False,
    trust: common.Trust = None,
    json: common.Json = False,
) -> None:
    """Learn the distribution of the rows of DATA and save it as MODEL.

    The type of a column decides how it is modelled, unless --column says it.
    Training ends when it no longer helps on a tenth of the rows, which are held
    out, and the best weights are kept. Ctrl-C saves; --resume goes on.

    Examples:
      unnoise fit measurements.csv -o model --quick         # a first look
      unnoise fit people.parquet -o model --time 10m        # a table
      unnoise fit people.csv -o model --condition sex,age   # rows given others
      unnoise fit quakes.csv -o model --column lat,lon=latlon  # places
      unnoise fit tokens.npy -o model --column x=sequence      # letters, tokens

    Columns that form one object, such as a place, are named together, or by the
    start of their names (q for qx, qy, qz, qw). The columns of an array are x0,
    x1, ...; x means all of them. The data needs no standardisation. Empty cells
    are welcome: that they are empty is learnt too.

    A table larger than memory, or a folder of .parquet or .csv files, is read in
    blocks, and its encoded rows wait on the disk of MODEL while it trains.

    Ctrl-C saves a checkpoint, from which --resume continues, and so does the end
    of a job on a cluster (SIGTERM).
    """
    idle = {
        "--validation": validation is not None,
        "--steps": steps is not None,
        "--checkpoint-every": checkpoint_every is not None,
        "--batch-size": batch_size is not None,
        "--learning-rate": learning_rate is not None,
        "--precision": precision is not None,
        "--compile": compiling,
    }
    words.refuse(
        (resume and overwrite, "--overwrite replaces the model that --resume continues"),
        (quick and resume, "a quick model has no training that --resume could continue"),
        (quick and log is not None, "a quick model has no steps that --log could show"),
        *((quick and given, f"{name} is for training in steps, and --quick has none") for name, given in idle.items()),
        (bool(trust) and not resume, "--trust is for the modules of a model that --resume continues"),
    )
    start = time.monotonic()
    share, others = words.share_or_file(validation)
    options = {
        "validation": share,
        "kinds": words.kinds(column),
        "constraints": constraint,
        "condition": words.names(condition, "--condition"),
        "roles": roles,
        "quick": quick or None,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "precision": precision,
        "random_state": seed,
        "device": device,
        "compile": compiling or None,
        "steps": steps,
        "time_limit": words.duration(time_limit),
        "checkpoint_every": words.duration(checkpoint_every),
    }
    check_model_folder(output)
    common.check_there(output if resume else None, data, others, *reading.files_of(labels).values())
    from unnoise.model import DenoisingMarkovModel, load_unfitted
    from unnoise.storage import TRAINING, check_free

    if output.exists() and not resume:
        check_free(output, overwrite)
    model = load_unfitted(output, trust=trust or ()) if resume else DenoisingMarkovModel()
    model.set_params(**{name: value for name, value in options.items() if value is not None})
    rows, y = reading.large(data, stream, model.kinds), reading.conditions(labels)
    names = model._conditions() or _named(y)
    words.refuse(reading.idle_labels(labels, "--labels", names, rows, ": say by --condition which of its columns are"))
    rows, weights = reading.without(rows, weight)
    held_out = reading.some(others, None, MOST_VALIDATION, seed=0, kinds=model.kinds)[0]
    held_out = reading.without(held_out, weight, needed=False)[0]
    more = {"sample_weight": weights, "validation_data": held_out}
    with common.resumable(output / TRAINING), _watched(log, output, data, options) as on_step:
        model.fit(rows, y, folder=output, resume=resume, overwrite=overwrite, on_step=on_step, **more)
    common.result(json, *_outcome(model, data, output, rows, time.monotonic() - start))


def _named(y: Any) -> list[str]:
    """The names of conditions that say by themselves that they are some; columns of a table do not."""
    from unnoise.data import conditions, frames

    return [] if y is None or frames.opened(y) is not None else conditions.named(y)


@contextmanager
def _watched(tracker: str | None, output: Path, data: Path, options: dict[str, Any]) -> Iterator[Any]:
    """What a tracker is told by; None without one."""
    if tracker is None:
        yield None
        return
    from unnoise.training import tracking

    about = {name: value for name, value in options.items() if value is not None}
    with tracking(tracker, output.resolve().name, {"data": data.name, **about}) as on_step:
        yield on_step


def _outcome(
    model: DenoisingMarkovModel, data: Path, output: Path, rows: Any, seconds: float
) -> tuple[dict[str, Any], str]:
    import numpy as np

    steps = len(model.losses_)
    facts = {
        "model": str(output),
        "rows": len(rows),
        "steps": steps,
        "ended": model.ended_,
        "validation_loss": float(np.nanmin(model.validation_losses_[:, 1])) if len(model.validation_losses_) else None,
        "loss": float(model.losses_[-100:].mean()) if steps else None,
        "seconds": round(seconds, 1),
    }
    how = f"after {steps:,} steps" if steps else "with a mixture"
    suffix, said = reading.suffix_of(data), reading.options(data)
    told = (
        f"{model.schema_.describe()}{_offers(model, rows)}\n\n{model.ended_}\n"
        f"saved {output} {how} in {seconds:.0f} s; next, or in a browser by: "
        f"{words.command('unnoise', 'look', output, data, *said)}\n"
        f"  {words.command('unnoise', 'sample', output, '-n', 1000, '-o', f'new{suffix}')}\n"
        f"  {words.command('unnoise', 'evaluate', output, 'HELD_OUT', '--report', 'report.html')}"
    )
    if model.schema_.missing:
        told += f"\n  {words.command('unnoise', 'impute', output, data, *said, '-o', f'filled{suffix}')}"
    return facts, told


def _offers(model: DenoisingMarkovModel, rows: Any) -> str:
    """What holds between the columns of a table in every row, and is not kept yet."""
    from unnoise.data.offering import offered_by
    from unnoise.data.scans import Held

    if model.schema_.feature_names is None or not isinstance(rows, Held):  # of a scan not every row was seen together
        return ""
    draw = None if model.schema_.conditions else partial(model.sample, DRAWN, seed=0)
    return "".join(f"\n{sentence}" for sentence in offered_by(model.schema_, rows.data, draw))
