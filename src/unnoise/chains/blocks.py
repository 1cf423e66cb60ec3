"""On finite spaces: sites that do not see each other are drawn anew all at once, and states change their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import torch
from torch import Tensor

from unnoise._checks import instance, whole
from unnoise._errors import InputError
from unnoise.chains.base import Kernel, State
from unnoise.chains.metropolis import Blind, accepted, chosen
from unnoise.laws import Categorical, LogDensity
from unnoise.spaces import FiniteSites

MOST_SITES = 4096  # of which it is asked who sees whom: all pairs are
ROWS = 64  # points whose ratios are asked at once
SEEN = 1e-4  # nats: a change of a log ratio that is more than rounding


@dataclass(frozen=True)
class Sited(State):
    """A state with the log density at its positions, and its change to every neighbour, (n, *sites, S)."""

    log_prob: Tensor
    log_ratios: Tensor


@dataclass(frozen=True)
class Blocks(Kernel[Sited]):
    r"""Gibbs sampling of blocks of sites on a finite space (Geman, Geman 1984), exact for any blocks.

    All sites i of a block are proposed at once from $q_i(s) \propto p(x_1, \dots, s, \dots, x_d)$, their laws given all
    others as they are. Where no site of a block depends on another of it, as on one colour of a chessboard, this is
    the law of the block, and everything is taken; else y is with probability
    $1 \wedge \frac{p(y)\prod_i q_i(x_i | y)}{p(x)\prod_i q_i(y_i | x)}$. A step draws every block once.

    Args:
        target: a log density that says it lives on a `spaces.Finite`.
        blocks: numbers of sites, counted along the last axis first, every site in one block.

    >>> from unnoise.chains import run
    >>> from unnoise.targets import Ising
    >>> ring = Ising(6, coupling=0.5)
    >>> start = torch.zeros(2000, 6, dtype=torch.long)
    >>> trace = run(Blocks(ring, ((0, 2, 4), (1, 3, 5))), start, 20, torch.Generator().manual_seed(0))
    >>> agreement = float((trace.x == trace.x.roll(1, -1)).double().mean())
    >>> trace.acceptance > 0.999, abs(agreement - ring.mean_agreement) < 0.02
    (True, True)
    """

    target: LogDensity[Tensor]
    blocks: tuple[tuple[int, ...], ...]
    step_size: float = field(default=1.0, init=False)  # of which there is none

    def __post_init__(self) -> None:
        instance(LogDensity, target=self.target)
        instance(tuple, blocks=self.blocks)
        for block in self.blocks:
            instance(tuple, block=block)
        _check_space(self.target, "Blocks")
        if sorted(str(site) for block in self.blocks for site in block) != sorted(map(str, range(self._space.sites))):
            last = self._space.sites - 1
            raise InputError(f"got blocks without every site once; expected the sites 0 to {last}, each in one block")

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x holds points of the space."""
        self._space.check(x)

    def start(self, x: Tensor, rng: torch.Generator) -> Sited:
        """The first positions, with the changes to their neighbours."""
        log_prob = self.target.log_prob(x)
        return Sited(x, log_prob, self._space.log_ratios(self.target, x, log_prob))

    def step(self, state: Sited, rng: torch.Generator) -> Sited:
        """Every block once."""
        chances = []
        for block in self.blocks:
            state = self._drawn(state, torch.tensor(block, device=state.x.device), rng)
            chances.append(cast(Tensor, state.acceptance))
        return replace(state, acceptance=torch.stack(chances).mean(0))

    def _drawn(self, state: Sited, sites: Tensor, rng: torch.Generator) -> Sited:
        there = _laws(state.log_ratios, sites)
        x = state.x.flatten(1)
        y = x.index_copy(1, sites, there.sample(rng))
        new = self.start(y.view_as(state.x), rng)
        back = _laws(new.log_ratios, sites).log_prob(x[:, sites])
        taken, chance = accepted(new.log_prob - state.log_prob + back - there.log_prob(y[:, sites]), rng)
        if bool(taken.all()):  # as it is where sites of a block do not see each other
            return replace(new, acceptance=chance)
        return Sited(
            chosen(taken, new.x, state.x),
            torch.where(taken, new.log_prob, state.log_prob),
            chosen(taken, new.log_ratios, state.log_ratios),
            acceptance=chance,
        )

    @property
    def _space(self) -> FiniteSites:
        return cast(FiniteSites, cast(Any, self.target.support))


