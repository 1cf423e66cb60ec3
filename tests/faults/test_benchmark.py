"""The benchmark of faults holds: a few kills and flipped bits, and in the slow tier all kinds, and all cases.

Of deformed inputs `cli/test_hostile.py` has the sentences, of deformed folders `test_folders.py` here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


ALL = "kills,inputs,folders,bits,outputs,pairs,surroundings"


def what_did_not_hold(folder: Path, *words: str) -> list[str]:
    """Run the benchmark in a process of its own, since it forks."""
    command = [sys.executable, str(ROOT / "benchmarks" / "faults.py"), "--output", str(folder), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT / "src")})
    assert (folder / "faults.json").is_file(), done.stderr[-3000:]
    measured = json.loads((folder / "faults.json").read_text())["measured"]
    assert sum(kind["tried"] for kind in measured.values()) > 3 * len(words[-1].split(","))
    return [f"{name}: {fault}" for name, kind in measured.items() for fault in kind["not"]]


@pytest.mark.parametrize(
    "parts",
    [
        "kills,bits",
        *(pytest.param(more, marks=pytest.mark.slow) for more in ("inputs,folders", "pairs,outputs,surroundings")),
    ],
)
def test_a_few_cases_of_every_kind(parts: str, tmp_path: Path) -> None:
    faults = what_did_not_hold(tmp_path, "--quick", "--only", parts)
    assert not faults, "\n".join(faults)


@pytest.mark.slow
def test_all_cases(tmp_path: Path) -> None:
    faults = what_did_not_hold(tmp_path, "--seed", "1", "--only", ALL)
    assert not faults, "\n".join(faults)
