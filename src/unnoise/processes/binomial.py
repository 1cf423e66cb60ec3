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
class BinomialChain:
    r"""Binomial diffusion in T steps, $\beta_t = 1/(T - t + 1)$; steps t are whole numbers from 1 to T.

    Args:
        space: of two states per site.
        mean: the probability of 1 that noise ends at, for all sites or one per site.
        steps: T.

    Raises:
        InputError: as `Binomial`, or fewer than 2 steps.

    >>> chain = BinomialChain(Finite(20, 2), mean=0.2, steps=2000)
    >>> chain.marginal(torch.ones(1, 20, dtype=torch.int64), torch.tensor(1000)).probs[0, 0]
    tensor([0.4000, 0.6000], dtype=torch.float64)
    """

    space: Finite
    mean: Mean = 0.5
    steps: int = 1000

    def __post_init__(self) -> None:
        if self.steps < 2:
            raise InputError(f"got {self.steps} steps; binomial diffusion takes at least 2")
        Binomial(self.space, self.mean)  # says what is wrong

    @property
    def process(self) -> Binomial:
        """The same diffusion in continuous time."""
        return Binomial(self.space, self.mean)

    def time(self, t: Tensor) -> Tensor:
        """The continuous time of step t: the marginals are the same (up to the trimmed ends of the schedule)."""
        return self.process.schedule.inverse(self._integral(t)).clamp(0, 1)

    def step(self, x: Tensor, t: Tensor) -> Categorical:
        r"""$q(x_t | x_{t-1})$: a bit is drawn anew with probability $\beta_t$."""
        return self._law(self.process.rates.row(x, expand(self._step_integral(t), x)))

    def marginal(self, x_0: Tensor, t: Tensor) -> Categorical:
        """$q(x_t | x_0)$: a bit survives with probability 1 - t / T."""
        return self._law(self.process.rates.row(x_0, expand(self._integral(t), x_0)))

    def posterior(self, stat: Tensor, x_t: Tensor, t: Tensor) -> Categorical:
        r"""$\sum_a p(a | x_t)\,q(x_{t-1} | x_t, x_0 = a)$ at every bit, for the statistic $p(x_0 | x_t)$."""
        rates, stat = self.process.rates, stat.double()
        now, before, last = (
            expand(part, x_t) for part in (self._integral(t), self._integral(t - 1), self._step_integral(t))
        )
        joint = rates.push(stat / rates.column(x_t, now), before) * rates.column(x_t, last)
        return self._law(joint / joint.sum(-1, keepdim=True))

    def price(self, stat: Tensor, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        r"""$KL(q(x_{t-1} | x_t, x_0) \| p(x_{t-1} | x_t))$ in nats, (*batch,): what step t adds to the bound."""
        truth = torch.nn.functional.one_hot(x_0, 2)
        right, wrong = self.posterior(truth, x_t, t).probs, self.posterior(stat, x_t, t).probs
        return self._sum(torch.xlogy(right, right / wrong).sum(-1))

    def ends(self, x_0: Tensor) -> dict[str, Tensor]:
        r"""What the bound holds besides the steps t = 2, ..., T, by name, each (*batch,), in nats.

        `end` is $H_q(X_T | x_0)$, `start` $-H_q(X_1 | x_0)$ and `prior` $-H_p(X_T)$. The last step of the reverse is
        $p(x_0 | x_1) = q(x_1 | x_0)\pi(x_0)/\pi(x_1)$, and `edge` is $\log\pi(x_0) - E[\log\pi(X_1)]$, of mean zero
        where the data have the stationary mean; the published bound leaves it out.
        """
        first, last = (self.marginal(x_0, torch.tensor(t)).probs for t in (1, self.steps))
        coin = self.process.rates.stationary.expand_as(first)
        edge = (torch.nn.functional.one_hot(x_0, 2) - first) * coin.log()
        terms = {"end": _entropy(last), "start": -_entropy(first), "prior": -_entropy(coin), "edge": edge.sum(-1)}
        return {name: self._sum(term) for name, term in terms.items()}

    def _integral(self, t: Tensor) -> Tensor:
        """B of the marginal at step t, infinite at T."""
        return -torch.log1p(-t.double() / self.steps)

    def _step_integral(self, t: Tensor) -> Tensor:
        """B of the step t alone."""
        return -torch.log1p(-1 / (self.steps - t.double() + 1))

    def _law(self, probs: Tensor) -> Categorical:
        return Categorical(probs, len(self.space.event_shape))

    def _sum(self, sites: Tensor) -> Tensor:
        return sites.flatten(sites.ndim - len(self.space.event_shape)).sum(-1)


def _entropy(probs: Tensor) -> Tensor:
    return -torch.xlogy(probs, probs).sum(-1)
