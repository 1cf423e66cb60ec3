"""What is learnt from simulations, in memory and in a folder."""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch

from unnoise._atomic import atomic_path
from unnoise._errors import InputError
from unnoise._sealed import open_tensors, write_tensors
from unnoise.inference.familiarity import Familiarity, Neighbourhood
from unnoise.inference.observed import Observed, moments
from unnoise.inference.parameters import Floats, Parameters, Part
from unnoise.inference.priors import ParameterPrior, as_prior
from unnoise.inference.simulations import Simulations
from unnoise.inference.tails import Tails

MODEL = "model"


class Saves(Protocol):
    """A model that can be written into a folder."""

    def save(self, folder: Path) -> None:
        """Write it there."""


@dataclass(frozen=True, eq=False)
class Learnt(ABC):
    r"""A model that was learnt from simulations, and what is kept of these.

    Attributes:
        model: what was trained.
        parameters: what they are.
        observed: what an observation is.
        simulated: features of simulations that were learnt from, (r, ...), for `check`.
        held_out: simulations on which training stopped.
        prior: None for one that was loaded without.
        choice: which of several ways to learn it was the best, in words; empty where there was one.
    """

    kind: ClassVar[str]  # in a word
    shown_by: ClassVar[str] = MODEL  # the folder that shows that one of this class was saved

    model: Any
    parameters: Parameters
    observed: Observed
    simulated: Floats
    held_out: Simulations
    prior: ParameterPrior | None = None
    choice: str = field(default="", kw_only=True)

    @staticmethod
    @abstractmethod
    def _read_model(folder: Path, trust: Sequence[str]) -> Saves:
        """What `model.save` wrote."""

    def check(self, x: Any) -> Familiarity:
        """Whether an observation is like the simulations; printed, it says how far it lies."""
        return self._familiarity(self.observed.read(x))

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write the model, and what else is needed beside it, into a folder; nothing is pickled, nor the prior kept.

        Raises:
            InputError: the folder is there, and may not be replaced, or holds something else.
        """
        folder = Path(folder)
        ours = self._beside(folder).is_file()
        if folder.exists() and not (overwrite and ours):
            advice = "overwrite=True replaces it" if ours else f"it holds no {self.kind}"
            raise InputError(f"{str(folder)!r} exists; {advice}, or name another folder")
        texts = {name: json.dumps(dataclasses.asdict(getattr(self, name))) for name in ("parameters", "observed")}
        rows = self.parameters.read(self.held_out.theta)
        arrays = {"simulated": self.simulated, "theta": rows, "x": self.held_out.x}
        tensors = {name: torch.from_numpy(one).contiguous() for name, one in arrays.items()}
        folder.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(folder) as beside:
            beside.mkdir()
            self._write_models(beside)
            write_tensors(self._beside(beside), tensors, {"format": self._format(), "choice": self.choice, **texts})

    @classmethod
    def load(cls, folder: str | Path, *, prior: Any = None, trust: Sequence[str] = ()) -> Self:
        """Read what `save` wrote, here or of a class that adds to this one.

        Args:
            folder: where it is.
            prior: that of the training, where it is needed.
            trust: as of `unnoise.load`.

        Raises:
            InputError: the folder is missing or damaged, or the prior is of other parameters.
        """
        path = cls._beside(Path(folder))
        if not path.is_file():
            raise InputError(f"{str(folder)!r} holds no {cls.kind}; expected a folder that save wrote")
        model = cls._read_model(path.parent / MODEL, trust)
        try:
            with open_tensors(path, cls._format(), cls._format()) as file:
                texts = {name: json.loads(file.metadata[name]) for name in ("parameters", "observed")}
                tensors = {name: part.numpy() for name, part in file.tensors().items()}
                choice = file.metadata.get("choice", "")
            parameters, observed = _parameters(texts["parameters"]), _observed(texts["observed"])
            held_out = Simulations(parameters.shown(tensors["theta"]), tensors["x"], observed.observations)
            simulated = tensors["simulated"]
        except (InputError, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{str(path)!r} cannot be read: {error}") from error
        law = None if prior is None else as_prior(prior)
        if law is not None and law.parameters != parameters:
            raise InputError(f"got a prior of other parameters, or with other bounds, than those of the {cls.kind}")
        own = next((one for one in cls.__subclasses__() if (path.parent / one.shown_by).is_dir()), cls)
        return own(model, parameters, observed, simulated, held_out, law, choice=choice, **own._read_more(path.parent))

    def _write_models(self, folder: Path) -> None:
        """What was trained, into a folder each."""
        self.model.save(folder / MODEL)

    @classmethod
    def _read_more(cls, folder: Path) -> dict[str, Any]:
        """What was trained beside the model, by the names of its fields."""
        return {}

    @classmethod
    def _beside(cls, folder: Path) -> Path:
        """The file of what stands beside the model."""
        return folder / f"{cls.kind}.safetensors"

    @classmethod
    def _format(cls) -> str:
        return f"unnoise {cls.kind} 1"

    def _familiarity(self, seen: Floats) -> Familiarity:
        """Of single observations, or of a set among sets of as many."""
        asked, held_out = self.observed.features(seen), self.observed.features(self.held_out.x)
        if self.observed.observations == 1:
            flat = [part.reshape(len(part), -1) for part in (self.simulated, held_out, asked)]
        else:
            count = min(len(seen), self.observed.observations)
            sets = [part[:, :count].reshape(len(part), count, -1) for part in (self.simulated, held_out, asked[None])]
            flat = [moments(part, np.ones((len(part), count, 1), dtype=bool)) for part in sets]
        return Neighbourhood.of(*flat[:2]).of_points(flat[2])


def _parameters(held: dict[str, Any]) -> Parameters:
    parts = tuple(
        Part(one["name"], tuple(one["shape"]), one["dtype"], one.get("shares", False)) for one in held["parts"]
    )
    low, high = (tuple(map(float, held[end])) for end in ("low", "high"))
    return Parameters(parts, low, high, tuple(held.get("whole", ())))  # older files have neither shares nor these


def _observed(held: dict[str, Any]) -> Observed:
    tails = Tails.loaded(held.pop("tails", None))
    found: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in held.items()}
    return Observed(**found, tails=tails)
