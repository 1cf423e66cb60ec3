"""Exact log-likelihood on a ring of 8 Gaussians in the plane, beside flow_matching's.

Both see the exact denoiser of the same 300 points. flow_matching integrates a fixed grid of midpoint steps; ours
chooses its steps for every point.

    pip install -e '.[benchmarks]' -c constraints.txt
    python benchmarks/exact_likelihood.py
"""

from __future__ import annotations

import math
import time

import torch
from flow_matching.solver import ODESolver
from flow_matching.utils import ModelWrapper
from paired import RESULTS, compare
from torch import Tensor

from unnoise._provenance import write_results
from unnoise.denoisers import ExactMixture
from unnoise.evaluation.likelihood import ProbabilityFlow
from unnoise.laws import GaussianMixture
from unnoise.processes import rectified_flow, variance_preserving
from unnoise.spaces import Euclidean


def ring(dtype: torch.dtype) -> GaussianMixture:
    """Eight Gaussians of deviation 0.15 on a circle of radius 2."""
    angles = torch.arange(8, dtype=dtype) * math.pi / 4
    means = 2 * torch.stack([angles.cos(), angles.sin()], 1)
    return GaussianMixture(
        torch.full((8,), 1 / 8, dtype=dtype), means, 0.15**2 * torch.eye(2, dtype=dtype).repeat(8, 1, 1)
    )


class Velocity(ModelWrapper):
    """The exact velocity of the straight path from noise (t = 0) to data (t = 1), as flow_matching counts time."""

    def __init__(self) -> None:
        super().__init__(torch.nn.Identity())
        self.process = rectified_flow(Euclidean(2), tau_min=1e-5, tau_max=1 - 1e-5)
        self.denoiser = ExactMixture(self.process, ring(torch.float32))

    def forward(self, x: Tensor, t: Tensor, **extras: object) -> Tensor:
        """Dx/dt at time t."""
        tau = (1 - t).clamp(1e-5, 1 - 1e-5)
        time = (tau - 1e-5) / (1 - 2e-5)
        return (self.denoiser(x, time) - x) / tau


def main() -> None:
    """Measure and write results/exact-likelihood.json."""
    start = time.perf_counter()
    law, rng = ring(torch.float64), torch.Generator().manual_seed(0)
    x = law.sample(rng, (300,))
    truth = law.log_prob(x)
    denoiser = ExactMixture(variance_preserving(Euclidean(2)), ring(torch.float32))
    solver, log_normal = (
        ODESolver(Velocity()),
        torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob,
    )

    def ours() -> Tensor:
        return ProbabilityFlow()(denoiser, x, rng).log_prob

    def theirs() -> Tensor:
        _, log_prob = solver.compute_likelihood(
            x_1=x.float(), log_p0=log_normal, method="midpoint", step_size=0.02, exact_divergence=True
        )
        return log_prob

    measured = compare(ours, theirs, repeats=10)
    for name, found in (("ours", ours()), ("flow_matching", theirs())):
        error = found.detach().double() - truth
        measured[f"{name}_rmse_nats"] = float(error.square().mean().sqrt())
        measured[f"{name}_bias_nats"] = float(error.mean())
    measured["bar_rmse_nats"] = 0.006
    seconds = time.perf_counter() - start
    command = "python benchmarks/exact_likelihood.py"
    write_results("exact-likelihood", RESULTS, measured=measured, seconds=seconds, command=command, seed=0)
    print(measured)


if __name__ == "__main__":
    main()
