r"""Products of spaces: points are dicts with one point of every factor.

A generator moves one factor at a time: its local characteristics are a dict of the factors' own, $L = \sum_n L_n$ and
$\Phi = \sum_n \Phi_n$ with the other factors held fixed (Benton et al. 2024, arXiv 2211.03595, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import mapping
from unnoise._errors import InputError
from unnoise.laws import Independent, LogDensity
from unnoise.laws.base import differentiated
from unnoise.laws.product import total
from unnoise.spaces.base import Continuum, Manifold, Space

Point = Any  # a dict with a point of every factor, which type checkers cannot tell from the point of one
Locals = Any


@dataclass(frozen=True)
class ProductSpace(Space[Any, Any]):
    r"""$X_1 \times X_2 \times \dots$, by name, with the product measure; made by `product`.

    Args:
        parts: name -> space, at least one; a product of products nests the names.
    """

    kind: ClassVar[type] = Space  # of the factors
    parts: Mapping[str, Space[Any, Any]]

    def __post_init__(self) -> None:
        mapping(self.kind, parts=self.parts)

    @cached_property
    def event_shape(self) -> tuple[int, ...]:  # type: ignore[override]
        """All numbers of a point as one vector."""
        return (sum(math.prod(space.event_shape) for space in self.parts.values()),)

    @property
    def longest_move(self) -> float:  # type: ignore[override]
        """The shortest of the factors'."""
        return min(space.longest_move for space in self.parts.values())

    @property
    def jumps(self) -> int:
        """Those of all factors."""
        return sum(part.jumps for part in self.parts.values())

    def numbers(self) -> tuple[Tensor, Tensor]:
        """Those of all factors, side by side.

        >>> from unnoise.spaces import Counts, Euclidean, Sphere, product
        >>> [mask.tolist() for mask in product({"n": Counts(1), "s": Sphere(1), "x": Euclidean(1)}).numbers()]
        [[False, False, False, True], [True, False, False, False]]
        """
        real, whole = zip(*(part.numbers() for part in self.parts.values()), strict=True)
        return torch.cat(real), torch.cat(whole)

    def check(self, x: Point) -> None:
        """Raise InputError unless x is a dict of equally many points of every factor."""
        expected = ", ".join(map(repr, self.parts))
        if not isinstance(x, Mapping):
            raise InputError(f"got a {type(x).__name__}; a product expects a dict of points with the names {expected}")
        for name in self.parts:
            if name not in x:
                raise InputError(f"got a point of a product without {name!r}; expected the names {expected}")
        for name in x:
            if name not in self.parts:
                raise InputError(f"got a point of a product with the unknown name {name!r}; expected {expected}")
        for name, space in self.parts.items():
            try:
                space.check(x[name])
            except InputError as error:
                raise InputError(f"in {name!r}: {error}") from None
        lengths = {name: _tree.length(x[name]) for name in self.parts}
        if len(set(lengths.values())) > 1:
            raise InputError(f"got different numbers of points of the factors of a product: {lengths}")

    def features(self, x: Point) -> Tensor:
        """The factors' features as one vector, (*batch, m)."""
        axes = len(self.batch_shape(x))
        values = [space.features(x[name]) for name, space in self.parts.items()]
        return torch.cat([value.reshape(*value.shape[:axes], -1) for value in values], -1)

    def move(self, x: Point, local: Locals, dt: Tensor) -> Independent:
        """Every factor moves by itself."""
        return Independent({name: space.move(x[name], local[name], dt) for name, space in self.parts.items()})

    def apply(self, local: Locals, f: Callable[[Any], Tensor], x: Point) -> Tensor:
        """The sum over factors."""
        return total(space.apply(local[n], partial(_at, f, x, n), x[n]) for n, space in self.parts.items())

    def phi(self, local: Locals, log_f: Callable[[Any], Tensor], x: Point) -> Tensor:
        """The sum over factors."""
        return total(space.phi(local[n], partial(_at, log_f, x, n), x[n]) for n, space in self.parts.items())

    def implicit(
        self, forward: Callable[[Any], Locals], reverse: Callable[[Any], Locals], x: Point, probes: Any = None
    ) -> Tensor:
        """The sum over factors; probes are a dict of the factors' own."""

        def cost(name: str, space: Space[Any, Any]) -> Tensor:
            there, back = (partial(_part_at, generator, x, name) for generator in (forward, reverse))
            return space.implicit(there, back, x[name], None if probes is None else probes[name])

        return total(cost(name, space) for name, space in self.parts.items())

    def probes(self, x: Point, count: int, rng: torch.Generator) -> Any:
        """Those of every factor."""
        return {name: space.probes(x[name], count, rng) for name, space in self.parts.items()}

    def factors(self, target: LogDensity[Any], x: Point) -> list[OneFactor]:
        """In the order of their names."""
        return [OneFactor(target, space, x, name) for name, space in self.parts.items()]

    def reversible(self, target: LogDensity[Any], x: Point) -> tuple[Tensor, Locals]:
        """Every factor moves given the others; the target is evaluated once for each."""
        found = {one.name: one.space.reversible(one, x[one.name]) for one in self.factors(target, x)}
        log_prob = next(iter(found.values()))[0]
        return log_prob, {name: local for name, (_, local) in found.items()}

    def batch_shape(self, x: Point) -> torch.Size:
        """The leading axes that all factors share."""
        name, space = next(iter(self.parts.items()))
        if isinstance(space, ProductSpace):
            return space.batch_shape(x[name])
        shape: torch.Size = x[name].shape
        return shape[: len(shape) - len(space.event_shape)]


