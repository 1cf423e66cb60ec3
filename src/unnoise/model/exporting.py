"""The denoiser of a model as a file of torch.export, with a sampler beside it that needs torch alone."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from unnoise import _tree
from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise._places import check_makeable
from unnoise._version import __version__
from unnoise.data import Schema
from unnoise.data.kinds import Category
from unnoise.denoisers import Denoiser
from unnoise.evaluation.closed_form import mixture_in
from unnoise.laws import ProductMixture
from unnoise.model import exporting_numbers, exporting_tables
from unnoise.processes import is_masked

DENOISER, LAW, PLAN, SAMPLER = "denoiser.pt2", "law.pt", "plan.json", "sampler.py"


def exported(
    denoiser: Denoiser,
    schema: Schema,
    folder: Path,
    sampler: Callable[..., Any],
    *,
    steps: int | None = None,
    overwrite: bool = False,
) -> None:
    r"""Write `denoiser.pt2`, `plan.json` and `sampler.py` into a folder, which is made.

    Of numbers and images the denoiser is called with states (n, *shape), float32, a time t from 0 (data) to 1 (noise),
    float64, and the conditions (n, c) if there are any; it gives the estimate of the standardised data. Of a table it
    is called with the cells (n, cells), int64, hidden ones behind their masks, and gives the laws of the cells of every
    factor, (n, cells, states); of a quick model `law.pt` has the mixture instead. Every n is welcome. The sampler makes
    the rows that `FittedModel.sample` makes of the same seed, up to the rounding of float32.

    Raises:
        InputError: what the model has that this cannot say with torch alone.
    """
    _check_free(folder, overwrite)
    check_makeable(folder)
    table = is_masked(denoiser.process)
    files = _of_table(denoiser, schema, steps) if table else _of_numbers(denoiser, schema, sampler, steps)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder) as beside:
        beside.mkdir()
        for name, content in files.items():
            (beside / name).write_bytes(content)


def _of_numbers(denoiser: Denoiser, schema: Schema, sampler: Callable[..., Any], steps: int | None) -> dict[str, bytes]:
    factor = exporting_numbers.only_factor(denoiser, schema)
    solver = sampler(denoiser) if steps is None else sampler(denoiser, steps=steps)
    plan = {**solver.plan(), **exporting_numbers.of_data(factor), "conditions": _levels(schema)}
    state, time = torch.zeros(3, *schema.event_shape), torch.tensor(0.5, dtype=torch.float64)
    program = _program(_Estimate(denoiser), schema, state, time)
    return {DENOISER: program, **_beside(plan, "standalone_numbers.py")}


def _of_table(denoiser: Denoiser, schema: Schema, steps: int | None) -> dict[str, bytes]:
    if steps is not None:
        raise InputError(f"got steps = {steps} for a table, of which one cell is drawn after the other; leave it out")
    plan = {**exporting_tables.of_table(denoiser, schema), "conditions": _levels(schema)}
    files = _beside(plan, "standalone_table.py")
    if (mixture := mixture_in(denoiser)) is not None:
        groups = [_of_group(cells, law) for cells, law in mixture.law.independent]
        return {LAW: _saved(torch.save, groups), **files}
    module = exporting_tables.Laws(denoiser, schema)
    return {DENOISER: _program(module, schema, torch.tensor(plan["masks"]).repeat(3, 1)), **files}


def _of_group(cells: Any, law: ProductMixture) -> dict[str, Any]:
    """The weights of components, their tables, and where their cells are, of all that a state has."""
    probs = [part.probs.flatten(1, -2).cpu() for _, part in _tree.leaves(law.parts)]
    if cells is None:
        places = torch.arange(sum(part.shape[1] for part in probs))
    else:
        places = torch.cat([mask.flatten().cpu() for _, mask in _tree.leaves(cells)]).nonzero()[:, 0]
    return {"weights": law.weights.cpu(), "probs": probs, "places": places}


def _beside(plan: Mapping[str, Any], sampler: str) -> dict[str, bytes]:
    """The plan, and the sampler that reads it."""
    text = json.dumps({"unnoise": __version__, **plan}, allow_nan=False) + "\n"
    return {PLAN: text.encode(), SAMPLER: Path(__file__).with_name(sampler).read_bytes()}


def _check_free(folder: Path, overwrite: bool) -> None:
    if not folder.exists():
        return
    foreign = not folder.is_dir() or {path.name for path in folder.iterdir()} - {DENOISER, LAW, PLAN, SAMPLER}
    if foreign or not overwrite:
        advice = " and holds something else:" if foreign else "; --overwrite (overwrite=True) replaces it, or"
        raise InputError(f"{str(folder)!r} exists{advice} name another folder")


def _program(module: nn.Module, schema: Schema, state: torch.Tensor, *times: torch.Tensor) -> bytes:
    """The graph of a module that is called with states, times and conditions of any number of rows."""
    rows = torch.export.Dim("n", min=1)
    inputs, shapes = [state, *times], [{0: rows}, *(None for _ in times)]
    if schema.conditions:
        inputs.append(torch.zeros(len(state), schema.condition_width))
        shapes.append({0: rows})
    module.eval()
    with torch.no_grad():
        module(*inputs)  # the first call checks values, which is no part of the graph
        program = torch.export.export(module, tuple(inputs), dynamic_shapes=(tuple(shapes),))
    return _saved(torch.export.save, program)


def _saved(save: Any, what: Any) -> bytes:
    """What torch would write: into memory, as it ends the process where it writes on a full disk."""
    content = io.BytesIO()
    save(what, content)
    return content.getvalue()


class _Estimate(nn.Module):
    def __init__(self, denoiser: Denoiser) -> None:
        super().__init__()
        self.denoiser = denoiser

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.denoiser(*inputs)
        return found


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
