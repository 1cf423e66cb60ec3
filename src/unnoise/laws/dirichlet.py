"""Dirichlet laws: stationary laws and small steps of Wright-Fisher noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import instance, refuse
from unnoise.laws.base import Law, events

OFF = 1e-3  # how far from 1 the parts may sum
LEAST = 1e-30  # the smallest part that is drawn, of finite logarithm


@dataclass(frozen=True)
class Dirichlet(Law[Tensor]):
    r"""$\Gamma(\theta)\prod_i x_i^{\alpha_i - 1}/\Gamma(\alpha_i)$ with $\theta = \sum_i\alpha_i$, on parts of 1.

    Density with respect to Lebesgue measure on all parts but one.

    Args:
        concentration: $\alpha$, positive, (*batch, N).

    >>> law = Dirichlet(torch.tensor([1.0, 1.0, 1.0]))
    >>> round(float(law.log_prob(torch.tensor([0.2, 0.3, 0.5])).exp()), 4)
    2.0
    """

    concentration: Tensor

    def __post_init__(self) -> None:
        instance(Tensor, concentration=self.concentration)
        alpha = self.concentration
        if (
            alpha.device.type == "cpu" and (alpha <= 0).any()
        ):  # NaN of a sampler that diverges goes on, to be named there
            refuse("concentration", float(alpha.min()), "positive numbers")

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *batch, N) as gamma variates over their sum."""
        wanted = self.concentration.expand(*shape, *self.concentration.shape)
        wanted = wanted.double().to(rng.device)
        parts = torch._standard_gamma(wanted, generator=rng).clamp(min=LEAST)
        parts = torch.where(wanted.isnan(), wanted, parts)  # which the sampler of gamma variates would hide
        return (parts / parts.sum(-1, keepdim=True)).clamp(min=LEAST).to(self.concentration)

    def log_prob(self, x: Tensor) -> Tensor:
        r"""In nats, (*batch,); minus infinity off the simplex.

        On a face the limit along a straight line from inside: infinite, with the sign of minus the sum of
        $\alpha_i - 1$ over parts of 0, and finite where that is 0.
        """
        x = events(x, self.concentration.shape[-1])
        alpha = self.concentration.to(x)
        constant = torch.lgamma(alpha.sum(-1)) - torch.lgamma(alpha).sum(-1)
        none = x <= 0
        inside = constant + ((alpha - 1) * torch.where(none, 1.0, x).log()).sum(-1)
        power = torch.where(none, alpha - 1, 0.0).sum(-1)
        off = (x < 0).any(-1) | ((x.sum(-1) - 1).abs() > OFF)
        return torch.where(power == 0, inside, power.detach() * -torch.inf).masked_fill(off, -torch.inf)

    def score(self, x: Tensor) -> Tensor:
        r"""$(\alpha - 1)/x$, up to a constant."""
        return (self.concentration.to(x) - 1) / x.clamp(min=LEAST)
