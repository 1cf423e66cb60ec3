"""Large tables by the defaults: how soon training begins, in how much memory, and how fast rows come out.

The tables are made here: real numbers, prices, whole numbers, texts of few and of many levels, truth values, holes.
Each job is a process of its own, and its time counts from the start of that process, imports included; `cpu_s` is the
work of all threads, which a busy machine changes less.

* 1,000,000 x 15, read at once and with `--stream`, from .csv and .parquet;
* 10,000,000 x 15 with `--stream`, from a folder;
* 20,000 x 500, and 100,000 x 3 where one column has 10,000 levels: seconds of a step;
* 100,000 new rows of the census (adult), after a minute of training.

    OMP_NUM_THREADS=2 PYTHONPATH=. python benchmarks/large_tables.py ../shared/data
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from paired import RESULTS

STEPS = 20  # of training, from whose later half a step is timed
LIMIT = 180  # seconds that the largest table has
MILLION, COLUMNS, LEVELS, SAMPLED, SEED = 10**6, 500, 10_000, 100_000, 0
GIBIBYTE = 2**20  # in the KiB of getrusage


def mixed(rows: int, seed: int) -> pl.DataFrame:
    """Fifteen columns of all kinds, which hang together by two hidden numbers."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(rows, 2))

    def levels(count: int) -> pl.Series:
        share = np.clip(0.5 + 0.2 * z[:, 0] + 0.1 * rng.normal(size=rows), 0, 0.999)
        return pl.Series((share**3 * count).astype(int)).cast(pl.String).str.replace("^", "level ")

    return pl.DataFrame(
        {
            "length": z[:, 0] + 0.3 * rng.normal(size=rows),
            "width": np.exp(z[:, 1] + 0.3 * rng.normal(size=rows)),
            "price": np.round(np.exp(3 + z[:, 0] + 0.5 * rng.normal(size=rows)), 2),
            "share": np.round(1 / (1 + np.exp(-z[:, 1])), 3),
            "weight": pl.Series(z.sum(1)).set(pl.Series(rng.random(rows) < 0.1), None),
            "capital": np.where(rng.random(rows) < 0.9, 0, rng.integers(1, 100_000, rows)),
            "age": np.clip(40 + 12 * z[:, 0] + 5 * rng.normal(size=rows), 17, 90).astype(int),
            "hours": np.clip(40 + 10 * z[:, 1], 1, 99).astype(int),
            "visits": rng.poisson(np.exp(np.clip(z[:, 0], -3, 3))),
            "year": 2000 + rng.integers(0, 25, rows),
            "sex": levels(2),
            "work": levels(9),
            "job": levels(40),
            "town": levels(1000),
            "member": z[:, 1] > 0.5,
        }
    )


