r"""What `unnoise.walk(learn=True)` gains on bent densities with one mode or two, beside the same walk without.

All have the integral 1. A banana is $x_0 \sim N(0, 1)$, $x_1 \sim N(x_0^2 - 1, 1/4)$; two modes are .7 of bananas side
by side and .3 of others, the first of which is a mirror image below. Effective draws per evaluation are those of the
pilots within the walk that learns, in which the same particles go on first without the denoiser's proposals, then with
them; all else is of both walks. Each has one attempt, and 2,048 particles in each of four populations.

    PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/walk_learnt.py
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from multiprocessing import get_context
from typing import Any

import torch
from paired import RESULTS
from torch import Tensor

import unnoise
from unnoise._provenance import write_results
from unnoise.walking import attempting

WEIGHT, BELOW, WIDTH, SEED = 0.7, 8.0, 0.5, 0
SQUARE = 2 + WIDTH**2  # the mean of x_1^2 of a banana


def normal(x: Tensor) -> Tensor:
    """A normal law."""
    return -0.5 * (x.square() + math.log(2 * math.pi)).sum(1)


def bananas(x: Tensor) -> Tensor:
    """As many as pairs of numbers, side by side."""
    first, second = x[:, ::2], x[:, 1::2]
    return normal(first) + normal((second - first.square() + 1) / WIDTH) - first.shape[1] * math.log(WIDTH)


def two_of_bananas(x: Tensor) -> Tensor:
    """Two modes, of each of which all pairs are bent, the first up or down."""
    lower = x.clone()
    lower[:, 1] = -BELOW - x[:, 1]
    return torch.logaddexp(bananas(x) + math.log(WEIGHT), bananas(lower) + math.log(1 - WEIGHT))


CASES: dict[str, tuple[Callable[[Tensor], Tensor], int, float]] = {  # with the dimension and the mean of x_1^2
    "two bananas, d = 2": (two_of_bananas, 2, SQUARE),
    "five bananas, d = 10": (bananas, 10, SQUARE),
    "two modes of three bananas, d = 6": (two_of_bananas, 6, SQUARE),
}


def main() -> None:
    """Measure and write results/walk-learnt.json."""
    start = time.perf_counter()
    with get_context("spawn").Pool(len(CASES)) as pool:
        measured = dict(zip(CASES, pool.map(of_case, CASES, chunksize=1), strict=True))
    write_results(
        "walk-learnt",
        RESULTS,
        measured=measured,
        seconds=time.perf_counter() - start,
        command="PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/walk_learnt.py",
        seed=SEED,
    )


def of_case(name: str) -> dict[str, Any]:
    """Both walks."""
    torch.set_num_threads(1)
    attempting.EFFORTS, attempting.MORE_PARTICLES = attempting.EFFORTS[:1], attempting.PARTICLES
    rows = {kind: of_walk(*CASES[name], kind == "learnt") for kind in ("plain", "learnt")}
    print(name, rows, flush=True)
    return rows


def of_walk(log_prob: Callable[[Tensor], Tensor], dimension: int, square: float, learn: bool) -> dict[str, Any]:
    """What one walk says, and how far it is from the truth."""
    start = time.process_time()
    found = unnoise.walk(log_prob, dimension=dimension, n=1000, seed=SEED, learn=learn)
    seconds, record = time.process_time() - start, found.record
    x = record.particles.flatten(0, 1)
    upper = x[:, 1] > -BELOW / 2  # to within 1e-9 of the mass
    facts: dict[str, Any] = {
        "trusted": found.trusted,
        "evaluations": found.evaluations,
        "seconds": seconds,
        "log Z": found.log_z,
        "log Z error told": found.verdict.log_z_error,
        "log Z by annealing": record.by_annealing()[0],
        "log Z by annealing: error told": record.by_annealing()[1],
        "mean of x_1^2, off by": float(torch.where(upper, x[:, 1], -BELOW - x[:, 1]).square().mean()) - square,
    }
    if log_prob is two_of_bananas:
        facts["weight of the upper mode, off by"] = float(upper.double().mean()) - WEIGHT
    learnt = record.learnt
    if learnt is not None:
        facts |= {
            "kept": learnt.kept,
            "effective per evaluation": learnt.effective,
            "effective per evaluation, without": learnt.without,
            "gain": learnt.effective / learnt.without,
            "acceptance": learnt.acceptance,
            "log Z by importance": learnt.log_z_importance[0],
            "log Z by importance: error told": learnt.log_z_importance[1],
            "effective share": learnt.share,
            "log Z by its bridge": learnt.log_z_bridge and learnt.log_z_bridge[0],
            "log Z by its bridge: error told": learnt.log_z_bridge and learnt.log_z_bridge[1],
        }
    return facts


if __name__ == "__main__":
    main()
