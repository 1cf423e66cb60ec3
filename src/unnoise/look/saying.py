"""The command and the lines of Python that give what the page shows."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def command(*parts: object) -> str:
    """A command that a shell reads as these words.

    >>> command("unnoise", "sample", "my model")
    "unnoise sample 'my model'"
    """
    return shlex.join(map(str, parts))


def sample_command(model: str, n: int, words: Sequence[str], seed: int, output: str = "new.csv") -> str:
    """The command that draws the same rows."""
    given = [part for word in words for part in ("--given", word)]
    return command("unnoise", "sample", model, "-n", n, *given, "--seed", seed, "-o", output)


def opening(model: str) -> str:
    """The lines that load the model."""
    return f"import unnoise\n\nmodel = unnoise.load({model!r})\n"


def sample_python(model: str, n: int, given: Mapping[str, Any], seed: int) -> str:
    """The lines that draw the same rows."""
    known = f"given={literal(given)}, " if given else ""
    return f"{opening(model)}rows = model.sample({n}, {known}seed={seed})"


def literal(value: Any) -> str:
    """A value as it is written in Python; a set in order.

    >>> literal({"sex": {"b", "a"}, "age": (30, None), "n": np.int64(3)})
    "{'sex': {'a', 'b'}, 'age': (30, None), 'n': 3}"
    """
    match value:
        case Mapping():
            return "{" + ", ".join(f"{literal(name)}: {literal(one)}" for name, one in value.items()) + "}"
        case set() | frozenset():
            return "{" + ", ".join(sorted(map(literal, value))) + "}"
        case tuple():
            return "(" + ", ".join(map(literal, value)) + ("," if len(value) == 1 else "") + ")"
        case list():
            return "[" + ", ".join(map(literal, value)) + "]"
        case np.generic():
            return repr(value.item())
    return repr(value)
