"""What walks leave besides draws: every population, its integral, and the way it came."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.walking.packing import kept

TWICE = 2.0  # standard errors, beyond which two estimates differ by more than chance


@kept
@dataclass(frozen=True)
class Annealing:
    r"""How populations came from the first guess to the target.

    Attributes:
        betas: the exponents of $q^{1 - \beta} p^\beta$, from 0 to 1, one more than rises.
        effective: particles of a population that were effective after each rise, the fewest of all populations.
        acceptances: of each kernel on average over the rounds after each rise.
        variances: of a population's log Z, added by each rise, if its particles were independent.
    """

    betas: list[float]
    effective: list[float]
    acceptances: list[list[float]]
    variances: list[float]

    def risen(self, beta: float, effective: Tensor, count: int, acceptances: list[float]) -> Annealing:
        """One rise further, after which so many of `count` particles were effective, (populations,)."""
        variance = float((1 / effective - 1 / count).mean())
        return Annealing(
            [*self.betas, beta],
            [*self.effective, float(effective.min())],
            [*self.acceptances, acceptances],
            [*self.variances, variance],
        )


@kept
@dataclass(frozen=True)
class LearntProposals:
    """What a denoiser that was trained on populations is worth.

    Attributes:
        kept: whether its proposals were: where effective draws for each evaluation surely rose.
        effective: of a pilot with them, effective draws for each evaluation of the density.
        without: the same of a pilot before.
        acceptance: of its proposals.
        log_z_importance: by importance sampling with its draws, and the standard error, nats.
        share: of these draws that are effective.
        log_z_bridge: by a bridge between its draws and the particles, and its standard error; None where they hardly
            overlap.
    """

    kept: bool
    effective: float
    without: float
    acceptance: float
    log_z_importance: tuple[float, float]
    share: float
    log_z_bridge: tuple[float, float] | None

    def __str__(self) -> str:
        """A line for people."""
        told = f"a denoiser's proposals, of which {self.acceptance:.0%} were accepted, were"
        gain = f"effective draws per evaluation {self.without:.2g} without them and {self.effective:.2g} with them"
        return f"{told} {'kept' if self.kept else 'not kept'}: {gain}"


@kept
@dataclass(frozen=True)
class Record:
    """All that a walk knows of its populations.

    Attributes:
        particles: of the target, (populations, m, *event), or a dict of them: the earlier half of m, then the later.
        labels: the mode of each, counted as `Walk.modes`, (populations, m); None without modes.
        shares: of every mode in every population, (populations, modes).
        log_z: by annealing, of every population, (populations,), nats.
        log_z_bridge: by a bridge to a fitted law, and its standard error; None where no law was fitted.
        annealing: how they came.
        learnt: what a denoiser was worth; None where none was asked for.
    """

    particles: Any
    labels: Tensor | None
    shares: Tensor
    log_z: Tensor
    log_z_bridge: tuple[float, float] | None
    annealing: Annealing
    learnt: LearntProposals | None = None

    @property
    def log_z_learnt(self) -> tuple[float, float] | None:
        """By a bridge to a denoiser, and its standard error; None where there is none."""
        return None if self.learnt is None else self.learnt.log_z_bridge

    def log_z_error(self) -> float:
        """The standard error of log Z, nats: over populations, or of independent particles where that is more.

        Few populations agree by chance now and then: that of four is below a third of the error once in twenty times.
        """
        populations = len(self.log_z)
        return math.sqrt(max(float(self.log_z.var()), sum(self.annealing.variances)) / populations)

    def by_annealing(self) -> tuple[float, float]:
        """Log Z of all populations and its standard error, nats."""
        return float(torch.logsumexp(self.log_z, 0)) - math.log(len(self.log_z)), self.log_z_error()

    def integral(self) -> tuple[float, float]:
        """Log Z and its standard error, nats: by annealing or by a bridge, the `best_of` these.

        On bent densities and funnels that is a bridge, as temperatures add up errors.
        """
        return best_of([self.by_annealing(), self.log_z_bridge, self.log_z_learnt])

    def share_errors(self) -> Tensor:
        """The standard error of each mode's mean share, (modes,): over populations, or by counting where that is more.

        Counting takes all particles for independent draws.
        """
        populations, count = _tree.first(self.particles).shape[:2]
        mean = self.shares.mean(0)
        counted = (mean * (1 - mean) / (populations * count)).sqrt()
        return torch.maximum(self.shares.std(0) / math.sqrt(populations), counted)

    def shown(self, change: Callable[[Any], Any]) -> Record:
        """The same with particles in other coordinates, as a function of rows, (n, *event), gives them."""
        count = _tree.first(self.particles).shape[:2]
        rows = change(_tree.map(lambda leaf: leaf.flatten(0, 1), self.particles))
        return replace(self, particles=_tree.map(lambda leaf: leaf.unflatten(0, count), rows))

    def of_modes(self, there: Tensor) -> Record:
        """The same of some modes, (modes,), in which all particles are."""
        if self.labels is None:
            return self
        return replace(self, labels=(there.long().cumsum(0) - 1)[self.labels], shares=self.shares[:, there])


def best_of(estimates: list[tuple[float, float] | None]) -> tuple[float, float]:
    """The estimate that has the smallest error, which is at least what others leave unexplained.

    That is what lies between it and another one beyond twice the other's error: ends of a target that hardly a draw of
    the first guess reaches are missing from annealing, and from its error.

    Args:
        estimates: and their standard errors; None of what is not known.

    >>> best_of([(1.0, 0.125), (1.5, 0.25), None]), best_of([(1.0, 0.125), (2.0, 0.25), None])
    ((1.0, 0.125), (1.0, 0.5))
    """
    known = [pair for pair in estimates if pair is not None]
    value, error = min(known, key=lambda pair: pair[1])
    return value, max(error, *(abs(value - other) - TWICE * own for other, own in known))


def thinned(particles: Any, n: int) -> Any:
    """So many of the m particles of every population, or all if they are fewer, evenly spread, (populations, n, ...).

    >>> thinned(torch.arange(8).reshape(2, 4), 2)
    tensor([[0, 2],
            [4, 6]])
    """
    count = int(_tree.first(particles).shape[1])
    rows = torch.arange(min(n, count)) * count // min(n, count)
    return _tree.map(lambda leaf: leaf[:, rows], particles)
