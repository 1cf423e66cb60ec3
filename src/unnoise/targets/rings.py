"""Concentric rings: modes that are curves, not points."""

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
class Rings(Target, Law[Tensor]):
    r"""$x = r(\cos\theta, \sin\theta)$, $\theta$ uniform, $r \sim \frac1K\sum_k N(r_k, s^2)$; $\log Z = 0$.

    The density at $|x| = \rho$ is $(p(\rho) + p(-\rho))/2\pi\rho$ for the density p of r, whose negative values count:
    so it is exact however wide the rings are. Used by Grenioux et al. 2024 (SLIPS, arXiv 2402.10758).

    Args:
        radii: $r_k$, positive.
        scale: s, positive.

    >>> Rings().sample(torch.Generator().manual_seed(0), (5,)).shape
    torch.Size([5, 2])
    """

    radii: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0)
    scale: float = 0.15

    def __post_init__(self) -> None:
        if not self.radii or min(self.radii) <= 0 or not self.scale > 0:
            raise InputError(f"got the radii {self.radii} and the scale {self.scale}; all must be positive")

    @property
    def space(self) -> Euclidean:
        """The plane."""
        return Euclidean(2)

    @property
    def log_normaliser(self) -> float:
        """0: the density is normalised."""
        return 0.0

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, 2), in the default precision."""
        like = torch.empty(0, device=rng.device)
        chosen = torch.randint(len(self.radii), shape, generator=rng, device=rng.device)
        radius = like.new_tensor(self.radii)[chosen] + self.scale * standard_normal(shape, like, rng)
        angle = 2 * math.pi * torch.rand(shape, generator=rng, device=rng.device)
        return radius[..., None] * torch.stack([angle.cos(), angle.sin()], -1)

    def log_prob(self, x: Tensor) -> Tensor:
        """The log density at x, (*batch, 2)."""
        radius = torch.linalg.vector_norm(x, dim=-1)[..., None]
        centres = x.new_tensor(self.radii + tuple(-r for r in self.radii))
        terms = -0.5 * ((radius - centres) / self.scale) ** 2
        constant = math.log(len(self.radii) * self.scale) + 1.5 * math.log(2 * math.pi)
        log_prob: Tensor = torch.logsumexp(terms, -1) - radius[..., 0].log() - constant
        return log_prob
