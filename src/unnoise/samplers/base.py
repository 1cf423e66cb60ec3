"""The one loop: from noise to data, whatever the space, the process and the step."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._errors import InputError, NonFiniteError
from unnoise.denoisers import Denoiser
from unnoise.samplers.grids import Grid, UniformGrid

NUMBERS_AT_ONCE = 2**19
OnStep = Callable[[int, float, Any], None]
Move = Callable[[Any, Tensor, Tensor, torch.Generator, Any], Any]


class Sampler(ABC):
    """Runs the reverse of a denoiser's process.

    Args:
        denoiser: what is learnt; its process says what the reverse is.
        steps: how many times the state is looked at, the final denoising included.
        grid: where the times lie.
    """

    def __init__(self, denoiser: Denoiser, steps: int, grid: Grid | None = None) -> None:
        if steps < 2:
            raise InputError(f"got {steps} sampling steps; at least 2 are needed, one move and the final denoising")
        self.denoiser = denoiser
        self.process = denoiser.process
        self.steps = steps
        self.grid = UniformGrid() if grid is None else grid

    @abstractmethod
    def step(self, state: Any, t: Tensor, s: Tensor, rng: torch.Generator, cond: Any = None) -> Any:
        """One move from time t to s < t."""

    def moves(self, times: Tensor) -> Move:
        """The moves of one run over decreasing times; samplers that remember earlier steps do so here."""
        return self.step

    def sample(
        self,
        n: int,
        rng: torch.Generator,
        cond: Any = None,
        *,
        batch_size: int | None = None,
        on_step: OnStep | None = None,
    ) -> Any:
        """N samples. They are made in groups of `batch_size` rows, so memory does not grow with n beyond the result.

        `cond` holds one row per sample. `on_step(index, t, state)` sees every state of every group.
        """
        done = []
        for rows in batches(n, batch_size or default_batch_size(self.process.space.event_shape)):
            start = self.start(rows.stop - rows.start, rng)
            group = None if cond is None else _tree.map(lambda leaf, rows=rows: leaf[rows], cond)
            done.append(self.run(start, rng, group, on_step=on_step))
        return done[0] if len(done) == 1 else _tree.concatenate(done)

    def start(self, n: int, rng: torch.Generator) -> Any:
        """A draw from the prior, in the denoiser's precision and on its device."""
        like = next(self.denoiser.parameters(), next(self.denoiser.buffers(), torch.empty(0)))
        prior = self.process.prior(n).sample(rng)
        return _tree.map(lambda leaf: leaf.to(like if leaf.is_floating_point() else like.device), prior)

    @torch.no_grad()
    def run(self, state: Any, rng: torch.Generator, cond: Any = None, *, on_step: OnStep | None = None) -> Any:
        """Take a state at t = 1 to data.

        Raises:
            NonFiniteError: naming the step, the time and the leaf.
        """
        times = self.grid(self.process, self.steps)
        move = self.moves(times)
        for index, (t, s) in enumerate(itertools.pairwise(times)):
            state = move(state, t, s, rng, cond)
            _check_finite(state, index, s)
            if on_step is not None:
                on_step(index, float(s), state)
        state = self.process.decode(state, self.denoiser(state, times[-1], cond), rng)
        _check_finite(state, self.steps - 1, times[-1])
        return state


def require(denoiser: Denoiser, capability: type, sampler: str, meaning: str) -> None:
    """Say in one sentence which process a sampler needs, when it is given another."""
    if not isinstance(denoiser.process, capability):
        raise InputError(
            f"{sampler} needs a process {meaning} ({capability.__name__}), and "
            f"{type(denoiser.process).__name__} is none: use samplers.Euler, which runs on every process"
        )


def default_batch_size(event_shape: tuple[int, ...]) -> int:
    """Rows per group: half a million numbers, within 16 and 8192 rows.

    >>> default_batch_size((32,)), default_batch_size((3, 64, 64))
    (8192, 42)
    """
    return max(16, min(8192, NUMBERS_AT_ONCE // max(1, torch.Size(event_shape).numel())))


def batches(n: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` rows that cover n."""
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def _check_finite(state: Any, index: int, t: Tensor) -> None:
    for name, leaf in _tree.leaves(state):
        if not leaf.is_floating_point() or leaf.sum().isfinite():
            continue  # the sum is the quicker look; where it overflows, the rows decide
        rows = ~torch.isfinite(leaf).reshape(len(leaf), -1).all(1)
        if rows.any():
            raise NonFiniteError(
                f"the sampler met non-finite values at step {index + 1}, t = {float(t):.4g}, in "
                f"{f'the leaf {name!r}' if name else 'the state'} ({int(rows.sum())} of {len(rows)} rows); "
                "try more sampling steps, or check that the model was trained"
            )
