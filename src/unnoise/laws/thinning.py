"""Counts that lose some and gain others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from unnoise._checks import instance, whole
from unnoise.laws.base import HasEntropy, event_sum

DEVIATIONS = 9.0  # around the largest term, within which a sum over survivors is taken


class CountLaw(HasEntropy[Tensor]):
    """Independent counts; expectations are sums over all counts that have any mass to speak of."""

    event_ndim: int

    @abstractmethod
    def _largest(self) -> Tensor:
        """What a count exceeds with a probability below rounding."""

    def entropy(self) -> Tensor:
        """Summed over counts and sites, in float64."""
        return -self._mean(lambda log_p, x: log_p)

    def kl(self, other: Self) -> Tensor:
        """Summed over counts and sites, in float64."""
        each: Any = replace(other, event_ndim=0)  # type: ignore[type-var]
        return self._mean(lambda log_p, x: log_p - each.log_prob(x).double())

    def _mean(self, f: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """The mean of f(log p(x), x), summed over the sites of an event."""
        each: Any = replace(self, event_ndim=0)  # type: ignore[type-var]
        largest = self._largest()
        x = torch.arange(int(largest.max()) + 1, device=largest.device).reshape(-1, *[1] * largest.ndim)
        log_p = each.log_prob(x.expand(-1, *largest.shape)).double()
        possible = log_p > -torch.inf
        terms = log_p.exp() * f(torch.where(possible, log_p, 0.0), x.expand(-1, *largest.shape))
        return event_sum(torch.where(possible, terms, 0.0).sum(0), self.event_ndim)


@dataclass(frozen=True)
class BinomialThinning(CountLaw):
    r"""$\mathrm{Bin}(n, \rho) + \mathrm{Poisson}(\lambda)$, site by site; density with respect to counting measure.

    Args:
        count: n, non-negative int64, (*batch, *sites).
        kept: $\rho$, the probability that one survives; broadcasts.
        arrivals: $\lambda$, the mean number of newcomers; broadcasts.
        event_ndim: axes of sites of one event.

    >>> law = BinomialThinning(torch.tensor([2]), torch.tensor(0.5), torch.tensor(0.0), event_ndim=1)
    >>> law.log_prob(torch.tensor([1])).exp()
    tensor(0.5000)
    """

    count: Tensor
    kept: Tensor
    arrivals: Tensor
    event_ndim: int

    def __post_init__(self) -> None:
        instance(Tensor, count=self.count, kept=self.kept, arrivals=self.arrivals)
        whole(event_ndim=self.event_ndim)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *batch, *sites), int64."""
        sites = torch.broadcast_shapes(self.count.shape, self.kept.shape, self.arrivals.shape)  # type: ignore[no-untyped-call]
        parts = (self.count, self.kept, self.arrivals)
        count, kept, arrivals = (part.double().to(rng.device).expand(*shape, *sites) for part in parts)
        survivors = torch.binomial(count, kept.clamp(0, 1), generator=rng)
        return (survivors + torch.poisson(arrivals, generator=rng)).long().to(self.count.device)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log probability of counts, (*batch,), in nats; minus infinity where impossible."""
        mass = torch.logsumexp(self._log_terms(x)[1], -1)
        mass = mass.to(self.kept.dtype if self.kept.dtype == torch.float64 else torch.get_default_dtype())
        return event_sum(mass, self.event_ndim)

    def lost_and_new(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean numbers, given x, of the lost and of newcomers, shaped like x, in float64."""
        survivors, log_terms = self._log_terms(x)
        weights = torch.softmax(log_terms, -1)
        lost = (weights * (self.count[..., None] - survivors)).sum(-1)
        return lost, (weights * (x[..., None] - survivors)).sum(-1)

    def _largest(self) -> Tensor:
        arrivals = self.arrivals.double()
        return self.count + (arrivals + DEVIATIONS * arrivals.sqrt() + DEVIATIONS).ceil() * (arrivals > 0)

    def _log_terms(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of survivors around the likeliest, and the logs of their terms, (*batch, *sites, K)."""
        n, x, kept, arrivals = torch.broadcast_tensors(  # type: ignore[no-untyped-call]
            self.count.double(), x.double(), self.kept.double(), self.arrivals.double()
        )
        survivors = _window(n, x, kept, arrivals)
        n, x, kept, arrivals = (part[..., None] for part in (n, x, kept, arrivals))
        lost, come = n - survivors, x - survivors
        possible = (survivors >= 0) & (lost >= 0) & (come >= 0)
        survivors, lost, come = (part.clamp(min=0) for part in (survivors, lost, come))
        ways = torch.lgamma(n + 1) - torch.lgamma(survivors + 1) - torch.lgamma(lost + 1) - torch.lgamma(come + 1)
        terms = (
            ways + torch.xlogy(survivors, kept) + torch.xlogy(lost, 1 - kept) + torch.xlogy(come, arrivals) - arrivals
        )
        return survivors, torch.where(possible, terms, -torch.inf)


def _window(n: Tensor, x: Tensor, kept: Tensor, arrivals: Tensor) -> Tensor:
    r"""Whole numbers around the largest term, $(n - s)(x - s)\rho = (s + 1)\lambda(1 - \rho)$."""
    odds = (arrivals * (1 - kept) / kept.clamp(min=1e-30)).clamp(max=1e30)
    total = n + x + odds
    root = torch.sqrt((total**2 - 4 * (n * x - odds)).clamp(min=0))
    largest = (2 * (n * x - odds) / (total + root).clamp(min=1e-30)).clamp(min=0).round()
    most = torch.minimum(n, x)
    variance = 1 / (1 / (n - largest + 1).clamp(min=1) + 1 / (x - largest + 1).clamp(min=1) + 1 / (largest + 1))
    half = (DEVIATIONS * variance.sqrt() + DEVIATIONS).ceil()
    size = int(torch.minimum(2 * half + 1, most + 1).max()) if half.numel() else 1
    first = torch.minimum((largest - size // 2).clamp(min=0), (most - size + 1).clamp(min=0))
    return first[..., None] + torch.arange(size, device=n.device, dtype=n.dtype)


@dataclass(frozen=True)
class BinomialBirths(CountLaw):
    r"""$x + \mathrm{Bin}(N, p)$, N a real number rounded at random; density with respect to counting measure.

    Args:
        count: x, int64, (*batch, *sites).
        missing: the mean of N, real and non-negative; broadcasts.
        share: p, broadcasts.
        event_ndim: axes of sites of one event.

    >>> law = BinomialBirths(torch.tensor([3]), torch.tensor([0.5]), torch.tensor(1.0), event_ndim=1)
    >>> law.log_prob(torch.tensor([4])).exp()
    tensor(0.5000)
    """

    count: Tensor
    missing: Tensor
    share: Tensor
    event_ndim: int

    def __post_init__(self) -> None:
        instance(Tensor, count=self.count, missing=self.missing, share=self.share)
        whole(event_ndim=self.event_ndim)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *batch, *sites), int64."""
        sites = torch.broadcast_shapes(self.count.shape, self.missing.shape, self.share.shape)  # type: ignore[no-untyped-call]
        missing, share = (part.double().to(rng.device).expand(*shape, *sites) for part in (self.missing, self.share))
        number = stochastically_rounded(missing, rng)
        return self.count + torch.binomial(number, share.clamp(0, 1), generator=rng).long().to(self.count.device)

    def log_prob(self, x: Tensor) -> Tensor:
        """In nats, (*batch,)."""
        found, missing, share = torch.broadcast_tensors(  # type: ignore[no-untyped-call]
            (x - self.count).double(), self.missing.double(), self.share.double()
        )
        low = missing.floor()
        above = missing - low
        parts = (
            torch.log1p(-above) + _log_binomial(found, low, share),
            above.log() + _log_binomial(found, low + 1, share),
        )
        return event_sum(torch.logsumexp(torch.stack(parts), 0).to(self.missing.dtype), self.event_ndim)

    def _largest(self) -> Tensor:
        return self.count + self.missing.detach().ceil()


def stochastically_rounded(x: Tensor, rng: torch.Generator) -> Tensor:
    """The whole number below or above, at random with mean x."""
    uniform = torch.rand(x.shape, generator=rng, device=rng.device, dtype=torch.float64).to(x)
    return torch.floor(x + uniform)


def _log_binomial(k: Tensor, n: Tensor, share: Tensor) -> Tensor:
    possible = (k >= 0) & (k <= n)
    k = torch.where(possible, k, 0.0)
    ways = torch.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    return torch.where(possible, ways + torch.xlogy(k, share) + torch.xlogy(n - k, 1 - share), -torch.inf)
