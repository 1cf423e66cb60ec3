from __future__ import annotations

import pytest

from unnoise._errors import InputError
from unnoise.report.plots import likelihood_bars


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
