"""unnoise sample: draw new rows from a model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from unnoise._paths import suffix
from unnoise._places import check_writable
from unnoise.cli import common, reading, samplers
from unnoise.cli import given as about
from unnoise.cli.manual import MORE

DEFAULT = 1000  # rows


@common.reports_errors
@reading.reads_files
def sample(
    model: common.Model,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="A .csv, .tsv, .parquet or .npy file, a folder for images, or - to print rows.",
        ),
    ],
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            help="Number of rows; 1000 by default, or as many as --given-file or --labels has.",
            min=1,
            max=common.MOST_ROWS,
            show_default=False,
        ),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="What is known of a column (repeatable), in one of the forms above."),
    ] = None,
    given_file: Annotated[
        Path | None,
        typer.Option(
            metavar="ROWS",
            help="File with columns that are known: one row for all, or each row's own; holes are drawn.",
        ),
    ] = None,
    labels: common.Labels = None,
    guidance: Annotated[
        float,
        typer.Option(
            rich_help_panel=MORE,
            metavar="W",
            help="How much the conditions count: above 1 for more than in the data, 0 for nothing.",
            show_default="1",
        ),
    ] = 1.0,
    sampler: samplers.Sampler = None,
    sampling_steps: samplers.SamplingSteps = None,
    device: common.Device = "auto",
    seed: common.Seed = 0,
    overwrite: common.Overwrite = False,
    trust: common.Trust = None,
    json: common.Json = False,
) -> None:
    """Draw new rows from MODEL into FILE, with the columns, types and units of the data.

    Any columns can be given, and the others are drawn given them:
      --given age=40        a number, or a level such as sex=Female
      --given age=30..40    a range; 30.. and ..40 are open
      --given 'sex=a|b'     one of several values
      --given 'sex!=a|b'    any value but these
      --given income=       missing, if it was missing in some rows of the data
      --given a,b=1         two columns of the same value

    Examples:
      unnoise sample model -n 500 -o new.csv                  # synthetic rows
      unnoise sample model -n 500 --given sex=Female --given age=30..40 -o new.csv
      unnoise sample model --given-file known.csv -o new.csv  # a question a row

    A column that the model was fitted with as --condition takes a value, and
    needs one. Of conditions that were no columns, as --labels of 'unnoise fit'
    gives them, --given photo=FILE gives one for all rows, --labels each row's
    own; without them the rows follow the law of all.

    Rows are drawn and written in blocks of 100,000, each from its own seed, so
    memory stays flat; started by torchrun, processes share the blocks.
    """
    check_writable(output, overwrite)
    common.check_rows(output, json)
    samplers.check_name(sampler)
    common.check_there(model, given_file, *reading.files_of(labels).values())
    from unnoise.data import scans, streams

    fitted = common.opened(model, device, trust)
    fitted.schema_.container.check_file(output)
    make = samplers.chosen(sampler, sampling_steps, fitted)
    y = reading.conditions(labels)
    n = about.rows_of(y) if n is None and given_file is None else n
    read, rows = ({}, n or DEFAULT) if given_file is None else about.from_file(given_file, fitted.schema_, n)
    size = rows if suffix(output) == "" else scans.BLOCK  # images are written together
    common.check_memory(min(rows, size), math.prod(fitted.schema_.event_shape))
    known = about.merged(about.told(given, fitted.schema_), read)
    group, count = common.group(device), -(-rows // size)
    form = fitted.schema_.container.dialect
    dialect = reading.dialect(form and form.usual)
    with streams.gathering(output, count, overwrite, group, dialect) as put:
        for number in range(group.rank, count, group.size):
            own, n = streams.seed_of(seed, number), min(size, rows - number * size)
            here = known | {name: reading.at(values, number, size) for name, values in read.items()}
            here = (fitted.schema_.made_anew(n, number * size) if number else {}) | here
            beside = {"y": reading.at(y, number, size), "guidance": guidance}
            put(number, fitted.sample(n, given=here or None, **beside, seed=own, sampler=make))
    common.wrote(output, json, {"output": str(output), "rows": rows, "seed": seed}, f"wrote {rows:,} rows to {output}")
