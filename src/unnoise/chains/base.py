r"""What a chain is: a target of which the score is known, a kernel that leaves it as it is, and the one loop.

Targets are `laws.Scored`, which know $\nabla\log p$, or `laws.LogDensity`, which know $\log p$ as well, up to a
constant: every law, every class of `targets`, and functions through `Field` and `Density`. A `Kernel` moves many chains
at once, and `run` is the only loop: whatever walks in this folder walks through it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from unnoise._errors import InputError, NonFiniteError
from unnoise._memory import keep_freed
from unnoise.laws import LogDensity, Scored
from unnoise.laws.base import Place, differentiated
from unnoise.spaces import Euclidean, Manifold

OnStep = Callable[[int, Any], None]
Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Field(Scored[Tensor]):
    r"""A function as the score of a target of which nothing else is known.

    Args:
        function: maps points, (n, *event), to $\nabla\log p$: tangent vectors of the same shape.
        space: where the target lives; None is $R^d$, for points of any shape.
    """

    function: Function
    space: Manifold | None = None

    @property
    def support(self) -> Manifold | None:
        """The space."""
        return self.space

    def score(self, x: Tensor) -> Tensor:
        """The gradient of the log density at x, (n, *event)."""
        return _like_points(self.function(x), x)


@dataclass(frozen=True)
class Density(LogDensity[Tensor]):
    r"""A function as a target $p(x) \propto e^{-f(x)}$ on $R^d$ or on a manifold, given by $-f$.

    Args:
        function: maps points, (n, *event), to log densities, (n,), up to a constant, with respect to the volume of
            the space; built of torch operations, so that it can be differentiated.
        space: where the target lives; None is $R^d$, for points of any shape.
        gradient: the score, a tangent vector; automatic differentiation by default.

    >>> normal = Density(lambda x: -0.5 * (x**2).sum(-1))
    >>> normal.log_prob(torch.tensor([[1.0, 2.0]])), normal.score(torch.tensor([[1.0, 2.0]]))
    (tensor([-2.5000]), tensor([[-1., -2.]]))
    >>> Density(lambda x: x**2).log_prob(torch.zeros(5, 2))
    Traceback (most recent call last):
    unnoise._errors.InputError: the log density returned the shape (5, 2) for points of shape (5, 2); expected (5,), ...
    """

    function: Function
    space: Manifold | None = None
    gradient: Function | None = None

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
        """The gradient of the log density at x, (n, *event)."""
        return self.log_prob_and_score(x)[1] if self.gradient is None else _like_points(self.gradient(x), x)

    def log_prob_and_score(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both, at the cost of one evaluation where the score is differentiated."""
        if self.gradient is not None:
            return self.log_prob(x), self.score(x)
        values, slope = differentiated(self.log_prob, x)
        return values, slope if self.space is None else self.space.riemannian_gradient(x, slope)


def check_start(target: Scored[Tensor], x: Tensor) -> None:
    """Raise InputError unless x is a batch of points at which the target is positive and its score finite."""
    check_points(target.support, x)
    if isinstance(target, LogDensity):
        log_prob, score = target.log_prob_and_score(x)
        _check_values("log density", log_prob)
    else:
        score = target.score(x)
    _check_values("score", score)


def check_points(space: Place | None, x: Tensor) -> None:
    """Raise InputError unless x is a finite floating batch of points, (n, *event)."""
    if not x.is_floating_point() or x.ndim < 2 or len(x) == 0:
        raise InputError(
            f"got starting points of shape {tuple(x.shape)} and {x.dtype}; expected floating point numbers, "
            "(chains, *event) with at least one chain"
        )
    if space is not None:
        space.check(x)
    _check_values("starting point", x)


def check_flat(target: Scored[Tensor], asker: str) -> None:
    """Refuse a target on a curved or finite space, for kernels that add vectors to points."""
    space = target.support
    if space is not None and not isinstance(space, Euclidean):
        use = "use chains.Geodesic" if isinstance(space, Manifold) else "there is no gradient to follow there"
        raise InputError(f"{asker} moves on R^d along straight lines, and the target lives on {space}: {use}")


def check_positive(**numbers: float) -> None:
    """Raise InputError unless every number is positive and finite; the names say which one is not."""
    for name, value in numbers.items():
        if not 0 < value < float("inf"):
            raise InputError(f"got {name} = {value}; expected a positive number")


@dataclass(frozen=True)
class State:
    """Where all chains are. Kernels add to it what they keep from one step to the next.

    Attributes:
        x: positions, (n, *event).
        acceptance: the probability with which the last move of each chain was accepted, (n,); None where kernels
            accept all moves.
    """

    x: Tensor
    acceptance: Tensor | None = field(default=None, kw_only=True)


T = TypeVar("T", bound=State)


class Kernel(ABC, Generic[T]):
    """One step of many chains at once, at the cost of one score. Frozen dataclasses that hold no state."""

    step_size: float

    @abstractmethod
    def start(self, x: Tensor, rng: torch.Generator) -> T:
        """What the first step needs, for chains at x, (n, *event)."""

    def check(self, x: Tensor) -> None:
        """Raise InputError unless chains can start at x, (n, *event). Called once, by `run`."""
        check_points(None, x)

    @abstractmethod
    def step(self, state: T, rng: torch.Generator) -> T:
        """One move of every chain."""


