r"""Two mixtures of some cells and of others, joined by the joint law of their components.

Cells that nearly determine each other, as two measures of one thing do, take all components of a mixture for
themselves and leave none for what others say. So each side has a mixture of its own, and pairs of components weights

$$\sum_{ij} W_{ij}\,p_i(x_A)\,p_j(x_B),$$

which has as many components as there are pairs that occur, with the numbers of far fewer.
"""

from __future__ import annotations

import torch
from scipy.sparse.csgraph import connected_components
from torch import Tensor

STRONG = 0.4  # nats that two cells say of each other, above which both are on one side
STEPS = 30
MOST_ROWS = 50_000  # that weights of pairs are learnt from
LEAST = 0.2  # rows that a pair stands for


def strongest(links: Tensor, together: Tensor) -> Tensor | None:
    """Which cells say most of each other, (cells,) bool; None if none say much, or all do.

    Args:
        links: nats that two cells say of each other, (cells, cells).
        together: of every cell a number, (cells,) int64; cells of one number are one thing.

    >>> links = torch.tensor([[0.0, 0.6, 0.1], [0.6, 0.0, 0.0], [0.1, 0.0, 0.0]])
    >>> strongest(links, torch.arange(3))
    tensor([ True,  True, False])
    """
    same = together[:, None] == together
    between = links.masked_fill(same, 0.0)
    if not bool(between.max() > STRONG):
        return None
    _, labels = connected_components((same | (between > STRONG)).cpu().numpy(), directed=False)
    sides = torch.from_numpy(labels).to(together.device)
    found = sides == sides[between.amax(1).argmax()]
    return None if bool(found.all()) else found


def pairs(left: Tensor, right: Tensor, weights: Tensor, most: int) -> tuple[Tensor, Tensor, Tensor]:
    r"""Pairs of components and their weights, by EM; those that stand for hardly any row are left out.

    Args:
        left: log densities of rows under the components of one side, (n, I); the first some thousand are looked at.
        right: under those of the other side, (n, J).
        weights: of the rows, (n,).
        most: pairs.

    Returns:
        The component of either side, (pairs,) int64, and the weights, (pairs,), which sum to one.

    >>> one = torch.tensor([[0.0, -9.0], [-9.0, 0.0]]).repeat(10, 1)
    >>> i, j, weights = pairs(one, one.flip(1), torch.ones(20), 2)
    >>> sorted(zip(i.tolist(), j.tolist())), weights
    ([(0, 1), (1, 0)], tensor([0.5000, 0.5000]))
    """
    one, other = (_relative(part[:MOST_ROWS]) for part in (left, right))
    rows = weights[: len(one), None].to(one)
    joint = one.new_full((one.shape[1], other.shape[1]), 1 / (one.shape[1] * other.shape[1]))
    for _ in range(STEPS):
        said = ((one @ joint) * other).sum(1, keepdim=True)
        joint = joint * ((rows * one / said).T @ other)
        joint = joint / joint.sum()
    flat = joint.flatten()
    best = flat.argsort(descending=True)[:most]
    kept = best[flat[best] * rows.sum() > min(LEAST, float(flat.max() * rows.sum()) / 2)]
    return kept // joint.shape[1], kept % joint.shape[1], flat[kept] / flat[kept].sum()


def _relative(log_probs: Tensor) -> Tensor:
    """Densities beside the greatest of each row, above 0."""
    finite = log_probs.clamp(min=torch.finfo(log_probs.dtype).min / 2)
    return (finite - finite.amax(1, keepdim=True)).exp().clamp(min=torch.finfo(log_probs.dtype).tiny)
