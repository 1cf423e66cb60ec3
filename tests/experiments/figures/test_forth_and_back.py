"""Rows of clouds and arrows."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.figures import Cloud, Field, forth_and_back
from unnoise._errors import InputError
from unnoise.report.plots import png

POINTS = np.random.default_rng(0).normal(size=(50, 2))


def test_every_panel_is_drawn():
    rows = [
        ("forth", [Cloud(POINTS), Cloud(POINTS[:0])]),
        ("drift", [Field(POINTS, -POINTS), Cloud(POINTS, made=True)]),
    ]
    figure = forth_and_back(rows, ["t = 1", "t = 40"])
    assert len(figure.axes) == 4
    assert [axes.get_title() for axes in figure.axes[:2]] == ["t = 1", "t = 40"]
    assert figure.axes[2].get_ylabel() == "drift"
    assert len(figure.axes[0].collections[0].get_offsets()) == 50
    assert png(figure)[:4] == b"\x89PNG"


def test_rows_of_another_length_are_refused():
    with pytest.raises(InputError, match=r"got rows of \[1\] panels for 2 titles"):
        forth_and_back([("forth", [Cloud(POINTS)])], ["a", "b"])
