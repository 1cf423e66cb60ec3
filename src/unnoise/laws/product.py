"""Independent laws by name: the kernels, steps and priors of products."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._checks import mapping
from unnoise.laws.base import HasEntropy, Law


@dataclass(frozen=True)
class Independent(HasEntropy[dict[str, Any]]):
    r"""$\prod_n p_n(x_n)$ on dicts of states; density with respect to the product measure.

    Args:
        parts: name -> law; all of one batch shape.

    >>> from unnoise.laws import Normal
    >>> one = Normal(torch.zeros(4, 2), torch.ones(()), event_ndim=1)
    >>> sorted(Independent({"a": one, "b": one}).sample(torch.Generator()))
    ['a', 'b']
    """

    parts: Mapping[str, Law[Any]]

    def __post_init__(self) -> None:
        mapping(Law, parts=self.parts)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> dict[str, Any]:
        """Draw a dict of (*shape, *batch, *event)."""
        return {name: law.sample(rng, shape) for name, law in self.parts.items()}

    def log_prob(self, x: dict[str, Any]) -> Tensor:
        """The sum over parts."""
        return self._total(lambda name, law: law.log_prob(x[name]))

    def entropy(self) -> Tensor:
        """The sum over parts, which must all have one."""
        return self._total(lambda name, law: law.entropy())

    def kl(self, other: Independent) -> Tensor:
        """The sum over parts, which must all have one."""
        return self._total(lambda name, law: law.kl(other.parts[name]))

    def _total(self, f: Callable[[str, Any], Tensor]) -> Tensor:
        return total(f(name, law) for name, law in self.parts.items())


def total(terms: Iterable[Tensor]) -> Tensor:
    """The sum of one or more tensors."""
    first, *others = terms
    return sum(others, first)
