"""What sampling costs beside the bare network evaluations it makes: batch 1000, MLP 4 x 256, about 50 of them.

The network is timed inside the sampler, so both times are of the same run, and the ratio of all to network does not
feel what else the machine is doing.

    python benchmarks/sampling_overhead.py
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch
from paired import RESULTS, seconds
from torch import Tensor, nn

from unnoise._provenance import write_results
from unnoise.denoisers import Neural
from unnoise.networks import MLP
from unnoise.processes import variance_preserving
from unnoise.samplers import DDIM, Ancestral, Heun, Multistep, Sampler
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean

BATCH, DIMENSION, REPEATS = 1000, 32, 30


class Timed(nn.Module):
    """A network that adds up the seconds spent in it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.seconds = network, 0.0

    def forward(self, *inputs: Any) -> Tensor:
        """The network's output."""
        start = time.perf_counter()
        output: Tensor = self.network(*inputs)
        self.seconds += time.perf_counter() - start
        return output


def overhead(sampler: Sampler, network: Timed, rng: torch.Generator) -> float:
    """Seconds of one sample over the seconds spent in its network."""
    network.seconds = 0.0
    return seconds(lambda: sampler.sample(BATCH, rng)) / network.seconds


def main() -> None:
    """Measure and write results/sampling-overhead.json."""
    start = time.perf_counter()
    network = Timed(MLP((DIMENSION,), width=256, depth=4).eval())
    denoiser = Neural(variance_preserving(Euclidean(DIMENSION), LinearLogSNR()), network)
    rng = torch.Generator().manual_seed(0)
    measured = {"bar": 1.05}
    samplers = (DDIM(denoiser, 50), Ancestral(denoiser, 50), Heun(denoiser, 25), Multistep(denoiser, 50))
    for sampler in samplers:
        overhead(sampler, network, rng)
        ratios = [overhead(sampler, network, rng) for _ in range(REPEATS)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        name = type(sampler).__name__.lower()
        measured |= {f"{name}_ratio": middle, f"{name}_lower_quartile": low, f"{name}_upper_quartile": high}
    command = "python benchmarks/sampling_overhead.py"
    took = time.perf_counter() - start
    write_results("sampling-overhead", RESULTS, measured=measured, seconds=took, command=command, seed=0)
    print(measured)


if __name__ == "__main__":
    main()
