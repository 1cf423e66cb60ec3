"""Angles: units read off the range, wrapping, volumes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data.factors.angles import AngleFactor


def torsions(n: int = 40) -> np.ndarray:
    return np.random.default_rng(0).uniform(-180, 180, size=(n, 2))


def test_degrees_are_read_off_their_range_and_come_back() -> None:
    data = torsions()
    schema = Schema.infer(data, kinds={"x0,x1": "angle"})
    x = schema.encode(data).x
    assert float(x.abs().max()) <= math.pi
    np.testing.assert_allclose(x.numpy(), np.radians(data), atol=1e-6)
    np.testing.assert_allclose(schema.decode(x), data, atol=1e-4)
    assert schema.log_volume == pytest.approx(2 * math.log(math.pi / 180))
    assert "per degree of each angle" in schema.measure


def test_radians_and_ranges_from_zero() -> None:
    data = np.radians(torsions() + 180)
    schema = Schema.infer(data, kinds={"x0,x1": "angle"})
    assert schema.log_volume == 0.0
    np.testing.assert_allclose(schema.decode(schema.encode(data).x), data, atol=1e-5)


def test_thousandths_of_degrees_are_not_taken_in_silence() -> None:
    with pytest.warns(UserWarning, match=r"'a' holds angles up to 1.* degrees, 100 % of them beyond a turn; .*scale"):
        AngleFactor.fit({"a": 1000 * torsions()[:, 0] + 500, "b": torsions()[:, 1]})
    AngleFactor.fit({"a": np.where(np.arange(40) < 10, 720.0, torsions()[:, 0])})  # a few turns are angles


def test_units_can_be_said() -> None:
    small = torsions() / 100
    angles = Schema.infer(small, kinds={"x": "degrees"}).factors["degrees"]
    assert isinstance(angles, AngleFactor)
    assert angles.turn == 360.0
    wide = Schema.infer(torsions(), kinds={"x": "radians"}).factors["radians"]
    assert isinstance(wide, AngleFactor)
    assert wide.turn == 2 * math.pi


def test_degrees_where_radians_were_fitted_are_refused_with_their_range() -> None:
    schema = Schema.infer(np.radians(torsions()), kinds={"x": "angle"})
    with pytest.raises(InputError, match=r"Column 'x0' holds angles up to 1[67]\d.* fitted on radians; were these deg"):
        schema.encode(torsions())


@pytest.mark.parametrize("kind", ["angle", "radians"])
def test_whole_numbers_are_no_radians(kind: str) -> None:
    with pytest.raises(InputError, match="'x0' holds whole numbers, which are hardly angles in radians; declare"):
        Schema.infer(np.array([[0], [3], [6]]), kinds={"x0": kind})
    assert Schema.infer(np.array([[0], [3], [6]]), kinds={"x0": "degrees"}).factors


def test_numbers_of_which_no_digit_of_the_angle_is_left_are_refused() -> None:
    schema = Schema.infer(torsions(), kinds={"x": "degrees"})
    with pytest.raises(InputError, match=r"Column 'x1' holds 1e\+17 in row 1, far more than a turn; expected angles"):
        schema.encode(np.array([[0.0, 1.0], [3.0, 1e17]]))


@pytest.mark.parametrize("kind", ["angle", "degrees", "radians"])
def test_text_is_refused_in_every_unit(kind: str) -> None:
    with pytest.raises(InputError, match=r"Column 'x0' holds text \(for example 'north'\), and is modelled as angle"):
        Schema.infer(np.array([["north"], ["south"]], dtype=object), kinds={"x0": kind})


def test_hours_are_no_degrees_unless_that_is_said() -> None:
    hours = {"hour": np.array([0, 7, 23])}
    with pytest.raises(
        InputError, match=r"'hour' holds whole numbers up to 23, which may be hours, .* declare it degr"
    ):
        AngleFactor.fit(hours)
    assert AngleFactor.fit(hours, 360.0).turn == 360.0
    assert AngleFactor.fit({"to": np.array([0, 20, 80])}).turn == 360.0


def test_whole_degrees_end_before_their_start() -> None:
    wind = AngleFactor.fit({"from": np.array([0, 90, 359])})
    x = torch.tensor([[-0.4], [0.4], [-0.6]]) * math.pi / 180
    assert wind.decode(x)["from"].tolist() == [0, 0, 359]
