from __future__ import annotations

import numpy as np
import pytest
import torch

from experiments.figures import clouds
from unnoise._errors import InputError


def test_every_cloud_has_a_panel_on_the_axes_of_the_first():
    first = torch.randn(500, 2, generator=torch.Generator().manual_seed(0)) + 5
    figure = clouds([("exact", first), ("far", 100 * first), ("near", 0.1 * first), ("same", first)], columns=3)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == ["exact", "far", "near", "same"]
    low, high = panels[0].get_xlim()
    assert low < float(first[:, 0].min())
    assert float(first[:, 0].max()) < high
    assert all(axes.get_xlim() == (low, high) for axes in panels)


def test_points_beyond_the_axes_lie_on_their_edge():
    first = np.random.default_rng(0).normal(size=(300, 2))
    figure = clouds([("exact", first), ("far", first + np.array([1e3, 0.0]))])
    drawn = np.asarray(figure.axes[1].collections[0].get_offsets())
    np.testing.assert_allclose(drawn[:, 0], figure.axes[1].get_xlim()[1])


@pytest.mark.parametrize("points", [np.zeros((3, 3)), np.zeros((0, 2)), np.zeros(2)])
def test_only_points_of_the_plane_can_be_drawn(points: np.ndarray):
    with pytest.raises(InputError, match=r"expected \(n, 2\)"):
        clouds([("exact", points)])


def test_there_is_something_to_draw():
    with pytest.raises(InputError, match="no clouds"):
        clouds([])
