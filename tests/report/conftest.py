"""Makes `small_models` importable here; and what is measured once for all tests of a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from unnoise import DenoisingMarkovModel, evaluate
from unnoise.evaluation import Bound, ProbabilityFlow
from unnoise.report import Assessment

sys.path.insert(0, str(Path(__file__).parent))

from light import judges
from small_models import NUMBERS, table, tiny


@pytest.fixture(scope="session")
def model() -> DenoisingMarkovModel:
    return tiny(likelihood=ProbabilityFlow(tolerance=1e-3), kinds=NUMBERS).fit(table(200, 0))


@pytest.fixture(scope="session")
def of_table(model: DenoisingMarkovModel) -> Assessment:
    with judges():
        return evaluate(model, table(60, 1), train=table(200, 0))


@pytest.fixture(scope="session")
def of_images() -> Assessment:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 17, (60, 8, 8), dtype=np.uint8), np.arange(60) % 3
    model = tiny(condition="digit", likelihood=Bound(draws=4)).fit(images[:40], labels[:40])
    with judges():
        return evaluate(model, images[40:], labels[40:], train=images[:40], train_y=labels[:40])


@pytest.fixture(scope="module")
def light_judges() -> Iterator[None]:
    with judges():
        yield
