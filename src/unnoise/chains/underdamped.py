r"""Underdamped Langevin chains, which carry a velocity.

$dx = v\,dt$ and $dv = (u\nabla\log p - \gamma v)dt + \sqrt{2\gamma u}\,dB$ leave $p(x)\,N(v; 0, uI)$,
$u = 1/\text{mass}$. Integrators split it into A (drift along v), B (kick by the score) and O (friction and noise,
exact); a step takes one score and one normal draw. Friction is per step, $\gamma\delta$.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from unnoise._checks import real
from unnoise.chains.base import State, TargetKernel
from unnoise.chains.metropolis import accepted
from unnoise.laws import LogDensity
from unnoise.laws.base import standard_normal


@dataclass(frozen=True)
class Moving(State):
    """Positions and velocities, (n, *event)."""

    v: Tensor


@dataclass(frozen=True)
class Kicked(Moving):
    """With the score at the positions too."""

    score: Tensor


M = TypeVar("M", bound=Moving)


@dataclass(frozen=True)
class Underdamped(TargetKernel[M]):
    r"""What the integrators share.

    Args:
        target: with a known score.
        step_size: $\delta$; with mass 1 in units of x.
        friction: $\gamma\delta$, without unit.
        mass: $1/u$.

    >>> from unnoise.chains import Density, run
    >>> normal = Density(lambda x: -0.5 * (x**2).sum(-1))
    >>> x = run(BAOAB(normal, step_size=1.0), torch.zeros(4000, 1), 50, torch.Generator().manual_seed(0)).x
    >>> print(f"{x.var():.1f}")
    1.0
    """

    friction: float = 1.0
    mass: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        real(above=0, friction=self.friction, mass=self.mass)

    def _at_rest(self, x: Tensor, rng: torch.Generator) -> Tensor:
        return standard_normal(tuple(x.shape), x, rng, self.mass**-0.5)

    @property
    def _lasting(self) -> float:
        return math.exp(-self.friction)

    def _rub(self, v: Tensor, rng: torch.Generator) -> Tensor:
        r"""The step O, in the place of z: $e^{-\gamma\delta}v + \sqrt{u(1 - e^{-2\gamma\delta})}z$."""
        fresh = math.sqrt(-math.expm1(-2 * self.friction) / self.mass)
        return standard_normal(tuple(v.shape), v, rng, fresh).add_(v, alpha=self._lasting)


@dataclass(frozen=True)
class Sachs(Underdamped[Moving]):
    r"""ABOBA, which walk-jump sampling uses (Sachs, Leimkuhler, Danos 2017, Entropy 19, 647).

    $x \mathrel{+}= \frac\delta2 v$; $v \mathrel{+}= \frac{u\delta}2 g$, g the score there; friction and noise; $v
    \mathrel{+}= \frac{u\delta}2 g$; $x \mathrel{+}= \frac\delta2 v$.

    On $N(0, \tau^2)$ the variance of x is $\tau^2$ exactly, while $u\delta^2 < 4\tau^2$; beyond, chains diverge.
    """

    def start(self, x: Tensor, rng: torch.Generator) -> Moving:
        """Velocities from their stationary law."""
        return Moving(x, self._at_rest(x, rng))

    def step(self, state: Moving, rng: torch.Generator) -> Moving:
        """One move of every chain."""
        half = 0.5 * self.step_size
        x = torch.add(state.x, state.v, alpha=half)
        kicks = (1 + self._lasting) * half / self.mass  # the first kick loses to friction as v does
        v = self._rub(state.v, rng).add_(self.target.score(x), alpha=kicks)
        return Moving(x.add_(v, alpha=half), v)

    def adjusted_acceptance(self, state: Moving, rng: torch.Generator) -> Tensor | None:
        r"""$1 \wedge e^{-\Delta H}$, less what friction and noise change, which keep the law of v exactly."""
        if not isinstance(self.target, LogDensity):
            return None
        half = 0.5 * self.step_size
        x = torch.add(state.x, state.v, alpha=half)
        kick = self.target.score(x) * half / self.mass
        kicked = state.v + kick
        rubbed = self._rub(kicked, rng)
        last = rubbed + kick
        gained = self.target.log_prob(torch.add(x, last, alpha=half)) - self.target.log_prob(state.x)
        kinetic = (a.flatten(1).square().sum(1) for a in (state.v, kicked, rubbed, last))
        first, second, third, fourth = kinetic
        return accepted(gained + 0.5 * self.mass * (first - second + third - fourth), rng)[1]


@dataclass(frozen=True)
class BAOAB(Underdamped[Kicked]):
    r"""BAOAB (Leimkuhler, Matthews 2013, arXiv 1203.5428): half a kick, half a drift, noise, and back.

    On $N(0, \tau^2)$ the variance of v is $u(1 - u\delta^2/4\tau^2)$, that of x as for `Sachs`.
    """

    def start(self, x: Tensor, rng: torch.Generator) -> Kicked:
        """Velocities from their stationary law, and the first score."""
        return Kicked(x, self._at_rest(x, rng), self.target.score(x))

    def step(self, state: Kicked, rng: torch.Generator) -> Kicked:
        """One move of every chain."""
        half = 0.5 * self.step_size
        v = torch.add(state.v, state.score, alpha=half / self.mass)
        x = torch.add(state.x, v, alpha=half)
        v = self._rub(v, rng)
        x.add_(v, alpha=half)
        score = self.target.score(x)
        return Kicked(x, v.add_(score, alpha=half / self.mass), score)


@dataclass(frozen=True)
class Cheng(Underdamped[Moving]):
    r"""The exact solution of the equation with the score frozen over the step (Cheng et al. 2018, arXiv 1707.03663).

    With $\eta = e^{-\gamma\delta}$: mean $v' = \eta v + \frac u\gamma(1 - \eta)g$ and $x' = x + \frac{1 - \eta}\gamma v
    + \frac u\gamma(\delta - \frac{1 - \eta}\gamma)g$; covariances $\mathrm{var}\,v = u(1 - \eta^2)$, $\mathrm{cov} =
    \frac u\gamma(1 - \eta)^2$ and $\mathrm{var}\,x = \frac u{\gamma^2}(2\gamma\delta - 3 + 4\eta - \eta^2)$. Its bias
    is of order $\delta$, and it diverges at smaller steps than the others.
    """

    def start(self, x: Tensor, rng: torch.Generator) -> Moving:
        """Velocities from their stationary law."""
        return Moving(x, self._at_rest(x, rng))

    def step(self, state: Moving, rng: torch.Generator) -> Moving:
        """One move of every chain."""
        per_time, u, lost = self.friction / self.step_size, 1 / self.mass, -math.expm1(-self.friction)
        score = self.target.score(state.x)
        x = torch.add(state.x, state.v, alpha=lost / per_time)
        x.add_(score, alpha=u / per_time * (self.step_size - lost / per_time))
        v = (state.v * (1 - lost)).add_(score, alpha=u / per_time * lost)
        noise = standard_normal((2, *x.shape), x, rng)
        var_v, cov, var_x = self._covariance()
        x.add_(noise[0], alpha=math.sqrt(var_x))
        v.add_(noise[0], alpha=cov / math.sqrt(var_x)).add_(noise[1], alpha=math.sqrt(var_v - cov**2 / var_x))
        return Moving(x, v)

    def _covariance(self) -> tuple[float, float, float]:
        a, u = self.friction, 1 / self.mass
        lost, per_time = -math.expm1(-a), a / self.step_size
        # 2a - 3 + 4 exp(-a) - exp(-2a): the terms cancel up to the third order
        rest = 2 * a**3 / 3 - a**4 / 2 + 7 * a**5 / 30 if a < 1e-2 else 2 * (a - lost) - lost**2
        return u * -math.expm1(-2 * a), u / per_time * lost**2, u / per_time**2 * rest
