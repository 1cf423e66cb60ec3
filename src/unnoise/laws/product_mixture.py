"""Mixtures of product laws: given the component, all cells of a point are independent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
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

    Cells may be in groups that are independent of each other, each a mixture of its own, with a column of weights:
    $\prod_g\sum_k w_{kg}\prod_{c\in g} p_{kc}(x_c)$.

    Args:
        weights: (K,), non-negative, summing to one; or (K, G) of G groups, each column summing to one.
        parts: `Components` of K laws, or a dict of them, nested as points are.
        groups: of every cell the number of its group, int64 (*cells), a tree like parts; None if there is one group.

    >>> from unnoise.laws import CategoricalComponents
    >>> parts = CategoricalComponents(torch.tensor([[[0.9, 0.1], [0.9, 0.1]], [[0.1, 0.9], [0.1, 0.9]]]))
    >>> law = ProductMixture(torch.tensor([0.5, 0.5]), parts)
    >>> first = torch.tensor([[True, False]])
    >>> law.posterior(torch.tensor([[1, 0]]), known=first)
    tensor([[0.1000, 0.9000]])
    """

    weights: Tensor
    parts: Any
    groups: Any = None

    def __post_init__(self) -> None:
        tensor(least=0, weights=self.weights)
        wanted = 1 if self.groups is None else 2
        if self.weights.ndim != wanted or bool(((self.weights.sum(0) - 1).abs() > 1e-4).any()):
            shape = "(K,)" if wanted == 1 else "(K, G), whose columns are"
            refuse("weights", self.weights, f"a tensor of shape {shape} of numbers that sum to 1")
        found = list(_tree.leaves(self.parts))
        if not found or not all(isinstance(part, Components) for _, part in found):
            refuse("parts", self.parts, "laws.Components, or a dict of them")
        if wrong := [len(part) for _, part in found if len(part) != len(self.weights)]:
            raise InputError(f"got {wrong[0]} laws for {len(self.weights)} weights; expected one for each component")
        if self.groups is not None and not self._has_groups({path: part.cells for path, part in found}):
            refuse(
                "groups", self.groups, "numbers of columns of weights, int64, a tree like parts with the cells of each"
            )

    def _has_groups(self, shapes: dict[str, tuple[int, ...]]) -> bool:
        numbers = dict(_tree.leaves(self.groups))
        known = torch.arange(self.weights.shape[1], device=self.weights.device)
        return numbers.keys() == shapes.keys() and all(
            isinstance(leaf, Tensor) and tuple(leaf.shape) == shapes[path] and bool(torch.isin(leaf, known).all())
            for path, leaf in numbers.items()
        )

    @cached_property
    def independent(self) -> tuple[tuple[Any, ProductMixture], ...]:
        """Masks of the cells of each group, and the law of these, side by side; one group has all cells as they are."""
        if self.groups is None:
            return ((None, self),)
        found = []
        for group, weights in enumerate(self.weights.T):
            cells = _tree.map(lambda numbers, group=group: numbers == group, self.groups)
            there = weights > 0
            parts = _tree.map(lambda part, there=there: part.at(there), only(self.parts, cells))
            found.append((cells, ProductMixture(weights[there], parts)))
        return tuple(found)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Any:
        """Draw (*shape, *event): a component of each group, then every cell by itself."""
        n = math.prod(shape)
        if self.groups is not None:
            x = self._together([law.sample(rng, (n,)) for _, law in self.independent])
            return _tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), x)
        below = self.weights.double().cumsum(0)
        heights = torch.rand(n, generator=rng, device=rng.device, dtype=torch.float64).to(below.device)
        chosen = torch.searchsorted(below, heights * below[-1], right=True).clamp_(max=len(below) - 1)
        return _tree.map(lambda part: part.sample(chosen, rng).reshape(*shape, *part.cells), self.parts)

    def log_prob(self, x: Any, known: Any = None) -> Tensor:
        """Log density of the known cells of x, (*batch,), in nats; of all where no masks are given."""
        if self.groups is None:
            return torch.logsumexp(self.component_log_prob(x, known) + self.weights.log(), -1)
        (flat, batch), masks = self._rows(x), None if known is None else self._rows(known)[0]
        found = [
            law.log_prob(only(flat, cells), None if masks is None else only(masks, cells))
            for cells, law in self.independent
        ]
        return torch.stack(found).sum(0).reshape(batch)

    def component_log_prob(self, x: Any, known: Any = None) -> Tensor:
        """Log density of the known cells under every component, (*batch, K), of one group."""
        if self.groups is not None:
            raise InputError("got a law of several groups of cells; ask each of those in `independent`")
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
        if self.groups is not None:
            found = [law.completed(only(x, cells), only(known, cells), rng) for cells, law in self.independent]
            return _tree.map(lambda new, old: new.to(old), self._together(found), x)
        blocks = [_drawn(self.posterior(*_at((x, known), rows)), rng) for rows in self.blocks(_tree.length(x))]
        chosen = torch.cat(blocks) if blocks else torch.zeros(0, dtype=torch.int64)
        return _tree.map(lambda part, *points: part.completed(*points, chosen, rng), self.parts, x, known)

    def _together(self, found: list[Any]) -> Any:
        """Points of all groups, (n, *cells), from those of each."""
        pairs = [
            (dict(_tree.leaves(x)), dict(_tree.leaves(cells)))
            for x, (cells, _) in zip(found, self.independent, strict=True)
        ]

        def leaf(path: str, part: Components) -> Tensor:
            own = [(x[path], cells[path].flatten()) for x, cells in pairs if path in x]
            whole: Tensor = own[0][0].new_empty(len(own[0][0]), math.prod(part.cells))
            for new, cells in own:
                whole[:, cells] = new
            return whole.reshape(-1, *part.cells)

        made = iter([leaf(path, part) for path, part in _tree.leaves(self.parts)])
        return _tree.map(lambda _: next(made), self.parts)

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


def only(tree: Any, cells: Any) -> Any:
    """Of points, masks or components the cells of a mask, side by side; leaves without any are left out."""
    if isinstance(tree, dict):
        found = {name: only(part, cells[name]) for name, part in tree.items()}
        return {name: part for name, part in found.items() if part is not None} or None
    if not cells.any():
        return None
    return tree.only(cells) if isinstance(tree, Components) else tree.flatten(1)[:, cells.flatten()]


def _at(trees: tuple[Any, ...], rows: slice) -> Any:
    return tuple(_tree.map(lambda leaf: leaf[rows], tree) for tree in trees)


def _drawn(weights: Tensor, rng: torch.Generator) -> Tensor:
    """One number of every row of weights, (n,)."""
    below = weights.double().cumsum(-1)
    heights = torch.rand((len(weights), 1), generator=rng, device=rng.device, dtype=torch.float64).to(below.device)
    return torch.searchsorted(below, heights * below[:, -1:], right=True)[:, 0].clamp_(max=weights.shape[-1] - 1)
