"""Points of other spaces as conditions: what is near is near, also across the end of a turn."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data.features import Points


def features(values: Any, kind: str, *others: Any) -> Any:
    made = Points.of(np.asarray(values), "c", kind)
    return made.features(np.asarray(others if others else values), "c")


def test_angles_meet_at_the_end_of_a_turn() -> None:
    found = features(np.linspace(0, 355, 72), "degrees", 0.0, 359.9, 180.0)
    assert np.abs(found[0] - found[1]).max() < 0.01 < np.abs(found[0] - found[2]).max()


def test_places_are_unit_vectors() -> None:
    globe = np.random.default_rng(0).uniform([-90, -180], [90, 180], size=(50, 2))
    kind = Points.of(globe, "c", "latlon")
    found = kind.features(np.array([[10.0, 180.0], [10.0, -180.0]]), "c") * kind.scales + kind.means
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    with pytest.raises(InputError, match="expected degrees from -90 to 90"):
        kind.features(np.array([[100.0, 0.0]]), "c")


@pytest.mark.parametrize("form", ["as_quat", "as_matrix", "as_rotvec"])
def test_rotations_of_any_form_are_matrices(form: str) -> None:
    from scipy.spatial.transform import Rotation

    turns = Rotation.random(20, random_state=0)
    kind = Points.of(getattr(turns, form)(), "c", "rotation")
    found = kind.features(getattr(turns, form)(), "c") * kind.scales + kind.means
    np.testing.assert_allclose(found, turns.as_matrix().reshape(20, 9), atol=1e-6)


def test_proportions_are_roots_and_counts_logarithms() -> None:
    parts = np.array([[0.25, 0.75], [0.5, 0.5], [0.81, 0.19]])
    kind = Points.of(parts, "c", "proportions")
    np.testing.assert_allclose(kind.features(parts, "c") * kind.scales + kind.means, np.sqrt(parts), atol=1e-4)
    calls = Points.of(np.array([0, 1, 7, 100]), "c", "count")
    found = calls.features(np.array([0, 7]), "c") * calls.scales + calls.means
    np.testing.assert_allclose(found[:, 0], np.log1p([0, 7]))
    with pytest.raises(InputError, match="is declared a count, but holds -1 in row 0"):
        calls.features(np.array([-1]), "c")


def test_a_column_of_a_table_can_be_an_angle() -> None:
    frame = pl.DataFrame({"a": [1.0, 2.0, 4.0], "wind": [10, 350, 180]})
    schema = Schema.infer(frame, kinds={"wind": "degrees"}, condition="wind", optional=True)
    cond = schema.encode(frame).cond
    assert cond is not None
    assert cond.shape == (3, 3)
    back = schema.decode(schema.encode(frame).x, {"wind": [10, 350, 180]})
    assert back["wind"].to_list() == [10, 350, 180]
    assert schema.decode(schema.encode(frame).x, {"wind": "350"})["wind"].to_list() == [350] * 3
    with pytest.raises(InputError, match="Condition 'wind' is angle, but 'west' was given"):
        schema.encode_condition({"wind": "west"}, 3)
