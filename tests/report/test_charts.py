"""Charts that the browser draws: heights by hand, and each mark in words."""

from __future__ import annotations

import re

import numpy as np
import pytest

from unnoise.report.charts import LEVELS, Curve, column, histogram, lines, panels, shares

NAN = float("nan")
EVIL = "<b onclick='x'>&"


def told(inside: str) -> list[str]:
    """What the marks say."""
    return re.findall(r"<title>(.*?)</title>", inside)


def heights(inside: str, look: str, side: str) -> list[float]:
    return [float(x) for x in re.findall(rf'<rect class="{look}" [^>]*{side}="([\d.]+)"', inside)]


def test_bars_are_as_long_as_their_shares() -> None:
    panel = shares("job", ["a", EVIL], [0.75, 0.25], [0.5, 0.5])
    assert told(panel.inside)[0] == "a: 75 % of the data, 50 % of samples"
    assert heights(panel.inside, "real", "width") == pytest.approx([128, 128 / 3], abs=0.1)
    assert heights(panel.inside, "model", "width") == pytest.approx([256 / 3, 256 / 3], abs=0.1)
    assert EVIL not in panel.html()


def test_a_histogram_has_the_shares_of_both_in_the_same_bins() -> None:
    real, samples = np.array([0.0, 0.0, 1.0, 2.0]), np.array([2.0, 2.0])
    panel = histogram("rooms", real, samples)
    assert told(panel.inside) == [
        "0: 50 % of the data, 0 % of samples",
        "1: 25 % of the data, 0 % of samples",
        "2: 25 % of the data, 100 % of samples",
    ]
    assert heights(panel.inside, "real", "height") == pytest.approx([58, 29, 29])
    assert "medians" in panel.words


def test_a_column_is_drawn_by_what_it_is() -> None:
    rng = np.random.default_rng(0)
    gain = np.where(rng.random(400) < 0.9, 0.0, rng.lognormal(8, 1, 400))
    assert told(column("gain", gain, gain).inside)[0].startswith("0: 8")
    smooth = rng.normal(size=400)
    assert " to " in told(column("x", smooth, smooth).inside)[0]
    levels = np.array([f"level {i % 30}" for i in range(400)], dtype=object)
    bars = told(column("job", levels, levels).inside)
    assert len(bars) == LEVELS + 1
    assert bars[-1].startswith("others: 6")


@pytest.mark.parametrize("values", [np.full(9, NAN), np.full(9, 2.5), np.array([1e300, -1e300, 0.0]), np.array([])])
def test_odd_columns_are_drawn(values: np.ndarray) -> None:
    few = np.arange(3.0)
    for real, samples in ((values, values), (values, few), (few, values)):
        assert "nan" not in column("x", real, samples).inside


def test_curves_leave_out_what_is_not_finite_and_the_kept_look_has_a_ring() -> None:
    looks = Curve("held out", "real", np.array([10.0, 20.0, 30.0]), np.array([3.0, NAN, 1.0]))
    panel = lines("loss", [looks], "step", ring=30.0)
    assert told(panel.inside) == ["step 10: 3, held out", "step 30: 1, held out"]
    assert panel.inside.count('class="ring"') == 1
    assert panel.words == "loss: held out from 3 to 1."
    (points,) = re.findall(r'points="(.*?)"', panel.inside)
    (x0, y0), (x1, y1) = (map(float, point.split(",")) for point in points.split())
    assert (x0 < x1, y0 < y1) == (True, True), "down the page is less"


def test_a_spike_does_not_hide_a_curve() -> None:
    losses = np.full(1000, 2.0) + 0.01 * np.random.default_rng(0).normal(size=1000)
    losses[500] = 50.0
    panel = lines("loss", [Curve("each", "model", np.arange(1.0, 1001.0), losses, told=False)], "step", log=True)
    top = float(re.findall(r'class="end quiet">([\d.]+)<', panel.inside)[-2])
    assert 2.0 < top < 2.2


def test_what_colours_mean_is_said_where_they_are_those_of_data_and_samples() -> None:
    one = shares("job", ["a"], [1.0], [1.0])
    assert "held-out data" in panels([one], "All.")
    curve = Curve("a", "model", np.arange(2.0), np.arange(2.0))
    assert "held-out data" not in panels([lines("x", [curve], "step")], "All.")
