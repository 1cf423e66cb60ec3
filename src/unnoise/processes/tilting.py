r"""Processes whose noisy laws can be tilted: what is learnt of $q_t(x|c)^w\,q_t(x)^{1-w}$, from what is learnt of both.

Scores and logarithms of ratios $q_t(y)/q_t(x)$ are linear in $\log q_t$, so they combine as $w\,a + (1-w)\,b$, whatever
the law is; and what is learnt is affine in a score, or a ratio is affine in what is learnt.
"""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor

from unnoise._tree import S
from unnoise.processes.base import Process


class Tilting(Process[S]):
    r"""A process that knows the statistic of the tilted law $q_t(x|c)^w\,q_t(x)^{1-w}$, as guidance needs it.

    w = 0 is the law without the condition, 1 that with it, more sharpens (Ho and Salimans 2022, arXiv 2207.12598).

    >>> from unnoise import processes, spaces
    >>> process = processes.edm(spaces.Euclidean(1))
    >>> told, untold, x = torch.tensor([[1.0]]), torch.tensor([[0.5]]), torch.zeros(1, 1)
    >>> process.tilted(told, untold, x, torch.tensor(0.5), 2.0)
    tensor([[1.5000]])
    """

    trait = "whose noisy laws can be tilted"

    @abstractmethod
    def tilted(self, told: S, untold: S, x_t: S, t: Tensor, scale: float) -> S:
        """The statistic of the tilted law.

        Args:
            told: the statistic given c.
            untold: without it.
            x_t: where.
            t: when, () or (n,).
            scale: w.
        """


class ByScore(Tilting[Tensor]):
    r"""A process whose statistic is affine in the score, with a slope that the law does not change.

    So that of the tilted law is on the line through both: $Y + w\,(Y_c - Y)$.
    """

    def tilted(self, told: Tensor, untold: Tensor, x_t: Tensor, t: Tensor, scale: float) -> Tensor:
        """On the line through both."""
        return untold + scale * (told - untold)


def geometric(told: Tensor, untold: Tensor, scale: float) -> Tensor:
    """$a^w b^{1-w}$ of numbers from 0; 0 where one of them is 0.

    >>> geometric(torch.tensor([4.0, 0.0]), torch.tensor([2.0, 1.0]), 2.0)
    tensor([8., 0.])
    """
    return log_geometric(told, untold, scale).exp()


def log_geometric(told: Tensor, untold: Tensor, scale: float) -> Tensor:
    r"""The logarithm of `geometric`; $-\infty$ where one of the numbers is 0."""
    none = (told <= 0) | (untold <= 0)
    first, second = (torch.where(none, 1.0, part).log() for part in (told, untold))
    return (scale * first + (1 - scale) * second).masked_fill(none, -math.inf)
