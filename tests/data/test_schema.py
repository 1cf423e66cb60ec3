"""The schema: rows to states and back, likelihood units, conditions, JSON."""

from __future__ import annotations

import json
import math
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import stats

from unnoise._errors import InputError
from unnoise.data import Schema

COORDINATES = {"height": "real", "age": "integer"}


def rows(n: int = 50) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, 3)) * [1, 100, 0.01] + [0, 1000, 5]


def people(n: int = 40) -> pl.DataFrame:
    numbers = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "height": numbers.normal(size=n) * 10 + 170,
            "sex": numbers.choice(["Female", "Male"], size=n),
            "age": numbers.integers(18, 90, size=n),
            "smoker": numbers.random(n) < 0.3,
        }
    )


def through_json(schema: Schema) -> Schema:
    return Schema.from_config(json.loads(json.dumps(schema.to_config())))


def test_real_columns_go_there_and_back() -> None:
    data = rows()
    schema = Schema.infer(data)
    encoded = schema.encode(data)
    assert encoded.x.dtype == torch.float32
    assert encoded.jitter is None
    assert encoded.cond is None
    assert encoded.x.mean(0).abs().max() < 1e-5
    assert (encoded.x.std(0, correction=0) - 1).abs().max() < 1e-5
    np.testing.assert_allclose(schema.decode(encoded.x), data, rtol=1e-6, atol=1e-6)


def test_integer_columns_go_there_and_back_exactly() -> None:
    data = np.random.default_rng(0).integers(-1000, 1000, size=(500, 4))
    schema = Schema.infer(data)
    back = schema.decode(schema.encode(data).x)
    assert back.dtype == data.dtype
    assert (back == data).all()


def test_new_rows_are_encoded_in_the_fitted_units() -> None:
    schema = Schema.infer(np.array([[0.0], [2.0]]))
    assert schema.encode(np.array([[5.0]])).x.tolist() == [[4.0]]  # one row is enough, and no refit


