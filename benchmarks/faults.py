"""What breaks it: kills, deformed inputs, deformed model folders, flipped bits, two trainings in one folder.

Each case runs in a child process of its own, with limits of time and memory. Prints one table and writes
results/faults.json; needs Linux.

    python benchmarks/faults.py [--quick] [--only kills,inputs,folders,bits,outputs,pairs,surroundings] [--seed 0]
"""

from __future__ import annotations

import argparse
import importlib
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

os.environ |= {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}  # forked children have no other threads

import _faults_bits as bits
import _faults_folders as folders
import _faults_inputs as inputs
import _faults_kills as kills
import _faults_outputs as written
import _faults_pairs as pairs
import _faults_signals as signals
import _faults_surroundings as surroundings
from _faults_children import Case, fork, outcomes
from paired import RESULTS

from unnoise._provenance import write_results

SLOW_TO_IMPORT = ("accelerate", "polars", "matplotlib.figure", "rich.progress", "scipy.stats", "torch._dynamo")
Part = Callable[[int, random.Random, Path], Iterator[Case]]


def prepared(home: Path, *works: Callable[[], object]) -> None:
    """Do works in children, and stop at one that fails."""
    home.mkdir(exist_ok=True)
    for work in works:
        if end := fork(work, home / "preparation.txt", 120.0).wait():
            sys.exit(f"cannot prepare the cases ({end}): {(home / 'preparation.txt').read_text()}")


def all_kills(count: int, rng: random.Random, home: Path) -> Iterator[Case]:
    """Kills, signals, and kills in groups of processes."""
    counted = (partial(kills.count_changes, home, job) for job in kills.JOBS)
    prepared(home, partial(kills.prepare, home), *counted, partial(signals.prepare, home))
    prepared(home, partial(signals.fit, home, home / "whole"))
    yield from kills.cases(count, rng, home)
    yield from kills.full_disks(count // 3, rng, home)
    yield from signals.cases(max(2, count // 5), rng, home)
    yield from signals.groups(count // 50, home)


def all_outputs(count: int, rng: random.Random, home: Path) -> Iterator[Case]:
    """Commands that are killed while they write."""
    prepared(home, partial(surroundings.prepare, home), partial(written.prepare, home))
    for job in written.JOBS:
        prepared(home, partial(written.write, home, job, 0, home / f"old-{job}"), partial(written.count, home, job))
    yield from written.cases(count, rng, home)


def all_of(part: ModuleType, count: int, rng: random.Random, home: Path) -> Iterator[Case]:
    """The cases of a part that prepares its folder once."""
    prepared(home, partial(part.prepare, home))
    yield from part.cases(count, rng, home)


PARTS: dict[str, tuple[Part, int, int]] = {  # cases, and their number in a whole and in a quick run
    "kills": (all_kills, 200, 4),
    "inputs": (partial(all_of, inputs), 1000, 8),
    "folders": (partial(all_of, folders), 500, 4),
    "bits": (partial(all_of, bits), 100, 3),
    "outputs": (all_outputs, 60, 4),
    "pairs": (partial(all_of, pairs), 50, 3),
    "surroundings": (partial(all_of, surroundings), 1, 1),
}


def tried(names: list[str], quick: bool, seed: int) -> tuple[Counter[str], dict[str, list[str]]]:
    """Run the parts: the number of cases by kind, and what did not hold."""
    counts, faults = Counter[str](), defaultdict[str, list[str]](list)
    with tempfile.TemporaryDirectory(prefix="faults-") as scratch:
        for name in names:
            part, whole, few = PARTS[name]
            planned = part(few if quick else whole, random.Random(f"{seed} {name}"), Path(scratch) / f"{name}-ready")
            for case, fault in outcomes(planned, Path(scratch) / name):
                counts[case.kind] += 1
                if fault:
                    faults[case.kind].append(f"{case.name}: {' '.join(fault.split())}")
                    print(f"\r{case.kind}, {faults[case.kind][-1]}"[:600], file=sys.stderr)
                print(f"\r{name}: {sum(counts.values())} tried", end="", file=sys.stderr, flush=True)
            print(file=sys.stderr)
    return counts, faults


def main() -> None:
    """Run, print the table and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few cases of each kind; writes no results")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, help="folder for faults.json")
    given = parser.parse_args()
    names, start = given.only.split(","), time.perf_counter()
    if unknown := set(names) - PARTS.keys():
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    for name in SLOW_TO_IMPORT:
        importlib.import_module(name)
    counts, faults = tried(names, given.quick, given.seed)
    print(f"{'kind':<34}{'tried':>7}{'held':>7}  what did not hold")
    for kind, count in counts.items():
        worst = faults[kind][0][:100] if faults[kind] else ""
        print(f"{kind:<34}{count:>7}{count - len(faults[kind]):>7}  {worst}")
    output = given.output or (None if given.quick else RESULTS)
    if output is not None:
        measured = {
            kind: {"tried": n, "held": n - len(faults[kind]), "not": faults[kind]} for kind, n in counts.items()
        }
        command = " ".join(["python benchmarks/faults.py", *sys.argv[1:]])
        seconds = time.perf_counter() - start
        write_results("faults", output, measured=measured, seconds=seconds, command=command, seed=given.seed)
    sys.exit(1 if any(faults.values()) else 0)


if __name__ == "__main__":
    main()
