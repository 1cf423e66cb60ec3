"""Posteriors of five simulators, beside reference posteriors, published figures and the library sbi.

A model learns theta given x from 1,000 or 10,000 simulations, with nothing but defaults, and draws 10,000 parameters
for each of ten observations. A classifier tells them from reference draws (`experiments.c2st`). Where `sbi` is
installed its NPE and NPSE learn from the same simulations.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from experiments import figures
from experiments.base import Experiment, Outcome, Published, Setting
from experiments.c2st import c2st
from experiments.sbibm_peers import Trained, missing, peers
from experiments.sbibm_tasks import References, Task, tasks
from unnoise import DenoisingMarkovModel
from unnoise._seeding import generator

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PEERS_FROM = 10_000  # simulations: to train the peers takes longest, so they learn once
FEW, WIDE = (
    3,
    10,
)  # observations of the peers, and of small runs in so many dimensions, where a classifier takes a minute
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


@dataclass
class Scores:
    """What is measured of one way to infer, by task and number of simulations."""

    measured: dict[str, Any] = field(default_factory=dict)

    def add(self, label: str, found: list[float], training: float, drawing: float) -> None:
        """The C2ST of every observation, and CPU seconds."""
        self.measured[f"{label}: c2st"] = float(np.mean(found))
        self.measured[f"{label}: c2st_se"] = float(np.std(found, ddof=1) / len(found) ** 0.5)
        self.measured[f"{label}: c2st of each"] = found
        self.measured[f"{label}: training, seconds"] = training
        self.measured[f"{label}: draws, seconds"] = drawing


def run(setting: Setting) -> Outcome:
    """Every task, simulated once for each number of simulations, by the model and by its peers."""
    sizes, scores, shown = Sizes.of(setting), Scores(), {}
    every = tasks(setting)
    notes = []
    for place, task in enumerate(every):
        references = References.read(setting, task.name)
        for index, n in enumerate(sizes.simulations):
            share = (place + index / len(sizes.simulations)) / len(every)
            setting.tell(share, f"{task.name}, {n:,} simulations")
            theta, x = task.simulations(n, generator(setting.seed))
            label = f"{task.name}, {n:,}"
            drawn = {}
            for name, points in {label: None, f"{label}, as a set": task.points}.items():
                if name == label or points:
                    model = by_model(task, theta, x, setting.seed, sizes.steps, points)
                    notes.append(f"{name}: {model.words}")
                    drawn[name] = _judged(
                        name, model, references, sizes, scores, few=task.dim >= WIDE and n < PEERS_FROM
                    )
            shown[task.name] = (references.draws[0, : sizes.draws].numpy(), drawn[label])
            if n >= PEERS_FROM and not setting.quick and not missing():
                for name, train in peers(task).items():
                    setting.tell(share, f"{task.name}, {n:,} simulations, {name}")
                    _judged(f"{label}, {name}", train(theta, x, setting.seed), references, sizes, scores, few=True)
    published = {
        f"{name}, {n:,}: c2st": Published(value, SOURCE)
        for name, values in NPE.items()
        for n, value in values.items()
        if n in sizes.simulations
    }
    return Outcome(scores.measured, published, {"": _figure(shown)}, (*_notes(sizes), *notes))


def by_model(
    task: Task, theta: Tensor, x: Tensor, seed: int, steps: int | None = None, points: int | None = None
) -> Trained:
    """The model, with nothing but defaults; draws outside the prior are drawn anew, as sbi does.

    Where x is a number of `points`, the model can be told that their order does not matter.
    """
    shape = (-1,) if points is None else (points, x.shape[1] // points)
    kinds = None if points is None else {"x": "set"}
    start = time.process_time()
    model = DenoisingMarkovModel(random_state=seed, steps=steps, progress=False, kinds=kinds)
    model.fit(theta.numpy(), y={"x": x.numpy().reshape(len(x), *shape)})
    seconds = time.process_time() - start

    def draw(observed: NDArray[Any], n: int, seed: int) -> NDArray[Any]:
        observed = observed.reshape(shape)
        drawn = np.asarray(model.sample(n, y={"x": observed}, seed=seed))
        if task.bound is None:
            return drawn
        for again in range(1, TRIES):
            outside = (np.abs(drawn) > task.bound).any(1)
            if not outside.any():
                break
            drawn[outside] = model.sample(int(outside.sum()), y={"x": observed}, seed=seed + 1000 * again)
        return drawn.clip(-task.bound, task.bound)

    return Trained(draw, seconds, model.ended_)


def _judged(
    label: str, way: Trained, references: References, sizes: Sizes, scores: Scores, few: bool = False
) -> NDArray[Any]:
    """Draws for every observation, or a few, against the reference; those for the first."""
    found, seconds, first = [], 0.0, np.empty(0)
    observations = min(FEW, sizes.observations) if few else sizes.observations
    for k in range(observations):
        start = time.process_time()
        drawn = way.draw(references.observations[k].numpy(), sizes.draws, k)
        seconds += time.process_time() - start
        found.append(c2st(references.draws[k, : sizes.draws].numpy(), drawn))
        first = drawn if k == 0 else first
    scores.add(label, found, way.seconds, seconds / observations)
    return first


def _figure(shown: dict[str, tuple[NDArray[Any], NDArray[Any]]]) -> Figure:
    """The last number of simulations, first observation."""
    columns = []
    for name, (reference, drawn) in shown.items():
        places = list(SHOWN.get(name, (0, 1)))
        columns.append((TITLES[name], reference[:, places], drawn[:, places]))
    return figures.beside(columns)


def _notes(sizes: Sizes) -> tuple[str, ...]:
    return (
        f"C2ST: 0.5 is perfect; {sizes.draws:,} draws for each of {sizes.observations} observations, recipe of the "
        f"benchmark; {FEW} observations of sbi, and of ten numbers from 1,000 simulations; the standard error is that "
        "between observations",
        "the model has nothing but defaults; its draws outside a uniform prior are drawn anew",
        "as a set: the model is told that x is four points in any order; nothing else is",
        "seconds of the CPU; those of draws for one observation",
        missing() or "sbi's NPE and NPSE with their defaults, on the same simulations",
    )


EXPERIMENT = Experiment("sbibm", "posteriors of five simulators, beside references and the library sbi", run)
