"""What sampling costs beside the bare network evaluations it makes, MLP 4 x 256: batch 1000 in about 50, 16 rows in 25.

All in processor time on one thread, two ways. `ratio` is all of a run over what its own network took, so it does not
feel what else the machine is doing. `beside_bare` is all of a run over as many evaluations without a sampler, in turn:
a run tells its network of all levels at once, which such evaluations cannot. Freed memory is kept (settings of glibc):
given back and asked for again at each evaluation, it moved the second ratio by a tenth either way.

    python benchmarks/sampling_overhead.py
    python benchmarks/sampling_overhead.py given  # networks with conditions: others in every row, or the same in all
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from paired import RESULTS
from torch import Tensor

from unnoise._provenance import write_results
from unnoise.denoisers import Neural
from unnoise.networks import MLP
from unnoise.processes import variance_preserving
from unnoise.samplers import DDIM, Ancestral, Heun, Multistep, Sampler
from unnoise.schedules import LinearLogSNR
from unnoise.spaces import Euclidean

DIMENSION, CONDITIONS = 32, 5
BATCH, EVALUATIONS, REPEATS = 1000, 50, 40
SMALL_BATCH, FEW, SMALL_REPEATS = 16, 25, 100
GIVEN_REPEATS = 10


KEEP = {"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_MMAP_THRESHOLD_": "1000000000"}


def busy(work: Callable[[], object]) -> float:
    """Processor seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


class Timed(MLP):
    """A network that adds up the seconds spent in it."""

    seconds = 0.0

    def forward(self, *inputs: Any, **known: Any) -> Tensor:
        """The network's output."""
        start = time.process_time()
        output = super().forward(*inputs, **known)
        self.seconds += time.process_time() - start
        return output

    def at_levels(self, levels: Tensor, cond: Tensor | None = None) -> list[tuple[Tensor, ...]]:
        """What it is told of all levels."""
        start = time.process_time()
        told = super().at_levels(levels, cond)
        self.seconds += time.process_time() - start
        return told


@torch.no_grad()
def bare(network: MLP, rows: int, evaluations: int, cond: Tensor | None) -> None:
    """The evaluations alone."""
    x, levels = torch.zeros(rows, DIMENSION), torch.linspace(-1, 1, evaluations)[:, None].unbind()
    for level in levels:
        network(x, level, cond)


def overhead(
    sampler: Sampler, network: Timed, rows: int, evaluations: int, repeats: int, cond: Tensor | None = None
) -> dict[str, float]:
    """Medians and quartiles of both ratios."""
    rng = torch.Generator().manual_seed(0)
    within, beside, alone = [], [], []
    for _ in range(repeats + 1):
        network.seconds = 0.0
        whole = busy(lambda: sampler.sample(rows, rng, cond))
        within.append(whole / network.seconds)
        alone.append(busy(lambda: bare(network, rows, evaluations, cond)))
        beside.append(whole / alone[-1])
    found = {"microseconds_of_network": 1e6 * statistics.median(alone) / evaluations}
    for name, ratios in (("ratio", within), ("beside_bare", beside)):
        low, middle, high = statistics.quantiles(ratios[1:], n=4)  # the first warms up
        found |= {name: middle, f"{name}_lower_quartile": low, f"{name}_upper_quartile": high}
    return found


def denoiser(cond_features: int = 0) -> Neural:
    """One whose network adds up its seconds."""
    network = Timed((DIMENSION,), cond_features, width=256, depth=4).eval()
    return Neural(variance_preserving(Euclidean(DIMENSION), LinearLogSNR()), network)


def without(rows: int, evaluations: int) -> dict[str, tuple[Sampler, Tensor | None]]:
    """Samplers of a network without conditions."""
    plain = denoiser()
    return {
        "ddim": (DDIM(plain, evaluations), None),
        "ancestral": (Ancestral(plain, evaluations), None),
        "heun": (Heun(plain, (evaluations + 1) // 2), None),
        "multistep": (Multistep(plain, evaluations), None),
    }


def given(rows: int, evaluations: int) -> dict[str, tuple[Sampler, Tensor | None]]:
    """A sampler of a network with conditions, and those."""
    sampler = Multistep(denoiser(CONDITIONS), evaluations)
    own = torch.randn(rows, CONDITIONS, generator=torch.Generator().manual_seed(0))
    return {"own": (sampler, own), "shared": (sampler, own[:1].expand(rows, -1))}


def main(words: Sequence[str]) -> None:
    """Measure and write results/sampling-overhead.json, or results/sampling-overhead-given.json."""
    start = time.perf_counter()
    torch.set_num_threads(1)
    measured = {"bar": 1.02, "small_bar": 1.1}
    make, repeats = (given, GIVEN_REPEATS) if words else (without, REPEATS)
    sizes = {"": (BATCH, EVALUATIONS, repeats), "small_": (SMALL_BATCH, FEW, SMALL_REPEATS)}
    for prefix, (rows, evaluations, often) in sizes.items():
        for name, (sampler, cond) in make(rows, evaluations).items():
            count = 2 * sampler.steps - 1 if isinstance(sampler, Heun) else evaluations
            found = overhead(sampler, sampler.denoiser.network, rows, count, often, cond)
            measured |= {f"{prefix}{name}_{key}": value for key, value in found.items()}
            print(prefix + name, found, flush=True)
    command = " ".join(["python benchmarks/sampling_overhead.py", *words])
    took = time.perf_counter() - start
    name = "-".join(["sampling-overhead", *words])
    write_results(name, RESULTS, measured=measured, seconds=took, command=command, seed=0)


if __name__ == "__main__":
    if not os.environ.keys() >= KEEP.keys():  # they are read when a process starts
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | KEEP)
    main(sys.argv[1:])
