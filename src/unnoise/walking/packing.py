"""Values of a walk as tensors and JSON, and back: of known kinds alone, so that reading a file runs no code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from torch import Tensor

T = TypeVar("T")
Kind = TypeVar("Kind", bound=type[Any])

_KINDS: dict[str, Any] = {}  # dataclasses that may stand in a file, by their names


def kept(kind: Kind) -> Kind:
    """A dataclass that may stand in a checkpoint."""
    _KINDS[kind.__name__] = kind
    return kind


def is_plain(value: Any) -> bool:
    """Whether JSON has it as it is, or it is a dict of such values."""
    if isinstance(value, dict):
        return all(map(is_plain, value.values()))
    return value is None or isinstance(value, int | float | str)


def contiguous(value: T) -> T:
    """The same, with all tensors as they lie in a file."""
    rebuilt: T = _rebuilt(value, lambda leaf: leaf.contiguous())
    return rebuilt


def packed(value: Any, tensors: dict[str, Tensor]) -> Any:
    """As JSON with the names of tensors, which are added to `tensors`."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().clone()  # two may share their memory, which no file can
        return {"tensor": name}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [packed(part, tensors) for part in value]}
    if isinstance(value, dict):
        return {"dict": {key: packed(part, tensors) for key, part in value.items()}}
    if is_plain(value):
        return value
    return {_name(value): {name: packed(part, tensors) for name, part in _parts(value).items()}}


def unpacked(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Undo `packed`.

    >>> tensors = {}
    >>> unpacked(packed({"x": (1, [2.5, None])}, tensors), tensors)
    {'x': (1, [2.5, None])}
    """
    if not isinstance(value, dict):
        return value
    ((kind, parts),) = value.items()
    match kind:
        case "tensor":
            return tensors[parts].clone()  # what was read is a view of the file, wherever that lies in memory
        case "list" | "tuple":
            found = [unpacked(part, tensors) for part in parts]
            return found if kind == "list" else tuple(found)
    made = {key: unpacked(part, tensors) for key, part in parts.items()}
    return made if kind == "dict" else _KINDS[kind](**made)


def _name(value: Any) -> str:
    name = type(value).__name__
    if _KINDS.get(name) is not type(value):
        raise TypeError(f"a checkpoint knows no {name}; mark the dataclass as kept")
    return name


def _parts(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value) if field.init}


def _rebuilt(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, list | tuple):
        return type(value)(_rebuilt(part, change) for part in value)
    if isinstance(value, dict):
        return {key: _rebuilt(part, change) for key, part in value.items()}
    if not is_dataclass(value):
        return value
    return _KINDS[_name(value)](**{name: _rebuilt(part, change) for name, part in _parts(value).items()})
