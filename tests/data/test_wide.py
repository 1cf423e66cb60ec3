"""Columns of many levels stand apart, and the others share a factor."""

from __future__ import annotations

import numpy as np
import polars as pl

from unnoise.data import Schema


def test_columns_of_many_levels_stand_apart() -> None:
    shops = [f"s{i:05d}" for i in range(3000)]
    row = np.arange(6000)
    frame = pl.DataFrame({"shop": shops * 2, "a": (row % 3).astype(str), "b": (row % 4).astype(str)})
    schema = Schema.infer(frame)
    assert {name: factor.columns for name, factor in schema.factors.items()} == {
        "category": ("a", "b"),
        "category_shop": ("shop",),
    }
    assert schema.decode(schema.encode(frame).x).equals(frame)
    assert Schema.from_config(schema.to_config()) == schema
