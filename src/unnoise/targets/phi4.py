"""The lattice field theory: a double well at every site, and a pull between neighbours."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import real
from unnoise._checks import shape as lattice
from unnoise._errors import InputError
from unnoise.spaces import Euclidean
from unnoise.targets.base import Target

NODES = 1001  # of the trapezoidal rule, whose error is exponentially small here


@dataclass(frozen=True)
class Phi4(Target):
    r"""$-\log p = \sum_x \big[\frac12\sum_\mu(\phi_{x+\mu} - \phi_x)^2 + \frac12 m^2\phi_x^2 + \lambda\phi_x^4\big]$.

    The lattice is periodic; an axis of two sites has both links between them. With $m^2 < 0$ there are two phases, near
    $\pm\sqrt{-m^2/4\lambda}$. Montvay, Muenster 1994, Quantum Fields on a Lattice, chapter 2; Albergo et al. 2019
    (arXiv 1904.12072).

    Args:
        shape: sites along each axis; an int L means a ring.
        mass: $m^2$, of any sign.
        coupling: $\lambda$, positive, or 0 with a positive mass.

    >>> free = Phi4(1, mass=2.0, coupling=0.0)
    >>> round(free.log_normaliser - 0.5 * math.log(math.pi), 12)
    0.0
    """

    shape: tuple[int, ...]
    mass: float
    coupling: float

    def __init__(self, shape: int | tuple[int, ...], mass: float = -1.0, coupling: float = 0.5) -> None:
        shape = lattice("shape", shape, axes=1)
        real(mass=mass, coupling=coupling)
        if not (coupling > 0 or (coupling == 0 and mass > 0)):
            raise InputError(
                f"got m^2 = {mass} and lambda = {coupling}, whose density has no finite integral; expected lambda > 0, "
                "or lambda = 0 with m^2 > 0"
            )
        for name, value in (("shape", shape), ("mass", float(mass)), ("coupling", float(coupling))):
            object.__setattr__(self, name, value)

    @property
    def space(self) -> Euclidean:
        """One number per site."""
        return Euclidean(self.shape)

    @property
    def log_normaliser(self) -> float | None:
        r"""Of the free field where $\lambda = 0$, by the transfer operator on a ring; else None."""
        if self.coupling == 0:
            return 0.5 * math.prod(self.shape) * math.log(2 * math.pi) - 0.5 * float(self._stiffness().log().sum())
        if len(self.shape) > 1:
            return None
        shift, eigenvalues, _ = self._transfer()
        return self.shape[0] * shift + float((eigenvalues ** self.shape[0]).sum().log())

    @property
    def mean_square(self) -> float | None:
        r"""$E[\phi_x^2]$, where `log_normaliser` is known."""
        if self.coupling == 0:
            return float((1 / self._stiffness()).mean())
        if len(self.shape) > 1:
            return None
        _, eigenvalues, squares = self._transfer()
        powers = eigenvalues ** self.shape[0]
        return float((powers * squares).sum() / powers.sum())

    def log_prob(self, x: Tensor) -> Tensor:
        """Of fields x, (*batch, *shape)."""
        local = 0.5 * self.mass * x.square() + self.coupling * x.square().square()
        for axis in range(-len(self.shape), 0):
            local = local + 0.5 * (x.roll(-1, axis) - x).square()
        return -local.flatten(x.ndim - len(self.shape)).sum(-1)

    def score(self, x: Tensor) -> Tensor:
        r"""$\Delta\phi - m^2\phi - 4\lambda\phi^3$."""
        force = -(self.mass + 2 * len(self.shape)) * x - 4 * self.coupling * x**3
        for axis in range(-len(self.shape), 0):
            force += x.roll(1, axis)
            force += x.roll(-1, axis)
        return force

    def _stiffness(self) -> Tensor:
        r"""The eigenvalues $m^2 + \sum_\mu 4\sin^2(k_\mu/2)$ of the free field."""
        waves = [4 * (torch.arange(side, dtype=torch.float64) * math.pi / side).sin() ** 2 for side in self.shape]
        return self.mass + sum(torch.meshgrid(*waves, indexing="ij"), torch.zeros((), dtype=torch.float64))

    def _transfer(self) -> tuple[float, Tensor, Tensor]:
        r"""The spectrum of $T(a, b) = e^{-(a - b)^2/2 - V(a)/2 - V(b)/2}$, $Z = \mathrm{tr}\,T^L$.

        It is the log of the largest eigenvalue, all of them in its units, and $\phi^2$ averaged in their states.
        """
        lowest = min(0.0, -(self.mass**2) / (16 * self.coupling) if self.mass < 0 else 0.0)
        # at `end` the potential is 40 nats above its lowest point
        root = math.sqrt(self.mass**2 + 16 * self.coupling * (40 + lowest))
        end = math.sqrt((root - self.mass) / (4 * self.coupling))
        phi = torch.linspace(-end, end, NODES, dtype=torch.float64)
        potential = 0.5 * self.mass * phi**2 + self.coupling * phi**4
        half = -0.5 * (potential - lowest)
        kernel = torch.exp(-0.5 * (phi[:, None] - phi) ** 2 + half[:, None] + half) * (phi[1] - phi[0])
        eigenvalues, states = torch.linalg.eigh(kernel)
        largest = float(eigenvalues[-1])
        # tr(T^L f) = sum of eigenvalue^L times the average of f in its state
        return math.log(largest) - lowest, eigenvalues / largest, (states**2 * phi[:, None] ** 2).sum(0)
