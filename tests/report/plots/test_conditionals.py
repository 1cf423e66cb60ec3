"""One column given another: panels of groups, on the same axes."""

from __future__ import annotations

import numpy as np

from unnoise.report.plots import conditionals


def test_numbers_are_drawn_on_the_same_bins_in_every_panel() -> None:
    rng = np.random.default_rng(0)
    groups = {"low": (rng.normal(size=50), rng.normal(size=30)), "high": (5 + rng.normal(size=40), rng.normal(size=30))}
    figure = conditionals(groups, "$y$")
    assert [axes.get_title() for axes in figure.axes] == ["low", "high"]
    assert figure.get_supxlabel() == "$y$"
    edges = [patch.get_data().edges for axes in figure.axes for patch in axes.patches]
    assert len(edges) == 4
    assert all((one == edges[0]).all() for one in edges)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    for axes, (real, draws) in zip(figure.axes, groups.values(), strict=True):
        for patch, values in zip(axes.patches, (real, draws), strict=True):
            np.testing.assert_allclose(patch.get_data().values, np.histogram(values, edges[0])[0] / len(values))


def test_levels_are_drawn_in_the_same_order_in_every_panel() -> None:
    groups = {"one": (["a", "a", "b"], ["b"]), "other": (["c"], ["c", "c", "a", "c"])}
    figure = conditionals({name: tuple(np.array(x, dtype=object) for x in pair) for name, pair in groups.items()}, "y")
    names = [[label.get_text() for label in axes.get_xticklabels()] for axes in figure.axes]
    assert names == [["c", "a", "b"]] * 2
    heights = [[patch.get_height() for patch in axes.patches] for axes in figure.axes]
    np.testing.assert_allclose(heights[0], [0, 2 / 3, 1 / 3, 0, 0, 1])
    np.testing.assert_allclose(heights[1], [1, 0, 0, 0.75, 0.25, 0])
