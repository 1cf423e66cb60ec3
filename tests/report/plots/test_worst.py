from __future__ import annotations

import numpy as np
import pytest

from unnoise.report.plots import worst_margins, worst_pairs
from unnoise.report.plots.worst import _cells, atoms_of, barred

NAN = float("nan")
RNG = np.random.default_rng(0)
ATOM = np.where(RNG.random(200) < 0.8, 0.0, RNG.normal(size=200))
LEVEL = np.array(["a", "b"], dtype=object)[RNG.integers(0, 2, 200)]


def test_atoms_and_levels_have_bars_and_numbers_a_distribution_function() -> None:
    smooth, holed = np.arange(1.0, 5.0), np.array([1.0, 2.0, NAN, NAN])
    figure = worst_margins([("gain", ATOM, ATOM[:100] + 1.0), ("job", LEVEL, LEVEL), ("x", smooth, holed)])
    gain, job, x = [axes for axes in figure.axes if axes.get_visible()]
    assert [label.get_text() for label in gain.get_xticklabels()] == ["others", "0"]
    heights = [bar.get_height() for bar in gain.patches]
    assert heights == pytest.approx([(ATOM != 0).mean(), (ATOM == 0).mean(), 1.0, 0.0])
    assert [bar.get_height() for bar in job.patches[:2]] == pytest.approx(
        sorted([(level == LEVEL).mean() for level in "ab"], reverse=True)
    )
    curves = [line.get_ydata() for line in x.lines]
    np.testing.assert_allclose(curves[0], [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(curves[1], [0.25, 0.5], err_msg="half of the rows never come")


def test_bars_by_hand() -> None:
    values = np.array([0.0, 0.0, 0.0, 7.0, 7.0, 1.0, NAN])
    assert atoms_of(values) == [0.0, 7.0]
    assert barred(values, [0.0, 7.0]) == ["0", "0", "0", "7", "7", "others", "(missing)"]
    assert atoms_of(np.arange(100.0)) == []


def test_pairs_are_points_of_numbers_and_tables_of_all_else() -> None:
    x = RNG.normal(size=200)
    figure = worst_pairs([(("x", "gain"), (x, ATOM), (x, -ATOM)), (("job", "x"), (LEVEL, x), (LEVEL, x))])
    points, table = figure.axes[0], figure.axes[2].images[0].get_array()
    assert len(points.collections[0].get_offsets()) == 200
    assert table.shape == (10, 2)
    assert table.sum() == pytest.approx(1.0)
    assert table[0, 0] == pytest.approx(
        ((figure.axes[2].get_xticklabels()[0].get_text() == LEVEL) & (x < np.quantile(np.r_[x, x], 0.1))).mean()
    )
    assert [axes.get_title() for axes in figure.axes[:2]] == ["real", "model"]


def test_cells_of_levels_and_numbers() -> None:
    real, drawn, names = _cells(np.array(["a", "b"], dtype=object), np.array(["b", "b"], dtype=object))
    assert (real.tolist(), drawn.tolist(), names) == ([1, 0], [0, 0], ["b", "a"])
    real, drawn, names = _cells(np.array([0.0, NAN]), np.array([0.0, 0.0]))
    assert (real.tolist(), drawn.tolist()) == ([1, 2], [1, 1])
    assert names == ["least", "0", "(missing)"]
