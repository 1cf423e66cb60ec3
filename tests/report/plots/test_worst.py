from __future__ import annotations

import numpy as np
import pytest

from unnoise.report.plots import pair
from unnoise.report.plots.worst import _cells, atoms_of, barred

NAN = float("nan")
RNG = np.random.default_rng(0)
ATOM = np.where(RNG.random(200) < 0.8, 0.0, RNG.normal(size=200))
LEVEL = np.array(["a", "b"], dtype=object)[RNG.integers(0, 2, 200)]


def test_bars_by_hand() -> None:
    values = np.array([0.0, 0.0, 0.0, 7.0, 7.0, 1.0, NAN])
    assert atoms_of(values) == [0.0, 7.0]
    assert barred(values, [0.0, 7.0]) == ["0", "0", "0", "7", "7", "others", "(missing)"]
    assert atoms_of(np.arange(100.0)) == []


def test_pairs_are_points_of_numbers_and_tables_of_all_else() -> None:
    x = RNG.normal(size=200)
    points = pair(("x", "gain"), (x, ATOM), (x, -ATOM))
    figure = pair(("job", "x"), (LEVEL, x), (LEVEL, x))
    table = figure.axes[0].images[0].get_array()
    assert len(points.axes[0].collections[0].get_offsets()) == 200
    assert table.shape == (10, 2)
    assert table.sum() == pytest.approx(1.0)
    assert table[0, 0] == pytest.approx(
        ((figure.axes[0].get_xticklabels()[0].get_text() == LEVEL) & (x < np.quantile(np.r_[x, x], 0.1))).mean()
    )
    assert [axes.get_title() for axes in figure.axes] == ["real", "model"]


def test_cells_of_levels_and_numbers() -> None:
    real, drawn, names = _cells(np.array(["a", "b"], dtype=object), np.array(["b", "b"], dtype=object))
    assert (real.tolist(), drawn.tolist(), names) == ([1, 0], [0, 0], ["b", "a"])
    real, drawn, names = _cells(np.array([0.0, NAN]), np.array([0.0, 0.0]))
    assert (real.tolist(), drawn.tolist()) == ([1, 2], [1, 1])
    assert names == ["least", "0", "(missing)"]
