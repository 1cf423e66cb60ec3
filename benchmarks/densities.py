r"""Draws from densities whose answers are known, by `unnoise.walk` as it is: no scale, no step size, no start.

* Posteriors of posteriordb beside its reference draws (NUTS): the worst difference of a mean and of 5 % and 95 %
  quantiles, in reference deviations, and the worst ratio of deviations. There are 2,500, so .02 to .05 is chance.
* Two modes and forty normal laws in up to 128 dimensions; quartic, banana, funnel, Student, scales, condition 1e6;
  curved spaces and spins.

Beside each in the same run, what stands to hand without walking: the first guess of Laplace's approximations at the
modes, weighted by importance, and for posteriors what MALA says after `tune` and as many gradients.

    PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/densities.py ../shared/data
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from _densities import Posterior, banana, forty, narrow_and_wide, posteriors, turned, two_modes
from paired import RESULTS
from scipy.special import iv
from torch import Tensor

import unnoise
from unnoise import chains
from unnoise._provenance import write_results
from unnoise.chains import Density
from unnoise.laws.categorical import systematic
from unnoise.spaces import Euclidean, Rotations, Sphere
from unnoise.targets import Funnel, Ising
from unnoise.walking.functions import Tried
from unnoise.walking.scouting import first_guess, scattered

DRAWS, SEED = 8000, 0
Measures = Callable[[Any], dict[str, float]]


def main() -> None:
    """Measure and write results/densities.json."""
    start, folder = time.perf_counter(), Path(sys.argv[1])
    measured: dict[str, Any] = {}
    for name, posterior in posteriors(folder / "posteriordb").items():
        measured[name] = of_posterior(posterior)
        print(name, measured[name], flush=True)
    for name, (log_prob, options, measures) in targets().items():
        measured[name] = walked(log_prob, options, measures) | guessed(log_prob, options, measures)
        print(name, measured[name], flush=True)
    write_results(
        "densities",
        RESULTS,
        measured=measured,
        seconds=time.perf_counter() - start,
        command="PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/densities.py ../shared/data",
        seed=SEED,
    )


def of_posterior(posterior: Posterior) -> dict[str, Any]:
    def measures(x: Tensor) -> dict[str, float]:
        return against(posterior.parameters(x).numpy(), posterior.draws)

    options = {"dimension": posterior.dimension}
    found = walked(posterior.log_prob, options, measures)
    mala = {f"mala: {key}": value for key, value in measures(by_mala(posterior, found["evaluations"])).items()}
    return found | guessed(posterior.log_prob, options, measures) | mala


def against(x: Any, reference: Any) -> dict[str, float]:
    scale = reference.std(0)
    tails = [np.abs(np.quantile(x, q, axis=0) - np.quantile(reference, q, axis=0)) / scale for q in (0.05, 0.95)]
    return {
        "mean": float((np.abs(x.mean(0) - reference.mean(0)) / scale).max()),
        "deviation": float(np.abs(x.std(0) / scale - 1).max()),
        "tail": float(np.max(tails)),
    }


def walked(log_prob: Any, options: dict[str, Any], measures: Measures) -> dict[str, Any]:
    start = time.perf_counter()
    found = unnoise.walk(log_prob, n=DRAWS, seed=SEED, **options)
    return measures(found.draws) | {
        "trusted": found.trusted,
        "doubts": list(found.verdict.doubts),
        "log_z": found.log_z,
        "log_z_error": found.verdict.log_z_error,
        "r_hat": found.verdict.r_hat,
        "evaluations": found.evaluations,
        "seconds": round(time.perf_counter() - start, 1),
    }


def guessed(log_prob: Any, options: dict[str, Any], measures: Measures) -> dict[str, float]:
    """Laplace's approximations, weighted by importance; nothing on spaces that are not flat."""
    if "dimension" not in options:
        return {}
    rng = torch.Generator().manual_seed(SEED)
    target = Tried(Density(log_prob), Euclidean(options["dimension"]))
    law, _, _ = first_guess(target, scattered(64, options["dimension"], rng), rng)
    x = law.sample(rng, (10 * DRAWS,))
    weights = torch.nan_to_num(target.log_prob(x) - law.log_prob(x), nan=-math.inf)
    again = x[systematic(weights[None], DRAWS, rng)[0]]
    return {f"laplace: {key}": value for key, value in measures(again).items()}


