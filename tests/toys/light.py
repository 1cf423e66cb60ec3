"""Judges of samples that learn for a moment: for tests of what is done with their verdicts, not of the verdicts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from sklearn import ensemble, neural_network

TREES, EPOCHS = 8, 8


@contextmanager
def judges() -> Iterator[None]:
    """Inside, boosted trees are few, and perceptrons see their rows a few times: most of the time of an evaluation."""
    trees, perceptron = ensemble.HistGradientBoostingClassifier, neural_network.MLPClassifier

    def short(*parts: object, **named: object) -> object:
        return perceptron(*parts, **named | {"max_iter": EPOCHS})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ensemble, "HistGradientBoostingClassifier", partial(trees, max_iter=TREES))
        patch.setattr(neural_network, "MLPClassifier", short)
        yield
