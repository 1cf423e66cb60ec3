"""What the properties of a sampler ask for: runs at three step sizes, and denoisers with known answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.denoisers import Denoiser
from unnoise.processes import HasKernel
from unnoise.samplers import Sampler
from unnoise.testing.case import Case, at, rows

Make = Callable[[Denoiser, int], Sampler]

REACHED = 0.01  # of the least distance between atoms: a sample this close to one is one


@dataclass(frozen=True)
class Run:
    """Many runs of one sampler: the samples, the states half way, and the time there, a time of the coarsest grid."""

    t: Tensor
    half_way: Any
    samples: Any


@dataclass(frozen=True)
class SamplerCase(Case):
    """A way to make samplers, and a process with weighted atoms whose exact denoiser they run.

    Attributes:
        make: (denoiser, steps) -> sampler.
        steps: of the coarsest run, in moves; finer ones have 2 and 4 times as many.
        order: of weak convergence.
    """

    make: Make
    steps: int
    order: float

    def sampler(self, denoiser: Denoiser | None = None, moves: int | None = None) -> Sampler:
        """A sampler of so many moves, which looks at one state more."""
        return self.make(self.exact() if denoiser is None else denoiser, (self.steps if moves is None else moves) + 1)

    @cached_property
    def runs(self) -> tuple[Run, Run, Run]:
        """Runs with steps h, h/2 and h/4 from the same seed."""
        return self._run(1), self._run(2), self._run(4)

    def _run(self, finer: int) -> Run:
        times, half_way = self.sampler().grid(self.process, self.steps + 1), self.times[len(self.times) // 2]
        stop, seen = finer * (1 + int((times[1:-1] - half_way).abs().argmin())), []

        def on_step(index: int, t: float, state: Any) -> None:
            if index + 1 == stop:
                seen.append((t, state))

        sampler = self.sampler(moves=self.steps * finer)
        samples = sampler.sample(self.draws, self.rng("walk"), on_step=on_step)
        return Run(at(seen[0][0]), _tree.concatenate([state for _, state in seen]), samples)

    def which(self, samples: Any) -> Tensor:
        """Which atom each sample is, one-hot, (n, k); no atom for those astray."""
        atoms = self.flat(self.atoms)
        distances = torch.cdist(self.flat(samples), atoms)
        nearest = torch.nn.functional.one_hot(distances.argmin(1), len(self.weights)).double()
        return nearest * (distances <= REACHED * torch.pdist(atoms).min())


class Oracle(Denoiser):
    """A denoiser that knows the answer: the condition is the number of the atom."""

    process: HasKernel[Any]
    like: Tensor

    def __init__(self, process: HasKernel[Any], atoms: Any) -> None:
        super().__init__()
        self.process, self.atoms = process, atoms
        self.register_buffer("like", torch.zeros((), dtype=torch.float64))

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """The statistic of the atom asked for; of the first one without a condition."""
        wanted = torch.zeros(_tree.length(x_t), 1) if cond is None else cond
        return self.process.target(rows(self.atoms, wanted[:, 0].long()), x_t, t)


class Failing(Oracle):
    """A denoiser that breaks down half way."""

    def forward(self, x_t: Any, t: Tensor, cond: Any = None) -> Any:
        """NaN for t below 1/2."""
        return _tree.map(lambda leaf: leaf * torch.nan if t.min() < 0.5 else leaf, super().forward(x_t, t, cond))
