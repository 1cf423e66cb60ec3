r"""Continuous-time Markov chains on finite spaces: every site jumps by itself, at the same rates.

With rates $\beta(t) R$ at one site and the transition matrices $P_B = e^{BR}$, $B(t) = \int_0^t\beta$:

* what is learnt: $p(x_0 | x_t)$ at every site, the mean of the one-hot $x_0$;
* ratios: $\frac{q_t(y)}{q_t(x)} = \sum_a p(a | x)\frac{P_B(a, y)}{P_B(a, x)}$ for y that differs from x at one site,
  linear in what is learnt, exact for the posterior of that site;
* reverse: $K(x, y) = \beta R(y, x)\frac{q_t(y)}{q_t(x)}$;
* KL rate of an error, with reverse rates $K_0$ for the true $x_0$ and $K_\beta$ for the learnt one: the denoising score
  entropy $\sum_{y \ne x} K_\beta - K_0 + K_0\log\frac{K_0}{K_\beta}$;
* bridge: $q(y | x_0, x) = P_{B(s)}(x_0, y) P_{B(t) - B(s)}(y, x) / P_{B(t)}(x_0, x)$, averaged over $p(x_0 | x)$.

Campbell et al. 2022 (arXiv 2205.14987); Benton et al. 2024 (arXiv 2211.03595); Lou et al. 2024 (arXiv 2310.16834); for
the bridge Austin et al. 2021 (arXiv 2107.03006).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import instance, ordered, times, whole
from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.heads.base import Head
from unnoise.heads.finite import Posterior
from unnoise.laws import Categorical
from unnoise.laws.base import event_sum
from unnoise.processes.base import Bridged, precision, with_churn
from unnoise.processes.rates import Rates
from unnoise.processes.rates.base import impossible
from unnoise.processes.tilting import Tilting, log_geometric
from unnoise.schedules import Schedule
from unnoise.schedules.base import check_increasing
from unnoise.spaces import Finite, Jump
from unnoise.spaces.finite import one_hot


@dataclass(frozen=True)
class CTMC(Bridged[Tensor], Tilting[Tensor]):
    """Independent jumps at every site of a finite space.

    The statistic is $p(x_0 | x_t)$ at every site, (*batch, *sites, S). The prior is the noised uniform law on states of
    data.

    Args:
        rates: at one site, of as many states, else InputError; `processes.rates`.
        schedule: the integrated rate B(t); that of the rates by default.

    >>> from unnoise.processes.rates import Absorbing
    >>> process = CTMC(Finite(4, 3), Absorbing(3))
    >>> process.marginal(torch.tensor([[0, 1, 0, 1]]), torch.tensor(1.0)).sample(torch.Generator().manual_seed(0))
    tensor([[2, 2, 2, 2]])
    """

    trait = "that jumps between finitely many states"
    space: Finite
    rates: Rates
    schedule: Schedule

    def __init__(self, space: Finite, rates: Rates, schedule: Schedule | None = None) -> None:
        instance(Finite, space=space)
        instance(Rates, rates=rates)
        instance(Schedule, or_none=True, schedule=schedule)
        sites, states = tuple(rates.stationary.shape[:-1]), rates.stationary.shape[-1]
        sizes = (rates.data | (rates.stationary > 0)).sum(-1)
        fits = states == space.states and sites in ((), space.event_shape)
        if not fits or (sizes != torch.tensor(space.sizes)).any():
            at = f"{space.sizes} states at sites of shape {space.event_shape}"
            raise InputError(f"got rates for {sizes.tolist()} states and a space with {at}; give both the same")
        schedule = rates.schedule if schedule is None else schedule
        check_increasing(schedule, from_zero=True)
        vars(self).update(space=space, rates=rates, schedule=schedule)

    @property
    def head(self) -> Head[Tensor]:
        """The network says what the other sites know; Bayes' rule adds the site."""
        return Posterior(self)

    def check(self, x_0: Tensor) -> None:
        """Raise InputError unless every site is in a state of data, which a mask is not."""
        super().check(x_0)
        possible = self.rates.data.to(x_0.device).expand(*x_0.shape, -1)
        wrong = ~torch.gather(possible, -1, x_0[..., None])[..., 0]
        if wrong.any():
            row, *site = first = wrong.nonzero()[0].tolist()
            raise InputError(
                f"got the state {int(x_0[tuple(first)])} at row {row}, site {tuple(site)}, which noise alone leads to "
                f"under {type(self.rates).__name__}: it is no state of data; remove such rows, or add a state"
            )

    def forward(self, x: Tensor, t: Tensor) -> Jump:
        r"""$\beta R$."""
        return Jump(self.rates.out(x, self._rate(x, t, precision(t))))

    def prior(self, n: int) -> Categorical:
        """The noised uniform law on the states of data."""
        whole(n=n)
        start = self.rates.data.double()
        start = start / start.sum(-1, keepdim=True)
        probs = self.rates.push(start, self.schedule.value(torch.ones((), dtype=torch.float64)))
        sites = probs.shape[:-1] or self.space.event_shape  # of a cell, all of their sites
        return self._law(probs.to(torch.get_default_dtype()).expand(n, *sites, -1))

    def kept(self) -> float:
        """The total variation between the kernels from the first and from the last state of data, at the worst site."""
        data, end = self.rates.data.double(), self.schedule.value(torch.ones((), dtype=torch.float64))
        states = data.shape[-1]
        ends = (data.argmax(-1), states - 1 - data.flip(-1).argmax(-1))
        first, last = (self.rates.push(one_hot(state, states, data.dtype), end) for state in ends)
        return float(0.5 * (first - last).abs().sum(-1).max())

    def reference(self, like: Tensor, t: Tensor | None = None) -> Categorical:
        """The stationary law where it gives mass to all data; else the noised uniform law."""
        stationary, data = self.rates.stationary, self.rates.data.double()
        still = bool((stationary[self.rates.data] > 0).all())
        start = (stationary if still else data / data.sum(-1, keepdim=True)).to(like.device)
        probs = start if t is None or still else self.rates.push(start, self._integral(like, t, torch.float64))
        return self._law(probs.expand(*like.shape, -1))

    def reverse(self, x_t: Tensor, stat: Tensor, t: Tensor, *, churn: float = 1.0) -> Jump:
        r"""Jumps have no probability flow: a churn c below 1 changes nothing.

        Above 1 it adds $\frac12(c^2 - 1)(A + K)$, jumps forward and back that keep the marginals (Campbell et al.
        2022).
        """
        (back,) = self._undone(x_t, t, stat)
        return with_churn(back, lambda: self.rates.out(x_t, self._rate(x_t, t, back.dtype)), churn)

    def marginal(self, x_0: Tensor, t: Tensor) -> Categorical:
        r"""$P_{B(t)}(x_0, \cdot)$."""
        times(t, 1)
        return self._law(self.rates.row(x_0, self._integral(x_0, t, precision(t))))

    def target(self, x_0: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """One-hot x_0."""
        return one_hot(x_0, self.space.states, precision(t))

    def kl_rate(self, stat: Tensor, target: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Denoising score entropy."""
        model, truth = self._undone(x_t, t, stat, target.to(stat.dtype))
        floor = torch.finfo(model.dtype).tiny  # a rate that underflows costs much, but not everything
        cost = model - truth + truth * (truth.clamp(min=floor) / model.clamp(min=floor)).log()
        return event_sum(cost.sum(-1), len(self.space.event_shape))

    def importance_times(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """Uniform in the time of the rates' own schedule."""
        ends = self.schedule.value(u.new_tensor([0.0, 1.0], dtype=torch.float64))
        first, last = self.rates.schedule.inverse(ends).tolist()
        wanted = first + (last - first) * u.double()
        t = self.schedule.inverse(self.rates.schedule.value(wanted)).clamp(0, 1)
        return t.to(u), self.importance_density(t).to(u)

    def importance_density(self, t: Tensor) -> Tensor:
        """By the time of the rates' own schedule at which as much has happened."""
        ends = self.schedule.value(t.new_tensor([0.0, 1.0], dtype=torch.float64))
        first, last = self.rates.schedule.inverse(ends).tolist()
        wanted = self.rates.schedule.inverse(self.schedule.value(t.double()))
        density: Tensor = self.schedule.rate(t.double()) / self.rates.schedule.rate(wanted) / (last - first)
        return density.to(t)

    def decode(self, x_0: Tensor, stat: Tensor, rng: torch.Generator) -> Tensor:
        """A draw from what is learnt."""
        return self._law(stat).sample(rng)

    def reconstruction(self, x_0: Tensor) -> Tensor:
        r"""The decoder is $p(x_0 | x) \propto P_{B(0)}(x_0, x)$ over states of data."""
        data = self.rates.data.to(x_0.device)
        states = torch.arange(data.shape[-1], device=x_0.device)
        states = states.reshape(-1, *[1] * (data.ndim - 1)).expand(-1, *data.shape[:-1])
        start = self.rates.row(states, self.schedule.value(torch.zeros((), dtype=torch.float64, device=x_0.device)))
        evidence = (start * data.movedim(-1, 0)[..., None]).sum(0)
        cost = torch.xlogy(start, evidence) - torch.xlogy(start, start)
        table = cost.sum(-1).movedim(0, -1).to(torch.get_default_dtype())  # (S,) or (sites, S)
        cost = torch.gather(table.expand(*x_0.shape, -1), -1, x_0[..., None])[..., 0]
        return event_sum(cost, len(self.space.event_shape))

    def ancestral(self, stat: Tensor, x_t: Tensor, t: Tensor, s: Tensor, *, churn: float = 1.0) -> Categorical:
        """The bridge, averaged over the statistic; `churn` changes nothing."""
        ordered(s, t)
        later, earlier = self.schedule.value(t.double()), self.schedule.value(s.double())
        span, before = (expand(part.to(stat.dtype), x_t) for part in (later - earlier, earlier))
        column = self.rates.column(x_t, expand(later.to(stat.dtype), x_t))
        seen = column > impossible(column.dtype)
        weighted = torch.where(seen, stat, 0.0) / torch.where(seen, column, 1.0)
        joint = self.rates.push(weighted, before) * self.rates.column(x_t, span)
        return self._law(joint / joint.sum(-1, keepdim=True))

    def tilted(self, told: Tensor, untold: Tensor, x_t: Tensor, t: Tensor, scale: float) -> Tensor:
        r"""$p(x_0|x_t, c)^w\,p(x_0|x_t)^{1-w}$ at every site, renormalised; the one given c where that is nothing."""
        logs = log_geometric(told, untold, scale)
        nothing = torch.isneginf(logs.amax(-1, keepdim=True))
        return torch.where(nothing, told, torch.softmax(logs.masked_fill(nothing, 0.0), -1))

    def evidence(self, x_t: Tensor, t: Tensor, dtype: torch.dtype) -> Tensor:
        """$q_{t|0}(x_t | a)$ for all states a of data, else zero; (*batch, *sites, S)."""
        column = self.rates.column(x_t, self._integral(x_t, t, dtype))
        return column * self.rates.data.to(column)

    def _undone(self, x_t: Tensor, t: Tensor, *stats: Tensor) -> tuple[Tensor, ...]:
        speed, integral = (part(x_t, t, stats[0].dtype) for part in (self._rate, self._integral))
        return self.rates.undone(x_t, speed, integral, *stats)

    def _integral(self, x: Tensor, t: Tensor, dtype: torch.dtype) -> Tensor:
        return expand(self.schedule.value(t.double()).to(dtype), x)

    def _rate(self, x: Tensor, t: Tensor, dtype: torch.dtype) -> Tensor:
        return expand(self.schedule.rate(t.double()).to(dtype), x)

    def _law(self, probs: Tensor) -> Categorical:
        return Categorical(probs, len(self.space.event_shape))
