"""Ways to sample two far modes, each at a budget of score calls per sample: all of them are counted."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unnoise import chains
from unnoise.chains import diagnostics
from unnoise.denoisers import ClosedForm, Denoiser, ExactMixture
from unnoise.processes import Gaussian, edm
from unnoise.samplers import Ancestral, Heun, Sampler
from unnoise.targets import TwoModes

COMMON, STEPS, LAST = 10, 5, 0.15  # measurements of equal noise, steps of each, and the level of the last jump
POLISH = 20  # steps of MALA on p to find a step size, and as many more with it
LEVELS = 20  # of annealed Langevin
JOINT = 40  # measurements
WIDE = 100.0  # the noise that diffusions and localization start from, against the smallest log-concave one


class Counted(ClosedForm):
    """The exact denoiser and score of a target at every level, and how often they were asked."""

    def __init__(self, process: Gaussian, target: TwoModes) -> None:
        super().__init__()
        self.process, self.known, self.calls = process, ExactMixture(process, target.mixture), 0

    def forward(self, x_t: Tensor, t: Tensor, cond: Any = None) -> Tensor:
        """One call."""
        self.calls += 1
        found: Tensor = self.known(x_t, t)
        return found

    def score(self, x_t: Tensor, t: Tensor) -> Tensor:
        """One call."""
        self.calls += 1
        return self.known.score(x_t, t)

    def log_prob(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Not counted: no method asks."""
        return self.known.log_prob(x_t, t)


@dataclass(frozen=True)
class Problem:
    """The target, and what the methods know of it: its counted score, the radius of its means, a budget of calls."""

    target: TwoModes
    denoiser: Counted
    budget: int

    @classmethod
    def of(cls, dimension: int, budget: int = 0) -> Problem:
        """With a fresh counter."""
        target = TwoModes(dimension)
        process = edm(target.space, sigma_min=0.01, sigma_max=WIDE * _log_concave(target))
        return cls(target, Counted(process, target), budget)

    @property
    def noisy(self) -> chains.AtNoise:
        """The denoiser at every level."""
        return chains.AtNoise(self.denoiser)

    @property
    def sigma(self) -> float:
        """The smallest noise under which the modes are one."""
        return _log_concave(self.target)

    @property
    def density(self) -> chains.Density:
        """The target, whose value comes with its score: one call for both."""

        def score(x: Tensor) -> Tensor:
            self.denoiser.calls += 1
            return self.target.score(x)

        return chains.Density(self.target.log_prob, gradient=score)

    def start(self, n: int, rng: torch.Generator) -> Tensor:
        """N(0, I)."""
        return torch.randn(n, self.target.space.dimension, generator=rng)


def _log_concave(target: TwoModes) -> float:
    return diagnostics.log_concave_sigma(float(target.means[0].norm()), target.scale)


Method = Callable[[Problem, Tensor, torch.Generator], Tensor]


def measured_in_turn(problem: Problem, x: Tensor, rng: torch.Generator) -> Tensor:
    """SMS, up to the last jump."""
    sigmas = chains.growing_levels(problem.sigma, COMMON, LAST)
    return chains.Sequential(problem.noisy, sigmas, steps=STEPS).sample(x, rng)


def polished(problem: Problem, x: Tensor, rng: torch.Generator) -> Tensor:
    """A few exact steps on p, which give jumps the width of the modes back."""
    tuned = chains.tune(chains.MALA(problem.density, 0.5), x, rng, steps=POLISH)
    return chains.run(tuned.kernel, tuned.state, POLISH, rng).x


def _walk(kernel: Callable[[chains.Density], chains.Kernel[Any]]) -> Method:
    def walked(problem: Problem, x: Tensor, rng: torch.Generator) -> Tensor:
        return chains.run(kernel(problem.density), x, problem.budget - 2, rng).x  # the first looks take up to two

    return walked


def _mala(problem: Problem, x: Tensor, rng: torch.Generator) -> Tensor:
    """With a tuned step; in many dimensions that refuses a few chains every move from where they start, far out."""
    tuned = chains.tune(chains.MALA(problem.density, 0.5), x, rng, steps=problem.budget // 5)
    return chains.run(tuned.kernel, tuned.state, problem.budget - problem.budget // 5 - 2, rng).x


def _annealed(problem: Problem, x: Tensor, rng: torch.Generator) -> Tensor:
    sigmas = torch.logspace(math.log10(2 * problem.sigma), -1, LEVELS).tolist()
    steps = problem.budget // LEVELS - 1
    return chains.Annealed(problem.noisy, sigmas, steps, epsilon=0.2 * sigmas[-1] ** 2).sample(x, rng)


def _joint(problem: Problem, x: Tensor, rng: torch.Generator) -> Tensor:
    return chains.WalkJump(problem.noisy, problem.sigma, problem.budget - 2, m=JOINT).sample(x, rng)


def _localized(problem: Problem, x: Tensor, rng: torch.Generator) -> Tensor:
    wide = WIDE * problem.sigma
    counts = range(problem.budget)  # of equal ones; the more of them, the more steps in all
    m = bisect.bisect_right(counts, problem.budget, lo=1, key=lambda m: len(chains.growing_levels(wide, m, LAST))) - 1
    return chains.Localization(problem.noisy, chains.growing_levels(wide, m, LAST)).sample(x, rng)


def _reversed(sampler: Callable[[Denoiser, int], Sampler]) -> Method:
    def sampled(problem: Problem, x: Tensor, rng: torch.Generator) -> Tensor:
        found: Tensor = sampler(problem.denoiser, problem.budget).sample(len(x), rng)
        return found

    return sampled


METHODS: dict[str, tuple[str, Method]] = {
    "ancestral": ("reverse diffusion, SDE", _reversed(lambda denoiser, budget: Ancestral(denoiser, budget))),
    "heun": ("reverse diffusion, ODE", _reversed(lambda denoiser, budget: Heun(denoiser, (budget + 1) // 2))),
    "localization": ("stochastic localization", _localized),
    "annealed": ("annealed Langevin", _annealed),
    "jms": ("joint measurements (JMS)", _joint),
    "langevin": ("Langevin", _walk(partial(chains.Langevin, step_size=0.05))),
    "mala": ("MALA", _mala),
    "sachs": ("underdamped, Sachs", _walk(partial(chains.Sachs, step_size=0.5, friction=0.5))),
    "baoab": ("underdamped, BAOAB", _walk(partial(chains.BAOAB, step_size=0.5, friction=0.5))),
    "cheng": ("underdamped, Cheng", _walk(partial(chains.Cheng, step_size=0.1, friction=0.1))),
}
