"""Independent draws from finitely many states: the kernels and small steps of finite spaces."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise.laws.base import HasEntropy, event_sum


@dataclass(frozen=True)
class Categorical(HasEntropy[Tensor]):
    """Independent sites, each in one of S states; density with respect to counting measure.

    Args:
        probs: (*batch, *sites, S), non-negative; each row sums to one.
        event_ndim: how many axes of sites form one event.

    >>> law = Categorical(torch.tensor([[0.25, 0.75], [1.0, 0.0]]), event_ndim=1)
    >>> law.log_prob(torch.tensor([1, 0])).exp()
    tensor(0.7500)
    >>> law.sample(torch.Generator().manual_seed(0), (3,))[:, 1]
    tensor([0, 0, 0])
    """

    probs: Tensor
    event_ndim: int

    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> Tensor:
        """Draw states in int64, (*shape, *batch, *sites), by inversion: a state without mass is never drawn."""
        rows, count = self.probs.shape[:-1], math.prod(shape)
        uniform = torch.rand((count, *rows), generator=rng, device=rng.device, dtype=self.probs.dtype)
        below = self.probs.cumsum(-1)
        heights = uniform.to(below.device).movedim(0, -1) * below[..., -1:]
        drawn = torch.searchsorted(below, heights.contiguous(), right=True)
        return drawn.clamp_(max=self.probs.shape[-1] - 1).movedim(-1, 0).reshape(*shape, *rows)

    def log_prob(self, x: Tensor) -> Tensor:
        """The log probability of states (*batch, *sites) in nats; minus infinity where they are impossible."""
        x, _ = torch.broadcast_tensors(x, self.probs[..., 0])  # type: ignore[no-untyped-call]
        mass = torch.gather(self.probs.expand(*x.shape, -1), -1, x[..., None])[..., 0].log()
        return event_sum(mass, self.event_ndim)

    def entropy(self) -> Tensor:
        r"""$-\sum_k p_k\log p_k$, summed over the sites."""
        return event_sum(torch.special.entr(self.probs).sum(-1), self.event_ndim)

    def kl(self, other: Categorical) -> Tensor:
        r"""$\sum_k p_k\log(p_k/p'_k)$, summed over the sites; infinite where p has states that p' lacks."""
        seen = torch.where(self.probs > 0, other.probs, 1.0)  # no gradient where there is no mass
        return event_sum((torch.xlogy(self.probs, self.probs) - torch.xlogy(self.probs, seen)).sum(-1), self.event_ndim)
