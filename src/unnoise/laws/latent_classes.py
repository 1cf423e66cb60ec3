r"""Mixtures of product laws fitted by EM, with cells that are not known marginalised exactly.

The log posterior $\sum_n u_n\log\sum_k w_k\prod_c p_{kc}(x_{nc})$ plus the conjugate priors never falls. Memory is that
of the data, of the components, and of blocks of some 2^20 numbers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from unnoise import _tree
from unnoise._checks import function, instance, real, refuse, whole
from unnoise._errors import InputError
from unnoise.laws.components import Components, Tally
from unnoise.laws.crossing import MOST_ROWS, pairs, strongest
from unnoise.laws.links import links_of, looked_at
from unnoise.laws.product_mixture import ProductMixture, only
from unnoise.laws.seeds import seeds_of

COMPONENTS = 300
SIZES = (1, 10, 50, 150)  # tried before the greatest, in order, until more say no clearly more of held-out rows
FEW = 50  # components at most, by which groups are chosen
OF_SIDE = (50, 150)  # components at most of either of two sides, in order
CROSSED = 1000  # pairs of them, at most, where there may be 300 components, and as many for fewer in proportion
ROWS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # what the prior of a cell may be worth, in rows
FIRST_ROWS = 3.0
PER_COMPONENT = 5  # rows of data, at least
HELD_OUT, MOST_HELD_OUT = 10, 5000  # one row in so many is held out, and the most
WARM, TRIAL, FINAL = 8, 8, 12  # steps before the prior is chosen, after it, and with all rows
CANDIDATES = 4
ROUNDS = 2  # of choosing the prior
CHOOSING = 20  # steps of the law of what priors are worth
SEEDED = 0.3  # of the components, at most, begin with the rows of a rare value
WEIGHT = 0.1  # rows that each component's weight starts with
BETTER = 0.03  # nats of a held-out row that independent groups must say more, by two standard errors
LINKS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)  # nats that two cells say of each other, above which a group has both


@dataclass(frozen=True)
class WeightedRows:
    """Weighted rows, of which some cells may be unknown.

    Args:
        x: points, (n, *event).
        known: a tree like x of bool tensors (n, *cells).
        weights: (n,), non-negative.
    """

    x: Any
    known: Any
    weights: Tensor

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def numbers(self) -> int:
        """Of cells in all rows."""
        return len(self) * _tree.numel_per_row(self.x)

    def only(self, cells: Any) -> WeightedRows:
        """With the cells of a mask alone, side by side."""
        return WeightedRows(only(self.x, cells), only(self.known, cells), self.weights)

    def followed_by(self, other: WeightedRows) -> WeightedRows:
        """These, and after them others."""
        x, known = (
            _tree.map(lambda *of: torch.cat(of), *pair) for pair in ((self.x, other.x), (self.known, other.known))
        )
        return WeightedRows(x, known, torch.cat([self.weights, other.weights]))

    def at(self, rows: Tensor | slice) -> WeightedRows:
        """Some of them."""
        x, known = (_tree.map(lambda leaf: leaf[rows], tree) for tree in (self.x, self.known))
        return WeightedRows(x, known, self.weights[rows])


@dataclass(frozen=True)
class Prior:
    """What every component starts with: so many rows of a law.

    Args:
        base: `Components` of one law, or of one for each component, or a dict of them, nested as points are.
        rows: how many in each cell, a tree of tensors (cells,), or (K, cells) of each component.
    """

    base: Any
    rows: Any

    @classmethod
    def of(cls, base: Any, rows: float) -> Prior:
        """As many in every cell."""
        cells = _tree.map(lambda part: torch.full((math.prod(part.cells),), rows, dtype=torch.float64), base)
        return cls(base, cells)

    def log_density(self, law: ProductMixture) -> float:
        """Up to a constant of the base."""
        found: list[Tensor] = [WEIGHT * law.weights.double().log().sum()]
        _tree.map(lambda *of: found.append(of[0].log_prior(*of[1:])), law.parts, self.base, self.rows)
        return float(torch.stack(found).sum())


def fit_latent_classes(
    base: Any,
    x: Any,
    known: Any = None,
    *,
    components: int = COMPONENTS,
    weights: Tensor | None = None,
    together: Any = None,
    rng: torch.Generator,
    time_limit: float | None = None,
    on_step: Callable[[float], None] | None = None,
) -> ProductMixture:
    r"""A mixture of product laws, of a number of components and a prior chosen by held-out rows.

    One mixture of all cells has to have a component for every pair of what cells do that have nothing to do with each
    other, and cells that depend strongly on each other leave none for weaker links of others. So cells that say little
    of each other, pair by pair, are tried in groups, each with a mixture of its own, independent of the others; groups
    are kept if they say more of held-out rows. Mixtures of the two groups that say most of each other are then tried
    crossed, their components no longer independent (`laws.crossing`), and so on while that is better; and in a group
    those of the cells that say most of each other, and of all others.

    Args:
        base: the law of all rows: `Components` of one law, or a dict of them, nested as points are.
        x: points, (n, *event).
        known: a tree like x of bool tensors (n, *cells); None if all cells are.
        components: the most components of a mixture that is fitted at once; at most one for every five rows. Where two
            mixtures are crossed there may be ten pairs of theirs for every three.
        weights: of the rows, (n,); 1 by default.
        together: of every cell a number, a tree like base of int64 (*cells): those of the same one stay in one group.
        rng: of the first components, and of the rows held out.
        time_limit: seconds after which no further step begins, or None.
        on_step: called with the share of the work that is done.

    References:
        Mansinghka et al. 2016, CrossCat (Journal of Machine Learning Research 17): groups of columns, each with its
        own mixture.

    >>> from unnoise.laws import CategoricalComponents
    >>> x = torch.tensor([[0, 0], [1, 1]]).repeat(200, 1)
    >>> base = CategoricalComponents.of(x, torch.ones_like(x).bool(), torch.ones(2))
    >>> law = fit_latent_classes(base, x, components=2, rng=torch.Generator().manual_seed(0))
    >>> print(f"{law.log_prob(torch.tensor([[0, 0]])).exp().item():.2f}")
    0.50
    """
    whole(least=1, components=components)
    real(above=0, or_none=True, time_limit=time_limit)
    instance(torch.Generator, rng=rng)
    function(or_none=True, on_step=on_step)
    rows = _checked(base, x, known, weights)
    together = _each_alone(base) if together is None else together
    _check_leaves("together", together, {path: part.cells for path, part in _tree.leaves(base)}, "numbers", torch.int64)
    n = len(rows)
    clock = _Clock(time_limit, on_step)
    most = max(1, min(components, n // PER_COMPONENT))
    order = torch.randperm(n, generator=rng)
    held = min(n // HELD_OUT, MOST_HELD_OUT)
    test, train = (rows.at(order[part].to(rows.weights.device)) for part in (slice(held), slice(held, None)))
    if not held:
        return _run(_first(Prior.of(base, FIRST_ROWS), train, 1, rng), train, Prior.of(base, FIRST_ROWS), 1, clock)
    search = _Search(base, train, test, most, rng, clock)
    few, all_sizes = _sizes(min(most, FEW)), _sizes(most)
    clock.expect(_work(rows, train, most, [*few, *all_sizes]))
    found = search.of(_tree.map(torch.zeros_like, together), few)
    for groups in _groupings(search.links, together):
        if clock.over:
            break
        clock.expect(_work(rows, train, most, [*few, *all_sizes]))
        tried = search.of(groups, few)
        if not _is_better(tried.log_prob - found.log_prob, test.weights, BETTER):
            break
        found = tried
    clock.expect(_work(rows, train, most, all_sizes))
    found = search.of(found.groups, all_sizes)
    clock.expect(_work(rows, train, search.most_pairs, _sizes(OF_SIDE[-1])))
    found = search.crossed(found, together)
    clock.expect(FINAL * sum(rows.only(one.cells).numbers * len(one.law.weights) for one in found.parts))
    return _joined(base, found, rows, clock)


@dataclass(frozen=True)
class _Fit:
    """The mixture of a group of cells, its prior, the log density of held-out rows, and the sizes that were tried."""

    cells: Any
    law: ProductMixture
    prior: Prior
    log_prob: Tensor
    tried: tuple[int, ...]


@dataclass(frozen=True)
class _Grouping:
    """Cells in groups, int64 (*cells), and the mixture of each."""

    groups: Any
    parts: list[_Fit]

    @property
    def log_prob(self) -> Tensor:
        """Of held-out rows."""
        return torch.stack([part.log_prob for part in self.parts]).sum(0)


class _Search:
    """Mixtures of groups of cells, each of which is fitted once, and further where more components may be better."""

    def __init__(
        self, base: Any, train: WeightedRows, test: WeightedRows, most: int, rng: torch.Generator, clock: _Clock
    ) -> None:
        self.base, self.train, self.test, self.rng, self.clock = base, train, test, rng, clock
        self.most, self.most_pairs = most, CROSSED * most // COMPONENTS
        self.links = links_of(train.x, train.known)
        self.found: dict[tuple[bool, ...], _Fit] = {}
        self.alike: dict[tuple[bool, ...], _Fit] = {}  # of `FEW` components, whatever is best

    def of(self, groups: Any, sizes: list[int]) -> _Grouping:
        """The mixtures of these groups, of the number of components among these that is best."""
        numbers = sorted(set(_side_by_side(groups).tolist()))
        masks = [_tree.map(lambda leaf, number=number: leaf == number, groups) for number in numbers]
        return _Grouping(groups, [self._fit(cells, sizes) for cells in masks])

    def crossed(self, found: _Grouping, together: Any) -> _Grouping:
        """With mixtures of two groups, or of two sides of one, crossed, where that is better."""
        while (new := self._groups_crossed(found)) is not found:
            found = new
        return replace(found, parts=[self._sides_crossed(one, together) for one in found.parts])

    def _groups_crossed(self, found: _Grouping) -> _Grouping:
        """Of the two groups that say most of each other."""
        numbers = _side_by_side(found.groups)
        links = self.links.masked_fill(numbers[:, None] == numbers, 0.0)
        if self.clock.over or not bool(links.max() > 0):
            return found
        pair = numbers[(links == links.max()).nonzero()[0]].tolist()
        one, other = (found.parts[number] for number in pair)
        both = _tree.map(torch.logical_or, one.cells, other.cells)
        tried = self._cross(one, other, both), self._cross(self._of_few(one), self._of_few(other), both)
        new = max(tried, key=lambda fit: float(fit.log_prob @ self.test.weights))
        if not _is_better(new.log_prob - one.log_prob - other.log_prob, self.test.weights, errors=0.0):
            return found  # that cells say something of each other is known; held-out rows tell whether it was learnt
        parts = [new, *(part for part in found.parts if part is not one and part is not other)]
        labels = torch.zeros_like(numbers)
        for number, part in enumerate(parts):
            labels[_side_by_side(part.cells)] = number
        return _Grouping(_of_cells(labels, found.groups), parts)

    def _sides_crossed(self, best: _Fit, together: Any) -> _Fit:
        """Of few components of the sides, then of more, while that is better."""
        there = _side_by_side(best.cells)
        side = strongest(self.links[there][:, there], _side_by_side(together)[there])
        if side is None:
            return best
        first, second = there.clone(), there.clone()
        first[there], second[there] = side, ~side
        for size in sorted({min(self.most, size) for size in OF_SIDE} - {1}):
            if self.clock.over:
                break
            one, other = (self._fit(_of_cells(cells, best.cells), _sizes(size)) for cells in (first, second))
            new = self._cross(one, other, best.cells)
            if not _is_better(new.log_prob - best.log_prob, self.test.weights, errors=1.0):
                break
            best = new
        return best

    def _cross(self, one: _Fit, other: _Fit, cells: Any) -> _Fit:
        """A mixture of pairs of components of two sides, after further steps."""
        train, test = self.train.only(cells), self.test.only(cells)
        law = self._of_pairs(one, other, cells)
        law, prior = _settled(law, train, test, law.parts, 1, self.clock)
        return _Fit(cells, law, prior, law.log_prob(test.x, test.known), one.tried)

    def _of_pairs(self, one: _Fit, other: _Fit, cells: Any) -> ProductMixture:
        """A component for every pair of components of two sides that occurs."""
        rows = [self.train.at(slice(MOST_ROWS)).only(side.cells) for side in (one, other)]
        left, right = (
            side.law.component_log_prob(some.x, some.known) for side, some in zip((one, other), rows, strict=True)
        )
        i, j, weights = pairs(left, right, self.train.weights[:MOST_ROWS], self.most_pairs)
        parts = _tree.map(lambda part: part.repeated(len(weights)), self.base)
        for side, chosen in ((one, i), (other, j)):
            parts = _put(parts, side.cells, _tree.map(lambda part, chosen=chosen: part.at(chosen), side.law.parts))
        return ProductMixture(weights.to(one.law.weights), only(parts, cells))

    def _fit(self, cells: Any, sizes: list[int]) -> _Fit:
        key = _key(cells)
        self.found[key] = self._of_sizes(cells, sizes, self.found.get(key))
        return self.found[key]

    def _of_few(self, side: _Fit) -> _Fit:
        """Of as many components as groups are chosen by.

        Of fewer, which are best by themselves, a rare value that says much of the other side may have none; of pairs of
        many no row tells.
        """
        key = _key(side.cells)
        if key not in self.alike:
            now = self.rng.get_state()
            self.alike[key] = self._of_sizes(side.cells, [min(self.most, FEW)])
            self.rng.set_state(now)  # what follows is as without, where this is of no use
        return self.alike[key]

    def _of_sizes(self, cells: Any, sizes: list[int], best: _Fit | None = None) -> _Fit:
        base, train, test = only(self.base, cells), self.train.only(cells), self.test.only(cells)
        return _chosen(cells, base, train, test, sizes, self.rng, self.clock, best)


def _key(cells: Any) -> tuple[bool, ...]:
    """Which cells these are."""
    return tuple(_side_by_side(cells).tolist())


def _joined(base: Any, found: _Grouping, rows: WeightedRows, clock: _Clock) -> ProductMixture:
    """One law of all groups, after further steps with all rows."""
    laws = [_run(part.law, rows.only(part.cells), part.prior, FINAL, clock) for part in found.parts]
    most = max(len(law.weights) for law in laws)
    parts = _tree.map(lambda part: part.repeated(most), base)
    for law, one in zip(laws, found.parts, strict=True):
        parts = _put(parts, one.cells, law.parts)
    if len(laws) == 1:
        return ProductMixture(laws[0].weights, parts)
    weights = torch.stack([torch.nn.functional.pad(law.weights, (0, most - len(law.weights))) for law in laws], 1)
    return ProductMixture(weights, parts, found.groups)


def _put(parts: Any, cells: Any, own: Any) -> Any:
    """The components with those that `only` took for the cells of a mask."""
    if isinstance(parts, dict):
        return {name: _put(part, cells[name], own[name]) if name in own else part for name, part in parts.items()}
    return parts.put(cells, own)


def _coarser(law: ProductMixture, coarse: ProductMixture, rows: WeightedRows) -> Any:
    """For every component the law of the coarser one that most of its rows are of."""
    shared = torch.zeros(len(law.weights), len(coarse.weights), dtype=torch.float64, device=law.weights.device)
    for block in law.blocks(len(rows)):
        some = rows.at(block)
        own, theirs = (one.posterior(some.x, some.known).double() for one in (law, coarse))
        shared += (own * some.weights[:, None]).T @ theirs
    return _tree.map(lambda part: part.at(shared.argmax(1)), coarse.parts)


def _is_better(more: Tensor, weights: Tensor, little: float = 0.0, errors: float = 2.0) -> bool:
    """Whether the mean of differences is above what is little by so many standard errors."""
    share = weights / weights.sum().clamp(min=1e-30)
    mean = (share * more).sum()
    error = (share * (more - mean)).square().sum().sqrt()
    return bool(mean - errors * error > little)


def _each_alone(base: Any) -> Any:
    """A number for every cell."""
    like = _tree.map(lambda part: torch.zeros(part.cells), base)
    return _of_cells(torch.arange(len(_side_by_side(like))), like)


def _side_by_side(tree: Any) -> Tensor:
    """The numbers of all cells, of a tree of tensors (*cells)."""
    return torch.cat([leaf.flatten() for _, leaf in _tree.leaves(tree)])


def _of_cells(numbers: Tensor, like: Any) -> Any:
    """Undo it."""
    parts = iter(torch.split(numbers, [leaf.numel() for _, leaf in _tree.leaves(like)]))
    return _tree.map(lambda leaf: next(parts).reshape(leaf.shape), like)


def _groupings(links: Tensor, together: Any) -> Iterator[Any]:
    """Cells in groups, coarser ones first: joined where two say more of each other than so many nats."""
    numbers = _side_by_side(together)
    same = numbers[:, None] == numbers
    count = 1
    for least in LINKS:
        found, labels = connected_components((same | (links > least)).cpu().numpy(), directed=False)
        if found > count:
            count = found
            yield _of_cells(torch.from_numpy(labels).long(), together)


def em_step(law: ProductMixture, rows: WeightedRows, prior: Prior) -> tuple[ProductMixture, float]:
    """One step of EM, and the log posterior of the law before it, in nats, up to a constant."""
    tallies = _tallied(law, rows)
    return tallies.law(law.parts, prior), tallies.log_prob + prior.log_density(law)


@dataclass(frozen=True)
class _Tallies:
    """The E step of all rows."""

    log_prob: float
    counts: Tensor
    of_parts: Any

    def law(self, parts: Any, prior: Prior) -> ProductMixture:
        """The M step."""
        weights = (self.counts + WEIGHT) / (self.counts + WEIGHT).sum()
        new = _tree.map(lambda part, *of: part.refitted(*of), parts, self.of_parts, prior.base, prior.rows)
        return ProductMixture(weights.to(torch.get_default_dtype()), new)


def _tallied(law: ProductMixture, rows: WeightedRows) -> _Tallies:
    """Block after block."""
    total, tallies = 0.0, None
    counts = torch.zeros(len(law.weights), dtype=torch.float64, device=law.weights.device)
    for block in law.blocks(len(rows)):
        some = rows.at(block)
        log_joint = law.component_log_prob(some.x, some.known) + law.weights.log()
        total += float((torch.logsumexp(log_joint, 1) * some.weights).sum(dtype=torch.float64))
        shares = torch.softmax(log_joint, 1) * some.weights[:, None]
        counts += shares.sum(0, dtype=torch.float64)
        new = _of_rows(law.parts, some, shares)
        tallies = new if tallies is None else _tree.map(_added, tallies, new)
    return _Tallies(total, counts, tallies)


def _of_rows(parts: Any, rows: WeightedRows, shares: Tensor) -> Any:
    return _tree.map(lambda part, x, known: part.tally(x, known, shares), parts, rows.x, rows.known)


def _added(one: Tally, other: Tally) -> Tally:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def _first(
    prior: Prior, rows: WeightedRows, count: int, rng: torch.Generator, before: ProductMixture | None = None
) -> ProductMixture:
    """Components of rare values that say much of other cells, and around as many rows as are left to begin with.

    The prior blurs them. Rows far from the earlier ones are likelier, as k-means++ (Arthur, Vassilvitskii 2007), among
    a few times as many rows, with gaps of log densities as distances.
    """
    begun = rows.at(looked_at(rows.x))
    if before is None:
        seeds = begun.weights.new_zeros(len(begun), 0)
    else:
        drawn = before.sample(rng, (len(begun),))
        seeds = seeds_of(begun.x, begun.known, drawn, int(SEEDED * count)).to(rows.weights)
    some = rows.at(torch.multinomial(rows.weights.double().cpu(), CANDIDATES * count, replacement=True, generator=rng))
    density = _around(prior, some, torch.eye(len(some))).component_log_prob(some.x, some.known).double()
    gaps = (density.diagonal()[:, None] - density).clamp(min=0)  # of every candidate from every other
    chosen, distance = [0], gaps[:, 0]
    if seeds.shape[1]:
        law = _around(prior, begun, seeds)
        found = law.component_log_prob(some.x, some.known).double()
        chosen, distance = [], (density.diagonal()[:, None] - found).clamp(min=0).amin(1)
    while len(chosen) + seeds.shape[1] < count:
        chosen.append(int(torch.multinomial((distance + distance.mean() * 1e-6 + 1e-12).cpu(), 1, generator=rng)))
        distance = torch.minimum(distance, gaps[:, chosen[-1]])
    alone = some.at(torch.tensor(chosen, dtype=torch.int64, device=rows.weights.device))
    shares = seeds.new_zeros(len(begun) + len(alone), count)
    shares[: len(begun), : seeds.shape[1]] = seeds
    shares[len(begun) :, seeds.shape[1] :] = torch.eye(len(alone))
    return _around(prior, begun.followed_by(alone), shares)


def _around(prior: Prior, rows: WeightedRows, shares: Tensor) -> ProductMixture:
    """A component for every column of shares of rows, (n, K)."""
    tallies = _of_rows(prior.base, rows, shares.to(rows.weights))
    return _Tallies(0.0, rows.weights.new_ones(shares.shape[1]).double(), tallies).law(prior.base, prior)


def _run(law: ProductMixture, rows: WeightedRows, prior: Prior, steps: int, clock: _Clock) -> ProductMixture:
    for _ in range(steps):
        if clock.over:
            break
        law, _ = em_step(law, rows, prior)
        clock.tick(rows.numbers * len(law.weights))
    return law


def _chosen(
    cells: Any,
    base: Any,
    train: WeightedRows,
    test: WeightedRows,
    sizes: list[int],
    rng: torch.Generator,
    clock: _Clock,
    best: _Fit | None = None,
) -> _Fit:
    """The law and the prior of the most components that say clearly more of the held-out rows than fewer do.

    What components of few rows do not know they take from those of the mixture before, which have more, and so on up to
    the law of all rows: drawn to that at once they would lose what they share with their likes. `best` is what was
    found among fewer sizes.
    """
    for size in sizes:
        if best is not None and (size in best.tried or clock.over or len(best.law.weights) < best.tried[-1]):
            continue
        law = _first(Prior.of(base, FIRST_ROWS), train, size, rng, None if best is None else best.law)
        coarse = base if best is None else _coarser(law, best.law, train)
        law = _run(law, train, Prior.of(coarse, FIRST_ROWS), WARM, clock)
        law, prior = _settled(law, train, test, coarse, ROUNDS, clock)
        new = _Fit(cells, law, prior, law.log_prob(test.x, test.known), (*(best.tried if best else ()), size))
        better = best is None or (not clock.over and _is_better(new.log_prob - best.log_prob, test.weights, errors=1.0))
        best = new if better or best is None else replace(best, tried=new.tried)
    if best is None:  # never, as there is one size at least
        raise InputError("got no number of components to try; expected one or more")
    return best


def _settled(
    law: ProductMixture, train: WeightedRows, test: WeightedRows, base: Any, rounds: int, clock: _Clock
) -> tuple[ProductMixture, Prior]:
    """After further steps, and the prior of the last of them, which held-out rows choose."""
    for _ in range(rounds):
        prior = _best_prior(law, train, test, base)
        law = _run(law, train, prior, TRIAL, clock)
    return law, prior


def _work(rows: WeightedRows, train: WeightedRows, most: int, sizes: list[int]) -> int:
    """In the units of the clock, if all sizes are tried."""
    return train.numbers * sum(sizes) * (WARM + ROUNDS * TRIAL) + rows.numbers * most * FINAL


def _sizes(most: int) -> list[int]:
    """Numbers of components to try, until one is no better."""
    return sorted({size for size in SIZES if size < most} | {most})


def _best_prior(law: ProductMixture, train: WeightedRows, test: WeightedRows, base: Any) -> Prior:
    r"""By one M step, the prior that gives the held-out rows most given their components.

    How many rows it is worth in a cell is a number of each component, since one may be sure of what others are not.
    Few held-out rows tell it, so these numbers have a law of their own for every cell, $\pi_c(a)$ of the values tried,
    found by EM over components; the likeliest given both is taken.
    """
    tallies, held = _tallied(law, train), _tallied(law, test).of_parts
    priors = [Prior.of(base, rows) for rows in ROWS]
    laws = [tallies.law(law.parts, prior).parts for prior in priors]

    def best(held: Tally, *parts: Components) -> Tensor:
        scores = torch.stack([part.expected(held) for part in parts])  # (values, K, cells)
        chances = scores.new_full((len(ROWS), 1, scores.shape[2]), 1 / len(ROWS))
        for _ in range(CHOOSING):
            chances = torch.softmax(scores + chances.log(), 0).mean(1, keepdim=True).clamp(min=1e-30)
        return torch.tensor(ROWS, dtype=torch.float64, device=scores.device)[(scores + chances.log()).argmax(0)]

    return Prior(base, _tree.map(best, held, *laws))


class _Clock:
    """When to stop, and how much is done."""

    def __init__(self, time_limit: float | None, on_step: Callable[[float], None] | None) -> None:
        self.end = None if time_limit is None else time.monotonic() + time_limit
        self.on_step, self.work, self.done, self.share = on_step, 1, 0, 0.0

    @property
    def over(self) -> bool:
        """Whether the time has passed."""
        return self.end is not None and time.monotonic() >= self.end

    def expect(self, work: int) -> None:
        """So much is left, in the units of `tick`."""
        self.work = self.done + work

    def tick(self, work: int) -> None:
        """Tell what is done."""
        self.done += work
        self.share = max(self.share, min(1.0, self.done / self.work))  # more may be left than was expected
        if self.on_step is not None:
            self.on_step(self.share)


def _checked(base: Any, x: Any, known: Any, weights: Any) -> WeightedRows:
    """The rows, or an InputError."""
    for _, part in _tree.leaves(base):
        if not isinstance(part, Components) or len(part) != 1:
            refuse("base", base, "laws.Components of one law, or a dict of them")
    points = dict(_tree.leaves(x))
    n = len(first) if isinstance(first := next(iter(points.values()), None), Tensor) and first.ndim else 0
    shapes = {path: (n, *part.cells) for path, part in _tree.leaves(base)}
    _check_leaves("x", x, shapes, "one row or more of points")
    if known is None:
        known = _tree.map(lambda leaf: torch.ones_like(leaf, dtype=torch.bool), x)
    _check_leaves("known", known, shapes, "bool masks", torch.bool)
    if weights is None:
        weights = torch.ones(n, device=_tree.first(x).device)
    if not isinstance(weights, Tensor) or weights.shape != (n,) or not (weights >= 0).all() or not weights.sum() > 0:
        refuse("weights", weights, f"{n} non-negative numbers, one for each row, of any sum but 0")
    return WeightedRows(x, known, weights)


def _check_leaves(
    name: str, tree: Any, shapes: dict[str, tuple[int, ...]], what: str, dtype: torch.dtype | None = None
) -> None:
    found = dict(_tree.leaves(tree))
    fits = found.keys() == shapes.keys() and 0 not in (shape[0] for shape in shapes.values())
    for path, leaf in found.items():
        is_fine = isinstance(leaf, Tensor) and tuple(leaf.shape) == shapes.get(path) and dtype in (None, leaf.dtype)
        fits = fits and is_fine
    if not fits:
        refuse(name, tree, f"{what} with the names and cells of the base: {_shapes(shapes)}")


def _shapes(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{path or 'shape'} {shape}" for path, shape in list(shapes.items())[:4])
