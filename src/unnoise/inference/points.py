"""The law of one observation given the parameters: a mixture of normal laws, learnt in standard units."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unnoise._errors import InputError
from unnoise._progress import progress as shown_progress
from unnoise._sealed import open_tensors, write_tensors
from unnoise._seeding import seeded
from unnoise.denoisers import NormalMixture
from unnoise.inference.parameters import Floats, Parameters
from unnoise.inference.tails import Tails
from unnoise.networks import MLP
from unnoise.objectives import MaximumLikelihood
from unnoise.processes import variance_preserving
from unnoise.spaces import Euclidean
from unnoise.training import Arrays, Settings, TrainState, ending, train
from unnoise.training.validation import HeldOut, Validation

WIDTH, DEPTH = 64, 2  # of the network
FAR = 1e4  # spreads from the middle, where no prior goes, but a first step of a walk may
AT_ONCE = 2**22  # numbers of all components that are computed together
FORMAT, FILE = "unnoise point law 1", "law.safetensors"
Rows = NDArray[np.int64]
Ends = tuple[float, ...]


@dataclass(frozen=True)
class Units:
    r"""How parameters and observations are read: $(u - \text{middle})/\text{spread}$.

    A parameter with two ends is read as it is, one with a single end a as $\log|\theta - a|$. Numbers of an observation
    that never vary say nothing, and are left out.

    Args:
        low: the least value of each parameter.
        high: the greatest.
        middle: of each parameter as it is read.
        spread: the same.
        mean: of each number of an observation, as its tails are read.
        deviation: the same; 0 for those that are left out.
        tails: of these numbers.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    middle: tuple[float, ...]
    spread: tuple[float, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    tails: Tails = Tails()

    @classmethod
    def of(cls, parameters: Parameters, theta: Floats, x: Floats) -> Units:
        """From simulations, (n, d) and (n, k)."""
        read = _read(torch.from_numpy(theta), *parameters.ends).numpy()
        tails = Tails.of(x)
        told = tails.read(x)
        deviation = np.where(np.ptp(x, axis=0) > 0, told.std(axis=0), 0.0)
        numbers = (read.mean(axis=0), read.std(axis=0), told.mean(axis=0), deviation)
        middle, spread, mean, deviations = (tuple(one.tolist()) for one in numbers)
        return cls(*parameters.ends, middle, spread, mean, deviations, tails)

    def condition(self, theta: Tensor) -> Tensor:
        """What the network is given, (n, d)."""
        read = _read(theta, self.low, self.high)
        return ((read - theta.new_tensor(self.middle)) / theta.new_tensor(self.spread)).clamp(-FAR, FAR)

    def standard(self, x: Tensor) -> Tensor:
        """What is told of observations (..., k), (..., told)."""
        deviation, read = x.new_tensor(self.deviation), torch.from_numpy(self.tails.read(x.numpy()))
        return ((read - x.new_tensor(self.mean)) / deviation)[..., deviation > 0]

    def log_slope(self, x: Tensor) -> Tensor:
        """The logarithm of the volume of `standard`, for observations (..., k), (...,)."""
        volume = sum(math.log(one) for one in self.deviation if one > 0)
        return torch.from_numpy(self.tails.log_slope(x.numpy())) - volume

    @property
    def told(self) -> int:
        """How many numbers of an observation vary."""
        return sum(one > 0 for one in self.deviation)


def _read(theta: Tensor, least: Ends, greatest: Ends) -> Tensor:
    """Parameters by their ends, (n, d): the logarithm of the distance from a single one."""
    low, high = theta.new_tensor(least), theta.new_tensor(greatest)
    left, right = torch.isfinite(low), torch.isfinite(high)
    tiny = torch.finfo(theta.dtype).tiny
    away = torch.where(left, theta - low.nan_to_num(0, 0, 0), high.nan_to_num(0, 0, 0) - theta).clamp(min=tiny)
    return torch.where(left ^ right, away.log(), theta)


@dataclass(frozen=True, eq=False)
class PointLaw:
    """p(x | theta) of one observation.

    Args:
        denoiser: of observations in standard units.
        units: of both.
        ended: how its training ended, in words.
    """

    denoiser: NormalMixture
    units: Units
    ended: str

    def log_prob(self, theta: Tensor, x: Tensor) -> Tensor:
        """Summed over observations in nats, (n,), with slopes in theta.

        Args:
            theta: (n, d).
            x: (j, k).
        """
        each = self._each(theta, x)
        return each.double().sum(0)

    def at_once(self, observations: int) -> int:
        """How many rows of theta fit into memory together."""
        components, d = self.denoiser.apart.shape
        return max(1, AT_ONCE // (observations * components * d**2 + WIDTH))

    def _each(self, theta: Tensor, x: Tensor) -> Tensor:
        like = self.denoiser.scales
        law = self.denoiser.law(self.units.condition(theta).to(like))
        found: Tensor = law.log_prob(self.units.standard(x)[:, None].to(like)) + self.units.log_slope(x)[:, None]
        return found

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        folder.mkdir()
        components, _ = self.denoiser.apart.shape
        about = {"units": asdict(self.units), "components": components, "ended": self.ended}
        tensors = {name: part.contiguous() for name, part in self.denoiser.state_dict().items()}
        write_tensors(folder / FILE, tensors, {"format": FORMAT, "about": json.dumps(about)})

    @classmethod
    def load(cls, folder: Path) -> PointLaw:
        """Read what `save` wrote; InputError where it is damaged."""
        path = folder / FILE
        try:
            with open_tensors(path, FORMAT, FORMAT) as file:
                about, tensors = json.loads(file.metadata["about"]), file.tensors()
            tails = Tails.loaded(about["units"].pop("tails", None))
            units = Units(**{name: tuple(map(float, part)) for name, part in about["units"].items()}, tails=tails)
            denoiser = untrained(len(units.low), units.told, about["components"])
            denoiser.load_state_dict(tensors)
        except (InputError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise InputError(f"{str(path)!r} cannot be read: {error}") from error
        return cls(denoiser.requires_grad_(False).eval(), units, about["ended"])


def learnt_law(
    parameters: Parameters,
    theta: Floats,
    x: Floats,
    out: Rows,
    kept: Rows,
    *,
    components: int,
    settings: Settings,
    progress: bool | None,
    make: Callable[[int, int, int], NormalMixture],
) -> PointLaw:
    """Train on pairs of parameters and one observation each, until those of parameters held out say so.

    Args:
        parameters: what they are.
        theta: (n, d).
        x: observations of each, (n, m, k).
        out: rows to hold out.
        kept: the others.
        components: of the mixture.
        settings: of the training.
        progress: whether to show a bar.
        make: called with the numbers of parameters, of an observation, and of components.
    """
    units = Units.of(parameters, theta, x.reshape(-1, x.shape[-1]))
    filled = x + _within(x, settings.seed)

    def pairs(rows: Rows) -> Arrays:
        told = units.condition(torch.from_numpy(theta[rows])).repeat_interleave(x.shape[1], 0)
        return Arrays(units.standard(torch.from_numpy(filled[rows]).flatten(0, 1)).float(), told.float())

    learnt, held_out, objective = pairs(kept), pairs(out), MaximumLikelihood()
    with seeded(settings.seed):
        denoiser = make(theta.shape[1], units.told, components)
    denoiser.fit(learnt.states, learnt.cond)  # type: ignore[arg-type]
    state = TrainState(denoiser, settings)
    validation = Validation.of(HeldOut(objective, held_out), settings.batch_size, begun=True)
    steps = train(state, objective, learnt, validation=validation)
    with shown_progress(f"training on {len(learnt):,} observations", progress) as update, closing(steps):
        for step in steps:
            update(step.progress, f"step {step.index + 1:,}, loss {step.loss:.3f}{state.looks.words}")
    loss = state.looks.best_loss - float(units.log_slope(torch.from_numpy(filled[out])).mean())
    words = f"{ending(state, validation)}; {-loss:.3f} nats for each of {len(held_out):,} observations held out"
    best: Any = state.best.cpu()
    return PointLaw(best.requires_grad_(False).eval(), units, words)


def untrained(d: int, k: int, components: int) -> NormalMixture:
    """Of k numbers given d parameters."""
    outputs = (components, NormalMixture.outputs(k))
    network = MLP((1,), d, outputs, width=WIDTH, depth=DEPTH, embedding=WIDTH, beside=True)
    return NormalMixture(variance_preserving(Euclidean(k)), network, d, components)


def _within(x: Floats, seed: int) -> Floats:
    """Uniform noise for numbers that are always whole, so that they have a density: that of k is its chance."""
    whole = (x == np.round(x)).all(axis=(0, 1))
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, x.shape)
    return np.where(whole, noise, 0.0)
