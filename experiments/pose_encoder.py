r"""The encoder of views, the same for all methods: principal components of the pictures, and a residual network.

Of a picture x with the mean m and covariance $V\Lambda V^T$ of pictures, the network is given
$(\Lambda + \varepsilon\lambda_1)^{-1/2} V^T(x - m)$. All these numbers vary alike, which makes learning fast, and a
product of matrices costs a CPU far less than convolutions of few channels do.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from experiments.pose_views import NAMES, SHAPE, Views
from unnoise.networks import Conditioned

COMPONENTS = 256  # of each picture; they hold 98.6 % of the variance
LEAST = 1e-3  # of the largest variance, which is added to each, since the small ones are noise
COUNTED = 1000  # pictures of each solid
FEATURES, WIDTH = 256, 512  # of the encoder


class Residual(nn.Module):
    """A linear map, residual layers h + W silu(norm(h)), and a linear map, of vectors (..., numbers).

    >>> Residual(3, 5, width=8, depth=2)(torch.zeros(4, 3)).shape
    torch.Size([4, 5])
    """

    def __init__(self, numbers: int, out: int, width: int = WIDTH, depth: int = 1) -> None:
        super().__init__()
        self.first = nn.Linear(numbers, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(depth + 1))
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.last = nn.Linear(width, out)

    def forward(self, x: Tensor) -> Tensor:
        """(..., out)."""
        h = self.first(x)
        for norm, layer in zip(self.norms, self.layers, strict=False):
            h = h + layer(nn.functional.silu(norm(h)))
        out: Tensor = self.last(nn.functional.silu(self.norms[-1](h)))
        return out


class Components(nn.Module):
    """Principal components of pictures by the first camera, for pictures by either; nothing in it is trained.

    Of a picture that is black all over, since its camera gave none, they are zeros.
    """

    matrix: Tensor
    shift: Tensor

    def __init__(self, views: Views) -> None:
        super().__init__()
        pictures = views.first[:, :COUNTED].flatten(2).flatten(0, 1).float() / 255
        mean = pictures.mean(0)
        rest = pictures - mean
        variances, axes = torch.linalg.eigh((rest.mT @ rest / len(pictures)).double())
        variances, axes = variances[-COMPONENTS:], axes[:, -COMPONENTS:]
        matrix = axes / (variances + LEAST * variances[-1]).sqrt()
        self.register_buffer("matrix", matrix.float())
        self.register_buffer("shift", (mean.double() @ matrix).float())

    def forward(self, pictures: Tensor) -> Tensor:
        """Of pictures (n, cameras, 32, 32): (n, cameras * 256)."""
        flat = pictures.flatten(2)
        there = flat.amax(-1, keepdim=True) > 0
        return ((flat @ self.matrix - self.shift) * there).flatten(1)


def conditioned(backbone: nn.Module, components: Components) -> Conditioned:
    """The encoder of views before a backbone, which takes its features and the name of the solid."""
    encoder = nn.Sequential(components, Residual(SHAPE[0] * COMPONENTS, FEATURES))
    return Conditioned(backbone, [encoder, None], [SHAPE, (len(NAMES),)])


def read_features() -> int:
    """How many numbers such a backbone is given."""
    return FEATURES + len(NAMES)


class Alone(nn.Module):
    """A backbone that looks at its condition alone, (n, features) -> (n, *shape)."""

    def __init__(self, shape: tuple[int, ...], depth: int) -> None:
        super().__init__()
        self.shape, self.layers = shape, Residual(read_features(), math.prod(shape), depth=depth)

    def forward(self, x: Tensor, level: Tensor | None, cond: Tensor) -> Tensor:
        """(n, *shape)."""
        out: Tensor = self.layers(cond).reshape(len(cond), *self.shape)
        return out
