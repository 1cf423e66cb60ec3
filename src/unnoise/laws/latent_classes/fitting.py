"""From rows to one mixture of product laws: sizes, groups, crossings, and last steps with all rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise._checks import function, instance, real, whole
from unnoise.laws.components import OrderedComponents
from unnoise.laws.latent_classes.beginning import first
from unnoise.laws.latent_classes.cells import each_alone, put
from unnoise.laws.latent_classes.clock import Clock
from unnoise.laws.latent_classes.em import Prior, run
from unnoise.laws.latent_classes.groups import COMPONENTS, FEW, OF_SIDE, Grouping, Search, groupings
from unnoise.laws.latent_classes.margins import with_margins
from unnoise.laws.latent_classes.rows import WeightedRows, check_leaves, checked
from unnoise.laws.latent_classes.sizes import FINAL, FIRST_ROWS, is_better, sizes_up_to, work
from unnoise.laws.product_mixture import ProductMixture, only

PER_COMPONENT = 5  # rows of data, at least
HELD_OUT, MOST_HELD_OUT = 10, 5000  # one row in so many is held out, and the most
OF_FEW, FEW_HELD_OUT = 4, 100  # of few rows one in so many, up to that many, as fewer tell nothing
MOST_ORDERED = 5000  # rows; of more each component sees enough of the states itself
BETTER = 0.03  # nats of a held-out row that independent groups must say more, by two standard errors


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
    those of the cells that say most of each other, and of all others. Of at most 5000 rows states in order
    (`OrderedComponents`) are tried with their order and without, as they may also be linked each by itself.

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
    rows = checked(base, x, known, weights)
    together = each_alone(base) if together is None else together
    check_leaves("together", together, {path: part.cells for path, part in _tree.leaves(base)}, "numbers", torch.int64)
    n = len(rows)
    clock = Clock(time_limit, on_step)
    most = max(1, min(components, n // PER_COMPONENT))
    order = torch.randperm(n, generator=rng)
    held = min(max(n // HELD_OUT, min(n // OF_FEW, FEW_HELD_OUT)), MOST_HELD_OUT)
    test, train = (rows.at(order[part].to(rows.weights.device)) for part in (slice(held), slice(held, None)))
    bases = _bases(base if weights is None else _weighted(base, rows), n)
    base = bases[0]
    if not held:
        return run(first(Prior.of(base, FIRST_ROWS), train, 1, rng), train, Prior.of(base, FIRST_ROWS), 1, clock)
    found: list[Grouping] = []
    for one in bases:
        clock.later = 0 if found else (len(bases) - 1) * _whole(train, most)
        if not (found and clock.over):
            found.append(_searched(one, train, test, together, most, rng, clock))
    plain, best = found[0], found[-1]  # what is tried is chosen on the rows held out, and more of it without an order
    if is_better(plain.log_prob - best.log_prob, test.weights):
        best = plain
    clock.expect(FINAL * sum(rows.only(one.cells).numbers * len(one.law.weights) for one in best.parts))
    return joined(base, best, rows, clock)


def _weighted(base: Any, rows: WeightedRows) -> Any:
    """The law of all rows, each of which counts as much as its weight."""
    each = rows.weights[:, None]
    own = _tree.map(lambda part, x, known: part.tally(x, known, each), base, rows.x, rows.known)
    return _tree.map(lambda part, tally: part.refitted(tally, part, torch.ones(math.prod(part.cells))), base, own)


def _bases(base: Any, n: int) -> list[Any]:
    """Without an order of states, and of not too many rows with it, where there is one."""
    plain = _tree.map(lambda part: part.plain if isinstance(part, OrderedComponents) else part, base)
    is_ordered = any(isinstance(part, OrderedComponents) for _, part in _tree.leaves(base))
    return [plain, base] if is_ordered and n <= MOST_ORDERED else [plain]


def _whole(train: WeightedRows, most: int) -> int:
    """The work of a search, in the units of the clock, if all sizes are tried."""
    return work(train, train, most, [*sizes_up_to(min(most, FEW)), *sizes_up_to(most)])


def _searched(
    base: Any, train: WeightedRows, test: WeightedRows, together: Any, most: int, rng: torch.Generator, clock: Clock
) -> Grouping:
    """The groups and crossings that held-out rows choose."""
    search = Search(base, train, test, most, rng, clock)
    few, all_sizes = sizes_up_to(min(most, FEW)), sizes_up_to(most)
    clock.expect(_whole(train, most))
    found = search.of(_tree.map(torch.zeros_like, together), few)
    for groups in groupings(search.links, together):
        if clock.over:
            break
        clock.expect(_whole(train, most))
        tried = search.of(groups, few)
        if not is_better(tried.log_prob - found.log_prob, test.weights, BETTER):
            break
        found = tried
    clock.expect(work(train, train, most, all_sizes))
    found = search.of(found.groups, all_sizes)
    clock.expect(work(train, train, search.most_pairs, sizes_up_to(OF_SIDE[-1])))
    return search.crossed(found, together)


def joined(base: Any, found: Grouping, rows: WeightedRows, clock: Clock) -> ProductMixture:
    """One law of all groups, after further steps with all rows."""
    laws = []
    for part in found.parts:
        some = rows.only(part.cells)
        law = run(part.law, some, part.prior, FINAL, clock)
        laws.append(with_margins(law, only(base, part.cells), some.known))
    most = max(len(law.weights) for law in laws)
    parts = _tree.map(lambda part: part.repeated(most), base)
    for law, one in zip(laws, found.parts, strict=True):
        parts = put(parts, one.cells, law.parts)
    if len(laws) == 1:
        return ProductMixture(laws[0].weights, parts)
    weights = torch.stack([torch.nn.functional.pad(law.weights, (0, most - len(law.weights))) for law in laws], 1)
    return ProductMixture(weights, parts, found.groups)