def by_mala(posterior: Posterior, gradients: int) -> Tensor:
    rng = torch.Generator().manual_seed(SEED)
    size = 1000
    start = torch.randn(size, posterior.dimension, generator=rng, dtype=torch.float64)
    values = posterior.log_prob(start)
    start = start[torch.isfinite(values)]
    try:
        tuned = chains.tune(chains.MALA(Density(posterior.log_prob), 0.1), start, rng)
        return chains.run(tuned.kernel, tuned.state, max(1, gradients // size), rng).x
    except (unnoise.NonFiniteError, unnoise.InputError):
        return start


def mean_of(of: Callable[[Tensor], Tensor], right: float, name: str) -> Measures:
    return lambda x: {name: float(of(x).double().mean()), f"{name}, right": right}


def deviations_of(right: Tensor) -> Measures:
    return lambda x: {"deviation": float((x.std(0) / right - 1).abs().max())}


def shares_of(means: Tensor) -> Measures:
    def measures(x: Tensor) -> dict[str, float]:
        shares = torch.cdist(x, means).argmin(1).bincount(minlength=40) / len(x)
        error = math.sqrt(0.025 * 0.975 / len(x))
        return {"modes": float((shares > 0).sum()), "worst share, errors": float((shares - 0.025).abs().max() / error)}

    return measures


def quantiles(x: Tensor) -> dict[str, float]:
    size = x.flatten().abs()
    return {"quantile .9": float(size.quantile(0.9)), "quantile .98": float(size.quantile(0.98))}


def targets() -> dict[str, tuple[Any, dict[str, Any], Measures]]:
    """Name -> log density, what walk is told, what is measured of draws."""
    scales = torch.logspace(-4, 4, 9, dtype=torch.float64)
    found: dict[str, tuple[Any, dict[str, Any], Measures]] = {
        "quartic": (lambda x: -(x**4).sum(-1), {"dimension": 2}, deviations_of(torch.tensor([0.5814, 0.5814]))),
        "banana": (banana, {"dimension": 2}, deviations_of(torch.tensor([10.0, math.sqrt(19)]))),
        "turned": (turned, {"dimension": 2}, deviations_of(torch.full((2,), math.sqrt(0.5 * (1 + 1e-6))))),
        "scales": (lambda x: -0.5 * (x / scales).square().sum(-1), {"dimension": 9}, deviations_of(scales)),
        "narrow": (narrow_and_wide, {"dimension": 2}, mean_of(lambda x: x[:, 0] > 2, 0.9, "share")),
        "student": (lambda x: -1.5 * torch.log1p(x**2 / 2).sum(-1), {"dimension": 1}, quantiles),
        "cauchy": (lambda x: -torch.log1p(x**2).sum(-1), {"dimension": 1}, quantiles),
        "funnel": (Funnel().log_prob, {"dimension": 10}, lambda x: {"neck": float(x[:, 0].std())}),
    }
    for d in (2, 8, 32, 128):
        found[f"two modes, {d}"] = (two_modes(d), {"dimension": d}, mean_of(lambda x: x[:, 0] > 0, 0.8, "share"))
    for d in (2, 10, 50):
        log_prob, means = forty(d)
        found[f"forty, {d}"] = (log_prob, {"dimension": d}, shares_of(means))
    for kappa in (0.1, 10.0, 1000.0):
        right = 1 / math.tanh(kappa) - 1 / kappa
        measures = mean_of(lambda x: x[:, 2], right, "cosine")
        found[f"von Mises-Fisher, {kappa:g}"] = (lambda x, k=kappa: k * x[..., 2], {"space": Sphere(2)}, measures)
    right = float(iv(5.5, 10.0) / iv(4.5, 10.0))
    found["von Mises-Fisher, 10, S^10"] = (
        lambda x: 10 * x[..., 0], {"space": Sphere(10)}, mean_of(lambda x: x[:, 0], right, "cosine"),
    )  # fmt: skip
    found["poles"] = (
        lambda x: 20 * x[..., 2] ** 2 + x[..., 2] / 2, {"space": Sphere(2)},
        mean_of(lambda x: x[:, 2] > 0, 0.726, "share"),
    )  # fmt: skip
    found["matrix Fisher"] = (
        lambda x: 10 * x.diagonal(dim1=-2, dim2=-1).sum(-1), {"space": Rotations()},
        mean_of(lambda x: 0.5 * (3 - x.diagonal(dim1=-2, dim2=-1).sum(-1)), 0.0760, "1 - cosine"),
    )  # fmt: skip
    spins = Ising((4, 4), 0.4407)
    found["spins, 4 x 4"] = (
        spins, {}, mean_of(lambda x: spins._agreements(x) / 32, spins.mean_agreement, "agreement"),
    )  # fmt: skip
    return found


if __name__ == "__main__":
    main()
