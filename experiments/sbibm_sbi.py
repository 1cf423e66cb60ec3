"""Posteriors of five simulators beside those of the library sbi, learnt from the same 10,000 simulations in one run.

The model, neural posterior estimation by flows (NPE) and by scores (NPSE) have nothing but their defaults; a
classifier tells their draws from those of the reference (`experiments.c2st`), for the same three observations.
"""

from __future__ import annotations

from functools import partial

from experiments.base import Experiment, Outcome, Setting
from experiments.sbibm import FEW, TITLES, Judged, Sizes, Train, by_model, figure, judged, once
from experiments.sbibm_peers import missing, peers
from experiments.sbibm_tasks import References, Task, tasks
from unnoise._seeding import generator


def run(setting: Setting) -> Outcome:
    """Every task, simulated once, by the model and by its peers where sbi is installed."""
    sizes, every = Sizes.of(setting), tasks(setting)
    n, observations = sizes.simulations[-1], min(FEW, sizes.observations)
    found: dict[str, Judged] = {}
    shown = {}
    for place, task in enumerate(every):
        references = References.read(setting, task.name)
        theta, x = task.simulations(n, generator(setting.seed))
        ways = _ways(task, setting, sizes)
        for step, (way, train) in enumerate(ways.items()):
            setting.tell((place + step / len(ways)) / len(every), f"{TITLES[task.name]}, {way}")
            judge = partial(judged, train, theta, x, references, sizes, observations, setting.seed)
            found[f"{task.name}, {way}"] = once(f"beside sbi, {task.name}, {way}", judge, setting, sizes)
        shown[task.name] = (references.draws[0, : sizes.draws].numpy(), found[f"{task.name}, unnoise"].first)
    measured = {key: value for name, one in found.items() for key, value in one.numbers(name).items()}
    notes = (
        f"C2ST: 0.5 is perfect; {sizes.draws:,} draws for each of the first {observations} observations, recipe of the "
        f"benchmark, from {n:,} simulations; the standard error is that between observations",
        "seconds of the CPU; those of draws for one observation",
        missing() or "sbi's NPE and NPSE with their defaults, on the same simulations",
        *(f"{name}: {one.words}" for name, one in found.items() if one.words),
    )
    return Outcome(measured, {}, {"": figure(shown)}, notes)


def _ways(task: Task, setting: Setting, sizes: Sizes) -> dict[str, Train]:
    """How to learn, by name; a small run has no peers, whose defaults take minutes."""
    ways: dict[str, Train] = {"unnoise": partial(by_model, task, steps=sizes.steps)}
    if not setting.quick and not missing():
        ways |= peers(task)
    return ways


EXPERIMENT = Experiment("sbibm-sbi", "posteriors of five simulators beside those of the library sbi", run)
