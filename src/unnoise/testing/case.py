r"""What properties ask for: points, test functions, random numbers; atoms, their noised law and their exact denoiser.

The noised atoms, $q_t = \sum_i w_i\, q_{t|0}(\cdot | a_i)$, are the one law that is known exactly everywhere.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import whole
from unnoise._errors import InputError
from unnoise.denoisers import Exact
from unnoise.laws import Law
from unnoise.processes import HasKernel
from unnoise.spaces import Local, Space
from unnoise.testing.findings import generator
from unnoise.testing.waves import Waves, flat_features, waves

SMALL_CHANGE = 0.03  # mean square change of a wave in one small move
LOST = (0.25, 0.5, 0.75)  # of what tells the atoms apart, at the informative times


@dataclass(frozen=True)
class NoisedAtoms(Law[Any]):
    """A mixture of kernels at one time t, (), at atoms, (k, *event), with weights, (k,), that sum to one."""

    process: HasKernel[Any]
    atoms: Any
    weights: Tensor
    t: Tensor

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Any:
        """Draw (*shape, *event)."""
        chosen = torch.multinomial(self.weights, math.prod(shape), replacement=True, generator=rng)
        draws = self.process.marginal(rows(self.atoms, chosen), self.t).sample(rng)
        return _tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), draws)

    def log_prob(self, x: Any) -> Tensor:
        """Log density of x, (*batch,)."""
        return torch.logsumexp(self.component_log_prob(x) + self.weights.log(), -1)

    def component_log_prob(self, x: Any) -> Tensor:
        """Log density of every kernel, (*batch, k); x may have any batch axes."""
        kernels = [self.process.marginal(rows(self.atoms, i), self.t) for i in range(len(self.weights))]
        return torch.stack([kernel.log_prob(x) for kernel in kernels], -1)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What checks of chance are given: draws of every variable, test functions, and a seed."""

    draws: int
    functions: int
    seed: int

    def __post_init__(self) -> None:
        whole(least=2, draws=self.draws)
        whole(least=1, functions=self.functions)

    def rng(self, claim: str) -> torch.Generator:
        """The generator of one property."""
        return generator(self.seed, claim)


@dataclass(frozen=True)
class Case(Trial):
    """A process with weighted atoms.

    Attributes:
        process: under test.
        atoms: (k, *event), in float64.
        weights: (k,), positive, summing to one.
        times: where to look.
        churns: of the reverse.
    """

    process: HasKernel[Any]
    atoms: Any
    weights: Tensor
    times: tuple[float, ...]
    churns: tuple[float, ...]

    def atom(self, index: int) -> Any:
        """One atom, without a batch axis."""
        return rows(self.atoms, index % len(self.weights))

    def many(self, index: int) -> Any:
        """One atom, `draws` times."""
        return repeated(self.atom(index), self.draws)

    def each_time(self) -> Iterator[tuple[int, str, Tensor]]:
        """The informative times, numbered, with a label."""
        for i, t in enumerate(self.times):
            yield i, f"t = {t:.3g}", at(t)

    def noised(self, t: Tensor, weights: Tensor | None = None) -> NoisedAtoms:
        """The noised law of the atoms, with other weights if given."""
        return NoisedAtoms(self.process, self.atoms, self.weights if weights is None else weights, t)

    def exact(self, weights: Tensor | None = None) -> Exact:
        """The exact denoiser of that law."""
        return Exact(self.process, self.atoms, self.weights if weights is None else weights)

    def other_weights(self, count: int, rng: torch.Generator) -> list[Tensor]:
        """Other laws on the same atoms."""
        drawn = torch.rand(count, len(self.weights), generator=rng, dtype=torch.float64) + 0.2
        return list(drawn / drawn.sum(1, keepdim=True))

    def waves(self, example: Any, rng: torch.Generator) -> Waves:
        """Test functions at the scale of an example."""
        return waves(self.process.space.features, example, self.functions, rng)

    def flat(self, x: Any) -> Tensor:
        """The features of a batch of points as vectors, (n, m)."""
        return flat_features(self.process.space.features, x, self.process.space.features(self.atoms).ndim - 1)


@dataclass(frozen=True)
class SpaceCase(Trial):
    """A space with a few points, (n, *event), in float64, and the local characteristics of a generator there."""

    space: Space[Any, Any]
    points: Any
    local: Callable[[Any], Local]

    def many(self) -> Any:
        """Every point `draws` times, in turn."""
        return rows(self.points, torch.arange(_tree.length(self.points)).repeat(self.draws))

    def move(self, x: Any, dt: float, rng: torch.Generator) -> Any:
        """A small move."""
        return self.space.move(x, self.local(x), torch.tensor(dt, dtype=torch.float64)).sample(rng)

    @cached_property
    def test(self) -> Waves:
        """Waves at the scale of the points."""
        return waves(self.space.features, self.points, self.functions, self.rng("test functions"))

    @cached_property
    def small(self) -> float:
        """A time step that changes the test functions a little."""
        x, dt = rows(self.many(), slice(0, 4096)), 1.0
        for _ in range(60):
            change = self.test(self.move(x, dt, self.rng("small"))) - self.test(x)
            if float(change.square().mean()) <= SMALL_CHANGE:
                return dt
            dt /= 2
        raise InputError(f"a move of time {dt:.1g} still changes everything; is `move` continuous at dt = 0?")


def at(t: float) -> Tensor:
    """A time."""
    return torch.tensor(t, dtype=torch.float64)


def informative_times(process: HasKernel[Any], atoms: Any, weights: Tensor, seed: int) -> tuple[float, ...]:
    """Times at which the share `LOST` of the entropy of the atoms cannot be read off x_t any more.

    What is lost grows with time, so that the times are found by halving.
    """
    grid = torch.linspace(0, 1, 101, dtype=torch.float64)[1:-1]
    entropy = -(weights * weights.log()).sum()

    @cache
    def lost(i: int) -> float:
        law = NoisedAtoms(process, atoms, weights, grid[i])
        x = law.sample(generator(seed, "informative times"), (512,))
        log_posterior = torch.log_softmax(law.component_log_prob(x) + weights.log(), -1)
        return float(-(log_posterior.exp() * log_posterior).nan_to_num(0.0).sum(-1).mean() / entropy)

    def nearest(share: float) -> int:
        after = min(max(bisect_left(range(len(grid)), share, key=lost), 1), len(grid) - 1)
        return min(after - 1, after, key=lambda i: abs(lost(i) - share))

    return tuple(float(grid[nearest(share)]) for share in LOST)


def rows(state: Any, index: int | slice | Tensor) -> Any:
    """Some rows of a state, or one without its batch axis."""
    return _tree.map(lambda leaf: leaf[index], state)


def repeated(state: Any, n: int) -> Any:
    """One point without a batch axis as n equal rows."""
    return _tree.map(lambda leaf: leaf.expand(n, *leaf.shape), state)


def in_double(state: Any) -> Any:
    """The state in float64: rounding cannot be to blame then."""
    return _tree.map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, state)
