"""How `unnoise walk` walks: the chains by name, in groups, so that memory does not grow with their number."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unnoise._errors import InputError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from unnoise.chains import Kernel, StartCorrelation, UnreliableEstimate
    from unnoise.laws import LogDensity

NUMBERS_AT_ONCE = 2**20  # of one group
WATCHED, KEPT = 64, 100  # chains, and positions of each, for R-hat and pictures
DRAWS = 512  # of the plug-in denoiser, per point

Tell = Callable[[float, str], None]


@dataclass(frozen=True)
class Settings:
    """What was asked for."""

    steps: int
    step_size: float | None = None
    scale: float = 1.0
    sigma: float | None = None


class Walker(ABC):
    """Walks group after group; what the first finds out about the step size serves all.

    Args:
        density: where to walk.
        shape: of one point.
        settings: how.
        rng: where all randomness comes from.

    Attributes:
        kernel: how chains move; None before the first group.
        kept: positions of a few chains of the first group, (m, n, *event), after every `every` steps.
        doubts: what an estimated denoiser said against its estimates.
        asked: how many estimates there were.
    """

    def __init__(
        self, density: LogDensity[Tensor], shape: tuple[int, ...], settings: Settings, rng: torch.Generator
    ) -> None:
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
        from unnoise.chains.mixing import start_correlation

        start = self._start(n)
        end = self._walked(start, tell)
        self._sizes.append(n)
        self._remembered.append(start_correlation(start, end).correlation)
        return end

    @property
    def acceptance(self) -> float | None:
        """How often moves were accepted; None of chains that accept all."""
        return None

    @property
    def memory(self) -> StartCorrelation | None:
        """What the ends still say of the starts; None where the starts are not what decides."""
        from unnoise.chains import StartCorrelation

        return StartCorrelation(self._mean(self._remembered), 1 / math.sqrt(sum(self._sizes)))

    @abstractmethod
    def _found_kernel(self, x: Tensor) -> tuple[Kernel[Any], Tensor]:
        """How chains at x move, and where they are, since those that had to find a step size have moved meanwhile."""

    def _mean(self, of_groups: list[float]) -> float:
        total = sum(size * value for size, value in zip(self._sizes, of_groups, strict=True))
        return total / sum(self._sizes)

    def _start(self, n: int) -> Tensor:
        """Normal points, or uniform ones on compact spaces."""
        import torch

        from unnoise.spaces import Compact, Manifold

        space = self.density.support
        if isinstance(space, Compact):
            return space.uniform(n).sample(self.rng).to(torch.get_default_dtype())
        x = self.settings.scale * torch.randn(n, *self.shape, generator=self.rng)
        return space.project(x) if isinstance(space, Manifold) else x

    def _walked(self, x: Tensor, tell: Tell) -> Tensor:
        """The chains after all steps; of the first group a few are watched on the way."""
        from unnoise import chains

        if self.kernel is None:
            self.kernel, x = self._found_kernel(x)
        steps, watched = self.settings.steps, not self._sizes

        def look(index: int, state: Any) -> None:
            if watched and (index + 1) % self.every == 0:
                self.kept.append(state.x[:WATCHED].clone())
            tell((index + 1) / steps, f"step {index + 1:,} of {steps:,}")

        trace = chains.run(self.kernel, x, steps, self.rng, on_step=look)
        self._accepted.append(trace.acceptance)
        return trace.x


class Mala(Walker):
    """Exact in the long run; finds its own step size."""

    @property
    def acceptance(self) -> float | None:
        """How often moves were accepted."""
        return self._mean(self._accepted)

    def _found_kernel(self, x: Tensor) -> tuple[Kernel[Any], Tensor]:
        from unnoise import chains

        size = self.settings.step_size
        if size is not None:
            return chains.MALA(self.density, size), x
        first = 0.5 * self.settings.scale**2 / float(math.cbrt(math.prod(self.shape)))  # about the best for a normal
        kernel = chains.MALA(self.density, first)
        tuned = chains.tune(kernel, x, self.rng, steps=min(200, self.settings.steps))
        return tuned.kernel, tuned.state.x


class Unadjusted(Walker):
    """Chains that accept all moves, and have to be given their step."""

    @abstractmethod
    def _kernel(self, size: float) -> Kernel[Any]:
        """The chain of this step size."""

    def _found_kernel(self, x: Tensor) -> tuple[Kernel[Any], Tensor]:
        if self.settings.step_size is None:
            raise InputError(f"--chain {type(self).__name__.lower()} does not find its own step: give --step-size")
        return self._kernel(self.settings.step_size), x


class Langevin(Unadjusted):
    """The plain Langevin algorithm."""

    def _kernel(self, size: float) -> Kernel[Any]:
        from unnoise.chains import Langevin

        return Langevin(self.density, size)


class Underdamped(Unadjusted):
    """Langevin with a velocity."""

    def _kernel(self, size: float) -> Kernel[Any]:
        from unnoise.chains import Sachs

        return Sachs(self.density, size)


class Geodesic(Unadjusted):
    """Langevin along geodesics."""

    def _kernel(self, size: float) -> Kernel[Any]:
        from unnoise.chains import Geodesic

        return Geodesic(self.density, size)


class Sequential(Mala):
    """Jumps after measurements that get finer and finer, then MALA from there."""

    @property
    def memory(self) -> StartCorrelation | None:
        """None: the measurements decide."""
        return None

    def _walked(self, x: Tensor, tell: Tell) -> Tensor:
        jumps = self._measured(x, lambda done, note: tell(done / 2, note))
        return super()._walked(jumps, lambda done, note: tell((1 + done) / 2, note))

    def _measured(self, guess: Tensor, tell: Tell) -> Tensor:
        from unnoise import chains
        from unnoise.processes import variance_exploding
        from unnoise.spaces import Euclidean

        sigma = self.settings.sigma or self.settings.scale
        process = variance_exploding(Euclidean(self.shape), sigma_min=0.05 * sigma, sigma_max=2 * sigma)
        noisy = chains.AtNoise(chains.PlugIn(process, self.density, DRAWS, self.rng))
        sampler = chains.Sequential(noisy, chains.growing_levels(sigma, 8, last=0.1 * sigma), first=100)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always", chains.UnreliableEstimate)
            warnings.simplefilter("always", chains.NotMixedWarning)
            jumps = sampler.sample(
                0 * guess,
                self.rng,
                on_step=lambda k, mean: tell((k + 1) / sampler.reports, f"measuring, noise {mean.level:.2g}"),
            )
        self.doubts += [w.message for w in heard if isinstance(w.message, chains.UnreliableEstimate)]
        for one in heard:
            if not isinstance(one.message, chains.UnreliableEstimate):
                warnings.warn(one.message, stacklevel=2)
        self.asked += sampler.scores
        return jumps


CHAINS: dict[str, type[Walker]] = {
    "mala": Mala,
    "langevin": Langevin,
    "underdamped": Underdamped,
    "geodesic": Geodesic,
    "sequential": Sequential,
}
