"""Whether defaults copy small tables: 20, 100 and 1000 rows of the census, several choices of rows each.

The median distance of 2,000 samples to the nearest row that was given, over that of 2,000 test rows: 1 is ideal, 0 is
copying; and the AUC of boosted trees that tell these samples from the test rows. Beside the network stands the mixture.

    PYTHONPATH=. python benchmarks/small_tables.py ../shared/data
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pandas as pd
from paired import RESULTS
from tables import coded, tables

from unnoise import DenoisingMarkovModel
from unnoise._provenance import write_results
from unnoise.evaluation import copying, trees_test

SIZES = {20: 5, 100: 3, 1000: 2}  # rows, and how many choices of them
JUDGED = 2_000


def main() -> None:
    """Measure and write results/small-tables.json."""
    start = time.perf_counter()
    train, test, _ = tables(Path(sys.argv[1]), "adult")
    measured: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for size, choices in SIZES.items():
        found: dict[str, dict[str, dict[str, float]]] = {}
        for seed in range(choices):
            rows, held = train.sample(size, random_state=seed), test.sample(JUDGED, random_state=seed)
            for name in ("model", "mixture"):
                model = DenoisingMarkovModel(quick=name == "mixture", random_state=seed).fit(rows)
                both, new, levels = coded(rows, pd.concat([held, rows]), model.sample(JUDGED, seed=seed))
                real, known = both[:JUDGED], both[JUDGED:]
                ratio = copying(new, real, known, categorical=levels, seed=seed).ratio
                auc = trees_test(real, new, categorical=levels, seed=seed).auc
                for measure, value in (("copying", ratio), ("trees", auc)):
                    found.setdefault(name, {}).setdefault(measure, {})[f"choice {seed}"] = value
        measured[f"{size} rows"] = found
    write_results(
        "small-tables",
        RESULTS,
        measured=measured,
        command="PYTHONPATH=. python benchmarks/small_tables.py ../shared/data",
        seed=0,
        seconds=time.perf_counter() - start,
    )


if __name__ == "__main__":
    main()
