from __future__ import annotations

import numpy as np
import pytest

from experiments.figures import ScheduleCurve, schedules
from experiments.figures.schedules import _short


@pytest.fixture
def figure():
    curves = {
        name: ScheduleCurve(np.linspace(5, -5, 11), np.linspace(1, 2, 4), (1.5, 0.1), (variance, 1.0))
        for name, variance in (("cosine", 2000.0), ("learnt", 50.0))
    }
    return schedules({"one": curves, "other": curves})


def test_a_row_for_every_case_and_a_colour_for_every_schedule(figure):
    assert len(figure.axes) == 6
    assert [axes.get_title(loc="left") for axes in figure.axes[::3]] == ["one", "other"]
    assert [label.get_text() for label in figure.legends[0].get_texts()] == ["cosine", "learnt"]
    lines, bars = figure.axes[0].lines, figure.axes[2].patches
    assert lines[0].get_color() != lines[1].get_color()
    assert [bar.get_width() for bar in bars] == [2000.0, 50.0]


def test_means_stand_beside_the_bars(figure):
    assert [label.get_text() for label in figure.axes[2].get_yticklabels()] == ["1.50 ± 0.10"] * 2


@pytest.mark.parametrize(("value", "words"), [(10, "10"), (1000, "1k"), (2e5, "200k"), (1e6, "1M")])
def test_large_numbers_are_short(value, words):
    assert _short(value) == words
