"""Curves of calibration in their bands."""

from __future__ import annotations

import numpy as np

from unnoise.evaluation import rank_calibration
from unnoise.report.plots import calibration_curves
from unnoise.report.plots._style import MODEL
from unnoise.report.plots.calibration import BAD


def test_curves_are_red_where_they_are_not_to_be_believed() -> None:
    rng = np.random.default_rng(0)
    draws = np.stack([rng.normal(size=(100, 9)), 0.4 * rng.normal(size=(100, 9))], axis=2)
    found = rank_calibration(draws, rng.normal(size=(100, 2)), names=["$wide$", "narrow"])
    curves = [(one.name, one.curve, one.p_value > found.columns[0].curve.rate) for one in found.columns]
    figure = calibration_curves([("both", "rank", curves), ("one", "rank", curves[1:])])
    both, one = figure.axes
    assert both.get_title() == "both\nnot to be believed"
    assert one.get_title() == "one\nwithin chance"
    named = {line.get_label(): line for line in both.get_lines()}
    assert named["narrow"].get_color() == BAD
    assert named["$wide$"].get_color() == MODEL
    np.testing.assert_array_equal(named["narrow"].get_ydata(), found.columns[0].curve.share)
    assert [text.get_text() for text in both.get_legend().get_texts()] == ["narrow", "$wide$"]
    assert one.get_legend() is None
    (_, dots) = both.collections  # the band, and what is outside
    assert len(dots.get_offsets()) == found.columns[0].curve.outside.sum() > 0
    assert len(one.collections) == 1
