"""unnoise sample: draw new rows from a model."""

from __future__ import annotations

import functools
import inspect
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from unnoise._errors import InputError
from unnoise.cli import common, words

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


@common.reports_errors
def sample(
    model: common.Model,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="A .csv, .parquet or .npy file, or a folder for images."),
    ],
    n: Annotated[int, typer.Option("-n", help="Number of rows.", min=1, max=common.MOST_ROWS)] = 1000,
    given: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Value of a condition of the model (repeatable).")
    ] = None,
    sampler: Annotated[
        str | None, typer.Option(help=f"One of {', '.join(SAMPLERS)}; by default the one that suits the noise.")
    ] = None,
    sampling_steps: Annotated[
        int | None,
        typer.Option(
            max=MOST_LEVELS, help="Number of noise levels; more are slower and more exact.", show_default=False
        ),
    ] = None,
    device: common.Device = "auto",
    seed: common.Seed = 0,
    overwrite: common.Overwrite = False,
    trust: common.Trust = None,
    json: common.Json = False,
) -> None:
    """Draw new rows from MODEL into FILE, with the columns, types and units of the data.

    Examples:
      unnoise sample model -n 500 -o new.csv

      unnoise sample model -n 500 --given sex=Female --given age=40 -o new.csv
    """
    from unnoise import samplers
    from unnoise.data import files
    from unnoise.model.defaults import default_sampler

    files.check_writable(output, overwrite)
    if sampler is not None and sampler not in SAMPLERS:
        raise InputError(f"got the sampler {sampler!r}; expected one of {', '.join(SAMPLERS)}")
    fitted = common.opened(model, device, trust)
    make = None if sampler is None else getattr(samplers, SAMPLERS[sampler])
    machine = make or fitted.sampler or default_sampler(fitted.denoiser_.process)
    words.refuse(
        (
            sampling_steps is not None and not _takes_steps(machine),
            "--sampling-steps is for samplers that visit noise levels",
        )
    )
    common.check_memory(n, math.prod(fitted.schema_.event_shape))
    conditions = fitted.schema_.conditions
    values = {name: _value(text, conditions.get(name), name) for name, text in words.pairs(given, "--given").items()}
    rows = fitted.sample(n, given=values or None, seed=seed, sampler=make, steps=sampling_steps)
    files.write(rows, output, overwrite=overwrite)
    common.result(json, {"output": str(output), "rows": n, "seed": seed}, f"wrote {n:,} rows to {output}")


def _takes_steps(make: Any) -> bool:
    """Whether a number of noise levels changes what a sampler draws."""
    from unnoise.samplers.exact_jumps import ExactJumps

    while isinstance(make, functools.partial):
        make = make.func
    if isinstance(make, type) and issubclass(make, ExactJumps):
        return False
    found = inspect.signature(make).parameters.values()
    return any(p.name == "steps" or p.kind is p.VAR_KEYWORD for p in found)


def _value(text: str, kind: Any, name: str) -> Any:
    levels = {str(level): level for level in getattr(kind, "levels", ())}
    if kind is None or levels:
        return levels.get(text, text)
    try:
        return float(text)
    except ValueError:
        raise InputError(f"got --given {name}={text}; expected a number for the column {name!r}") from None
