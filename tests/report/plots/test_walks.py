from __future__ import annotations

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.report.plots import annealing_path, integrals, ranks, scatter_matrix
from unnoise.report.plots.walks import ranked

RNG = np.random.default_rng(0)


def heights(figure, panel=0):
    return [patch.get_data().values for patch in figure.axes[panel].patches if hasattr(patch, "get_data")]


def test_ranks_count_and_ties_are_broken_at_random():
    assert ranked([5.0, -1.0, 3.0, 4.0]).tolist() == [3, 0, 1, 2]
    tied = ranked(np.zeros(1000))
    assert sorted(tied) == list(range(1000))
    assert abs(np.corrcoef(tied, np.arange(1000))[0, 1]) < 0.1


def test_populations_that_agree_are_level_and_others_are_not():
    chains = RNG.normal(size=(4, 1000, 2))
    chains[0, :, 1] += 1
    figure = ranks(chains, ["a", "b"])
    level, tilted = heights(figure, 0), heights(figure, 1)
    assert len(level) == 4
    assert all(abs(line - 1).max() < 0.6 for line in level)
    assert tilted[0][-1] > 2 > 0.5 > tilted[0][0]
    np.testing.assert_allclose(np.mean(level, 0), 1)


def test_pairs_are_below_the_diagonal_and_histograms_on_it():
    points = RNG.normal(size=(300, 3))
    figure = scatter_matrix(points, ["a", "b", "c"], np.arange(300) % 2)
    visible = [panel for panel in figure.axes if panel.get_visible()]
    assert len(visible) == 6
    below = figure.axes[3].collections[0]
    x, y = np.asarray(below.get_offsets()).T
    assert {*map(tuple, np.round(np.c_[x, y], 9))} == {*map(tuple, np.round(points[:, :2], 9))}
    assert len({tuple(color) for color in below.get_facecolors()}) == 2
    assert sum(heights(figure, 0)[0]) >= 0.97 * 300


def test_the_integral_is_told_with_its_errors():
    axes = integrals([1.0, 2.0], (1.5, 0.25), (1.4, 0.125)).axes[0]
    told = [text.get_text() for text in axes.texts]
    assert told == ["1.500 ± 0.25", "1.400 ± 0.12", "1.000", "2.000"]
    assert len(integrals([1.0], (1.0, 0.5), None).axes[0].texts) == 2


def test_the_path_shows_every_rise():
    axes = annealing_path([0, 1e-4, 0.5, 1], [9, 8, 7], [[0.5, 0.6]] * 3).axes
    assert axes[0].get_yscale() == "log"
    assert axes[0].lines[0].get_ydata().tolist() == [1e-4, 0.5, 1]
    assert axes[1].lines[0].get_ydata().tolist() == [9, 8, 7]
    assert [line.get_ydata().tolist() for line in axes[2].lines] == [[0.5] * 3, [0.6] * 3]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: ranks(np.zeros((2, 3)), ["a"]),
        lambda: ranks(np.zeros((2, 3, 2)), ["a"]),
        lambda: scatter_matrix(np.zeros((0, 1)), ["a"]),
        lambda: scatter_matrix(np.zeros((3, 1)), []),
        lambda: annealing_path([0, 1], [], []),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw):
    with pytest.raises(InputError, match=r"expected one|give one at least"):
        draw()
