"""How the verbs read files: the options that say how these are written, conditions beside rows, and blocks of rows."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from unnoise._errors import InputError
from unnoise.cli.common import say
from unnoise.cli.manual import MORE

if TYPE_CHECKING:
    from unnoise.data import Schema
    from unnoise.data._formats.dialect import Dialect
    from unnoise.data.scans import Source

ROWS_IN_MEMORY, BYTES_IN_MEMORY = 5 * 10**6, 2**31  # of training data, from which they are read in blocks

_READING: dict[str, Any] = {
    "encoding": Annotated[
        str | None,
        typer.Option(
            rich_help_panel=MORE,
            metavar="NAME",
            help="Of text that is read or written, as latin-1, cp1252, utf-16.",
        ),
    ],
    "separator": Annotated[
        str | None,
        typer.Option(
            rich_help_panel=MORE,
            metavar="SIGN",
            help="Between the fields of text, read or written, or tab, space.",
        ),
    ],
    "decimal": Annotated[
        str | None,
        typer.Option(
            rich_help_panel=MORE,
            metavar="SIGN",
            help="Before fractions in text, read or written: . or , as in 1,5.",
        ),
    ],
    "header": Annotated[
        Literal["yes", "no", "auto"] | None,
        typer.Option(
            rich_help_panel=MORE,
            help="Whether the first line of a text file holds the names of its columns.",
            show_default="auto",
        ),
    ],
    "query": Annotated[
        str | None,
        typer.Option(
            rich_help_panel=MORE,
            metavar="SQL",
            help="What to select: from a database, or any table, which is called data.",
        ),
    ],
    "sheet": Annotated[
        str | None,
        typer.Option(rich_help_panel=MORE, metavar="NAME", help="Of a file of Excel; the first by default."),
    ],
}
_OF_TEXT, _OF_SHEETS = ("encoding", "separator", "decimal", "header"), ("header", "sheet")  # of files beside others
_WRITING = ("encoding", "separator", "decimal")
_SAID: ContextVar[dict[str, Any]] = ContextVar("said of files", default={})  # noqa: B039  # never changed


def reads_files(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the options that say how its files are written, for `contents`."""

    @functools.wraps(verb)
    def run(*args: Any, **kwargs: Any) -> None:
        said = _SAID.set({name: kwargs.pop(name, None) for name in _READING})
        try:
            verb(*args, **kwargs)
        finally:
            _SAID.reset(said)

    hints = {**get_type_hints(verb, include_extras=True), **_READING}
    parameters = inspect.signature(verb).parameters
    more = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=parameters[name].default if name in parameters else None,
            annotation=kind,
        )
        for name, kind in hints.items()
        if name != "return"
    ]
    run.__signature__ = inspect.Signature(more)  # type: ignore[attr-defined]
    run.__annotations__ = hints
    return run


def contents(path: Path | None, schema: Schema | None = None, beside: bool = False) -> Any:
    """The data in a file, as the options of `reads_files` say; None without a file.

    Args:
        path: where it is.
        schema: of the model whose columns it holds: those of text stay text, and a line of their names is a header.
        beside: whether it stands beside the data, so that what is said of another kind of file is not of it.
    """
    from unnoise.data import files
    from unnoise.data._formats.reading import Reading

    return None if path is None else files.read_with(path, Reading(**_said_of(path, schema, beside)))[0]


def source(
    path: Path, schema: Schema | None = None, beside: bool = False, kinds: Mapping[str, str] | None = None
) -> Source:
    """The rows of a file or a folder, block by block where they are many; the rest as in `contents`."""
    from unnoise.data import scans

    return scans.opened(path, block=scans.BLOCK, **_said_of(path, schema, beside, kinds))


def some(
    data: Path | None,
    labels: list[str] | None,
    most: int,
    seed: int,
    schema: Schema | None = None,
    beside: bool = False,
    more: int = 1,
    kinds: Mapping[str, str] | None = None,
) -> tuple[Any, Any]:
    """The data and their conditions; of a table that is read in blocks a random sample of rows, and says so.

    `more` times as many rows come, of which others choose.
    """
    from unnoise.data import scans
    from unnoise.data.conditions import taken

    rows, y = None if data is None else source(data, schema, beside, kinds), conditions(labels)
    if rows is None or isinstance(rows, scans.Held):
        return None if rows is None else rows.data, y
    if len(rows) > most:
        say(f"unnoise: {data} has {len(rows):,} rows; what follows is measured on {most:,} of them, chosen at random")
    most *= more
    return rows.sample(most, seed), taken(y, scans.chosen(len(rows), most, seed))


