"""What sampling costs beside the bare network evaluations it makes: batch 1000, MLP 4 x 256, 50 of them.

python benchmarks/sampling_overhead.py
"""

from __future__ import annotations

import time

import torch
from paired import RESULTS, compare

from unnoise._provenance import write_results
from unnoise.denoisers import Neural
from unnoise.networks import MLP
from unnoise.processes import VariancePreserving
from unnoise.samplers import DDIM, Ancestral, Heun
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean

EVALUATIONS, BATCH, DIMENSION = 50, 1000, 32


def main() -> None:
    """Measure and write results/sampling-overhead.json."""
    start = time.perf_counter()
    network = MLP((DIMENSION,), width=256, depth=4).eval()
    denoiser = Neural(VariancePreserving(Euclidean(DIMENSION), LinearLogSNR()), network)
    rng = torch.Generator().manual_seed(0)
    x, level = torch.randn(BATCH, DIMENSION, generator=rng), torch.zeros(())

    @torch.no_grad()
    def bare(count: int) -> None:
        for _ in range(count):
            network(x, level)

    samplers = {
        "ddim": (DDIM(denoiser, steps=EVALUATIONS), EVALUATIONS),
        "ancestral": (Ancestral(denoiser, steps=EVALUATIONS), EVALUATIONS),
        "heun": (Heun(denoiser, steps=25), 2 * 25 - 1),
    }
    measured = {"bar": 1.05}
    for name, (sampler, count) in samplers.items():
        found = compare(lambda s=sampler: s.sample(BATCH, rng), lambda c=count: bare(c), repeats=20)
        measured |= {f"{name}_{key}": value for key, value in found.items()}
    seconds = time.perf_counter() - start
    command = "python benchmarks/sampling_overhead.py"
    write_results("sampling-overhead", RESULTS, measured=measured, seconds=seconds, command=command, seed=0)
    print(measured)


if __name__ == "__main__":
    main()
