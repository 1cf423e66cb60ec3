from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from experiments.figures import letter_rows, logos
from experiments.figures.sequences import PER_LINE
from unnoise._errors import InputError
from unnoise.report.plots import png

LETTERS, GROUPS = "-ACGT", ("AG", "CT")


def heights(figure: Figure, panel: int) -> list[float]:
    """Of the letters of a panel, from left to right."""
    drawn = [path.get_extents() for collection in collections(figure, panel) for path in collection.get_paths()]
    return [box.height for box in sorted(drawn, key=lambda box: (box.x0, box.y0))]


def collections(figure: Figure, panel: int) -> list[PathCollection]:
    return [artist for artist in figure.axes[panel].collections if isinstance(artist, PathCollection)]


def test_a_stack_is_as_high_as_its_information():
    """A sure letter: log2 5 bits. Two letters in halves: one bit less, shared. Gaps count and are not drawn."""
    real = np.array([[1, 1, 0], [1, 2, 3]])
    figure = logos(real, real[:1], LETTERS, GROUPS)
    sure = np.log2(5)
    assert heights(figure, 0) == pytest.approx([sure, (sure - 1) / 2, (sure - 1) / 2, (sure - 1) / 2])
    assert heights(figure, 1) == pytest.approx([sure, sure])
    assert [axes.get_ylabel() for axes in figure.axes] == ["real", "model"]


def test_letters_of_a_group_share_a_colour():
    figure = logos([[1, 3, 2, 4]], [[1, 3, 2, 4]], LETTERS, GROUPS)
    colours = [tuple(face) for face in collections(figure, 0)[0].get_facecolors()]
    assert colours[0] == colours[1] != colours[2] == colours[3]


def test_long_alignments_take_several_lines():
    rows = torch.ones(2, 2 * PER_LINE + 1, dtype=torch.int64)
    figure = logos(rows, rows, LETTERS, GROUPS)
    assert len(figure.axes) == 6
    assert [len(heights(figure, panel)) for panel in range(6)] == [PER_LINE] * 4 + [1] * 2


def test_a_letter_is_strong_where_it_is_new():
    rows = [[1, 1, 0], [1, 2, 3], [1, 2, 0]]
    pale, strong = collections(letter_rows(rows, LETTERS, GROUPS, ["a", "b", "c"]), 0)
    assert (len(pale.get_paths()), len(strong.get_paths())) == (3, 4)
    assert pale.get_alpha() < strong.get_alpha()


def test_pictures_come_out():
    assert png(letter_rows([[1, 2, 0]], LETTERS, GROUPS, ["a"])).startswith(b"\x89PNG")


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(InputError, match="there are 3 columns of what was observed and 2 of what was made"):
        logos([[1, 2, 3]], [[1, 2]], LETTERS, GROUPS)
    with pytest.raises(InputError, match="2 names for 1 rows"):
        letter_rows([[1, 2, 3]], LETTERS, GROUPS, ["a", "b"])
