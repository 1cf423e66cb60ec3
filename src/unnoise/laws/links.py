r"""How much cells say of each other, pair by pair, whatever their kinds: the mutual information of their bins.

Memory is that of the bins of some thousand rows, and of the counts of a few cells beside all others.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from unnoise import _tree

BINS = 8  # of a cell
MOST_ROWS, MOST_NUMBERS, AT_ONCE = 5000, 2**25, 16  # rows that are looked at, their numbers, cells at a time
DEVIATIONS = 5.0  # by which a link exceeds what chance makes of none


def links_of(x: Any, known: Any) -> Tensor:
    r"""Nats that two cells say of each other beyond what chance makes of none, (cells, cells); 0 if it is no more.

    Of n rows that know both, $2nI$ is $\chi^2$ with $(R - 1)(S - 1)$ degrees of freedom where they are independent
    and have R and S bins.

    Args:
        x: points, (n, *event), or a nested dict of them; the first some thousand are looked at.
        known: a tree like x of bool tensors (n, *cells).

    >>> x = torch.tensor([[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]]).repeat(100, 1)
    >>> (links_of(x, torch.ones_like(x).bool())[0] > 0).tolist()
    [True, True, False]
    """
    bins = binned(x, known, looked_at(x))
    flat = torch.stack([bins == value for value in range(BINS)], 2).flatten(1).float()  # (n, cells BINS)
    parts = torch.split(flat, AT_ONCE * BINS, 1)
    return torch.cat([_said(_counts(part, flat)) for part in parts])


def looked_at(x: Any) -> slice:
    """The first rows, as many as are looked at."""
    return slice(min(MOST_ROWS, max(1, MOST_NUMBERS // (BINS * _tree.numel_per_row(x)))))


def binned(x: Any, known: Any, some: slice) -> Tensor:
    """The bins of all cells of some rows, side by side; BINS where nothing is known."""
    pairs = zip(_tree.leaves(x), _tree.leaves(known), strict=True)
    return torch.cat([_binned(cells[some].flatten(1), there[some].flatten(1)) for (_, cells), (_, there) in pairs], 1)


def _counts(part: Tensor, flat: Tensor) -> Tensor:
    """How often bins of some cells and of all occur together, (some, cells, BINS, BINS)."""
    return (part.T @ flat).reshape(-1, BINS, flat.shape[1] // BINS, BINS).transpose(1, 2)


def _said(both: Tensor) -> Tensor:
    """Of counts of pairs of bins, (*, BINS, BINS), nats beyond chance, (*)."""
    total = both.sum((-1, -2), keepdim=True).clamp(min=1)
    left, right = both.sum(-1, keepdim=True), both.sum(-2, keepdim=True)
    nats = (torch.xlogy(both, both * total) - torch.xlogy(both, left * right)).sum((-1, -2)) / total[..., 0, 0]
    freedom = ((left > 0).sum((-1, -2)) - 1).clamp(min=0) * ((right > 0).sum((-1, -2)) - 1).clamp(min=0)
    chance = (freedom + DEVIATIONS * (2 * freedom).sqrt()) / (2 * total[..., 0, 0])
    return torch.where(nats > chance, nats - freedom / (2 * total[..., 0, 0]), 0.0)


def _binned(x: Tensor, known: Tensor) -> Tensor:
    """Values by rank in bins of about equal share, or one each where they are few; BINS where nothing is known."""
    found = torch.full(x.shape, BINS)
    for cell in range(x.shape[1]):
        there = known[:, cell]
        values, place, counts = torch.unique(x[there, cell], return_inverse=True, return_counts=True)
        if len(values) > BINS:
            middle = (counts.cumsum(0) - counts / 2) / counts.sum()
            place = (middle * BINS).long().clamp(max=BINS - 1)[place]
        found[there, cell] = place
    return found
