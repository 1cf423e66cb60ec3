r"""Overdamped Langevin chains, $x \leftarrow x + h\nabla\log p(x) + \sqrt{2h}\,z$, as they are or corrected."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from unnoise._checks import MOST_STEPS, instance, real, whole
from unnoise._errors import InputError, NonFiniteError
from unnoise.chains.base import Memoryless, State, TargetKernel, run
from unnoise.chains.metropolis import Metropolis, accepted, chosen
from unnoise.laws import LogDensity, Scored
from unnoise.laws.base import standard_normal
from unnoise.spaces import Manifold


@dataclass(frozen=True)
class Langevin(Memoryless, TargetKernel[State]):
    r"""The unadjusted algorithm, ULA: $x \leftarrow x + h\nabla\log p(x) + \sqrt{2h}\,z$ (Roberts, Tweedie 1996).

    Its bias is of order h: on $N(0, \tau^2)$ the variance is $\tau^2/(1 - h/2\tau^2)$. `step_size` is h, in squared
    units of x.
    """

    def step(self, state: State, rng: torch.Generator) -> State:
        """One move of every chain."""
        x = torch.add(state.x, self.target.score(state.x), alpha=self.step_size)
        return State(x.add_(standard_normal(tuple(x.shape), x, rng), alpha=math.sqrt(2 * self.step_size)))

    def adjusted_acceptance(self, state: State, rng: torch.Generator) -> Tensor | None:
        """Of the MALA step of this size."""
        if not isinstance(self.target, LogDensity):
            return None
        adjusted = MALA(self.target, self.step_size)
        return adjusted.step(adjusted.start(state.x, rng), rng).acceptance


@dataclass(frozen=True)
class Proposing(State):
    r"""A state with the log density and the score at its positions, so that a step costs one score.

    Attributes:
        log_prob: in nats, up to a constant, (n,).
        score: $\nabla\log p$, (n, *event).
    """

    log_prob: Tensor
    score: Tensor


@dataclass(frozen=True)
class MALA(TargetKernel[Proposing]):
    r"""Metropolis-adjusted Langevin: exact, whatever the step size (Besag 1994; Roberts, Tweedie 1996).

    $y = x + h\nabla\log p(x) + \sqrt{2h}\,z$ is accepted with probability $1 \wedge \frac{p(y)\,q(x | y)}{p(x)\,q(y |
    x)}$, else the chain stays at x.

    `step_size` is h, in squared units of x; `tune` finds a good one. The target needs a log density.
    """

    target: LogDensity[Tensor]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.target, LogDensity):
            raise InputError("MALA accepts by the log density, and the target has a score alone: use chains.Langevin")

    def start(self, x: Tensor, rng: torch.Generator) -> Proposing:
        """The log density and the score of the first positions."""
        return Proposing(x, *self.target.log_prob_and_score(x))

    def step(self, state: Proposing, rng: torch.Generator) -> Proposing:
        """Propose, then accept or stay."""
        h = self.step_size
        noise = standard_normal(tuple(state.x.shape), state.x, rng)
        y = torch.add(state.x, state.score, alpha=h).add_(noise, alpha=math.sqrt(2 * h))
        log_prob, score = self.target.log_prob_and_score(y)
        back = (state.x - y).sub_(score, alpha=h)
        log_ratio = log_prob - state.log_prob + 0.5 * _squared(noise) - _squared(back) / (4 * h)
        return self._choose(state, Proposing(y, log_prob, score), log_ratio, rng)

    def _choose(self, old: Proposing, new: Proposing, log_ratio: Tensor, rng: torch.Generator) -> Proposing:
        self._check_nan(new, log_ratio)
        taken, chance = accepted(log_ratio, rng)
        return Proposing(
            chosen(taken, new.x, old.x),
            chosen(taken, new.log_prob, old.log_prob),
            chosen(taken, new.score, old.score),
            acceptance=chance,
        )

    def _check_nan(self, new: Proposing, log_ratio: Tensor) -> None:
        """Refuse moves to a NaN far out; a NaN at a finite point is a fault of the target."""
        if not log_ratio.isnan().any():
            return
        faults = new.log_prob.isnan() & torch.isfinite(new.x).flatten(1).all(1)
        if faults.any():
            first = int(faults.nonzero()[0])
            raise NonFiniteError(
                f"the log density is NaN where chain {first} wants to go ({int(faults.sum())} of {len(faults)} "
                f"chains), at {new.x[first].flatten()[:3].tolist()}...; return -inf where there is no density, or try "
                f"a step size of {self.step_size / 4:.3g}"
            )


@dataclass(frozen=True)
class Tuned:
    """What `tune` found.

    Attributes:
        kernel: with its new step size.
        state: where the chains are; `run(found.kernel, found.state, ...)` goes on from there.
        acceptance: the mean probability of the last moves.
    """

    kernel: MALA
    state: Proposing
    acceptance: float


def tune(
    kernel: MALA, x: Tensor | Proposing, rng: torch.Generator, *, target: float = 0.574, steps: int = 200
) -> Tuned:
    r"""A step size at which moves are accepted with probability `target`, by dual averaging over all chains.

    Nesterov 2009, as in Hoffman and Gelman 2014 (arXiv 1111.4246, section 3.2); 0.574 is best in many dimensions
    (Roberts, Rosenthal 1998). The chains are not stationary meanwhile: count from `state` on.

    Args:
        kernel: with the first step size.
        x: starting points, or a state.
        rng: of all randomness.
        target: the acceptance to reach, in (0, 1).
        steps: how many.
    """
    instance(MALA, kernel=kernel)
    real(above=0, below=1, target=target)
    whole(least=1, most=MOST_STEPS, steps=steps)
    centre, gamma, delay, forgetting = math.log(10 * kernel.step_size), 0.05, 10, 0.75
    shortfall, mean, last = 0.0, math.log(kernel.step_size), 0.0
    state = run(kernel, x, 0, rng).state
    for k in range(1, steps + 1):
        trace = run(kernel, state, 1, rng)
        state, last = trace.state, trace.acceptance
        shortfall += (target - last - shortfall) / (k + delay)
        log_step = centre - math.sqrt(k) / gamma * shortfall
        mean += k**-forgetting * (log_step - mean)
        kernel = replace(kernel, step_size=math.exp(min(max(log_step, -50.0), 50.0)))
    return Tuned(replace(kernel, step_size=math.exp(mean)), state, last)


def _squared(x: Tensor) -> Tensor:
    return x.flatten(1).square().sum(1)


@dataclass(frozen=True)
class Geodesic(Memoryless, TargetKernel[State]):
    r"""$x \leftarrow \exp_x\big(h\nabla\log p(x) + \sqrt{2h}\,z\big)$, z a standard normal tangent vector.

    The unadjusted geodesic random walk of De Bortoli et al. 2022 (arXiv 2202.02763, algorithm 1): its bias is of order
    h.

    The target says on which `spaces.Manifold` it lives; `step_size` is h, in squared units of distance.

    >>> from unnoise.chains import Density, run
    >>> from unnoise.spaces import Sphere
    >>> target = Density(lambda x: 2 * x[..., 2], Sphere(2))  # von Mises-Fisher
    >>> north = torch.tensor([[0.0, 0.0, 1.0]]).expand(2000, 3)
    >>> heights = run(Geodesic(target, 0.05), north, 100, torch.Generator().manual_seed(0)).x[:, 2]
    >>> bool(abs(heights.mean() - (1 / math.tanh(2) - 0.5)) < 0.03)
    True
    """

    def __post_init__(self) -> None:
        instance(Scored, target=self.target)
        real(above=0, step_size=self.step_size)
        _ = self._space  # checks the target

    def step(self, state: State, rng: torch.Generator) -> State:
        """One move of every chain."""
        x, space = state.x, self._space
        velocity = self.step_size * self.target.score(x) + math.sqrt(2 * self.step_size) * space.noise(x, rng)
        return State(space.project(space.exp(x, velocity)))

    def adjusted_acceptance(self, state: State, rng: torch.Generator) -> Tensor | None:
        """Of the space's own move of this size."""
        if not isinstance(self.target, LogDensity):
            return None
        adjusted = Metropolis(self.target, self.step_size)
        return adjusted.step(adjusted.start(state.x, rng), rng).acceptance

    @property
    def _space(self) -> Manifold:
        space = self.target.support
        if not isinstance(space, Manifold):
            raise InputError("Geodesic needs the space of the target: give it, as in Density(f, Sphere(2))")
        return space
