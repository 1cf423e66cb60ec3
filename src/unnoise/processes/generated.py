r"""A user's own generator, given as plain functions: no kernel has to be known.

Simulation, `objectives.Implicit`, `samplers.Euler` and `evaluation.ImplicitBound` need the generator alone:

$$K f = \frac{L^*(q_t f) - f L^* q_t}{q_t}$$

undoes it, and depends on $q_t$ only through the score, or ratios of neighbours (Benton et al. 2024, arXiv 2211.03595).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._checks import function, instance, refuse
from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.heads.base import Head
from unnoise.heads.finite import RatioHead
from unnoise.heads.manifolds import ScoreHead
from unnoise.laws import Law
from unnoise.processes.base import Process, with_churn
from unnoise.processes.tilting import ByScore, Tilting, geometric
from unnoise.spaces import Diffusion, Finite, Jump, Manifold

Field = Callable[[Tensor, Tensor], Tensor]
Prior = Callable[[int], Law[Tensor]]


class Generated(Process[Tensor]):
    """A process given by its generator: what is learnt of $q_t$ depends on $q_t$ near the point only."""

    prior_law: Prior

    def prior(self, n: int) -> Law[Tensor]:
        """The law that was given."""
        law = self.prior_law(n)
        if not callable(getattr(law, "sample", None)):
            refuse("prior_law", law, "a laws.Law")
        return law

    @abstractmethod
    def statistic(self, log_density: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """That of the law with this log density, up to a constant, at x."""


def _check_shape(name: str, found: Any, shape: torch.Size) -> None:
    """Raise InputError unless a function gave a tensor of this shape, or one that broadcasts to it."""
    instance(Tensor, **{name: found})
    try:
        found.expand(shape)
    except RuntimeError:
        raise InputError(f"got {name} of shape {tuple(found.shape)}; expected {tuple(shape)}") from None


def _checked(rates: Tensor) -> Tensor:
    """An InputError where they are no rates, by value on the CPU alone."""
    if rates.device.type == "cpu" and not (rates >= 0).all():
        raise InputError("got rates that are negative or NaN; expected 0 or more of every jump to another state")
    return rates


@dataclass(frozen=True)
class DiffusionProcess(Generated, ByScore):
    r"""$dX = b(X, t)\,dt + s(t)\,dB$ on any manifold, for t from 0 to 1.

    Learnt is the score $\nabla\log q_t$; the reverse has the drift $-b + \frac12(1 + c^2) s^2\nabla\log q_t$ and the
    scale $c s$ at churn c.

    Args:
        drift: b(x, t), tangent vectors (*batch, *event); t broadcasts against x.
        scale: s(t) > 0, which broadcasts as t does, or a number.
        prior_law: n -> the law at t = 1, where noise nearly ends, as a batch of n.

    >>> from unnoise.laws import Normal
    >>> from unnoise.spaces import Euclidean
    >>> prior = lambda n: Normal(torch.zeros(n, 2), torch.ones(()), event_ndim=1)
    >>> process = DiffusionProcess(Euclidean(2), lambda x, t: -4 * x, lambda t: 8**0.5 + 0 * t, prior)
    >>> process.reverse(torch.ones(1, 2), -torch.ones(1, 2), torch.tensor(0.5)).drift
    tensor([[-4., -4.]])
    """

    space: Manifold
    drift: Field
    scale: Callable[[Tensor], Tensor | float]
    prior_law: Prior

    def __post_init__(self) -> None:
        instance(Manifold, space=self.space)
        function(drift=self.drift, scale=self.scale)
        function(or_class=True, prior_law=self.prior_law)

    def forward(self, x: Tensor, t: Tensor) -> Diffusion:
        """The drift b and the volatility s."""
        drift = self.drift(x, expand(t, x))
        _check_shape("drift", drift, x.shape)
        return Diffusion(drift, self.volatility(x, t))

    def volatility(self, x: Tensor, t: Tensor) -> Tensor:
        """s(t), to broadcast against x."""
        scale = torch.as_tensor(self.scale(expand(t, x)), device=x.device)
        _check_shape("scale", scale, x.shape)
        return scale

    def reverse(self, x_t: Tensor, stat: Tensor, t: Tensor, *, churn: float = 1.0) -> Diffusion:
        """Drift and scale at churn c."""
        local = self.forward(x_t, t)
        return Diffusion(-local.drift + 0.5 * (1 + churn**2) * local.scale**2 * stat, churn * local.scale)

    def statistic(self, log_density: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """The score: the gradient of the log density."""
        return self.space.gradient(log_density, x).detach()

    @property
    def head(self) -> Head[Tensor]:
        """The network gives the score in units of 1 / s."""
        return ScoreHead(self)


@dataclass(frozen=True)
class JumpProcess(Generated, Tilting[Tensor]):
    r"""Jumps of one site at a time on a finite space, at any rates A(x, y), for t from 0 to 1.

    Learnt is $q_t(y)/q_t(x)$ for every y that differs from x at one site; the reverse has the rates
    $K(x, y) = A(y, x)\,q_t(y)/q_t(x)$. A(y, x) is read off `rates` at all neighbours: sites x states evaluations per
    point.

    Args:
        rates: A(x, t), (*batch, *sites, S), which t broadcasts against; the present state and states that a site lacks
            are ignored.
        prior_law: n -> the law at t = 1, where noise nearly ends, as a batch of n.

    >>> from unnoise.laws import Categorical
    >>> prior = lambda n: Categorical(torch.full((n, 2, 2), 0.5), event_ndim=1)
    >>> process = JumpProcess(Finite(2, 2), lambda x, t: 2 * torch.ones(*x.shape, 2), prior)
    >>> process.reverse(torch.tensor([[0, 1]]), torch.full((1, 2, 2), 0.25), torch.tensor(0.5)).rates
    tensor([[[0.0000, 0.5000],
             [0.5000, 0.0000]]])
    """

    space: Finite
    rates: Field
    prior_law: Prior

    def __post_init__(self) -> None:
        instance(Finite, space=self.space)
        function(rates=self.rates)
        function(or_class=True, prior_law=self.prior_law)

    def forward(self, x: Tensor, t: Tensor) -> Jump:
        """A(x, .)."""
        return Jump(self._elsewhere(x, self._rates(x, expand(t, x)[..., None])))

    def reverse(self, x_t: Tensor, stat: Tensor, t: Tensor, *, churn: float = 1.0) -> Jump:
        r"""The rates K; a churn c above 1 adds $\frac12(c^2 - 1)(A + K)$."""
        back = _checked(self._elsewhere(x_t, self._rates_back(x_t, t))) * stat
        return with_churn(back, lambda: self.forward(x_t, t).rates, churn)

    def statistic(self, log_density: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """The ratios at all neighbours that exist."""
        there = log_density(self._neighbours(x)).movedim(0, -1)
        ratios = (there - log_density(x)[..., None]).exp()
        return torch.where(self._exist(x.device), ratios.reshape(*x.shape, self.space.states), 0.0)

    def tilted(self, told: Tensor, untold: Tensor, x_t: Tensor, t: Tensor, scale: float) -> Tensor:
        """The ratios, log-linearly."""
        return geometric(told, untold, scale)

    @property
    def head(self) -> Head[Tensor]:
        """The network gives the logarithms of the ratios."""
        return RatioHead(self)

    def _rates(self, x: Tensor, t: Tensor) -> Tensor:
        """A(x, .) as it is given."""
        rates, shape = self.rates(x, t), torch.Size((*x.shape, self.space.states))
        _check_shape("rates", rates, shape)
        return rates.expand(shape)

    def _elsewhere(self, x: Tensor, rates: Tensor) -> Tensor:
        return torch.where(self._exist(x.device), rates, 0.0).scatter(-1, x[..., None], 0.0)

    def _exist(self, device: torch.device) -> Tensor:
        """Which states a site has, (sites, S) or (1, S)."""
        sizes = torch.tensor(self.space.sizes, device=device)
        return torch.arange(self.space.states, device=device) < sizes[:, None]

    def _rates_back(self, x: Tensor, t: Tensor) -> Tensor:
        """The rates A(y, x), (*batch, *sites, S), one site after the other."""
        t = expand(t, x)[..., None]
        sites, states, axes = self.space.sites, self.space.states, len(self.space.event_shape)
        rates = self._rates(self._neighbours(x), t).flatten(-axes - 1, -2)  # (neighbours, *batch, sites, S)
        site = torch.arange(sites, device=x.device).repeat_interleave(states)
        changed = site.reshape(-1, *[1] * (rates.ndim - 1)).expand(*rates.shape[:-2], 1, states)
        home = x.flatten(x.ndim - axes)[..., site].movedim(-1, 0)[..., None]
        back = torch.gather(torch.gather(rates, -2, changed)[..., 0, :], -1, home)[..., 0]
        return back.movedim(0, -1).reshape(*x.shape, states)

    def _neighbours(self, x: Tensor) -> Tensor:
        """Every site of x in every state, (sites * S, *batch, *sites)."""
        sites, states = (torch.arange(size, device=x.device) for size in (self.space.sites, self.space.states))
        last = torch.tensor(self.space.sizes, device=x.device).expand(len(sites))[:, None] - 1
        numbers = (sites[:, None] * len(states) + torch.minimum(states, last)).flatten()
        return self.space.neighbours(x, numbers.reshape(-1, *[1] * (x.ndim - len(self.space.event_shape))))