@dataclass(frozen=True)
class Relabelled(Blind):
    r"""All states of a point change their names, $y_i = \pi(x_i)$, by a permutation of S states drawn for every chain.

    Between $\pi$ and $\pi^{-1}$ there is nothing to choose, so Metropolis' rule needs the densities alone. It joins
    phases that no site leaves alone, as those of a magnet, wherever names of states mean little.

    Args:
        target: a log density that says it lives on a `spaces.Finite` whose sites have the same states.

    >>> from unnoise.chains import run
    >>> from unnoise.targets import Ising
    >>> up = torch.ones(2000, 3, 3, dtype=torch.long)
    >>> trace = run(Relabelled(Ising((3, 3), 2.0)), up, 1, torch.Generator().manual_seed(0))
    >>> trace.acceptance, bool(abs(trace.x.double().mean() - 0.5) < 0.05)
    (1.0, True)
    """

    target: LogDensity[Tensor]
    step_size: float = field(default=1.0, init=False)  # of which there is none

    def __post_init__(self) -> None:
        instance(LogDensity, target=self.target)
        space: Any = self.target.support
        if not isinstance(space, FiniteSites) or len(space.sizes) > 1:
            raise InputError(f"Relabelled expects a Finite space whose sites have the same states; got {space}")

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x holds points of the space."""
        self._space.check(x)

    def propose(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """New names for all states."""
        names = torch.rand(len(x), self._space.states, generator=rng, device=rng.device).to(x.device).argsort(1)
        return names.gather(1, x.flatten(1)).view_as(x), torch.zeros(len(x), device=x.device)

    @property
    def _space(self) -> FiniteSites:
        return cast(FiniteSites, cast(Any, self.target.support))


def _check_space(target: LogDensity[Tensor], asker: str) -> None:
    if not isinstance(target.support, FiniteSites):
        raise InputError(f"{asker} draws sites of a Finite space, and the target lives on {target.support}")


def _laws(log_ratios: Tensor, sites: Tensor) -> Categorical:
    """Of some sites given all others; states come first for a while, as softmax is slow over few last ones."""
    few = log_ratios.flatten(1, -2).movedim(-1, 0)[..., sites]
    return Categorical(few.softmax(0).movedim(0, -1), 1)


@torch.no_grad()
def blocks_of(target: LogDensity[Tensor], x: Tensor, count: int) -> tuple[tuple[int, ...], ...]:
    """Blocks of sites of which none depends on another of its block, as far as points tell; none if they are too many.

    Every site is changed at every point, and the log ratios of all others are compared before and after; then every
    site gets the first block that it does not see. What points do not tell makes `Blocks` slower, not wrong.

    Args:
        target: a log density on a `spaces.Finite`.
        x: points with a density, (n, *sites), of whose neighbours the neighbours are asked.
        count: blocks at most.

    >>> from unnoise.targets import Ising
    >>> blocks_of(Ising((2, 4), 0.4), torch.zeros(1, 2, 4, dtype=torch.long), 3)
    ((0, 2, 5, 7), (1, 3, 4, 6))
    """
    instance(LogDensity, target=target)
    _check_space(target, "Blocks")
    instance(Tensor, x=x)
    whole(least=1, most=MOST_SITES, count=count)
    space = cast(FiniteSites, cast(Any, target.support))
    space.check(x)
    if space.sites > MOST_SITES:
        return ()
    blocks: list[list[int]] = [[] for _ in range(count)]
    seen = torch.zeros(count, space.sites, dtype=torch.bool)  # by some site of each block
    for site, sees in enumerate(_sight(space, target, x)):
        if bool(seen[:, site].all()):
            return ()
        number = int(seen[:, site].long().argmin())
        blocks[number].append(site)
        seen[number] |= sees
    return tuple(tuple(block) for block in blocks if block)


def _sight(space: FiniteSites, target: LogDensity[Tensor], x: Tensor) -> Iterator[Tensor]:
    """Of every site, the sites whose log ratios change with it, (sites,)."""

    def ratios(points: Tensor) -> Tensor:
        return space.log_ratios(target, points, target.log_prob(points)).reshape(-1, *x.flatten(1).shape, space.states)

    before, sizes = ratios(x), torch.tensor(space.sizes, device=x.device).expand(space.sites)
    for sites in torch.split(torch.arange(space.sites, device=x.device), ROWS):
        states = (x.flatten(1)[:, sites] + 1) % sizes[sites]
        near = space.neighbours(x, (sites * space.states + states).T)
        same = torch.isclose(ratios(near.flatten(0, 1)), before, rtol=0.0, atol=SEEN)
        yield from (~same).any(-1).any(1)
