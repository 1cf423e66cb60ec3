"""Texts that nearly every row has of its own are not modelled, and never come back unasked."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from unnoise import InputError
from unnoise.data import Schema

ROWS = 40
PEOPLE = pd.DataFrame({"name": [f"Person {i}" for i in range(ROWS)], "city": ["a", "b"] * (ROWS // 2)})


def test_names_are_left_out_and_made_anew() -> None:
    with pytest.warns(UserWarning, match="'name' has a text of its own in nearly every row"):
        schema = Schema.infer(PEOPLE)
    assert schema.columns_of_state == ("city",)
    samples = schema.decode(torch.tensor([[0], [1]]))
    assert samples["name"].tolist() == ["Person 40", "Person 41"]
    assert samples["city"].tolist() == ["a", "b"]
    assert Schema.from_config(schema.to_config()) == schema


def test_given_names_come_back_and_tell_nothing_of_others() -> None:
    """As the keys of a file of questions."""
    with pytest.warns(UserWarning, match="'name' has a text of its own in nearly every row"):
        schema = Schema.infer(PEOPLE)
    asked = schema.given({"name": ["Ada", None], "city": "b"}, 2)
    made = schema.written(torch.tensor([[0], [1]]), asked)
    assert made["name"].tolist() == ["Ada", "Person 41"]
    assert made["city"].tolist() == ["b", "b"]
    for some in ({"Ada", "Bo"}, ("Ada", "Bo")):
        with pytest.raises(InputError, match="'name' identifies rows and is not modelled, so it can be given no range"):
            schema.given({"name": some}, 1)


def test_a_declared_kind_rules() -> None:
    assert Schema.infer(PEOPLE, kinds={"name": "category"}).columns_of_state == ("name", "city")
    frame = PEOPLE.assign(name=["x", "y", "z", "w"] * (ROWS // 4))
    assert Schema.infer(frame).columns_of_state == ("name", "city")
    assert Schema.infer(frame, kinds={"name": "identifier"}).columns_of_state == ("city",)


def test_whole_numbers_are_identifiers_where_that_is_declared_and_fractions_are_none() -> None:
    frame = PEOPLE.assign(name=np.arange(ROWS) + 7)
    schema = Schema.from_config(Schema.infer(frame, kinds={"name": "identifier"}).to_config())
    assert schema.columns_of_state == ("city",)
    again = schema.decode(schema.encode(frame).x)
    assert again["name"].tolist() == list(range(ROWS + 7, 2 * ROWS + 7))
    assert again["name"].dtype == frame["name"].dtype
    with pytest.raises(InputError, match="is declared identifier, but is of type float64"):
        Schema.infer(PEOPLE.assign(name=np.arange(ROWS) / 7), kinds={"name": "identifier"})


@pytest.mark.parametrize(
    ("text", "parts"),
    [("{}/{}", "100 and 60"), ("{}, -{}", "100 and 60"), ("P {}", None), ("{}x{} cm", "100 and 60")],
)
def test_several_numbers_in_a_text_are_told_to_be_split(text: str, parts: str | None) -> None:
    frame = PEOPLE.assign(name=[text.format(100 + i * i, 60 + i) for i in range(ROWS)])
    with pytest.warns(UserWarning, match="'name' has a text of its own") as said:
        Schema.infer(frame)
    end = str(said[0].message).partition("to model it")[2]
    assert end == ("" if parts is None else f", or split it into columns of one number each, as {parts}")


def test_texts_without_a_pattern_are_called_after_their_column() -> None:
    frame = PEOPLE.assign(name=["x" * i for i in range(1, ROWS + 1)])
    with pytest.warns(UserWarning, match=r"samples hold 'name-1', 'name-2', \.\.\."):
        schema = Schema.infer(frame)
    assert schema.decode(torch.tensor([[0], [1]]))["name"].tolist() == ["name-1", "name-2"]


def test_small_types_hold_the_numbers_that_are_made() -> None:
    frame = PEOPLE.assign(name=np.arange(127 - ROWS, 127, dtype=np.int8))
    schema = Schema.infer(frame, kinds={"name": "identifier"})
    assert schema.decode(torch.tensor([[0], [1]]))["name"].tolist() == [1, 2]
