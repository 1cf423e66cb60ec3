"""What a network gives for letters that are written one-hot and noised as real numbers: a probability of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._tree import expand
from unnoise.heads.base import Head


@dataclass(frozen=True)
class Letters(Head[Tensor]):
    r"""$\hat x_0 = \mathrm{softmax}(\alpha x/\sigma^2 + F)$ over the last axis, for one-hot data.

    The first term is what the noisy letter itself says, by Bayes' rule, and F the log odds that the rest of the point
    gives it: constant frequencies are exact for independent letters, and the zero output for uniform ones. As the
    softmax is a mean of one-hot vectors, it is what a denoiser of letters must be; a network at one noise level is
    trained on cross-entropy or on squared error to the same end (Dieleman et al. 2022, arXiv 2211.15089).

    Points are (n, *sites, letters), and the network sees letters as channels, (n, letters, *sites), at about unit
    variance.

    >>> from unnoise.processes import variance_exploding
    >>> from unnoise.spaces import Euclidean
    >>> process, t = variance_exploding(Euclidean((4, 3))), torch.tensor(0.6)
    >>> Letters().input_shape(process)
    (3, 4)
    >>> Letters().estimate(process, torch.zeros(1, 3, 4), torch.zeros(1, 4, 3), t)[0, 0]
    tensor([0.3333, 0.3333, 0.3333])
    """

    def input_shape(self, process: Any) -> tuple[int, ...]:
        """Letters first, then sites."""
        *sites, letters = process.space.event_shape
        return (letters, *sites)

    def output_shape(self, process: Any) -> tuple[int, ...]:
        """That of the input."""
        return self.input_shape(process)

    def inputs(self, process: Any, x_t: Tensor, t: Tensor) -> Tensor:
        """The point, at unit variance or less."""
        alpha, sigma = (expand(part.to(x_t), x_t) for part in process.alpha_sigma(t))
        return (x_t / torch.hypot(alpha, sigma)).movedim(-1, 1)

    def estimate(self, process: Any, output: Tensor, x_t: Tensor, t: Tensor) -> Tensor:
        """See the class; in the precision of x_t."""
        alpha, sigma = (expand(part.to(x_t), x_t) for part in process.alpha_sigma(t))
        return torch.softmax(alpha * x_t / sigma**2 + output.movedim(1, -1).to(x_t), -1)
