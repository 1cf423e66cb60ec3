"""A tau-leaping step at 256 states x 784 sites, batch 16: time against two dense products, and peak memory.

python benchmarks/tau_leaping.py

The products are those of 12,544 rows of 256 numbers with a 256 x 256 matrix, in float32, as the step itself. The
network is left out: its estimate is a fixed table of probabilities.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

from paired import RESULTS, compare

STATES, SIDE, BATCH, REPEATS = 256, 28, 16, 15


def parts() -> tuple:
    """A sampler whose denoiser costs nothing, a state and a step, and the two products."""
    import torch

    from unnoise.denoisers import Denoiser
    from unnoise.processes import CTMC
    from unnoise.processes.rates import GaussianTarget
    from unnoise.samplers import TauLeaping
    from unnoise.schedules import Exponential
    from unnoise.spaces import Finite

    class Fixed(Denoiser):
        """Says the same at every state."""

        def __init__(self, process: CTMC, stat: torch.Tensor) -> None:
            super().__init__()
            self.process, self.stat = process, stat

        def forward(self, x_t: torch.Tensor, t: torch.Tensor, cond: object = None) -> torch.Tensor:
            return self.stat

    rng = torch.Generator().manual_seed(0)
    rates = GaussianTarget(STATES, normalised=False)
    process = CTMC(Finite((SIDE, SIDE), STATES), rates, Exponential(3.0, 100.0))
    stat = torch.softmax(torch.randn(BATCH, SIDE, SIDE, STATES, generator=rng), -1)
    sampler = TauLeaping(Fixed(process, stat), steps=1000)
    state = torch.randint(STATES, (BATCH, SIDE, SIDE), generator=rng)
    t, s = torch.tensor([0.5, 0.499], dtype=torch.float64)
    rows, matrix = stat.reshape(-1, STATES), torch.rand(STATES, STATES, generator=rng)

    def step() -> object:
        return sampler.step(state, t, s, rng)

    def products() -> object:
        return (rows @ matrix) @ matrix

    return step, products


def memory() -> None:
    """Print how many GiB a process that only does steps grew by, from the ready sampler to the peak."""
    step, _ = parts()
    before = peak()
    for _ in range(3):
        step()
    print((peak() - before) / 2**20)


def peak() -> int:
    """Largest resident size of this process so far, KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Measure and write results/tau-leaping.json."""
    from unnoise._provenance import write_results

    start = time.perf_counter()
    done = subprocess.run([sys.executable, __file__, "memory"], capture_output=True, text=True, check=True)
    measured = {"bar_ratio": 1.5, "bar_GiB": 1.0, "GiB": float(done.stdout), **compare(*parts(), REPEATS)}
    seconds = time.perf_counter() - start
    command = "python benchmarks/tau_leaping.py"
    write_results("tau-leaping", RESULTS, measured=measured, seconds=seconds, command=command, seed=0)
    print(measured)


if __name__ == "__main__":
    memory() if len(sys.argv) > 1 else main()
