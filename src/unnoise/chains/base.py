r"""What a chain is: a target of which the score is known, a kernel that leaves it as it is, and the one loop.

A `Scored` target knows its gradient $\nabla\log p$, a `Density` also $\log p$ itself, up to a constant. A `Kernel`
moves many chains at once, and `run` is the only loop: whatever walks in this folder walks through it.
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
from unnoise.spaces import Euclidean, Manifold

OnStep = Callable[[int, Any], None]
Function = Callable[[Tensor], Tensor]


class Scored(ABC):
    """A target of which the score is known: what unadjusted chains need."""

    space: Manifold | None

    @abstractmethod
    def score(self, x: Tensor) -> Tensor:
        """The gradient of the log density at x, (n, *event)."""

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x is a batch of points at which the score is finite."""
        check_points(self.space, x)
        _check_values("score", self.score(x))


@dataclass(frozen=True, init=False)
class Field(Scored):
    r"""A target of which only the score $\nabla\log p$ is known, as for a learnt one.

    Args:
        score: maps points, (n, *event), to tangent vectors of the same shape.
        space: where the target lives; None is $R^d$, for points of any shape.
    """

    gradient: Function
    space: Manifold | None

    def __init__(self, score: Function, space: Manifold | None = None) -> None:
        object.__setattr__(self, "gradient", score)
        object.__setattr__(self, "space", space)

    def score(self, x: Tensor) -> Tensor:
        """The gradient of the log density at x, (n, *event)."""
        return _like_points(self.gradient(x), x)


@dataclass(frozen=True, init=False)
class Density(Scored):
    r"""A target $p(x) \propto e^{-f(x)}$ on $R^d$ or on a manifold, given by $-f$.

    Args:
        log_prob: maps points, (n, *event), to log densities, (n,), up to a constant, with respect to the volume of
            the space; built of torch operations, so that it can be differentiated.
        space: where the target lives; None is $R^d$, for points of any shape.
        score: the gradient of `log_prob`, a tangent vector; automatic differentiation by default.

    >>> normal = Density(lambda x: -0.5 * (x**2).sum(-1))
    >>> normal.log_prob(torch.tensor([[1.0, 2.0]])), normal.score(torch.tensor([[1.0, 2.0]]))
    (tensor([-2.5000]), tensor([[-1., -2.]]))
    >>> Density(lambda x: x**2).log_prob(torch.zeros(5, 2))
    Traceback (most recent call last):
    unnoise._errors.InputError: the log density returned the shape (5, 2) for points of shape (5, 2); expected (5,), ...
    """

    function: Function
    space: Manifold | None
    gradient: Function | None

    def __init__(self, log_prob: Function, space: Manifold | None = None, score: Function | None = None) -> None:
        object.__setattr__(self, "function", log_prob)
        object.__setattr__(self, "space", space)
        object.__setattr__(self, "gradient", score)

    @classmethod
    def of(cls, law: Any, space: Manifold | None = None) -> Density:
        """The density of anything with a `log_prob(x)`, as laws and targets have; a density stays as it is.

        Where it has a `space` and a `score(x)` of its own, these are used.

        Raises:
            InputError: it has no `log_prob`, or lives where there is no gradient.
        """
        if isinstance(law, Density):
            return law
        if not callable(getattr(law, "log_prob", None)):
            raise InputError(f"got {type(law).__name__}, which has no log_prob(x): give a law, or Density(log_prob)")
        home = getattr(law, "space", None) if space is None else space
        if home is not None and not isinstance(home, Manifold):
            raise InputError(
                f"{type(law).__name__} lives on {type(home).__name__}, where there is no gradient to follow; expected "
                "real coordinates"
            )
        score = getattr(law, "score", None)
        return cls(law.log_prob, home, score if callable(score) else None)

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
        return self.both(x)[1] if self.gradient is None else _like_points(self.gradient(x), x)

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The log density and its gradient, at the cost of one evaluation."""
        if self.gradient is not None:
            return self.log_prob(x), self.score(x)
        graph = x.requires_grad and torch.is_grad_enabled()
        with torch.enable_grad():
            x = x if graph else x.detach().requires_grad_()
            values = self.log_prob(x)
            if not values.requires_grad:
                raise InputError(
                    "the log density has no gradient with respect to x; compute it by torch operations, without "
                    "detach() or NumPy, or give its gradient as score="
                )
            (slope,) = torch.autograd.grad(values.sum(), x, create_graph=graph)
        raised = slope if self.space is None else self.space.riemannian_gradient(x, slope)
        return (values, raised) if graph else (values.detach(), raised.detach())

    def check(self, x: Tensor) -> None:
        """Raise InputError unless x is a batch of points at which the density is positive and its score finite."""
        check_points(self.space, x)
        log_prob, score = self.both(x)
        _check_values("log density", log_prob)
        _check_values("score", score)


def check_points(space: Manifold | None, x: Tensor) -> None:
    """Raise InputError unless x is a finite floating batch of points, (n, *event)."""
    if not x.is_floating_point() or x.ndim < 2 or len(x) == 0:
        raise InputError(
            f"got starting points of shape {tuple(x.shape)} and {x.dtype}; expected floating point numbers, "
            "(chains, *event) with at least one chain"
        )
    if space is not None:
        space.check(x)
    _check_values("starting point", x)


def check_flat(target: Scored, asker: str) -> None:
    """Refuse a target on a curved space, for kernels that add vectors to points."""
    if target.space is not None and not isinstance(target.space, Euclidean):
        raise InputError(
            f"{asker} moves on R^d along straight lines, and the target lives on {target.space}: use chains.Geodesic"
        )


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
