"""The main job as a result: `unnoise demo` on 8 x 8 handwritten digits, its numbers and its picture.

python benchmarks/digits.py
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from paired import RESULTS

from unnoise._provenance import write_results


def main() -> None:
    """Run the demo in a folder of its own and write results/digits.json and results/digits.png."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "unnoise", "demo", "-o", f"{folder}/demo", "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout)
        RESULTS.mkdir(exist_ok=True)
        shutil.copy(Path(folder) / "demo" / "samples.png", RESULTS / "digits.png")
    write_results(
        "digits",
        RESULTS,
        measured=found,
        seconds=time.perf_counter() - start,
        command="python benchmarks/digits.py",
        seed=0,
    )


if __name__ == "__main__":
    main()
