"""Cells of text: which become numbers."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from unnoise.data._cells import typed


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "-2", "+3"], pl.Int64, [1, -2, 3]),
        (["0", "-0"], pl.Int64, [0, 0]),
        (["1", str(2**63)], pl.UInt64, [1, 2**63]),
        (["1", "2.5", ""], pl.Float64, [1.0, 2.5, None]),
        (["1e5", "inf"], pl.Float64, [1e5, float("inf")]),
        (["true", "False", "NA"], pl.Boolean, [True, False, None]),
        (["00501", "90210"], pl.String, ["00501", "90210"]),
        (["2021-01-01", "x"], pl.String, ["2021-01-01", "x"]),
        (["NA", ""], pl.String, [None, None]),
        (["1,5", "u"], pl.String, ["1,5", "u"]),
    ],
)
def test_the_narrowest_type_that_loses_no_digit(cells: list[str], kind: type[pl.DataType], values: list[Any]) -> None:
    (column,) = typed(pl.DataFrame({"x0": cells}), "a.csv", decimal="maybe .", alone=True)
    assert column.dtype == kind
    assert column.to_list() == values


def test_a_comma_is_the_decimal_sign_between_semicolons() -> None:
    (column,) = typed(pl.DataFrame({"x0": ["1,5", "-2", ",25"]}), "a.csv", decimal=";", alone=True)
    assert column.to_list() == [1.5, -2, 0.25]
