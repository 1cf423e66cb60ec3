"""Posteriors of five simulators, beside reference posteriors and published figures.

`inference.posterior` learns theta given x from 1,000 or 10,000 simulations, with nothing but defaults, and draws 10,000
parameters for each of ten observations. A classifier tells them from reference draws (`experiments.c2st`). Beside the
library sbi, in one run: `experiments.sbibm_sbi`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments import figures
from experiments.base import Experiment, Outcome, Published, Setting
from experiments.c2st import c2st
from experiments.keeping import keep, kept
from experiments.sbibm_by_likelihood import prior_of
from experiments.sbibm_peers import Trained, Way
from experiments.sbibm_tasks import References, Task, tasks
from unnoise import DenoisingMarkovModel, inference
from unnoise._provenance import commit
from unnoise._seeding import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALL_FROM = 10_000  # simulations: from fewer, tasks of many dimensions are judged by a few observations
FEW, WIDE = (
    3,
    10,
)  # observations of small runs in so many dimensions, where a classifier takes a minute
TRIES = 10  # of draws outside the prior
SHOWN = {"slcp": (2, 3), "bernoulli_glm": (1, 2)}  # the numbers of theta that the figure shows, else the first two
TITLES = {
    "two_moons": "two moons",
    "slcp": "SLCP",
    "gaussian_linear": "Gaussian linear",
    "gaussian_linear_uniform": "uniform prior",
    "bernoulli_glm": "Bernoulli GLM",
}
NPE = {  # C2ST of neural posterior estimation, a mean of ten observations
    "two_moons": {1_000: 0.725, 10_000: 0.606},
    "slcp": {1_000: 0.975, 10_000: 0.901},
    "gaussian_linear": {1_000: 0.694, 10_000: 0.552},
    "gaussian_linear_uniform": {1_000: 0.696, 10_000: 0.553},
    "bernoulli_glm": {10_000: 0.678},
}
SOURCE = "NPE, Lueckmann et al. 2021, main_paper.csv"


Train = Callable[[Tensor, Tensor, int], Way]


@dataclass(frozen=True)
class Sizes:
    """The sizes of the experiment."""

    simulations: tuple[int, ...] = (1_000, 10_000)
    observations: int = 10
    draws: int = 10_000
    steps: int | None = None  # of training; the model's own number

    @classmethod
    def of(cls, setting: Setting) -> Sizes:
        """A small version takes seconds."""
        return cls((64,), 2, 100, 5) if setting.quick else cls()


@dataclass(frozen=True)
class Judged:
    """What is measured of one way to infer.

    Attributes:
        c2st: of every observation.
        seconds: of the CPU, for training and for the draws of one observation.
        first: draws for the first observation.
        words: how training ended.
    """

    c2st: list[float]
    seconds: tuple[float, float]
    first: NDArray[Any]
    words: str

    def numbers(self, label: str) -> dict[str, Any]:
        """The C2ST with its standard error, and CPU seconds."""
        found = self.c2st
        return {
            f"{label}: c2st": float(np.mean(found)),
            f"{label}: c2st_se": float(np.std(found, ddof=1) / len(found) ** 0.5),
            f"{label}: c2st of each": found,
            f"{label}: training, seconds": self.seconds[0],
            f"{label}: draws, seconds": self.seconds[1],
        }


def run(setting: Setting) -> Outcome:
    """Every task, simulated once for each number of simulations."""
    sizes, every = Sizes.of(setting), tasks(setting)
    found: dict[str, Judged] = {}
    shown = {}
    for place, task in enumerate(every):
        references = References.read(setting, task.name)
        for n in sizes.simulations:
            label = f"{task.name}, {n:,}"
            setting.tell(place / len(every), f"{task.name}, {n:,} simulations")
            theta, x = task.simulations(n, generator(setting.seed))
            for name, (train, observations) in _ways(task, n, label, sizes).items():
                judge = partial(judged, train, theta, x, references, sizes, observations, setting.seed)
                found[name] = once(name, judge, setting, sizes)
            shown[task.name] = (references.draws[0, : sizes.draws].numpy(), found[label].first)
    measured = {key: value for name, one in found.items() for key, value in one.numbers(name).items()}
    notes = [f"{name}: {one.words}" for name, one in found.items() if one.words]
    published = {
        f"{name}, {n:,}: c2st": Published(value, SOURCE)
        for name, values in NPE.items()
        for n, value in values.items()
        if n in sizes.simulations
    }
    return Outcome(measured, published, {"": figure(shown)}, (*_notes(sizes), *notes))


def _ways(task: Task, n: int, label: str, sizes: Sizes) -> dict[str, tuple[Train, int]]:
    """How to learn, and for how many observations to judge it, by the name of the scores."""
    few = min(FEW, sizes.observations)
    own = few if task.dim >= WIDE and n < ALL_FROM else sizes.observations
    ways: dict[str, tuple[Train, int]] = {label: (partial(by_posterior, task, steps=sizes.steps), own)}
    if task.points:
        ways[f"{label}, as a set"] = (partial(by_posterior, task, steps=sizes.steps, points=task.points), own)
    return ways


def once(name: str, judge: Callable[[], Judged], setting: Setting, sizes: Sizes) -> Judged:
    """What an interrupted run of this commit has measured is kept for the next."""
    if setting.cache is None or setting.quick:
        return judge()
    path = setting.cache / f"sbibm-{re.sub('[^a-z0-9]+', '-', name.lower())}.safetensors"
    recipe = f"{name}, {sizes}, seed {setting.seed}, {commit()}"
    if (before := kept(path, recipe)) is not None:
        parts, told = before
        training, drawing = parts["seconds"].tolist()
        return Judged(parts["c2st"].tolist(), (training, drawing), parts["first"].numpy(), told["words"])
    done = judge()
    measured = {"c2st": done.c2st, "seconds": done.seconds, "first": done.first}
    tensors = {key: torch.as_tensor(part, dtype=torch.float64) for key, part in measured.items()}
    keep(path, recipe, tensors, words=done.words)
    return done


def by_posterior(
    task: Task, theta: Tensor, x: Tensor, seed: int, *, steps: int | None = None, points: int | None = None
) -> Trained:
    """By `inference.posterior`, with nothing but defaults; where x is a number of `points`, it is told as a set."""
    shape = x.shape[1:] if points is None else (points, x.shape[1] // points)
    made = inference.Simulations(theta, x.reshape(len(x), *shape), points or 1)
    few = None if steps is None else DenoisingMarkovModel(random_state=seed, steps=steps, progress=False)
    start = time.process_time()
    found = inference.posterior(prior_of(task), made, model=few, seed=seed, progress=False)
    seconds = time.process_time() - start

    def draw(observed: NDArray[Any], n: int, seed: int) -> NDArray[Any]:
        return np.asarray(found.sample(n, observed.reshape(shape), seed=seed))

    return Trained(draw, seconds, "; ".join(filter(None, [found.model.ended_, found.choice])))


def by_model(
    task: Task, theta: Tensor, x: Tensor, seed: int, *, steps: int | None = None, points: int | None = None
) -> Trained:
    """The model, with nothing but defaults; draws outside the prior are drawn anew, as sbi does.

    Where x is a number of `points`, the model can be told that their order does not matter.
    """
    shape = x.shape[1:] if points is None else (points, x.shape[1] // points)
    kinds = None if points is None else {"x": "set"}
    start = time.process_time()
    model = DenoisingMarkovModel(random_state=seed, steps=steps, progress=False, kinds=kinds)
    model.fit(theta.numpy(), y={"x": x.numpy().reshape(len(x), *shape)})
    seconds = time.process_time() - start

    def draw(observed: NDArray[Any], n: int, seed: int) -> NDArray[Any]:
        told = {"x": np.repeat(observed.reshape(1, *shape), n, 0)}
        drawn = np.asarray(model.sample(n, y=told, seed=seed))
        if task.bound is None:
            return drawn
        for again in range(1, TRIES):
            outside = (np.abs(drawn) > task.bound).any(1)
            if not outside.any():
                break
            drawn[outside] = model.sample(int(outside.sum()), y={"x": told["x"][outside]}, seed=seed + 1000 * again)
        return drawn.clip(-task.bound, task.bound)

    return Trained(draw, seconds, model.ended_)


def judged(
    train: Train, theta: Tensor, x: Tensor, references: References, sizes: Sizes, observations: int, seed: int
) -> Judged:
    """Train, draw for some observations, and compare with the reference."""
    return compared(train(theta, x, seed), references, sizes, observations)


def compared(way: Way, references: References, sizes: Sizes, observations: int) -> Judged:
    """Draws for the first observations, each beside its reference."""
    found, seconds, draws = [], 0.0, []
    for k in range(observations):
        start = time.process_time()
        draws.append(way.draw(references.observations[k].numpy(), sizes.draws, k))
        seconds += time.process_time() - start
        found.append(c2st(references.draws[k, : sizes.draws].numpy(), draws[k]))
    return Judged(found, (way.seconds, seconds / observations), draws[0], way.words)


def figure(shown: dict[str, tuple[NDArray[Any], NDArray[Any]]]) -> Figure:
    """The last number of simulations, first observation."""
    columns = []
    for name, (reference, drawn) in shown.items():
        places = list(SHOWN.get(name, (0, 1)))
        columns.append((TITLES[name], reference[:, places], drawn[:, places]))
    return figures.beside(columns)


def _notes(sizes: Sizes) -> tuple[str, ...]:
    return (
        f"C2ST: 0.5 is perfect; {sizes.draws:,} draws for each of {sizes.observations} observations, recipe of the "
        f"benchmark; {FEW} observations of ten numbers from 1,000 simulations; the standard error is that "
        "between observations",
        "inference.posterior with nothing but defaults: a network of the posterior and a likelihood are learnt, and "
        "the one is kept that gives held-out parameters the greater density, as the last words on each say",
        "as a set: it is told that x is four points in any order; nothing else is",
        "seconds of the CPU; those of draws for one observation",
    )


EXPERIMENT = Experiment("sbibm", "posteriors of five simulators, beside references and published figures", run)
