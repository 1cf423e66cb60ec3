"""unnoise sample: new rows from a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unnoise._errors import InputError
from unnoise.cli import common

if TYPE_CHECKING:
    from unnoise.data import Schema

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
    n: Annotated[int, typer.Option("-n", help="How many rows.", min=1)] = 1000,
    given: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Value of a column the model is conditioned on (repeatable)."),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(help=f"One of {', '.join(SAMPLERS)}; by default the one for its noise.", show_default=False),
    ] = None,
    sampling_steps: Annotated[
        int | None, typer.Option(help="Noise levels the sampler visits.", show_default=False)
    ] = None,
    device: common.Device = "auto",
    seed: common.Seed = 0,
    overwrite: common.Overwrite = False,
    trust: common.Trust = None,
    json: common.Json = False,
) -> None:
    """Draw new rows from MODEL into FILE, in the columns, types and units of the data.

    Example:
      unnoise sample model -n 500 --given sex=Female --given age=40 -o new.csv
    """
    from unnoise import samplers
    from unnoise.data import files
    from unnoise.model import load_model

    files.check_writable(output, overwrite)
    if sampler is not None and sampler not in SAMPLERS:
        raise InputError(f"got the sampler {sampler!r}; expected one of {', '.join(SAMPLERS)}")
    fitted = load_model(model, trust=trust or ()).set_params(device=device)
    make = None if sampler is None else getattr(samplers, SAMPLERS[sampler])
    values = _values(common.pairs(given, "--given"), fitted.schema_)
    rows = fitted.sample(n, given=values or None, seed=seed, sampler=make, steps=sampling_steps)
    files.write(rows, output, overwrite=overwrite)
    common.result(json, {"output": str(output), "rows": n, "seed": seed}, f"wrote {n:,} rows to {output}")


def _values(given: dict[str, str], schema: Schema) -> dict[str, Any]:
    """What was typed, as values of the columns: a level of a category by its name, a number otherwise."""
    return {name: _value(text, schema.conditions.get(name), name) for name, text in given.items()}


def _value(text: str, kind: Any, name: str) -> Any:
    levels = {str(level): level for level in getattr(kind, "levels", ())}
    if kind is None or levels:
        return levels.get(text, text)
    try:
        return float(text)
    except ValueError:
        raise InputError(f"got --given {name}={text}; the column {name!r} holds numbers") from None
