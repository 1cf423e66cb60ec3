from __future__ import annotations

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.report.plots import likelihood_bars, loss_curve
from unnoise.report.plots.curves import _log_bins


def test_smoothing_bins_grow_with_the_step():
    steps, values = np.arange(1, 1001), np.random.default_rng(0).normal(size=1000)
    centres, means = _log_bins(steps, values)
    assert np.all(np.diff(centres) > 0)
    assert len(centres) <= 60
    assert means[0] == values[0]
    assert np.diff(centres)[-1] > 10 * np.diff(centres)[0]


def test_smoothing_of_a_line_lies_on_the_line():
    steps = np.arange(5, 500)
    centres, means = _log_bins(steps, 3.0 * steps + 1)
    np.testing.assert_allclose(means, 3.0 * centres + 1)


def test_a_spike_does_not_hide_the_curve():
    losses = np.full(2000, 2.0) + 0.01 * np.random.default_rng(0).normal(size=2000)
    losses[1500] = 50.0
    low, high = loss_curve(losses).axes[0].get_ylim()
    assert 1.8 < low < high < 5.0


def test_axes_are_named_and_steps_written_out():
    axes = loss_curve(np.geomspace(10, 1, 2000), unit="nats per image").axes[0]
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "training step"
    assert axes.get_ylabel() == "loss (nats per image)"
    assert "1,000" in [label.get_text() for label in axes.get_xticklabels()]


def test_rows_held_out_have_a_curve_and_the_kept_look_a_ring():
    looks = np.array([[20, 9.0], [40, 4.0], [60, np.nan], [80, 3.0], [100, 30.0]])
    axes = loss_curve(np.linspace(10, 5, 100), looks=looks, kept=80).axes[1]
    curve, ring = (line for line in axes.lines if line.get_label().startswith(("rows held out", "kept")))
    assert curve.get_xydata().tolist() == [[20, 9], [40, 4], [80, 3], [100, 30]]
    assert ring.get_label() == "kept: step 80"
    assert ring.get_xydata().tolist() == [[80, 3]]
    assert axes.get_ylim()[0] < 3, "the best look is seen"
    assert len(loss_curve(np.linspace(10, 5, 100)).axes) == 1


@pytest.mark.parametrize("losses", [[1.0], [2.0, 1.0], [2.0, float("nan"), 1.0]])
def test_short_runs_have_a_plain_axis(losses: list[float]):
    assert loss_curve(losses).axes[0].get_xscale() == "linear"


def test_no_loss_at_all_is_refused():
    with pytest.raises(InputError, match="no finite loss"):
        loss_curve([float("nan")])


def test_likelihoods_are_listed_from_the_top_with_their_errors():
    figure = likelihood_bars(["model", "Gaussian"], [-1.25, -3.5], [0.1, 0.25], "nats per row")
    axes = figure.axes[0]
    names = {label.get_text(): place for label, place in zip(axes.get_yticklabels(), axes.get_yticks(), strict=True)}
    assert names["model"] > names["Gaussian"]
    assert [text.get_text() for text in axes.texts] == ["-1.250 ± 0.100", "-3.500 ± 0.250"]
    points = sorted(float(line.get_xdata()[0]) for line in axes.lines if len(line.get_xdata()) == 1)
    assert {-3.5, -1.25} <= set(points)
    assert {-3.75, -3.25} <= set(points)  # the ends of an error bar
    assert "nats per row" in axes.get_xlabel()
    assert "right is better" in axes.get_xlabel()
    assert "left is better" in likelihood_bars(["a"], [1], [0], "bits", higher_is_better=False).axes[0].get_xlabel()


def test_likelihoods_need_an_error_each():
    with pytest.raises(InputError, match="2 names, 1 values and 2 errors"):
        likelihood_bars(["a", "b"], [1.0], [0.1, 0.1], "nats")
