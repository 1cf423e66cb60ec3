"""Arrays of counts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import shape
from unnoise._errors import InputError
from unnoise._tree import expand
from unnoise.laws.thinning import BinomialThinning
from unnoise.spaces._points import check_whole
from unnoise.spaces.base import Jump, one_cell
from unnoise.spaces.sites import Sites


@dataclass(frozen=True)
class Counts(Sites):
    """Every site holds a whole number from 0 on, int64; densities with respect to counting measure.

    Jump rates are (*batch, *sites, 2): of a death, ignored at a count of 0, and of a birth.

    Args:
        event_shape: the sites; an int d means (d,).

    >>> Counts(2).check(torch.tensor([[0, 4], [3, -1]]))
    Traceback (most recent call last):
    unnoise._errors.InputError: got the count -1 at batch index [1, 1]; Counts expects whole numbers from 0
    """

    ways = 2  # the death of one and the birth of one
    event_shape: tuple[int, ...]

    def __init__(self, event_shape: int | tuple[int, ...]) -> None:
        object.__setattr__(self, "event_shape", shape("event_shape", event_shape, axes=1))

    @property
    def cell(self) -> Counts:
        """One site."""
        return one_cell(self)

    def numbers(self) -> tuple[Tensor, Tensor]:
        """All are counts."""
        every = torch.ones(self.sites, dtype=torch.bool)
        return ~every, every

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x holds whole numbers from 0 on."""
        check_whole("Counts", "counts", x, self.event_shape)
        if (x < 0).any():
            first = (x < 0).nonzero()[0].tolist()
            raise InputError(
                f"got the count {int(x[tuple(first)])} at batch index {first}; Counts expects whole numbers from 0"
            )

    def features(self, x: Tensor) -> Tensor:
        """Square roots, in whose units the noise is the same everywhere."""
        return x.to(torch.get_default_dtype()).sqrt()

    def move(self, x: Tensor, local: Jump, dt: Tensor) -> BinomialThinning:
        r"""A leap of many jumps, $\mathrm{Bin}(x, e^{-\delta dt}) + \mathrm{Poisson}(b(1 - e^{-\delta dt})/\delta)$.

        The birth rate b and the death rate $\delta$ per head are held fixed, where tau-leaping (Gillespie 2001) holds
        the total death rate: no step leads below zero, and long ones overshoot less.
        """
        death, birth = local.rates.unbind(-1)
        exposure = torch.where(x > 0, death, 0.0) / x.clamp(min=1) * (expand(dt, x) if dt.ndim else dt).to(death)
        average = torch.where(exposure > 0, -torch.expm1(-exposure) / torch.where(exposure > 0, exposure, 1.0), 1.0)
        born = birth * average * (expand(dt, x) if dt.ndim else dt).to(birth)
        return BinomialThinning(x, torch.exp(-exposure), born, len(self.event_shape))

    def neighbours(self, x: Tensor, numbers: Tensor) -> Tensor:
        """One less at site k // 2 for even numbers k, one more for odd ones."""
        flat = x.flatten(x.ndim - len(self.event_shape))
        numbers = numbers.expand(-1, *flat.shape[:-1])[..., None]
        changed = flat.expand(len(numbers), *flat.shape).scatter_add(-1, numbers // 2, 2 * (numbers % 2) - 1)
        return changed.clamp(min=0).reshape(len(numbers), *x.shape)

    def rates(self, local: Jump, x: Tensor) -> Tensor:
        """No deaths at a count of 0."""
        present = torch.stack([x > 0, torch.ones_like(x, dtype=torch.bool)], -1)
        rates = torch.where(present, local.rates, 0.0)
        return rates.flatten(rates.ndim - 1 - len(self.event_shape))

    def way_back(self, x: Tensor, numbers: Tensor) -> Tensor:
        """A birth undoes a death, and a death a birth."""
        return 1 - numbers % 2
