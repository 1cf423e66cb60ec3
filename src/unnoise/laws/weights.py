"""Weights of draws: how many draws they are worth, and draws by them."""

from __future__ import annotations

import torch
from torch import Tensor


def effective_size(log_weights: Tensor) -> Tensor:
    r"""$(\sum w)^2/\sum w^2$ over the last axis (Kong, Liu, Wong 1994): from 1, one weight is all, to their number.

    >>> effective_size(torch.tensor([[0.0, 0.0], [0.0, -50.0]]))
    tensor([2., 1.])
    """
    return torch.exp(2 * torch.logsumexp(log_weights, -1) - torch.logsumexp(2 * log_weights, -1))


def systematic(log_weights: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Indices of `count` draws from every row of weights, (rows, count), by one uniform number per row.

    A particle of weight w is drawn w x count times, rounded up or down at random (Carpenter, Clifford, Fearnhead 1999).

    >>> systematic(torch.tensor([[0.5, 0.25, 0.25, 0.0]]).log(), 4, torch.Generator().manual_seed(0))
    tensor([[0, 0, 1, 2]])
    """
    below = log_weights.double().softmax(-1).cumsum(-1)
    shift = torch.rand((len(below), 1), generator=rng, device=rng.device, dtype=torch.float64).to(below.device)
    heights = (shift + torch.arange(count, device=below.device)) / count * below[:, -1:]
    return torch.searchsorted(below, heights, right=True).clamp_(max=log_weights.shape[-1] - 1)
