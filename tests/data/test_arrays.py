"""Array-likes and bad values: what becomes an array, and the messages for what cannot."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from scipy import sparse

from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data.arrays import as_array, columns, tidy

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("values", "tidied"),
    [
        ([1, 2], np.array([1, 2])),
        ([1, 2.5], np.array([1, 2.5])),
        ([True, False], np.array([True, False])),
        ([1.5, None], np.array([1.5, NAN])),
        ([1, None], np.ma.array([1, 0], mask=[False, True])),
        ([1, pd.NA], np.ma.array([1, 0], mask=[False, True])),
        ([True, None], np.ma.array([True, False], mask=[False, True])),
        ([Decimal("1.5"), Fraction(1, 2)], np.array([1.5, 0.5])),
        ([10**30, 1], np.array([1e30, 1.0])),
        ([Decimal("NaN"), 1], np.array([NAN, 1])),
        (["a", NAN], np.array(["a", None], dtype=object)),
        (["a", 1], np.array(["a", 1], dtype=object)),
    ],
)
def test_objects_become_numbers_where_they_can(values: list[Any], tidied: np.ndarray) -> None:
    got = tidy(np.array(values, dtype=object), "The data")
    assert got.dtype == tidied.dtype
    np.testing.assert_array_equal(got, tidied)
    np.testing.assert_array_equal(np.ma.getmaskarray(got), np.ma.getmaskarray(tidied))


def test_shapes_and_numbers_are_kept() -> None:
    values = np.array([[1, None], [3, 4]], dtype=object)
    assert tidy(values, "The data").shape == (2, 2)
    plain = np.zeros(3)
    assert tidy(plain, "The data") is plain


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([[1, INF], [2, -INF]], "column 'x1' has inf in 2 rows (0, 1)."),
        ([[INF, 1]] * 9, "column 'x0' has inf in 9 rows (0, 1, 2, ...)."),
        ([[NAN, INF], [1, 2]], "column 'x1' has inf in 1 row (0)."),
        (
            [[INF] * 4, [1] * 4],
            "column 'x0' has inf in 1 row (0); column 'x1' has inf in 1 row (0); column 'x2' has inf in 1 row (0); and "
            "1 more column.",
        ),
        (np.where(np.arange(96).reshape(6, 4, 4) == 40, INF, 1), "column 'x' has inf in 1 row (2)."),
        (pl.DataFrame({"a": [1, None], "b": [1.5, INF]}), "column 'b' has inf in 1 row (1)."),
        (pd.DataFrame({"a": pd.array([1.0, None, INF], dtype="Float64")}), "column 'a' has inf in 1 row (2)."),
    ],
)
def test_infinite_values_are_located(data: Any, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Schema.infer(data)
    assert str(caught.value) == f"Input X contains infinity: {message} Put a number there, or drop these rows."


def test_infinite_values_are_refused_in_new_rows() -> None:
    schema = Schema.infer(pl.DataFrame({"a": [1.0, 2.0, 4.0]}))
    with pytest.raises(InputError, match=r"column 'a' has inf in 1 row \(1\)"):
        schema.encode(pl.DataFrame({"a": [1.0, -INF]}))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (np.array([["a", "b"], ["c", "d"]]), "x0"),
        ([[1, "b"], [2, "c"]], "x1"),
        (np.array([[1, 2], [3, "d"]], dtype=object), "x1"),
        (pd.DataFrame({"a": [1, 2], "sex": ["Male", "Female"]}), "sex"),
        (pl.DataFrame({"a": [1, 2], "sex": ["Male", "Female"]}), "sex"),
        (pa.table({"a": [1, 2], "sex": ["Male", "Female"]}), "sex"),
        (pd.DataFrame({"a": [1.0, 2, 3], "sex": pd.Categorical([1, 2, 1])}), "sex"),
    ],
)
def test_text_and_levels_are_categories(data: Any, name: str) -> None:
    schema = Schema.infer(data)
    assert name in schema.factors["category"].columns


@pytest.mark.parametrize("kind", ["real", "integer", "angle", "count"])
def test_text_is_no_number(kind: str) -> None:
    frame = pl.DataFrame({"a": [1, 2], "sex": ["Male", "Female"]})
    with pytest.raises(InputError, match=r"Column 'sex' holds text \(for example 'Male'\), and is modelled as"):
        Schema.infer(frame, kinds={"sex": kind})


def test_text_in_new_rows_is_refused() -> None:
    schema = Schema.infer(pl.DataFrame({"a": [1, 2]}))
    with pytest.raises(InputError, match="Column 'a' held numbers when the model was fitted, but row 0 holds 'x'"):
        schema.encode(pl.DataFrame({"a": ["x"]}))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.ones((3, 1)) + 1j, "Complex data not supported"),
        (
            np.array([["2020-01-01"], ["2020-01-02"]], dtype="datetime64[D]"),
            r"type datetime64\[D\]; turn it into",
        ),
        (np.zeros(3, dtype=[("a", float)]).reshape(3, 1), "turn it into plain numbers or text"),
        (pl.DataFrame({"d": [[1], [2]]}), r"Column 'd' is of type List\(Int64\)"),
        (
            pd.DataFrame({"d": pd.Categorical(pd.to_datetime(["2020-01-01", "2021-01-01"])), "a": [1, 2]}),
            "Column 'd' holds .*a level of a category is a text or a number",
        ),
    ],
)
def test_other_types_are_refused(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.infer(data)


def test_objects_that_are_no_numbers_are_a_type_error() -> None:
    data = np.array([[1.0, 2.0], [3.0, {"foo": "bar"}]], dtype=object)
    with pytest.raises(TypeError, match=r"holds \{'foo': 'bar'\}: an argument must be a string or a real number"):
        Schema.infer(data)


class ArrayLike:
    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array([[1.0, 2.0]])


@pytest.mark.parametrize(
    "data", [[[1.0, 2.0]], ((1.0, 2.0),), np.array([[1.0, 2.0]]), torch.tensor([[1.0, 2.0]]), ArrayLike()]
)
def test_array_likes_are_read(data: Any) -> None:
    assert as_array(data).tolist() == [[1, 2]]


def test_columns_are_contiguous() -> None:
    assert all(column.flags.c_contiguous for column in columns(np.zeros((5, 3))))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            np.zeros(5),
            r"Expected 2D array, got 1D array instead, of shape \(5,\)\. Reshape your data either",
        ),
        (torch.zeros(5), "Expected 2D array, got 1D array instead"),
        ([1, 2, 3], "Expected 2D array, got 1D array instead"),
        (np.array(3.0), "Expected 2D array, got scalar array instead"),
        (
            np.zeros((0, 2)),
            r"Found array with 0 sample\(s\) \(shape=\(0, 2\)\) while a minimum of 1 is required",
        ),
        (np.zeros((0, 8, 8)), r"Found array with 0 sample\(s\)"),
        (np.full((2, 4), 255, dtype=np.uint8).view("<U1"), "The data of type <U1 holds what is no text"),
        (np.zeros((12, 0)), r"0 feature\(s\) \(shape=\(12, 0\)\) while a minimum of 1 is required"),
        (np.ones((1, 2)), r"got 1 sample \(n_samples = 1\); at least 2 are needed to fit a density"),
        (np.ones((1, 8, 8)), "got 1 sample"),
        ([[1, 2], [3]], "rows do not form an array, as when they differ in length"),
        ("data.csv", r"data is of type str; expected .* or a list of rows; read a file by unnoise\.data\.read\(path\)"),
        ({"a": [1, 2]}, "data is of type dict"),
        (None, "data is of type NoneType"),
        (np.ma.masked_equal([[1, 2], [3, 4]], 3), "The data has 1 masked values"),
    ],
)
def test_what_is_no_table_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.infer(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([[10**400, 1], [2, 3]], r"The data holds a number beyond those of 64 bits \(int too large"),
        (np.array([[Decimal("sNaN")], [1]], dtype=object), "The data holds a number beyond those of 64 bits"),
        ([np.ma.masked_equal([1, 2], 2), np.array([3, 4])], "The data has 1 masked values"),
        (np.ma.masked_all(3, dtype=[("a", float)]), "The data has 3 masked values"),
        (b"1,2", "The data is of type bytes; expected an array"),
        (torch.zeros(3, 2, device="meta"), "The data is a tensor that cannot be read as an array: .*meta"),
        (torch.zeros(3, 2).to(torch.float8_e5m2), "The data is a tensor that cannot be read as an array: .*Float8"),
        ([torch.zeros(2, requires_grad=True)] * 3, "The rows do not form an array.* requires grad"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=[True, False]), "A column is named True, which is not a text"),
        (
            pl.DataFrame({"a": [2**70, 1]}, schema={"a": pl.Int128}),
            f"'a' holds 1 to {2**70}, and numbers of 64 bits",
        ),
    ],
)
def test_what_would_lose_values_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Schema.infer(data)


def read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array


@pytest.mark.parametrize(
    "data",
    [
        read_only(np.random.default_rng(0).integers(0, 9, (5, 2))),
        np.random.default_rng(0).integers(0, 9, (5, 2)).astype(">i2"),
        np.random.default_rng(0).integers(0, 9, (10, 4))[::-2, ::-2],
        np.random.default_rng(0).integers(0, 9, (5, 2)).astype(object),
        np.ma.masked_array(np.random.default_rng(0).integers(0, 9, (5, 2)), mask=False),
        torch.arange(10).reshape(5, 2).float().requires_grad_(),
        torch.complex(torch.zeros(5, 2), torch.arange(10.0).reshape(5, 2)).conj().imag,
        torch.arange(5)[:, None].expand(5, 2),
        pl.DataFrame({"a": [1, 2, 9], "b": [4, 2, 2]}, schema={"a": pl.Int128, "b": pl.UInt128}),
    ],
    ids=lambda data: f"{type(data).__name__} {getattr(data, 'dtype', '')}",
)
@pytest.mark.parametrize("kinds", [{}, {0: "count", 1: "category"}, {(0, 1): "sequence"}])
def test_unusual_arrays_come_back(data: Any, kinds: dict[Any, str]) -> None:
    names = list(getattr(data, "columns", ["x0", "x1"]))
    whole = not isinstance(data, torch.Tensor) or data.dtype == torch.int64
    asked = {",".join(names[i] for i in np.atleast_1d(key)): kind for key, kind in kinds.items()} if whole else {}
    schema = Schema.infer(data, kinds=asked)
    back = schema.decode(schema.encode(data).x)
    assert type(back) in (type(data), np.ndarray)
    expected = data.detach().resolve_neg() if isinstance(data, torch.Tensor) else data
    rows = [frame.rows() if isinstance(frame, pl.DataFrame) else frame for frame in (back, expected)]
    np.testing.assert_allclose(*(np.asarray(part, dtype=float) for part in rows), atol=1e-5)


@pytest.mark.parametrize("data", [sparse.csr_matrix(np.eye(3)), sparse.coo_array(np.eye(3)), torch.eye(3).to_sparse()])
def test_sparse_data_is_a_type_error(data: Any) -> None:
    with pytest.raises(TypeError, match=r"Sparse data was passed for X, but dense data is required\."):
        Schema.infer(data)