@dataclass(frozen=True)
class TargetKernel(Kernel[T]):
    """What kernels share that leave a given target as it is, or nearly so.

    Args:
        target: a density, or a field of which only the score is known.
        step_size: see the kernel.

    Raises:
        InputError: a step size that is not positive, or a target that the kernel cannot walk on.
    """

    target: Scored[Tensor]
    step_size: float

    def __post_init__(self) -> None:
        check_positive(step_size=self.step_size)
        check_flat(self.target, type(self).__name__)

    def check(self, x: Tensor) -> None:
        """Raise InputError unless the target can be walked on from x."""
        check_start(self.target, x)


@dataclass(frozen=True)
class Trace(Generic[T]):
    """What a run leaves.

    Attributes:
        state: the last state; `run` goes on from it.
        kept: positions, (m, n, *event), after every `keep` steps; empty unless asked for.
        acceptance: how often the moves were accepted, the mean over steps and chains; 1 where all moves are.
    """

    state: T
    kept: Tensor
    acceptance: float

    @property
    def x(self) -> Tensor:
        """The last positions, (n, *event)."""
        return self.state.x


class ChainSampler(ABC):
    """Runs chains from a start to their end, and returns one sample per chain."""

    @property
    @abstractmethod
    def reports(self) -> int:
        """How often `on_step` is called."""

    @abstractmethod
    def sample(self, start: Tensor | int, rng: torch.Generator, *, on_step: OnStep | None = None) -> Tensor:
        """One sample per chain, (n, *event).

        Args:
            start: points to start from, (n, *event), or how many chains are to start from zero.
            rng: where all randomness comes from.
            on_step: sees (index, state) after every step of the method.

        Raises:
            NonFiniteError: a chain diverged; says where.
        """


@torch.no_grad()
def run(
    kernel: Kernel[T],
    x: Tensor | T,
    steps: int,
    rng: torch.Generator,
    *,
    keep: int = 0,
    on_step: OnStep | None = None,
) -> Trace[T]:
    """Move all chains `steps` times: the only loop of this folder.

    Args:
        kernel: how they move.
        x: starting points, (n, *event), or the state that an earlier run left, to go on from.
        steps: how often.
        rng: where all randomness comes from.
        keep: the positions after every `keep` steps are returned; 0 keeps none, and memory does not grow with steps.
        on_step: sees (index, state) after every step.

    Raises:
        InputError: starting points that the kernel cannot use, or a negative number of steps.
        NonFiniteError: a chain diverged; says which one, at which step, and what step size to try.

    >>> from unnoise.chains import MALA
    >>> target = Density(lambda x: -0.5 * (x**2).sum(-1))
    >>> trace = run(MALA(target, 0.5), torch.zeros(1000, 2), 50, torch.Generator().manual_seed(0), keep=10)
    >>> trace.kept.shape, trace.acceptance > 0.8
    (torch.Size([5, 1000, 2]), True)
    """
    if steps < 0 or keep < 0:
        raise InputError(f"got {steps} steps of which every {keep} are kept; expected numbers that are not negative")
    if isinstance(x, Tensor):
        kernel.check(x)
    state = kernel.start(x, rng) if isinstance(x, Tensor) else x
    keep_freed(state.x)
    kept = state.x.new_empty(steps // keep if keep else 0, *state.x.shape)
    accepted = []
    for index in range(steps):
        state = kernel.step(state, rng)
        _check_finite(state.x, index, kernel)
        if state.acceptance is not None:
            accepted.append(state.acceptance.mean())
        if keep and (index + 1) % keep == 0:
            kept[index // keep] = state.x
        if on_step is not None:
            on_step(index, state)
    return Trace(state, kept, float(torch.stack(accepted).mean()) if accepted else 1.0)


def _check_finite(x: Tensor, index: int, kernel: Kernel[Any]) -> None:
    if x.sum().isfinite():
        return  # the sum is the quicker look; where it overflows, the rows decide
    rows = ~torch.isfinite(x).flatten(1).all(1)
    if rows.any():
        raise NonFiniteError(
            f"chain {int(rows.nonzero()[0])} diverged at step {index + 1} ({int(rows.sum())} of {len(rows)} chains); "
            f"try a step size of {kernel.step_size / 4:.3g} in the place of {kernel.step_size:.3g}"
        )


def _like_points(score: Tensor, x: Tensor) -> Tensor:
    if score.shape != x.shape:
        raise InputError(
            f"the score returned the shape {tuple(score.shape)} for points of shape {tuple(x.shape)}; expected a "
            "vector like every point"
        )
    return score


def _check_values(what: str, values: Tensor) -> None:
    """One sentence about the first chain whose values are not finite."""
    good = torch.isfinite(values).reshape(len(values), -1)
    rows = ~good.all(1)
    if rows.any():
        first = int(rows.nonzero()[0])
        worst = float(values[first].flatten()[~good[first]][0])
        raise InputError(
            f"the {what} is {worst} for chain {first} ({int(rows.sum())} of {len(rows)} chains); start the chains "
            "where the density is positive, and return finite numbers there"
        )