@pytest.mark.parametrize("shape", [(20, 8, 8), (20, 1, 8, 8), (20, 3, 4, 5)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_images_are_one_block(shape: tuple[int, ...], dtype: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, size=shape).astype(dtype)
    schema = Schema.infer(images)
    encoded = schema.encode(images)
    assert schema.event_shape == tuple(encoded.x.shape[1:]) == shape[1:]
    assert schema.numbers is not None
    assert (encoded.jitter is not None) == (dtype == "uint8")
    back = schema.decode(encoded.x)
    assert back.dtype == dtype
    np.testing.assert_allclose(back, images, atol=0 if dtype == "uint8" else 1e-4)
    assert schema.log_volume == pytest.approx(-math.prod(shape[1:]) * math.log(schema.numbers.coordinates[0].scale))
    assert through_json(schema) == schema


def test_log_volume_makes_a_density_of_mass_one_in_the_units_of_the_data() -> None:
    data = rows()[:, :2]
    schema = Schema.infer(data)

    a, b = np.linspace(-8, 8, 400), np.linspace(200, 1800, 400)
    grid = np.stack(np.meshgrid(a, b), axis=-1).reshape(-1, 2)
    log_density = stats.norm.logpdf(schema.encode(grid).x.double().numpy()).sum(1) + schema.log_volume
    mass = np.exp(log_density).sum() * (a[1] - a[0]) * (b[1] - b[0])
    assert mass == pytest.approx(1, abs=1e-5)


def test_log_volume_is_the_log_determinant_of_the_encoding() -> None:
    data = rows()
    schema = Schema.infer(data)
    step = np.diag(data.std(0))
    slopes = (schema.encode(data[:1] + step).x - schema.encode(data[:1]).x).double().numpy() / data.std(0)
    assert np.linalg.slogdet(slopes)[1] == pytest.approx(schema.log_volume, abs=1e-4)


def test_log_volume_shifts_with_units() -> None:
    data = rows()
    grams = Schema.infer(data * 1000)
    assert grams.log_volume == pytest.approx(Schema.infer(data).log_volume - 3 * math.log(1000))


def test_measure_says_what_a_likelihood_is() -> None:
    data = rows()
    whole = (data * 1000).round().astype(int)
    assert Schema.infer(data).measure == "nats per row, density in the data's own units"
    assert "a lower bound on the log-probability" in Schema.infer(whole).measure
    mixed = Schema.infer(whole / 1.0, kinds={"x1": "integer"}).measure
    assert "density" in mixed
    assert "lower bound" in mixed
    assert Schema.infer(people(), condition=["sex", "age"]).measure.endswith("; given sex, age")


@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_columns_at_the_ends_of_float64(size: float) -> None:
    data = rows() * [size, 1, 1]
    schema = through_json(Schema.infer(data))
    encoded = schema.encode(data)
    assert encoded.x.isfinite().all()
    assert math.isfinite(schema.log_volume)
    np.testing.assert_allclose(schema.decode(encoded.x)[:, 0] / size, data[:, 0] / size, rtol=1e-5, atol=1e-6)


def test_rows_too_far_from_the_data_are_refused() -> None:
    with pytest.raises(InputError, match=r"Column 'x1' holds 1e\+300 in row 2, which is too far from the data"):
        Schema.infer(rows()).encode(np.array([[0, 0, 0], [0, 0, 0], [0, 1e300, 0]]))


def test_constant_columns_are_given_back_with_a_warning() -> None:
    data = rows()
    data[:, 1] = 7
    with pytest.warns(UserWarning, match=r"1 column holds a single value; samples repeat it.*: 'x1' = 7"):
        schema = Schema.infer(data)
    assert schema.event_shape == (2,)
    assert schema.num_features == 3
    back = schema.decode(schema.encode(data).x)
    np.testing.assert_allclose(back, data, atol=1e-5)
    with pytest.raises(InputError, match=r"Column 'x1' was always 7\.0 .* row 4 holds 8\.0"):
        schema.encode(np.where(np.arange(50)[:, None] == 4, [0, 8, 5], data))


@pytest.mark.parametrize("data", [np.ones((3, 2)), np.zeros((3, 4, 4), dtype=np.uint8)])
def test_nothing_but_constants_is_refused(data: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"Every column holds a single value .* nothing to model"):
        Schema.infer(data)


def test_kinds_can_be_asked_for() -> None:
    data = np.array([[0.0, 1.0], [1.0, 5.0], [2.0, 9.0]])
    schema = Schema.infer(data, kinds={"x1": "integer"})
    assert [kind.name for kind in schema.numbers.coordinates] == ["real", "integer"]
    back = schema.decode(torch.tensor([[0.0, 0.01]]))
    assert back.dtype == np.float64
    assert back[0, 1] == 5
    real = Schema.infer(data.astype(int), kinds={"x0": "real", "x1": "real"})
    assert real.encode(data).jitter is None
    assert real.decode(torch.full((1, 2), 0.1)).dtype == np.int64


def test_truth_values_are_levels() -> None:
    data = np.array([[True, False], [False, False], [True, True]])
    schema = Schema.infer(data)
    back = schema.decode(schema.encode(data).x)
    assert back.dtype == bool
    assert (back == data).all()


def test_conditions_in_a_frame_are_features_and_come_back() -> None:
    frame = people()
    schema = Schema.infer(frame, condition=["sex", "age", "smoker"])
    encoded = schema.encode(frame)
    assert schema.event_shape == (1,)
    assert encoded.cond is not None
    assert encoded.cond.shape == (40, schema.condition_width) == (40, 5)
    assert (encoded.cond[:, 1] == torch.tensor((frame["sex"] == "Male").to_numpy())).all()
    assert encoded.cond[:, 2].mean().abs() < 1e-5  # age is standardised, not dequantised
    assert encoded.jitter is None
    back = schema.decode(encoded.x, frame)
    assert back.columns == frame.columns
    assert back.schema == frame.schema
    assert back.drop("height").equals(frame.drop("height"))


def test_given_conditions_fill_the_rows() -> None:
    schema = Schema.infer(people().drop("smoker"), condition=["sex", "age"])
    given = {"sex": "Male", "age": [20, 30]}
    frame = schema.decode(torch.zeros(2, 1, dtype=torch.int64), given)
    assert frame["sex"].to_list() == ["Male", "Male"]
    assert frame["age"].to_list() == [20, 30]
    cond = schema.encode_condition(given, 2)
    assert cond is not None
    assert cond.dtype == torch.float32
    assert cond[:, :2].tolist() == [[0, 1], [0, 1]]
    as_text = schema.encode_condition({"sex": "Male", "age": np.array(["20", "30"])}, 2)
    as_frame = schema.encode_condition(pd.DataFrame({"age": [20, 30], "sex": ["Male"] * 2, "more": 1}), 2)
    as_tensor = schema.encode_condition({"sex": "Male", "age": torch.tensor([20, 30])}, 2)
    for other in (as_text, as_frame, as_tensor):
        assert torch.equal(cond, other)


def test_labels_beside_an_array_are_classes() -> None:
    data, labels = rows(30), np.arange(30) % 3
    schema = Schema.infer(data, labels, condition=("class",))
    encoded = schema.encode(data, labels)
    assert encoded.cond is not None
    assert encoded.cond.argmax(1).tolist() == labels.tolist()
    assert schema.decode(encoded.x, {"class": 0}).shape == data.shape
    assert schema.decode(encoded.x).shape == data.shape  # labels are no part of the data
    assert Schema.infer(data, labels).conditions == {}  # y is only used for conditions that are named
    many = Schema.infer(rows(60), np.arange(60), condition=("class",))
    assert many.conditions["class"].name == "real"


def test_categorical_columns_are_categories_as_conditions() -> None:
    frame = pd.DataFrame({"a": [0.5, 1.5, 3.0], "grade": pd.Categorical([3, 5, 3], categories=[1, 3, 5])})
    schema = through_json(Schema.infer(frame, kinds={"a": "real"}, condition="grade"))
    assert schema.conditions["grade"].levels == (3, 5)
    back = schema.decode(torch.zeros(2, 1), {"grade": ["5", 3]})
    assert back["grade"].dtype == frame["grade"].dtype
    assert back["grade"].tolist() == [5, 3]


def test_json_gives_an_equal_schema_that_encodes_the_same() -> None:
    frame = people()
    schema = Schema.infer(frame, kinds=COORDINATES, condition=["sex", "smoker"])
    again = through_json(schema)
    assert again == schema
    assert torch.equal(again.encode(frame).x, schema.encode(frame).x)
    assert again.decode(torch.zeros(1, 2), {"sex": "Male", "smoker": True}).equals(
        schema.decode(torch.zeros(1, 2), {"sex": "Male", "smoker": True})
    )


@pytest.mark.parametrize(
    "spoil",
    [
        lambda config: config.pop("factors"),
        lambda config: config["factors"][0]["coordinates"][0].pop("mean"),
        lambda config: config["factors"][0]["coordinates"][0].update(kind="pickle"),
        lambda config: config["factors"][0].update(kind="os"),
        lambda config: config["container"].update(container="os"),
        lambda config: config["container"].update(backend="os"),
        lambda config: config["container"]["layout"][0].pop("categories"),
        lambda config: config.update(conditions=config["factors"], factors=3),
        lambda config: config["conditions"].append({"name": "a", "kind": "constant", "value": 1, "dtype": "int64"}),
    ],
)
def test_a_damaged_config_is_said(spoil: Any) -> None:
    config = json.loads(json.dumps(Schema.infer(people(), kinds=COORDINATES, condition=["sex", "smoker"]).to_config()))
    spoil(config)
    with pytest.raises(InputError, match="The schema of the model is damaged"):
        Schema.from_config(config)


def test_describe_lists_columns_and_shortens_many() -> None:
    text = Schema.infer(people(), kinds=COORDINATES, condition=["sex", "smoker"]).describe()
    assert "height  real, mean 1" in text
    assert "sex     condition: category, one of Female, Male" in text
    assert "age     integer, 1" in text
    assert "state: 2 numbers per row" in text
    long = Schema.infer(np.random.default_rng(0).normal(size=(5, 64))).describe()
    assert len(long.splitlines()) == 22
    assert "...  and 44 more" in long
    names = Schema.infer(pd.DataFrame({"n" * 3000: [1.5, 2.0, 3.0], "b": [1, 2, 3]})).describe()
    assert names.splitlines()[1] == f"b{' ' * 61}whole numbers 1 to 3: 3 values; 1 in 33 % of rows"


def test_decoding_refuses_states_of_another_shape() -> None:
    with pytest.raises(InputError, match=r"got shape \(5, 2\) for the states of 'numbers'; expected shape \(n, "):
        Schema.infer(rows()).decode(torch.zeros(5, 2))


def test_nothing_warns_on_plain_data() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Schema.infer(rows()).encode(rows())
