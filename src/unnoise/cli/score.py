"""unnoise score: the log-likelihood of every row of a file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from unnoise._places import ROWS, check_writable
from unnoise.cli import common, reading, words
from unnoise.cli import given as about
from unnoise.cli.manual import MORE

if TYPE_CHECKING:
    from unnoise.data import Schema
    from unnoise.evaluation.likelihood import Estimate


MOST_DEQUANTISATIONS = 10**5


@common.reports_errors
@reading.reads_files
def score(
    model: common.Model,
    data: common.Data,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="A .csv, .tsv, .parquet or .npy file, or - to print.")
    ],
    of: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Columns to score (repeatable); by default all that are not given."),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Columns to score the others given (repeatable); the rest is marginalised."),
    ] = None,
    likelihood: Annotated[
        Literal["exact", "bound"] | None,
        typer.Option(
            help="exact: that of the probability flow, the default for numbers in up to 64 columns; bound: the "
            "variational lower bound, much faster and the default otherwise."
        ),
    ] = None,
    dequantisations: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=MORE,
            min=1,
            max=MOST_DEQUANTISATIONS,
            help="Random points in the cell of each whole number; more are slower and tighter.",
            show_default="1",
        ),
    ] = None,
    labels: common.Labels = None,
    device: common.Device = "auto",
    seed: common.Seed = 0,
    overwrite: common.Overwrite = False,
    trust: common.Trust = None,
    json: common.Json = False,
) -> None:
    """Write the log-likelihood of every row of DATA under MODEL.

    It is in nats, in the data's own units. FILE gets the columns log_likelihood
    and standard_error, which is the Monte Carlo error and 0 for exact results.
    Of a row with empty cells it is that of what is known.

    --of and --given ask for log p(of | given) of any columns: what is printed
    says of which, in what unit.

    Examples:
      unnoise score model new.csv -o scores.csv  # which rows are unusual
      unnoise score model people.csv --of income --given sex,age -o scores.csv
    """
    check_writable(output, overwrite, ROWS)
    common.check_rows(output, json)
    common.check_apart(output, "score", data, *reading.files_of(labels).values())
    common.check_there(model, data, *reading.files_of(labels).values())
    import polars

    from unnoise.data import scans, streams
    from unnoise.evaluation import Bound, ProbabilityFlow

    fitted = common.opened(model, device, trust)
    method = {"exact": ProbabilityFlow(), "bound": Bound(), None: None}[likelihood]
    words.refuse(
        (dequantisations is not None and not fitted.schema_.has_cells, "--dequantisations is for whole numbers"),
    )
    rows, y = reading.source(data, fitted.schema_), reading.conditions(labels)
    words.refuse(reading.idle_labels(labels, "--labels", fitted.schema_.conditions, rows))
    asked: dict[str, Any] = {
        "of": about.names(of, "--of", fitted.schema_),
        "given": about.names(given, "--given", fitted.schema_),
    }
    options: dict[str, Any] = asked | {"likelihood": method, "dequantisations": dequantisations or 1}
    group, size, means = common.group(device), scans.BLOCK, _Means()
    with streams.gathering(output, -(-len(rows) // size), overwrite, group) as put:
        for number, block in rows.blocks(size, group.rank, group.size):
            with reading.in_block(number, size):
                own = streams.seed_of(seed, number)
                found = fitted.estimate(block, reading.at(y, number, size), **options, seed=own)
            means.add(found, any(gap.any() for gap in fitted.schema_.holes(block).values()))
            numbers = {"log_likelihood": found.log_prob.numpy(), "standard_error": found.standard_error.numpy()}
            table = polars.DataFrame(numbers)
            put(number, table.to_numpy() if output.suffix == ".npy" else table)
    facts, told = _summary(_Means.of_all(group.shared(means)), fitted.schema_, **asked)
    facts = {"output": str(output), "rows": len(rows)} | facts
    common.wrote(output, json, facts, f"{told}wrote {len(rows):,} rows to {output}")


@dataclass
class _Means:
    """What blocks of rows add up to: the mean log-likelihood, its Monte Carlo error, and the parts."""

    rows: int = 0
    log_prob: float = 0.0
    variance: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    method: str = ""
    holes: bool = False

    def add(self, found: Estimate, holes: bool) -> None:
        (mean, error), n = found.mean, len(found.log_prob)
        parts = {name: float(nats.double().mean()) for name, nats in found.parts.items()}
        self.join(_Means(n, mean, error**2, parts, found.method, holes))

    def join(self, other: _Means) -> None:
        """The means over both."""
        if not other.rows:
            return
        a, b = self.rows / (self.rows + other.rows), other.rows / (self.rows + other.rows)
        names = self.parts | other.parts
        self.parts = {name: a * self.parts.get(name, 0.0) + b * other.parts.get(name, 0.0) for name in names}
        self.log_prob = a * self.log_prob + b * other.log_prob
        self.variance = a**2 * self.variance + b**2 * other.variance
        self.rows, self.method = self.rows + other.rows, other.method
        self.holes = self.holes or other.holes

    @classmethod
    def of_all(cls, several: Sequence[_Means]) -> _Means:
        found = cls()
        for one in several:
            found.join(one)
        return found


def _summary(found: _Means, schema: Schema, of: Any, given: Any) -> tuple[dict[str, Any], str]:
    from unnoise.evaluation.bits import bits_per_dimension
    from unnoise.model.scoring import columns_of

    mean, monte_carlo, parts = found.log_prob, found.variance**0.5, found.parts
    of_all = of is None and given is None
    measure = schema.measure if of_all else schema.measure_of(*columns_of(schema, of, given))
    facts = {"mean": mean, "monte_carlo_se": monte_carlo, "parts": parts, "measure": measure, "method": found.method}
    told = f"mean log-likelihood {mean:.4f} ± {monte_carlo:.2g} (Monte Carlo), {found.method}\n"
    told += " + ".join(f"{name} {nats:.4f}" for name, nats in parts.items()) + f"; {measure}\n"
    if schema.numbers is not None and of_all and not found.holes:
        count = math.prod(schema.event_shape)
        bits, error = bits_per_dimension(mean, count), bits_per_dimension(-monte_carlo, count)
        facts |= {"bits_per_dim": bits, "bits_per_dim_monte_carlo_se": error}
        told += f"{bits:.4f} ± {error:.2g} bits per dimension\n"
    return facts, told
