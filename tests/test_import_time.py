"""`import unnoise` costs little more than `import torch`: what is heavy is imported where it is used."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

SECONDS_OVER_TORCH = 0.3
TRIES = 5
HEAVY = [
    "PIL",
    "accelerate",
    "matplotlib",
    "narwhals",
    "pandas",
    "plotly",
    "polars",
    "pyarrow",
    "rich",
    "scipy.stats",
    "sklearn",
    "typer",
]

# torch comes first, so what is timed is what unnoise adds: its own files, and what they import beyond torch.
MEASURE = """
import json, sys, time
import torch
before, start = set(sys.modules), time.perf_counter()
import {module}
seconds = time.perf_counter() - start
added = sorted(set(sys.modules) - before)
import unnoise.evaluation
print(json.dumps([seconds, added, sorted(set(sys.modules) - before)]))
"""

Reading = tuple[float, set[str], set[str]]


def cost_over_torch(module: str) -> Reading:
    """Seconds, and modules, that importing `module` adds to `import torch` in a fresh interpreter.

    Last all modules that it adds together with `unnoise.evaluation`: another interpreter would start for a second.
    """
    # Compiled files may be written, as they are for a user: else every reading would time the compiler.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", MEASURE.format(module=module)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    seconds, *modules = json.loads(done.stdout)
    return seconds, *map(set, modules)


@pytest.fixture(scope="module")
def first_reading() -> Reading:
    return cost_over_torch("unnoise")


def test_import_costs_little_more_than_torch(first_reading: Reading) -> None:
    """Other work on the machine can only add to a reading, so one reading below the limit proves it."""
    readings = [first_reading[0]]
    while min(readings) >= SECONDS_OVER_TORCH and len(readings) < TRIES:
        readings.append(cost_over_torch("unnoise")[0])
    assert min(readings) < SECONDS_OVER_TORCH, f"seconds over torch, in fresh interpreters: {readings}"


def test_import_leaves_heavy_libraries_alone(first_reading: Reading) -> None:
    modules = first_reading[1]
    assert "unnoise" in modules
    assert modules.isdisjoint(HEAVY), f"`import unnoise` also imports {sorted(modules.intersection(HEAVY))}"


def test_importing_the_evaluation_imports_neither_matplotlib_nor_scikit_learn(first_reading: Reading) -> None:
    modules = first_reading[2]
    assert "unnoise.evaluation" in modules
    assert modules.isdisjoint({"matplotlib", "sklearn"})


@pytest.mark.slow
def test_the_measurement_sees_a_heavy_import() -> None:
    """The negative control: a measurement that sees nothing would pass for any package."""
    seconds, modules, _ = cost_over_torch("sklearn.base")
    assert seconds > 0.05
    assert "sklearn" in modules
