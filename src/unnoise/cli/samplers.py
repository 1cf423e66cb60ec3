"""The options --sampler and --sampling-steps, and the sampler that they choose."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unnoise._errors import InputError
from unnoise.cli import words
from unnoise.cli.manual import MORE

if TYPE_CHECKING:
    from unnoise.model import DenoisingMarkovModel

MOST_LEVELS = 10**6
SAMPLERS = {
    "multistep": "Multistep",
    "adaptive": "Adaptive",
    "dpm-solver++": "dpm_solver_pp",
    "linear-multistep": "linear_multistep",
    "heun": "Heun",
    "ddim": "DDIM",
    "ancestral": "Ancestral",
    "euler": "Euler",
    "tau-leaping": "TauLeaping",
    "first-hitting": "FirstHitting",
}

Sampler = Annotated[
    str | None,
    typer.Option(
        rich_help_panel=MORE,
        metavar="NAME",
        autocompletion=words.one_of(*SAMPLERS),
        help=f"One of {', '.join(SAMPLERS)}; by default the one that suits the noise.",
    ),
]
SamplingSteps = Annotated[
    int | None,
    typer.Option(
        rich_help_panel=MORE,
        max=MOST_LEVELS,
        help="Number of noise levels; more are slower and more exact.",
        show_default=False,
    ),
]


def check_name(sampler: str | None) -> None:
    """Refuse a name that there is not, before a model is opened."""
    if sampler is not None and sampler not in SAMPLERS:
        raise InputError(f"got the sampler {sampler!r}; expected one of {', '.join(SAMPLERS)}")


def chosen(sampler: str | None, steps: int | None, model: DenoisingMarkovModel) -> Callable[..., Any] | None:
    """What makes the sampler of this name, or the model's own, from a denoiser, with a number of noise levels.

    None if neither was chosen: then the model draws as it does by itself, from its law where that is known.
    """
    from unnoise import samplers

    if sampler is None and steps is None:
        return model.sampler
    named = None if sampler is None else getattr(samplers, SAMPLERS[sampler])
    make: Callable[..., Any] = named or model.sampler_
    words.refuse(
        (steps is not None and not _takes_steps(make), "--sampling-steps is for samplers that visit noise levels")
    )
    return make if steps is None else functools.partial(make, steps=steps)


def _takes_steps(make: Any) -> bool:
    """Whether a number of noise levels changes what a sampler draws."""
    from unnoise.samplers.exact_jumps import FirstHitting, Uniformisation

    while isinstance(make, functools.partial):
        make = make.func
    if isinstance(make, type) and issubclass(make, FirstHitting | Uniformisation):
        return False
    found = inspect.signature(make).parameters.values()
    return any(p.name == "steps" or p.kind is p.VAR_KEYWORD for p in found)
