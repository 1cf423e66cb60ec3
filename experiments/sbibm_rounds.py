"""Rounds for one observation beside one round for all, at the same number of simulations.

`inference.posterior` learns two moons and SLCP from 1,000 simulations: once for any observation, and anew for each
observation by three rounds, of which the later ones simulate where the posterior so far has its draws. A classifier
tells the draws of both from reference draws (`experiments.c2st`).
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from experiments import figures
from experiments.base import Experiment, Outcome, Setting
from experiments.sbibm import SHOWN, TITLES, Judged, Sizes, compared, once
from experiments.sbibm_by_likelihood import prior_of
from experiments.sbibm_peers import Trained
from experiments.sbibm_tasks import SLCP, References, Task, TwoMoons
from unnoise import DenoisingMarkovModel, inference
from unnoise._seeding import generator

ROUNDS = 3
ONE, SEVERAL = "one round", "three rounds"


def sizes_of(setting: Setting) -> Sizes:
    """Few observations, as each takes three trainings, and few draws, as the classifier takes longer of more."""
    return Sizes.of(setting) if setting.quick else Sizes((1_000,), observations=3, draws=2_000)


def run(setting: Setting) -> Outcome:
    """Both tasks in both ways."""
    sizes, every = sizes_of(setting), (TwoMoons(), SLCP())
    found: dict[str, Judged] = {}
    columns = []
    apart: dict[str, float] = {}
    for place, task in enumerate(every):
        references = References.read(setting, task.name)
        setting.tell(place / len(every), f"{task.name}, {ONE}")
        name = f"{task.name}, {ONE}"
        judge = partial(_judged, task, references, sizes, setting.seed, rounds=1)
        found[name] = once(f"rounds, {name}", judge, setting, sizes)
        each = []
        for k in range(sizes.observations):
            setting.tell((place + (k + 1) / (1 + sizes.observations)) / len(every), f"{task.name}, {SEVERAL}")
            alone = References(references.observations[k : k + 1], references.draws[k : k + 1])
            judge = partial(_judged, task, alone, sizes, setting.seed + k, rounds=ROUNDS)
            each.append(once(f"rounds, {task.name}, {SEVERAL}, {k}", judge, setting, sizes))
        found[f"{task.name}, {SEVERAL}"] = _together(each)
        apart |= _apart(f"{task.name}, {SEVERAL} less {ONE}: c2st", found[f"{task.name}, {SEVERAL}"], found[name])
        places = list(SHOWN.get(task.name, (0, 1)))
        columns += [
            (f"{TITLES[task.name]}, {way}", references.draws[0, : sizes.draws, places].numpy(), one.first[:, places])
            for way, one in ((way, found[f"{task.name}, {way}"]) for way in (ONE, SEVERAL))
        ]
    measured = {key: value for name, one in found.items() for key, value in one.numbers(name).items()} | apart
    words = [f"{name}: {one.words}" for name, one in found.items()]
    return Outcome(measured, {}, {"": figures.beside(columns)}, (*_notes(sizes), *words))


def _judged(task: Task, references: References, sizes: Sizes, seed: int, *, rounds: int) -> Judged:
    """Of all observations of the references by one round, else of the only one."""
    x = references.observations[0] if rounds > 1 else None
    start = time.process_time()
    found = inference.posterior(
        prior_of(task), partial(_simulated, task), simulations=sizes.simulations[0], rounds=rounds, x=x,
        model=DenoisingMarkovModel(random_state=seed, steps=sizes.steps, progress=False), seed=seed, workers=1,
        progress=False,
    )  # fmt: skip
    seconds = time.process_time() - start

    def draw(observed: NDArray[Any], n: int, seed: int) -> NDArray[Any]:
        return np.asarray(found.sample(n, observed, seed=seed))

    way = Trained(draw, seconds, str(found.model.ended_))
    return compared(way, references, sizes, sizes.observations if x is None else 1)


def _simulated(task: Task, theta: Any, seed: int) -> NDArray[Any]:
    """Of parameters (..., d)."""
    rows = torch.as_tensor(theta).float()
    return task.simulate(rows.reshape(-1, task.dim), generator(seed)).reshape(*rows.shape[:-1], -1).numpy()


def _together(each: list[Judged]) -> Judged:
    """What is measured of every observation alone."""
    training, drawing = np.mean([one.seconds for one in each], axis=0).tolist()
    return Judged([one.c2st[0] for one in each], (training, drawing), each[0].first, each[0].words)


def _apart(label: str, one: Judged, other: Judged) -> dict[str, float]:
    """The mean difference between observations, with its standard error."""
    off = np.subtract(one.c2st, other.c2st)
    return {label: float(off.mean()), f"{label}_se": float(off.std(ddof=1) / len(off) ** 0.5)}


def _notes(sizes: Sizes) -> tuple[str, ...]:
    return (
        f"C2ST: 0.5 is perfect; {sizes.draws:,} draws for each of {sizes.observations} observations, by the recipe of "
        "the benchmark, which takes 10,000; the standard error is that between observations",
        f"{sizes.simulations[0]:,} simulations in all for either way; by rounds half of them are of the prior, and "
        "everything is simulated and learnt anew for each observation; seconds are those of one",
        "nothing but defaults; words on the training of rounds are those of the last round, first observation",
    )


EXPERIMENT = Experiment("sbibm-rounds", "rounds for one observation beside one round, from 1,000 simulations", run)
