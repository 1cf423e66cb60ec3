"""A posterior in a folder: its model, and beside it what parameters and observations are."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise._sealed import open_tensors, write_tensors
from unnoise.inference.observed import Observed
from unnoise.inference.parameters import Parameters, Part
from unnoise.inference.priors import Prior
from unnoise.inference.simulations import Simulations
from unnoise.model import load_model

if TYPE_CHECKING:
    from unnoise.inference.posteriors import Posterior

FORMAT = "unnoise posterior 1"
MODEL, BESIDE = "model", "posterior.safetensors"


def save(posterior: Posterior, folder: Path, overwrite: bool) -> None:
    """Write a folder, whole or not at all.

    Raises:
        InputError: it is there, and may not be replaced, or is no posterior.
    """
    if folder.exists() and not (overwrite and (folder / BESIDE).is_file()):
        advice = "overwrite=True replaces it" if (folder / BESIDE).is_file() else "it holds no posterior"
        raise InputError(f"{str(folder)!r} exists; {advice}, or name another folder")
    about = {"parameters": posterior.parameters, "observed": posterior.observed}
    texts = {name: json.dumps(dataclasses.asdict(one)) for name, one in about.items()}
    rows = posterior.parameters.read(posterior.held_out.theta)
    arrays = {"simulated": posterior.simulated, "theta": rows, "x": posterior.held_out.x}
    tensors = {name: torch.from_numpy(one).contiguous() for name, one in arrays.items()}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder) as beside:
        beside.mkdir()
        posterior.model.save(beside / MODEL)
        write_tensors(beside / BESIDE, tensors, {"format": FORMAT, **texts})


def load(folder: Path, prior: Prior | None, trust: Sequence[str]) -> Posterior:
    """Read a folder that `save` wrote.

    Raises:
        InputError: it is missing or damaged, or the prior is of other parameters.
    """
    from unnoise.inference.posteriors import Posterior

    if not (folder / BESIDE).is_file():
        raise InputError(f"{str(folder)!r} holds no posterior; expected a folder that Posterior.save wrote")
    model = load_model(folder / MODEL, trust=trust)
    try:
        with open_tensors(folder / BESIDE, FORMAT, FORMAT) as file:
            texts = {name: json.loads(file.metadata[name]) for name in ("parameters", "observed")}
            tensors = {name: part.numpy() for name, part in file.tensors().items()}
        parameters, observed = _parameters(texts["parameters"]), Observed(**_tuples(texts["observed"]))
        held_out = Simulations(parameters.shown(tensors["theta"]), tensors["x"], observed.observations)
        simulated = tensors["simulated"]
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{str(folder / BESIDE)!r} cannot be read: {error}") from error
    if prior is not None and prior.parameters != parameters:
        raise InputError("got a prior of other parameters, or with other bounds, than those of the posterior")
    return Posterior(model, parameters, observed, simulated, held_out, prior)


def _parameters(held: dict[str, Any]) -> Parameters:
    parts = tuple(Part(one["name"], tuple(one["shape"]), one["dtype"]) for one in held["parts"])
    return Parameters(parts, tuple(map(float, held["low"])), tuple(map(float, held["high"])))


def _tuples(held: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in held.items()}
