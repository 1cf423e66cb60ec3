"""What a probability law is: something to draw from, with a log density."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Self

import torch
from torch import Tensor

from unnoise._tree import S


class Law(ABC, Generic[S]):
    """A (batch of) probability law(s) on states.

    A law may carry batch axes of its own, as the kernel q(x_t | x_0) does for a batch of x_0.
    """

    @abstractmethod
    def sample(self, rng: torch.Generator, shape: tuple[int, ...] = ()) -> S:
        """Draw states of shape (*shape, *batch, *event)."""

    @abstractmethod
    def log_prob(self, x: S) -> Tensor:
        """Log density at x in nats, (*batch,), with respect to the reference measure that the class states."""


class HasEntropy(Law[S]):
    """A law whose entropy is known, and how far it is from another of its kind; both sum over the axes of an event."""

    @abstractmethod
    def entropy(self) -> Tensor:
        r"""$-E[\log p(X)]$ in nats, (*batch,)."""

    @abstractmethod
    def kl(self, other: Self) -> Tensor:
        r"""$KL(p \| p') = E[\log p(X) - \log p'(X)]$ in nats, (*batch,), for another law p' of the same kind."""


def event_sum(coordinates: Tensor, event_ndim: int) -> Tensor:
    """The sum over the last `event_ndim` axes."""
    return coordinates.flatten(coordinates.ndim - event_ndim).sum(-1) if event_ndim else coordinates


class Smooth(Law[S]):
    """A law whose density has a known gradient."""

    @abstractmethod
    def score(self, x: S) -> S:
        """The gradient of the log density at x: a tangent vector at every point."""


def standard_normal(shape: tuple[int, ...], like: Tensor, rng: torch.Generator, scale: float = 1.0) -> Tensor:
    """N(0, 1) numbers, times `scale`, drawn where `rng` lives, in the dtype and on the device of `like`.

    Drawing on the generator's own device makes a seed give the same numbers on every device.
    """
    numbers = torch.empty(shape, device=rng.device, dtype=like.dtype).normal_(0, scale, generator=rng)
    return numbers.to(like.device)
