"""Peak memory of `unnoise walk` for 100,000 and for 1,000,000 chains of 100 numbers, and of the import, in processes.

Chains walk in groups and are written as they come, so that the peak does not depend on their number. The file of the
larger run takes 400 MB on the disk, in a temporary folder.

    python benchmarks/chains_memory.py
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from paired import RESULTS

COUNTS, DIMENSION, STEPS = (100_000, 1_000_000), 100, 5


def log_prob(x: torch.Tensor) -> torch.Tensor:
    """A standard normal: as cheap as a target can be."""
    return -0.5 * x.square().sum(-1)


def job(n: int) -> None:
    """Walk, if there are chains, and print the peak of this process in GiB."""
    from unnoise.cli import app

    if n:
        with tempfile.TemporaryDirectory() as folder:
            words = f"walk chains_memory:log_prob --dimension {DIMENSION} -n {n} --steps {STEPS} --chain langevin"
            file = Path(folder) / "points.npy"
            app([*words.split(), "--step-size", "0.5", "-o", str(file), "--json"], standalone_mode=False)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


def main() -> None:
    """Measure and write results/chains-memory.json."""
    from unnoise._provenance import write_results

    start = time.perf_counter()
    measured = {}
    for n in (0, *COUNTS):
        began = time.perf_counter()
        here = Path(__file__).parent
        done = subprocess.run([sys.executable, __file__, str(n)], capture_output=True, text=True, check=True, cwd=here)
        measured[f"peak_{n}_GiB"] = float(done.stdout.split()[-1])
        measured[f"seconds_{n}"] = time.perf_counter() - began
    seconds = time.perf_counter() - start
    command = "python benchmarks/chains_memory.py"
    write_results("chains-memory", RESULTS, measured=measured, seconds=seconds, command=command, seed=0)
    print(measured)


if __name__ == "__main__":
    job(int(sys.argv[1])) if len(sys.argv) > 1 else main()
