"""A network as a denoiser of a Gaussian process."""

from __future__ import annotations

from torch import Tensor, nn

from unnoise._tree import expand
from unnoise.denoisers.base import Denoiser
from unnoise.denoisers.heads import Head, Preconditioned
from unnoise.processes import AffineGaussian


class Neural(Denoiser):
    """A backbone, seen through a head.

    Args:
        process: any Gaussian process; its log signal-to-noise ratio tells the network the noise level.
        network: forward(x, level, cond) -> like x.
        head: what the output stands for.

    >>> import torch
    >>> from unnoise.networks import MLP
    >>> from unnoise.processes import VariancePreserving
    >>> from unnoise.spaces import Euclidean
    >>> denoiser = Neural(VariancePreserving(Euclidean(2)), MLP((2,), width=16))
    >>> denoiser(torch.zeros(4, 2), torch.tensor(0.5)).shape
    torch.Size([4, 2])
    """

    process: AffineGaussian

    def __init__(self, process: AffineGaussian, network: nn.Module, head: Head | None = None) -> None:
        super().__init__()
        self.process = process
        self.network = network
        self.head = Preconditioned() if head is None else head

    def forward(self, x_t: Tensor, t: Tensor, cond: Tensor | None = None) -> Tensor:
        """The estimate of x_0, in the dtype of x_t."""
        log_alpha, log_sigma = (log.to(x_t) for log in self.process.logs(t))
        level = 0.25 * (log_sigma - log_alpha)  # a quarter of log(sigma / alpha), as in EDM
        alpha, sigma = expand(log_alpha.exp(), x_t), expand(log_sigma.exp(), x_t)
        output = self.network(self.head.input_scale(alpha, sigma) * x_t, level, cond)
        return self.head.x_0(output.to(x_t.dtype), x_t, alpha, sigma)
