r"""What a Gaussian law of few directions says of pictures of which every pixel is noisy, known or lost.

For each digit, and for all of them, $x = \mu + V w + e$ with $w \sim N(0, I)$ of few numbers and $e_i \sim N(0, d_i)$.
With a noisy value $y_i$ of precision $\lambda_i$ at every pixel, and $p_i = \lambda_i/(1 + \lambda_i d_i)$,

$$\hat w = (I + V^T P V)^{-1} V^T P (y - \mu),\qquad
\hat x_i = \frac{\mu_i + (V\hat w)_i + d_i\lambda_i y_i}{1 + d_i\lambda_i}.$$

It is the best linear guess that there is, found without training, and what a network sees in place of the noisy pixel
alone: from the first step on it looks across the whole hole.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

CLASSES, DIRECTIONS = 10, 64
RIDGE = 0.01  # variance added to every pixel, of pixels of variance 1
KNOWN = 1e6  # the precision of a pixel that is given


class Factors(nn.Module):
    """The laws of the digits, and last of those that are not told; until they are `fitted`, standard normal pixels.

    Args:
        pixels: of a picture.
    """

    def __init__(self, pixels: int) -> None:
        super().__init__()
        self.means: Tensor
        self.loadings: Tensor
        self.rests: Tensor
        self.register_buffer("means", torch.zeros(CLASSES + 1, pixels))
        self.register_buffer("loadings", torch.zeros(CLASSES + 1, pixels, DIRECTIONS))
        self.register_buffer("rests", torch.ones(CLASSES + 1, pixels))

    def fit(self, values: Tensor, labels: Tensor) -> Factors:
        """To pictures (n, pixels) and their digits (n,), by the leading directions of every covariance."""
        for digit in range(CLASSES + 1):
            like = values if digit == CLASSES else values[labels == digit]
            if len(like) > 1:
                self.means[digit], self.loadings[digit], self.rests[digit] = _factors(like)
        return self

    def forward(self, spoken: Tensor, precision: Tensor, label: Tensor) -> Tensor:
        r"""The means $\hat x$, (n, pixels).

        Args:
            spoken: $\lambda y$, (n, pixels).
            precision: $\lambda$, (n, pixels).
            label: the digits, (n,); -1 where it is not told.
        """
        digit = label % (CLASSES + 1)
        mean, loadings, rest = self.means[digit], self.loadings[digit], self.rests[digit]
        shrunk = 1 + precision * rest
        with torch.autocast(spoken.device.type, enabled=False):
            weighted = loadings * (precision / shrunk)[..., None]
            told = (loadings.mT @ ((spoken - precision * mean) / shrunk)[..., None])[..., 0]
            scatter = torch.eye(DIRECTIONS).to(told) + weighted.mT @ loadings
            code = torch.linalg.solve(scatter, told)
            guess = mean + (loadings @ code[..., None])[..., 0]
        found: Tensor = (guess + rest * spoken) / shrunk
        return found


def _factors(values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, loadings and the variance that they leave."""
    mean = values.double().mean(0)
    covariance = torch.cov(values.double().T)
    spread, directions = torch.linalg.eigh(covariance)
    loadings = directions[:, -DIRECTIONS:] * spread[-DIRECTIONS:].clamp(min=0).sqrt()
    rest = (covariance.diagonal() - loadings.square().sum(1)).clamp(min=0) + RIDGE
    return mean.float(), loadings.float(), rest.float()
