"""What the verbs share: options, errors and printing."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, ParamSpec, TextIO

import typer

from unnoise._errors import InputError
from unnoise._paths import STANDARD, is_standard
from unnoise._places import check_readable, model_folder
from unnoise._progress import speaks
from unnoise._provenance import GIBIBYTE, memory_gib, plain
from unnoise.cli import errors, words
from unnoise.cli.manual import MORE

if TYPE_CHECKING:
    from unnoise.model import DenoisingMarkovModel
    from unnoise.training import ProcessGroup

P = ParamSpec("P")

LAST_SEED = 2**64 - 1  # of torch's generators
MOST_STEPS, MOST_ROWS, MOST_AT_ONCE = 10**9, 10**9, 10**6  # more would never end, or fit into memory

Seed = Annotated[int, typer.Option(min=0, max=LAST_SEED, help="The same seed gives the same result.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object on standard output.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")]
Device = Annotated[str, typer.Option(rich_help_panel=MORE, help="auto (a GPU if there is one), cpu, cuda, cuda:1 ...")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that 'unnoise fit' wrote.")]
Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA",
        help="A table (.csv, .tsv, .txt, .parquet, .arrow, .json, .fasta, .xlsx, a database), an array (.npy, .npz, "
        ".safetensors), a folder of images, or of .parquet or .csv files, or - for standard input.",
    ),
]
Trust = Annotated[
    list[str] | None,
    typer.Option(
        "--trust",
        metavar="MODULE",
        rich_help_panel=MORE,
        help="Your own module whose classes the model uses (repeatable).",
    ),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=MORE,
        help="Conditions of the rows that are no columns of DATA: a table, an array (.npy) or a folder of images; "
        "NAME=FILE names one (repeatable).",
    ),
]


def reports_errors(verb: Callable[P, None]) -> Callable[P, None]:
    """Print errors and warnings as one sentence; errors become an exit code."""

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with errors.signals_raised(), _warnings_in_words():
                _check_folder()
                verb(*args, **kwargs)
        except (typer.Exit, typer.Abort):
            raise
        except BaseException as error:  # the one net: nothing ends in a traceback
            known = errors.meaning(error)
            if known is None and os.environ.get(errors.TRACEBACK) == "1":
                raise
            fail(*known or (errors.fault(error), 1))

    return run


def _check_folder() -> None:
    """Refuse to run in a folder that was deleted: libraries below Python end the process there."""
    try:
        Path.cwd()
    except FileNotFoundError:
        raise InputError("the folder that this runs in was deleted; go to another one, as by cd") from None


@contextlib.contextmanager
def resumable(checkpoint: Path) -> Iterator[None]:
    """Inside, a signal leaves a checkpoint; where it is there, how to go on is said."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as end:
        code = errors.code_of_signal(end)
        if code is None or not checkpoint.is_file():
            raise
        again = words.command_line("--resume", without=("--overwrite",))
        fail(f"{errors.ending(code)}; the checkpoint is saved, continue with: {again}", code)


def fail(sentence: str, code: int) -> NoReturn:
    """Print one line, and exit with this code."""
    _tell(f"unnoise: {' '.join(sentence.split())}")
    raise typer.Exit(code)


@contextlib.contextmanager
def _warnings_in_words() -> Iterator[None]:
    """Inside, warnings are one line each, also those that libraries log where nobody has said what to do with them."""

    def show(message: Warning | str, *_: object) -> None:
        say(f"unnoise: warning: {' '.join(str(message).split())}")

    class Saying(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            show(record.getMessage())

    last = logging.lastResort
    with warnings.catch_warnings():  # puts showwarning back as well
        warnings.showwarning = show  # type: ignore[assignment]
        logging.lastResort = Saying(logging.WARNING)
        try:
            yield
        finally:
            logging.lastResort = last


def say(told: str = "") -> None:
    """Print on the error stream, once per group of processes."""
    if speaks():
        _tell(told)


def check_rows(output: Path, as_json: bool) -> None:
    """Refuse rows and JSON on one stream."""
    words.refuse((as_json and is_standard(output), f"--json prints on standard output, and so does -o {STANDARD}"))


def wrote(output: Path, as_json: bool, facts: dict[str, Any], told: str) -> None:
    """Print as `result` does, beside rows that went to standard output on the error stream."""
    if is_standard(output):
        say(told)
    else:
        result(as_json, facts, told)


def result(as_json: bool, facts: dict[str, Any], told: str) -> None:
    """Print on standard output, as JSON or in words."""
    if not speaks():
        return
    try:
        _print(json.dumps(plain(facts), allow_nan=False) if as_json else told, sys.stdout)
    except (OSError, ValueError) as error:  # the reader has gone, the disk is full, or a user's code closed it
        drop_output()
        fail(f"the result could not be printed ({getattr(error, 'strerror', None) or error}); the work is done", 1)


def drop_output() -> None:
    """Let standard output lead nowhere, where it failed: Python would try once more at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell(told: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody listens, which stops no run
        _print(told, sys.stderr)


def _print(told: str, stream: TextIO | None) -> None:
    """What the stream cannot show, such as a name that is not UTF-8, is escaped; a closed stream shows nothing."""
    if stream is not None:
        encoding = stream.encoding or "utf-8"
        stream.write(told.encode(encoding, "backslashreplace").decode(encoding) + "\n")  # at once, for who reads a line
        stream.flush()


def check_there(model: Path | None, *files: Path | None) -> None:
    """Refuse a model or files that are not there; verbs ask before they load torch, which takes seconds."""
    if model is not None:
        model_folder(model)
    named = [path for path in files if path is not None]
    if sum(map(is_standard, named)) > 1:
        raise InputError(f"got {STANDARD} for several files, and standard input can be read once; name files")
    for path in named:
        check_readable(path)


def opened(model: Path, device: str, trust: list[str] | None) -> DenoisingMarkovModel:
    """The saved model, on the device."""
    from unnoise.model import load_model

    found = load_model(model, trust=trust or ())
    found.set_params(device=device)
    return found


def group(device: str) -> ProcessGroup:
    """The processes that share the work, which torchrun or accelerate started; or this one."""
    from unnoise.training import ProcessGroup, Settings

    return ProcessGroup.gather(Settings(device=device))


def check_apart(output: Path, verb: str, *files: Path | None) -> None:
    """Refuse to write over a file that is read."""
    for read in files:
        if read is not None and output.exists() and read.exists() and output.samefile(read):
            raise InputError(f"{output} holds the data to {verb}, which would be lost: name another file")


def check_memory(rows: int, numbers: int) -> None:
    """Refuse more rows of so many numbers than this machine can hold."""
    needed, there = 8 * rows * numbers / GIBIBYTE, memory_gib()
    if there is not None and needed > there:
        raise InputError(
            f"got {rows:,} rows of {numbers:,} numbers, which take {needed:,.0f} GiB; expected no more than the "
            f"{there:,.0f} GiB of this machine hold: ask for fewer, with another --seed each time"
        )
