r"""Binomial diffusion: bits that are forgotten, in continuous and in discrete time.

A bit is drawn anew from a coin of a given mean, $q(x_t | x_s) = \mathcal B(x_s e^{-B} + \mu(1 - e^{-B}))$
(Sohl-Dickstein et al. 2015, arXiv 1503.03585). In T steps with $\beta_t = 1/(T - t + 1)$ what survives falls on a line,
$\prod_{s \le t}(1 - \beta_s) = 1 - t/T$, which is the default schedule in continuous time: at matched times both have
the same marginals, and one denoiser serves both.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.laws import Categorical
from unnoise.processes.chain import Chain
from unnoise.processes.ctmc import CTMC
from unnoise.processes.rates import Rates, Refresh
from unnoise.schedules import Schedule
from unnoise.spaces import Finite

Mean = float | tuple[float, ...]


@dataclass(frozen=True)
class Binomial(CTMC):
    """The chain of two states per site whose stationary law is a coin.

    Args:
        space: of two states per site.
        mean: the probability of 1 that noise ends at, for all sites or one per site; the best is the mean of the data.
        schedule: the integrated rate B(t); by default what survives falls on a line.

    Raises:
        InputError: other than two states, or a mean that is not between 0 and 1.

    >>> process = Binomial(Finite(20, 2), mean=0.2)
    >>> process.marginal(torch.ones(1, 20, dtype=torch.int64), torch.tensor(0.5)).probs[0, 0]
    tensor([0.4000, 0.6000])
    """

    rates: Rates = field(init=False, repr=False)
    mean: Mean

    def __init__(self, space: Finite, mean: Mean = 0.5, schedule: Schedule | None = None) -> None:
        if space.states != 2:
            raise InputError(f"got a space with {space.states} states per site; binomial diffusion is for bits, with 2")
        ones = torch.as_tensor(mean, dtype=torch.float64)
        if not ((ones > 0) & (ones < 1)).all():
            raise InputError(f"got the mean {mean}; expected numbers between 0 and 1, such as the mean of the data")
        super().__init__(space, Refresh(torch.stack([1 - ones, ones], -1)), schedule)
        object.__setattr__(self, "mean", mean)


@dataclass(frozen=True)
class binomial_chain(Chain[Tensor]):
    r"""Binomial diffusion in T steps, $\beta_t = 1/(T - t + 1)$; steps t are whole numbers from 1 to T.

    The null is the coins that noise ends at.

    Args:
        space: of two states per site.
        mean: the probability of 1 that noise ends at, for all sites or one per site.
        steps: T.

    Raises:
        InputError: as `Binomial`, or fewer than 2 steps.

    >>> chain = binomial_chain(Finite(20, 2), mean=0.2, steps=2000)
    >>> chain.marginal(torch.ones(1, 20, dtype=torch.int64), torch.tensor(1000)).probs[0, 0]
    tensor([0.4000, 0.6000], dtype=torch.float64)
    """

    process: Binomial = field(init=False, repr=False, compare=False)
    space: Finite
    mean: Mean = 0.5
    steps: int = 1000

    def __post_init__(self) -> None:
        if self.steps < 2:
            raise InputError(f"got {self.steps} steps; binomial diffusion takes at least 2")
        object.__setattr__(self, "process", Binomial(self.space, self.mean))

    def time(self, t: Tensor) -> Tensor:
        """The continuous time of step t: the marginals are the same (up to the trimmed ends of the schedule)."""
        return self.process.schedule.inverse(self._integral(0 * t, t)).clamp(0, 1)

    def marginal(self, x_0: Tensor, t: Tensor) -> Categorical:
        """A bit survives with probability 1 - t / T."""
        return self.transition(x_0, 0 * t, t)

    def transition(self, x_s: Tensor, s: Tensor, t: Tensor) -> Categorical:
        """A bit survives with probability (T - t) / (T - s)."""
        return self._law(self.process.rates.row(x_s, expand(self._integral(s, t), x_s)))

    def posterior(self, stat: Tensor, x_t: Tensor, t: Tensor, s: Tensor | None = None) -> Categorical:
        r"""$\sum_a p(a | x_t)\,q(x_s | x_t, x_0 = a)$ at every bit, for the statistic $p(x_0 | x_t)$."""
        s = t - 1 if s is None else s
        rates, stat = self.process.rates, stat.double()
        now, before, between = (
            expand(part, x_t) for part in (self._integral(0 * t, t), self._integral(0 * s, s), self._integral(s, t))
        )
        joint = rates.push(stat / rates.column(x_t, now), before) * rates.column(x_t, between)
        return self._law(joint / joint.sum(-1, keepdim=True))

    def bridge(self, x_0: Tensor, x_t: Tensor, t: Tensor, s: Tensor | None = None) -> Categorical:
        """The posterior of one who knows."""
        return self.posterior(torch.nn.functional.one_hot(x_0, 2), x_t, t, s)

    def price(self, stat: Tensor, x_0: Tensor, x_t: Tensor, t: Tensor, s: Tensor | None = None) -> Tensor:
        """Summed over the bits."""
        right, wrong = self.bridge(x_0, x_t, t, s).probs, self.posterior(stat, x_t, t, s).probs
        return self._sum(torch.xlogy(right, right / wrong).sum(-1))

    def null(self, n: int, t: Tensor) -> Categorical:
        """The coins, at every t."""
        return self._law(self._coins(torch.zeros(n, *self.space.event_shape, dtype=torch.int64, device=t.device)))

    def log_null(self, x_0: Tensor, t: Tensor) -> Tensor:
        """See the class of chains."""
        found = self._probs(x_0, t)
        return self._sum((found * self._coins(x_0).log()).sum(-1))

    def null_entropy(self) -> Tensor:
        """That of the coins."""
        return self._sum(_entropy(self._coins(torch.zeros(self.space.event_shape, dtype=torch.int64))))

    def entropy(self, x_0: Tensor, t: Tensor) -> Tensor:
        """Summed over the bits."""
        return self._sum(_entropy(self._probs(x_0, t)))

    def step_entropy(self, x_0: Tensor, t: Tensor) -> Tensor:
        """Summed over the bits."""
        before = self._probs(x_0, t - 1)
        after = (self.transition(torch.full_like(x_0, state), t - 1, t).probs for state in (0, 1))
        return self._sum((before * torch.stack([_entropy(probs) for probs in after], -1)).sum(-1))

    def _probs(self, x_0: Tensor, t: Tensor) -> Tensor:
        """$q(x_t | x_0)$ at every bit; one-hot at t = 0."""
        return self.marginal(x_0, t).probs

    def _coins(self, like: Tensor) -> Tensor:
        stationary = self.process.rates.stationary.to(like.device)
        return stationary.expand(*like.shape, 2)

    def _integral(self, s: Tensor, t: Tensor) -> Tensor:
        """B of the steps after s up to t, infinite at T."""
        return -torch.log1p(-(t - s).double() / (self.steps - s))

    def _law(self, probs: Tensor) -> Categorical:
        return Categorical(probs, len(self.space.event_shape))

    def _sum(self, sites: Tensor) -> Tensor:
        return sites.flatten(sites.ndim - len(self.space.event_shape)).sum(-1)


def _entropy(probs: Tensor) -> Tensor:
    return -torch.xlogy(probs, probs).sum(-1)
