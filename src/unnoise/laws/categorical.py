"""Independent draws from finitely many states; draws by weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import instance, whole
from unnoise.laws.base import HasEntropy, event_sum, none_below_zero

_ROUNDING = 1e-6  # below zero, of probabilities that are differences


@dataclass(frozen=True)
class Categorical(HasEntropy[Tensor]):
    """Independent sites, each in one of S states; density with respect to counting measure.

    Args:
        probs: (*batch, *sites, S), non-negative; each row sums to one.
        event_ndim: axes of sites of one event.

    >>> law = Categorical(torch.tensor([[0.25, 0.75], [1.0, 0.0]]), event_ndim=1)
    >>> law.log_prob(torch.tensor([1, 0])).exp()
    tensor(0.7500)
    """

    probs: Tensor
    event_ndim: int

    def __post_init__(self) -> None:
        instance(Tensor, probs=self.probs)
        whole(event_ndim=self.event_ndim)
        none_below_zero("probs", self.probs, within=_ROUNDING, each_some=True)

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw states in int64, (*shape, *batch, *sites), by inversion, never one without mass."""
        rows, count = self.probs.shape[:-1], math.prod(shape)
        uniform = torch.rand((count, *rows), generator=rng, device=rng.device, dtype=self.probs.dtype)
        below = self.probs.cumsum(-1)
        heights = uniform.to(below.device).movedim(0, -1) * below[..., -1:]
        drawn = torch.searchsorted(below, heights.contiguous(), right=True)
        return drawn.clamp_(max=self.probs.shape[-1] - 1).movedim(-1, 0).reshape(*shape, *rows)

    def log_prob(self, x: Tensor) -> Tensor:
        """Log probability of states (*batch, *sites) in nats; minus infinity where impossible."""
        x, _ = torch.broadcast_tensors(x, self.probs[..., 0])  # type: ignore[no-untyped-call]
        mass = torch.gather(self.probs.expand(*x.shape, -1), -1, x[..., None])[..., 0].log()
        return event_sum(mass, self.event_ndim)

    def entropy(self) -> Tensor:
        r"""$-\sum_k p_k\log p_k$, summed over the sites."""
        return event_sum(torch.special.entr(self.probs).sum(-1), self.event_ndim)

    def kl(self, other: Categorical) -> Tensor:
        r"""$\sum_k p_k\log(p_k/p'_k)$, summed over the sites; infinite where only p' is zero."""
        seen = torch.where(self.probs > 0, other.probs, 1.0)  # no gradient where there is no mass
        return event_sum((torch.xlogy(self.probs, self.probs) - torch.xlogy(self.probs, seen)).sum(-1), self.event_ndim)


def effective_size(log_weights: Tensor) -> Tensor:
    r"""How many even weights are worth as much: $(\sum w)^2/\sum w^2$ over the last axis (Kong, Liu, Wong 1994).

    Between 1, where one weight has all, and their number, where all are alike.

    Args:
        log_weights: $\log w$ in nats, (*batch, k), up to a constant.

    Returns:
        (*batch,).

    >>> effective_size(torch.tensor([[0.0, 0.0, 0.0], [0.0, -99.0, -99.0]]))
    tensor([3., 1.])
    """
    return torch.exp(2 * torch.logsumexp(log_weights, -1) - torch.logsumexp(2 * log_weights, -1))


def systematic(log_weights: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Indices of `count` draws from every row of weights, (rows, count), by one uniform number per row.

    Weight w is drawn w x count times, rounded at random (Carpenter, Clifford, Fearnhead 1999).
    """
    below = log_weights.double().softmax(-1).cumsum(-1)
    shift = torch.rand((len(below), 1), generator=rng, device=rng.device, dtype=torch.float64).to(below.device)
    heights = (shift + torch.arange(count, device=below.device)) / count * below[:, -1:]
    return torch.searchsorted(below, heights, right=True).clamp_(max=log_weights.shape[-1] - 1)
