"""The denoiser of a model as a file of torch.export, with a sampler beside it that needs torch alone."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unnoise import samplers
from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise._version import __version__
from unnoise.data import Schema
from unnoise.data.factors import NumberFactor
from unnoise.data.kinds import Category, Integer, Real
from unnoise.denoisers import Denoiser
from unnoise.processes import Gaussian
from unnoise.samplers.base import default_batch_size

DENOISER, PLAN, SAMPLER = "denoiser.pt2", "plan.json", "sampler.py"
MOST_EXACT = 2**53


def exported(
    denoiser: Denoiser, schema: Schema, folder: Path, *, steps: int | None = None, overwrite: bool = False
) -> None:
    r"""Write `denoiser.pt2`, `plan.json` and `sampler.py` into a folder, which is made.

    The denoiser is called with states (n, *shape), float32, a time t from 0 (data) to 1 (noise), float64, and the
    conditions (n, c) if there are any; it gives the estimate of the standardised data. Every n is welcome. The sampler
    makes the rows that `samplers.Multistep` makes of the same seed, up to the rounding of float32.

    Raises:
        InputError: what the model has that this cannot say with torch alone.
    """
    _check_free(folder, overwrite)
    factor = _only_factor(denoiser, schema)
    solver = samplers.Multistep(denoiser) if steps is None else samplers.Multistep(denoiser, steps=steps)
    plan = {"unnoise": __version__, **solver.plan(), **_of_data(factor), "conditions": _levels(schema)}
    content = io.BytesIO()  # torch, where it writes the file, ends the process on a full disk
    torch.export.save(_program(denoiser, schema), content)
    with atomic_path(folder) as beside:
        beside.mkdir()
        (beside / DENOISER).write_bytes(content.getbuffer())
        (beside / PLAN).write_text(json.dumps(plan, allow_nan=False) + "\n", encoding="utf-8")
        text = Path(__file__).with_name("standalone.py").read_text(encoding="utf-8")
        (beside / SAMPLER).write_text(text, encoding="utf-8")


def _check_free(folder: Path, overwrite: bool) -> None:
    if not folder.exists():
        return
    foreign = not folder.is_dir() or {path.name for path in folder.iterdir()} - {DENOISER, PLAN, SAMPLER}
    if foreign or not overwrite:
        advice = "it holds something else" if foreign else "--overwrite (overwrite=True) replaces it"
        raise InputError(f"{str(folder)!r} exists; {advice}, or name another folder")


def _program(denoiser: Denoiser, schema: Schema) -> torch.export.ExportedProgram:
    n, rows = 3, torch.export.Dim("n", min=1)
    inputs = [torch.zeros(n, *schema.event_shape), torch.tensor(0.5, dtype=torch.float64)]
    shapes: list[Any] = [{0: rows}, None]
    if schema.conditions:
        inputs.append(torch.zeros(n, schema.condition_width))
        shapes.append({0: rows})
    module = _Estimate(denoiser).eval()
    with torch.no_grad():
        module(*inputs)  # the first call checks values, which is no part of the graph
        return torch.export.export(module, tuple(inputs), dynamic_shapes=(tuple(shapes),))


class _Estimate(nn.Module):
    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser = denoiser

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.denoiser(*inputs)
        return found


def _only_factor(denoiser: Denoiser, schema: Schema) -> NumberFactor:
    """The one factor of a model that can be exported."""
    factors = list(schema.factors.values())
    numbers = len(factors) == 1 and isinstance(factors[0], NumberFactor)
    gaussian = isinstance(denoiser.process, Gaussian)
    missing = bool(schema.missing or schema.chart or schema.constants)
    if not (numbers and gaussian) or missing:
        has = "missing values, constraints or constant columns" if numbers and gaussian else f"{denoiser.process}"
        raise InputError(
            f"got a model with {has}; expected numbers (kind real or integer) or images under Gaussian noise: only "
            "their sampler can be written with torch alone"
        )
    factor = factors[0]
    if not isinstance(factor, NumberFactor) or not all(isinstance(kind, Real | Integer) for kind in factor.coordinates):
        raise InputError("got columns of a kind that has no plain formula; expected kinds real and integer")
    if any(max(-kind.low, kind.high) > MOST_EXACT for kind in factor.coordinates if isinstance(kind, Integer)):
        raise InputError("got whole numbers beyond 2**53; expected smaller ones, which float64 holds exactly")
    return factor


def _of_data(factor: NumberFactor) -> dict[str, Any]:
    """How states become numbers in the units of the data: one entry a column, or one for all of a block."""
    kinds = factor.coordinates
    columns = factor.columns if not factor.block else [f"x{i}" for i in range(math.prod(factor.block))]
    return {
        "shape": list(factor.event_shape),
        "batch": default_batch_size(factor.event_shape),
        "columns": list(columns),
        "mean": [kind.mean for kind in kinds],
        "scale": [kind.scale for kind in kinds],
        "whole": [isinstance(kind, Integer) for kind in kinds],
        "low": [kind.low if isinstance(kind, Integer) else 0 for kind in kinds],
        "high": [kind.high if isinstance(kind, Integer) else 0 for kind in kinds],
    }


def _levels(schema: Schema) -> dict[str, dict[str, list[float]]]:
    """Of every condition the numbers that its levels are."""
    found = {}
    for name, kind in schema.conditions.items():
        if not isinstance(kind, Category):
            raise InputError(f"got the condition {name!r}, which has no levels; expected categories as conditions")
        known = [0.0] if schema.may_be_unknown and name == list(schema.conditions)[-1] else []  # that something is said
        eye = torch.eye(len(kind.levels)).tolist()
        found[name] = {str(level): [*row, *known] for level, row in zip(kind.levels, eye, strict=True)}
    return found
