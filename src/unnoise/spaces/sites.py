"""Arrays of sites that jump one at a time: generators as sums over neighbours."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from unnoise.laws import HasRatios, LogDensity
from unnoise.spaces.base import Jump, Space

NUMBERS_AT_ONCE = 2**22  # of neighbours that are held at a time


class Sites(Space[Tensor, Jump]):
    """Whole numbers at every site; points are int64, and neighbours differ at one site.

    Neighbour number k changes site k // ways in its way k % ways. Rates are (*batch, *sites, ways).

    >>> from unnoise.spaces import Finite
    >>> Finite(2, 3).neighbours(torch.tensor([[0, 0]]), torch.arange(6)[:, None])[:, 0].tolist()
    [[0, 0], [1, 0], [2, 0], [0, 0], [0, 1], [0, 2]]
    """

    real = False

    @property
    @abstractmethod
    def ways(self) -> int:
        """In how many ways a site can change."""

    @abstractmethod
    def neighbours(self, x: Tensor, numbers: Tensor) -> Tensor:
        """The neighbours of x (*batch, *sites) with these numbers, (m, *batch) or alike: (m, *batch, *sites)."""

    @abstractmethod
    def rates(self, local: Jump, x: Tensor) -> Tensor:
        """Rates to all neighbours by number, (*batch, sites * ways); zero for impossible jumps."""

    @abstractmethod
    def way_back(self, x: Tensor, numbers: Tensor) -> Tensor:
        """The way from each neighbour with these numbers (m, n) back to x, (n, *sites)."""

    @property
    def sites(self) -> int:
        """How many sites make a point."""
        return math.prod(self.event_shape)

    @property
    def jumps(self) -> int:
        """Each site changes in each of its ways."""
        return self.sites * self.ways

    @property
    def possible(self) -> Tensor:
        """Which numbers of neighbours are those of points, (sites * ways,)."""
        return torch.ones(self.sites * self.ways, dtype=torch.bool)

    def apply(self, local: Jump, f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        r"""$\sum_y A(x, y) (f(y) - f(x))$; f sees the neighbours y on another leading axis."""
        return self._sum(local, f, x, lambda change: change)

    def phi(self, local: Jump, log_f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        r"""$\sum_y A(x, y)(r - 1 - \log r)$, $r = f(y)/f(x)$."""
        return self._sum(local, log_f, x, lambda change: torch.expm1(change) - change)

    def implicit(
        self,
        forward: Callable[[Tensor], Jump],
        reverse: Callable[[Tensor], Jump],
        x: Tensor,
        probes: Tensor | None = None,
    ) -> Tensor:
        r"""$\sum_y K(x, y) - A(x, y) - A(x, y)\log\frac{K(y, x)}{A(x, y)}$ for rates A and, in reversed time, K.

        The bound of Campbell et al. 2022 (arXiv 2205.14987). For K(y, x), `reverse` is called with the neighbours (m,
        n, *sites), and must repeat what it knows about each row, such as a time. Probes are numbers of neighbours (k,
        n): the sum is estimated from these alone.
        """
        there, back = self.rates(forward(x), x), self.rates(reverse(x), x)
        cost = (back - there + torch.xlogy(there, there)).sum(-1)
        if probes is not None:
            weight = there.shape[-1] / len(probes)
            return cost - weight * self._backward(there, reverse, x, probes)
        for numbers in self._groups(x):
            cost = cost - self._backward(there, reverse, x, numbers[:, None].expand(-1, len(x)))
        return cost

    def probes(self, x: Tensor, count: int, rng: torch.Generator) -> Tensor:
        """Numbers of neighbours drawn uniformly, (count, n)."""
        shape = (count, len(x))
        return torch.randint(self.sites * self.ways, shape, generator=rng, device=rng.device).to(x.device)

    def reversible(self, target: LogDensity[Tensor], x: Tensor) -> tuple[Tensor, Jump]:
        r"""Rates $r/(1 + r)$ to a neighbour that is r times as likely (Zanella 2020, arXiv 1711.07424).

        A target that is `laws.HasRatios` is asked for these; of another all neighbours are, n x sites x ways points.
        """
        log_prob = target.log_prob(x)
        return log_prob, Jump(torch.sigmoid(self.log_ratios(target, x, log_prob)))

    def log_ratios(self, target: LogDensity[Tensor], x: Tensor, log_prob: Tensor) -> Tensor:
        r"""$\log p(y) - \log p(x)$ for every neighbour y of x, (n, *sites, ways); minus infinity where there is none.

        Args:
            target: up to a constant.
            x: (n, *sites).
            log_prob: $\log p(x)$, (n,).
        """
        possible = self.possible.to(x.device)
        if isinstance(target, HasRatios):
            known: Tensor = target.log_ratios(x)
            return known if bool(possible.all()) else known.where(possible.reshape(known.shape[1:]), -torch.inf)

        def asked(numbers: Tensor) -> Tensor:
            near = self.neighbours(x, numbers[:, None])
            return target.log_prob(near.flatten(0, 1)).reshape(len(numbers), len(x))

        there = torch.cat([asked(numbers) for numbers in self._groups(x, possible)])
        ratios = there.new_full((len(possible), len(x)), -torch.inf)
        ratios[possible] = torch.nan_to_num(there - log_prob, nan=-torch.inf, posinf=torch.inf)
        return ratios.T.reshape(*x.shape, self.ways)

    def _sum(self, local: Jump, f: Callable[[Tensor], Tensor], x: Tensor, cost: Callable[[Tensor], Tensor]) -> Tensor:
        rates, here = self.rates(local, x), f(x)
        total = torch.zeros_like(here)
        for numbers in self._groups(x):
            rate = rates[..., numbers].movedim(-1, 0)
            there = f(self.neighbours(x, numbers.reshape(-1, *[1] * here.ndim)))
            change = torch.where(rate > 0, there - here, 0.0)  # f may be infinite where nobody goes
            total = total + (rate * cost(change)).sum(0)
        return total

    def _backward(self, there: Tensor, reverse: Callable[[Tensor], Jump], x: Tensor, numbers: Tensor) -> Tensor:
        """The sum of A(x, y) log K(y, x) over neighbours with these numbers (m, n)."""
        rates = reverse(self.neighbours(x, numbers)).rates.reshape(*numbers.shape, -1)
        home = numbers - numbers % self.ways + self.way_back(x, numbers)
        back = torch.gather(rates, -1, home[..., None])[..., 0]
        rate = torch.gather(there, -1, numbers.T).T
        return torch.where(rate > 0, rate * torch.where(rate > 0, back, 1.0).log(), 0.0).sum(0)

    def _groups(self, x: Tensor, possible: Tensor | None = None) -> Iterator[Tensor]:
        """The numbers of all neighbours, or of those that are possible, in groups that bound memory."""
        numbers = torch.arange(self.sites * self.ways, device=x.device)
        numbers = numbers if possible is None else numbers[possible]
        return iter(torch.split(numbers, max(1, NUMBERS_AT_ONCE // max(1, x.numel()))))
