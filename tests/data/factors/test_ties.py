"""Ties of columns as states, and rows that are made of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data.factors import TieFactor, from_config
from unnoise.data.ties import Tie

CHAIN = TieFactor.of((Tie("b", ("a",), ((0,),), (0.5,)), Tie("c", ("b", "a"), ((0,), (0,)), (0.3, 0.1))))
COLUMNS = {"a": np.array([1, 0, 3, 4]), "b": np.array([1, 0, 5, 6]), "c": np.array([1, 7, 3, 6])}


def test_states_say_the_first_base_that_a_column_is() -> None:
    assert CHAIN.columns == ("a", "b", "c")
    assert CHAIN.encode(COLUMNS).tolist() == [[1, 1], [0, 0], [0, 2], [0, 1]]
    assert from_config(CHAIN.to_config()) == CHAIN


def test_a_tie_is_known_where_all_its_columns_are() -> None:
    present = {"a": np.array([True, False, True, True])}
    assert CHAIN.known(present, 4).tolist() == [[True] * 2, [False] * 2, [True] * 2, [True] * 2]
    columns = COLUMNS | {"a": np.array([1, 0, 5, 4])}
    assert CHAIN.encode_known(columns, {"b": np.array([True, True, False, True])})[2].tolist() == [0, 0]
    assert CHAIN.cells_of(["a", "b"]).tolist() == [True, False]
    assert CHAIN.cells_with("c").tolist() == [False, True]


def test_tied_columns_are_their_base_in_their_own_type() -> None:
    x = torch.tensor([[1, 1], [0, 1], [1, 0], [0, 2]])
    columns = {"a": np.array([1, 2, 3, 4]), "b": np.array([9, 8, 7, 6]), "c": np.array([0.5, 0.5, 0.5, 0.5])}
    made = CHAIN.put(columns, x, {}, {})
    assert (made["b"].tolist(), made["c"].tolist()) == ([1, 8, 3, 6], [1.0, 8.0, 0.5, 4.0])
    assert (made["b"].dtype, made["c"].dtype) == (columns["b"].dtype, columns["c"].dtype)


def test_what_is_told_goes_up_a_chain_and_down_again() -> None:
    x = torch.tensor([[1, 1], [1, 0], [0, 1], [1, 1]])
    columns = {"a": np.array([1, 1, 1, 1]), "b": np.array([2, 2, 2, 2]), "c": np.array([3, 3, 3, 3])}
    made = CHAIN.put(columns, x, {"c": np.array([True, True, True, False]), "a": np.array([False] * 3 + [True])}, {})
    assert [made[name].tolist() for name in "abc"] == [[3, 1, 1, 1], [3, 1, 3, 1], [3, 3, 3, 1]]
    both = {"a": np.ones(4, dtype=bool), "b": np.ones(4, dtype=bool)}
    assert [CHAIN.put(columns, x, both, {})[name].tolist() for name in "abc"] == [[1] * 4, [2] * 4, [2, 3, 2, 2]]


def test_what_is_missing_is_tied_to_nothing() -> None:
    made = CHAIN.put(COLUMNS, torch.ones(4, 2, dtype=torch.int64), {}, {"a": np.array([False, True, False, False])})
    assert made["b"].tolist() == [1, 0, 3, 4]


def test_columns_that_are_whole_numbers_beyond_floats_stay_exact() -> None:
    factor = TieFactor.of((Tie("b", ("a",), ((),), (0.5,)),))
    large = np.array([2**62 + 1])
    assert factor.put({"a": large, "b": large - 5}, torch.ones(1, 1, dtype=torch.int64), {}, {})["b"] == large


def test_ties_in_a_circle_and_none_at_all_are_refused() -> None:
    with pytest.raises(InputError, match="each after those of its bases"):
        TieFactor.of((Tie("b", ("a",), ((),), (0.5,)), Tie("a", ("b",), ((),), (0.5,))))
    with pytest.raises(InputError, match="often exactly another"):
        TieFactor.fit({"a": np.arange(50), "b": np.arange(50)[::-1] ** 2})


def frame(n: int = 2000) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    start = pd.Timestamp("2020-01-01") + pd.to_timedelta(draw.integers(0, 2000, n), unit="D")
    end = start + pd.to_timedelta(np.where(draw.random(n) < 0.3, 0, draw.integers(1, 90, n)), unit="D")
    price = draw.lognormal(5, 1, n).round(2)
    whole = draw.integers(1, 10**6, n)
    return pd.DataFrame(
        {
            "start": start,
            "end": end,
            "price": price,
            "paid": np.where(draw.random(n) < 0.2, price, draw.lognormal(5, 1, n).round(2)),
            "cents": np.where(draw.random(n) < 0.2, whole, draw.lognormal(5, 1, n).round(2)),
            "whole": whole,
            "mark": draw.integers(1, 6, n),
        }
    )


def test_a_schema_finds_ties_of_numbers_and_of_dates_and_says_them() -> None:
    """Whole numbers are the base of those with cents, which can have each of their values."""
    schema = Schema.infer(frame())
    assert schema.ties is not None
    assert {tie.target: tie.bases for tie in schema.ties.ties} == {
        "end": ("start",),
        "paid": ("price",),
        "cents": ("whole",),
    }
    assert "same as start in 3" in schema.describe()
    assert Schema.from_config(schema.to_config()) == schema
    held = schema.decode(schema.encode(frame()).x, rng=torch.Generator().manual_seed(0))
    for one, other in (("start", "end"), ("price", "paid"), ("whole", "cents")):
        tied = frame()[one] == frame()[other]
        assert (held[one] == held[other])[tied].all()


def test_a_table_without_ties_has_the_states_that_it_had() -> None:
    draw = np.random.default_rng(0)
    plain = pd.DataFrame({"a": draw.normal(size=500), "b": draw.integers(0, 5, 500), "c": draw.integers(0, 5, 500)})
    schema = Schema.infer(plain)
    assert schema.ties is None
    assert list(schema.factors) == ["number"]


def test_units_that_differ_and_what_a_constraint_moves_are_not_tied() -> None:
    days = frame()[["start", "end"]]
    assert Schema.infer(days, constraints=["start <= end"]).ties is None
    seconds = days.assign(end=days["end"] + pd.to_timedelta(np.arange(len(days)) % 2, unit="s"))
    assert Schema.infer(seconds).ties is None
