r"""Noise in whole steps: $\beta_1, \dots, \beta_T$, given or learnt.

Step k adds noise of variance $\beta_k$ and shrinks by $\sqrt{1 - \beta_k}$: after it
$B = -\sum_{j \le k}\log(1 - \beta_j)$, that is $\bar\alpha_k = e^{-B}$. Between steps B is a line. Step k lies at
$t = (k - 1)/(T - 1)$: t = 0 is the first step, the cleanest that a denoiser sees.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from unnoise._checks import MOST_STEPS, real, reals, whole
from unnoise.schedules import Schedule


def linear_betas(steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> tuple[float, ...]:
    r"""$\beta_t = \beta_1 + (\beta_T - \beta_1)(t - 1)/(T - 1)$: by default DDPM's (Ho et al. 2020, arXiv 2006.11239).

    Args:
        steps: T.
        first: $\beta_1$.
        last: $\beta_T$.

    >>> [round(beta, 6) for beta in linear_betas(3)]
    [0.0001, 0.01005, 0.02]
    """
    _check(steps, first=first, last=last)
    return tuple(torch.linspace(first, last, steps, dtype=torch.float64).tolist())


def erasing_betas(steps: int, first: float | None = None) -> tuple[float, ...]:
    r"""$\beta_t = 1/T, \dots, 1/2$, by which $\bar\alpha_t$ falls on a line that ends above zero.

    As in the code of Sohl-Dickstein et al. 2015 (arXiv 1503.03585); `first` replaces $\beta_1$.
    """
    _check(steps, **({} if first is None else {"first": first}))
    betas = (1 / torch.linspace(steps, 2, steps, dtype=torch.float64)).tolist()
    return tuple(betas if first is None else [first, *betas[1:]])


def geometric_betas(steps: int, first: float, last: float = 0.5) -> tuple[float, ...]:
    r"""$\beta_t = \beta_1 (\beta_T/\beta_1)^{(t - 1)/(T - 1)}$, equal ratios: a few steps over many scales of length.

    Args:
        steps: T.
        first: $\beta_1$.
        last: $\beta_T$.

    >>> [round(beta, 6) for beta in geometric_betas(3, 0.005)]
    [0.005, 0.05, 0.5]
    """
    _check(steps, first=first, last=last)
    return tuple(torch.logspace(math.log10(first), math.log10(last), steps, dtype=torch.float64).tolist())


def _check(steps: int, **betas: float) -> None:
    whole(least=2, most=MOST_STEPS, steps=steps)
    real(above=0, below=1, or_none=False, **betas)


class StepSchedule(Schedule):
    """A schedule that is known at T whole steps, and linear in between."""

    @property
    @abstractmethod
    def knots(self) -> Tensor:
        """The values of B after steps 1, ..., T, increasing, in float64."""

    def value(self, t: Tensor) -> Tensor:
        """On the line between two knots."""
        knots, index, share = self._place(t)
        return torch.lerp(knots[index], knots[index + 1], share).to(t)

    def rate(self, t: Tensor) -> Tensor:
        """The slope of that line."""
        knots, index, _ = self._place(t)
        return ((knots[index + 1] - knots[index]) * (len(knots) - 1)).to(t)

    def _place(self, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The knots, the number of the line that t lies on, and the passed share of it."""
        knots = self.knots.to(t.device)
        place = t.double() * (len(knots) - 1)
        index = place.detach().floor().long().clamp(0, len(knots) - 2)
        return knots, index, place - index


@dataclass(frozen=True)
class Betas(StepSchedule):
    r"""Steps of given $\beta_1, \dots, \beta_T$, at least two, each strictly between 0 and 1; else InputError.

    >>> ddpm = Betas(linear_betas())
    >>> round(float(torch.exp(-ddpm.value(torch.tensor(1.0, dtype=torch.float64)))), 7)  # the last alpha bar
    4.04e-05
    """

    betas: tuple[float, ...]

    def __post_init__(self) -> None:
        reals("betas", self.betas, fewest=2, above=0, below=1)
        object.__setattr__(self, "betas", tuple(self.betas))

    @cached_property
    def knots(self) -> Tensor:
        r"""The sums of $-\log(1 - \beta)$."""
        return -torch.log1p(-torch.tensor(self.betas, dtype=torch.float64)).cumsum(0)


class LearnedBetas(nn.Module, StepSchedule):
    r"""Steps whose $\beta_2, \dots, \beta_T$ are learnt, through their logits; $\beta_1$ stays, small.

    Noise is drawn before it is scaled, so the bound of a chain has a gradient in them (Sohl-Dickstein et al. 2015,
    arXiv 1503.03585, section 2.4.1). Were the first free, the bound would learn to add no noise.

    Args:
        betas: where they start; the first is kept.
    """

    first: Tensor

    def __init__(self, betas: tuple[float, ...]) -> None:
        super().__init__()
        start = torch.tensor(Betas(betas).betas, dtype=torch.float64)
        self.register_buffer("first", start[:1])
        self.logits = nn.Parameter(start[1:].logit())

    @property
    def knots(self) -> Tensor:
        r"""The sums of $-\log(1 - \beta)$, with a gradient."""
        kept = torch.cat([torch.log1p(-self.first), nn.functional.logsigmoid(-self.logits)])
        return -kept.double().cumsum(0)

    def fixed(self) -> Betas:
        """The steps as they are now."""
        betas = -torch.expm1(-torch.diff(self.knots.detach(), prepend=self.first.new_zeros(1).double()))
        return Betas(tuple(betas.tolist()))
