"""A first guess on spaces that are not flat: as wide as the space is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from unnoise._errors import InputError
from unnoise.laws import Categorical, Dirichlet, Independent, Law
from unnoise.laws.students import Students
from unnoise.spaces import Affine, Compact, Counts, Finite, ProductSpace, Simplex, Space

COMMON, LENGTHS = (0.1, 1.0, 10.0, 100.0), tuple(10.0**k for k in range(-6, 7))  # of real numbers together, and of each
SHARED = 3.0  # degrees of freedom of real numbers together
MEANS = tuple(10.0**k for k in range(10))  # of counts
MOST_NEIGHBOURS = 2**17  # of a point, all of which are asked for at every move of every particle


def wide_law(space: Space[Any, Any]) -> Law[Any]:
    """A normalised law that covers the space; InputError where none is known."""
    for kind, make in _KINDS.items():
        if isinstance(space, kind):
            return make(space)
    raise InputError(f"nothing is known to start from on {space}; give start=, points of your own")


def neighbours(space: Space[Any, Any]) -> int:
    """How many points differ from a point at one of its sites; none where nothing jumps.

    Raises:
        InputError: too many to move by.

    >>> neighbours(Finite(20, 2)), neighbours(Counts(3))
    (40, 6)
    """
    if space.jumps > MOST_NEIGHBOURS:
        raise InputError(
            f"a point of {space} has {space.jumps:,} neighbours, all of which are asked for at every move; expected at "
            f"most {MOST_NEIGHBOURS:,}: leave out states that hardly count, write many states as Counts, or ask for "
            "all states of a single site at once, as torch.softmax(log_prob(x), 0) does"
        )
    return space.jumps


@dataclass(frozen=True)
class Everywhere(Law[Tensor]):
    """On a compact manifold, one point at a time."""

    space: Compact

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *event), in float64."""
        return self.space.draw_uniform(shape, rng)

    def log_prob(self, x: Tensor) -> Tensor:
        """Minus the log volume."""
        return x.new_full(x.shape[: x.ndim - len(self.space.event_shape)], -self.space.log_volume)

    def score(self, x: Tensor) -> Tensor:
        """Zero."""
        return torch.zeros_like(x)


@dataclass(frozen=True)
class WideCounts(Law[Tensor]):
    r"""Counts of every size, $\prod_i \frac1K\sum_k (1 - q_k) q_k^{x_i}$ with the means $q_k/(1 - q_k)$."""

    sites: tuple[int, ...]

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, *sites), in int64."""
        means = torch.tensor(MEANS, dtype=torch.float64)
        chosen = means[torch.randint(len(MEANS), (*shape, *self.sites), generator=rng)]
        uniform = torch.rand((*shape, *self.sites), generator=rng, dtype=torch.float64)
        return (torch.log1p(-uniform) / torch.log(chosen / (1 + chosen))).floor().long()

    def log_prob(self, x: Tensor) -> Tensor:
        """In nats."""
        means = torch.tensor(MEANS, dtype=torch.float64, device=x.device)
        each = x[..., None] * torch.log(means / (1 + means)) - torch.log1p(means)
        return (torch.logsumexp(each, -1) - math.log(len(MEANS))).flatten(x.ndim - len(self.sites)).sum(-1)


@dataclass(frozen=True)
class WideNumbers(Law[Tensor]):
    r"""Real numbers of a scale that is not known: by half they share one, by half each has its own.

    $\frac12\frac1K\sum_k t_3(x; 0, c_k^2 I) + \frac12\prod_i \frac1L\sum_l t_1(x_i; 0, l^2)$. The first costs little
    where numbers are alike, however many they are; the second has draws at scales of any ratio.
    """

    size: int

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw (*shape, size), in float64."""
        each = _students(1, LENGTHS, 1.0).sample(rng, (*shape, self.size))[..., 0]
        return torch.where(torch.rand((*shape, 1), generator=rng) < 0.5, self._together.sample(rng, shape), each)

    def log_prob(self, x: Tensor) -> Tensor:
        """In nats."""
        squared, each = x.square(), torch.zeros_like(x)  # one logarithm for all lengths
        for length in LENGTHS:
            each = each + length / (length**2 + squared)
        each = each.clamp(min=1e-300).log().sum(-1) - self.size * math.log(math.pi * len(LENGTHS))
        away = squared.sum(-1, keepdim=True) / (SHARED * self._scales)
        together = torch.logsumexp(self._heights - 0.5 * (SHARED + self.size) * torch.log1p(away), -1)
        return torch.logaddexp(together, each) - math.log(2)

    @cached_property
    def _scales(self) -> Tensor:
        """Of what numbers share, squared."""
        return torch.tensor(COMMON, dtype=torch.float64).square()

    @cached_property
    def _heights(self) -> Tensor:
        half, size = 0.5 * SHARED, self.size
        constant = math.lgamma(half + 0.5 * size) - math.lgamma(half) - math.log(len(COMMON))
        return constant - 0.5 * size * torch.log(math.pi * SHARED * self._scales)

    @property
    def _together(self) -> Students:
        return _students(self.size, COMMON, SHARED)


def _students(size: int, lengths: tuple[float, ...], freedom: float) -> Students:
    """Laws around zero, equally likely, each of one of the lengths."""
    ones = torch.ones(len(lengths), dtype=torch.float64)
    factors = torch.tensor(lengths, dtype=torch.float64)[:, None, None] * torch.eye(size, dtype=torch.float64)
    return Students(ones, torch.zeros(len(lengths), size, dtype=torch.float64), factors, freedom * ones)


def _finite(space: Finite) -> Law[Tensor]:
    sizes = torch.tensor(space.sizes, dtype=torch.float64)[:, None]
    probs = (torch.arange(space.states)[None] < sizes) / sizes
    return Categorical(probs.expand(*space.event_shape, -1), len(space.event_shape))


def _flat(space: Affine) -> Law[Tensor]:
    if len(space.event_shape) != 1:
        size = math.prod(space.event_shape)
        raise InputError(f"got the factor {space}; real factors of a product are vectors, as in Euclidean({size})")
    return WideNumbers(space.event_shape[0])


_KINDS: dict[Any, Callable[[Any], Law[Any]]] = {
    Compact: Everywhere,
    Finite: _finite,
    Counts: lambda space: WideCounts(space.event_shape),
    Simplex: lambda space: Dirichlet(torch.ones(space.parts, dtype=torch.float64)),
    Affine: _flat,
    ProductSpace: lambda space: Independent({name: wide_law(part) for name, part in space.parts.items()}),
}
