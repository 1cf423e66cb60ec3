"""Which cells share a mixture, and which mixtures are crossed: a search that held-out rows judge."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from unnoise import _tree
from unnoise.laws.crossing import MOST_ROWS, pairs, strongest
from unnoise.laws.latent_classes.cells import of_cells, put, side_by_side, which
from unnoise.laws.latent_classes.clock import Clock
from unnoise.laws.latent_classes.rows import WeightedRows
from unnoise.laws.latent_classes.sizes import GroupFit, best_of_sizes, is_better, settled, sizes_up_to
from unnoise.laws.links import links_of
from unnoise.laws.product_mixture import ProductMixture, only

COMPONENTS = 300
FEW = 50  # components at most, by which groups are chosen
OF_SIDE = (50, 150)  # components at most of either of two sides, in order
CROSSED = 1000  # pairs of them, at most, where there may be 300 components, and as many for fewer in proportion
LINKS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)  # nats that two cells say of each other, above which a group has both


@dataclass(frozen=True)
class Grouping:
    """Cells in groups, which are independent.

    Args:
        groups: the number of its group for every cell, a tree of int64 tensors (*cells).
        parts: the mixture of each group.

    >>> from unnoise.laws import CategoricalComponents
    >>> from unnoise.laws.latent_classes import Prior
    >>> coin = CategoricalComponents(torch.tensor([[[0.5, 0.5]]]))
    >>> law = ProductMixture(torch.ones(1), coin)
    >>> masks = torch.tensor([True, False]), torch.tensor([False, True])
    >>> parts = [GroupFit(mask, law, Prior.of(coin, 1.0), law.log_prob(torch.tensor([[0]])), (1,)) for mask in masks]
    >>> Grouping(torch.tensor([0, 1]), parts).log_prob.exp()
    tensor([0.2500])
    """

    groups: Any
    parts: list[GroupFit]

    @property
    def log_prob(self) -> Tensor:
        """Of held-out rows."""
        return torch.stack([part.log_prob for part in self.parts]).sum(0)


def groupings(links: Tensor, together: Any) -> Iterator[Any]:
    """Cells in groups, coarser ones first: joined where two say more of each other than so many nats."""
    numbers = side_by_side(together)
    same = numbers[:, None] == numbers
    count = 1
    for least in LINKS:
        found, labels = connected_components((same | (links > least)).cpu().numpy(), directed=False)
        if found > count:
            count = found
            yield of_cells(torch.from_numpy(labels).long(), together)


class Search:
    """Mixtures of groups of cells, each of which is fitted once, and further where more components may be better."""

    def __init__(
        self, base: Any, train: WeightedRows, test: WeightedRows, most: int, rng: torch.Generator, clock: Clock
    ) -> None:
        self.base, self.train, self.test, self.rng, self.clock = base, train, test, rng, clock
        self.most, self.most_pairs = most, CROSSED * most // COMPONENTS
        self.links = links_of(train.x, train.known)
        self.found: dict[tuple[bool, ...], GroupFit] = {}
        self.alike: dict[tuple[bool, ...], GroupFit] = {}  # of `FEW` components, whatever is best

    def of(self, groups: Any, sizes: list[int]) -> Grouping:
        """The mixtures of these groups, of the number of components among these that is best."""
        numbers = sorted(set(side_by_side(groups).tolist()))
        masks = [_tree.map(lambda leaf, number=number: leaf == number, groups) for number in numbers]
        return Grouping(groups, [self._fit(cells, sizes) for cells in masks])

    def crossed(self, found: Grouping, together: Any) -> Grouping:
        """With mixtures of two groups, or of two sides of one, crossed, where that is better."""
        while (new := self._groups_crossed(found)) is not found:
            found = new
        return replace(found, parts=[self._sides_crossed(one, together) for one in found.parts])

    def _groups_crossed(self, found: Grouping) -> Grouping:
        """Of the two groups that say most of each other."""
        numbers = side_by_side(found.groups)
        links = self.links.masked_fill(numbers[:, None] == numbers, 0.0)
        if self.clock.over or not bool(links.max() > 0):
            return found
        pair = numbers[(links == links.max()).nonzero()[0]].tolist()
        one, other = (found.parts[number] for number in pair)
        both = _tree.map(torch.logical_or, one.cells, other.cells)
        tried = self._cross(one, other, both), self._cross(self._of_few(one), self._of_few(other), both)
        new = max(tried, key=lambda fit: float(fit.log_prob @ self.test.weights))
        if not is_better(new.log_prob - one.log_prob - other.log_prob, self.test.weights, errors=-1.0):
            return found  # that they say something of each other is known; held-out rows tell whether it was learnt
        parts = [new, *(part for part in found.parts if part is not one and part is not other)]
        labels = torch.zeros_like(numbers)
        for number, part in enumerate(parts):
            labels[side_by_side(part.cells)] = number
        return Grouping(of_cells(labels, found.groups), parts)

    def _sides_crossed(self, best: GroupFit, together: Any) -> GroupFit:
        """Of few components of the sides, then of more, while that is better."""
        there = side_by_side(best.cells)
        side = strongest(self.links[there][:, there], side_by_side(together)[there])
        if side is None:
            return best
        first, second = there.clone(), there.clone()
        first[there], second[there] = side, ~side
        for size in sorted({min(self.most, size) for size in OF_SIDE} - {1}):
            if self.clock.over:
                break
            one, other = (self._fit(of_cells(cells, best.cells), sizes_up_to(size)) for cells in (first, second))
            new = self._cross(one, other, best.cells)
            if not is_better(new.log_prob - best.log_prob, self.test.weights, errors=1.0):
                break
            best = new
        return best

    def _cross(self, one: GroupFit, other: GroupFit, cells: Any) -> GroupFit:
        """A mixture of pairs of components of two sides, after further steps."""
        train, test = self.train.only(cells), self.test.only(cells)
        law = self._of_pairs(one, other, cells)
        law, prior = settled(law, train, test, law.parts, 1, self.clock)
        return GroupFit(cells, law, prior, law.log_prob(test.x, test.known), one.tried)

    def _of_pairs(self, one: GroupFit, other: GroupFit, cells: Any) -> ProductMixture:
        """A component for every pair of components of two sides that occurs."""
        rows = [self.train.at(slice(MOST_ROWS)).only(side.cells) for side in (one, other)]
        left, right = (
            side.law.component_log_prob(some.x, some.known) for side, some in zip((one, other), rows, strict=True)
        )
        i, j, weights = pairs(left, right, self.train.weights[:MOST_ROWS], self.most_pairs)
        parts = _tree.map(lambda part: part.repeated(len(weights)), self.base)
        for side, chosen in ((one, i), (other, j)):
            parts = put(parts, side.cells, _tree.map(lambda part, chosen=chosen: part.at(chosen), side.law.parts))
        return ProductMixture(weights.to(one.law.weights), only(parts, cells))

    def _fit(self, cells: Any, sizes: list[int]) -> GroupFit:
        key = which(cells)
        self.found[key] = self._of_sizes(cells, sizes, self.found.get(key))
        return self.found[key]

    def _of_few(self, side: GroupFit) -> GroupFit:
        """Of as many components as groups are chosen by.

        Of fewer, which are best by themselves, a rare value that says much of the other side may have none; of pairs of
        many no row tells.
        """
        key = which(side.cells)
        if key not in self.alike:
            now = self.rng.get_state()
            self.alike[key] = self._of_sizes(side.cells, [min(self.most, FEW)])
            self.rng.set_state(now)  # what follows is as without, where this is of no use
        return self.alike[key]

    def _of_sizes(self, cells: Any, sizes: list[int], best: GroupFit | None = None) -> GroupFit:
        base, train, test = only(self.base, cells), self.train.only(cells), self.test.only(cells)
        return best_of_sizes(cells, base, train, test, sizes, self.rng, self.clock, best)
