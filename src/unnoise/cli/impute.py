"""unnoise impute: fill the holes of a file."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer

from unnoise._errors import InputError
from unnoise._paths import is_standard, suffix
from unnoise._places import check_writable
from unnoise.cli import common, reading, samplers, words

MOST_DRAWS = 10_000


@common.reports_errors
@reading.reads_files
def impute(
    model: common.Model,
    data: common.Data,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="A .csv, .tsv, .parquet or .npy file; of 5 draws FILE.1 to .5; - prints one filling.",
        ),
    ],
    draws: Annotated[
        int, typer.Option(min=1, max=MOST_DRAWS, help="How many independent fillings, each to a file of its own.")
    ] = 1,
    point: Annotated[
        Literal["mean", "mode"] | None,
        typer.Option(
            help="One best guess instead of a draw: the likeliest level, and of numbers the mean, or for mode the "
            "draw of 16 that is nearest to the others."
        ),
    ] = None,
    sampler: samplers.Sampler = None,
    sampling_steps: samplers.SamplingSteps = None,
    labels: common.Labels = None,
    device: common.Device = "auto",
    seed: common.Seed = 0,
    overwrite: common.Overwrite = False,
    trust: common.Trust = None,
    json: common.Json = False,
) -> None:
    """Fill the empty cells of DATA by what MODEL says given the rest of each row; all else stays as it is.

    A draw varies as the true values do, so that several draws tell how sure the
    model is. They go to numbered files: filled.1.csv, filled.2.csv, ... of
    -o filled.csv. A best guess of each cell is nearer to the truth, but rows with
    it are no rows like the data. DATA may have more columns than the model knows.

    Examples:
      unnoise impute model holes.csv -o filled.csv               # one table
      unnoise impute model holes.csv --draws 5 -o filled.csv     # for statistics
      unnoise impute model holes.csv --point mean -o filled.csv  # best guesses
    """
    words.refuse(
        (point is not None and draws != 1, "--draws is for draws, and --point is one filling"),
        (point is not None and sampler is not None, "--sampler is for draws, without --point"),
        (point is not None and sampling_steps is not None, "--sampling-steps is for draws, without --point"),
        (is_standard(output) and draws != 1, "--draws is for files, and -o - prints one filling"),
    )
    common.check_rows(output, json)
    samplers.check_name(sampler)
    targets = numbered(output, draws)
    for target in targets:
        check_writable(target, overwrite)
        common.check_apart(target, "fill", data, *reading.files_of(labels).values())
    common.check_there(model, data, *reading.files_of(labels).values())
    from unnoise.data import frames, scans, streams
    from unnoise.data.standard import separator

    fitted = common.opened(model, device, trust)
    fitted.schema_.container.check_file(output)
    fitted.set_params(sampler=samplers.chosen(sampler, sampling_steps, fitted))
    rows, y = reading.source(data, fitted.schema_), reading.conditions(labels)
    words.refuse(reading.idle_labels(labels, "--labels", fitted.schema_.conditions, rows))
    size = len(rows) if suffix(output) == "" else scans.BLOCK  # images are written together
    common.check_memory(draws * min(len(rows), size), math.prod(fitted.schema_.event_shape))
    group, count, gaps = common.group(device), -(-len(rows) // size), Counter[str]()
    form = fitted.schema_.container
    how = reading.dialect(rows.dialect and rows.dialect.filling(form.dialect, form.columns))
    cells = rows.cells() if isinstance(rows, scans.Held) and rows.cells and separator(output) else None
    with ExitStack() as stack:
        puts = [stack.enter_context(streams.gathering(target, count, overwrite, group, how)) for target in targets]
        for number, block in rows.blocks(size, group.rank, group.size):
            with reading.in_block(number, size):
                holes = form.in_sources(fitted.schema_.holes(block))
                where = {name: gap for name, gap in holes.items() if gap.any()}
                found = {name: int(gap.sum()) for name, gap in where.items()}
                called = frames.labels_of(getattr(block, "columns", ()), form.sources, aloud=False)
                where = {called.get(name, name): gap for name, gap in where.items()}
                own = streams.seed_of(seed, number)
                if found or count == 1:
                    done = fitted.impute(block, reading.at(y, number, size), draws=draws, point=point, seed=own)
                else:
                    done = block if draws == 1 else [block] * draws
            gaps.update(found)
            for put, filled in zip(puts, [done] if draws == 1 else done, strict=True):
                own_cells = reading.at(cells, number, size)
                put(number, filled if cells is None or how is None else how.filled(own_cells, filled, where))
    gaps = sum(group.shared(gaps), Counter())
    facts = {"output": [str(target) for target in targets], "rows": len(rows), "filled": dict(gaps), "seed": seed}
    common.wrote(output, json, facts, _told(targets, len(rows), gaps))


def numbered(output: Path, draws: int) -> list[Path]:
    """FILE itself, or FILE.1 to FILE.n with its suffix last; all numbers have as many digits.

    >>> [path.name for path in numbered(Path("filled.csv"), 2)]
    ['filled.1.csv', 'filled.2.csv']
    """
    if draws == 1:
        return [output]
    if not output.name:
        raise InputError(f"{output} is a folder; expected the name of a file")
    digits = len(str(draws))
    return [output.with_name(f"{output.stem}.{i + 1:0{digits}d}{output.suffix}") for i in range(draws)]


def _told(targets: list[Path], rows: int, gaps: Mapping[str, int]) -> str:
    count = sum(gaps.values())
    columns = f"{len(gaps)} column{'s' * (len(gaps) != 1)}"
    what = f"filled {count:,} empty cell{'s' * (count != 1)} in {columns}" if count else "there was nothing to fill"
    where = str(targets[0]) if len(targets) == 1 else f"{targets[0]} to {targets[-1]}"
    return f"{what}; wrote {rows:,} rows to {where}"
