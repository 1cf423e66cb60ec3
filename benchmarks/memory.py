"""Peak memory of a sample and of likelihoods of 100,000 x 32 numbers, beyond the model, in fresh processes.

python benchmarks/memory.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

from paired import RESULTS

ROWS, DIMENSION = 100_000, 32
JOBS = ("sample", "bound", "exact")


def job(name: str) -> None:
    """Do one job and print how many GiB the process grew by, from the ready model to the peak."""
    import torch

    from unnoise.denoisers import Neural
    from unnoise.evaluation.likelihood import Bound, ProbabilityFlow
    from unnoise.networks import MLP
    from unnoise.processes import variance_preserving
    from unnoise.samplers import DDIM
    from unnoise.schedules import LinearLogSNR
    from unnoise.spaces import Euclidean

    rng = torch.Generator().manual_seed(0)
    denoiser = Neural(variance_preserving(Euclidean(DIMENSION), LinearLogSNR()), MLP((DIMENSION,), width=256, depth=4))
    denoiser(torch.zeros(2, DIMENSION), torch.zeros(()))
    before = peak()
    x = torch.randn(ROWS, DIMENSION, generator=rng)
    if name == "sample":
        DDIM(denoiser, steps=4).sample(ROWS, rng)
    elif name == "bound":
        Bound(draws=4)(denoiser, x, rng)
    else:  # the whole of two groups of rows shows the peak of all of them
        ProbabilityFlow(tolerance=1e-2)(denoiser, x[:4096], rng)
    print((peak() - before) / 2**20)


def peak() -> int:
    """Largest resident size of this process so far, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Measure and write results/memory.json."""
    from unnoise._provenance import write_results

    start = time.perf_counter()
    measured = {"bar_GiB": 1.0}
    for name in JOBS:
        done = subprocess.run([sys.executable, __file__, name], capture_output=True, text=True, check=True)
        measured[f"{name}_GiB"] = float(done.stdout)
    seconds = time.perf_counter() - start
    write_results("memory", RESULTS, measured=measured, seconds=seconds, command="python benchmarks/memory.py", seed=0)
    print(measured)


if __name__ == "__main__":
    job(sys.argv[1]) if len(sys.argv) > 1 else main()
