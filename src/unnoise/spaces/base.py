r"""Where points live, and how one moves a little.

A generator says what a Markov process does at a point. Its local characteristics are the same words in either
direction of time: a `Diffusion` drifts and spreads, a `Jump` goes to other states at given rates, and a dict of
them acts on the factors of a product. A space turns local characteristics into

* `move`: the law of one small step, from which paths, bounds and importance weights follow;
* `apply`: $(L f)(x)$;
* `phi`: the score-matching operator $\Phi(f) = L f / f - L \log f \ge 0$ (Benton et al. 2024, arXiv 2211.03595).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

from unnoise._tree import S
from unnoise.laws import Law


@dataclass(frozen=True)
class Diffusion:
    r"""$dx = \text{drift}\, dt + \text{scale}\, dB$, isotropic in the space's own metric.

    Attributes:
        drift: a tangent vector at every point, (*batch, *event).
        scale: the volatility, non-negative, broadcasts against the drift.
    """

    drift: Tensor
    scale: Tensor


@dataclass(frozen=True)
class Jump:
    """Rates of jumping from each point to every state of each of its sites, (*batch, *sites, states)."""

    rates: Tensor


Local = Diffusion | Jump | dict[str, "Local"]
L = TypeVar("L", bound=Local)


class Space(ABC, Generic[S, L]):
    """A state space."""

    event_shape: tuple[int, ...]

    @abstractmethod
    def check(self, x: S) -> None:
        """Raise InputError with one helpful sentence if x is not a batch of points. Called at API borders only."""

    @abstractmethod
    def features(self, x: S) -> Tensor:
        """Real features of a batch of points, for networks."""

    @abstractmethod
    def move(self, x: S, local: L, dt: Tensor) -> Law[S]:
        """The law of one small step of length dt from x."""

    @abstractmethod
    def apply(self, local: L, f: Callable[[S], Tensor], x: S) -> Tensor:
        """$(L f)(x)$, (*batch,), for f that maps states to (*batch,)."""

    @abstractmethod
    def phi(self, local: L, log_f: Callable[[S], Tensor], x: S) -> Tensor:
        r"""$\Phi(f)(x)$, (*batch,), non-negative and zero for constants."""


class Manifold(Space[Tensor, Diffusion]):
    """A Riemannian manifold: a space where diffusions have a metric, and the probability flow exists."""

    @abstractmethod
    def exp(self, x: Tensor, v: Tensor) -> Tensor:
        """The point reached from x along the geodesic with initial velocity v, after unit time."""

    @abstractmethod
    def log(self, x: Tensor, y: Tensor) -> Tensor:
        """The tangent vector at x with exp(x, v) = y."""

    @abstractmethod
    def distance(self, x: Tensor, y: Tensor) -> Tensor:
        """Geodesic distance, (*batch,)."""

    @abstractmethod
    def noise(self, x: Tensor, rng: torch.Generator) -> Tensor:
        """A standard normal tangent vector at every x."""

    @abstractmethod
    def divergence(
        self, field: Callable[[Tensor], Tensor], x: Tensor, probes: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """A tangent field at x and its divergence, (*batch,): exact, or Hutchinson's estimate from `probes`."""
