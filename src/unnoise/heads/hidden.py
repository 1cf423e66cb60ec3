"""What a network sees of sites that wait behind a mask, without room for states that a site lacks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from unnoise._checks import refuse
from unnoise._errors import InputError
from unnoise.heads.base import ProcessHead
from unnoise.spaces import Finite

OCTAVES = (1.0, 2.0, 4.0, 8.0, 16.0)  # half turns of a wave over all states of a site


class _Rates(Protocol):
    @property
    def data(self) -> Tensor: ...  # which states data can be in, (S,) or (sites, S)


@runtime_checkable
class _Hidden(Protocol):
    @property
    def space(self) -> Finite: ...
    @property
    def rates(self) -> _Rates: ...


@dataclass(frozen=True)
class Hidden(ProcessHead):
    r"""$p(x_0 | x_t)$ at every masked site, by logits over the states that it has.

    The network sees one-hot states, and zeros where a site is masked. What is shown is whole, so neither the time nor
    which cells are given needs to be told (Ou et al. 2024, arXiv 2406.03736). Of sites whose states have an order it
    sees waves of where they stand, too, so that neighbours look alike.

    Args:
        process: that hides sites.
        ordered: which sites have ordered states; None for none of them.

    >>> from unnoise.processes import CTMC, rates
    >>> head = Hidden(CTMC(Finite(2, (3, 5)), rates.Absorbing((3, 5))))  # two and four states, and masks
    >>> head.input_shape, head.inputs(torch.tensor([[1, 4]]), torch.tensor(0.5)).count_nonzero().item()
    ((6,), 1)
    >>> head.estimate(torch.zeros(1, 6), torch.tensor([[1, 4]]), torch.tensor(0.5))[0, :, :4]
    tensor([[0.0000, 1.0000, 0.0000, 0.0000],
            [0.2500, 0.2500, 0.2500, 0.2500]])
    """

    needs, on = _Hidden, Finite
    trait = "that hides sites of a finite space behind masks"
    process: _Hidden
    ordered: tuple[bool, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes, states = torch.tensor(self.process.space.sizes), self._data.sum(1)
        if not (sizes - states == 1).all():
            got = f"{type(self.process.rates).__name__}, under which data can be in all states"
            raise InputError(f"the head Hidden reads sites that wait behind a mask (rates.Absorbing), not {got}")
        sites = math.prod(self.process.space.event_shape)
        if self.ordered is None:
            return
        fits = isinstance(self.ordered, tuple) and all(isinstance(one, bool) for one in self.ordered)
        if not fits or len(self.ordered) != sites:
            refuse("ordered", self.ordered, f"a tuple of {sites} truth values, one for each site")

    @property
    def timeless(self) -> bool:
        """A state says which of its sites are noise."""
        return True

    @property
    def input_shape(self) -> tuple[int, ...]:
        """One number for every state of data of every site, and the waves of ordered sites."""
        return (self._count + 2 * len(OCTAVES) * sum(self.ordered or ()),)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """One number for every state of data of every site."""
        return (self._count,)

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """One-hot, for a mean square of about one, and waves of as much power for each site."""
        place = self._place(x_t)
        seen = torch.zeros(len(place), self._count + 1, device=place.device)
        size = (self._count / place.shape[1]) ** 0.5
        seen = seen.scatter_(1, place, size)[:, : self._count]
        if not any(self.ordered or ()):
            return seen
        chosen = torch.tensor(self.ordered, device=place.device)
        waves = self._waves.to(place.device)[place[:, chosen]] * (size / len(OCTAVES) ** 0.5)
        return torch.cat([seen, waves.flatten(1)], 1)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Softmax where a site is masked, else the state."""
        place, (site, among) = self._place(x_t), self._states
        shown = (place < self._count).index_select(1, site.to(output.device))
        state = output.new_full((len(output), self._count + 1), -torch.inf).scatter_(1, place, 0.0)
        logits = torch.where(shown, state[:, : self._count], output.flatten(1))
        nowhere = output.new_full((len(output), self._index.numel()), -torch.inf)
        return nowhere.index_copy(1, among.to(output.device), logits).view(*x_t.shape, -1).softmax(-1)

    def at_site(self, output: Tensor, x_t: Tensor, t: Tensor, site: Tensor) -> Tensor:
        """Softmax over the states of one site of every row, or its state."""
        index = self._index.to(output.device)[site]
        there = output.flatten(1).gather(1, index.clamp(max=self._count - 1))
        learnt = there.masked_fill_(index == self._count, -torch.inf).softmax(-1)
        x = x_t.flatten(1).gather(1, site[:, None])
        shown = index.gather(1, x) < self._count
        return torch.where(shown, torch.zeros_like(learnt).scatter_(1, x, 1.0), learnt)

    def _place(self, x_t: Tensor) -> Tensor:
        """Where the state of each site stands in the output, and one beyond it for the mask; (n, sites)."""
        x = x_t.flatten(1)
        return self._index.to(x.device).expand(len(x), -1, -1).gather(2, x[..., None])[..., 0]

    @cached_property
    def _count(self) -> int:
        return int(self._data.sum())

    @cached_property
    def _waves(self) -> Tensor:
        """Of every state of data, and zeros for a mask; (states of all sites + 1, waves)."""
        data = self._data
        place = torch.arange(data.shape[1]) / (data.sum(1, keepdim=True) - 1).clamp(min=1)
        angles = math.pi * place[data][:, None] * torch.tensor(OCTAVES)
        return torch.cat([torch.cat([angles.sin(), angles.cos()], 1), torch.zeros(1, 2 * len(OCTAVES))])

    @property
    def _data(self) -> Tensor:
        space, data = self.process.space, self.process.rates.data.cpu()
        return data.expand(*space.event_shape, space.states).reshape(-1, space.states)

    @cached_property
    def _index(self) -> Tensor:
        """Where each state of each site stands in the output, and one beyond it for the mask; (sites, S)."""
        data = self._data
        return torch.where(data, data.flatten().cumsum(0).view(data.shape) - 1, data.sum())

    @cached_property
    def _states(self) -> tuple[Tensor, Tensor]:
        """Of each number of the output the site, and where it stands among the states of all sites, side by side."""
        site, state = self._data.nonzero().unbind(1)
        return site, site * self._data.shape[1] + state
