"""The command line: one file per verb.

Exit codes: 0 done, 1 the run failed, 2 wrong input, 128 and the number of a signal that ended it: 130 for Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from unnoise import _provenance
from unnoise.cli import common, manual, words
from unnoise.cli.check import check
from unnoise.cli.demo import demo
from unnoise.cli.doctor import doctor
from unnoise.cli.evaluate import evaluate
from unnoise.cli.export import export
from unnoise.cli.fit import fit
from unnoise.cli.impute import impute
from unnoise.cli.look import look
from unnoise.cli.sample import sample
from unnoise.cli.score import score
from unnoise.cli.walk import walk


class Verbs(TyperGroup):
    """The verbs, which are given words that are texts."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Look at all words before the verb does."""
        common.reports_errors(words.check)(args)
        with _read_until_enough():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb."""
        with _read_until_enough():
            return super().invoke(ctx)


@contextlib.contextmanager
def _read_until_enough() -> Iterator[None]:
    """Let a reader of help stop listening, as `head` does; verbs say themselves what became of their results."""
    try:
        yield
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):  # rich exits with 1
            raise
        common.drop_output()
        raise typer.Exit from None


app = typer.Typer(
    cls=Verbs,
    name="unnoise",
    help="Learn to reverse a noising process: from a file of data to new samples, likelihoods and a report.",
    epilog="Start with 'unnoise demo', or with your own file: unnoise fit data.csv -o model, then "
    "unnoise sample model -o new.csv. 'unnoise fit --help' explains the rest.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
for verb in (fit, sample, impute, score, evaluate, look, export, walk, check, demo, doctor):
    app.command(cls=manual.Verb)(verb)


def _tell_versions(asked: bool) -> None:
    """By what is installed: torch is not loaded for it."""
    if asked:
        found = _provenance.versions()
        common.result(False, {}, f"unnoise {found['unnoise']} (torch {found.get('torch')}, Python {found['python']})")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the versions of unnoise, torch and Python.", is_eager=True, callback=_tell_versions
        ),
    ] = False,
) -> None:
    """Say what stands above all verbs."""


def main() -> None:
    """Run the command line."""
    try:
        _share_cores()
        _open_streams()
        app(prog_name="unnoise")
    except KeyboardInterrupt:  # before a verb runs
        common.say("unnoise: interrupted")
        sys.exit(130)
    except OSError as error:  # of help, which is printed before a verb runs
        common.drop_output()
        common.say(f"unnoise: the help could not be printed ({error.strerror})")
        sys.exit(1)


def _share_cores() -> None:
    """Let threads that have nothing to do sleep, unless the environment says otherwise; read when torch is loaded.

    Threads that wait by spinning, as they do by default, take the cores from those that they wait for wherever another
    program is busy: a fit of 3 s took 330 s beside one.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _open_streams() -> None:
    """Let streams that the caller closed lead nowhere, else files get their numbers, and messages get into files."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the least number that is free
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115
