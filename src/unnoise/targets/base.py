"""What a target is: a log density up to a constant, and what is known of it exactly."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor

from unnoise.laws import Law, LogDensity
from unnoise.spaces import Manifold, Space


class Target(LogDensity[Tensor]):
    r"""A density $e^{\text{log\_prob}} / Z$ in the reference measure of its space, and what is known of it.

    One of your own states `space` and `log_prob`, (n, *event) to (n,) in nats; `log_normaliser` is $\log Z$, if known.

    >>> import torch
    >>> from unnoise.targets import TwoModes
    >>> target = TwoModes(2)
    >>> target.space, target.log_normaliser, target.score(torch.zeros(1, 2)).shape
    (Euclidean(event_shape=(2,)), 0.0, torch.Size([1, 2]))
    """

    @property
    @abstractmethod
    def space(self) -> Space[Tensor, Any]:
        """Where its points live."""

    @property
    def support(self) -> Space[Tensor, Any]:
        """The same space."""
        return self.space

    def score(self, x: Tensor) -> Tensor:
        """The gradient of the log density, by automatic differentiation by default; InputError on a finite space."""
        slope = super().score(x)
        return self.space.riemannian_gradient(x, slope) if isinstance(self.space, Manifold) else slope

    @property
    def log_normaliser(self) -> float | None:
        r"""$\log Z = \log\int e^{\text{log\_prob}}$, in nats; None where it is not known."""
        return None


class NormalisedTarget(Target, Law[Tensor]):
    r"""A normalised target, $\log Z = 0$, with exact draws, to compare those of a chain with."""

    log_normaliser = 0.0
