"""Arrays of counts: how often something happened, how many molecules of a kind there are."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.laws.thinning import BinomialThinning
from unnoise.spaces._points import check_whole
from unnoise.spaces.base import Jump, Space

NUMBERS_AT_ONCE = 2**22  # of neighbours that are held at a time


@dataclass(frozen=True)
class Counts(Space[Tensor, Jump]):
    r"""Every site holds a whole number from 0 on; densities with respect to counting measure.

    Points are int64. Jumps lose one or gain one at a site: their rates are (*batch, *sites, 2), first of the death of
    one, which means nothing where there is none, then of a birth.

    Args:
        event_shape: the sites; an int d means (d,).

    >>> Counts(2).check(torch.tensor([[0, 4], [3, -1]]))
    Traceback (most recent call last):
    unnoise._errors.InputError: got the count -1 at batch index [1, 1]; Counts expects whole numbers from 0
    """

    event_shape: tuple[int, ...]

    def __init__(self, event_shape: int | tuple[int, ...]) -> None:
        shape = (event_shape,) if isinstance(event_shape, int) else tuple(event_shape)
        if not shape or any(size < 1 for size in shape):
            raise InputError(f"got the shape {shape}; counts have one or more axes of sites, each at least 1 long")
        object.__setattr__(self, "event_shape", shape)

    @property
    def sites(self) -> int:
        """How many sites make a point."""
        return math.prod(self.event_shape)

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x holds whole numbers from 0 on, (*batch, *event_shape)."""
        check_whole("Counts", "counts", x, self.event_shape)
        if (x < 0).any():
            first = (x < 0).nonzero()[0].tolist()
            raise InputError(
                f"got the count {int(x[tuple(first)])} at batch index {first}; Counts expects whole numbers from 0"
            )

    def features(self, x: Tensor) -> Tensor:
        """Square roots, in whose units the noise of a count is the same everywhere."""
        return x.to(torch.get_default_dtype()).sqrt()

    def move(self, x: Tensor, local: Jump, dt: Tensor) -> BinomialThinning:
        r"""A leap of many jumps, $\mathrm{Bin}(x, e^{-\delta dt}) + \mathrm{Poisson}(b(1 - e^{-\delta dt})/\delta)$.

        b is the birth rate and $\delta$ the death rate over x, held fixed: for each one that is there or comes, where
        tau-leaping (Gillespie 2001) would hold the total death rate fixed. So no step leads below zero, and long steps
        overshoot less.
        """
        death, birth = local.rates.unbind(-1)
        exposure = torch.where(x > 0, death, 0.0) / x.clamp(min=1) * (expand(dt, x) if dt.ndim else dt).to(death)
        average = torch.where(exposure > 0, -torch.expm1(-exposure) / torch.where(exposure > 0, exposure, 1.0), 1.0)
        born = birth * average * (expand(dt, x) if dt.ndim else dt).to(birth)
        return BinomialThinning(x, torch.exp(-exposure), born, len(self.event_shape))

    def apply(self, local: Jump, f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        r"""$\sum_y A(x, y)(f(y) - f(x))$ over points y that differ by one at one site.

        f sees the neighbours on an additional leading axis.
        """
        return self._sum(local, f, x, lambda change: change)

    def phi(self, local: Jump, log_f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        r"""$\sum_y A(x, y)(r - 1 - \log r)$ with $r = f(y)/f(x)$."""
        return self._sum(local, log_f, x, lambda change: torch.expm1(change) - change)

    def implicit(
        self,
        forward: Callable[[Tensor], Jump],
        reverse: Callable[[Tensor], Jump],
        x: Tensor,
        probes: Tensor | None = None,
    ) -> Tensor:
        r"""$\sum_y K(x, y) - A(x, y) - A(x, y)\log\frac{K(y, x)}{A(x, y)}$ for rates A and, in reversed time, K.

        Both are asked for points with further leading axes: `reverse` at all neighbours, (m, n, *sites).
        """
        there, back = self._flat(forward(x), x), self._flat(reverse(x), x)
        cost = (back - there + torch.xlogy(there, there)).sum((-1, -2))
        for sites, lost, gained in self._neighbours(x):
            down, up = (self._flat(reverse(y), y) for y in (lost, gained))
            returns = torch.stack([_at_sites(down[..., 1], sites), _at_sites(up[..., 0], sites)], -1)
            outward = there[..., sites, :].movedim(-2, 0)
            cost = cost - torch.xlogy(outward, returns).sum((0, -1))
        return cost

    def _sum(self, local: Jump, f: Callable[[Tensor], Tensor], x: Tensor, cost: Callable[[Tensor], Tensor]) -> Tensor:
        rates, here = self._flat(local, x), f(x)
        total = torch.zeros_like(here)
        for sites, lost, gained in self._neighbours(x):
            for neighbours, rate in ((lost, rates[..., sites, 0]), (gained, rates[..., sites, 1])):
                rate = rate.movedim(-1, 0)
                change = torch.where(rate > 0, f(neighbours) - here, 0.0)
                total = total + (rate * cost(change)).sum(0)
        return total

    def _flat(self, local: Jump, x: Tensor) -> Tensor:
        """Rates with the sites as one axis, (*batch, sites, 2), and no deaths where there is none to die."""
        present = torch.stack([x > 0, torch.ones_like(x, dtype=torch.bool)], -1)
        rates = torch.where(present, local.rates, 0.0)
        return rates.flatten(rates.ndim - 1 - len(self.event_shape), -2)

    def _neighbours(self, x: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Groups of sites, and the points with one less and one more there, (m, *batch, *sites)."""
        size = max(1, NUMBERS_AT_ONCE // max(1, x.numel()))
        for start in range(0, self.sites, size):
            sites = torch.arange(start, min(start + size, self.sites), device=x.device)
            one = torch.nn.functional.one_hot(sites, self.sites).reshape(
                -1, *[1] * (x.ndim - len(self.event_shape)), *self.event_shape
            )
            yield sites, (x - one).clamp(min=0), x + one


def _at_sites(rates: Tensor, sites: Tensor) -> Tensor:
    """Row i of rates (m, *batch, sites) at site i, (m, *batch)."""
    index = sites.reshape(-1, *[1] * (rates.ndim - 1)).expand(*rates.shape[:-1], 1)
    return torch.gather(rates, -1, index)[..., 0]