@dataclass(frozen=True)
class ProductContinuum(ProductSpace, Continuum):
    """A product with a probability flow, which runs in every factor at once; divergences of factors add up."""

    kind = Continuum
    parts: Mapping[str, Continuum]

    @property
    def dimension(self) -> int:
        """The sum over factors."""
        return sum(space.dimension for space in self.parts.values())

    def project(self, x: Any) -> Any:
        """The factors' nearest points."""
        return {name: space.project(x[name]) for name, space in self.parts.items()}

    def tangent(self, x: Any, v: Any) -> Any:
        """The factors' tangent parts."""
        return {name: space.tangent(x[name], v[name]) for name, space in self.parts.items()}

    def noise(self, x: Any, rng: torch.Generator) -> Any:
        """The factors' noise."""
        return {name: space.noise(x[name], rng) for name, space in self.parts.items()}

    def tangent_signs(self, x: Any, signs: Any) -> Any:
        """The factors' signs."""
        return {name: space.tangent_signs(x[name], signs[name]) for name, space in self.parts.items()}

    def frame(self, x: Any) -> Any:
        """The factors' bases in turn, zero in the other factors."""
        frames, before = {}, 0
        for name, space in self.parts.items():
            after = self.dimension - before - space.dimension
            frames[name] = _tree.map(partial(_padded, before=before, after=after), space.frame(x[name]))
            before += space.dimension
        return frames

    def dot(self, u: Any, v: Any) -> Tensor:
        """The sum over factors."""
        return total(space.dot(u[name], v[name]) for name, space in self.parts.items())

    def divergence(self, field: Callable[[Any], Any], x: Any, probes: Any = None) -> tuple[Any, Tensor]:
        """The field, and the sum of its factors' divergences, by one evaluation for each.

        Each probe sees its factor alone, so the estimate has no cross terms.
        """
        values, terms = {}, []
        for name, space in self.parts.items():
            own = None if probes is None else probes[name]
            values[name], divergence = space.divergence(partial(_part_at, field, x, name), x[name], own)
            terms.append(divergence)
        return values, total(terms)


