"""Several observations of one parameter: scores of one composed, beside learning from sets.

Of 4,000 simulated observations a posterior of one is learnt, whose scores are composed, and one of sets. Gaussian
linear is asked given 1, 4 and 16 observations, whose posterior is known in closed form, and SLCP given its four points,
beside reference draws. A classifier tells the draws from the exact ones (`experiments.c2st`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from experiments import figures
from experiments.base import Experiment, Outcome, Setting
from experiments.sbibm import TITLES, Judged, Sizes, compared, once
from experiments.sbibm_by_likelihood import prior_of
from experiments.sbibm_peers import Trained
from experiments.sbibm_tasks import SLCP, GaussianLinear, References, Task
from unnoise import DenoisingMarkovModel, inference
from unnoise._seeding import generator

COUNTS = {"gaussian_linear": (1, 4, 16), "slcp": (4,)}  # observations of one parameter
SHOWN = [-2, -1]  # numbers of theta in the figure
COMPOSED, SETS = "composed", "learnt from sets"


def sizes_of(setting: Setting) -> Sizes:
    """Of observations to simulate, of parameters to infer, and of draws."""
    return replace(Sizes.of(setting), simulations=(320,)) if setting.quick else Sizes((4_000,), 3, 1_000)


def run(setting: Setting) -> Outcome:
    """Both tasks in both ways, each of which is trained once and then told of all numbers of observations."""
    sizes, every = sizes_of(setting), (GaussianLinear(), SLCP())
    found: dict[str, Judged] = {}
    columns = []
    for place, task in enumerate(every):
        counts = COUNTS[task.name]
        asked = {count: references(task, count, setting, sizes) for count in counts}
        for turn, (way, most) in enumerate({COMPOSED: 1, SETS: counts[-1]}.items()):
            setting.tell((place + turn / 2) / len(every), f"{task.name}, {way}")
            learnt = cache(partial(learn, task, sizes, setting.seed, most))
            for count in counts:
                name = f"{task.name}, {count} observed, {way}"
                judge = partial(_judged, learnt, asked[count], sizes)
                found[name] = once(f"sets, {name}", judge, setting, sizes)
            exact = asked[counts[-1]].draws[0, : sizes.draws, SHOWN].numpy()
            columns.append((f"{TITLES[task.name]}, {way}", exact, found[name].first[:, SHOWN]))
    measured = {key: value for name, one in found.items() for key, value in one.numbers(name).items()}
    words = [f"{name}: {one.words}" for name, one in found.items()]
    return Outcome(measured, {}, {"": figures.beside(columns, ("exact", "learnt"))}, (*_notes(sizes), *words))


def _judged(learnt: Callable[[], Trained], asked: References, sizes: Sizes) -> Judged:
    return compared(learnt(), asked, sizes, sizes.observations)


def observed(task: Task, theta: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Independent observations of each parameter, (n, count, k): of a task of several points one of these each."""
    x = task.simulate(theta.repeat_interleave(count, 0), rng)
    k = x.shape[1] // (task.points or 1)
    return x[:, :k].reshape(len(theta), count, k)


def references(task: Task, count: int, setting: Setting, sizes: Sizes) -> References:
    """Observations, (parameters, count, k), and exact draws of their posterior: of the benchmark, or in closed form."""
    if not isinstance(task, GaussianLinear):
        known = References.read(setting, task.name)
        return References(known.observations.reshape(len(known.observations), count, -1), known.draws)
    rng = generator(setting.seed + 1)
    seen = observed(task, task.prior(sizes.observations, rng), count, rng)
    parts = 1 + count  # noise and prior have equal variance
    noise = torch.randn(sizes.observations, sizes.draws, task.dim, generator=rng)
    return References(seen, seen.sum(1, keepdim=True) / parts + (0.1 / parts) ** 0.5 * noise)


def learn(task: Task, sizes: Sizes, seed: int, most: int) -> Trained:
    """The posterior of one observation, or of sets of up to so many; of as many observations in all."""
    start, rng = time.process_time(), generator(seed)
    theta = task.prior(sizes.simulations[0] // most, rng)
    x = observed(task, theta, most, rng)
    found = inference.posterior(
        prior_of(task), inference.Simulations(theta, x if most > 1 else x[:, 0], most),
        model=DenoisingMarkovModel(random_state=seed, steps=sizes.steps, progress=False), seed=seed,
    )  # fmt: skip
    seconds = time.process_time() - start

    def draw(seen: NDArray[Any], n: int, seed: int) -> NDArray[Any]:
        return np.asarray(found.sample(n, seen, seed=seed))

    return Trained(draw, seconds, str(found.model.ended_))


def _notes(sizes: Sizes) -> tuple[str, ...]:
    return (
        f"C2ST: 0.5 is perfect; {sizes.draws:,} draws for each of {sizes.observations} parameters, by the recipe of "
        "the benchmark, which takes 10,000; the standard error is that between parameters",
        f"{sizes.simulations[0]:,} observations are simulated for either way: of as many parameters, or, to learn from "
        "sets, as many of each parameter as there are in the largest set; nothing but defaults",
        "seconds of the CPU: training, once for all numbers of observations, and draws for one parameter",
    )


EXPERIMENT = Experiment("sbibm-sets", "several observations of one parameter: composed, and learnt from sets", run)
