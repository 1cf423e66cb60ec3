from __future__ import annotations

import numpy as np
import pytest
import torch

from experiments.figures import intervals
from unnoise._errors import InputError


def test_names_are_ordered_by_the_first_method_and_every_method_is_drawn():
    exact = torch.tensor([[0.0, 2.0, -3.0], [1.0, 3.0, -2.0], [2.0, 4.0, -1.0]])
    figure = intervals(["a", "b", "c"], {"exact": exact, "other": exact.numpy() + 0.5}, unit="coefficient")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["c", "a", "b"]
    assert axes.get_xlabel() == "coefficient"
    points = [container.lines[0].get_xdata() for container in axes.containers]
    np.testing.assert_allclose(points, [[-2.0, 1.0, 3.0], [-1.5, 1.5, 3.5]])
    bars = axes.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose([(bar[0, 0], bar[1, 0]) for bar in bars], [(-3, -1), (0, 2), (2, 4)])


@pytest.mark.parametrize("methods", [{}, {"exact": np.zeros((3, 4))}, {"exact": np.zeros((2, 3))}])
def test_as_many_intervals_as_names_are_needed(methods: dict[str, np.ndarray]):
    with pytest.raises(InputError, match=r"expected \(3, 3\)"):
        intervals(["a", "b", "c"], methods)
