"""Mixtures of product laws: given the component, all cells of a point are independent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import refuse, tensor
from unnoise._errors import InputError
from unnoise.laws.base import Law
from unnoise.laws.components import NUMBERS_AT_ONCE, Components


@dataclass(frozen=True)
class ProductMixture(Law[Any]):
    r"""$\sum_k w_k\prod_c p_{kc}(x_c)$ over the cells c of a point; density with respect to the product measure.

    The law of some cells is the mixture of their product laws; so any cells given any others are in closed form, with
    $r_k \propto w_k\prod_{c \in B} p_{kc}(x_c)$ in the place of $w_k$. Of categorical cells it is the latent class
    model (Lazarsfeld, Henry 1968).

    Args:
        weights: (K,), non-negative, summing to one.
        parts: `Components` of K laws, or a dict of them, nested as points are.

    >>> from unnoise.laws import CategoricalComponents
    >>> parts = CategoricalComponents(torch.tensor([[[0.9, 0.1], [0.9, 0.1]], [[0.1, 0.9], [0.1, 0.9]]]))
    >>> law = ProductMixture(torch.tensor([0.5, 0.5]), parts)
    >>> first = torch.tensor([[True, False]])
    >>> law.posterior(torch.tensor([[1, 0]]), known=first)
    tensor([[0.1000, 0.9000]])
    """

    weights: Tensor
    parts: Any

    def __post_init__(self) -> None:
        tensor(least=0, weights=self.weights)
        if self.weights.ndim != 1 or abs(float(self.weights.sum()) - 1) > 1e-4:
            refuse("weights", self.weights, "a tensor of shape (K,) of numbers that sum to 1")
        found = list(_tree.leaves(self.parts))
        if not found or not all(isinstance(part, Components) for _, part in found):
            refuse("parts", self.parts, "laws.Components, or a dict of them")
        if wrong := [len(part) for _, part in found if len(part) != len(self.weights)]:
            raise InputError(f"got {wrong[0]} laws for {len(self.weights)} weights; expected one for each component")

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Any:
        """Draw (*shape, *event): a component, then every cell by itself."""
        below = self.weights.double().cumsum(0)
        heights = torch.rand(math.prod(shape), generator=rng, device=rng.device, dtype=torch.float64).to(below.device)
        chosen = torch.searchsorted(below, heights * below[-1], right=True).clamp_(max=len(below) - 1)
        return _tree.map(lambda part: part.sample(chosen, rng).reshape(*shape, *part.cells), self.parts)

    def log_prob(self, x: Any, known: Any = None) -> Tensor:
        """Log density of the known cells of x, (*batch,), in nats; of all where no masks are given."""
        return torch.logsumexp(self.component_log_prob(x, known) + self.weights.log(), -1)

    def component_log_prob(self, x: Any, known: Any = None) -> Tensor:
        """Log density of the known cells under every component, (*batch, K)."""
        flat, batch = self._rows(x)
        masks = None if known is None else self._rows(known)[0]
        parts = [self._of_block(flat, masks, rows) for rows in self.blocks(_tree.length(flat))]
        return torch.cat([self.weights.new_zeros(0, len(self.weights)), *parts]).reshape(*batch, -1)

    def posterior(self, x: Any, known: Any = None) -> Tensor:
        """Probabilities of the components given the known cells, (*batch, K); the weights where x is impossible."""
        log_joint = self.component_log_prob(x, known)
        nowhere = torch.isneginf(log_joint.amax(-1, keepdim=True))
        return torch.softmax(log_joint.masked_fill(nowhere, 0.0) + self.weights.log(), -1)

    def completed(self, x: Any, known: Any, rng: torch.Generator) -> Any:
        """The points (n, *event) with all cells that are not known drawn given those that are."""
        blocks = [_drawn(self.posterior(*_at((x, known), rows)), rng) for rows in self.blocks(_tree.length(x))]
        chosen = torch.cat(blocks) if blocks else torch.zeros(0, dtype=torch.int64)

        def put(part: Components, old: Tensor, mask: Tensor) -> Tensor:
            return torch.where(mask, old, part.sample(chosen, rng).to(old))

        return _tree.map(put, self.parts, x, known)

    def blocks(self, n: int) -> list[slice]:
        """Groups of rows that bound memory: some 2^20 numbers of each kind of cell at a time."""
        size = max(1, NUMBERS_AT_ONCE // max(part.numbers_per_row for _, part in _tree.leaves(self.parts)))
        return [slice(start, min(start + size, n)) for start in range(0, n, size)]

    def _of_block(self, x: Any, known: Any, rows: slice) -> Tensor:
        total = torch.zeros((), device=self.weights.device)
        trees = (x,) if known is None else (x, known)

        def add(part: Components, *leaves: Tensor) -> None:
            nonlocal total
            total = total + part.log_prob(*(leaf[rows] for leaf in leaves))

        _tree.map(add, self.parts, *trees)
        return total

    def _rows(self, tree: Any) -> tuple[Any, tuple[int, ...]]:
        """With the batch axes as one, and these."""
        first = _tree.first(tree)
        axes = first.ndim - len(_tree.first(self.parts).cells)  # type: ignore[attr-defined]
        batch = tuple(first.shape[:axes])
        return _tree.map(lambda leaf: leaf.reshape(math.prod(batch), *leaf.shape[axes:]), tree), batch


def _at(trees: tuple[Any, ...], rows: slice) -> Any:
    return tuple(_tree.map(lambda leaf: leaf[rows], tree) for tree in trees)


def _drawn(weights: Tensor, rng: torch.Generator) -> Tensor:
    """One number of every row of weights, (n,)."""
    below = weights.double().cumsum(-1)
    heights = torch.rand((len(weights), 1), generator=rng, device=rng.device, dtype=torch.float64).to(below.device)
    return torch.searchsorted(below, heights * below[:, -1:], right=True)[:, 0].clamp_(max=weights.shape[-1] - 1)
