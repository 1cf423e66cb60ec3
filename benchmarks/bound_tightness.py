"""How far the bound is from the truth at the exact denoiser of a Gaussian mixture, in 2 and in 32 dimensions.

python benchmarks/bound_tightness.py
"""

from __future__ import annotations

import time

import torch
from paired import RESULTS

from unnoise._provenance import write_results
from unnoise.denoisers import ExactMixture
from unnoise.evaluation.likelihood import Bound
from unnoise.laws import GaussianMixture
from unnoise.processes import variance_preserving
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean

COMPONENTS = 3


def mixture(dimension: int, rng: torch.Generator) -> GaussianMixture:
    """Three Gaussians with full random covariances, of about unit variance in all."""
    means = 0.8 * torch.randn(COMPONENTS, dimension, generator=rng)
    roots = torch.randn(COMPONENTS, dimension, dimension, generator=rng) / dimension**0.5
    covariances = 0.3 * roots @ roots.mT + 0.1 * torch.eye(dimension)
    return GaussianMixture(torch.tensor([0.5, 0.3, 0.2]), means, covariances)


def gap(dimension: int, rows: int, draws: int) -> tuple[float, float]:
    """Mean of log p - bound over draws from p, and its Monte Carlo error, in nats."""
    rng = torch.Generator().manual_seed(dimension)
    law = mixture(dimension, rng)
    x = law.sample(rng, (rows,))
    denoiser = ExactMixture(variance_preserving(Euclidean(dimension), LinearLogSNR()), law)
    estimate = Bound(draws=draws)(denoiser, x, rng)
    bound, error = estimate.mean
    return float(law.log_prob(x).mean()) - bound, error


def main() -> None:
    """Measure and write results/bound-tightness.json."""
    start = time.perf_counter()
    measured = {"bar_nats": 0.01}
    for dimension, rows, draws in ((2, 20_000, 256), (32, 100_000, 512)):
        value, error = gap(dimension, rows, draws)
        measured |= {f"gap_nats_d{dimension}": value, f"gap_nats_d{dimension}_se": error}
    seconds = time.perf_counter() - start
    command = "python benchmarks/bound_tightness.py"
    write_results("bound-tightness", RESULTS, measured=measured, seconds=seconds, command=command, seed=0)
    print(measured)


if __name__ == "__main__":
    main()
