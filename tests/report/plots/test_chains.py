from __future__ import annotations

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.report.plots import mixing
from unnoise.report.plots.chains import autocorrelations


def autoregressive(m: int, n: int, keep: float) -> np.ndarray:
    """Stationary chains whose autocorrelation at the lag l is keep^l."""
    rng = np.random.default_rng(0)
    x = np.empty((m, n))
    x[0] = rng.normal(size=n)
    for i in range(1, m):
        x[i] = keep * x[i - 1] + np.sqrt(1 - keep**2) * rng.normal(size=n)
    return x


def test_the_autocorrelation_of_a_known_chain():
    found = autocorrelations(autoregressive(400, 2000, 0.8))
    np.testing.assert_allclose(found[:20], 0.8 ** np.arange(20), atol=0.02)


def test_chains_that_stay_in_modes_of_their_own_are_remembered_for_ever():
    apart = autoregressive(400, 500, 0.5) + 6 * (np.arange(500) % 2)
    np.testing.assert_allclose(autocorrelations(apart)[50:200], 9 / 10, atol=0.03)  # between over total variance


def test_a_chain_that_does_not_move_remembers_everything():
    assert np.all(autocorrelations(np.full((10, 3), 2.5)) == 1)


def test_a_trace_shows_a_few_paths_of_a_few_coordinates_against_the_step():
    kept = torch.randn(30, 100, 7, generator=torch.Generator().manual_seed(0))
    axes = mixing(kept, every=10).axes
    assert len(axes) == 3 * 5
    assert [panel.get_ylabel() for panel in axes[::3]] == ["x0", "x1", "x2", "x3", "x4"]
    assert len(axes[0].lines) == 5
    np.testing.assert_allclose(axes[3].lines[3].get_xdata(), 10 * np.arange(1, 31))
    np.testing.assert_allclose(axes[3].lines[3].get_ydata(), kept[:, 3, 1], rtol=1e-6)
    assert sum(axes[1].patches[0].get_data().values) == 30 * 100


def test_a_long_trace_is_thinned_but_for_its_ends():
    x = autoregressive(9000, 1, 0.5)
    line = mixing(x).axes[0].lines[0]
    assert len(line.get_xdata()) == 2000
    assert (line.get_xdata()[0], line.get_xdata()[-1]) == (1, 9000)


def test_the_autocorrelation_of_each_coordinate_is_drawn_up_to_half_of_the_walk():
    kept = autoregressive(100, 50, 0.9)[:, :, None] * np.ones(2)
    axes = mixing(kept, every=5, names=["a", "b"]).axes
    assert [panel.get_ylabel() for panel in axes[::3]] == ["a", "b"]
    for panel in axes[2::3]:
        line = panel.lines[-1]
        np.testing.assert_allclose(line.get_xdata(), 5 * np.arange(51))
        np.testing.assert_allclose(line.get_ydata(), autocorrelations(kept[:, :, 0])[:51])


def test_it_says_how_many_chains_there_are():
    figure = mixing(np.random.default_rng(0).normal(size=(10, 3, 2, 2)))
    assert len(figure.axes) == 3 * 4
    assert figure.axes[0].get_title() == "3 of 3 chains"
    assert [panel.get_ylabel() for panel in figure.axes[::3]] == ["x[0, 0]", "x[0, 1]", "x[1, 0]", "x[1, 1]"]


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (np.zeros((1, 5, 2)), r"got positions of shape \(1, 5, 2\); expected \(m, n, \*event\)"),
        (np.zeros(5), "at least 2 moments"),
        (np.zeros((5, 0, 2)), "at least 2 moments"),
        (np.full((5, 2, 1), np.inf), "not all finite"),
    ],
)
def test_what_is_no_chain_is_refused(kept, said):
    with pytest.raises(InputError, match=said):
        mixing(kept)


def test_every_coordinate_that_is_shown_needs_a_name():
    with pytest.raises(InputError, match=r"got the names \['a'\] for 2 coordinates"):
        mixing(np.zeros((5, 2, 2)), names=["a"])
