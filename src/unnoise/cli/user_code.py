"""Objects that a user names as MODULE:OBJECT, and what their code raises."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

from unnoise._errors import InputError, NonFiniteError
from unnoise.cli import common


@contextmanager
def this_folder() -> Iterator[None]:
    """Inside, modules are looked for in the working directory last, so that it hides nothing that is installed."""
    before = list(sys.path)
    sys.path.append(os.getcwd())
    try:
        yield
    finally:
        sys.path[:] = before


@contextmanager
def running() -> Iterator[None]:
    """Inside, code of the user runs: what it raises, `sys.exit(0)` too, ends the command with 1 and its place."""
    try:
        yield
    except (InputError, NonFiniteError, KeyboardInterrupt):
        raise
    except BaseException as error:
        if isinstance(error, OSError | MemoryError) and not _own(traceback.extract_tb(error.__traceback__)):
            raise  # of a file of unnoise's
        common.fail(describe(error), 1)


@contextmanager
def printing_aside() -> Iterator[None]:
    """Inside, what code of the user prints goes to the error stream, as the output stream is for the result."""
    with redirect_stdout(sys.stderr):
        yield


def find(target: str, example: str = "my_module:my_process") -> Any:
    """The object that MODULE:OBJECT names; MODULE may be the path of a file, FILE.py."""
    module, colon, name = target.rpartition(":")
    if not (colon and all(part.isidentifier() for part in name.split("."))):
        raise InputError(f"got {target!r}; expected MODULE:OBJECT, as in {example}")
    found: Any = module_of(module, target, example)
    module = found.__name__
    with _importing(module):
        for part in name.split("."):
            if not hasattr(found, part):
                raise InputError(
                    f"{target} does not exist: {module} has no {part!r}{_hidden(module) or _like(part, found)}"
                )
            found = getattr(found, part)
    return found


def module_of(module: str, target: str, example: str) -> ModuleType:
    """The module of this name, which may be the path of a file, FILE.py."""
    if module.endswith(".py"):
        module = _from_file(Path(module))
    if not all(part.isidentifier() for part in module.split(".")):
        raise InputError(f"got {target!r}; expected MODULE:OBJECT, as in {example}")
    with _importing(module):
        return importlib.import_module(module)


@contextmanager
def _importing(module: str) -> Iterator[None]:
    """Inside, the module of a user runs: what it raises is told as its own."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(f"the module {error.name!r} is neither installed nor in this folder") from None
    except (InputError, KeyboardInterrupt):
        raise
    except BaseException as error:  # of any kind, also sys.exit: the module is the user's
        raise InputError(f"{module} cannot be imported: {describe(error)}") from None


def _from_file(path: Path) -> str:
    """The name of a module, within its packages, whose folder is looked in first as Python does for what it runs."""
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    folder, name = path.parent.resolve(), path.stem
    while (folder / "__init__.py").is_file():
        folder, name = folder.parent, f"{folder.name}.{name}"
    sys.path.insert(0, str(folder))
    return name


def _hidden(module: str) -> str:
    """Where a module of the user's has the name of one that is installed."""
    mine, used = Path.cwd() / f"{module.partition('.')[0]}.py", getattr(sys.modules[module], "__file__", None)
    if not mine.is_file() or (used and mine.samefile(used)):
        return ""
    return f"; it is not {mine.name} of this folder but a module of Python or one that is installed: rename your file"


def _like(name: str, found: Any) -> str:
    """What it may have been meant to be."""
    near = difflib.get_close_matches(name, [one for one in dir(found) if not one.startswith("__")], 1)
    return f"; did you mean {near[0]}?" if near else ""


def takes(found: Any, *arguments: object) -> bool:
    """Whether it can be called with these arguments, or with none."""
    if not callable(found):
        return False
    try:
        inspect.signature(found).bind(*arguments)
    except (TypeError, ValueError):  # the latter of functions written in C
        return False
    return True


def describe(error: BaseException) -> str:
    """What happened, with the innermost line of the user's own code."""
    frames = list(traceback.extract_tb(error.__traceback__))
    places = [f"{Path(at.filename).name}, line {at.lineno}, in {at.name}, " for at in _own(frames) or frames]
    if isinstance(error, SyntaxError) and error.filename:  # which no frame of the user's has met
        return f"{Path(error.filename).name}, line {error.lineno}, {type(error).__name__}: {error.msg}"
    if isinstance(error, SystemExit):
        return f"{''.join(places[-1:])}called sys.exit({error.code!r})"
    return f"{''.join(places[-1:])}raised {type(error).__name__}: {_text(error)}"


def _own(frames: Iterable[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """Those in the user's files: not of this package, of Python, or installed."""
    others = (str(Path(__file__).parents[1]), sysconfig.get_path("stdlib"), "<frozen")
    return [at for at in frames if not (at.filename.startswith(others) or "site-packages" in at.filename)]


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an error of the user's own may be unprintable
        return "(it cannot be printed)"
