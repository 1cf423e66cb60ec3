"""Roots of monotone functions by bisection, elementwise."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def bisect(beyond: Callable[[Tensor], Tensor], low: Tensor, high: Tensor, halvings: int) -> tuple[Tensor, Tensor]:
    """Halve the brackets [low, high] of roots, each on its own.

    Args:
        beyond: whether roots lie to the right of points.
        low: left ends.
        high: right ends, of the same shape.
        halvings: how often.

    >>> low, high = bisect(lambda x: x**2 < 2, torch.zeros(1), 2 * torch.ones(1), 20)
    >>> 0.5 * (low + high)
    tensor([1.4142])
    """
    for _ in range(halvings):
        middle = 0.5 * (low + high)
        right = beyond(middle)
        low, high = torch.where(right, middle, low), torch.where(right, high, middle)
    return low, high
