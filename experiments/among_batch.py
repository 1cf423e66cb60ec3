r"""Denoising on rotations, with the mean target over all rotations of the batch that a noisy one may come from.

A noisy $x_t$ comes from one $x_j$ of a batch, and given the batch as a set from $x_i$ with the probability
$w_i \propto q_{t|0}(x_t | x_i)$. So the mean target $\sum_i w_i\nabla\log q_{t|0}(x_t | x_i)$ has the same mean given
$x_t$ as that of $x_j$ alone, and less variance (Rao and Blackwell; after Xu et al. 2023, arXiv 2302.00670). All pairs
of a batch are two products of matrices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unnoise._checks import instance
from unnoise.denoisers import Denoiser
from unnoise.objectives import Denoising, Loss
from unnoise.objectives.base import ALL
from unnoise.objectives.denoising import predict
from unnoise.processes import Brownian
from unnoise.spaces import Rotations

RANGE = 3e-4, 2.0  # variances of the noise: below no two of a batch are told apart, above two ways round do not do
LEAST = 2e-3  # radians: about what single precision leaves of an angle


@dataclass(frozen=True)
class AmongBatch(Denoising):
    """The bound, for Brownian motion on rotations, without weighting."""

    def __call__(self, denoiser: Denoiser, x_0: Any, cond: Any, rng: torch.Generator, rows: slice = ALL) -> Loss:
        """The KL rates of the mean targets, over the density of their times."""
        instance(Brownian, process=denoiser.process)
        process: Any = denoiser.process
        made = predict(denoiser, x_0, cond, rng, rows, self.times)
        with torch.no_grad():
            variance = process.variance(made.t).to(x_0)
            own, mean = process.target(made.x_0, made.x_t, made.t), mean_score(x_0, made.x_t, variance)
            between = (variance > RANGE[0]) & (variance < RANGE[1])
            target = torch.where(between[:, None, None], mean, own)
        return Loss(process.kl_rate(made.stat, target, made.x_t, made.t) / made.density)


def mean_score(centres: Tensor, x: Tensor, variance: Tensor) -> Tensor:
    """The score of the even mixture of heat kernels at the centres (m, 3, 3), at x (n, 3, 3), by two ways round.

    Args:
        centres: where the noise began.
        x: where it came to.
        variance: of the noise, (n,).
    """
    cosine = 0.5 * (x.flatten(1) @ centres.flatten(1).T - 1)
    near = torch.acos(cosine.clamp(-1 + 1e-6, 1 - 1e-6)).clamp(min=LEAST)
    far, rate = 2 * math.pi - near, 1 / variance[:, None]
    ratio = torch.exp(-2 * math.pi * (math.pi - near) * rate)  # of the two ways round
    ways, half_sine = near + far * ratio, torch.sin(0.5 * near)
    share = torch.softmax(torch.log(ways / half_sine) - 0.5 * near**2 * rate, 1)
    slope = ((1 - near**2 * rate) - (1 - far**2 * rate) * ratio) / ways - 0.5 * torch.cos(0.5 * near) / half_sine
    pull = (-share * slope / torch.sin(near)) @ centres.flatten(1)
    return Rotations().tangent(x, pull.reshape(x.shape))
