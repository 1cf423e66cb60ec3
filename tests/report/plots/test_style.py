from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from unnoise.report import plots
from unnoise.report.plots._style import STYLE, WIDTH, new_figure, styled


@styled
def one_line(title: str) -> Figure:
    figure = new_figure(3, 2)
    axes = figure.add_subplot(title=title)
    axes.plot([0, 1], [0, 1])
    return figure


def test_style_holds_inside_and_nothing_is_left_behind():
    before = dict(matplotlib.rcParams)
    figure = one_line("title")
    assert not figure.axes[0].spines["top"].get_visible()
    assert figure.axes[0].get_xticklabels()[0].get_fontsize() == STYLE["xtick.labelsize"]
    assert dict(matplotlib.rcParams) == before


def test_names_are_never_read_as_formulas_and_unknown_letters_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = one_line("$\\bad{ price in 円")
        assert plots.png(figure)[1:4] == b"PNG"


def test_pictures_are_as_wide_as_asked():
    figure = plots.likelihood_bars(["a"], [1.0], [0.1], "nats")
    width = int.from_bytes(plots.png(figure, dpi=100)[16:20], "big")
    assert width == pytest.approx(100 * WIDTH, abs=12)


@pytest.mark.parametrize("change", [lambda figure: None, lambda figure: figure.suptitle("added\nlater")])
def test_a_picture_is_as_matplotlib_saves_it_and_can_be_laid_out_again(change: Callable[[Figure], object]):
    figure, theirs = one_line("title"), BytesIO()
    engine = figure.get_layout_engine()
    change(figure)
    ours = plots.png(figure, dpi=160)
    assert figure.get_layout_engine() is engine
    with matplotlib.rc_context(STYLE):
        figure.savefig(theirs, format="png", dpi=160, bbox_inches="tight", pad_inches=0.04)
    np.testing.assert_array_equal(*(np.asarray(Image.open(data)) for data in (BytesIO(ours), theirs)))
