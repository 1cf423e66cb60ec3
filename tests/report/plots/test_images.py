from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from unnoise._errors import InputError
from unnoise.report.plots import class_grid, filmstrip, image_grid, neighbour_grid, png
from unnoise.report.plots.images import Layout, as_images, common_range, to_unit


def shown(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for image in figure.axes[0].images]


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.fixture
def images() -> np.ndarray:
    """Seven grey images of 4 x 6 pixels; image k has the value k everywhere."""
    return np.ones((7, 4, 6)) * np.arange(7.0)[:, None, None]


@pytest.mark.parametrize("shape", [(5, 8, 9), (5, 1, 8, 9), (5, 3, 8, 9), (5, 8, 9, 1), (5, 8, 9, 3)])
def test_images_of_every_layout_are_read(shape: tuple[int, ...]):
    channels = 3 if 3 in shape else 1
    values = torch.arange(float(np.prod(shape))).reshape(shape)
    read = as_images(values)
    assert read.shape == (5, 8, 9, channels)
    last = values[-1, -1] if channels == 3 and shape[1] == 3 else values[-1].reshape(-1)
    assert read[-1, -1, -1, -1] == float(last.reshape(-1)[-1])


def test_other_shapes_are_refused():
    with pytest.raises(InputError, match=r"got images of shape \(5, 64\)"):
        image_grid(np.zeros((5, 64)))
    with pytest.raises(InputError, match="got no image to show"):
        image_grid(np.zeros((0, 8, 8)))


def test_automatic_range_leaves_outliers_out_and_survives_what_is_not_finite():
    values = np.linspace(-1, 1, 10_000).reshape(100, 10, 10, 1)
    values[0, 0, 0] = 1e9
    values[0, 0, 1] = np.nan
    low, high = common_range(values)
    assert (low, high) == pytest.approx((-1, 1), abs=0.02)
    unit = to_unit(values, (low, high))
    assert unit.min() == 0.0
    assert unit.max() == 1.0
    assert to_unit(np.full((1, 2, 2, 1), 3.0), (3.0, 3.0)).max() == 0.0


def test_grid_shows_every_image_row_by_row_with_its_title(images: np.ndarray):
    figure = image_grid(images, titles=[f"number {k}" for k in range(7)], columns=4, value_range=(0, 6))
    assert [float(image.mean()) for image in shown(figure)] == pytest.approx(list(np.arange(7) / 6))
    tops = [image.get_extent()[3] for image in figure.axes[0].images]
    assert len(set(tops[:4])) == 1
    assert len(set(tops[4:])) == 1
    assert tops[4] > tops[0]
    assert words(figure)[3] == "number 3"
    assert png(figure)[1:4] == b"PNG"


def test_colours_stay_colours():
    red = np.zeros((1, 3, 2, 2))
    red[:, 0] = 1.0
    np.testing.assert_array_equal(shown(image_grid(red, value_range=(0, 1)))[0][0, 0], [1.0, 0.0, 0.0])


def test_classes_are_rows_with_names(images: np.ndarray):
    figure = class_grid({"cat": images[:2], 7: images[2:5]})
    assert words(figure) == ["cat", "7"]
    assert len(shown(figure)) == 5
    with pytest.raises(InputError, match="at least one class"):
        class_grid({})


def test_filmstrip_has_a_column_per_time_and_the_range_of_the_data(images: np.ndarray):
    noise = 1e3 * np.ones_like(images)
    figure = filmstrip(torch.as_tensor(np.stack([noise, images])), torch.tensor([1.0, 0.0]))
    assert words(figure) == ["t = 1", "0"]
    assert [float(image.mean()) for image in shown(figure)[:7]] == [1.0] * 7
    assert float(shown(figure)[7 + 3].mean()) == pytest.approx(0.5)
    with pytest.raises(InputError, match="1 frames and 2 times"):
        filmstrip([images], [0.0, 1.0])


def test_neighbours_stand_below_their_samples(images: np.ndarray):
    figure = neighbour_grid(images, images[::-1], columns=5)
    extents = [image.get_extent() for image in figure.axes[0].images]
    above, below = extents[:7], extents[7:]
    for sample, neighbour in zip(above, below, strict=True):
        assert sample[:2] == neighbour[:2]
        assert sample[3] < neighbour[3]
    assert words(figure).count("sample") == 2
    with pytest.raises(InputError, match="7 samples and 3 neighbours"):
        neighbour_grid(images, images[:3])


def test_layout_keeps_groups_apart():
    plain, grouped = Layout(4, 2, 10, 10), Layout(4, 2, 10, 10, group=2)
    assert plain.size == pytest.approx((20.8, 42.4))
    assert grouped.top(1) == plain.top(1)
    assert grouped.top(2) > plain.top(2)


@pytest.mark.parametrize("order", [1, -1], ids=["noising", "denoising"])
def test_a_filmstrip_is_in_the_range_of_its_cleanest_frame(images: np.ndarray, order: int):
    """Whether data stand first or last: noise that is wider is cut off, and the data are not pale."""
    frames, times = [images[:2], 5 * images[:2] - 3], [0.0, 1.0]
    axes = filmstrip(frames[::order], times[::order]).axes[0]
    clean = axes.images[0 if order == 1 else 2].get_array()  # column by column, of two images each
    wanted = to_unit(as_images(images[:2]), common_range(as_images(images[:2])))[0]
    np.testing.assert_allclose(np.asarray(clean), np.broadcast_to(wanted, (*wanted.shape[:2], 3)))
