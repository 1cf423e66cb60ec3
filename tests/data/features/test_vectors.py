"""Vectors and pictures as conditions: standardised, and of one shape."""

from __future__ import annotations

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.data.features import Picture, Vector


def test_vectors_are_standardised_number_by_number() -> None:
    values = np.random.default_rng(0).normal([1.0, -50.0], [2.0, 0.1], size=(500, 2))
    kind = Vector.fit(values, "c")
    found = kind.features(values, "c")
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(0), 1)
    assert (kind.given(values[0], "c", 3) == values[0]).all(), "one for all rows"
    assert Vector.fit(np.ones((4, 2)), "c").features(np.ones((1, 2)), "c").tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("shape", [(5, 5), (3, 4, 6)])
def test_pictures_are_standardised_channel_by_channel(shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 255, (50, *shape), dtype=np.uint8)
    kind = Picture.fit(values, "c")
    found = kind.features(values, "c").reshape(50, *kind.channels)
    np.testing.assert_allclose(found.mean((0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(found.std((0, 2, 3)), 1)
    assert kind.width == np.prod(shape)


@pytest.mark.parametrize("own", [(5, 5), (1, 5, 5)])
@pytest.mark.parametrize("other", [(5, 5), (1, 5, 5)])
def test_grey_pictures_may_have_a_channel(own: tuple[int, ...], other: tuple[int, ...]) -> None:
    values = np.arange(100.0).reshape(4, *own)
    kind = Picture.fit(values, "c")
    np.testing.assert_array_equal(kind.features(values.reshape(4, *other), "c"), kind.features(values, "c"))
    np.testing.assert_array_equal(kind.given(values.reshape(4, *other), "c", 4), values)
    if (own, other) != ((5, 5), (1, 5, 5)):
        np.testing.assert_array_equal(kind.given(values[0].reshape(other), "c", 4), np.stack([values[0]] * 4))


def test_other_shapes_are_refused() -> None:
    kind = Picture.fit(np.arange(50.0).reshape(2, 1, 5, 5), "c")
    for other, words in (
        ((1, 1, 5, 4), "pictures of 1 x 5 x 4"),
        ((1, 3, 5, 5), "3 x 5 x 5"),
        ((1, 9), r"shape \(9,\)"),
    ):
        with pytest.raises(InputError, match=f"{words}; the model was fitted on pictures of 1 x 5 x 5"):
            kind.features(np.zeros(other), "c")
    with pytest.raises(InputError, match=r"expected pictures \(n, H, W\) or \(n, C, H, W\)"):
        Picture.fit(np.zeros((4, 3)), "c")
