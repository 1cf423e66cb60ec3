"""A million noisy rotations, each at a time of its own, with the score of every one: IGSO(3) exactly.

Times are uniform in log t between 1e-4 and 10, in float64. Two threads take groups of 2^17 rotations in turn.

    python benchmarks/igso3.py
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import torch
from paired import RESULTS, seconds

from unnoise._provenance import write_results
from unnoise.spaces import Rotations

ROTATIONS, GROUP, REPEATS, THREADS = 1_000_000, 2**17, 9, 2


def main() -> None:
    """Measure and write results/igso3.json."""
    start = time.perf_counter()
    torch.set_num_threads(1)
    rng = torch.Generator().manual_seed(0)
    space = Rotations()
    x_0 = space.draw_uniform((ROTATIONS,), rng)
    times = 1e-4 * 1e5 ** torch.rand(ROTATIONS, generator=rng, dtype=torch.float64)

    def noised(first: int) -> None:
        rows = slice(first, first + GROUP)
        kernel = space.heat(x_0[rows], times[rows])
        kernel.score(kernel.sample(torch.Generator().manual_seed(first)))

    with ThreadPoolExecutor(THREADS) as pool:

        def work() -> None:
            list(pool.map(noised, range(0, ROTATIONS, GROUP)))

        work()
        busy = time.process_time()
        taken = [seconds(work) for _ in range(REPEATS)]
        busy = (time.process_time() - busy) / REPEATS
    measured = {"rotations": ROTATIONS, "threads": THREADS, "seconds": statistics.median(taken), "bar": 2.0}
    measured |= {"fastest": min(taken), "slowest": max(taken), "processor_seconds": busy}
    took = time.perf_counter() - start
    write_results("igso3", RESULTS, measured=measured, seconds=took, command="python benchmarks/igso3.py", seed=0)
    print(measured)


if __name__ == "__main__":
    main()
