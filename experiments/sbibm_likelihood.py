"""SLCP of the benchmark of simulation-based inference by the likelihood of one point, beside a quadratic Gaussian.

Its observations are four points, so that 10,000 simulations are 40,000 pairs of parameters and a point. A mixture
learns their law, and walks draw from the posterior of four; a classifier tells the draws from those of the reference.
"""

from __future__ import annotations

from functools import partial

from experiments.base import Experiment, Outcome, Published, Setting
from experiments.sbibm import FEW, NPE, SOURCE, Judged, Sizes, figure, judged, once
from experiments.sbibm_by_likelihood import by_likelihood, gaussian
from experiments.sbibm_tasks import SLCP, References
from unnoise._seeding import generator


def run(setting: Setting) -> Outcome:
    """Both numbers of simulations, by the mixture and by its rival."""
    sizes, task = Sizes.of(setting), SLCP()
    references = References.read(setting, task.name)
    found: dict[str, Judged] = {}
    for place, n in enumerate(reversed(sizes.simulations)):
        label = f"{task.name}, {n:,}"
        setting.tell(place / len(sizes.simulations), f"{n:,} simulations")
        theta, x = task.simulations(n, generator(setting.seed))
        learn = partial(by_likelihood, task, steps=sizes.steps, points=task.points)
        ways = {
            label: (learn, sizes.observations),
            f"{label}, quadratic Gaussian": (
                partial(learn, make=gaussian, components=1),
                min(FEW, sizes.observations),
            ),
        }
        for name, (way, observations) in ways.items():
            judge = partial(judged, way, theta, x, references, sizes, observations, setting.seed)
            found[name] = once(f"likelihood, {name}", judge, setting, sizes)
    measured = {key: value for name, one in found.items() for key, value in one.numbers(name).items()}
    published = {
        f"{task.name}, {n:,}: c2st": Published(value, SOURCE)
        for n, value in NPE[task.name].items()
        if n in sizes.simulations
    }
    drawn = found[f"{task.name}, {sizes.simulations[-1]:,}"].first
    shown = {task.name: (references.draws[0, : sizes.draws].numpy(), drawn)}
    notes = [f"{name}: {one.words}" for name, one in found.items()]
    return Outcome(measured, published, {"": figure(shown)}, (*_notes(sizes), *notes))


def _notes(sizes: Sizes) -> tuple[str, ...]:
    return (
        f"C2ST: 0.5 is perfect; {sizes.draws:,} draws for each of {sizes.observations} observations, recipe of the "
        f"benchmark; {FEW} observations of the rival; the standard error is that between observations",
        "the mixture has nothing but defaults; the rival is one Gaussian whose mean, log widths and correlation are of "
        "second degree in the parameters, by maximum likelihood",
        "seconds of the CPU; those of draws for one observation",
    )


EXPERIMENT = Experiment("sbibm-likelihood", "SLCP by the likelihood of one point, beside a quadratic Gaussian", run)
