"""Cells, flags and volumes by the names of columns, and the words about them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.data import Schema

N = 30
RNG = np.random.default_rng(0)
SHARES = RNG.dirichlet([2, 3, 4], N)
FRAME = pd.DataFrame(
    {
        "height": RNG.normal(170, 10, N),
        "sex": RNG.choice(["F", "M"], N),
        "age": RNG.integers(18, 90, N),
        "wind": RNG.uniform(0, 360, N),
        "lat": RNG.uniform(-80, 80, N),
        "lon": RNG.uniform(-170, 170, N),
        "word": RNG.choice(["GAT", "CA"], N),
        "swell": RNG.uniform(0, 360, N),
        **{name: 100 * SHARES[:, i] for i, name in enumerate("abc")},
        "planet": 3,
        "where": RNG.choice(["u", "v"], N),
    }
)
FRAME.loc[[0, 1, 2], "age"] = np.nan
FRAME.loc[5, "sex"] = None
NUMBERS = {"height": "real", "age": "integer"}
KINDS = NUMBERS | {
    "wind": "degrees",
    "swell": "degrees",
    "lat,lon": "latlon",
    "word": "sequence",
    "a,b,c": "proportions",
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    with pytest.warns(UserWarning, match="1 column holds a single value"):
        return Schema.infer(FRAME, kinds=KINDS, condition="where")


def true_at(tree: Any) -> dict[str, Any]:
    """The leaves that are True somewhere, as lists."""
    return {name: leaf.tolist() for name, leaf in _tree.leaves(tree) if leaf.any()}


def test_modelled_columns_are_in_the_order_of_the_data(schema: Schema) -> None:
    assert schema.columns_of_state == tuple(name for name in FRAME if name not in ("planet", "where"))


def test_cells_are_those_of_the_columns(schema: Schema) -> None:
    cells = schema.cells(["age", "swell", "lon", "lat", "word"])
    assert true_at(cells) == {
        "numbers": [False, True],
        "degrees": [False, True],
        "lat,lon": True,
        "word": [True, True, True],
    }
    encoded = schema.encode(FRAME)
    shapes = _tree.map(lambda leaf: leaf.shape, cells)
    assert shapes == _tree.map(lambda leaf: leaf.shape[1:], encoded.known)
    assert true_at(schema.cells([])) == {}
    whole = {name: leaf for name, leaf in schema.cells(schema.columns_of_state).items() if name != "missing"}
    assert all(leaf.all() for leaf in whole.values())


def test_flags_are_those_of_the_columns(schema: Schema) -> None:
    assert schema.missing == ("sex", "age")
    assert true_at(schema.flags(["age", "height"])) == {"missing": [False, True]}
    assert true_at(schema.flags("sex")) == {"missing": [True, False]}
    assert true_at(schema.flags(["lat"])) == {}


def test_one_factor_is_no_dict() -> None:
    schema = Schema.infer(np.random.default_rng(0).normal(size=(9, 3)))
    assert schema.cells(["x1"]).tolist() == [False, True, False]
    assert schema.flags(["x1"]).tolist() == [False, False, False]
    images = Schema.infer(np.random.default_rng(0).normal(size=(9, 1, 4, 5)))
    assert images.cells(["x"]).shape == (1, 4, 5)
    assert images.volume(["x"]) == pytest.approx(images.log_volume)
    rotations = Schema.infer(np.stack([np.eye(3)] * 4), kinds={"x": "rotation"})
    assert rotations.cells(["x"]).tolist() is True


def test_volumes_are_those_of_the_columns_alone(schema: Schema) -> None:
    height, age = schema.factors["numbers"].coordinates
    turn = math.log(math.pi / 180)
    assert schema.volume(["height"]) == pytest.approx(-math.log(height.scale))
    assert schema.volume(["age", "sex", "swell"]) == pytest.approx(-math.log(age.scale) + turn)
    assert schema.volume(["a", "b", "c"]) == pytest.approx(-2 * math.log(100))
    assert schema.volume(["lat", "lon", "word"]) == 0
    assert schema.volume(schema.columns_of_state) == pytest.approx(schema.log_volume)


def test_rows_have_the_volume_of_what_is_known(schema: Schema) -> None:
    volumes = schema.volumes(schema.encode(FRAME).known)
    age = schema.factors["numbers"].coordinates[1]
    expected = np.full(N, schema.log_volume)
    expected[:3] += math.log(age.scale)
    np.testing.assert_allclose(volumes, expected)
    assert volumes.dtype == torch.float64


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["nope"], "The model has no column 'nope'; its columns are height, sex, age, wind, lat, lon, word, swell, a"),
        (["where"], "got 'where', which is a condition and not modelled; expected a modelled column"),
        (["planet"], "got 'planet', which was always 3 and is not modelled; leave it out"),
        (["lat"], "got column 'lat' without column 'lon'; together they are one latlon: name all of them"),
        (["a", "c"], "got columns 'a', 'c' without column 'b'; together they are one proportions: name all of them"),
    ],
)
def test_names_that_are_no_cells_are_refused(schema: Schema, names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        schema.cells(names)
    with pytest.raises(InputError, match=message):
        schema.volume(names)
    if names in (["nope"], ["where"], ["planet"]):
        with pytest.raises(InputError, match=message):
            schema.flags(names)


def test_the_measure_of_columns_given_others(schema: Schema) -> None:
    tail = "rows with holes: of what is known"
    assert schema.measure_of(["sex"], ["age"]) == (
        f"nats per row, log p(sex | age, where), the rest marginalised; probability of the levels; {tail}"
    )
    assert schema.measure_of(["height", "sex"]).startswith(
        "nats per row, log p(height, sex | where), the rest marginalised; density in the data's own units; prob"
    )
    assert "bound" not in schema.measure_of(["height"])
    assert "integer columns dequantised: a lower bound on the log-probability" in schema.measure_of(["age"])
    every = schema.columns_of_state
    assert "the rest" not in schema.measure_of(every[:3], every[3:])
    plain = Schema.infer(np.random.default_rng(0).normal(size=(9, 2)))
    assert plain.measure_of(["x0"], ["x1"]) == "nats per row, log p(x0 | x1); density in the data's own units"
    assert plain.measure_of(["x0", "x1"]) == "nats per row, log p(x0, x1); density in the data's own units"


def test_what_is_missing_is_said(schema: Schema) -> None:
    text = schema.describe()
    assert "age         integer, 21 to 89, mean 56.74, spread 20.61, missing in 10 % of rows\n" in text
    assert "sex         category, one of F, M, missing in 3.3 % of rows\n" in text
    assert "missing (2 columns); nats per row" in text
    assert "rows with holes: of what is known; given where" in schema.measure
    assert "missing" not in next(line for line in text.splitlines() if line.startswith("height"))
