"""Log densities as maps."""

from __future__ import annotations

import numpy as np

from experiments.figures import density_map


def test_a_panel_for_each_density_shows_the_top_ten_nats() -> None:
    latitude, longitude = np.linspace(-80, 80, 9), np.linspace(-170, 170, 18)
    grid = np.add.outer(-np.abs(latitude), 0 * longitude)
    figure = density_map([("one", grid), ("two", grid)], latitude, longitude, (latitude, latitude))
    assert [axes.get_title() for axes in figure.axes] == ["one", "two"]
    shown = figure.axes[0].collections[0].get_array()
    assert float(shown.max()) == 0.0
    assert float(shown.min()) == -10.0
