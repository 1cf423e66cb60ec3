"""Densities in two or more scales at once: a funnel, and concentric rings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import real, reals, whole
from unnoise.laws.base import events, standard_normal
from unnoise.spaces import Euclidean
from unnoise.targets.base import NormalisedTarget


@dataclass(frozen=True)
class Funnel(NormalisedTarget):
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
        whole(least=2, dimension=self.dimension)
        real(above=0, scale=self.scale)

    @property
    def space(self) -> Euclidean:
        """$R^d$."""
        return Euclidean(self.dimension)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, d)."""
        x = standard_normal((*shape, self.dimension), torch.empty(0, device=rng.device), rng)
        x[..., 0] *= self.scale
        x[..., 1:] *= torch.exp(0.5 * x[..., :1])
        return x

    def log_prob(self, x: Tensor) -> Tensor:
        """Of x, (*batch, d)."""
        x = events(x, self.dimension)
        neck, rest = x[..., 0], x[..., 1:]
        width = -0.5 * (torch.exp(-neck) * rest.square().sum(-1) + (self.dimension - 1) * neck)
        constant = 0.5 * self.dimension * math.log(2 * math.pi) + math.log(self.scale)
        return width - 0.5 * (neck / self.scale) ** 2 - constant

    def score(self, x: Tensor) -> Tensor:
        """In closed form."""
        x = events(x, self.dimension)
        neck, rest = x[..., :1], x[..., 1:]
        precision = torch.exp(-neck)
        first = 0.5 * (precision * rest.square().sum(-1, keepdim=True) - self.dimension + 1) - neck / self.scale**2
        return torch.cat([first, -precision * rest], -1)


@dataclass(frozen=True)
class Rings(NormalisedTarget):
    r"""$x = r(\cos\theta, \sin\theta)$, $\theta$ uniform, $r \sim \frac1K\sum_k N(r_k, s^2)$; $\log Z = 0$.

    The density at $|x| = \rho$ is $(p(\rho) + p(-\rho))/2\pi\rho$ for the density p of r, exact for rings of any width.
    Used by Grenioux et al. 2024 (SLIPS, arXiv 2402.10758).

    Args:
        radii: $r_k$, positive.
        scale: s, positive.
    """

    space = Euclidean(2)
    radii: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0)
    scale: float = 0.15

    def __post_init__(self) -> None:
        reals("radii", self.radii, above=0)
        real(above=0, scale=self.scale)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, 2)."""
        like = torch.empty(0, device=rng.device)
        chosen = torch.randint(len(self.radii), shape, generator=rng, device=rng.device)
        radius = like.new_tensor(self.radii)[chosen] + self.scale * standard_normal(shape, like, rng)
        angle = 2 * math.pi * torch.rand(shape, generator=rng, device=rng.device)
        return radius[..., None] * torch.stack([angle.cos(), angle.sin()], -1)

    def log_prob(self, x: Tensor) -> Tensor:
        """Of x, (*batch, 2)."""
        x = events(x, 2)
        radius = torch.linalg.vector_norm(x, dim=-1)[..., None]
        centres = x.new_tensor(self.radii + tuple(-r for r in self.radii))
        terms = -0.5 * ((radius - centres) / self.scale) ** 2
        constant = math.log(len(self.radii) * self.scale) + 1.5 * math.log(2 * math.pi)
        log_prob: Tensor = torch.logsumexp(terms, -1) - radius[..., 0].log() - constant
        return log_prob
