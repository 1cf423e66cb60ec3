"""Closed-form denoisers by products of matrices, beside the same formulas term by term, as they are written.

Both take turns on one thread. Errors are those of single against double precision, relative to the spread of the data,
the largest over 500 points: at the noise levels of a sampler's first steps, of its middle and of its last.

    python benchmarks/exact_denoiser.py
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch
from paired import RESULTS, compare
from torch import Tensor

from unnoise._provenance import write_results
from unnoise.denoisers import Denoiser, Exact, ExactMixture
from unnoise.laws import GaussianMixture
from unnoise.processes import edm
from unnoise.spaces import Euclidean

REPEATS = 15
ATOMS = {"1000_atoms_in_2d": (1000, 1000, 2), "1797_atoms_in_64d": (256, 1797, 64)}  # rows, atoms, dimensions
MIXTURES = {"8_modes_in_2d": (2000, 8, 2), "2_modes_in_32d": (10_000, 2, 32), "20_modes_in_64d": (2000, 20, 64)}
LEVELS = (40.0, 1.0, 0.005)

Way = Callable[[Tensor, Tensor], Tensor]


def over_atoms(process: edm, atoms: Tensor) -> Way:
    """Bayes' rule from the difference of every point and every atom."""

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        alpha, sigma = process.alpha_sigma(t)
        z = (x[:, None] - alpha * atoms) / sigma
        log_kernel = (-0.5 * z**2 - torch.log(sigma) - 0.5 * math.log(2 * math.pi)).sum(-1)
        return torch.softmax(log_kernel, 1) @ atoms

    return denoise


def over_components(process: edm, law: GaussianMixture) -> Way:
    """The posterior mean of every component, along the axes of its covariance."""
    variances, axes = torch.linalg.eigh(law.covariances)

    def denoise(x: Tensor, t: Tensor) -> Tensor:
        alpha, sigma = process.alpha_sigma(t)
        centred = torch.einsum("nkd,kde->nke", x[:, None] - alpha * law.means, axes)
        total = alpha**2 * variances + sigma**2
        log_density = -0.5 * (centred**2 / total + total.log()).sum(-1)
        shrunk = torch.einsum("nke,kde->nkd", alpha * variances / total * centred, axes)
        return (torch.softmax(log_density + law.weights.log(), 1)[..., None] * (law.means + shrunk)).sum(1)

    return denoise


def measured(
    name: str, process: edm, points: Tensor, denoiser: Denoiser, direct: Way, exact: Denoiser
) -> dict[str, float]:
    """Seconds of both at the middle level, and the errors of both at all levels."""
    rng = torch.Generator().manual_seed(1)
    noise = torch.randn(points.shape, generator=rng)
    found = {}
    for sigma in LEVELS:
        t = process.time_at(torch.tensor(-2 * math.log(sigma), dtype=torch.float64))
        x, spread = points + sigma * noise, float(points.std())
        truth = exact(x[:500].double(), t)
        for way, denoise in (("products", denoiser), ("direct", direct)):
            error = (denoise(x[:500], t).double() - truth).abs().max() / spread
            found[f"{name}_error_at_{sigma:g}_{way}"] = float(error)
        if sigma == 1:
            times = compare(lambda x=x, t=t: denoiser(x, t), lambda x=x, t=t: direct(x, t), REPEATS)
            found |= {f"{name}_{what}": value for what, value in times.items()}
    return found


@torch.no_grad()
def main() -> None:
    """Measure and write results/exact-denoiser.json."""
    torch.set_num_threads(1)
    start, rng, found = time.perf_counter(), torch.Generator().manual_seed(0), {}
    for name, (n, k, d) in ATOMS.items():
        process, atoms = edm(Euclidean(d)), torch.randn(k, d, generator=rng)
        points = atoms[torch.randint(k, (n,), generator=rng)]
        exact = Exact(process, atoms.double())
        found |= measured(name, process, points, Exact(process, atoms), over_atoms(process, atoms), exact)
    for name, (n, k, d) in MIXTURES.items():
        process, means = edm(Euclidean(d)), 3 * torch.randn(k, d, generator=rng)
        law = GaussianMixture(torch.full((k,), 1 / k), means, 0.25 * torch.eye(d).expand(k, d, d))
        precise = GaussianMixture(law.weights.double(), means.double(), law.covariances.double())
        exact, points = ExactMixture(process, precise), law.sample(rng, (n,))
        found |= measured(name, process, points, ExactMixture(process, law), over_components(process, law), exact)
    seconds, command = time.perf_counter() - start, "python benchmarks/exact_denoiser.py"
    write_results("exact-denoiser", RESULTS, measured=found, seconds=seconds, command=command, seed=0)
    print(found)


if __name__ == "__main__":
    main()
