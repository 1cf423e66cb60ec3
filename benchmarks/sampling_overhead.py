"""What sampling costs beside the bare network evaluations it makes, MLP 4 x 256: batch 1000 in about 50, 16 rows in 25.

Both in turn, many times, in processor time on one thread, and the ratio of medians: so it does not feel what else the
machine is doing.

    python benchmarks/sampling_overhead.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from paired import RESULTS

from unnoise._provenance import write_results
from unnoise.denoisers import Neural
from unnoise.networks import MLP
from unnoise.processes import variance_preserving
from unnoise.samplers import DDIM, Ancestral, Heun, Multistep, Sampler
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean

DIMENSION = 32
BATCH, EVALUATIONS, REPEATS = 1000, 50, 12
SMALL_BATCH, FEW, SMALL_REPEATS = 16, 25, 120
PARTS = 6  # of the repeats, each with a ratio of its own: the spread of the figures


def busy(work: Callable[[], object]) -> float:
    """Processor seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


@torch.no_grad()
def bare(network: MLP, rows: int, evaluations: int) -> None:
    """The evaluations alone."""
    x, levels = torch.zeros(rows, DIMENSION), torch.linspace(-1, 1, evaluations)[:, None].unbind()
    for level in levels:
        network(x, level, None)


def overhead(sampler: Sampler, network: MLP, rows: int, evaluations: int, repeats: int) -> dict[str, float]:
    """The ratio of the median times, and the least and the largest of those of six parts."""
    rng = torch.Generator().manual_seed(0)
    ours, theirs = lambda: sampler.sample(rows, rng), lambda: bare(network, rows, evaluations)
    ours(), theirs()
    pairs = []
    for index in range(repeats):
        first = busy(ours) if index % 2 else 0.0
        rest = busy(theirs)
        pairs.append((first or busy(ours), rest))
    parts = [pairs[index::PARTS] for index in range(PARTS)]
    ratio, *ratios = (
        statistics.median(a for a, _ in part) / statistics.median(b for _, b in part) for part in (pairs, *parts)
    )
    microseconds = 1e6 * statistics.median(b for _, b in pairs) / evaluations
    return {"ratio": ratio, "least": min(ratios), "largest": max(ratios), "microseconds_of_network": microseconds}


def main() -> None:
    """Measure and write results/sampling-overhead.json."""
    start = time.perf_counter()
    torch.set_num_threads(1)
    network = MLP((DIMENSION,), width=256, depth=4).eval()
    denoiser = Neural(variance_preserving(Euclidean(DIMENSION), LinearLogSNR()), network)
    measured = {"bar": 1.02, "small_bar": 1.1}
    sizes = {"": (BATCH, EVALUATIONS, REPEATS), "small_": (SMALL_BATCH, FEW, SMALL_REPEATS)}
    for prefix, (rows, evaluations, repeats) in sizes.items():
        steps = evaluations
        samplers = (
            DDIM(denoiser, steps),
            Ancestral(denoiser, steps),
            Heun(denoiser, (steps + 1) // 2),
            Multistep(denoiser, steps),
        )
        for sampler in samplers:
            count = 2 * sampler.steps - 1 if isinstance(sampler, Heun) else steps
            found = overhead(sampler, network, rows, count, repeats)
            name = type(sampler).__name__.lower()
            measured |= {f"{prefix}{name}_{key}": value for key, value in found.items()}
            print(prefix + name, found, flush=True)
    command = "python benchmarks/sampling_overhead.py"
    took = time.perf_counter() - start
    write_results("sampling-overhead", RESULTS, measured=measured, seconds=took, command=command, seed=0)


if __name__ == "__main__":
    main()
