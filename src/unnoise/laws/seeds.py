r"""Rows to begin components with: those of rare values that say more of other cells than a mixture has learnt.

Components around rows drawn at random seldom hold such rows, as of faults, and EM does not find them later. A component
of the $n_e$ rows that share a value gains them about $n_e\sum_c KL(p_c(\cdot | e) \| q_c(\cdot | e))$ nats over the
other cells c, where q is the mixture before.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise import _tree
from unnoise.laws.links import BINS, DEVIATIONS, binned, looked_at

FEWEST, COMMON = 4, 0.2  # rows that share a value, and the share of all rows above which it is not rare
MOST = 2000  # values that are looked at
SMOOTH = 4.0  # rows as of all, for what a mixture says of few


def seeds_of(x: Any, known: Any, drawn: Any, most: int) -> Tensor:
    """Masks of rows that begin components, (n, at most `most`) bool, by what they gain; n are the first rows alone.

    Args:
        x: points, (n, *event), or a nested dict of them.
        known: a tree like x of bool tensors (n, *cells).
        drawn: as many points of the mixture before.
        most: how many, at most; fewer where no further value says more than chance.

    >>> x = torch.zeros(400, 3, dtype=torch.int64)
    >>> x[:9] = torch.tensor([1, 2, 1])
    >>> free = torch.stack([x[:, 0], x[torch.arange(400) - 200, 1], x[torch.arange(400) - 100, 2]], 1)
    >>> seeds_of(x, torch.ones_like(x).bool(), free, 3).sum(0)
    tensor([9])
    """
    some = looked_at(x)
    x, known, drawn = (_tree.map(lambda leaf: leaf[some], tree) for tree in (x, known, drawn))
    events, theirs = _rare(x, known, drawn)
    if not events.shape[1] or most < 1:
        return events[:, :0]
    n = len(events)
    twice, masks = (_tree.map(lambda *of: torch.cat(of), *pair) for pair in ((x, drawn), (known, known)))
    both = binned(twice, masks, slice(2 * n))
    flat = torch.stack([both == value for value in range(BINS)], 2).flatten(1).float()
    gains = _gains(events.float(), flat[:n], theirs.float(), flat[n:])
    shared, counts = events.float().T @ events.float(), events.sum(0)
    chosen: list[int] = []
    while len(chosen) < most and bool(gains.max() > 0):
        best = int(gains.argmax())
        chosen.append(best)
        gains = gains * (1 - shared[best] / counts)  # what rows are of both is explained
    return events[:, chosen]


def _rare(x: Any, known: Any, drawn: Any) -> tuple[Tensor, Tensor]:
    """Which rows share each rare value of a cell, (n, values) bool, and which of those that were drawn."""
    found, theirs = [], []
    leaves = zip(_tree.leaves(x), _tree.leaves(known), _tree.leaves(drawn), strict=True)
    for (_, cells), (_, there), (_, new) in leaves:
        for cell, mask, other in zip(cells.flatten(1).T, there.flatten(1).T, new.flatten(1).T, strict=True):
            values, counts = torch.unique(cell[mask], return_counts=True)
            rare = values[(counts >= FEWEST) & (counts <= COMMON * len(cell))]
            found.append((cell[:, None] == rare) & mask[:, None])
            theirs.append((other[:, None] == rare) & mask[:, None])
    events, others = torch.cat(found, 1), torch.cat(theirs, 1)
    order = events.sum(0).argsort(descending=True)[:MOST]
    return events[:, order], others[:, order]


def _gains(events: Tensor, flat: Tensor, drawn: Tensor, other: Tensor) -> Tensor:
    """Nats beyond chance that a component for the rows of each value gains in the other cells, (values,)."""
    counts, usual = ((one.T @ bins).reshape(len(one.T), -1, BINS) for one, bins in ((events, flat), (drawn, other)))
    n, law = counts.sum(2, keepdim=True), (flat.sum(0) + other.sum(0)).reshape(-1, BINS)
    law = law / law.sum(1, keepdim=True).clamp(min=1)
    usual = (usual + SMOOTH * law) / (usual.sum(2, keepdim=True) + SMOOTH)
    nats = (torch.xlogy(counts, counts / n.clamp(min=1)) - torch.xlogy(counts, usual)).sum(2)
    freedom = ((law > 0).sum(1) - 1).clamp(min=0)
    more = (nats - freedom - DEVIATIONS * freedom.sqrt()).clamp(min=0)  # both are counted
    gains: Tensor = more.sum(1) - more.amax(1)  # of one cell alone, as the other digit of a number, there are many
    return gains
