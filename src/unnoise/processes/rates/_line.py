r"""A walk on the integers, one step up and one down at rate 1 each: $f_n = e^{-z} I_n(z)$, $z = 2B$.

On a circle of M points its law is $g_n = \sum_k f_{n + kM}$, images that keep all digits of tiny probabilities, and
$g_n = \frac1M\sum_k e^{-z(1 - \cos(2\pi k/M))}\cos(2\pi k n/M)$, shorter where z is large and nothing is tiny.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SPREAD = 1 / 96  # z / M^2 where the series begins: probabilities are above exp(-12) of the largest
BEYOND = 40  # images this far beyond a whole turn are below rounding


def circle(z: Tensor, points: int) -> Tensor:
    """The law of the walk on a circle at k times, (k, points), in float64."""
    switch = SPREAD * points**2
    near = _images(z.clamp(max=switch), points)
    return torch.where(z[:, None] < switch, near, _series(z, points))


def log_line(z: Tensor, most: int) -> Tensor:
    r"""$\log f_n$ for n from 0 to `most`, (k, most + 1), from the ratios $r_n = I_{n+1}/I_n$.

    $r_{n-1} = z/(2n + z r_n)$ forgets its start, the bound of Amos 1974 (Olver).
    """
    start = math.ceil(math.sqrt(most**2 + 40 * float(z.max()))) + 20
    ratio = z / (start + 1 + torch.sqrt((start + 1) ** 2 + z**2))
    ratios = torch.empty(most, len(z), dtype=z.dtype, device=z.device)
    for n in range(start, 0, -1):
        ratio = z / (2 * n + z * ratio)
        if n <= most:
            ratios[n - 1] = ratio
    first: Tensor = torch.special.i0e(z).log()[:, None]
    return torch.cat([first, first + ratios.T.log().cumsum(1)], 1)


def _images(z: Tensor, points: int) -> Tensor:
    """All images within one turn and a little more: enough at small z."""
    law = log_line(z, points + BEYOND).exp()
    turns = math.ceil((points + BEYOND + 1) / points) + 1
    law = torch.nn.functional.pad(law, (0, turns * points - law.shape[1]))
    up = law.reshape(len(z), turns, points).sum(1)
    back = torch.nn.functional.pad(law[:, 1:], (0, 1)).reshape(len(z), turns, points).sum(1)
    folded: Tensor = up + back.flip(1)  # f at n, n + M, ..., and at M - n, 2 M - n, ...
    return folded


def _series(z: Tensor, points: int) -> Tensor:
    angles = 2 * math.pi / points * torch.arange(points // 2 + 1, dtype=z.dtype, device=z.device)
    decay = torch.exp(-2 * z[:, None] * torch.sin(0.5 * angles) ** 2)
    law: Tensor = torch.fft.irfft(decay.to(torch.complex128), n=points, dim=1)
    return law
