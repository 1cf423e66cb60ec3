from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.collections import PathCollection

from unnoise._errors import InputError
from unnoise.report.plots import marginals, pairs, png, points_filmstrip
from unnoise.report.plots._style import MODEL, REAL
from unnoise.report.plots.columns import _interleave, _limits, bins_of


@pytest.fixture
def real() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "length": rng.normal(size=400),
        "$count$": rng.poisson(2.0, size=400),
        "width": rng.normal(size=400),
    }


def test_marginals_show_shares_of_rows_on_the_same_bins(real: dict[str, np.ndarray]):
    samples = {name: values[:100] for name, values in real.items()}
    figure = marginals(real, samples)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == ["length", "$count$", "width"]
    for axes in panels:
        first, second = (patch.get_data() for patch in axes.patches)
        np.testing.assert_array_equal(first.edges, second.edges)
        assert 0.95 < first.values.sum() < 1.0 + 1e-9
        assert 0.95 < second.values.sum() < 1.0 + 1e-9


def test_columns_are_matched_by_name(real: dict[str, np.ndarray]):
    assert len(marginals(real, {"width": torch.zeros(5), "other": torch.ones(5)}).axes) == 1
    with pytest.raises(InputError, match="no column in common"):
        marginals(real, {"other": np.zeros(3)})


def test_a_column_of_gaps_or_of_one_value_is_drawn():
    figure = marginals({"a": np.full(9, np.nan), "b": np.full(9, 2.5)}, {"a": np.ones(9), "b": np.full(9, 2.5)})
    assert png(figure)[1:4] == b"PNG"


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_columns_of_extreme_size_are_drawn(scale: float):
    values = scale * np.random.default_rng(0).normal(size=50)
    for draw in (marginals, pairs):
        assert png(draw({"a": values, "b": values}, {"a": values, "b": values}))[1:4] == b"PNG"


def test_whole_numbers_get_a_bar_each():
    bins = bins_of(np.array([0.0, 1.0, 1.0, 3.0]), np.array([0.2, 2.9]))
    assert np.all(bins % 1 == 0.5)
    assert bins[0] <= -0.5
    assert bins[-1] >= 3.5
    many = bins_of(np.arange(1000.0), np.arange(1000.0))
    assert 8 <= len(many) - 1 <= 36


def test_limits_leave_out_few_and_cover_both():
    low, high = _limits(np.append(np.linspace(0, 1, 1000), 1e12), np.linspace(2, 3, 1000))
    assert -0.2 < low < 0.0
    assert 3.0 < high < 3.2


def test_pairs_draw_as_many_real_rows_as_samples_in_mixed_order(real: dict[str, np.ndarray]):
    samples = {name: values[:150] + 0.5 for name, values in real.items()}
    figure = pairs(real, samples)
    visible = [axes for axes in figure.axes if axes.get_visible()]
    assert len(visible) == 3
    cloud = next(item for item in visible[0].collections if isinstance(item, PathCollection))
    assert len(cloud.get_offsets()) == 300
    assert [axes.get_xlabel() for axes in visible[-2:]] == ["length", "$count$"]

    points, colors = _interleave(np.zeros((40, 2)), np.ones((20, 2)))
    assert colors.count(REAL) == colors.count(MODEL) == 20
    assert [color == MODEL for color in colors] == points[:, 0].astype(bool).tolist()
    assert len(set(colors[:10])) == 2


def test_one_column_has_no_pair(real: dict[str, np.ndarray]):
    with pytest.raises(InputError, match="1 column"):
        pairs(real, real, ["length"])


def test_points_share_their_axes_when_noise_is_as_wide_as_data():
    cloud = np.random.default_rng(0).normal(size=(200, 2)) + 50.0
    figure = points_filmstrip([2 * cloud - 50, cloud], [1.0, 0.0])
    noise, data = figure.axes
    assert noise.get_xlim() == data.get_xlim()
    assert data.get_title() == "t = 0"
    assert data.get_xlim()[0] < 50 < data.get_xlim()[1]


def test_points_have_their_own_axes_when_noise_is_far_wider():
    cloud = np.random.default_rng(0).normal(size=(200, 2))
    noise, data = points_filmstrip([torch.as_tensor(80 * cloud), torch.as_tensor(cloud)], [1.0, 0.0]).axes
    assert np.diff(noise.get_xlim()) > 20 * np.diff(data.get_xlim())
    assert noise.get_title().startswith("t = 1\n")
    with pytest.raises(InputError, match="1 frames and 0 times"):
        points_filmstrip([cloud], [])
