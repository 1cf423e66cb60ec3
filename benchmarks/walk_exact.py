r"""Draws of `unnoise.walk` beside laws in closed form: a posterior of posteriordb, and the weights of two far modes.

* mesquite is a linear regression with flat priors on $\beta$ and $\sigma > 0$. So $\beta_i$ has a Student law with
  $\nu = n - k - 1$ degrees of freedom around least squares, and $\sigma^{-2}$ is Gamma($\nu/2$, rate SSR/2). Draws and
  the 2,500 reference draws (NUTS) are both compared with it: the worst difference of a mean, of a deviation and of 5 %
  and 95 % quantiles, in deviations. A quantile of 2,500 independent draws has a standard error of .04.
* Two modes, .8 and .2: `mode_weights`, which count all particles, beside the share in the draws that were asked for.

    PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/walk_exact.py ../shared/data
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats
import torch
from _densities import _data, posteriors, two_modes
from paired import RESULTS

import unnoise
from unnoise._provenance import write_results

DRAWS, SEED, MESQUITE = 8000, 0, "mesquite-logmesquite_logvash"
LEVELS = (0.05, 0.95)
EXACT = 4_000_000  # draws of sigma, for its mean


def main() -> None:
    """Measure and write results/walk-exact.json."""
    start, folder = time.perf_counter(), Path(sys.argv[1]) / "posteriordb"
    measured: dict[str, Any] = {"mesquite": of_mesquite(folder)}
    print(measured, flush=True)
    for d in (2, 8, 32):
        measured[f"two modes, {d}"] = of_two_modes(d)
        print(d, measured[f"two modes, {d}"], flush=True)
    write_results(
        "walk-exact",
        RESULTS,
        measured=measured,
        seconds=time.perf_counter() - start,
        command="PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/walk_exact.py ../shared/data",
        seed=SEED,
    )


def of_mesquite(folder: Path) -> dict[str, Any]:
    posterior = posteriors(folder)["mesquite"]
    right = mesquite_laws(_data(folder, MESQUITE))
    found = unnoise.walk(posterior.log_prob, dimension=posterior.dimension, n=DRAWS, seed=SEED)
    return {
        "draws": against(posterior.parameters(found.draws).numpy(), *right),
        "all particles": against(posterior.parameters(found.record.particles.flatten(0, 1)).numpy(), *right),
        "reference draws": against(posterior.draws, *right),
        "trusted": found.trusted,
    }


def mesquite_laws(data: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Means, deviations and quantiles (levels, parameters) of the posterior."""
    logs = {name: data[name].log() for name in ("weight", "diam1", "diam2", "canopy_height", "total_height")}
    one, two = logs["diam1"], logs["diam2"]
    columns = [torch.ones_like(one), one + two + logs["canopy_height"], one + two, one - two, logs["total_height"]]
    x, y = torch.stack([*columns, data["group"]], 1).double().numpy(), logs["weight"].double().numpy()
    inverse = np.linalg.inv(x.T @ x)
    best = inverse @ x.T @ y
    squares, freedom = ((y - x @ best) ** 2).sum(), len(x) - x.shape[1] - 1
    slopes = scipy.stats.t(freedom, best, np.sqrt(squares / freedom * np.diag(inverse)))
    precision = scipy.stats.gamma(freedom / 2, scale=2 / squares)
    sigma = precision.rvs(EXACT, random_state=SEED) ** -0.5
    quantiles = [np.r_[slopes.ppf(level), precision.ppf(1 - level) ** -0.5] for level in LEVELS]
    return np.r_[best, sigma.mean()], np.r_[slopes.std(), sigma.std()], np.stack(quantiles)


def against(x: Any, means: Any, deviations: Any, quantiles: Any) -> dict[str, float]:
    """The worst differences, in deviations."""
    return {
        "mean": float((np.abs(x.mean(0) - means) / deviations).max()),
        "deviation": float(np.abs(x.std(0) / deviations - 1).max()),
        "tail": float((np.abs(np.quantile(x, LEVELS, axis=0) - quantiles) / deviations).max()),
    }


def of_two_modes(d: int) -> dict[str, Any]:
    found = unnoise.walk(two_modes(d), dimension=d, n=DRAWS, seed=SEED)
    heavier = int((found.modes[:, 0] > 0).nonzero()[0])
    return {
        "weight": float(found.mode_weights[heavier]),
        "its error": float(found.mode_weight_errors[heavier]),
        "share of draws": float((found.draws[:, 0] > 0).double().mean()),
        "right": 0.8,
        "trusted": found.trusted,
        "evaluations": found.evaluations,
    }


if __name__ == "__main__":
    main()
