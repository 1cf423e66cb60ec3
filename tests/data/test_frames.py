"""DataFrames: what is one, and whose columns cannot be told apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema, frames


@pytest.mark.parametrize("data", [np.zeros((2, 2)), torch.zeros(2, 2), [[1]], pd.Series([1]), pl.Series([1]), 3, None])
def test_what_is_no_frame(data: Any) -> None:
    assert frames.opened(data) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]),
            "Several columns have the name 'a'; rename or drop them",
        ),
        (pa.table([[1], [2]], names=["a", "a"]), "Several columns have the name 'a'"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=[0, "0"]), "Several columns have the name '0'"),
        (
            pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])),
            r"named \('a', 'b'\)",
        ),
        (pl.LazyFrame({"a": [1]}), r"lazy frame; call \.collect\(\) on it first"),
        (pl.DataFrame({"a": []}, schema={"a": pl.Float64}), r"0 sample\(s\) \(shape=\(0, 1\)\)"),
        (pd.DataFrame(index=range(3)), r"0 feature\(s\) \(shape=\(3, 0\)\)"),
        (pd.DataFrame({"a": [1]}), "1 sample"),
    ],
)
def test_frames_that_cannot_be_modelled(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.infer(data)
