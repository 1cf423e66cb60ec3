"""Spaces and processes that the package does not have, small and slow: the laws must not need to know them.

A chain on finite states, Brownian motion on a circle, and both at once: integers, real numbers and a dict of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from toy_chain import Chain, Refresh
from toy_circle import Brownian

from unnoise import _tree
from unnoise.laws import Law
from unnoise.processes import HasKernel
from unnoise.spaces import Space


@dataclass(frozen=True)
class Joint(Law[Any]):
    """Independent laws by name."""

    parts: dict[str, Law[Any]]

    def sample(self, rng, shape=()):
        return {name: law.sample(rng, shape) for name, law in self.parts.items()}

    def log_prob(self, x):
        return sum(law.log_prob(x[name]) for name, law in self.parts.items())


@dataclass(frozen=True)
class Pair(Space[Any, Any]):
    """A product of spaces."""

    parts: dict[str, Space[Any, Any]]
    event_shape: tuple[int, ...] = (4,)

    def check(self, x):
        for name, space in self.parts.items():
            space.check(x[name])

    def features(self, x):
        return torch.cat(
            [space.features(x[name]).double().flatten(-self._axes(name)) for name, space in self.parts.items()], -1
        )

    def _axes(self, name):
        return 2 if isinstance(self.parts[name], Chain) else 1

    def move(self, x, local, dt):
        return Joint({name: space.move(x[name], local[name], dt) for name, space in self.parts.items()})

    def apply(self, local, f, x):
        return sum(space.apply(local[n], lambda y, n=n: f(x | {n: y}), x[n]) for n, space in self.parts.items())

    def phi(self, local, log_f, x):
        return sum(space.phi(local[n], lambda y, n=n: log_f(x | {n: y}), x[n]) for n, space in self.parts.items())


@dataclass(frozen=True)
class Both(HasKernel[Any]):
    """Independent noise on the factors of a product."""

    space: Pair
    parts: dict[str, HasKernel[Any]]

    def _each(self, method, *states, **options):
        return {
            name: getattr(process, method)(*(s[name] if isinstance(s, dict) else s for s in states), **options)
            for name, process in self.parts.items()
        }

    def forward(self, x, t):
        return self._each("forward", x, t)

    def prior(self, n):
        return Joint(self._each("prior", n))

    def marginal(self, x_0, t):
        return Joint(self._each("marginal", x_0, t))

    def target(self, x_0, x_t, t):
        return self._each("target", x_0, x_t, t)

    def reverse(self, x_t, stat, t, *, churn=1.0):
        return self._each("reverse", x_t, stat, t, churn=churn)

    def divergence(self, stat, target, x_t, t):
        return sum(self._each("divergence", stat, target, x_t, t).values())

    def clock(self, u):
        return u, torch.ones_like(u)

    def fluctuation(self, x_0, x_t, t):
        return sum(self._each("fluctuation", x_0, x_t, t).values())

    def begin(self, x_0):
        return x_0, torch.zeros(_tree.length(x_0), dtype=torch.float64)

    def finish(self, x_0, stat, rng):
        return self._each("finish", x_0, stat, rng)

    def reconstruction(self, x_0):
        return sum(self._each("reconstruction", x_0).values())


CHAIN, CIRCLE = Refresh(Chain((2,))), Brownian()
PRODUCT = Both(Pair({"word": CHAIN.space, "angle": CIRCLE.space}), {"word": CHAIN, "angle": CIRCLE})
WORDS = torch.tensor([[0, 0], [1, 2], [2, 1]])
ANGLES = torch.tensor([[0.3], [2.0], [-1.5]])
EXAMPLES = {
    "chain": (CHAIN, WORDS),
    "circle": (CIRCLE, ANGLES),
    "product": (PRODUCT, {"word": WORDS, "angle": ANGLES}),
}
