r"""Langevin gets the weights of two modes wrong, annealed Langevin right (Song, Ermon 2019, arXiv 1907.05600, sec. 3).

The target is $0.8\,N((5, 5), I) + 0.2\,N((-5, -5), I)$; chains start from $U[-8, 8]^2$. Langevin takes 1000 steps of
rate 0.1, annealed Langevin 100 at each of 10 noise levels, geometric from 20 to 1, of rate $0.1\,\sigma_i^2$
(runners/toy_runner.py of ermongroup/ncsn). Both with the exact score, as published, and with one that a small network
learnt from samples by denoising score matching at all levels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from experiments import figures
from experiments.base import Experiment, Outcome, Published, Setting
from unnoise._seeding import generator
from unnoise.chains import Annealed, Field, FromDenoiser, FromMixture, Langevin, Smoothed
from unnoise.chains import run as walk
from unnoise.heads.gaussian import Preconditioned
from unnoise.networks import MLP
from unnoise.processes import VarianceExploding
from unnoise.spaces import Euclidean
from unnoise.targets import TwoModes
from unnoise.training import learn

if TYPE_CHECKING:
    from unnoise.chains import Scored

TARGET = TwoModes(2, separation=10.0, weight=0.8)
RATE = 0.1  # as published: half of it goes to the gradient, its root to the noise
LEVELS = 10
FINEST = 0.1
RANGES = {"20_to_1": (20.0, 1.0), "10_to_0.1": (10.0, FINEST)}
SOURCE = "Song and Ermon 2019, figure 3: the weights of the target, by eye"


@dataclass(frozen=True)
class Sizes:
    """How much work: chains, the steps they take, and steps of training."""

    chains: int = 5_000
    steps: int = 1_000
    training: int = 3_000


QUICK = Sizes(chains=400, steps=100, training=30)


def run(setting: Setting) -> Outcome:
    """Every sampler with the exact score and with a learnt one."""
    sizes = QUICK if setting.quick else Sizes()
    rng = generator(setting.seed)
    exact = TARGET.sample(rng, (sizes.chains,))
    measured, panels = _described("exact", exact), [("exact", exact)]
    learnt = _learnt(sizes, setting)
    scores: list[tuple[str, Smoothed, Scored]] = [
        ("", FromMixture(TARGET.mixture), Field(TARGET.score)),
        ("learnt_", learnt, learnt.at(1.0)),  # finer levels would need smaller steps
    ]
    for i, (prefix, smoothed, score) in enumerate(scores):
        tell = setting.part(0.6 + 0.2 * i, 0.8 + 0.2 * i)
        for name, draws in _samples(smoothed, score, sizes, rng, tell).items():
            measured |= _described(prefix + name, draws)
            words = prefix.replace("_", ": ") + name.replace("_", " ")
            panels.append((words, draws))
    titled = [(_title(words, draws), draws) for words, draws in panels]
    published = {f"annealed_{name}_weight": Published(0.8, SOURCE) for name in RANGES}
    notes = (
        f"weight: the share of {sizes.chains:,} chains that end nearer to (5, 5), 0.8 in the target; variance: per "
        "coordinate, within the mode, 1 + (last sigma)^2 in theory, so 2 after levels from 20 to 1",
        "Langevin with the learnt score walks on the level 1",
        "the steps are those of the paper: x + (a/2) score + sqrt(a) z with a = 0.1 (sigma_i / sigma_L)^2; from 10 to "
        "0.1 with that a the first levels diverge, so there a = 0.1 sigma_i^2, the same share of each level",
    )
    return Outcome(measured, published, {"": figures.clouds(titled, columns=4)}, notes)


def _samples(smoothed: Smoothed, score: Scored, sizes: Sizes, rng: torch.Generator, tell: Any) -> dict[str, Tensor]:
    """Chains after plain Langevin, and after annealed Langevin over either range of levels."""

    def start() -> Tensor:
        return 16 * torch.rand(sizes.chains, 2, generator=rng) - 8

    found = {"langevin": walk(Langevin(score, RATE / 2), start(), sizes.steps, rng).x}
    for i, (name, (first, last)) in enumerate(RANGES.items()):
        tell((i + 1) / (len(RANGES) + 1), f"annealed Langevin from {first} to {last}")
        levels = torch.logspace(math.log10(first), math.log10(last), LEVELS, dtype=torch.float64).tolist()
        annealed = Annealed.as_written(smoothed, levels, sizes.steps // LEVELS, RATE * last**2)
        found[f"annealed_{name}"] = annealed.sample(start(), rng)
    return found


def _learnt(sizes: Sizes, setting: Setting) -> FromDenoiser:
    """A network for all noise levels; the bound on this process weighs them by 1/sigma^2, as NCSN does."""
    denoiser = learn(
        VarianceExploding(Euclidean(2), FINEST, max(first for first, _ in RANGES.values())),
        partial(MLP, width=128, depth=3),
        lambda n, fresh: TARGET.sample(fresh, (n,)),
        tell=setting.part(0.0, 0.6),
        steps=sizes.training,
        batch_size=512,
        learning_rate=2e-3,
        head=partial(Preconditioned, sigma_data=4.0),  # the spread of the target
        seed=setting.seed,
    )
    return FromDenoiser(denoiser)


def _described(name: str, draws: Tensor) -> dict[str, float]:
    """The weight of the first mode, with its standard error, and the variance within it."""
    first = TARGET.responsibility(draws)[:, 0] > 0.5
    weight = float(first.double().mean())
    return {
        f"{name}_weight": weight,
        f"{name}_weight_se": math.sqrt(weight * (1 - weight) / len(draws)),
        f"{name}_variance": float(draws[first].var(0).mean()) if first.sum() > 1 else math.nan,
    }


def _title(words: str, draws: Tensor) -> str:
    return f"{words}\nweight {_described('', draws)['_weight']:.3f}"


EXPERIMENT = Experiment("ncsn-toy", "weights of two modes: Langevin wrong, annealed Langevin right (NCSN)", run)
