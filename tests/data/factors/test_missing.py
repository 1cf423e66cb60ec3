"""Flags of what is missing: from holes to states and back, and in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data.factors import CategoryFactor, MissingFactor, from_config

FLAGS = {"a": np.array([True, False, False, False]), "b": np.array([False, True, True, False])}


def test_flags_go_there_and_back() -> None:
    factor = MissingFactor.fit(FLAGS)
    assert factor.shares == (0.25, 0.5)
    x = factor.encode(FLAGS)
    assert x.tolist() == [[1, 0], [0, 1], [0, 1], [0, 0]]
    for name, flags in factor.decode(x).items():
        np.testing.assert_array_equal(flags, FLAGS[name])
    assert from_config(factor.to_config()) == factor


def test_noise_is_that_of_categories() -> None:
    levels = {name: flags.astype(object) for name, flags in FLAGS.items()}
    assert MissingFactor.fit(FLAGS).process() == CategoryFactor.fit(levels).process()


def test_flags_come_from_holes_and_are_always_known() -> None:
    factor = MissingFactor.fit(FLAGS)
    columns = {"a": np.zeros(2), "b": np.zeros(2), "c": np.zeros(2)}
    present = {"b": np.array([True, False]), "c": np.array([False, False])}
    assert factor.encode_known(columns, present).tolist() == [[0, 0], [0, 1]]
    assert factor.known(present, 2).all()
    assert factor.cells_of(["a"]).tolist() == [False, False]
    assert factor.flags_of(["b", "c"]).tolist() == [False, True]


def test_shares_are_said_beside_the_columns() -> None:
    factor = MissingFactor(("a", "b"), (0.123, 0.0456))
    assert factor.words(["a"]) == ", missing in 12 % of rows"
    assert factor.words(["b"]) == ", missing in 4.6 % of rows"
    assert factor.words(["c"]) == factor.words(["c", "d"]) == ""
    assert factor.words(["a", "b", "c"]) == ", missing: a in 12 %, b in 4.6 %"


@pytest.mark.parametrize("shares", [(0.0, 0.5), (1.0, 0.5), (0.5,), (0.5, float("nan"))])
def test_shares_that_no_fit_gives_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="got shares = "):
        MissingFactor(("a", "b"), shares)


@pytest.mark.parametrize(
    ("path", "value"), [(("columns", 0), "nothing"), (("shares", 0), 2.0), (("columns", 0), "given"), (("shares",), [])]
)
def test_flags_of_a_damaged_schema_are_refused(path: tuple[Any, ...], value: Any) -> None:
    frame = pl.DataFrame({"a": [1.0, None, 3.0], "b": [1.0, 2.0, 4.5], "given": ["u", "v", "u"]})
    config = Schema.infer(frame, condition="given").to_config()
    node = next(factor for factor in config["factors"] if factor["kind"] == "missing")
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(InputError, match="The schema of the model is damaged"):
        Schema.from_config(config)


def test_the_name_of_a_column_is_not_taken() -> None:
    turns = np.tile([0.0, 0.0, 0.0, 1.0], (3, 1))
    frame = pl.DataFrame({f"missing{i}": turns[:, i] for i in range(4)} | {"a": [1.0, None, 2.5]})
    schema = Schema.infer(frame, kinds={"missing": "rotation", "a": "real"})
    assert list(schema.factors) == ["numbers", "missing", "missing_"]
    assert schema.missing == ("a",)
    assert torch.equal(schema.flags(["a"])["missing_"], torch.tensor([True]))
