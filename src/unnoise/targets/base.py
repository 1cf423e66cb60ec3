"""What a target is: a log density up to a constant, and all that is known of it exactly."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from torch import Tensor

from unnoise.laws import Law, LogDensity
from unnoise.spaces import Manifold, Space


class Target(LogDensity[Tensor]):
    r"""A density $e^{\text{log\_prob}} / Z$ with respect to the reference measure of its space.

    One that can be drawn from exactly is a `laws.Law` too, and a `NormalisedTarget` where $\log Z = 0$.
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
        """The gradient of the log density, a tangent vector; by automatic differentiation where a class has no other.

        Raises:
            InputError: there is no gradient, as on a finite space.
        """
        slope = super().score(x)
        return self.space.riemannian_gradient(x, slope) if isinstance(self.space, Manifold) else slope

    @property
    def log_normaliser(self) -> float | None:
        r"""$\log Z = \log\int e^{\text{log\_prob}}$, in nats; None where it is not known."""
        return None


class NormalisedTarget(Target, Law[Tensor]):
    r"""A target that is known completely: $\log Z = 0$, with exact draws."""

    log_normaliser = 0.0
