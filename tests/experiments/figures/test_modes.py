from __future__ import annotations

import numpy as np
import pytest

from experiments.figures import two_modes, weights_and_widths
from unnoise.report.plots import png

NAMES = ["ours", "theirs", "nobody's"]
PANELS = [
    ("d = 2", [(0.003, 0.002), (0.2, 0.01), (0.0, 0.001)], [(1.0, 0.01), (0.4, 0.01), (1.1, 0.3)]),
    ("d = 8", [(0.03, 0.02), (0.1, 0.01), (0.5, 0.1)], [(0.9, 0.01), (0.5, 0.01), (1.0, 0.1)]),
]


def test_errors_and_variances_lie_where_they_are():
    axes = weights_and_widths(NAMES, PANELS, bar=0.01).axes
    assert len(axes) == 4
    assert [one.get_title() for one in axes[:2]] == ["d = 2", "d = 8"]
    assert [label.get_text() for label in axes[0].get_yticklabels()] == NAMES
    assert axes[0].get_xscale() == "log"
    drawn = [line.get_xdata()[0] for line in axes[0].lines]
    assert drawn[:2] == [0.003, 0.2]
    assert 0 < drawn[2] < 0.001  # an error of zero has a place on the logarithmic axis
    assert [line.get_ydata()[0] for line in axes[3].lines] == [2, 1, 0]
    assert [line.get_xdata()[0] for line in axes[3].lines] == [0.9, 0.5, 1.0]


def test_own_methods_have_the_colour():
    labels = weights_and_widths(NAMES, PANELS, bar=0.01, own=2).axes[0].get_yticklabels()
    assert [label.get_fontweight() for label in labels] == ["bold", "bold", "normal"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_modes_hold_their_shares(count):
    """The areas of both histograms are the shares of the modes, heavier on the right."""
    normal = np.random.default_rng(0).normal(size=1000)
    x = np.concatenate([30 + normal[:700], -30 + normal[700:]])
    figure = two_modes([("d", (30.0, -30.0), x, -x)] * count, weights=(0.8, 0.2), names=("a", "b"))
    left, _, right, _ = (patch.get_data() for patch in figure.axes[0].patches)
    width = np.diff(left.edges)[0]
    assert left.values.sum() * width == pytest.approx(0.3, abs=1e-3)
    assert right.values.sum() * width == pytest.approx(0.7, abs=1e-3)
    assert left.edges.max() < 0 < right.edges.min()
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["-30", "30"]
    assert png(figure).startswith(b"\x89PNG")
