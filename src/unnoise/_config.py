"""Objects as plain JSON, without pickling.

Reading imports nothing but the parts of unnoise that models are made of and modules the caller trusts: a folder from
elsewhere cannot make this machine run code.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from unnoise._errors import InputError
from unnoise._renamed import Call

PLAIN = (type(None), bool, int, float, str)
FOLDERS = "denoisers evaluation heads laws networks objectives processes samplers schedules spaces"  # of models' parts
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
    """Make the value again; an InputError if it names code that neither unnoise nor `trust` holds."""
    if isinstance(config, PLAIN):
        return config
    if isinstance(config, list):
        return [decode(item, trust) for item in config]
    match config:
        case {"tuple": items}:
            return tuple(decode(item, trust) for item in items)
        case {"dict": items}:
            return {key: decode(item, trust) for key, item in items.items()}
        case {"dtype": str(name)} if isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        case {"partial": func, "arguments": arguments, "keywords": keywords}:
            return functools.partial(decode(func, trust), *decode(arguments, trust), **decode(keywords, trust))
        case {"object": str(name), "fields": fields}:
            return _construct(name, {key: decode(item, trust) for key, item in fields.items()}, trust)
        case {"name": str(name)}:
            return _resolve(name, trust)
        case Call(name, keywords):
            return _resolve(name, trust)(**{key: decode(item, trust) for key, item in keywords.items()})
    raise InputError(f"the description {config!r} of a saved model is not one that unnoise writes; the file is damaged")


def _name(value: Any) -> str:
    return f"{value.__module__}:{value.__qualname__}"


def _construct(name: str, fields: dict[str, Any], trust: Sequence[str]) -> Any:
    kind = _resolve(name, trust)
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        raise InputError(
            f"the saved model asks for an object of {name!r}, which is not a dataclass; the file is damaged"
        )
    return kind(**fields)


def _resolve(name: str, trust: Sequence[str]) -> Any:
    module, _, attribute = name.partition(":")
    if not any(module == root or module.startswith(f"{root}.") for root in (*PARTS, *trust)):
        raise InputError(
            f"the saved model uses {name!r}, which is none of unnoise's parts: if you know that module, load with "
            f"trust=[{module!r}] or --trust {module}"
        )
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        raise InputError(
            f"the saved model uses {name!r}, which does not exist here: load it with the version that saved it, or "
            "train it anew"
        ) from None
    if getattr(found, "__module__", None) != module:
        raise InputError(f"the saved model asks for {name!r}, which {module} does not define; the file is damaged")
    return found
