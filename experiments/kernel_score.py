r"""The score of a blurred kernel density on the sphere, in closed form.

Brownian motion turns the von Mises-Fisher kernels of concentration $\kappa$ into laws that are close to those of the
same mean, $\coth\kappa_t - 1/\kappa_t = e^{-v}$ for the variance v: here $\kappa_t = 3 e^{-v}/(1 - e^{-3v})$, which is
right at both ends. What that gets wrong, a network may correct.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from unnoise.denoisers import Denoiser
from unnoise.processes import Brownian


class KernelScore(Denoiser):
    """The denoiser of a kernel density of points of the sphere.

    Args:
        process: Brownian motion on the sphere S^2.
        points: that carry the kernels, (n, 3).
        folds: (n,), a number for each; the condition names the fold whose kernels are left out.
        kappa: concentration of the kernels where noising begins.
        uniform: share of the uniform law.
    """

    process: Brownian
    points: Tensor
    folds: Tensor

    def __init__(self, process: Brownian, points: Tensor, folds: Tensor, kappa: float, uniform: float) -> None:
        super().__init__()
        self.process = process
        self.register_buffer("points", points)
        self.register_buffer("folds", folds)
        start = float(process.variance(torch.zeros((), dtype=torch.float64)))
        self.width = max(1 / kappa - start, 0.0)
        self.uniform = uniform

    def forward(self, x_t: Tensor, t: Tensor, cond: Tensor | None = None) -> Tensor:
        """The score at x_t, (n, 3)."""
        v = self.process.variance(t).to(x_t) + self.width
        kappa = (3 * torch.exp(-v) / -torch.expm1(-3 * v)).reshape(-1, 1)
        log_constant = torch.log(kappa / (2 * math.pi)) - torch.log(-torch.expm1(-2 * kappa))
        log_kernel = log_constant + kappa * (x_t @ self.points.T - 1)
        if cond is not None:
            log_kernel = log_kernel.masked_fill(cond.reshape(-1, 1) == self.folds, -math.inf)
        count = len(self.points) if cond is None else (cond.reshape(-1, 1) != self.folds).sum(1, keepdim=True)
        weighted = log_kernel + math.log1p(-self.uniform) - torch.log(torch.as_tensor(count).to(x_t))
        flat = weighted.new_full((len(weighted), 1), math.log(self.uniform / (4 * math.pi)))
        share = torch.softmax(torch.cat([weighted, flat], 1), 1)[:, :-1]
        return self.process.space.tangent(x_t, kappa * (share @ self.points))
