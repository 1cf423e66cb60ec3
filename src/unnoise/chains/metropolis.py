r"""Metropolis' rule (Metropolis et al. 1953; Hastings 1970): whatever proposes, the target is kept exactly."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, real
from unnoise._errors import InputError
from unnoise.chains.base import Kernel, State
from unnoise.laws import Law, LogDensity
from unnoise.laws.base import standard_normal
from unnoise.spaces import Space


def accepted(log_ratio: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    r"""Who goes, and the chance of it, $1 \wedge e^{\text{log\_ratio}}$, both (n,); NaN stays where it is."""
    chance = torch.nan_to_num(log_ratio, nan=-math.inf).clamp(max=0).exp()
    draws = torch.rand(chance.shape, generator=rng, device=rng.device, dtype=chance.dtype).to(chance.device)
    return draws < chance, chance


def chosen(taken: Tensor, new: Any, old: Any) -> Any:
    """The rows of `new` where taken, else of `old`; trees of tensors (n, ...)."""
    return _tree.map(lambda a, b: torch.where(_tree.expand(taken, a), a, b), new, old)


def jittered(step_size: float, jitter: float, n: int, like: Tensor, rng: torch.Generator) -> Tensor:
    r"""A step size for each of n chains, $h e^{jz}$, z standard normal: no chain is stuck with one that is too long."""
    steps = like.new_full((n,), step_size)
    return steps * torch.exp(standard_normal((n,), like, rng, scale=jitter)) if jitter else steps


@dataclass(frozen=True)
class Moved(State):
    """A state with the log density and the local characteristics at its positions."""

    log_prob: Tensor
    local: Any


@dataclass(frozen=True)
class Metropolis(Kernel[Moved]):
    r"""Moves of the target's own space, accepted or refused: exact on every space, whatever the step size.

    The proposal is `Space.move` by the local characteristics of `Space.reversible`: MALA on $R^d$, geodesic MALA on
    spheres, tori and rotations, Dirichlet steps on the simplex, locally balanced jumps of all sites at once on finite
    spaces and counts (Zanella 2020, arXiv 1711.07424), and all of these at once on products. y is taken with
    probability $1 \wedge \frac{p(y)\,q(x | y)}{p(x)\,q(y | x)}$.

    Args:
        target: a log density that says on which space it lives.
        step_size: time of the motion per step; on sites about the share of them that jumps.
        jitter: spread of the logarithms of the chains' own step sizes, drawn anew for every step.

    >>> from unnoise.chains import Density, run
    >>> from unnoise.spaces import Sphere
    >>> target = Density(lambda x: 100 * x[..., 2], Sphere(2))  # von Mises-Fisher
    >>> north = torch.tensor([[0.0, 0.0, 1.0]], dtype=torch.float64).expand(2000, 3)
    >>> heights = run(Metropolis(target, 0.01), north, 50, torch.Generator().manual_seed(0)).x[:, 2]
    >>> bool(abs(heights.mean() - 0.99) < 0.001)
    True
    """

    target: LogDensity[Any]
    step_size: float
    jitter: float = 0.0

    def __post_init__(self) -> None:
        instance(LogDensity, target=self.target)
        real(above=0, step_size=self.step_size)
        real(least=0, jitter=self.jitter)
        if not isinstance(self.target.support, Space):
            raise InputError("Metropolis needs the space of the target: give it, as in Density(f, Sphere(2))")

    def check(self, x: Any) -> None:
        """Raise InputError unless x holds points of the space."""
        self._space.check(x)

    def start(self, x: Any, rng: torch.Generator) -> Moved:
        """The first positions, with what moves need to know."""
        return Moved(x, *self._space.reversible(self.target, x))

    def step(self, state: Moved, rng: torch.Generator) -> Moved:
        """Propose, then go or stay."""
        steps = jittered(self.step_size, self.jitter, len(state.log_prob), state.log_prob, rng)
        steps = steps.clamp(max=0.5 * self._space.longest_move)  # of the scale sqrt(2)
        there = self._move(state.x, state.local, steps)
        y = there.sample(rng)
        log_prob, local = self._space.reversible(self.target, y)
        back = self._move(y, local, steps).log_prob(state.x)
        taken, chance = accepted(log_prob - state.log_prob + back - there.log_prob(y), rng)
        return Moved(
            chosen(taken, y, state.x),
            torch.where(taken, log_prob, state.log_prob),
            _tree.map(lambda new, old: new.where(taken, old), local, state.local),
            acceptance=chance,
        )

    @property
    def _space(self) -> Space[Any, Any]:
        space: Space[Any, Any] = cast(Any, self.target.support)
        return space

    def _move(self, x: Any, local: Any, steps: Tensor) -> Law[Any]:
        timed = _tree.map(lambda one: one.over(steps), local)
        return self._space.move(x, timed, torch.ones((), dtype=steps.dtype, device=steps.device))


@dataclass(frozen=True)
class Valued(State):
    """A state with the log density at its positions."""

    log_prob: Tensor


class Blind(Kernel[Valued]):
    """A kernel that asks for the log density alone, not for its gradient."""

    target: LogDensity[Any]

    def start(self, x: Any, rng: torch.Generator) -> Valued:
        """The log density of the first positions."""
        return Valued(x, self.target.log_prob(x))

    def step(self, state: Valued, rng: torch.Generator) -> Valued:
        """Propose, then go or stay."""
        y, log_correction = self.propose(state.x, rng)
        log_prob = self.target.log_prob(y)
        taken, chance = accepted(log_prob - state.log_prob + log_correction, rng)
        return Valued(chosen(taken, y, state.x), torch.where(taken, log_prob, state.log_prob), acceptance=chance)

    @abstractmethod
    def propose(self, x: Any, rng: torch.Generator) -> tuple[Any, Tensor]:
        r"""Points y, and $\log q(x | y) - \log q(y | x)$, (n,)."""


@dataclass(frozen=True)
class Independence(Blind):
    r"""Proposals from a law that does not look at where the chain is (Tierney 1994).

    The closer the law is to the target, the more are accepted; where all are, draws are independent. It alone changes
    modes however far apart.

    Args:
        target: a log density.
        law: what is proposed, with a log density; its tails should not be thinner than the target's.
    """

    target: LogDensity[Any]
    law: Law[Any]
    step_size: float = field(default=1.0, init=False)  # of which there is none

    def __post_init__(self) -> None:
        instance(LogDensity, target=self.target)
        instance(Law, law=self.law)

    def propose(self, x: Any, rng: torch.Generator) -> tuple[Any, Tensor]:
        """Fresh draws."""
        y = self.law.sample(rng, (_tree.length(x),))
        return y, self.law.log_prob(x) - self.law.log_prob(y)


@dataclass(frozen=True)
class RandomWalk(Blind):
    r"""$y = x + h A z$, z standard normal, on $R^d$: for a density that is known by its values alone.

    Args:
        target: a log density.
        step_size: h; $2.38/\sqrt d$ is best where $A A^T$ is the covariance (Roberts, Gelman, Gilks 1997).
        factor: A, (d, d); None for the unit matrix.
        jitter: spread of the logarithms of the chains' own step sizes.
    """

    target: LogDensity[Tensor]
    step_size: float
    factor: Tensor | None = None
    jitter: float = 0.0

    def __post_init__(self) -> None:
        instance(LogDensity, target=self.target)
        real(above=0, step_size=self.step_size)
        real(least=0, jitter=self.jitter)
        instance(Tensor, or_none=True, factor=self.factor)

    def propose(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A normal step."""
        steps = jittered(self.step_size, self.jitter, len(x), x, rng)
        noise = mapped(standard_normal(tuple(x.shape), x, rng), self.factor)
        return x + _tree.expand(steps, x) * noise, x.new_zeros(len(x))


def mapped(v: Tensor, factor: Tensor | None) -> Tensor:
    """A v for every row, (n, *event)."""
    return v if factor is None else (v.flatten(1) @ factor.T).reshape(v.shape)
