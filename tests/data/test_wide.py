"""Columns of many levels stand apart, and the others share a factor."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch

from unnoise import _tree
from unnoise.data import Schema
from unnoise.data.factors import CategoryFactor, MissingFactor


def test_columns_of_many_levels_stand_apart() -> None:
    shops = [f"s{i:05d}" for i in range(3000)]
    row = np.arange(6000)
    frame = pl.DataFrame({"shop": shops * 2, "a": (row % 3).astype(str), "b": (row % 4).astype(str)})
    with pytest.warns(UserWarning, match="'shop' holds 3000 texts in 6,000 rows"):
        schema = Schema.infer(frame)
    assert {name: factor.columns for name, factor in schema.factors.items()} == {
        "category": ("a", "b"),
        "category_shop": ("shop",),
    }
    assert schema.decode(schema.encode(frame).x).equals(frame)
    assert Schema.from_config(schema.to_config()) == schema


def test_masks_of_many_columns_make_no_process_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shape of a factor's cells is asked for once a column, and a process is only made to know it."""
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"c{i}": rng.choice(["a", "b", None], 50) for i in range(12)})
    schema = Schema.infer(frame)
    made = []
    for factor in (CategoryFactor, MissingFactor):
        process = factor.process
        monkeypatch.setattr(factor, "process", lambda self, make=process: (made.append(self.kind), make(self))[1])
    for name in frame.columns:
        mask = _tree.map(torch.logical_or, schema.cells([name]), schema.flags([name]))
        assert [int(part.sum()) for _, part in _tree.leaves(mask)] == [1, 1]
    assert sorted(made) == ["category", "missing"]
