"""Objects as plain JSON, without pickling.

Reading imports nothing but the parts of unnoise that models are made of and modules the caller trusts: a folder from
elsewhere cannot make this machine run code.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import reprlib
import shlex
import sys
import textwrap
from collections.abc import Sequence
from types import FunctionType
from typing import Any

import numpy as np
import torch

from unnoise._errors import InputError
from unnoise._renamed import Call

PLAIN = (type(None), bool, int, float, str)
FOLDERS = "denoisers evaluation heads laws networks objectives processes samplers schedules spaces"  # of models' parts
LONGEST = 10**6  # of the tables that functions of models make
PARTS = tuple(f"unnoise.{folder}" for folder in FOLDERS.split())


def encode(value: Any) -> Any:
    """Describe plain values, lists, tuples, dicts, classes, partials of them, and frozen dataclasses.

    >>> from unnoise.schedules import Linear
    >>> encode(Linear(end=10.0))
    {'object': 'unnoise.schedules.rates:Linear', 'fields': {'start': 0.1, 'end': 10.0, 'tau_min': 1e-05}}
    >>> decode(encode(Linear(end=10.0)))
    Linear(start=0.1, end=10.0, tau_min=1e-05)

    Raises:
        InputError: a value of another kind.
    """
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": {str(key): encode(item) for key, item in value.items()}}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if isinstance(value, functools.partial):
        return {
            "partial": encode(value.func),
            "arguments": encode(list(value.args)),
            "keywords": encode(value.keywords),
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
        return {"object": _name(type(value)), "fields": fields}
    if callable(value) and getattr(value, "__qualname__", "<").isidentifier():
        return {"name": _name(value)}
    raise InputError(
        f"{value!r} cannot be saved with a model: give a class or function of a module, a functools.partial of one, "
        "or a frozen dataclass"
    )


def decode(config: Any, trust: Sequence[str] = ()) -> Any:
    """Make the value again.

    Raises:
        InputError: the description is none, or names code that neither unnoise nor `trust` holds, or that refuses it.
    """
    try:
        return _decode(config, tuple(trust))
    except RecursionError:
        raise InputError("the description of a saved model is nested too deeply; the file is damaged") from None


def _decode(config: Any, trust: tuple[str, ...]) -> Any:
    if isinstance(config, PLAIN) and config == config:  # not NaN, which no model has
        return config
    if isinstance(config, list):
        return [_decode(item, trust) for item in config]
    match config:
        case {"tuple": list(items), **rest} if not rest:
            return tuple(_decode(item, trust) for item in items)
        case {"dict": dict(items), **rest} if not rest:
            return _values(items, trust)
        case {"dtype": str(name), **rest} if not rest and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        case {"partial": func, "arguments": list(items), "keywords": {"dict": dict(keywords)}, **rest} if not rest:
            return _partial(_decode(func, trust), [_decode(item, trust) for item in items], _values(keywords, trust))
        case {"object": str(name), "fields": dict(fields), **rest} if not rest:
            return _construct(name, _values(fields, trust), trust)
        case {"name": str(name), **rest} if not rest:
            return _resolve(name, trust)
        case Call(name, keywords):
            return _called(name, _resolve(name, trust), _values(keywords, trust))
    raise _damaged(f"the description {_shortened(config)} of a saved model is not one that unnoise writes")


def _values(items: dict[Any, Any], trust: tuple[str, ...]) -> dict[str, Any]:
    if not all(isinstance(key, str) for key in items):
        raise _damaged(f"the names in {_shortened(items)} are no texts")
    return {key: _decode(item, trust) for key, item in items.items()}


def _name(value: Any) -> str:
    return f"{value.__module__}:{value.__qualname__}"


def _partial(func: Any, arguments: list[Any], keywords: dict[str, Any]) -> Any:
    """Arguments that the function does not take are found now, and not in the middle of a training."""
    if not callable(func):
        raise _damaged(f"the saved model calls {_shortened(func)}, which cannot be called")
    try:
        inspect.signature(func).bind_partial(*arguments, **keywords)
    except TypeError as error:
        raise _damaged(f"{func!r} cannot be called as the saved model does ({_shortened(error)})") from error
    except ValueError:  # a function written in C does not say what it takes
        pass
    return functools.partial(func, *arguments, **keywords)


def _construct(name: str, fields: dict[str, Any], trust: tuple[str, ...]) -> Any:
    kind = _resolve(name, trust)
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise _damaged(f"the saved model asks for an object of {name!r}, which is not a dataclass")
    return _called(name, kind, fields)


def _called(name: str, make: Any, keywords: dict[str, Any]) -> Any:
    try:
        if isinstance(make, FunctionType) and any(
            type(value) is int and value > LONGEST for value in keywords.values()
        ):
            raise ValueError(f"expected whole numbers of at most {LONGEST:,}")  # they are lengths of what it returns
        return make(**keywords)
    except InputError:
        raise
    except Exception as error:  # of any kind: nothing says what the fields hold
        told = f"{type(error).__name__}: {_shortened(error)}"
        raise _damaged(f"the saved model's {name!r} cannot be made from {_shortened(keywords)} ({told})") from error


def _resolve(name: str, trust: tuple[str, ...]) -> Any:
    module, _, attribute = name.partition(":")
    if not any(module == root or module.startswith(f"{root}.") for root in (*PARTS, *trust)):
        raise _refusal(name, module)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        raise InputError(
            f"the saved model uses {_shortened(name)}, which does not exist here: load it with the version that saved "
            "it, or train it anew"
        ) from None
    except Exception as error:  # of any kind: the module is the user's, or its name is none
        raise InputError(f"{module!r}, which the saved model uses, cannot be imported: {_shortened(error)}") from error
    if getattr(found, "__module__", None) != module or getattr(found, "__qualname__", None) != attribute:
        raise _damaged(f"the saved model asks for {name!r}, which {module} does not define")
    return found


def _refusal(name: str, module: str) -> InputError:
    """Trust is advised for what may be the reader's own; a model of Python's own modules has no good reason."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in ("unnoise", "__main__") or not top.isidentifier():
        return _damaged(f"the saved model uses {_shortened(name)}, which is none of the parts that models are made of")
    return InputError(
        f"the saved model uses {_shortened(name)}, which is none of unnoise's parts: if you know that module, load "
        f"with trust=[{module!r}] or --trust {shlex.quote(module)}"
    )


def _damaged(what: str) -> InputError:
    return InputError(f"{what}; the file is damaged")


def _shortened(value: object) -> str:
    """Short words for what may be long, deep, or unprintable."""
    try:
        words = value if isinstance(value, Exception) else reprlib.repr(value)
        return textwrap.shorten(str(words), 200, placeholder=" ...")
    except Exception:
        return f"a {type(value).__name__}"
