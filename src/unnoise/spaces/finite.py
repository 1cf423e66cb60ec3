"""Arrays of letters from finite alphabets: tokens, categories, pixels with so many levels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.laws import Categorical
from unnoise.spaces._points import check_whole
from unnoise.spaces.base import Jump, Space

NUMBERS_AT_ONCE = 2**22  # of neighbours that are held at a time


@dataclass(frozen=True)
class Finite(Space[Tensor, Jump]):
    r"""Every site holds one of S states, $\{0, \dots, S - 1\}$; densities with respect to counting measure.

    Points are int64. Jumps change one site at a time: their rates are (*batch, *sites, S), of which the entry at the
    present state means nothing.

    Args:
        event_shape: the sites; an int d means (d,).
        sizes: how many states each site has; a tuple of one number per site where they differ, with one axis of
            sites. Then S is the largest of them, and the states that a site does not have are impossible.

    >>> Finite((2, 3), 256).states
    256
    >>> Finite(2, (3, 5)).check(torch.tensor([[0, 4], [3, 1]]))
    Traceback (most recent call last):
    unnoise._errors.InputError: got the state 3 at row 1, site (0,), which has the states 0 to 2; ...
    """

    event_shape: tuple[int, ...]
    sizes: tuple[int, ...]

    def __init__(self, event_shape: int | tuple[int, ...], sizes: int | tuple[int, ...]) -> None:
        shape = (event_shape,) if isinstance(event_shape, int) else tuple(event_shape)
        sizes = (sizes,) if isinstance(sizes, int) else tuple(sizes)
        if not shape or any(size < 1 for size in shape):
            raise InputError(
                f"got the shape {shape}; a finite space has one or more axes of sites, each at least 1 long"
            )
        if any(size < 2 for size in sizes):
            raise InputError(f"got {sizes} states; every site must have at least 2, so leave out sites that never vary")
        if len(sizes) > 1 and shape != (len(sizes),):
            raise InputError(f"got {len(sizes)} numbers of states for sites of shape {shape}; expected one per site")
        object.__setattr__(self, "event_shape", shape)
        object.__setattr__(self, "sizes", sizes[:1] if len(set(sizes)) == 1 else sizes)

    @property
    def states(self) -> int:
        """S: the largest number of states of a site."""
        return max(self.sizes)

    @property
    def sites(self) -> int:
        """How many sites make a point."""
        return math.prod(self.event_shape)

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x holds whole numbers from 0 to S - 1, (*batch, *event_shape)."""
        check_whole("Finite", "states", x, self.event_shape)
        sizes = torch.tensor(self.sizes, device=x.device)
        wrong = (x < 0) | (x >= sizes)
        if wrong.any():
            row, *site = first = wrong.nonzero()[0].tolist()
            size = self.sizes[site[-1] if len(self.sizes) > 1 else 0]
            raise InputError(
                f"got the state {int(x[tuple(first)])} at row {row}, site {tuple(site)}, which has the states "
                f"0 to {size - 1}; number the states from 0, or give the space more of them"
            )

    def features(self, x: Tensor) -> Tensor:
        """One-hot, (*batch, *sites, S), in the default precision."""
        return torch.nn.functional.one_hot(x, self.states).to(torch.get_default_dtype())

    def move(self, x: Tensor, local: Jump, dt: Tensor) -> Categorical:
        r"""Each site leaves with probability $1 - e^{-\lambda dt}$, for a state in proportion to its rate."""
        leaving = local.rates.scatter(-1, x[..., None], 0.0)
        total = leaving.sum(-1, keepdim=True)
        exposure = expand(dt, x)[..., None] * total if dt.ndim else dt * total
        share = -torch.expm1(-exposure) / torch.where(total > 0, total, 1.0)
        return Categorical((leaving * share).scatter(-1, x[..., None], torch.exp(-exposure)), len(self.event_shape))

    def apply(self, local: Jump, f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        r"""$\sum_y A(x, y) (f(y) - f(x))$ over all points y that differ from x at one site.

        f sees the neighbours on additional leading axes.
        """
        return self._sum(local, f, x, lambda change: change)

    def phi(self, local: Jump, log_f: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        r"""$\sum_y A(x, y)(r - 1 - \log r)$ with $r = f(y)/f(x)$; what has no rate costs nothing."""
        return self._sum(local, log_f, x, lambda change: torch.expm1(change) - change)

    def implicit(
        self,
        forward: Callable[[Tensor], Jump],
        reverse: Callable[[Tensor], Jump],
        x: Tensor,
        probes: Tensor | None = None,
    ) -> Tensor:
        r"""$\sum_y K(x, y) - A(x, y) - A(x, y)\log\frac{K(y, x)}{A(x, y)}$ for rates A and, in reversed time, K.

        It is the bound of Campbell et al. 2022 (arXiv 2205.14987). The rates back, K(y, x), ask for `reverse` at all
        neighbours. It is called with points (m, n, *sites), m neighbours of each row of x, so that what it knows about
        each row, such as a time, must be repeated alike.

        Args:
            forward: the rates A as a function of the point.
            reverse: the rates K.
            x: points, (n, *sites).
            probes: numbers of neighbours (k, n), from `probes`: the sum over y is estimated from these alone.
        """
        there, back = self._rates(forward(x), x), self._rates(reverse(x), x)
        cost = (back - there + torch.xlogy(there, there)).sum(-1)
        if probes is not None:
            weight = there.shape[-1] / len(probes)
            return cost - weight * self._backward(there, reverse, x, probes)
        for numbers in self._groups(x):
            cost = cost - self._backward(there, reverse, x, numbers[:, None].expand(-1, len(x)))
        return cost

    def probes(self, x: Tensor, count: int, rng: torch.Generator) -> Tensor:
        """Numbers of neighbours drawn uniformly, (count, n): `implicit` is unbiased over them."""
        shape = (count, len(x))
        return torch.randint(self.sites * self.states, shape, generator=rng, device=rng.device).to(x.device)

    def neighbours(self, x: Tensor, numbers: Tensor) -> Tensor:
        """Points x (*batch, *sites) with one site set: number k sets site k // S to k % S; (m, *batch, *sites).

        Numbers are (m, *batch), or broadcast against it.
        """
        flat = x.flatten(x.ndim - len(self.event_shape))
        numbers = numbers.expand(-1, *flat.shape[:-1])[..., None]
        changed = flat.expand(len(numbers), *flat.shape).scatter(-1, numbers // self.states, numbers % self.states)
        return changed.reshape(len(numbers), *x.shape)

    def _sum(self, local: Jump, f: Callable[[Tensor], Tensor], x: Tensor, cost: Callable[[Tensor], Tensor]) -> Tensor:
        """Rates times the cost of the change of f, over all neighbours, a group at a time."""
        rates, here = self._rates(local, x), f(x)
        total = torch.zeros_like(here)
        for numbers in self._groups(x):
            rate = rates[..., numbers].movedim(-1, 0)
            there = f(self.neighbours(x, numbers.reshape(-1, *[1] * here.ndim)))
            change = torch.where(rate > 0, there - here, 0.0)  # f may be infinite where nobody goes
            total = total + (rate * cost(change)).sum(0)
        return total

    def _rates(self, local: Jump, x: Tensor) -> Tensor:
        """Rates to all neighbours by number, (*batch, sites * S); zero for staying."""
        rates = local.rates.scatter(-1, x[..., None], 0.0)
        return rates.flatten(rates.ndim - len(self.event_shape) - 1)

    def _backward(self, there: Tensor, reverse: Callable[[Tensor], Jump], x: Tensor, numbers: Tensor) -> Tensor:
        """Sum of A(x, y) log K(y, x) over the neighbours with these numbers (m, n)."""
        y = self.neighbours(x, numbers)
        rates = reverse(y).rates
        by_site = rates.reshape(*numbers.shape, self.sites, self.states)
        flat = x.flatten(1).expand(len(numbers), -1, -1)
        home = torch.gather(by_site, -1, flat[..., None])[..., 0]  # the rate of every site to where it is in x
        back = torch.gather(home, -1, (numbers // self.states)[..., None])[..., 0]
        rate = torch.gather(there, -1, numbers.T).T
        return torch.where(rate > 0, rate * torch.where(rate > 0, back, 1.0).log(), 0.0).sum(0)

    def _groups(self, x: Tensor) -> Iterator[Tensor]:
        """The numbers of all neighbours, in groups that bound memory."""
        numbers = torch.arange(self.sites * self.states, device=x.device)
        return iter(torch.split(numbers, max(1, NUMBERS_AT_ONCE // x.numel())))
