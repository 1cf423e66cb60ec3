"""What a network is told of an observation: holes as flags, sets of varied sizes, other shapes refused."""

from __future__ import annotations

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.inference import Simulations
from unnoise.inference.observed import Observed

NAN = np.nan


def of(x, observations=1):
    return Observed.of(Simulations(np.zeros(len(x)), x, observations))


def test_numbers_without_holes_are_told_as_they_are():
    x = np.arange(6.0).reshape(3, 2)
    assert of(x).features(x).tolist() == x.tolist()
    assert of(x[:, 0]).condition(x[:, 0])["x"].tolist() == [[0.0], [2.0], [4.0]]
    assert of(x).kinds == {"x": "vector"}


def test_holes_have_a_flag_and_say_nothing_else():
    observed = of(np.array([[1.0, 5.0], [3.0, NAN], [NAN, 7.0]]))
    told = observed.features(np.array([[NAN, 9.0], [2.0, 9.0], [4.0, NAN]]))
    assert told.tolist() == [[2.0, 9.0, 1.0, 0.0], [2.0, 9.0, 0.0, 0.0], [4.0, 6.0, 0.0, 1.0]]


def test_pictures_have_flags_as_channels():
    x = np.zeros((4, 3, 3))
    assert of(x).features(x).shape == (4, 3, 3)
    x[0, 1, 2] = NAN
    assert of(x).features(x).shape == (4, 2, 3, 3)
    assert of(x[:, None]).features(x[:, None])[0, 1, 1, 2] == 1


def test_sets_end_where_their_size_says():
    x = np.arange(12.0).reshape(2, 3, 2)
    x[1, 1] = NAN  # an observation of which nothing was seen is one all the same
    observed = of(x, observations=3)
    told = observed.condition(x, np.array([1, 2]))["x"]
    assert np.isnan(told[..., 0]).tolist() == [[False, True, True], [False, False, True]]
    assert told[1, 1, 2:].tolist() == [1.0, 1.0]
    assert observed.kinds == {"x": "set", "moments": "vector"}


def test_moments_are_of_what_is_told():
    x = np.array([[[1.0], [3.0], [50.0]], [[4.0], [9.0], [9.0]]])
    told = of(x, observations=3).condition(x, np.array([2, 1]))["moments"]
    np.testing.assert_allclose(told, [[2.0, 1.0, np.log(2)], [4.0, 0.0, 0.0]])


def test_sizes_are_from_one_to_the_most():
    sizes = of(np.zeros((2, 4, 1)), observations=4).sizes(2000, seed=0)
    assert set(sizes) == {1, 2, 3, 4}
    assert of(np.zeros((2, 4))).sizes(2000, seed=0) is None


def test_one_observation_or_several_are_read():
    observed = of(np.zeros((5, 2)))
    assert observed.read([1.0, 2.0]).shape == (1, 2)
    assert observed.read(np.zeros((7, 2))).shape == (7, 2)
    assert of(np.zeros(5)).read(3.0).shape == (1,)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([1.0, 2.0, 3.0], r"got x of shape \(3,\); expected an observation of shape \(2,\)"),
        (1.0, "expected an observation of shape"),
        ([], "a set of no observations"),
        (np.zeros((0, 2)), "a set of no observations"),
        ([NAN, 1.0], r"got NaN in x\[0\], which was seen in all simulations"),
        ([NAN, NAN], "NaN everywhere"),
        ("x", "expected an observation"),
    ],
)
def test_other_observations_are_refused(x, words):
    with pytest.raises(InputError, match=words):
        of(np.array([[0.0, 1.0], [0.0, NAN]])).read(x)
