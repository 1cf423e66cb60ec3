"""A schedule that is learnt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unnoise._checks import flag, real, whole
from unnoise._errors import InputError
from unnoise.schedules.base import ByLogSNR

MOST_UNITS = 10**5


@dataclass(eq=False)
class Learned(nn.Module, ByLogSNR):
    r"""A monotone network and, on request, learnt ends: $\lambda(t) = \lambda_0 - (\lambda_0 - \lambda_1)\,u(t)$.

    $u$ is a positive combination of a line and of `units` rising sigmoids, scaled from 0 to 1 (Kingma et al. 2021,
    arXiv 2107.00630, appendix H). Only the Monte Carlo variance of the bound depends on u: `log_snr` and its rate pass
    gradients to the ends alone, and u learns from `log_density`, by `objectives.VDM`.

    Args:
        maximum: $\lambda_0$, at t = 0, to start with.
        minimum: $\lambda_1$, at t = 1, to start with, below.
        units: how many sigmoids, at least 1.
        learn_ends: whether the ends move, each on its side of the middle.

    >>> schedule = Learned(maximum=5.0, minimum=-7.0)
    >>> schedule.log_snr(torch.tensor([0.0, 1.0])).detach()
    tensor([ 5., -7.])
    """

    maximum: float = 13.3
    minimum: float = -10.0
    units: int = 32
    learn_ends: bool = False

    def __post_init__(self) -> None:
        real(maximum=self.maximum, minimum=self.minimum)
        whole(least=1, most=MOST_UNITS, units=self.units)
        flag(learn_ends=self.learn_ends)
        if not self.minimum < self.maximum:
            raise InputError(
                f"got a log SNR from {self.maximum} to {self.minimum}; expected a maximum above the minimum"
            )
        super().__init__()
        self.reach = nn.Parameter(torch.zeros(2), requires_grad=self.learn_ends)  # log of the distance to the middle
        self.weights = nn.Parameter(torch.zeros(self.units + 1))  # logarithms; the first is that of the line
        self.slopes = nn.Parameter(torch.full((self.units,), math.log(2 * self.units)))  # logarithms
        self.centres = nn.Parameter((torch.arange(self.units) + 0.5) / self.units)

    def log_snr(self, t: Tensor) -> Tensor:
        r"""$\lambda(t)$, with gradients to the ends."""
        first, last = self._ends(t)
        return first - (first - last) * self._travelled(t, live=False)[0]

    def log_snr_rate(self, t: Tensor) -> Tensor:
        r"""$d\lambda/dt$, with gradients to the ends."""
        first, last = self._ends(t)
        return -(first - last) * self._travelled(t, live=False)[1]

    def log_density(self, t: Tensor) -> Tensor:
        r"""$\log|dt/d\lambda|$ at $\lambda(t)$, up to a constant, (n,): how often even times look at that level.

        Its gradient in the weights of u is at a fixed level: the time moves (implicit differentiation).
        """
        there, speed = self._travelled(t.detach(), live=True)
        moved = t.detach() + (there.detach() - there) / speed.detach()
        return -torch.log(self._travelled(moved, live=True)[1])

    def _ends(self, t: Tensor) -> tuple[Tensor, Tensor]:
        middle, half = 0.5 * (self.maximum + self.minimum), 0.5 * (self.maximum - self.minimum)
        up, down = half * self.reach.to(t).exp()
        return middle + up, middle - down

    def _travelled(self, t: Tensor, *, live: bool) -> tuple[Tensor, Tensor]:
        """The function u and its rate; only if `live` do gradients reach the weights."""
        parts = (part.to(t) if live else part.detach().to(t) for part in (self.weights, self.slopes, self.centres))
        shares, slopes, centres = parts
        shares = shares.exp() / self.units  # a line and sigmoids of weight 1 are about as steep
        line, weights, slopes = shares[0], shares[1:], slopes.exp()
        at, first, last = (
            torch.sigmoid(slopes * (time[..., None] - centres)) for time in (t, *t.new_tensor([0.0, 1.0]))
        )
        whole = line + (weights * (last - first)).sum(-1)
        so_far = line * t + (weights * (at - first)).sum(-1)
        speed = line + (weights * slopes * at * (1 - at)).sum(-1)
        return so_far / whole, speed / whole
