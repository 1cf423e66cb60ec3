r"""How often `unnoise.walk` finds a narrow mode far from a wide one, and what it costs, over twenty places each.

$.3\,N(0, I) + .7\,N(c, s^2 I)$ in d dimensions, |c| given, in a direction of chance: outside of a ball around c, which
hardly a point beside the wide mode falls into, the slope is that of the wide mode to the last bit. Counted are

* without: climbs and very many draws of a first guess, as before slopes were looked at;
* first look: with slopes of 131,072 points;
* both looks: or found by the last one, around draws, before they are trusted. Draws of the wide mode stand for those.

    PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/walk_far.py
"""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from paired import RESULTS
from torch import Tensor

from unnoise._provenance import write_results
from unnoise.chains import Density
from unnoise.laws.base import standard_normal
from unnoise.spaces import Euclidean
from unnoise.walking import attempting, scouting
from unnoise.walking.functions import Tried
from unnoise.walking.movers import by_modes
from unnoise.walking.probing import unexplained
from unnoise.walking.scouting import Mode, climbed, first_guess, law_of, modes_of, scattered

F64, PLACES, SHARE, DRAWS, STARTS = torch.float64, 20, 0.7, 16_384, 64
CASES = ((2, 0.01, 4.0), (4, 0.1, 6.0), (4, 0.05, 6.0), (6, 0.3, 6.0), (6, 0.2, 6.0), (9, 0.5, 6.7), (9, 0.3, 6.7))


def main() -> None:
    """Measure and write results/walk-far.json."""
    start, measured = time.perf_counter(), {}
    for d, s, away in CASES:
        rows = [of_place(d, s, away, seed) for seed in range(PLACES)]
        measured[f"d = {d}, width {s:g}, at {away:g}"] = {
            name: sum(row[name] for row in rows) / (PLACES if "evaluations" in name else 1) for name in rows[0]
        }
        print(d, s, away, measured[f"d = {d}, width {s:g}, at {away:g}"], flush=True)
    write_results(
        "walk-far",
        RESULTS,
        measured=measured,
        seconds=time.perf_counter() - start,
        command="PYTHONPATH=. OMP_NUM_THREADS=1 python benchmarks/walk_far.py",
        seed=0,
    )


@torch.no_grad()
def of_place(d: int, s: float, away: float, seed: int) -> dict[str, Any]:
    """Whether the narrow mode is found, and evaluations."""
    place = away * torch.nn.functional.normalize(_normals(1, d, 900 + seed))[0]

    def log_prob(x: Tensor) -> Tensor:
        wide, narrow = -0.5 * x.square().sum(-1), -0.5 * ((x - place) / s).square().sum(-1) - d * math.log(s)
        return torch.logaddexp(wide + math.log(1 - SHARE), narrow + math.log(SHARE))

    without, cost = _looked(log_prob, place, s, seed, 1)
    first, more = _looked(log_prob, place, s, seed, scouting.PROBES)
    return {
        "without": without,
        "first look": first,
        "both looks": first or _last_look(log_prob, place, s, seed),
        "evaluations without": cost,
        "evaluations of first look": more,
    }


def _looked(log_prob: Any, place: Tensor, s: float, seed: int, probes: int) -> tuple[bool, int]:
    target, rng = Tried(Density(log_prob), Euclidean(len(place))), torch.Generator().manual_seed(seed)
    kept, scouting.PROBES = scouting.PROBES, probes
    try:
        _, modes, _ = first_guess(target, scattered(STARTS, len(place), rng), rng)
    finally:
        scouting.PROBES = kept
    return _is_among(modes, place, s), target.evaluations


def _last_look(log_prob: Any, place: Tensor, s: float, seed: int) -> bool:
    d, rng = len(place), torch.Generator().manual_seed(seed)
    wide = Mode(torch.zeros(d, dtype=F64), math.log(1 - SHARE), torch.eye(d, dtype=F64))
    law = by_modes(_normals(DRAWS, d, seed), law_of([wide]))
    target = Density(log_prob)
    left = unexplained(target, law, attempting.PROBES, attempting.MOST_CLIMBS, rng)
    return bool(len(left)) and _is_among(modes_of(target, climbed(target, left), [wide]), place, s)


def _is_among(modes: list[Mode], place: Tensor, s: float) -> bool:
    return any(float((mode.centre - place).norm()) < s for mode in modes)


def _normals(n: int, d: int, seed: int) -> Tensor:
    return standard_normal((n, d), torch.empty(0, dtype=F64), torch.Generator().manual_seed(seed))


if __name__ == "__main__":
    main()
