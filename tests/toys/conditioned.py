"""A law that is known given a condition: N(condition, 1/2)."""

from __future__ import annotations

import torch

from unnoise.denoisers import Denoiser
from unnoise.processes import edm
from unnoise.spaces import Euclidean

FLOAT64 = torch.float64


class Shifted(Denoiser):
    """The exact denoiser of N(condition, 1/2): what it costs depends on the row's own condition."""

    def __init__(self, process):
        super().__init__()
        self.process = process
        self.register_buffer("variance", torch.tensor(0.5, dtype=FLOAT64))

    def forward(self, x_t, t, cond=None):
        alpha, sigma = (part.reshape(-1, *(1 for _ in x_t.shape[1:])) for part in self.process.alpha_sigma(t))
        gain = alpha * self.variance / (alpha**2 * self.variance + sigma**2)
        return cond + gain * (x_t - alpha * cond)


def conditional_case(rng):
    process = edm(Euclidean(2), sigma_max=2000.0)  # so that the prior forgets the condition
    cond = 3 * torch.randn(11, 2, generator=rng, dtype=FLOAT64)
    x = cond + 0.5**0.5 * torch.randn(11, 2, generator=rng, dtype=FLOAT64)
    law = torch.distributions.Normal(cond, 0.5**0.5)
    return Shifted(process), x, cond, law.log_prob(x).sum(-1)
