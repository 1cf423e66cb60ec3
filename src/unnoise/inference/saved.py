"""What is learnt from simulations, in memory and in a folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch

from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise._sealed import open_tensors, write_tensors
from unnoise.inference.observed import Observed
from unnoise.inference.parameters import Floats, Parameters, Part
from unnoise.inference.priors import ParameterPrior, as_prior
from unnoise.inference.simulations import Simulations
from unnoise.model import DenoisingMarkovModel, load_model

FORMAT = "unnoise posterior 1"
MODEL, BESIDE = "model", "posterior.safetensors"


@dataclass(frozen=True, eq=False)
class Learnt:
    r"""A model of parameters given observations, and what it was learnt from.

    Attributes:
        model: of the parameters in their chart, given the condition "x".
        parameters: what they are.
        observed: what an observation is.
        simulated: features of simulations that were learnt from, (r, ...), for `check`.
        held_out: simulations on which training stopped, for `calibrate`.
        prior: None for one that was loaded without.
    """

    model: DenoisingMarkovModel
    parameters: Parameters
    observed: Observed
    simulated: Floats
    held_out: Simulations
    prior: ParameterPrior | None = None

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the model, and what else is needed beside it, into a folder; nothing is pickled, nor the prior kept.

        Raises:
            InputError: the folder is there, and may not be replaced, or holds something else.
        """
        folder = Path(folder)
        if folder.exists() and not (overwrite and (folder / BESIDE).is_file()):
            advice = "overwrite=True replaces it" if (folder / BESIDE).is_file() else "it holds no posterior"
            raise InputError(f"{str(folder)!r} exists; {advice}, or name another folder")
        texts = {name: json.dumps(dataclasses.asdict(getattr(self, name))) for name in ("parameters", "observed")}
        rows = self.parameters.read(self.held_out.theta)
        arrays = {"simulated": self.simulated, "theta": rows, "x": self.held_out.x}
        tensors = {name: torch.from_numpy(one).contiguous() for name, one in arrays.items()}
        folder.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(folder) as beside:
            beside.mkdir()
            self.model.save(beside / MODEL)
            write_tensors(beside / BESIDE, tensors, {"format": FORMAT, **texts})

    @classmethod
    def load(cls, folder: str | Path, *, prior: Any = None, trust: Sequence[str] = ()) -> Self:
        """Read what `save` wrote.

        Args:
            folder: where it is.
            prior: that of the training, which `with_prior` needs.
            trust: as of `unnoise.load`.

        Raises:
            InputError: the folder is missing or damaged, or the prior is of other parameters.
        """
        path = Path(folder) / BESIDE
        if not path.is_file():
            raise InputError(f"{str(folder)!r} holds no posterior; expected a folder that save wrote")
        model = load_model(path.parent / MODEL, trust=trust)
        try:
            with open_tensors(path, FORMAT, FORMAT) as file:
                texts = {name: json.loads(file.metadata[name]) for name in ("parameters", "observed")}
                tensors = {name: part.numpy() for name, part in file.tensors().items()}
            parameters, observed = _parameters(texts["parameters"]), Observed(**_tuples(texts["observed"]))
            held_out = Simulations(parameters.shown(tensors["theta"]), tensors["x"], observed.observations)
            simulated = tensors["simulated"]
        except (InputError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{str(path)!r} cannot be read: {error}") from error
        law = None if prior is None else as_prior(prior)
        if law is not None and law.parameters != parameters:
            raise InputError("got a prior of other parameters, or with other bounds, than those of the posterior")
        return cls(model, parameters, observed, simulated, held_out, law)


def _parameters(held: dict[str, Any]) -> Parameters:
    parts = tuple(Part(one["name"], tuple(one["shape"]), one["dtype"]) for one in held["parts"])
    return Parameters(parts, tuple(map(float, held["low"])), tuple(map(float, held["high"])))


def _tuples(held: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in held.items()}
