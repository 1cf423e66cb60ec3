"""Objects that a user names as MODULE:OBJECT, and what their code raises."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unnoise._errors import InputError


@contextmanager
def this_folder() -> Iterator[None]:
    """Inside, modules are looked for in the working directory first."""
    import os
    import sys

    before = list(sys.path)
    sys.path.insert(0, os.getcwd())
    try:
        yield
    finally:
        sys.path[:] = before


def find(target: str, example: str = "my_module:my_process") -> Any:
    """The object that MODULE:OBJECT names."""
    import importlib

    module, colon, name = target.partition(":")
    if not (module and colon and name):
        raise InputError(f"got {target!r}; expected MODULE:OBJECT, as in {example}")
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise InputError(f"the module {error.name!r} is neither installed nor in this folder") from None
    except Exception as error:  # of any kind: the module is the user's
        raise InputError(f"{module} cannot be imported: {describe(error)}") from None
    for part in name.split("."):
        if not hasattr(found, part):
            raise InputError(f"{target} does not exist: {module} has no {part!r}")
        found = getattr(found, part)
    return found


def needs_nothing(found: Any) -> bool:
    """Whether it can be called without arguments."""
    import inspect

    if not callable(found):
        return False
    parameters = inspect.signature(found).parameters.values()
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


def describe(error: BaseException) -> str:
    """What happened, with the innermost line of the user's own code."""
    import traceback

    package = Path(__file__).resolve().parents[1]
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
    own = [frame for frame in frames if package not in Path(frame.filename).resolve().parents]
    places = [f"{Path(frame.filename).name}, line {frame.lineno}, in {frame.name}, " for frame in own or frames]
    return f"{''.join(places[-1:])}raised {type(error).__name__}: {error}"
