r"""The law of noised atoms, $q_t = \sum_i w_i\, q_{t|0}(\cdot | a_i)$: the one law that is known exactly everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.laws import Law
from unnoise.processes import HasKernel


@dataclass(frozen=True)
class NoisedAtoms(Law[Any]):
    """A mixture of kernels of one process at one time.

    Args:
        process: any process with a kernel.
        atoms: (k, *event).
        weights: (k,), positive, summing to one.
        t: the time, ().
    """

    process: HasKernel[Any]
    atoms: Any
    weights: Tensor
    t: Tensor

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Any:
        """Draw (*shape, *event)."""
        chosen = torch.multinomial(self.weights, math.prod(shape), replacement=True, generator=rng)
        draws = self.process.marginal(rows(self.atoms, chosen), self.t).sample(rng)
        return _tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), draws)

    def log_prob(self, x: Any) -> Tensor:
        """Log density of x, (*batch,)."""
        return torch.logsumexp(self.component_log_prob(x) + self.weights.log(), -1)

    def component_log_prob(self, x: Any) -> Tensor:
        """Log density of every kernel, (*batch, k), one atom at a time: x may have any batch axes."""
        kernels = [self.process.marginal(rows(self.atoms, i), self.t) for i in range(len(self.weights))]
        return torch.stack([kernel.log_prob(x) for kernel in kernels], -1)


def rows(state: Any, index: int | slice | Tensor) -> Any:
    """Some rows of a state, or one without its batch axis."""
    return _tree.map(lambda leaf: leaf[index], state)


def repeated(state: Any, n: int) -> Any:
    """One point without a batch axis as n equal rows."""
    return _tree.map(lambda leaf: leaf.expand(n, *leaf.shape), state)


def in_double(state: Any) -> Any:
    """The same state with real numbers in float64: properties are judged where rounding cannot be to blame."""
    return _tree.map(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, state)
