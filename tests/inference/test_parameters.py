"""Parameters in boxes: the chart is one to one, its volume is right, and no point of it lies on an end."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.inference.parameters import Parameters, Part
from unnoise.testing import ImprobableError, assert_law

INF = np.inf
BOX = Parameters((Part("", (4,)),), (-1.0, 0.0, -INF, -INF), (3.0, INF, 2.0, INF))
MIXED = Parameters(
    (Part("n", ()), Part("p", (3,), shares=True), Part("s", ())),
    (1.0, 0.0, 0.0, 0.0, 0.0),
    (5.0, 1.0, 1.0, 1.0, 1.0),
    (True, False, False, False, False),
)
NAMED = Parameters((Part("a", ()), Part("b", (2,), "float32")), (-INF,) * 3, (INF,) * 3)


@pytest.fixture
def z():
    return np.random.default_rng(0).normal(size=(200, 4))


def test_the_chart_leads_there_and_back(z):
    theta = BOX.inside(z)
    assert BOX.contains(theta).all()
    np.testing.assert_allclose(BOX.outside(theta), z, atol=1e-12)


def test_whole_numbers_and_shares_have_a_chart_beside_others():
    z = np.random.default_rng(1).normal(size=(200, 4))
    theta = MIXED.inside(z)
    assert (MIXED.size, MIXED.free) == (5, 4)
    assert MIXED.ends == ((0.5, 0.0, 0.0, 0.0, 0.0), (5.5, 1.0, 1.0, 1.0, 1.0))
    assert MIXED.free_columns == ["n", "p[0]", "p[1] of the rest", "s"]
    assert MIXED.contains(theta).all()
    assert MIXED.shown(theta)["n"].dtype == np.int64
    np.testing.assert_allclose(MIXED.outside(theta)[:, 1:], z[:, 1:], atol=1e-12)
    np.testing.assert_array_equal(MIXED.inside(MIXED.outside(theta))[:, 0], theta[:, 0])
    np.testing.assert_allclose(theta[:, 4], torch.special.ndtr(torch.from_numpy(z[:, 3])))


def test_its_volume_is_that_of_small_steps(z):
    step = 1e-6
    slopes = (BOX.inside(z + step) - BOX.inside(z - step)) / (2 * step)  # each number moves its own alone
    np.testing.assert_allclose(BOX.log_volume(z), np.log(np.abs(slopes)).sum(1), atol=1e-6)


def test_no_point_lies_on_an_end():
    theta = BOX.inside(np.array([[60.0] * 4, [-60.0] * 4, [1e4] * 4, [-1e4] * 4]))
    assert ((theta > BOX.low) & (theta < BOX.high)).all()
    assert np.isfinite(theta).all()


def test_an_end_counts_as_just_inside():
    assert np.isfinite(BOX.outside(np.array([[-1.0, 0.0, 2.0, 0.0], [3.0, 1.0, 2.0, 0.0]]))).all()


def test_a_uniform_law_is_normal_in_the_chart(rng):
    theta = 4 * torch.rand(2000, 1, generator=rng, dtype=torch.float64).numpy() - 1
    one = Parameters((Part("", ()),), (-1.0,), (3.0,))
    assert_law(torch.from_numpy(one.outside(theta)), torch.special.ndtr)
    with pytest.raises(ImprobableError):
        assert_law(torch.from_numpy(Parameters((Part("", ()),), (-1.0,), (4.0,)).outside(theta)), torch.special.ndtr)


def test_they_are_shown_as_they_are_named():
    shown = NAMED.shown(np.arange(6.0).reshape(2, 3))
    assert shown["a"].tolist() == [0.0, 3.0]
    assert shown["b"].dtype == torch.float32
    assert NAMED.read(shown).tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert NAMED.columns == ["a", "b[0]", "b[1]"]
    assert NAMED.read({"a": 1.0, "b": [2.0, 3.0]}).tolist() == [[1.0, 2.0, 3.0]]


@pytest.mark.parametrize(
    ("theta", "words"),
    [
        ({"a": 1.0}, "expected a dict of a, b"),
        (np.zeros(3), "expected a dict of a, b"),
        ({"a": 1.0, "b": [1.0]}, r"got b of shape \(1,\)"),
        ({"a": [1.0, 2.0], "b": [1.0, 2.0]}, "expected as many of each"),
        ({"a": np.nan, "b": [1.0, 2.0]}, "got a = nan in row 0"),
        ({"a": "x", "b": [1.0, 2.0]}, "expected numbers"),
    ],
)
def test_other_things_are_refused(theta, words):
    with pytest.raises(InputError, match=words):
        NAMED.read(theta)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Part("a", (), "os"),
        lambda: Part("a", (0,)),
        lambda: Part(3, ()),
        lambda: Parameters((), (), ()),
        lambda: Parameters((Part("", ()), Part("a", ())), (0.0, 0.0), (1.0, 1.0)),
        lambda: Parameters((Part("a", ()), Part("a", ())), (0.0, 0.0), (1.0, 1.0)),
        lambda: Parameters((Part("a", ()),), (1.0,), (1.0,)),
        lambda: Parameters((Part("a", ()),), (0.0, 0.0), (1.0, 1.0)),
        lambda: Parameters(("a",), (0.0,), (1.0,)),
        lambda: Parameters((Part("a", ()),), (np.nan,), (1.0,)),
        lambda: Parameters((Part("a", ()),), (0.0,), (1.0,), (True, True)),
        lambda: Parameters((Part("a", ()),), (0.0,), (1.0,), (1,)),
    ],
)
def test_no_parameters_are_refused(make):
    with pytest.raises(InputError):
        make()
