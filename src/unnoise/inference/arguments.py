"""What a simulator is called with: all parameters in one argument, or each in one of its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unnoise._errors import InputError
from unnoise.inference.parameters import Parameters

SEED = "seed"


@dataclass(frozen=True)
class Arguments:
    """Of a simulator.

    Args:
        names: whether each parameter is an argument of its own, else all are one.
        seed: whether there is one more, `seed`; else global generators are seeded around each call.
    """

    names: bool = False
    seed: bool = False


def arguments(simulator: Callable[..., Any], parameters: Parameters) -> Arguments:
    """By the signature of a simulator: parameters with names are told apart where its arguments have these names.

    Raises:
        InputError: it needs several arguments, whose names are not those of the parameters.

    >>> from unnoise.inference import as_prior
    >>> from torch.distributions import Uniform
    >>> box = as_prior({"rate": Uniform(0.0, 1.0), "size": Uniform(0.0, 1.0)}).parameters
    >>> arguments(lambda rate, size, seed: rate * size, box)
    Arguments(names=True, seed=True)
    >>> arguments(lambda theta: theta["rate"], box)
    Arguments(names=False, seed=False)
    """
    try:
        taken = inspect.signature(simulator).parameters
    except (TypeError, ValueError):  # of compiled code
        return Arguments()
    own = {part.name for part in parameters.parts}
    by_name = {name for name, one in taken.items() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    needed = [
        name
        for name, one in taken.items()
        if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD) and name != SEED
    ]
    any_name = any(one.kind is one.VAR_KEYWORD for one in taken.values())
    names = parameters.named and set(needed) <= own and (own <= by_name or (any_name and not needed))
    if len(needed) > 1 and not names:
        told = ", ".join(needed)
        remedy = (
            f"arguments of these names: {', '.join(sorted(own))}" if parameters.named else f"a prior {_dict(needed)}"
        )
        raise InputError(f"got a simulator of several arguments, {told}; expected one, all parameters, or {remedy}")
    return Arguments(names, SEED in by_name and not (names and SEED in own))


def _dict(names: list[str]) -> str:
    """How a prior of these is written."""
    return "{" + ", ".join(f'"{name}": ...' for name in names) + "}"
