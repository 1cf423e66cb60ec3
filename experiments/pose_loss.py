r"""The log density of a mixture of heat kernels on rotations, in single precision, for training.

`HeatMixture.log_prob` is exact at every width, and costs as much as the network does. Kernels of a mixture of many
anchors are narrow, and of these the short way round is all that counts: with unit quaternions and
$\theta = 2\,\mathrm{atan2}(|v|, |w|)$ between point and centre,

$$\log p_\tau = -\tfrac32\log 2\pi\tau - \frac{\theta^2}{2\tau} + \frac\tau8 + \log\frac{\theta/2}{\sin(\theta/2)}.$$
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unnoise.denoisers import HeatMixture
from unnoise.denoisers.heat_mixture import NARROWEST, WIDEST
from unnoise.spaces import Rotations

TINY = 1e-12  # square of a sine, below which no slope is followed


def log_prob(denoiser: HeatMixture, rotations: Tensor, cond: Tensor, nearest: int) -> Tensor:
    """Log densities (n,) at rotations (n, 3, 3) given conditions (n, c), by the kernels of so many nearest anchors."""
    zero = torch.zeros(1)
    output = denoiser.network(zero.expand(len(cond), 1), zero, cond).float()
    anchors = Rotations.as_quaternion(denoiser.anchors).float()
    point = Rotations.as_quaternion(rotations.float())
    close = (point[:, None] * anchors).sum(-1).abs()
    chosen = close.topk(min(nearest, len(anchors)), sorted=False).indices
    log_weights = torch.log_softmax(output[..., 0], -1).gather(1, chosen)
    place, width = output[torch.arange(len(cond))[:, None], chosen, 1:].split([3, 1], -1)
    moved = _turn(denoiser.reach * torch.tanh(place))
    rest = _between(moved, _between(anchors[chosen], point[:, None].expand(-1, chosen.shape[1], -1)))
    sine = rest[..., :3].square().sum(-1).clamp(min=TINY).sqrt()
    angle = 2 * torch.atan2(sine, rest[..., 3].abs())
    least = float(denoiser.process.variance(torch.zeros((), dtype=torch.float64)))  # of the first noise level
    time = (0.5 * denoiser.reach * width[..., 0].clamp(NARROWEST, WIDEST).exp()) ** 2 + least
    kernels = -1.5 * torch.log(2 * math.pi * time) - 0.5 * angle**2 / time + time / 8 + torch.log(0.5 * angle / sine)
    return torch.logsumexp(log_weights + kernels, -1)


def _turn(vector: Tensor) -> Tensor:
    """Quaternions (..., 4), scalar last, of rotation vectors (..., 3)."""
    half = 0.5 * vector.square().sum(-1, keepdim=True).clamp(min=TINY).sqrt()
    return torch.cat([0.5 * torch.sinc(half / math.pi) * vector, torch.cos(half)], -1)


def _between(start: Tensor, end: Tensor) -> Tensor:
    """The quaternion that turns the frame of one into the other, both (..., 4): conj(start) end."""
    v, w, x, y = start[..., :3], start[..., 3:], end[..., :3], end[..., 3:]
    return torch.cat([w * x - y * v - torch.linalg.cross(v, x), w * y + (v * x).sum(-1, keepdim=True)], -1)
