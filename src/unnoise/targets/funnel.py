"""Neal's funnel: a density whose width changes by orders of magnitude."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.laws import Law
from unnoise.laws.base import standard_normal
from unnoise.spaces import Euclidean
from unnoise.targets.base import Target


@dataclass(frozen=True)
class Funnel(Target, Law[Tensor]):
    r"""$x_1 \sim N(0, s^2)$ and $x_i | x_1 \sim N(0, e^{x_1})$, i = 2..d; $\log Z = 0$.

    Neal 2003, Slice sampling, Annals of Statistics 31 (3), section 8, with d = 10 and s = 3.

    Args:
        dimension: d, at least 2.
        scale: s, positive.

    >>> Funnel().log_prob(torch.zeros(10)) + 5 * math.log(2 * math.pi) + math.log(3)
    tensor(0.)
    """

    dimension: int = 10
    scale: float = 3.0

    def __post_init__(self) -> None:
        if self.dimension < 2 or not self.scale > 0:
            raise InputError(
                f"got the dimension {self.dimension} and the scale {self.scale}; expected at least 2, and positive"
            )

    @property
    def space(self) -> Euclidean:
        """$R^d$."""
        return Euclidean(self.dimension)

    @property
    def log_normaliser(self) -> float:
        """0: the density is normalised."""
        return 0.0

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, d), in the default precision."""
        x = standard_normal((*shape, self.dimension), torch.empty(0, device=rng.device), rng)
        x[..., 0] *= self.scale
        x[..., 1:] *= torch.exp(0.5 * x[..., :1])
        return x

    def log_prob(self, x: Tensor) -> Tensor:
        """The log density at x, (*batch, d)."""
        neck, rest = x[..., 0], x[..., 1:]
        width = -0.5 * (torch.exp(-neck) * rest.square().sum(-1) + (self.dimension - 1) * neck)
        constant = 0.5 * self.dimension * math.log(2 * math.pi) + math.log(self.scale)
        return width - 0.5 * (neck / self.scale) ** 2 - constant

    def score(self, x: Tensor) -> Tensor:
        """Its gradient."""
        neck, rest = x[..., :1], x[..., 1:]
        precision = torch.exp(-neck)
        first = 0.5 * (precision * rest.square().sum(-1, keepdim=True) - self.dimension + 1) - neck / self.scale**2
        return torch.cat([first, -precision * rest], -1)
