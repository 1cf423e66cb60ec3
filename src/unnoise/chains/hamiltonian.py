"""Hamiltonian Monte Carlo on flat spaces."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import instance, real, whole
from unnoise._errors import InputError
from unnoise.chains.base import TargetKernel
from unnoise.chains.langevin import Proposing
from unnoise.chains.metropolis import accepted, chosen, jittered, mapped
from unnoise.laws import LogDensity
from unnoise.laws.base import standard_normal


@dataclass(frozen=True)
class Hamiltonian(TargetKernel[Proposing]):
    r"""A few leapfrog steps from a fresh momentum, then Metropolis' rule (Duane et al. 1987; Neal 2011).

    In coordinates u with $x = A u$: $p \leftarrow p + \frac h2 \nabla_u$, $u \leftarrow u + h p$,
    $p \leftarrow p + \frac h2\nabla_u$, `leaps` times, is accepted with probability $1 \wedge e^{-\Delta H}$,
    $H = \frac12|p|^2 - \log p(x)$. One leap is MALA with the step $h^2/2$.

    Args:
        target: a log density on $R^d$.
        step_size: h, in units of u.
        leaps: gradients per step.
        factor: A, (d, d), such that $A A^T$ is about the covariance of the target; None for the unit matrix.
        jitter: spread of the logarithms of the chains' own step sizes, drawn anew for every step.

    >>> from unnoise.chains import Density, run
    >>> wide = torch.diag(torch.tensor([100.0, 0.01], dtype=torch.float64))
    >>> target = Density(lambda x: -0.5 * (x / wide.diag()).square().sum(-1))
    >>> start = torch.zeros(2000, 2, dtype=torch.float64)
    >>> kernel = Hamiltonian(target, 0.5, leaps=3, factor=wide)
    >>> x = run(kernel, start, 30, torch.Generator().manual_seed(0)).x
    >>> ((x.std(0) / wide.diag() - 1).abs() < 0.1).tolist()
    [True, True]
    """

    target: LogDensity[Tensor]
    leaps: int = 4
    factor: Tensor | None = None
    jitter: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        whole(least=1, most=10_000, leaps=self.leaps)
        instance(Tensor, or_none=True, factor=self.factor)
        real(least=0, jitter=self.jitter)
        if not isinstance(self.target, LogDensity):
            raise InputError("Hamiltonian accepts by the log density, and the target has a score alone")

    def start(self, x: Tensor, rng: torch.Generator) -> Proposing:
        """The log density and the score of the first positions."""
        return Proposing(x, *self.target.log_prob_and_score(x))

    def step(self, state: Proposing, rng: torch.Generator) -> Proposing:
        """Leap, then go or stay."""
        h = _tree.expand(jittered(self.step_size, self.jitter, len(state.x), state.x, rng), state.x)
        x, log_prob, score = state.x, state.log_prob, state.score
        momentum = fresh = standard_normal(tuple(x.shape), x, rng)
        back = None if self.factor is None else self.factor.T
        for _ in range(self.leaps):
            momentum = momentum + 0.5 * h * mapped(score, back)
            x = x + h * mapped(momentum, self.factor)
            log_prob, score = self.target.log_prob_and_score(x)
            momentum = momentum + 0.5 * h * mapped(score, back)
        kinetic = 0.5 * (momentum.square() - fresh.square()).flatten(1).sum(1)
        taken, chance = accepted(log_prob - state.log_prob - kinetic, rng)
        return Proposing(
            chosen(taken, x, state.x),
            torch.where(taken, log_prob, state.log_prob),
            chosen(taken, score, state.score),
            acceptance=chance,
        )
