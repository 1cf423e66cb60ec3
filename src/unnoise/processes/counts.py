r"""Noise on counts: what was counted is forgotten one by one, with or without new arrivals.

With a schedule $B(t)$ of rate $\beta$ and $\rho = e^{-B}$, site by site:

**Pure death**, $x_t \sim \mathrm{Bin}(x_0, \rho)$. Learnt is $E[x_0|x]$. The reverse is a birth process of rate
$\beta\frac\rho{1-\rho}(\hat x_0 - x)$, the bridge $x_s \sim x_t + \mathrm{Bin}(x_0 - x_t, p)$ with
$p = (\rho_s - \rho_t)/(1 - \rho_t)$.

**Immigration and death** (the queue M/M/$\infty$), $x_t \sim \mathrm{Bin}(x_0, \rho) + \mathrm{Poisson}(\lambda)$,
$\lambda = m(1 - \rho)$: reversible, with the stationary law Poisson(m). With G the number of the first that are gone,
and C of those present that have come since,

$$\frac{q(x - 1)}{q(x)} = \frac{E[C]}{\lambda}, \qquad (x + 1)\frac{q(x + 1)}{q(x)} = \frac\rho{1-\rho}E[G] + \lambda,$$

by shifting a term of the convolution. So $(E[G|x], E[C|x])$ is learnt: in reversed time deaths have the rate
$\beta E[C]/(1 - \rho)$ and births $\beta(\frac\rho{1-\rho}E[G] + \lambda)$.

The KL rate of an error is $\sum K - K_0 + K_0\log(K_0/K)$ over the rates of the reverse: denoising score entropy (Lou
et al. 2024, arXiv 2310.16834), for pure death that of Santos et al. 2023 (arXiv 2305.16102).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from unnoise._checks import instance, ordered, real, reals, refuse, times, whole
from unnoise._tree import expand
from unnoise.heads.base import Head
from unnoise.heads.counts import CountHead
from unnoise.laws.base import event_sum
from unnoise.laws.thinning import BinomialBirths, BinomialThinning, stochastically_rounded
from unnoise.processes.base import Bridged, HasKernel, precision
from unnoise.processes.tilting import Tilting, geometric
from unnoise.schedules import Erasing, LinearLogSNR, Schedule
from unnoise.schedules.base import check_increasing
from unnoise.spaces import Counts, Jump

CHANGES = 12  # jumps before t = 0 that `reconstruction` counts


class CountProcess(HasKernel[Tensor]):
    r"""Noise on counts: a mean per site, a schedule, and the KL rate of births and deaths.

    $\sum_{y \ne x}\big(K - K_0 + K_0\log\frac{K_0}K\big)$ nats per unit of time, of reverse rates K for those of the
    true $x_0$, $K_0$.

    Args:
        space: of the counts.
        mean: of the noise of each site, above 0: one number, or one for each site of the last axis; else InputError.
        schedule: $B(t)$; it may begin at 0.

    >>> from unnoise import processes, schedules, spaces
    >>> process = processes.ImmigrationDeath(spaces.Counts(2), (1.0, 5.0), schedules.Linear())
    >>> process.prior(1).sample(torch.Generator().manual_seed(0)).shape
    torch.Size([1, 2])
    """

    numbers: ClassVar[int]  # per site of the statistic: 1, E[x_0], or 2, E[G] and E[C]
    space: Counts
    mean: float | tuple[float, ...]
    schedule: Schedule

    def __post_init__(self) -> None:
        instance(Counts, space=self.space)
        instance(Schedule, schedule=self.schedule)
        check_increasing(self.schedule, from_zero=True)
        if not isinstance(self.mean, tuple):
            real(above=0, mean=self.mean)
            return
        reals("mean", self.mean, above=0)
        if len(self.mean) != self.space.event_shape[-1]:
            expected = f"one number, or one for each site of the last axis of {self.space.event_shape}"
            refuse("mean", self.mean, expected)

    @abstractmethod
    def decoder(self, x: Tensor) -> BinomialThinning:
        """The law of data given the state at t = 0, each site an event."""

    @property
    def head(self) -> Head[Tensor]:
        """Positive estimates, right at output zero for data as wide as their mean."""
        return CountHead(self)

    def means(self, like: Tensor) -> Tensor:
        """The mean of every site, in the precision of rates at x."""
        return torch.as_tensor(self.mean, dtype=precision(like), device=like.device)

    def gone(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""$\rho$ and $1 - \rho$, broadcasting against points; from float64."""
        value = expand(self.schedule.value(t.double()), x)
        kind = precision(t)
        return torch.exp(-value).to(x.device, kind), -torch.expm1(-value).to(x.device, kind)

    def kept(self) -> float:
        r"""$\rho_1$."""
        return math.exp(-float(self.schedule.value(torch.ones((), dtype=torch.float64))))

    def speed(self, t: Tensor, x: Tensor) -> Tensor:
        r"""$\beta$, broadcasting against points."""
        return expand(self.schedule.rate(t.double()), x).to(x.device, precision(t))

    def kl_rate(self, stat: Tensor, target: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Over all jumps; impossible ones cost nothing."""
        learnt, true = (self._returns(x_t, part, t).rates for part in (stat, target))
        cost = learnt - true + torch.xlogy(true, true) - torch.xlogy(true, learnt)
        return event_sum(cost.sum(-1), len(self.space.event_shape))

    def importance_times(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Uniform in t: the schedule's own."""
        return u, torch.ones_like(u)

    def importance_density(self, t: Tensor) -> Tensor:
        """One."""
        return torch.ones_like(t)

    def reconstruction(self, x_0: Tensor) -> Tensor:
        """By summing over up to 12 jumps of a site before t = 0."""
        change = torch.arange(-CHANGES, CHANGES + 1, device=x_0.device).reshape(-1, *[1] * x_0.ndim)
        kernel = replace(self.marginal(x_0, torch.zeros((), dtype=torch.float64)), event_ndim=0)
        after = (x_0 + change).clamp(min=0)
        mass = torch.where(x_0 + change >= 0, kernel.log_prob(after).exp(), 0.0)
        cost = torch.where(mass > 0, -mass * self.decoder(after).log_prob(x_0), 0.0).sum(0)
        return event_sum(cost, len(self.space.event_shape)).to(torch.get_default_dtype())

    @abstractmethod
    def _returns(self, x_t: Tensor, stat: Tensor, t: Tensor) -> Jump: ...

    def reverse(self, x_t: Tensor, stat: Tensor, t: Tensor, *, churn: float = 1.0) -> Jump:
        """Births and deaths, at any churn."""
        return self._returns(x_t, stat, t)

    @abstractmethod
    def marginal(self, x_0: Tensor, t: Tensor) -> BinomialThinning:
        """Those that are kept, and those that have come."""


@dataclass(frozen=True)
class PureDeath(CountProcess, Bridged[Tensor], Tilting[Tensor]):
    r"""Every one that was counted is forgotten at rate $\beta$: Poisson thinning.

    By default the forgotten share grows from 1e-5 to 0.999 on a line. The prior is Poisson($m\rho_1$), about
    $\rho_1(x_0\log\frac{x_0}m - x_0 + m)$ nats from the kernel.

    The ancestral law rounds a learnt mean at random, exact for small steps only: the bound of a chain of whole steps is
    mostly minus infinity; use that of continuous time.

    Args:
        mean: m, the mean of the data, positive, one for all sites or one for each.

    >>> process = PureDeath(Counts(1), mean=4.0)
    >>> process.target(torch.tensor([[3]]), torch.tensor([[1]]), torch.tensor(0.5))
    tensor([[3.]])
    """

    numbers = 1
    space: Counts
    mean: float | tuple[float, ...] = 1.0
    schedule: Schedule = Erasing(survival=1e-3)

    def forward(self, x: Tensor, t: Tensor) -> Jump:
        r"""Deaths at rate $\beta x$."""
        death = self.speed(t, x) * x
        return Jump(torch.stack([death, torch.zeros_like(death)], -1))

    def prior(self, n: int) -> BinomialThinning:
        r"""Poisson($m\rho_1$)."""
        whole(n=n)
        return self.reference(torch.zeros(n, *self.space.event_shape, dtype=torch.int64), torch.ones(()))

    def reference(self, like: Tensor, t: Tensor | None = None) -> BinomialThinning:
        r"""Poisson($m\rho_t$)."""
        kept = (torch.ones((), dtype=torch.float64) if t is None else self.gone(t, like)[0]).to(like.device)
        nothing, mean = (torch.zeros_like(like), torch.zeros_like(kept)), self.means(kept) * kept
        return BinomialThinning(*nothing, mean, len(self.space.event_shape))

    def marginal(self, x_0: Tensor, t: Tensor) -> BinomialThinning:
        r"""$\mathrm{Bin}(x_0, \rho)$."""
        times(t, 1)
        kept, _ = self.gone(t.double(), x_0)
        return BinomialThinning(x_0, kept.to(precision(t)), torch.zeros_like(kept), len(self.space.event_shape))

    def target(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """$x_0$, as real numbers."""
        return x_0.to(precision(t))

    def _returns(self, x_t: Tensor, stat: Tensor, t: Tensor) -> Jump:
        kept, gone = self.gone(t, x_t)
        birth = self.speed(t, x_t) * kept / gone * (stat - x_t).clamp(min=0)
        return Jump(torch.stack([torch.zeros_like(birth), birth], -1))

    def tilted(self, told: Tensor, untold: Tensor, x_t: Tensor, t: Tensor, scale: float) -> Tensor:
        """By the rates of births back, which are ratios of the noisy law."""
        return x_t + geometric(told - x_t, untold - x_t, scale)

    def ancestral(self, stat: Tensor, x_t: Tensor, t: Tensor, s: Tensor, *, churn: float = 1.0) -> BinomialBirths:
        r"""The bridge, rounded at random where $\hat x_0$ is no whole number."""
        ordered(s, t)
        between = expand(self.schedule.value(t.double()) - self.schedule.value(s.double()), x_t)
        share = self.gone(s.double(), x_t)[0] * -torch.expm1(-between) / self.gone(t.double(), x_t)[1]
        return BinomialBirths(x_t, (stat - x_t).clamp(min=0), share.to(stat), len(self.space.event_shape))

    def decode(self, x_0: Tensor, stat: Tensor, rng: torch.Generator) -> Tensor:
        """The mean, rounded at random."""
        return stochastically_rounded(stat.to(rng.device), rng).long().to(x_0.device)

    def decoder(self, x: Tensor) -> BinomialThinning:
        r"""$x + \mathrm{Poisson}((x + 1)(1 - \rho_0)/\rho_0)$."""
        kept, gone = self.gone(torch.zeros((), dtype=torch.float64), x)
        return BinomialThinning(x, torch.ones_like(kept), (x + 1) * gone / kept, 0)


@dataclass(frozen=True)
class ImmigrationDeath(CountProcess, Tilting[Tensor]):
    r"""Every one that was counted is forgotten at rate $\beta$, and others come at rate $\beta m$.

    By default the log odds of survival, $\log\frac\rho{1 - \rho}$, fall from 12 to -7 on a line. The prior is
    Poisson(m), about $\rho_1^2(x_0 - m)^2/2m$ nats from the kernel.

    Args:
        mean: m, best that of the data, positive, one for all sites or one for each.

    >>> process = ImmigrationDeath(Counts(1), mean=4.0)
    >>> process.marginal(torch.tensor([[3]]), torch.tensor(1.0)).sample(torch.Generator()).shape
    torch.Size([1, 1])
    """

    numbers = 2
    space: Counts
    mean: float | tuple[float, ...] = 1.0
    schedule: Schedule = LinearLogSNR(maximum=12.0, minimum=-7.0)

    def forward(self, x: Tensor, t: Tensor) -> Jump:
        r"""Deaths at rate $\beta x$, births at rate $\beta m$."""
        speed = self.speed(t, x)
        return Jump(torch.stack([speed * x, speed * self.means(t).expand(x.shape)], -1))

    def prior(self, n: int) -> BinomialThinning:
        """Poisson(m)."""
        whole(n=n)
        nothing = torch.zeros(n, *self.space.event_shape, dtype=torch.int64)
        return BinomialThinning(nothing, torch.zeros(()), self.means(torch.zeros(())), len(self.space.event_shape))

    def marginal(self, x_0: Tensor, t: Tensor) -> BinomialThinning:
        """Those kept, and those come."""
        times(t, 1)
        (kept, gone), kind = self.gone(t.double(), x_0), precision(t)
        return BinomialThinning(x_0, kept.to(kind), (self.means(kept) * gone).to(kind), len(self.space.event_shape))

    def target(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """E[G] and E[C], (*batch, *sites, 2)."""
        return torch.stack(self.marginal(x_0, t.double()).lost_and_new(x_t), -1).to(precision(t))

    def _returns(self, x_t: Tensor, stat: Tensor, t: Tensor) -> Jump:
        (kept, gone), speed = self.gone(t, x_t), self.speed(t, x_t)
        lost, come = stat.clamp(min=0).unbind(-1)
        death = speed * torch.where(x_t > 0, come, 0.0) / gone
        return Jump(torch.stack([death, speed * (kept / gone * lost + self.means(t) * gone)], -1))

    def tilted(self, told: Tensor, untold: Tensor, x_t: Tensor, t: Tensor, scale: float) -> Tensor:
        """By the rates of births and deaths back, which are ratios of the noisy law; E[G] is at least 0."""
        kept, gone = self.gone(t, x_t)
        odds, fresh = kept / gone, self.means(t) * gone
        first, second = (odds * stat[..., 0].clamp(min=0) + fresh for stat in (told, untold))
        births = geometric(first, second, scale)
        deaths = geometric(told[..., 1], untold[..., 1], scale)
        return torch.stack([((births - fresh) / odds).clamp(min=0).to(told), deaths], -1)

    def decode(self, x_0: Tensor, stat: Tensor, rng: torch.Generator) -> Tensor:
        """The mean $x + E[G] - E[C]$, rounded at random."""
        change = (stat[..., 0] - stat[..., 1]).to(rng.device)
        return (x_0 + stochastically_rounded(change, rng).long().to(x_0.device)).clamp(min=0)

    def decoder(self, x: Tensor) -> BinomialThinning:
        """The kernel from x: the process is its own mirror."""
        return replace(self.marginal(x, torch.zeros((), dtype=torch.float64)), event_ndim=0)
