r"""Gradients per effective draw of `unnoise.walk` and of blackjax's NUTS with window adaptation, on seven posteriors.

Both give 8,000 draws. Those of NUTS, four chains after 1,000 steps of adaptation each, are counted by the bulk
effective size of the worst parameter (Vehtari et al. 2021); all of its gradients are divided by it. Of `unnoise.walk`
all evaluations are divided by 8,000, as results/densities.json has them: with a gradient or without, for finding modes,
at every temperature, and for the verdict. Its draws are different particles; how independent these are is said by the
spread of the means of four populations, beside what it would be if they were (`effective share`, over all parameters).

Where the evaluations go is counted where a density is cheap.

    PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/walk_gradients.py ../shared/data
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import jax
import numpy as np
import torch
from _densities import Posterior, _data, posteriors
from _nuts import CHAINS, POSTERIORS, drawn
from arviz_stats.base import array_stats
from paired import RESULTS
from torch import Tensor

import unnoise
from unnoise._provenance import write_results
from unnoise.walking.attempting import POPULATIONS, Attempts

DRAWS, SEED = 8000, 0
CHEAP = ("eight_schools", "kilpisjarvi_mod", "sblrc", "mesquite")
SAME = 1e-8  # relative difference of two log densities that are one


def main() -> None:
    """Measure and write results/walk-gradients.json."""
    start, folder = time.perf_counter(), Path(sys.argv[1]) / "posteriordb"
    ours = json.loads((RESULTS / "densities.json").read_text())["measured"]
    known, files = posteriors(folder), {file.name.split("-")[0]: file.stem for file in folder.glob("*.npz")}
    measured: dict[str, Any] = {}
    for name, posterior in known.items():
        evaluations = ours[name]["evaluations"]
        measured[name] = by_nuts(name, posterior, _data(folder, files[name])) | {
            "unnoise: evaluations": evaluations,
            "unnoise: per effective draw": evaluations / DRAWS,
        }
        if name in CHEAP:
            measured[name]["unnoise: counted"] = counted(posterior)
        print(name, measured[name], flush=True)
    for key in ("NUTS: per effective draw", "unnoise: per effective draw"):
        measured[f"median of {key}"] = median(measured[name][key] for name in known)
    write_results(
        "walk-gradients",
        RESULTS,
        measured=measured,
        seconds=time.perf_counter() - start,
        command="PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/walk_gradients.py ../shared/data",
        seed=SEED,
    )


def by_nuts(name: str, posterior: Posterior, data: dict[str, Any]) -> dict[str, Any]:
    arrays = {key: value.numpy() if isinstance(value, Tensor) else value for key, value in data.items()}
    log_prob = POSTERIORS[name](arrays)
    check_same(log_prob, posterior)
    x, gradients = drawn(log_prob, posterior.dimension, DRAWS, SEED)
    natural = posterior.parameters(torch.from_numpy(x.copy()).flatten(0, 1)).unflatten(0, (CHAINS, -1)).numpy()
    sizes = array_stats.ess(natural, chain_axis=0, draw_axis=1, method="bulk")
    effective = float(np.min(sizes))
    total = gradients["gradients of draws"] + gradients["gradients of adaptation"]
    found: dict[str, Any] = {**gradients, "effective draws": effective, "per effective draw": total / effective}
    return {f"NUTS: {key}": value for key, value in found.items()}


def check_same(log_prob: Any, posterior: Posterior) -> None:
    """Raise ValueError unless both are the same density, but for a constant."""
    points = torch.randn(8, posterior.dimension, generator=torch.Generator().manual_seed(SEED), dtype=torch.float64)
    one = posterior.log_prob(points).numpy()
    apart = one - np.asarray(jax.jit(jax.vmap(log_prob))(points.numpy()))
    if not np.ptp(apart) < SAME * np.abs(one).max():
        raise ValueError(f"the log densities of NUTS and of unnoise differ by {apart}")


def counted(posterior: Posterior) -> dict[str, float]:
    """Gradients and values, by what they are for, and how independent particles are."""
    counts: dict[str, int] = {}
    phase = ["finding modes"]

    def log_prob(x: Tensor) -> Tensor:
        kind = f"{phase[0]}, {'gradients' if x.requires_grad else 'values'}"
        counts[kind] = counts.get(kind, 0) + len(x)
        return posterior.log_prob(x)

    def tell(done: float, note: str) -> None:
        phase[0] = "temperatures and moves" if done > 0 else phase[0]

    with looking(phase):
        found = unnoise.walk(log_prob, dimension=posterior.dimension, n=DRAWS, seed=SEED, tell=tell)
    return counts | {"effective share": effective_share(found.record.particles), "trusted": found.trusted}


@contextmanager
def looking(phase: list[str]) -> Iterator[None]:
    """Call the last look around the draws by its name."""
    before = Attempts._overlooked

    def overlooked(self: Attempts, done: Any) -> Any:
        phase[0] = "the last look"
        return before(self, done)

    Attempts._overlooked = overlooked  # type: ignore[method-assign]
    try:
        yield
    finally:
        Attempts._overlooked = before  # type: ignore[method-assign]


def effective_share(x: Tensor) -> float:
    """Of particles (populations, m, d): what the variance of a mean were by counting, over what it is, for all d."""
    within = x.var(1).mean(0) / x.shape[1]
    return float(1 / (x.mean(1).var(0) / within).mean()) if len(x) == POPULATIONS else float("nan")


if __name__ == "__main__":
    main()
