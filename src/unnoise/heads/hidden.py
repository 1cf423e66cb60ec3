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

SEEN = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # half turns of a wave over all states of a site, in the input
GIVEN = SEEN[:5]  # in the output, of which each site adds up its own


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
    which cells are given needs to be told (Ou et al. 2024, arXiv 2406.03736). Of digits it sees waves of where the
    number stands, too, and gives the logits of a site as free numbers and a sum of waves: neighbours look alike, and
    are alike likely unless data say otherwise.

    Args:
        process: that hides sites.
        digits: where states have an order, how many sites in a row make one number, the coarsest first, as (2, 1) for
            three sites; None where they have none.

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
    digits: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes, states = torch.tensor(self.process.space.sizes), self._data.sum(1)
        if not (sizes - states == 1).all():
            got = f"{type(self.process.rates).__name__}, under which data can be in all states"
            raise InputError(f"the head Hidden reads sites that wait behind a mask (rates.Absorbing), not {got}")
        if self.digits is None:
            return
        sites = math.prod(self.process.space.event_shape)
        fits = isinstance(self.digits, tuple) and all(isinstance(count, int) and count > 0 for count in self.digits)
        if not fits or sum(self.digits) != sites:
            refuse("digits", self.digits, f"whole numbers from 1 that sum to the {sites} sites")

    @property
    def timeless(self) -> bool:
        """A state says which of its sites are noise."""
        return True

    @property
    def input_shape(self) -> tuple[int, ...]:
        """One number for every state of data of every site, and the waves of digits."""
        return (self._count + 2 * len(SEEN) * sum(self.digits or ()),)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """One number for every state of data of every site, and one for every wave of a digit."""
        return (self._count + 2 * len(GIVEN) * sum(self.digits or ()),)

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """One-hot, for a mean square of about one, and waves of as much power for each site."""
        place = self._place(x_t)
        seen = torch.zeros(place.shape[0], self._count + 1, device=place.device)
        size = (self._count / place.shape[1]) ** 0.5
        seen = seen.scatter_(1, place, size)[:, : self._count]
        if self.digits is None:
            return seen
        shown = place < self._count
        waves = _waves(self._stands(x_t.flatten(1), shown), SEEN) * (size / len(SEEN) ** 0.5)
        return torch.cat([seen, (waves * shown[..., None]).flatten(1)], 1)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Softmax where a site is masked, else the state."""
        place, (site, among) = self._place(x_t), self._states
        shown = (place < self._count).index_select(1, site.to(output.device))
        state = output.new_full((output.shape[0], self._count + 1), -torch.inf).scatter_(1, place, 0.0)
        logits = torch.where(shown, state[:, : self._count], self._logits(output))
        nowhere = output.new_full((output.shape[0], self._index.numel()), -torch.inf)
        return nowhere.index_copy(1, among.to(output.device), logits).view(*x_t.shape, -1).softmax(-1)

    def at_site(self, output: Tensor, x_t: Tensor, t: Tensor, site: Tensor) -> Tensor:
        """Softmax over the states of one site of every row, or its state."""
        index = self._index.to(output.device)[site]
        there = self._logits(output).gather(1, index.clamp(max=self._count - 1))
        learnt = there.masked_fill_(index == self._count, -torch.inf).softmax(-1)
        x = x_t.flatten(1).gather(1, site[:, None])
        shown = index.gather(1, x) < self._count
        return torch.where(shown, torch.zeros_like(learnt).scatter_(1, x, 1.0), learnt)

    def margins(self, x_0: Tensor, weights: Tensor) -> Tensor:
        """Logarithms of shares of states, with half a row for each state; no waves."""
        place, half = self._place(x_0).cpu(), torch.full((self._count + 1,), 0.5)
        counts = half.index_add(0, place.flatten(), weights.flatten().to(half))[:-1]
        site = self._states[0]
        of_site = torch.zeros(place.shape[1]).index_add(0, site, counts)
        output = torch.zeros(self.output_shape)
        output[: self._count] = (counts / of_site[site]).log()
        return output

    def _place(self, x_t: Tensor) -> Tensor:
        """Where the state of each site stands in the output, and one beyond it for the mask; (n, sites)."""
        x = x_t.flatten(1)
        return self._index.to(x.device).expand(x.shape[0], -1, -1).gather(2, x[..., None])[..., 0]

    @cached_property
    def _count(self) -> int:
        return int(self._data.sum())

    def _logits(self, output: Tensor) -> Tensor:
        """Of every state of data of every site, (n, states)."""
        if self.digits is None:
            return output.flatten(1)
        free, weights = output.flatten(1).tensor_split([self._count], 1)
        weights = weights.reshape(free.shape[0], self._data.shape[0], 2 * len(GIVEN))
        sums = torch.einsum("nsw,scw->nsc", weights, self._given.to(free))
        return free + sums.flatten(1).index_select(1, self._states[1].to(free.device))

    def _stands(self, x: Tensor, shown: Tensor) -> Tensor:
        r"""Where each digit stands, with what is known of the finer ones: $(x_i + z_{i + 1}) / n_i$; (n, sites).

        Of what is not known the middle is taken, $z = 1/2$.
        """
        size = self._data.sum(1).to(x.device)
        stands = torch.full((x.shape[0], x.shape[1] + 1), 0.5, device=x.device)
        for own, finer in self._levels:
            here = (x[:, own] + stands[:, finer]) / size[own]
            stands[:, own] = torch.where(shown[:, own], here, 0.5)
        return stands[:, :-1]

    @cached_property
    def _levels(self) -> list[tuple[Tensor, Tensor]]:
        """The sites of each place in a number, the finest first, and beside each the next finer one, or the end."""
        digits = self.digits or ()
        ends = torch.tensor(digits).cumsum(0).tolist()
        levels = []
        for level in reversed(range(max(digits, default=0))):
            starts = [(end - count + level, end) for count, end in zip(digits, ends, strict=True) if level < count]
            own = torch.tensor([site for site, _ in starts])
            finer = torch.tensor([site + 1 if site + 1 < end else sum(digits) for site, end in starts])
            levels.append((own, finer))
        return levels

    @cached_property
    def _given(self) -> Tensor:
        """The waves of every state of every site, (sites, S, waves)."""
        data = self._data
        middles = (torch.arange(data.shape[1]) + 0.5) / data.sum(1, keepdim=True)
        return _waves(middles, GIVEN)

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
        site, state = (part.clone() for part in self._data.nonzero().unbind(1))  # an exported graph takes no views
        return site, site * self._data.shape[1] + state


def _waves(place: Tensor, half_turns: tuple[float, ...]) -> Tensor:
    """Sines and cosines along one more axis."""
    angles = math.pi * place[..., None] * torch.tensor(half_turns, device=place.device)
    return torch.cat([angles.sin(), angles.cos()], -1)
