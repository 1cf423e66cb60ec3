"""What the verbs share: errors, options, reading and printing."""

from __future__ import annotations

import functools
import json
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer

from unnoise._errors import InputError
from unnoise._progress import speaks
from unnoise._provenance import plain

if TYPE_CHECKING:
    from unnoise.model import DenoisingMarkovModel

P = ParamSpec("P")

Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object on standard output.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")]
Device = Annotated[str, typer.Option(help="auto (a GPU if there is one), cpu, cuda, cuda:1 ...")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that 'unnoise fit' wrote.")]
Data = Annotated[
    Path,
    typer.Argument(metavar="DATA", help="A .csv, .parquet, .npy, .npz or .safetensors file, or a folder of images."),
]
Trust = Annotated[
    list[str] | None,
    typer.Option("--trust", metavar="MODULE", help="Your own module whose classes the model uses (repeatable)."),
]
Labels = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="File with the conditions of the rows, if they are not columns of DATA."),
]


def reports_errors(verb: Callable[P, None]) -> Callable[P, None]:
    """Print errors and warnings as one sentence; errors become an exit code."""

    @functools.wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with _warnings_in_words():
                verb(*args, **kwargs)
        except InputError as error:
            fail(str(error), 2)
        except (ArithmeticError, OSError, MemoryError) as error:
            fail(str(error) or type(error).__name__, 1)
        except KeyboardInterrupt:
            fail("interrupted", 130)

    return run


def fail(sentence: str, code: int) -> None:
    """Print one line, and exit with this code."""
    print(f"unnoise: {' '.join(sentence.split())}", file=sys.stderr)
    raise typer.Exit(code)


@contextmanager
def _warnings_in_words() -> Iterator[None]:
    def show(message: Warning | str, *_: object) -> None:
        say(f"unnoise: warning: {' '.join(str(message).split())}")

    with warnings.catch_warnings():  # puts showwarning back as well
        warnings.showwarning = show  # type: ignore[assignment]
        yield


def say(words: str = "") -> None:
    """Print on the error stream, once per group of processes."""
    if speaks():
        print(words, file=sys.stderr, flush=True)


def result(as_json: bool, facts: dict[str, Any], words: str) -> None:
    """Print on standard output, as JSON or in words."""
    if speaks():
        print(json.dumps(plain(facts), allow_nan=False) if as_json else words)


def opened(model: Path, device: str, trust: list[str] | None) -> DenoisingMarkovModel:
    """The saved model, on the device."""
    from unnoise.model import load_model

    found = load_model(model, trust=trust or ())
    found.set_params(device=device)
    return found


def contents(path: Path | None) -> Any:
    """The data in a file; None without a file."""
    from unnoise.data import files

    return None if path is None else files.read(path)


def pairs(items: list[str] | None, option: str) -> dict[str, str]:
    """NAME=VALUE as a dict; NAME,NAME=VALUE gives both the value."""
    example = f"NAME=VALUE, as in {option} age=40"
    halves = [_halves(item, item.partition("="), option, example) for item in items or []]
    return {name: value for names, value in halves for name in names.split(",")}


def kinds(items: list[str] | None) -> dict[str, str] | None:
    """NAMES=KIND as a dict; names with commas stay one key."""
    example = "NAMES=KIND, as in --column lat,lon=latlon"
    return dict(_halves(item, item.rpartition("="), "--column", example) for item in items or []) or None


def _halves(item: str, parts: tuple[str, str, str], option: str, example: str) -> tuple[str, str]:
    if not all(parts):
        raise InputError(f"got {option} {item!r}; expected {example}")
    return parts[0], parts[2]


def duration(text: str | None) -> float | None:
    """Seconds from 90, 90s, 10m or 2h.

    >>> duration("10m")
    600.0
    """
    if text is None:
        return None
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise InputError(f"got the time {text!r}; expected a number of seconds, or a number with s, m or h, as in 10m")
    return seconds


def command_line(*more: str, program: str = "unnoise") -> str:
    """The command as typed, without the program's path, and `more` words at the end."""
    return f"{program} {shlex.join([*sys.argv[1:], *(word for word in more if word not in sys.argv)])}".rstrip()
