"""What the properties of a process ask for: atoms, their noised law, their exact denoiser, test functions, times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise.denoisers import Exact
from unnoise.processes import HasKernel
from unnoise.testing.findings import generator
from unnoise.testing.noised import NoisedAtoms, repeated, rows
from unnoise.testing.waves import Waves, flat_features, waves

LOST = (0.25, 0.5, 0.75)  # shares of what the atoms tell apart that are lost at the informative times


@dataclass(frozen=True)
class Case:
    """A process with weighted atoms.

    Attributes:
        process: under test.
        atoms: (k, *event), real numbers in float64.
        weights: (k,), positive, summing to one.
        times: where to look.
        churns: of the reverse.
        draws: of every random variable.
        functions: how many test functions.
        seed: of all randomness.
    """

    process: HasKernel[Any]
    atoms: Any
    weights: Tensor
    times: tuple[float, ...]
    churns: tuple[float, ...]
    draws: int
    functions: int
    seed: int

    def rng(self, claim: str) -> torch.Generator:
        """The generator of one property."""
        return generator(self.seed, claim)

    def atom(self, index: int) -> Any:
        """One atom, without a batch axis."""
        return rows(self.atoms, index % len(self.weights))

    def many(self, index: int) -> Any:
        """One atom, `draws` times."""
        return repeated(self.atom(index), self.draws)

    def each_time(self) -> Iterator[tuple[int, str, Tensor]]:
        """The informative times, numbered, with a label."""
        for i, t in enumerate(self.times):
            yield i, f"t = {t:.3g}", at(t)

    def noised(self, t: Tensor, weights: Tensor | None = None) -> NoisedAtoms:
        """The noised law of the atoms, with other weights if given."""
        return NoisedAtoms(self.process, self.atoms, self.weights if weights is None else weights, t)

    def exact(self, weights: Tensor | None = None) -> Exact:
        """The exact denoiser of the same law."""
        return Exact(self.process, self.atoms, self.weights if weights is None else weights)

    def other_weights(self, count: int, rng: torch.Generator) -> list[Tensor]:
        """Other laws on the same atoms."""
        drawn = torch.rand(count, len(self.weights), generator=rng, dtype=torch.float64) + 0.2
        return list(drawn / drawn.sum(1, keepdim=True))

    def waves(self, example: Any, rng: torch.Generator) -> Waves:
        """Test functions at the scale of an example."""
        return waves(self.process.space.features, example, self.functions, rng)

    def flat(self, x: Any) -> Tensor:
        """The features of a batch of points as vectors, (n, m)."""
        return flat_features(self.process.space.features, x, self.process.space.features(self.atoms).ndim - 1)


def at(t: float) -> Tensor:
    """A time."""
    return torch.tensor(t, dtype=torch.float64)


def informative_times(process: HasKernel[Any], atoms: Any, weights: Tensor, seed: int) -> tuple[float, ...]:
    """Times at which the share `LOST` of the entropy of the atoms cannot be read off x_t any more.

    Between them lies all that a denoiser has to decide, whatever the schedule of the process.
    """
    grid = torch.linspace(0, 1, 101, dtype=torch.float64)[1:-1]
    entropy = -(weights * weights.log()).sum()
    lost = []
    for t in grid:
        law = NoisedAtoms(process, atoms, weights, t)
        x = law.sample(generator(seed, "informative times"), (512,))
        log_posterior = torch.log_softmax(law.component_log_prob(x) + weights.log(), -1)
        lost.append(-(log_posterior.exp() * log_posterior).nan_to_num(0.0).sum(-1).mean() / entropy)
    curve = torch.stack(lost)
    return tuple(float(grid[(curve - share).abs().argmin()]) for share in LOST)
