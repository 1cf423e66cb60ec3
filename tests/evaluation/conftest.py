"""Points of a law whose density is known, and another scorer of tables."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import torch

SCORER = Path(__file__).parents[3] / "shared" / "tools" / "table_score.py"


@pytest.fixture
def points(ring):
    return ring.sample(torch.Generator().manual_seed(1), (300,))


@pytest.fixture
def scorer() -> ModuleType:
    """Another scorer of tables, where there is one."""
    spec = importlib.util.spec_from_file_location("table_score", SCORER) if SCORER.exists() else None
    if spec is None or spec.loader is None:
        pytest.skip("the other scorer is not there")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
