r"""Functions as targets: a log density, or a score alone; and the check before a chain starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import function, instance
from unnoise._errors import InputError
from unnoise.laws import LogDensity, Scored
from unnoise.laws.base import Place, differentiated
from unnoise.spaces import Affine, Manifold

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Field(Scored[Tensor]):
    r"""A score alone as a target.

    Args:
        function: maps points, (n, *event), to $\nabla\log p$, of the same shape.
        space: where the target lives; None is $R^d$, for points of any shape.
    """

    function: Function
    space: Manifold | None = None

    def __post_init__(self) -> None:
        function(function=self.function)
        instance(Manifold, or_none=True, space=self.space)

    @property
    def support(self) -> Manifold | None:
        """The space."""
        return self.space

    def score(self, x: Tensor) -> Tensor:
        """The score at x, (n, *event)."""
        return _like_points(self.function(x), x)


@dataclass(frozen=True)
class Density(LogDensity[Tensor]):
    r"""A log density as a target, on $R^d$ or a manifold.

    Args:
        function: maps points, (n, *event), to $\log p$, (n,), up to a constant, with respect to the volume; made of
            torch operations.
        space: where the target lives; None is $R^d$, for points of any shape.
        gradient: the score, a tangent vector; automatic differentiation by default.

    >>> normal = Density(lambda x: -0.5 * (x**2).sum(-1))
    >>> normal.log_prob(torch.tensor([[1.0, 2.0]])), normal.score(torch.tensor([[1.0, 2.0]]))
    (tensor([-2.5000]), tensor([[-1., -2.]]))
    """

    function: Function
    space: Manifold | None = None
    gradient: Function | None = None

    def __post_init__(self) -> None:
        function(function=self.function)
        function(or_none=True, gradient=self.gradient)
        instance(Manifold, or_none=True, space=self.space)

    @property
    def support(self) -> Manifold | None:
        """The space."""
        return self.space

    def log_prob(self, x: Tensor) -> Tensor:
        """The log density at x, (n,), up to a constant."""
        values = self.function(x)
        if not isinstance(values, Tensor) or values.shape != x.shape[:1]:
            got = f"the shape {tuple(values.shape)}" if isinstance(values, Tensor) else f"a {type(values).__name__}"
            raise InputError(
                f"the log density returned {got} for points of shape {tuple(x.shape)}; expected {tuple(x.shape[:1])}, "
                "one number per point: sum over the axes of the event"
            )
        return values

    def score(self, x: Tensor) -> Tensor:
        """The score at x, (n, *event)."""
        return self.log_prob_and_score(x)[1] if self.gradient is None else _like_points(self.gradient(x), x)

    def log_prob_and_score(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both, at the cost of one."""
        if self.gradient is not None:
            return self.log_prob(x), self.score(x)
        values, slope = differentiated(self.log_prob, x)
        return values, slope if self.space is None else self.space.riemannian_gradient(x, slope)


def check_start(target: Scored[Tensor], x: Tensor) -> None:
    """Raise InputError unless x is a batch of points of positive density and finite score."""
    check_points(target.support, x)
    if isinstance(target, LogDensity):
        log_prob, score = target.log_prob_and_score(x)
        _check_values("log density", log_prob)
    else:
        score = target.score(x)
    _check_values("score", score)


def check_points(space: Place | None, x: Tensor) -> None:
    """Raise InputError unless x is a finite floating batch of points, (n, *event)."""
    instance(Tensor, x=x)
    if not x.is_floating_point() or x.ndim < 2 or len(x) == 0:
        raise InputError(
            f"got starting points of shape {tuple(x.shape)} and {x.dtype}; expected floating point numbers, "
            "(chains, *event) with at least one chain"
        )
    if space is not None:
        space.check(x)
    _check_values("starting point", x)


def check_flat(target: Scored[Tensor], asker: str) -> None:
    """Refuse a curved or finite space, for kernels that add vectors to points."""
    space = target.support
    if space is not None and not isinstance(space, Affine):
        use = "use chains.Geodesic" if isinstance(space, Manifold) else "there is no gradient to follow there"
        raise InputError(f"{asker} moves on R^d along straight lines, and the target lives on {space}: {use}")


def _like_points(score: Tensor, x: Tensor) -> Tensor:
    if score.shape != x.shape:
        raise InputError(
            f"the score returned the shape {tuple(score.shape)} for points of shape {tuple(x.shape)}; expected a "
            "vector like every point"
        )
    return score


def _check_values(what: str, values: Tensor) -> None:
    good = torch.isfinite(values).reshape(len(values), -1)
    rows = ~good.all(1)
    if rows.any():
        first = int(rows.nonzero()[0])
        worst = float(values[first].flatten()[~good[first]][0])
        raise InputError(
            f"the {what} is {worst} for chain {first} ({int(rows.sum())} of {len(rows)} chains); start the chains "
            "where the density is positive, and return finite numbers there"
        )
