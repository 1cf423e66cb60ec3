"""The machinery of benchmarks/faults.py, which forks and reads /proc; an sdist has no benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

if BENCHMARKS.is_dir() and Path("/proc/self/statm").exists():
    sys.path.insert(0, str(BENCHMARKS))
else:
    collect_ignore_glob = ["test_*.py"]
