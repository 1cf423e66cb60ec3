r"""A law of 160,000 protein variants, all of which can be counted: what a model learns of it, exactly.

Wu et al. 2016 (eLife 5:e16965) measured the fitness of 149,361 variants of four sites of protein G. Here
$p(x) \propto$ fitness, and what was not measured has none. Models learn from 20,000 draws; KL(p, q) is a sum over all
variants, without Monte Carlo error. Beside masks in any order, by one network and by the mean of three: independent
sites, a Potts model of the highest likelihood, and the same network in one order. Samples are compared with p by their
total variation, and with as many exact draws.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import fmean
from typing import Any

import polars as pl
import torch
from torch import Tensor

from experiments import enumerated as laws
from experiments import figures
from experiments.base import Experiment, Outcome, Setting
from unnoise._seeding import generator
from unnoise.denoisers import Denoiser, Ensemble
from unnoise.heads import Hidden
from unnoise.networks import ResNet
from unnoise.objectives import AnyOrder, Denoising, Objective
from unnoise.objectives.base import ALL, Loss
from unnoise.processes import CTMC, rates
from unnoise.samplers import Ancestral, FirstHitting, Sampler
from unnoise.spaces import Finite
from unnoise.training import learn

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
DECAYS = (3e-5, 1e-4, 3e-4)  # of the Potts model, chosen by validation draws
DECAY = 0.1  # of the weights of networks
FIRST = (tuple(range(laws.SITES)),)
EVALUATIONS = (4, 16, 64)
FLOORS = 5  # sets of exact draws
NETWORKS = 3  # whose mean is looked at
SMALLEST = 1e-30
MASKED = CTMC(Finite(laws.SITES, laws.LETTERS + 1), rates.Absorbing(laws.LETTERS + 1))
UNIFORM = CTMC(Finite(laws.SITES, laws.LETTERS), rates.UniformRates(laws.LETTERS))


@dataclass(frozen=True)
class Sizes:
    """The sizes of the experiment."""

    draws: int = 20_000
    validation: int = 5_000
    steps: int = 5_000
    looks: int = 25
    width: int = 256

    @classmethod
    def of(cls, setting: Setting) -> Sizes:
        """A small version takes seconds."""
        return cls(500, 200, 10, 1, 32) if setting.quick else cls()


class OneOrder(Objective):
    """The likelihood of letters from the first to the last, one of them for every row of a batch."""

    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """Four times -log p of a letter given all before it."""
        place = torch.randint(0, laws.SITES, (len(x_0), 1), generator=rng)
        x = torch.where(torch.arange(laws.SITES) < place, x_0, laws.LETTERS)
        p = denoiser(x, torch.tensor(0.5)).gather(1, place[..., None].expand(-1, 1, laws.LETTERS + 1))[:, 0]
        return Loss(-laws.SITES * p.gather(1, x_0.gather(1, place))[:, 0].clamp(min=SMALLEST).log()[rows])


def law(setting: Setting) -> Tensor:
    """The probability of every variant, (20, 20, 20, 20)."""
    table = pl.read_csv(setting.file("gb1/gb1_four_site.csv.gz"), null_values=[])
    letters = torch.tensor([[LETTERS.index(letter) for letter in variant] for variant in table["Variants"]])
    fitness = torch.zeros(laws.STATES, dtype=torch.float64)
    fitness[laws.numbers(letters)] = torch.from_numpy(table["Fitness"].to_numpy().copy())
    return (fitness / fitness.sum()).view(laws.SHAPE)


def run(setting: Setting) -> Outcome:
    """Draw, learn in four ways, compare with the law."""
    sizes, p, rng = Sizes.of(setting), law(setting), generator(setting.seed)
    train, validation = laws.draw(p, sizes.draws, rng), laws.draw(p, sizes.validation, rng)
    drawn, looked_at = laws.shares(train), laws.shares(validation)

    def judged(log_q: Tensor) -> float:
        return float((looked_at * log_q).sum())

    learner = Learner(laws.variants(train), sizes, setting.seed)
    masks, *others = (
        replace(learner, seed=setting.seed + k).masks(
            AnyOrder(), lambda it: judged(laws.one_by_one(it)), setting.part(0.2 * k, 0.2 * (k + 1))
        )
        for k in range(NETWORKS)
    )
    several = Ensemble([masks, *others])
    prefixes = learner.masks(OneOrder(), lambda it: judged(laws.one_by_one(it, FIRST)), setting.part(0.6, 0.78))
    noise = learner.noise(setting.part(0.78, 0.95))
    setting.tell(0.95, "samples")
    found = {
        "independent sites": laws.independent(drawn, sizes.draws),
        "Potts model": max((laws.potts(drawn, decay) for decay in DECAYS), key=judged),
        "one order": laws.one_by_one(prefixes, FIRST),
        "masks in any order": laws.one_by_one(masks),
        "masks, mean of three": laws.one_by_one(several),
    }
    floors = [laws.total_variation(laws.shares(laws.draw(p, sizes.draws, rng)), p) for _ in range(FLOORS)]
    measured = {f"{name}: KL, nats": laws.kl(p, log_q) for name, log_q in found.items()}
    measured |= {f"{name}: training, CPU seconds": seconds for name, seconds in learner.seconds.items()}
    measured |= {"entropy, nats": laws.entropy(p), "exact draws: total variation": fmean(floors)}
    for name, sampler in _samplers(masks, several, noise).items():
        x = sampler.sample(sizes.draws, rng)
        measured[f"{name}: total variation"] = laws.total_variation(laws.shares(laws.numbers(x)), p)
    return Outcome(measured, {}, {"": figures.laws_beside(p, found)}, _notes(sizes))


@dataclass
class Learner:
    """One network on the same draws, trained in several ways."""

    letters: Tensor
    sizes: Sizes
    seed: int
    seconds: dict[str, float] = field(default_factory=dict)

    def masks(self, objective: Objective, judge: Callable[[Denoiser], float], tell: Any) -> Denoiser:
        """Letters behind masks; the weights that validation draws like best."""
        options = {"head": Hidden, "judge": judge, "looks": self.sizes.looks}
        return self._learnt(MASKED, objective, tell, **options)

    def noise(self, tell: Any) -> Denoiser:
        """Letters that change to others."""
        return self._learnt(UNIFORM, Denoising(), tell)

    def _learnt(self, process: CTMC, objective: Objective, tell: Any, **options: Any) -> Denoiser:
        start, sizes = time.process_time(), self.sizes
        name = f"{type(objective).__name__}, {type(process.rates).__name__}"
        found = learn(
            process,
            partial(ResNet, width=sizes.width, depth=2),
            self.letters,
            objective=objective,
            tell=lambda share, words: tell(share, f"{name}: {words}"),
            steps=sizes.steps,
            batch_size=512,
            learning_rate=1e-3,
            weight_decay=DECAY,
            ema=0.995,
            seed=self.seed,
            **options,
        )
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - start  # of all networks
        return found


def _samplers(masks: Denoiser, several: Denoiser, noise: Denoiser) -> dict[str, Sampler]:
    found: dict[str, Sampler] = {
        "masks, one after the other, 4 evaluations": FirstHitting(masks),
        "masks, mean of three, one after the other, 4 evaluations": FirstHitting(several),
    }
    for steps in EVALUATIONS:
        found |= {f"masks, {steps} evaluations": Ancestral(masks, steps)}
        found |= {f"masks, mean of three, {steps} evaluations": Ancestral(several, steps)}
        found |= {f"uniform noise, {steps} evaluations": Ancestral(noise, steps)}
    return found


def _notes(sizes: Sizes) -> tuple[str, ...]:
    return (
        "p in proportion to fitness; variants that were not measured have none; KL(p, q) is exact, over all variants",
        f"all models learn from the same {sizes.draws:,} draws of p, and {sizes.validation:,} others choose the decay "
        "of the Potts model and the weights of both networks of masks",
        "one order: the same network, from the first site to the last, in as many steps",
        f"masks, mean of three: the mean of the denoisers of {NETWORKS} networks, of other first weights and batches",
        f"total variation between p and the shares of {sizes.draws:,} samples; that of as many exact draws, the mean "
        f"of {FLOORS}, is the floor",
    )


EXPERIMENT = Experiment("gb1", "a law of 160,000 protein variants, learnt from draws and compared exactly", run)
