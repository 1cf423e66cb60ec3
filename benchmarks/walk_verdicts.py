r"""How often `unnoise.walk` trusts what is wrong, and doubts what is right, on 100 random targets.

Targets are of twelve families (`_random_targets`): normal and Student laws, mixtures, bananas, funnels, boxes, corners,
log gammas and rings, in 1 to 50 dimensions, in scales from 1e-3 to 1e3, turned, with conditions up to 1e4. Modes of a
mixture have about one width in many dimensions. Narrow ones lie within a wide one, or in 1 to 8 dimensions far from it,
by a ratio that falls with these: no method sees a narrower one from afar. Walks on bounded targets are given a point
within. All have exact draws. An answer is wrong where, with draws n,

* a share of draws below a quantile (.05, .25, .5, .75, .95 of 400,000 exact draws; of every coordinate) is off by more
  than 4.5 standard errors (of n/2 draws, as populations are drawn again) and .005; or
* the same holds of the share of a mode; or
* $\log Z$ is off by more than .1 and 4.5 of its own standard errors.

The file of results keeps every judged target, and a later run of the same code goes on from there:

    PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/walk_verdicts.py [COUNT]
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from _random_targets import RandomTarget, random_target
from paired import RESULTS
from torch import Tensor

import unnoise
from unnoise._provenance import write_results

COUNT, DRAWS, EXACT, SEED = 100, 4000, 400_000, 0
SURE, SLACK, SLACK_Z = 4.5, 0.005, 0.1
CODE = ("attempting", "balance", "climbing", "evidence", "movers", "population", "probing", "scouting", "verdict")
LEVELS = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95], dtype=torch.float64)


def main() -> None:
    """Measure and write results/walk-verdicts.json, after every target, as it takes a while."""
    start, count = time.perf_counter(), int(sys.argv[1]) if len(sys.argv) > 1 else COUNT
    code = code_of(Path(unnoise.__file__).parent, Path(__file__).parent)
    rows, before = judged_before(RESULTS / "walk-verdicts.json", code)
    for index in range(len(rows), count):
        rows.append(row(index))
        print(index, rows[-1], flush=True)
        write_results(
            "walk-verdicts",
            RESULTS,
            measured=counted(rows) | {"code": code, "targets": rows},
            seconds=before + time.perf_counter() - start,
            command=f"PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/walk_verdicts.py {count}",
            seed=SEED,
        )
    print(counted(rows))


def code_of(package: Path, benchmarks: Path) -> str:
    """A mark of the code that answers mostly depend on, and of the targets."""
    files = [*(package / "walking" / f"{part}.py" for part in CODE), benchmarks / "_random_targets.py"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def judged_before(path: Path, code: str) -> tuple[list[dict[str, Any]], float]:
    """The rows that the same code left, and the seconds they took."""
    kept = json.loads(path.read_text()) if path.is_file() else {"measured": {}}
    if kept["measured"].get("code") != code:
        return [], 0.0
    return kept["measured"]["targets"], kept["seconds"]


def counted(rows: list[dict[str, Any]]) -> dict[str, int]:
    """The two ways to be mistaken, and the two to be right."""
    return {
        "asked": len(rows),
        "trusted, wrong": sum(row["trusted"] and row["wrong"] for row in rows),
        "doubted, right": sum(not row["trusted"] and not row["wrong"] for row in rows),
        "trusted, right": sum(row["trusted"] and not row["wrong"] for row in rows),
        "doubted, wrong": sum(not row["trusted"] and row["wrong"] for row in rows),
    }


def row(index: int, walk: Callable[..., Any] = unnoise.walk) -> dict[str, Any]:
    """What is said of a target, and what is true."""
    start, target = time.process_time(), random_target(index)
    start_at = target.draw(1, torch.Generator().manual_seed(SEED)) if target.bounded else None
    found = walk(target.log_prob, dimension=target.dimension, n=DRAWS, seed=SEED, start=start_at)
    errors = errors_of(target, found.draws)
    apart = abs(found.log_z - target.log_z)
    wrong = max(errors.values()) > SURE or apart > SLACK_Z + SURE * found.verdict.log_z_error
    return {
        "kind": target.kind,
        "dimension": target.dimension,
        "trusted": found.trusted,
        "wrong": wrong,
        "errors": {name: round(value, 2) for name, value in errors.items()},
        "log_z": round(found.log_z - target.log_z, 4),
        "log_z_error": round(found.verdict.log_z_error, 4),
        "r_hat": round(found.verdict.r_hat, 4),
        "doubts": list(found.verdict.doubts),
        "evaluations": found.evaluations,
        "cpu_seconds": round(time.process_time() - start, 1),
    }


def errors_of(target: RandomTarget, x: Tensor) -> dict[str, float]:
    """The worst share below a quantile and the worst share of a mode, in standard errors, less the slack."""
    exact = target.draw(EXACT, torch.Generator().manual_seed(7))
    levels = torch.quantile(exact[:100_000], LEVELS, dim=0)
    below = [torch.stack([(y <= level).double().mean(0) for level in levels]) for y in (x, exact)]
    parts = [target.part(y) for y in (x, exact)]
    kinds = int(parts[1].max()) + 1
    shares = [torch.bincount(part, minlength=kinds).double()[:kinds] / len(part) for part in parts]
    return {"quantiles": _worst(*below, len(x)), "modes": _worst(*shares, len(x))}


def _worst(found: Tensor, right: Tensor, n: int) -> float:
    error = (right * (1 - right) / (0.5 * n)).sqrt().clamp(min=1e-12)
    off = ((found - right).abs() - SLACK).clamp(min=0)
    return float((off / error).max())


if __name__ == "__main__":
    main()
