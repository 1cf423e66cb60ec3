r"""Populations that pass from a first guess to a target, and say how large its integral is.

Particles pass through $q^{1 - \beta} p^\beta$: $\beta$ rises by as much as leaves half of every population effective;
then they are drawn again and moved (Neal 2001; Del Moral, Doucet, Jasra 2006). Several populations share step sizes and
nothing else, so that their spread is an honest error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.chains import Kernel, run
from unnoise.laws import Categorical, HasRatios, Law, LogDensity
from unnoise.laws.categorical import effective_size, systematic
from unnoise.walking.keeping import Checkpoint
from unnoise.walking.packing import kept
from unnoise.walking.record import Annealing

HALVINGS = 40  # of the interval in which a rise is searched
MOST_RISES = 1000
FORGOTTEN = 0.2  # correlation of log densities before and after moves
CROWD, CROWD_NUMBERS = 16, 2**24  # times as many first points, whose values alone are asked; numbers of all of them

Tell = Callable[[float, str], None]
NOWHERE = Checkpoint(None)


@dataclass(frozen=True)
class Bridge(LogDensity[Any]):
    r"""$q^{1 - \beta} p^\beta$ on the space of p."""

    guess: LogDensity[Any]
    target: LogDensity[Any]
    beta: float

    @property
    def support(self) -> Any:
        """The space of the target."""
        return self.target.support

    def log_prob(self, x: Any) -> Tensor:
        """At x, (n,)."""
        there = self.beta * self.target.log_prob(x)
        return there if self.beta == 1 else there + (1 - self.beta) * self.guess.log_prob(x)

    def log_prob_and_score(self, x: Any) -> tuple[Tensor, Any]:
        """Both, on a space with gradients."""
        value, score = self.target.log_prob_and_score(x)
        if self.beta == 1:
            return value, score
        other, slope = self.guess.log_prob_and_score(x)
        rest = 1 - self.beta
        mixed = _tree.map(lambda a, b: self.beta * a + rest * b, score, slope)
        return self.beta * value + rest * other, mixed


class SiteBridge(Bridge, HasRatios):
    """The same from the uniform law to a density on sites that knows its ratios."""

    def log_ratios(self, x: Tensor) -> Tensor:
        """Those of the target, times the exponent."""
        target: Any = self.target
        ratios: Tensor = self.beta * target.log_ratios(x)
        return ratios


def bridge(guess: LogDensity[Any], target: LogDensity[Any], beta: float) -> Bridge:
    """The law at an exponent."""
    known = isinstance(target, HasRatios) and isinstance(guess, Categorical)
    return (SiteBridge if known else Bridge)(guess, target, beta)


class Mover(Protocol):
    """How particles move at one temperature.

    Attributes:
        times: the fewest and the most times as many rounds as are asked for; between, until energies are forgotten.
    """

    @property
    def times(self) -> tuple[int, int]:
        """Both."""

    def kernels(self, target: LogDensity[Any], x: Any, populations: int) -> list[Kernel[Any]]:
        """What moves them, one after the other; it learns from where they are."""

    def adapted(self, kernels: list[Kernel[Any]], acceptances: list[float]) -> list[Kernel[Any]]:
        """The same with better step sizes, by how often each was accepted."""


@kept
@dataclass(frozen=True)
class Populations:
    """What annealing leaves.

    Attributes:
        x: particles, (populations * each, *event), population after population.
        log_z: the logarithm of the integral by every population, (populations,).
        annealing: the temperatures that were passed, and what was left effective.
    """

    x: Any
    log_z: Tensor
    annealing: Annealing

    @property
    def betas(self) -> list[float]:
        """The exponents that were passed."""
        return self.annealing.betas


@torch.no_grad()
def annealed(
    target: LogDensity[Any],
    guess: Law[Any],
    mover: Mover,
    populations: int,
    each: int,
    rng: torch.Generator,
    *,
    rounds: int,
    effective: float,
    tell: Tell,
    checkpoint: Checkpoint = NOWHERE,
    name: str = "annealing",
) -> Populations:
    """Particles of the target, by temperatures that choose themselves; the last is below 1 after MOST_RISES.

    Args:
        target: up to a constant.
        guess: normalised, wider than the target.
        mover: of particles.
        populations: independent ones.
        each: particles of one.
        rng: of all randomness.
        rounds: of the mover after every rise.
        effective: share of the particles of every population after a rise.
        tell: gets the share done and a few words.
        checkpoint: of what was reached after every rise, under a name.
        name: in the checkpoint.
    """
    size = populations * each * _tree.numel_per_row(guess.sample(rng, (1,)))
    crowd = each * max(1, min(CROWD, CROWD_NUMBERS // size))  # more eyes for narrow modes
    zeros = torch.zeros(populations, dtype=torch.float64)
    now = checkpoint.once(
        name,
        lambda: Populations(guess.sample(rng, (populations * crowd,)), zeros, Annealing([0.0], [], [], [])),
        target,
        mover,
    )
    while now.betas[-1] < 1 and len(now.betas) <= MOST_RISES:
        x, log_z, so_far = now.x, now.log_z, now.annealing
        gain = (target.log_prob(x) - guess.log_prob(x)).double().reshape(populations, -1)
        gain = torch.nan_to_num(gain, nan=-math.inf, neginf=-math.inf)
        if not bool((gain > -math.inf).any(1).all()):
            raise InputError(
                "the log density is not finite at any draw of the first guess; give guess=, a law with draws where the "
                "density is positive, or write it in coordinates without bounds"
            )
        beta = _next(gain, so_far.betas[-1], effective * each)
        log_weights = _times(beta - so_far.betas[-1], gain)
        count = gain.shape[1]
        log_z = log_z + torch.logsumexp(log_weights, 1).cpu() - math.log(count)
        rows = systematic(log_weights, each, rng)
        rows = (rows + count * torch.arange(populations, device=rows.device)[:, None]).flatten()
        tell(beta, f"temperature 1/{beta:.2g}")
        x = _tree.map(lambda leaf: leaf[rows], x)  # noqa: B023
        law = bridge(guess, target, beta)
        x, last = moved(law, x, mover, populations, rng, rounds, checkpoint, f"{name}/moves", (target,))
        so_far = so_far.risen(beta, effective_size(log_weights), count, last)
        now = checkpoint.keep(name, Populations(x, log_z, so_far), target, mover)
    return now


def moved(
    target: LogDensity[Any],
    x: Any,
    mover: Mover,
    populations: int,
    rng: torch.Generator,
    rounds: int,
    checkpoint: Checkpoint = NOWHERE,
    name: str = "moves",
    also: tuple[Any, ...] = (),
) -> tuple[Any, list[float]]:
    """Where all particles are after so many rounds of the mover, and how often its kernels were accepted.

    Args:
        target: it.
        x: where they are.
        mover: whose kernels depend on where particles are before the first round, and on its attributes.
        populations: how many there are.
        rng: of the moves.
        rounds: of the mover, as many times as it says.
        checkpoint: of what was reached after every round, under a name.
        name: in the checkpoint.
        also: objects whose plain attributes change on the way.
    """
    first, heard = x, list[list[float]]()
    x, heard = checkpoint.once(name, lambda: (x, heard), mover, *also)
    kernels = mover.kernels(target, first, populations)
    least, most = (rounds * times for times in mover.times)
    while len(heard) < least or (len(heard) < most and not _forgotten(target, first, x)):
        heard = [*heard, []]
        for kernel in kernels:
            trace = run(kernel, kernel.start(x, rng), 1, rng)  # a check would ask for all gradients once more
            x = trace.x
            heard[-1].append(trace.acceptance)
        kernels = mover.adapted(kernels, heard[-1])
        x, heard = checkpoint.keep(name, (x, heard), mover, *also)
    return x, torch.tensor(heard).mean(0).tolist()


def _forgotten(target: LogDensity[Any], first: Any, x: Any) -> bool:
    """Whether the log density where particles are hardly depends on what it was where they began."""
    both = torch.stack([target.log_prob(first), target.log_prob(x)]).double()
    return not float(torch.corrcoef(both)[0, 1]) > FORGOTTEN


def _next(gain: Tensor, beta: float, enough: float) -> float:
    """The highest exponent that leaves so many particles of every population effective."""

    def fine(rise: float) -> bool:
        return bool((effective_size(_times(rise, gain)) >= enough).all())

    if fine(1 - beta):
        return 1.0
    low, high = math.log(1e-12), math.log(1 - beta)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if fine(math.exp(middle)) else (low, middle)
    return min(1.0, beta + math.exp(low))


def _times(rise: float, gain: Tensor) -> Tensor:
    """Without 0 times infinity."""
    return torch.where(gain.isneginf(), -math.inf, rise * gain)
