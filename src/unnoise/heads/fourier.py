"""Numbers of a table, shown at every scale."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unnoise._checks import reals
from unnoise.heads.gaussian import Preconditioned


@dataclass(frozen=True)
class Fourier(Preconditioned):
    r"""The network sees waves of every number, too.

    With $u = x/\alpha$ and $s = \sigma/\alpha$

    $$e^{-f^2 s^2/2}\sin f u, \qquad e^{-f^2 s^2/2}\cos f u$$

    for every frequency f, so that it tells values apart that are close (Tancik et al. 2020, arXiv 2006.10739;
    Gorishniy et al. 2022, arXiv 2203.05556). Waves finer than the noise fade. For vectors.

    Args:
        frequencies: in radians per unit of the data.

    >>> from unnoise.processes import variance_preserving
    >>> from unnoise.spaces import Euclidean
    >>> Fourier(variance_preserving(Euclidean(3))).input_shape
    (33,)
    """

    frequencies: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        reals("frequencies", self.frequencies, fewest=0, above=0)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The numbers, and two waves of each at every frequency."""
        return (super().input_shape[0] * (1 + 2 * len(self.frequencies)),)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The numbers."""
        return super().input_shape

    def inputs(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Side by side."""
        alpha, sigma = self.alpha_sigma(x_t, t)
        return torch.cat([self.input_scale(alpha, sigma) * x_t, *self._waves(x_t, alpha, sigma)], -1)

    def faded(self, x_t: Tensor, t: Tensor) -> Tensor:
        """With the faded numbers."""
        alpha, sigma = self.alpha_sigma(x_t, t)
        return torch.cat([self.faded_scale(alpha, sigma) * x_t, *self._waves(x_t, alpha, sigma)], -1)

    def _waves(self, x_t: Tensor, alpha: Tensor, sigma: Tensor) -> list[Tensor]:
        u, s = x_t / alpha, sigma / alpha
        waves = []
        for frequency in self.frequencies:
            fading = torch.exp(-0.5 * (frequency * s) ** 2)
            waves += [fading * torch.sin(frequency * u), fading * torch.cos(frequency * u)]
        return waves