def wide(rows: int, seed: int) -> pl.DataFrame:
    """As many columns as `COLUMNS`: a third of them texts, the others numbers."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(rows, 8))
    found = {}
    for column in range(COLUMNS):
        x = z[:, column % 8] + rng.normal(size=rows)
        found[f"x{column}"] = pl.Series(np.digitize(x, [-1, 0, 1])).cast(pl.String) if column % 3 == 0 else x
    return pl.DataFrame(found)


def deep(rows: int, seed: int) -> pl.DataFrame:
    """A text of `LEVELS` levels beside two numbers."""
    rng = np.random.default_rng(seed)
    code = rng.permuted(np.arange(rows) % LEVELS)
    return pl.DataFrame(
        {"code": pl.Series(code).cast(pl.String), "near": code + rng.normal(size=rows), "far": rng.normal(size=rows)}
    )


def fit(path: Path, stream: bool, folder: Path) -> dict[str, float]:
    """When the first step began, how long a step takes, and the most memory so far."""
    from unnoise import DenoisingMarkovModel
    from unnoise.cli.reading import large
    from unnoise.objectives import AnyOrder

    begun, step = [], AnyOrder.__call__

    def timed(self: AnyOrder, *args: Any, **kwargs: Any) -> Any:
        import torch

        if torch.is_grad_enabled():  # and no look at the rows held out
            begun.append((time.time(), time.process_time()))
        return step(self, *args, **kwargs)

    AnyOrder.__call__ = timed  # type: ignore[method-assign]
    model = DenoisingMarkovModel(steps=STEPS, random_state=SEED, progress=False)
    model.fit(large(path, stream), folder=folder)
    (first, work), later = begun[0], np.diff([at for at, _ in begun[STEPS // 2 :]])
    found = {"first_step_s": first - START, "first_step_cpu_s": work}
    return found | {"step_s": float(statistics.median(later)), "peak_GiB": peak()}


def census(data: Path) -> dict[str, float]:
    """A minute of training on adult, then new rows."""
    from benchmarks.tables import tables
    from unnoise import DenoisingMarkovModel

    train, _, _ = tables(data, "adult")
    model = DenoisingMarkovModel(random_state=SEED, time_limit=60, progress=False).fit(train)
    start, work = time.perf_counter(), time.process_time()
    model.sample(SAMPLED, seed=SEED)
    took = {"sampling_s": time.perf_counter() - start, "sampling_cpu_s": time.process_time() - work}
    return {"rows": SAMPLED, **took, "peak_GiB": peak()}


def peak() -> float:
    """The largest resident size of this process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIBIBYTE


def job(name: str, path: Path, home: Path) -> None:
    """Do one job and print what was measured, as JSON."""
    found = census(path) if name == "census" else fit(path, name == "stream", home / "model")
    print(json.dumps(found))


def child(name: str, path: Path, home: Path, limit: float | None = None) -> dict[str, float] | None:
    """What a process of its own measured; None where it took longer than the limit."""
    command = [sys.executable, __file__, name, str(path), str(home)]
    try:
        done = subprocess.run([*command, str(time.time())], capture_output=True, text=True, check=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    return json.loads(done.stdout.splitlines()[-1])


def written(path: Path, make: Callable[[int, int], pl.DataFrame], rows: int, files: int = 1) -> Path:
    """A table in a file, or in a folder of several."""
    if files > 1:
        path.mkdir()
    for number in range(files):
        table = make(rows, number)
        if path.suffix == ".csv":
            table.write_csv(path)
        else:
            table.write_parquet(path / f"{number}.parquet" if files > 1 else path)
    return path


def main() -> None:
    """Measure and write results/large-tables.json."""
    from unnoise._provenance import write_results

    start, measured = time.perf_counter(), {"first_step_bar_s": 15, "sampling_bar_s": 60, "limit_s": LIMIT}
    jobs = {
        "million, csv": ("memory", "a.csv", mixed, MILLION, 1),
        "million, csv, stream": ("stream", "b.csv", mixed, MILLION, 1),
        "million, parquet": ("memory", "a.parquet", mixed, MILLION, 1),
        "million, parquet, stream": ("stream", "b.parquet", mixed, MILLION, 1),
        "ten million, parquet, stream": ("stream", "ten", mixed, MILLION, 10),
        "500 columns": ("memory", "wide.parquet", wide, 20_000, 1),
        "10,000 levels": ("memory", "deep.parquet", deep, 100_000, 1),
    }
    for name, (kind, file, make, rows, files) in jobs.items():
        with tempfile.TemporaryDirectory() as home:
            path = written(Path(home) / file, make, rows, files)
            measured[name] = child(kind, path, Path(home), LIMIT)
        print(name, measured[name], flush=True)
    measured["census"] = child("census", Path(sys.argv[1]).resolve(), Path())
    print(measured["census"])
    command = "OMP_NUM_THREADS=2 PYTHONPATH=. python benchmarks/large_tables.py ../shared/data"
    seconds = time.perf_counter() - start
    write_results("large-tables", RESULTS, measured=measured, seconds=seconds, command=command, seed=SEED)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        START = float(sys.argv[4])
        job(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
