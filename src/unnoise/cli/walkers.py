"""The chains of `unnoise walk` by name, in groups, so that memory does not grow with their number."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
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
SEQUENTIAL = "sequential"  # ever finer measurements, then the kernel
KERNELS = {"mala": "MALA", "langevin": "Langevin", "underdamped": "Sachs", "geodesic": "Geodesic", SEQUENTIAL: "MALA"}

Tell = Callable[[float, str], None]


@dataclass
class Walker:
    """Walks group after group, with the step size of the first; `sigma` is that of sequential's first measurements.

    Chains start from N(0, scale^2 I), all over a compact space, or from `starts`, one after the other.

    Attributes:
        kernel: how chains move; None before the first group.
        kept: positions of a few chains, (m, n, *event), after every `every` steps.
        doubts: the warnings of an estimated denoiser.
        asked: the number of estimates.
    """

    chain: str
    density: LogDensity[Tensor]
    shape: tuple[int, ...]
    rng: torch.Generator
    steps: int
    step_size: float | None = None
    scale: float = 1.0
    sigma: float | None = None
    starts: Tensor | None = None
    kernel: Kernel[Any] | None = field(default=None, init=False)
    kept: list[Tensor] = field(default_factory=list, init=False)
    doubts: list[UnreliableEstimate] = field(default_factory=list, init=False)
    asked: int = field(default=0, init=False)
    _groups: list[tuple[int, float, float]] = field(default_factory=list, init=False)  # size, acceptance, correlation

    def __post_init__(self) -> None:
        self.every = max(1, self.steps // KEPT)

    def groups(self, n: int) -> list[int]:
        """The sizes of groups: nearly equal, none below 2, which have a correlation."""
        count = min(n // 2, -(-n * math.prod(self.shape) // NUMBERS_AT_ONCE))
        return [n // count + (i < n % count) for i in range(count)]

    def walk(self, n: int, tell: Tell) -> Tensor:
        """Where n chains end, (n, *event); `tell` gets the share done and a few words."""
        from unnoise import chains
        from unnoise.chains.mixing import start_correlation

        x = start = self._start(n)
        share = 1.0
        if self.chain == SEQUENTIAL:
            share = 0.5
            x = self._measured(x, lambda done, note: tell(share * done, note))
        if self.kernel is None:
            self.kernel, x = self._found_kernel(x)
        watched = not self._groups

        def look(index: int, state: Any) -> None:
            if watched and (index + 1) % self.every == 0:
                self.kept.append(state.x[:WATCHED].clone())
            done = (index + 1) / self.steps
            tell(1 - share + share * done, f"step {index + 1:,} of {self.steps:,}")

        trace = chains.run(self.kernel, x, self.steps, self.rng, on_step=look)
        self._groups.append((n, trace.acceptance, start_correlation(start, trace.x).correlation))
        return trace.x

    @property
    def acceptance(self) -> float | None:
        """The share of accepted moves; None if all are."""
        return self._mean(1) if KERNELS[self.chain] == "MALA" else None

    @property
    def memory(self) -> StartCorrelation | None:
        """What ends still say of starts; None where measurements decide."""
        from unnoise.chains import StartCorrelation

        error = sum(group[0] for group in self._groups) ** -0.5
        return None if self.chain == SEQUENTIAL else StartCorrelation(self._mean(2), error)

    def _mean(self, which: int) -> float:
        return sum(group[0] * group[which] for group in self._groups) / sum(group[0] for group in self._groups)

    def _found_kernel(self, x: Tensor) -> tuple[Kernel[Any], Tensor]:
        from unnoise import chains

        kind: Any = getattr(chains, KERNELS[self.chain])
        if self.step_size is not None:
            return kind(self.density, self.step_size), x
        if kind is not chains.MALA:
            raise InputError(f"--chain {self.chain} does not find its own step: give --step-size")
        first = 0.5 * self.scale**2 / float(math.cbrt(math.prod(self.shape)))  # about the best for a normal
        tuned = chains.tune(chains.MALA(self.density, first), x, self.rng, steps=min(200, self.steps))
        return tuned.kernel, tuned.state.x

    def _start(self, n: int) -> Tensor:
        import torch

        from unnoise.spaces import Compact, Manifold

        space = self.density.support
        if self.starts is not None:
            return self._started(self.starts, n)
        if isinstance(space, Compact):
            return space.uniform(n).sample(self.rng).to(torch.get_default_dtype())
        x = self.scale * torch.randn(n, *self.shape, generator=self.rng)
        return space.project(x) if isinstance(space, Manifold) else x

    def _started(self, given: Tensor, n: int) -> Tensor:
        """The next of them, from the first again where there are fewer than chains."""
        import torch

        passed = sum(size for size, _, _ in self._groups)
        return given[torch.arange(passed, passed + n) % len(given)].to(torch.get_default_dtype())

    def _measured(self, guess: Tensor, tell: Tell) -> Tensor:
        from unnoise import chains
        from unnoise.processes import variance_exploding
        from unnoise.spaces import Euclidean

        sigma = self.sigma or self.scale
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
        for one in heard:
            if isinstance(one.message, chains.UnreliableEstimate):
                self.doubts.append(one.message)
            else:
                warnings.warn(one.message, stacklevel=2)
        self.asked += sampler.scores
        return jumps
