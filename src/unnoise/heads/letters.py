"""What a network gives for one-hot letters noised as real numbers."""

from __future__ import annotations

import torch
from torch import Tensor

from unnoise.heads.gaussian import SignalNoiseHead


class Letters(SignalNoiseHead):
    r"""$\hat x_0 = \mathrm{softmax}(\alpha x/\sigma^2 + F)$ over the last axis, for one-hot data.

    The first term is Bayes' rule for the noisy letter, F the log odds that the rest gives it: zero is exact for
    independent uniform letters (Dieleman et al. 2022, arXiv 2211.15089).

    Points are (n, *sites, letters); the network sees letters as channels, (n, letters, *sites), at about unit variance.

    >>> from unnoise.processes import variance_exploding
    >>> from unnoise.spaces import Euclidean
    >>> Letters(variance_exploding(Euclidean((4, 3)))).input_shape
    (3, 4)
    """

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Letters first, then sites."""
        *sites, letters = self.process.space.event_shape
        return (letters, *sites)

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The point, at unit variance or less."""
        return (x_t / torch.hypot(*self.alpha_sigma(x_t, t))).movedim(-1, 1)

    def estimate(self, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """Bayes' rule, in the precision of x_t."""
        alpha, sigma = self.alpha_sigma(x_t, t)
        return torch.softmax(alpha * x_t / sigma**2 + output.movedim(1, -1).to(x_t), -1)
