"""Cells of text: which become numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from unnoise.data import read
from unnoise.data._written.cells import typed


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


@pytest.mark.parametrize(
    "mark", ["-", "..", "ND", "n/d", r"\N", "(null)", "NaT", "<missing>", "k.A.", "not available", "_"]
)
@pytest.mark.parametrize("values", [["1.5", "2"], ["2021-01-31", "2020-12-01"], ["$1.50", "$2.00"]])
def test_words_and_signs_for_nothing_among_numbers_and_dates(mark: str, values: list[str], tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,k\n" + "".join(f"{cell},u\n" for cell in [*values, mark]))
    with pytest.warns(UserWarning, match=f"{re.escape(repr(mark))} is read as missing in 'a' of"):
        frame = read(tmp_path / "d.csv")
    assert frame["a"].null_count() == 1  # type: ignore[union-attr,call-overload]
    assert frame["a"].to_list()[2] is None  # type: ignore[union-attr,call-overload]


def test_days_of_zeros_are_missing_and_words_among_words_and_numbers_are_not(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,k,n\n2021-01-31,none,low\n0000-00-00,unknown,3\n2020-01-01,ND,4\n")
    with pytest.warns(UserWarning, match="'0000-00-00' is read as missing in 'a' of"):
        frame = read(tmp_path / "d.csv")
    assert frame["a"].to_list() == ["2021-01-31", None, "2020-01-01"]  # type: ignore[union-attr,call-overload]
    assert frame["k"].to_list() == ["none", "unknown", "ND"]  # type: ignore[union-attr,call-overload]
    assert frame["n"].to_list() == ["low", "3", "4"]  # type: ignore[union-attr,call-overload]


def test_exponents_of_fortran(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("x,code\n1.590D+03,1D2\n-.25d-1,2D3\n3.5,3D4\n")
    with pytest.warns(UserWarning, match="'code' of .* is text, such as '1D2'"):
        frame = read(tmp_path / "d.csv")
    assert frame["x"].to_list() == [1590.0, -0.025, 3.5]  # type: ignore[union-attr,call-overload]
    assert frame["code"].to_list() == ["1D2", "2D3", "3D4"]  # type: ignore[union-attr,call-overload]


@pytest.mark.parametrize("form", ["~{}", "[{}]", "{}±0.5", "<{}"])
def test_numbers_with_other_signs_are_said(form: str, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("x,k\n" + "".join(f"{form.format(i)},u\n" for i in range(15)))
    with pytest.warns(
        UserWarning, match="'x' of .* is text, such as .*, but 90% or more of its values look like numbers"
    ):
        read(tmp_path / "d.csv")
