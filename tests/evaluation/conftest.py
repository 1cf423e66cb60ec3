"""Points of a law whose density is known."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture
def points(ring):
    return ring.sample(torch.Generator().manual_seed(1), (300,))
