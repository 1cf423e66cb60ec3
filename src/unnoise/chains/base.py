r"""Chains: a target with a known score, a kernel that leaves it as it is, and the one loop.

Targets are `laws.Scored`, with $\nabla\log p$, or `laws.LogDensity`, with $\log p$ too, up to a constant: laws,
`targets`, `Field` and `Density`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import function, instance, real, whole
from unnoise._errors import NonFiniteError
from unnoise._memory import keep_freed
from unnoise.chains.density import check_flat, check_points, check_start
from unnoise.laws import Scored

OnStep = Callable[[int, Any], None] | None


@contextmanager
def located(where: str) -> Iterator[None]:
    """Add where it happened to a NonFiniteError raised inside."""
    try:
        yield
    except NonFiniteError as error:
        raise NonFiniteError(f"{where}: {error}") from error


@dataclass(frozen=True)
class State:
    """Where all chains are. Kernels add what they keep between steps.

    Attributes:
        x: positions, (n, *event).
        acceptance: the probability of each chain's last move, (n,); None where all are accepted.
    """

    x: Tensor
    acceptance: Tensor | None = field(default=None, kw_only=True)


T = TypeVar("T", bound=State)


class Kernel(ABC, Generic[T]):
    """One step of many chains at once, at the cost of one score: (state, rng) -> state. Frozen dataclasses.

    `run` makes the loop. One of your own states `start` and `step`:

    >>> @dataclass(frozen=True)
    ... class Walk(Memoryless):  # leaves no density as it is: it only spreads
    ...     step_size: float
    ...     def step(self, state, rng):
    ...         return State(state.x + self.step_size * torch.randn(state.x.shape, generator=rng))
    >>> trace = run(Walk(0.1), torch.zeros(20_000, 1), 25, torch.Generator().manual_seed(0))
    >>> f"{trace.x.std():.2f}"  # .1 times the root of 25
    '0.50'
    """

    step_size: float

    @abstractmethod
    def start(self, x: Tensor, rng: torch.Generator) -> T:
        """The first state, for chains at x, (n, *event)."""

    def check(self, x: Tensor) -> None:
        """Raise InputError unless chains can start at x, (n, *event); `run` asks once."""
        check_points(None, x)

    @abstractmethod
    def step(self, state: T, rng: torch.Generator) -> T:
        """One move of every chain."""

    def adjusted_acceptance(self, state: T, rng: torch.Generator) -> Tensor | None:
        """The chances at which Metropolis' rule would take a next step, (n,), were the kernel not unadjusted.

        Far below 1 the bias is large. None where steps are refused anyway, or no log density is known.
        """
        return None


class Memoryless(Kernel[State]):
    """A kernel that keeps the positions alone."""

    def start(self, x: Tensor, rng: torch.Generator) -> State:
        """The positions."""
        return State(x)


@dataclass(frozen=True)
class TargetKernel(Kernel[T]):
    """A kernel that leaves a target on a flat space as it is, or nearly so.

    Args:
        target: with a known score.
        step_size: in the units that the kernel states.
    """

    target: Scored[Tensor]
    step_size: float

    def __post_init__(self) -> None:
        instance(Scored, target=self.target)
        real(above=0, step_size=self.step_size)
        check_flat(self.target, type(self).__name__)

    def check(self, x: Tensor) -> None:
        """Raise InputError unless the target can be walked on from x."""
        check_start(self.target, x)


@dataclass(frozen=True)
class Trace(Generic[T]):
    """What a run leaves.

    Attributes:
        state: the last state; `run` goes on from it.
        kept: positions, (m, n, *event), after every `keep` steps; perhaps none.
        acceptance: the mean over steps and chains.
    """

    state: T
    kept: Tensor
    acceptance: float

    @property
    def x(self) -> Tensor:
        """The last positions, (n, *event)."""
        return self.state.x


class ChainSampler(ABC):
    """Runs chains to their end, and returns one sample per chain, (n, *event).

    `Sequential`, `Joint`, `Localization`, `WalkJump` and `Annealed` are such samplers. Give points to start from, or
    how many chains start from zero.
    """

    @property
    @abstractmethod
    def reports(self) -> int:
        """How often `on_step` is called."""

    @abstractmethod
    def sample(self, start: Tensor | int, rng: torch.Generator, *, on_step: OnStep = None) -> Tensor:
        """One sample per chain, (n, *event).

        Args:
            start: points to start from, (n, *event), or how many chains start from zero.
            rng: of all randomness.
            on_step: sees (index, state) after every step of the method.
        """


@torch.no_grad()
def run(
    kernel: Kernel[T], x: Any, steps: int, rng: torch.Generator, *, keep: int = 0, on_step: OnStep = None
) -> Trace[T]:
    """Move all chains `steps` times; NonFiniteError says which chain diverged, and what step size to try.

    Args:
        kernel: how they move.
        x: starting points, (n, *event) or a dict of them, or the state that an earlier run left.
        steps: how often.
        rng: of all randomness.
        keep: return the positions after every `keep` steps; 0 keeps none.
        on_step: sees (index, state) after every step.

    >>> from unnoise.chains import MALA, Density
    >>> target = Density(lambda x: -0.5 * (x**2).sum(-1))
    >>> trace = run(MALA(target, 0.5), torch.zeros(1000, 2), 50, torch.Generator().manual_seed(0), keep=10)
    >>> trace.kept.shape, trace.acceptance > 0.8
    (torch.Size([5, 1000, 2]), True)
    """
    instance(Kernel, kernel=kernel)
    instance(Tensor, dict, State, x=x)
    whole(steps=steps, keep=keep)
    instance(torch.Generator, rng=rng)
    function(or_none=True, on_step=on_step)
    if not isinstance(x, State):
        kernel.check(x)
    state: Any = x if isinstance(x, State) else kernel.start(x, rng)
    keep_freed(_tree.first(state.x))
    kept = _tree.map(lambda leaf: leaf.new_empty(steps // keep if keep else 0, *leaf.shape), state.x)
    accepted = []
    for index in range(steps):
        state = kernel.step(state, rng)
        for _, leaf in _tree.leaves(state.x):
            _check_finite(leaf, index, kernel)
        if state.acceptance is not None:
            accepted.append(state.acceptance.mean())
        if keep and (index + 1) % keep == 0:
            _tree.map(lambda all_, leaf: all_[index // keep].copy_(leaf), kept, state.x)  # noqa: B023
        if on_step is not None:
            on_step(index, state)
    return Trace(state, kept, float(torch.stack(accepted).mean()) if accepted else 1.0)


def _check_finite(x: Tensor, index: int, kernel: Kernel[Any]) -> None:
    if x.sum().isfinite():
        return  # quicker; where it overflows, the rows decide
    rows = ~torch.isfinite(x).flatten(1).all(1)
    if rows.any():
        raise NonFiniteError(
            f"chain {int(rows.nonzero()[0])} diverged at step {index + 1} ({int(rows.sum())} of {len(rows)} chains); "
            f"try a step size of {kernel.step_size / 4:.3g} in the place of {kernel.step_size:.3g}"
        )
