"""The command line: one file per verb. Exit codes: 0 done, 1 the run failed, 2 wrong input, 130 interrupted."""

from __future__ import annotations

import typer

from unnoise.cli.check import check
from unnoise.cli.demo import demo
from unnoise.cli.evaluate import evaluate
from unnoise.cli.fit import fit
from unnoise.cli.sample import sample
from unnoise.cli.score import score
from unnoise.cli.walk import walk

app = typer.Typer(
    name="unnoise",
    help="Learn to reverse a noising process: from a file of data to new samples, likelihoods and a report.",
    epilog="Start with 'unnoise demo', or with your own file: unnoise fit data.csv -o model, then "
    "unnoise sample model -o new.csv. 'unnoise fit --help' explains the rest.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)
for verb in (fit, sample, score, evaluate, walk, check, demo):
    app.command()(verb)


def main() -> None:
    """Run the command line."""
    app()
