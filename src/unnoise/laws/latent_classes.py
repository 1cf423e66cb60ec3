r"""Mixtures of product laws fitted by EM, with cells that are not known marginalised exactly.

The log posterior $\sum_n u_n\log\sum_k w_k\prod_c p_{kc}(x_{nc})$ plus the conjugate priors never falls. Memory is that
of the data, of the components, and of blocks of some 2^20 numbers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import function, instance, real, refuse, whole
from unnoise._errors import InputError
from unnoise.laws.components import Components, Tally
from unnoise.laws.product_mixture import ProductMixture

COMPONENTS = 300
SIZES = (1, 10, 50, 150)  # tried before the greatest, in order, until more components say less of the held-out rows
ROWS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # what the prior of a cell may be worth, in rows
FIRST_ROWS = 3.0
PER_COMPONENT = 5  # rows of data, at least
HELD_OUT, MOST_HELD_OUT = 10, 5000  # one row in so many is held out, and the most
WARM, TRIAL, FINAL = 8, 8, 12  # steps before the prior is chosen, after it, and with all rows
CANDIDATES = 4
ROUNDS = 2  # of choosing the prior
WEIGHT = 0.1  # rows that each component's weight starts with
LITTLE = 0.05  # of the most that is said of a cell: cells of which less is said may have a mixture of their own
BETTER = 0.03  # nats of a held-out row that it must say more, by two standard errors
OF_REST = 10  # components of that at most
MOST_PAIRED = 2**24  # numbers of the laws of all pairs of components


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

    def at(self, rows: Tensor | slice) -> WeightedRows:
        """Some of them."""
        x, known = (_tree.map(lambda leaf: leaf[rows], tree) for tree in (self.x, self.known))
        return WeightedRows(x, known, self.weights[rows])


@dataclass(frozen=True)
class Prior:
    """What every component starts with: so many rows of one law.

    Args:
        base: `Components` of one law, or a dict of them, nested as points are.
        rows: how many in each cell, a tree of tensors (cells,).
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
    rng: torch.Generator,
    time_limit: float | None = None,
    on_step: Callable[[float], None] | None = None,
) -> ProductMixture:
    r"""A mixture of product laws, of a number of components and a prior chosen by held-out rows.

    Cells that depend strongly on each other take all components for themselves, each a slice of those cells, and leave
    none for weaker links of others. So cells R of which held-out rows tell that the components say little have a second
    mixture, if it says more of these rows, independent of the first:
    $p(x) = \sum_k w_k\prod_{c\notin R} p_{kc}(x_c)\sum_j v_j\prod_{c\in R} q_{jc}(x_c)$,
    which is the mixture of all pairs of components, of weights $w_k v_j$.

    Args:
        base: the law of all rows: `Components` of one law, or a dict of them, nested as points are.
        x: points, (n, *event).
        known: a tree like x of bool tensors (n, *cells); None if all cells are.
        components: the most components of the first mixture; at most one for every five rows.
        weights: of the rows, (n,); 1 by default.
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
    n = len(rows)
    clock = _Clock(time_limit, on_step)
    most = max(1, min(components, n // PER_COMPONENT))
    order = torch.randperm(n, generator=rng)
    held = min(n // HELD_OUT, MOST_HELD_OUT)
    test, train = (rows.at(order[part].to(rows.weights.device)) for part in (slice(held), slice(held, None)))
    if not held:
        return _run(_first(Prior.of(base, FIRST_ROWS), train, 1, rng), train, Prior.of(base, FIRST_ROWS), 1, clock)
    clock.expect(_work(n, len(train), most) + _work(n, len(train), OF_REST))
    law, prior = _chosen(base, train, test, most, rng, clock)
    clock.expect(n * len(law.weights) * FINAL + _work(n, len(train), OF_REST))  # fewer sizes may have been tried
    rest, other = _left_over(base, law, train, test, rng, clock)
    if other is None:
        clock.expect(n * len(law.weights) * FINAL)
        return _run(law, rows, prior, FINAL, clock)
    clock.expect(n * (len(law.weights) + len(other[0].weights)) * FINAL)
    law = _run(law, rows, prior, FINAL, clock)
    return _paired(law, _run(other[0], _seen(rows, rest), other[1], FINAL, clock), rest)


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


def _first(prior: Prior, rows: WeightedRows, count: int, rng: torch.Generator) -> ProductMixture:
    """Components around as many rows, which the prior blurs; rows far from the earlier ones are likelier.

    As k-means++ (Arthur, Vassilvitskii 2007), among a few times as many rows, with gaps of log densities as distances.
    """
    some = rows.at(torch.multinomial(rows.weights.double().cpu(), CANDIDATES * count, replacement=True, generator=rng))
    law = _around(prior, some)
    gaps = law.component_log_prob(some.x, some.known).double()
    gaps = (gaps.diagonal()[:, None] - gaps).clamp(min=0)  # of every candidate from every other
    chosen, distance = [0], gaps[:, 0]
    while len(chosen) < count:
        chosen.append(int(torch.multinomial((distance + distance.mean() * 1e-6 + 1e-12).cpu(), 1, generator=rng)))
        distance = torch.minimum(distance, gaps[:, chosen[-1]])
    return _around(prior, some.at(torch.tensor(chosen, device=rows.weights.device)))


def _around(prior: Prior, rows: WeightedRows) -> ProductMixture:
    """A component for every row."""
    n = len(rows)
    tallies = _of_rows(prior.base, rows, torch.eye(n).to(rows.weights))
    return _Tallies(0.0, rows.weights.new_ones(n).double(), tallies).law(prior.base, prior)


def _run(law: ProductMixture, rows: WeightedRows, prior: Prior, steps: int, clock: _Clock) -> ProductMixture:
    for _ in range(steps):
        if clock.over:
            break
        law, _ = em_step(law, rows, prior)
        clock.tick(len(rows) * len(law.weights))
    return law


def _chosen(
    base: Any, train: WeightedRows, test: WeightedRows, most: int, rng: torch.Generator, clock: _Clock
) -> tuple[ProductMixture, Prior]:
    """The law and the prior that say most of the held-out rows, over numbers of components."""
    best: tuple[float, ProductMixture, Prior] | None = None
    for size in _sizes(most):
        prior = Prior.of(base, FIRST_ROWS)
        law = _run(_first(prior, train, size, rng), train, prior, WARM, clock)
        for _ in range(ROUNDS):
            prior = _best_prior(law, train, test, base)
            law = _run(law, train, prior, TRIAL, clock)
        score = _score(law, test)
        if best is not None and (score <= best[0] or clock.over):
            break
        best = score, law, prior
    if best is None:  # never, as there is one size at least
        raise InputError("got no number of components to try; expected one or more")
    return best[1:]


def _left_over(
    base: Any, law: ProductMixture, train: WeightedRows, test: WeightedRows, rng: torch.Generator, clock: _Clock
) -> tuple[Any, tuple[ProductMixture, Prior] | None]:
    """The cells of which the components say little, and a law and a prior of these; None if it says no more of them."""
    gains = _gains(law, test, base)
    little = LITTLE * max(float(gain.max()) for _, gain in _tree.leaves(gains))
    rest = _tree.map(lambda gain, part: (gain <= little).reshape(part.cells), gains, base)
    numbers = sum(tensor.numel() for _, part in _tree.leaves(law.parts) for tensor in part.tensors().values())
    most = min(OF_REST, len(train) // PER_COMPONENT, MOST_PAIRED // numbers)
    if most < 2 or sum(int(mask.sum()) for _, mask in _tree.leaves(rest)) < 2:
        return rest, None
    of_rest, of_others = _seen(test, rest), _seen(test, _tree.map(torch.logical_not, rest))
    other = _chosen(base, _seen(train, rest), of_rest, most, rng, clock)
    more = law.log_prob(test.x, of_others.known) + other[0].log_prob(test.x, of_rest.known)
    more = more - law.log_prob(test.x, test.known)
    share = test.weights / test.weights.sum().clamp(min=1e-30)
    mean = (share * more).sum()
    error = (share * (more - mean)).square().sum().sqrt()
    return rest, other if mean - 2 * error > BETTER else None


def _gains(law: ProductMixture, rows: WeightedRows, base: Any) -> Any:
    """How much more the components say of each cell than the law of all rows, in nats of a row, a tree of (cells,)."""

    def gain(part: Components, tally: Tally, whole: Components) -> Tensor:
        total = tuple(each.sum(0, keepdim=True) for each in tally)
        return (part.expected(tally) - whole.expected(total)) / rows.weights.sum().clamp(min=1e-30)

    return _tree.map(gain, law.parts, _tallied(law, rows).of_parts, base)


def _seen(rows: WeightedRows, cells: Any) -> WeightedRows:
    """With no other cells known."""
    return WeightedRows(rows.x, _tree.map(torch.logical_and, rows.known, cells), rows.weights)


def _paired(law: ProductMixture, other: ProductMixture, cells: Any) -> ProductMixture:
    """Every pair of components: these cells are of the other law, and independent of the rest."""
    parts = _tree.map(lambda part, *of: part.paired(*of), law.parts, other.parts, cells)
    return ProductMixture(torch.outer(law.weights, other.weights).flatten(), parts)


def _work(n: int, train: int, most: int) -> int:
    """In the units of the clock, of so many rows, if all sizes are tried."""
    return train * sum(_sizes(most)) * (WARM + ROUNDS * TRIAL) + n * most * FINAL


def _sizes(most: int) -> list[int]:
    """Numbers of components to try, until one is no better."""
    return sorted({size for size in SIZES if size < most} | {most})


def _best_prior(law: ProductMixture, train: WeightedRows, test: WeightedRows, base: Any) -> Prior:
    """Cell by cell, by one M step, the prior that gives the held-out rows most given their components."""
    tallies, held = _tallied(law, train), _tallied(law, test).of_parts
    priors = [Prior.of(base, rows) for rows in ROWS]
    laws = [tallies.law(law.parts, prior).parts for prior in priors]

    def best(held: Tally, *parts: Components) -> Tensor:
        scores = torch.stack([part.expected(held) for part in parts])
        return torch.tensor(ROWS, dtype=torch.float64, device=scores.device)[scores.argmax(0)]

    return Prior(base, _tree.map(best, held, *laws))


def _score(law: ProductMixture, rows: WeightedRows) -> float:
    """The mean log density of rows, in nats."""
    return float((law.log_prob(rows.x, rows.known) * rows.weights).sum() / rows.weights.sum().clamp(min=1e-30))


class _Clock:
    """When to stop, and how much is done."""

    def __init__(self, time_limit: float | None, on_step: Callable[[float], None] | None) -> None:
        self.end = None if time_limit is None else time.monotonic() + time_limit
        self.on_step, self.work, self.done = on_step, 1, 0

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
        if self.on_step is not None:
            self.on_step(min(1.0, self.done / self.work))


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
