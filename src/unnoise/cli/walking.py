"""How `unnoise walk` walks: the chains by name, in groups, so that memory does not grow with their number."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unnoise._errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from unnoise.chains import Density, Kernel, Memory, UnreliableEstimate

CHAINS = ("mala", "langevin", "underdamped", "geodesic", "sequential")
NUMBERS_AT_ONCE = 2**20  # of one group
WATCHED, KEPT = 64, 100  # chains, and positions of each, for R-hat and pictures
DRAWS = 512  # of the plug-in denoiser, per point

Tell = Callable[[float, str], None]


@dataclass(frozen=True)
class Settings:
    """What was asked for; `chain` is one of CHAINS."""

    chain: str
    steps: int
    step_size: float | None = None
    scale: float = 1.0
    sigma: float | None = None


class Walker:
    """Walks group after group; what the first finds out about the step size serves all.

    Args:
        density: where to walk.
        shape: of one point.
        settings: how.
        rng: where all randomness comes from.

    Attributes:
        kernel: how chains move; None before the first group.
        kept: positions of a few chains of the first group, (m, n, *event), after every `every` steps.
        doubts: what the denoiser of `sequential` said against its estimates.
        asked: how many estimates there were.
    """

    def __init__(self, density: Density, shape: tuple[int, ...], settings: Settings, rng: torch.Generator) -> None:
        self.density, self.shape, self.settings, self.rng = density, shape, settings, rng
        self.kernel: Kernel[Any] | None = None
        self.kept: list[Tensor] = []
        self.every = max(1, settings.steps // KEPT)
        self.doubts: list[UnreliableEstimate] = []
        self.asked = 0
        self._sizes: list[int] = []
        self._accepted: list[float] = []
        self._remembered: list[float] = []

    def groups(self, n: int) -> list[int]:
        """How many chains walk together: n as a sum of nearly equal numbers, none below 2, which have a correlation."""
        count = min(n // 2, -(-n * math.prod(self.shape) // NUMBERS_AT_ONCE))
        return [n // count + (i < n % count) for i in range(count)]

    def walk(self, n: int, tell: Tell) -> Tensor:
        """Where n chains end, (n, *event); `tell` hears what share of the work is done."""
        from unnoise.chains.memory import memory

        x = start = self._start(n)
        if self.settings.chain == "sequential":
            x = self._measured(x, lambda done, note: tell(done / 2, note))
            end = self._ran(x, lambda done, note: tell((1 + done) / 2, note))
        else:
            end = self._ran(x, tell)
        self._sizes.append(n)
        self._remembered.append(memory(start, end).correlation)
        return end

    @property
    def acceptance(self) -> float | None:
        """How often moves were accepted; None of chains that accept all."""
        return self._mean(self._accepted) if self.settings.chain in ("mala", "sequential") else None

    @property
    def memory(self) -> Memory | None:
        """What the ends still say of the starts; None of `sequential`, where they are not what decides."""
        from unnoise.chains import Memory

        if self.settings.chain == "sequential":
            return None
        return Memory(self._mean(self._remembered), 1 / math.sqrt(sum(self._sizes)))

    def _mean(self, of_groups: list[float]) -> float:
        total = sum(size * value for size, value in zip(self._sizes, of_groups, strict=True))
        return total / sum(self._sizes)

    def _start(self, n: int) -> Tensor:
        """Normal points, or uniform ones on compact spaces."""
        import torch

        from unnoise.spaces import Compact

        space = self.density.space
        if isinstance(space, Compact):
            return space.uniform(n).sample(self.rng).to(torch.get_default_dtype())
        x = self.settings.scale * torch.randn(n, *self.shape, generator=self.rng)
        return x if space is None else space.project(x)

    def _ready(self, x: Tensor) -> tuple[Kernel[Any], Tensor]:
        """How the chains move, and where they are, since those that had to find a step size have moved meanwhile."""
        from unnoise import chains

        chain, size = self.settings.chain, self.settings.step_size
        if self.kernel is None and chain in ("mala", "sequential"):
            self.kernel = chains.MALA(self.density, size or self._first_size())
            if size is None:
                tuned = chains.tune(self.kernel, x, self.rng, steps=min(200, self.settings.steps))
                self.kernel, x = tuned.kernel, tuned.state.x
        elif self.kernel is None:
            if size is None:
                raise InputError(f"--chain {chain} does not find its own step: give --step-size")
            self.kernel = self._plain(chain, size)
        return self.kernel, x

    def _first_size(self) -> float:
        """What tuning starts from: the order of the best for a normal of this scale."""
        return 0.5 * self.settings.scale**2 / float(math.cbrt(math.prod(self.shape)))

    def _plain(self, chain: str, size: float) -> Kernel[Any]:
        from unnoise import chains
        from unnoise.spaces import Euclidean

        if chain == "geodesic":
            space = self.density.space or Euclidean(self.shape)
            return chains.Geodesic(chains.Density(self.density.log_prob, space, self.density.gradient), size)
        return chains.Langevin(self.density, size) if chain == "langevin" else chains.Sachs(self.density, size)

    def _measured(self, guess: Tensor, tell: Tell) -> Tensor:
        """Jumps after measurements that get finer and finer."""
        from unnoise import chains

        sigma = self.settings.sigma or self.settings.scale
        smoothed = chains.PlugIn(self.density, DRAWS, self.rng)
        sampler = chains.Sequential(smoothed, chains.growing(sigma, 8, last=0.1 * sigma), first=100)
        count = len(sampler.sigmas)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always", chains.UnreliableEstimate)
            warnings.simplefilter("always", chains.NotMixedWarning)
            jumps = sampler.sample(
                0 * guess,
                self.rng,
                on_step=lambda k, mean: tell((k + 1) / count, f"measuring, noise {mean.level:.2g}"),
            )
        self.doubts += [w.message for w in heard if isinstance(w.message, chains.UnreliableEstimate)]
        for one in heard:
            if not isinstance(one.message, chains.UnreliableEstimate):
                warnings.warn(one.message, stacklevel=2)
        self.asked += sampler.scores
        return jumps

    def _ran(self, x: Tensor, tell: Tell) -> Tensor:
        """The chains after all steps; of the first group a few are watched on the way."""
        from unnoise import chains

        kernel, x = self._ready(x)
        steps, watched = self.settings.steps, not self._sizes

        def look(index: int, state: Any) -> None:
            if watched and (index + 1) % self.every == 0:
                self.kept.append(state.x[:WATCHED].clone())
            tell((index + 1) / steps, f"step {index + 1:,} of {steps:,}")

        trace = chains.run(kernel, x, steps, self.rng, on_step=look)
        self._accepted.append(trace.acceptance)
        return trace.x