def large(path: Path, stream: bool, kinds: Mapping[str, str] | None = None) -> Source:
    """The rows of a table in memory, or a scan of them where they are more than that, or `stream` asks for it."""
    from unnoise.data import scans

    at_once = BYTES_IN_MEMORY // 4  # of text, which is about half of the numbers it becomes
    sizes = {"block": 0, "large": 0} if stream else {"block": ROWS_IN_MEMORY // 10, "large": at_once}
    rows = scans.opened(path, **sizes, **_said_of(path, None, beside=False, kinds=kinds))
    if isinstance(rows, scans.Held):
        if stream:
            raise InputError(
                f"got --stream, and {path} cannot be read in blocks; expected .parquet, or .csv in UTF-8 with one sign "
                "between its fields"
            )
        return replace(rows, cells=None)  # which hold the file
    fits = len(rows) <= ROWS_IN_MEMORY and 8 * len(rows) * len(rows.columns) <= BYTES_IN_MEMORY
    return rows if stream or not fits else scans.Held(rows.sample(len(rows), seed=0), rows.dialect)


def conditions(labels: list[str] | None) -> Any:
    """What files say of conditions beside the rows: what the only one holds, or a dict by name; None without any."""
    from unnoise.data import frames

    held = {name: contents(path, beside=True) for name, path in files_of(labels).items()}
    if not held or list(held) == ["#0"]:
        return held.get("#0")
    found: dict[str, Any] = {}
    for name, part in held.items():
        frame = frames.opened(part)
        if name.startswith("#") and frame is None:
            raise InputError("got several files of conditions, and one without names; expected --labels NAME=FILE")
        if frame is None:
            parts = {name: part}
        else:
            named = dict(zip(map(str, frame.columns), frames.columns(frame), strict=True))
            only = len(named) == 1 and not name.startswith("#")
            parts = {name: next(iter(named.values()))} if only else named
        if both := [one for one in parts if one in found]:
            raise InputError(f"got the condition {both[0]!r} in two files of --labels; give it once")
        found |= parts
    return found


def files_of(labels: list[str] | None) -> dict[str, Path]:
    """The files of conditions by their names; one without a name has its place for it."""
    found: dict[str, Path] = {}
    for place, text in enumerate(labels or ()):
        name, equals, path = text.partition("=")
        alone = not equals or not path or Path(text).exists()
        if (key := f"#{place}" if alone else name) in found:
            raise InputError(f"got conditions for {key!r} twice; give them once")
        found[key] = Path(text if alone else path)
    return found


def idle_labels(files: Any, option: str, names: Collection[str], rows: Any, how: str = "") -> tuple[bool, str]:
    """For `words.refuse`: whether a file of conditions is given that none is read from, and `how` to name some."""
    missing = set(names) - set(getattr(rows, "columns", ()))
    have = "all conditions are columns of the data" if names else f"there is none{how}"
    return bool(files) and not missing, f"{option} is a file of conditions, and {have}"


def without(rows: Any, column: str | None, *, needed: bool = True) -> tuple[Any, Any]:
    """The data without a column, and its numbers; an InputError if there is no such column, and it is needed."""
    if column is None:
        return rows, None
    columns = getattr(rows, "columns", ())
    if column in columns:
        return rows.drop(column), rows[column].to_numpy()
    if needed:
        there = f"the columns are {', '.join(map(str, columns[:10]))}" if len(columns) else "the data have no names"
        raise InputError(f"got --weight {column!r}, which is no column of the data; {there}")
    return rows, None


def dialect(like: Dialect | None) -> Dialect | None:
    """How a .csv is written: like a file, but for what is said of files; None for the plain way."""
    from unnoise.data._formats.dialect import Dialect

    said = {name: value for name in _WRITING if (value := _SAID.get().get(name)) is not None}
    return (like or Dialect()).said(**said) if said else like


def options(path: Path, beside: bool = False) -> list[str]:
    """The options that say how this file is read, for a command that reads it again; `beside` as in `contents`."""
    return [word for name, value in _heeded(path, beside).items() for word in (f"--{name}", value)]


def suffix_of(data: Path) -> str:
    """The suffix of an output like the data."""
    from unnoise.data import files
    from unnoise.data.scans import tables_in

    parts = tables_in(data)
    if parts:
        return parts[0].suffix.lower()
    known = {".parquet": ".parquet", ".npy": ".npy", ".npz": ".npy", ".safetensors": ".npy"}
    return ".csv" if files.is_text(data) else known.get(data.suffix.lower(), ".npy" if data.suffix == "" else ".csv")


def at(rows: Any, number: int, size: int) -> Any:
    """A block of rows; None of None."""
    from unnoise.data.conditions import taken

    return taken(rows, slice(number * size, (number + 1) * size))


@contextlib.contextmanager
def in_block(number: int, size: int) -> Iterator[None]:
    """Say of which rows a fault counts the rows."""
    try:
        yield
    except InputError as error:
        if number == 0:
            raise
        raise InputError(f"In the {size:,} rows from row {number * size:,}: {error}") from error


def _said_of(path: Path, schema: Schema | None, beside: bool, kinds: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The options of `files.read` for this file, as in `contents`; declared levels stay as they are written."""
    from unnoise.data import files, inference

    said, is_text = _heeded(path, beside), _is_text(path)
    is_read = is_text or files.is_book(path)  # and so has cells of text that may be numbers
    if schema is not None and is_read:
        sources, dialect = schema.container.sources, schema.container.dialect
        texts = (*schema.container.texts, *(name for name in sources if name not in schema.container.columns))
        words = {name: tuple(schema.container.words(name)) for name in schema.container.columns}
        said |= {"text": texts, "marked": set(texts) - set(schema.with_level("?"))}
        said |= {"words": {name: held for name, held in words.items() if held}}
        if is_text:
            said |= {"names": sources, "like": dialect and dialect.reading}
    levels = inference.declared_as(kinds, inference.OF_TEXT)
    return said | {"levels": levels} if levels and is_read else said


def _heeded(path: Path, beside: bool) -> dict[str, Any]:
    """What the user said of this file, as in `contents`."""
    from unnoise.data import files

    said = {name: value for name, value in _SAID.get().items() if value is not None}
    heeded = _OF_TEXT if _is_text(path) else _OF_SHEETS if files.is_book(path) else ()
    return {name: value for name, value in said.items() if name in heeded} if beside else said


def _is_text(path: Path) -> bool:
    """Whether it is a table of text, or a folder of some."""
    from unnoise.data import files
    from unnoise.data.scans import tables_in

    return any(map(files.is_text, [path, *tables_in(path)[:1]]))
