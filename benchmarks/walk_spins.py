r"""Spins at their critical points by `unnoise.walk` as it is: the mean energy and the integral.

* Ising, 24 x 24 on a torus at J = .4407, beside Kaufman's sum (1949), which is exact.
* Potts with four states, 16 x 16 on a torus at $J = \log(1 + \sqrt 4)$, beside Swendsen and Wang's clusters and the
  integral of their energy over couplings; the same for Ising says whether these are right.

The energy is told as the share of links between equal spins, of all particles, with its standard error over the four
populations.

    PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/walk_spins.py
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from _swendsen_wang import reference
from paired import RESULTS

import unnoise
from unnoise._provenance import write_results
from unnoise.targets import Ising, Potts

SEED, DRAWS = 0, 1000
ISING, POTTS = Ising((24, 24)), Potts((16, 16), 4, math.log(3.0))
CLUSTERS: dict[str, int] = {"nodes": 24, "chains": 24, "sweeps": 250, "seed": SEED}


def main() -> None:
    """Measure and write results/walk-spins.json."""
    start = time.perf_counter()
    measured: dict[str, Any] = {}
    targets = {"Ising, 24 x 24": ISING, "Potts, 16 x 16": POTTS}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for name, found in zip(targets, pool.map(of, targets.values()), strict=True):
            measured[name] = found
            print(name, found, flush=True)
    write_results(
        "walk-spins",
        RESULTS,
        measured=measured,
        seconds=time.perf_counter() - start,
        command="PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/walk_spins.py",
        seed=SEED,
    )


def of(target: Potts) -> dict[str, Any]:
    return beside(walked(target), right(target))


def walked(target: Potts) -> dict[str, Any]:
    start, clock = time.perf_counter(), time.process_time()
    found = unnoise.walk(target, n=DRAWS, seed=SEED)
    shares = (target._agreements(found.record.particles) / (2 * math.prod(target.shape))).mean(1)
    return {
        "log Z": found.log_z,
        "log Z, error": found.verdict.log_z_error,
        "agreement": float(shares.mean()),
        "agreement, error": float(shares.std()) / math.sqrt(len(shares)),
        "trusted": found.trusted,
        "doubts": list(found.verdict.doubts),
        "r_hat": found.verdict.r_hat,
        "evaluations": found.evaluations,
        "temperatures": len(found.record.annealing.betas),
        "seconds": round(time.perf_counter() - start, 1),
        "CPU seconds": round(time.process_time() - clock, 1),
    }


def right(target: Potts) -> dict[str, float]:
    """By clusters; of Ising the exact answers, too."""
    links = 2 * math.prod(target.shape)
    found = reference(target.shape, target.states, target.coupling, **CLUSTERS)  # type: ignore[arg-type]
    by_clusters = {f"{name}, clusters": value for name, value in found.items()}
    if not isinstance(target, Ising):
        return by_clusters
    by_clusters["log Z, clusters"] -= 0.5 * target.coupling * links
    return by_clusters | {"log Z, exact": target.log_normaliser, "agreement, exact": target.mean_agreement}


def beside(found: dict[str, Any], known: dict[str, float]) -> dict[str, Any]:
    """Both, and how far they are apart: log Z in nats, the energy in standard errors."""
    kind = "exact" if "log Z, exact" in known else "clusters"
    error = math.hypot(found["agreement, error"], known["agreement, error, clusters"] if kind == "clusters" else 0.0)
    return {
        **found,
        **known,
        "log Z, off by": found["log Z"] - known[f"log Z, {kind}"],
        "agreement, off by errors": (found["agreement"] - known[f"agreement, {kind}"]) / error,
    }


if __name__ == "__main__":
    main()