@dataclass(frozen=True)
class ProductManifold(ProductContinuum, Manifold):
    """A product of manifolds: geodesics run in every factor, and squared lengths add up.

    >>> from unnoise import spaces
    >>> both = spaces.product({"a": spaces.Euclidean(1), "b": spaces.Torus(1)})
    >>> x = {"a": torch.zeros(1, 1), "b": torch.zeros(1, 1)}
    >>> both.distance(x, {"a": x["a"] + 3, "b": x["b"] + 1})  # the root of 10
    tensor([3.1623])
    """

    kind = Manifold
    parts: Mapping[str, Manifold]

    def exp(self, x: Any, v: Any) -> Any:
        """By factors."""
        return {name: space.exp(x[name], v[name]) for name, space in self.parts.items()}

    def log(self, x: Any, y: Any) -> Any:
        """The factors' tangent vectors."""
        return {name: space.log(x[name], y[name]) for name, space in self.parts.items()}

    def distance(self, x: Any, y: Any) -> Tensor:
        r"""$\sqrt{\sum_n d_n^2}$."""
        return total(space.distance(x[name], y[name]) ** 2 for name, space in self.parts.items()).sqrt()

    def riemannian_gradient(self, x: Any, covector: Any) -> Any:
        """The factors' gradients."""
        return {name: space.riemannian_gradient(x[name], covector[name]) for name, space in self.parts.items()}

    def scattered(self, n: int, rng: torch.Generator) -> Any:
        """The factors' points."""
        return {name: space.scattered(n, rng) for name, space in self.parts.items()}

    def langevin_step(self, local: Any, snr: float, longest: Tensor) -> Tensor:
        """The shortest of the factors'."""
        steps = [space.langevin_step(local[name], snr, longest) for name, space in self.parts.items()]
        return torch.stack(steps).min()

    def gradient(self, f: Callable[[Any], Tensor], x: Any) -> Any:
        """By factors."""
        return {name: space.gradient(partial(_at, f, x, name), x[name]) for name, space in self.parts.items()}


@dataclass(frozen=True)
class OneFactor(LogDensity[Any]):
    """The density of one factor given the others, up to a constant.

    Args:
        target: on a product.
        space: the factor.
        x: points of the product.
        name: of the factor.
    """

    target: LogDensity[Any]
    space: Space[Any, Any]
    x: Point
    name: str

    @property
    def support(self) -> Space[Any, Any]:
        """The factor."""
        return self.space

    def log_prob(self, x: Point) -> Tensor:
        """At other points of the factor, in whose rows the other factors stay as they are."""
        times = _tree.length(x) // _tree.length(self.x[self.name])
        others = _tree.map(lambda leaf: leaf.repeat(times, *[1] * (leaf.ndim - 1)), self.x) if times > 1 else self.x
        return self.target.log_prob({**others, self.name: x})

    def log_prob_and_score(self, x: Point) -> tuple[Tensor, Point]:
        """Both, on a factor with gradients."""
        values, slope = differentiated(self.log_prob, x)
        return values, self.space.riemannian_gradient(x, slope) if isinstance(self.space, Manifold) else slope


def product(parts: Mapping[str, Space[Any, Any]]) -> ProductSpace:
    """The product with the structure that all factors have.

    A `ProductManifold` of manifolds, a `ProductContinuum` of continua, else a `ProductSpace`.

    >>> from unnoise.spaces import Euclidean
    >>> space = product({"place": Euclidean(2), "image": Euclidean((1, 4, 4))})
    >>> type(space).__name__, space.event_shape
    ('ProductManifold', (18,))
    """
    mapping(Space, parts=parts)
    manifolds = {name: space for name, space in parts.items() if isinstance(space, Manifold)}
    if len(manifolds) == len(parts):
        return ProductManifold(manifolds)
    continua = {name: space for name, space in parts.items() if isinstance(space, Continuum)}
    return ProductContinuum(continua) if len(continua) == len(parts) else ProductSpace(parts)


def _replaced(x: Point, name: str, part: Any) -> Point:
    """With another part, along whose further leading axes the others are repeated."""
    shape, before = _tree.first(part).shape, _tree.first(x[name]).ndim
    leading = shape[: len(shape) - before]
    if not leading:
        return {**x, name: part}
    others = _tree.map(lambda leaf: leaf.expand(*leading, *leaf.shape), x)
    return {**others, name: part}


def _at(f: Callable[[Any], Tensor], x: Point, name: str, part: Any) -> Tensor:
    return f(_replaced(x, name, part))


def _part_at(f: Callable[[Any], Any], x: Point, name: str, part: Any) -> Any:
    return f(_replaced(x, name, part))[name]


def _padded(frame: Tensor, before: int, after: int) -> Tensor:
    zeros = frame.new_zeros(1, *frame.shape[1:])
    return torch.cat([zeros.expand(before, *frame.shape[1:]), frame, zeros.expand(after, *frame.shape[1:])])
