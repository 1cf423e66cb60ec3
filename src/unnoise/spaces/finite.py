"""Arrays of letters from finite alphabets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import counts, shape
from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.laws import Categorical
from unnoise.spaces._points import check_whole
from unnoise.spaces.base import FiniteSites, Jump, one_cell
from unnoise.spaces.sites import Sites


def one_hot(x: Tensor, states: int, dtype: torch.dtype) -> Tensor:
    """1 at the state of every site, else 0, (*x.shape, states); without whole numbers in between, which take longer."""
    return torch.zeros(*x.shape, states, dtype=dtype, device=x.device).scatter_(-1, x[..., None], 1.0)


@dataclass(frozen=True)
class Finite(Sites, FiniteSites):
    r"""Every site holds one of S states, $\{0, \dots, S - 1\}$, int64; densities with respect to counting measure.

    Jump rates are (*batch, *sites, S); the entry at the present state is ignored.

    Args:
        event_shape: the sites; an int d means (d,).
        sizes: how many states each site has; a tuple, one number per site of one axis, where they differ. Then S is the
            largest, and the states that a site lacks are impossible.

    >>> Finite(2, (3, 5)).check(torch.tensor([[0, 4], [3, 1]]))
    Traceback (most recent call last):
    unnoise._errors.InputError: got the state 3 at row 1, site (0,), which has the states 0 to 2; ...
    """

    event_shape: tuple[int, ...]
    sizes: tuple[int, ...]

    def __init__(self, event_shape: int | tuple[int, ...], sizes: int | tuple[int, ...]) -> None:
        sites, sizes = shape("event_shape", event_shape, axes=1), counts("sizes", sizes, least=1)
        if min(sizes) < 2:
            raise InputError(f"got {sizes} states; every site must have at least 2, so leave out sites that never vary")
        if len(sizes) > 1 and sites != (len(sizes),):
            raise InputError(f"got {len(sizes)} numbers of states for sites of shape {sites}; expected one per site")
        object.__setattr__(self, "event_shape", sites)
        object.__setattr__(self, "sizes", sizes[:1] if len(set(sizes)) == 1 else sizes)

    @property
    def states(self) -> int:
        """The largest number of states of a site, S."""
        return max(self.sizes)

    @property
    def ways(self) -> int:
        """A site is set to any of S states."""
        return self.states

    @property
    def possible(self) -> Tensor:
        """States that a site lacks are none."""
        sizes = torch.tensor(self.sizes).expand(self.sites)
        return (torch.arange(self.states) < sizes[:, None]).flatten()

    @property
    def cell(self) -> Finite:
        """One site."""
        return one_cell(self)

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x holds states that the sites have."""
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
        return one_hot(x, self.states, torch.get_default_dtype())

    def move(self, x: Tensor, local: Jump, dt: Tensor) -> Categorical:
        r"""Each site leaves with probability $1 - e^{-\lambda dt}$, by its rates."""
        leaving = local.rates.scatter(-1, x[..., None], 0.0)
        total = leaving.sum(-1, keepdim=True)
        exposure = expand(dt, x)[..., None] * total if dt.ndim else dt * total
        share = -torch.expm1(-exposure) / torch.where(total > 0, total, 1.0)
        return Categorical((leaving * share).scatter(-1, x[..., None], torch.exp(-exposure)), len(self.event_shape))

    def neighbours(self, x: Tensor, numbers: Tensor) -> Tensor:
        """Number k sets site k // S to k % S."""
        flat = x.flatten(x.ndim - len(self.event_shape))
        numbers = numbers.expand(-1, *flat.shape[:-1])[..., None]
        changed = flat.expand(len(numbers), *flat.shape).scatter(-1, numbers // self.states, numbers % self.states)
        return changed.reshape(len(numbers), *x.shape)

    def rates(self, local: Jump, x: Tensor) -> Tensor:
        """Zero for staying."""
        rates = local.rates.scatter(-1, x[..., None], 0.0)
        return rates.flatten(rates.ndim - len(self.event_shape) - 1)

    def way_back(self, x: Tensor, numbers: Tensor) -> Tensor:
        """The state in x of the site that has changed."""
        return torch.gather(x.flatten(1), 1, (numbers // self.states).T).T
