"""The one loop: from noise to data, whatever the space, the process and the step."""

from __future__ import annotations

import inspect
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import MOST_STEPS, instance, whole
from unnoise._errors import InputError
from unnoise.denoisers import Denoiser, Look, conditions
from unnoise.denoisers.base import check_denoiser
from unnoise.laws import Law
from unnoise.processes import Bridged, Gaussian, Process, leaves, require
from unnoise.samplers.checks import Watch, warn_of_coarse_steps, warn_of_start, width_of
from unnoise.samplers.grids import Grid, UniformGrid

NUMBERS_AT_ONCE = 2**19
EVERYWHERE = "samplers.Euler, which runs on every process"
OnStep = Callable[[int, float, Any], None] | None
Move = Callable[[Any, Tensor, Tensor, torch.Generator, Any], Any]


class Sampler(ABC):
    """Runs the reverse of a denoiser's process.

    Args:
        denoiser: of the process to reverse.
        steps: noise levels, the last one included; 1 takes a process with a bridge.
        grid: where the times lie.
    """

    process: Process[Any]
    judged = False  # whether who runs it looks at how wide the samples are; else coarse steps are told of

    def __init__(self, denoiser: Denoiser, steps: int, grid: Grid | None = None) -> None:
        check_denoiser(denoiser=denoiser)
        whole(least=1, most=MOST_STEPS, steps=steps)
        instance(Grid, or_none=True, grid=grid)
        if steps == 1:
            require(denoiser.process, Bridged, f"{type(self).__name__} with one step", "2 steps or more")
        self.denoiser = denoiser
        self.process = denoiser.process
        self.steps = steps
        self.grid = UniformGrid() if grid is None else grid

    def __repr__(self) -> str:
        """The class and its options."""
        options = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        return f"{type(self).__name__}({', '.join(f'{name}={_named(value)}' for name, value in options.items())})"

    @abstractmethod
    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """One move from time t to s < t."""

    def moves(self, times: Tensor, looks: Sequence[Look] | None = None) -> Move:
        """The moves of one run over decreasing times; they may remember earlier ones.

        Args:
            times: (k,).
            looks: the denoiser at each of them, from `Denoiser.along`, where it is at hand.
        """
        return self.step

    def spreads(self, process: Gaussian, times: Tensor, deviation: float) -> tuple[Tensor, Tensor] | None:
        """What each step multiplies the state by, and the variance that it adds, for data N(0, deviation^2).

        Args:
            process: of one factor.
            times: (k,), decreasing.
            deviation: of the data.

        Returns:
            Two tensors (k - 1,); None, as here, where steps are not known to be linear in the state alone.
        """
        return None

    def width(self, process: Gaussian, times: Tensor, deviation: float) -> float:
        """The deviation of the samples that the steps would make of data N(0, deviation^2); the same if not known."""
        found = self.spreads(process, times, deviation)
        return deviation if found is None else width_of(process, times, deviation, *found)

    @torch.inference_mode(False)  # what is guided has derivatives, which would be zero there
    def sample(
        self,
        n: int,
        rng: torch.Generator,
        cond: Any = None,
        *,
        batch_size: int | None = None,
        on_step: OnStep = None,
    ) -> Any:
        """Make n new samples, in groups of `batch_size` rows drawn from one generator.

        Args:
            n: how many; 0 gives a state of no rows.
            rng: where all randomness comes from; a seed gives other rows for another n or `batch_size`.
            cond: one row per sample, or one row for all.
            batch_size: rows of a group; by default half a million numbers.
            on_step: `on_step(index, t, state)` sees every state of every group.
        """
        whole(n=n)
        whole(least=1, or_none=True, batch_size=batch_size)
        instance(torch.Generator, rng=rng)
        cond = conditions.for_rows(cond, n)
        if n == 0:
            return _tree.map(lambda leaf: leaf[:0], self.start(1, rng))
        return self._sample(n, rng, cond, batch_size or default_batch_size(self.process.space.event_shape), on_step)

    def groups(self, n: int, cond: Any = None) -> int:
        """How many runs make n samples, at the default batch size."""
        return -(-n // default_batch_size(self.process.space.event_shape))

    def start(self, n: int, rng: torch.Generator) -> Any:
        """A draw from the prior, in the denoiser's precision and on its device.

        Warns with InaccurateSamplesWarning of a process that still knows the data at t = 1, as the prior does not.
        """
        warn_of_start(self.process)
        like = next(self.denoiser.parameters(), next(self.denoiser.buffers(), torch.empty(0)))
        prior = self.process.prior(n).sample(rng)
        if (drawn := _tree.length(prior)) != n:
            raise InputError(f"got {drawn} points from the law that process.prior({n}) gives; expected {n}")
        return _tree.map(lambda leaf: leaf.to(like if leaf.is_floating_point() else like.device), prior)

    @torch.inference_mode(False)
    def run(self, state: Any, rng: torch.Generator, cond: Any = None, *, on_step: OnStep = None) -> Any:
        """Take a state at t = 1 to data.

        Warns with InaccurateSamplesWarning of steps that are so coarse that they diverge or collapse.

        Raises:
            InputError: the state is no batch of points of the space, such as images with channels last.
            NonFiniteError: names the step, the time, the leaf, and the probable cause.
        """
        self.process.space.check(state)
        instance(torch.Generator, rng=rng)
        times = self._times()
        self._warn_of_steps(times)
        with torch.no_grad():
            looks = self.denoiser.along(times, state)
            return self._run(self.moves(times, looks), times, state, rng, cond, on_step, looks[-1])

    def _sample(self, n: int, rng: torch.Generator, cond: Any, batch_size: int, on_step: OnStep) -> Any:
        done = []
        for rows in batches(n, batch_size):
            start = self.start(rows.stop - rows.start, rng)
            done.append(self.run(start, rng, conditions.at(cond, rows), on_step=on_step))
        return done[0] if len(done) == 1 else _tree.concatenate(done)

    def _warn_of_steps(self, times: Tensor) -> None:
        """Of steps that are too coarse; one alone makes one point of normal data, as who asks for it knows."""
        if not self.judged and len(times) > 1:
            name = f"{self.steps} steps of {type(self).__name__}"
            warn_of_coarse_steps(self.process, lambda part, deviation: self.width(part, times, deviation), name)

    def _times(self) -> Tensor:
        """One step is 1 alone."""
        return torch.ones(1, dtype=torch.float64) if self.steps == 1 else self.grid(self.process, self.steps)

    @torch.no_grad()
    def _run(
        self,
        move: Move,
        times: Tensor,
        state: Any,
        rng: torch.Generator,
        cond: Any,
        on_step: OnStep,
        last: Look | None = None,
    ) -> Any:
        """From the first time to data; `last` is the denoiser at the last time."""
        cond = conditions.for_rows(cond, _tree.length(state))
        with Watch(self.denoiser, times, state, cond, often=on_step is not None) as watch:
            for index, (t, s) in enumerate(itertools.pairwise(times.unbind())):
                state = watch.seen(move(state, t, s, rng, cond))
                if on_step is not None:
                    on_step(index, float(s), state)
            stat = self.denoiser(state, times[-1], cond) if last is None else last(state, cond)
            return watch.seen(self.process.decode(state, stat, rng))


class LawSampler(Sampler):
    """A sampler whose step draws from one law, given the statistic at its start."""

    @abstractmethod
    def law(self, stat: Any, state: Any, t: Tensor, s: Tensor) -> Law[Any]:
        """The law of the state at s, given the statistic at t."""

    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """A draw from the law."""
        return self.law(self.denoiser(state, t, cond), state, t, s).sample(rng)


def require_gaussian(denoiser: Denoiser, asker: str) -> None:
    """Raise InputError for a process with a factor that is not Gaussian."""
    for _, factor, _ in leaves(denoiser.process):
        require(factor, Gaussian, asker, EVERYWHERE)


def default_batch_size(event_shape: tuple[int, ...]) -> int:
    """Rows per group: half a million numbers, within 16 and 8192 rows."""
    return max(16, min(8192, NUMBERS_AT_ONCE // max(1, torch.Size(event_shape).numel())))


def batches(n: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` rows that cover n."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def _named(value: Any) -> str:
    if isinstance(value, Denoiser):
        return type(value).__name__
    return value.__name__ if inspect.isfunction(value) else repr(value)
