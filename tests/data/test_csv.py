"""CSV files as people write them."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data import read


def read_text(tmp_path: Path, text: str | bytes) -> pl.DataFrame:
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    frame = read(path)
    assert isinstance(frame, pl.DataFrame)
    return frame


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("a,b\n1,2.5\n3,4\n", {"a": [1, 3], "b": [2.5, 4.0]}),
        ("a,b\r\n1,2\r\n3,4", {"a": [1, 3], "b": [2, 4]}),
        ("a;b\n1;2\n", {"a": [1], "b": [2]}),
        ("a\tb\n1\t2\n", {"a": [1], "b": [2]}),
        ("\ufeffa,b\n1,2\n", {"a": [1], "b": [2]}),
        ('"a, b",c\n1,2\n', {"a, b": [1], "c": [2]}),
        ("a\n1\n2\n", {"a": [1, 2]}),
        ("a, b\n1, 2\n 3, 4.5\n", {"a": [1, 3], "b": [2.0, 4.5]}),
        ("a,b\n1,  u\n2,v \n", {"a": [1, 2], "b": ["u", "v"]}),
        ('a,b\n"007",1\n"008",2\n', {"a": [7, 8], "b": [1, 2]}),
        ("1.5,2\n3,4\n", {"x0": [1.5, 3.0], "x1": [2, 4]}),
        ("0,1\n3,4\n", {"0": [3], "1": [4]}),
        ("a\n" + "1\n" * 500 + "0.5\n", {"a": [1.0] * 500 + [0.5]}),
        ("a,b\nNA,u\n1,\n", {"a": [None, 1], "b": ["u", None]}),
        ("# where it is from\n# when\nlat, lon\n1,2\n", {"lat": [1], "lon": [2]}),
        ("# 1 2\n1.5,2\n", {"x0": [1.5], "x1": [2]}),
        ("a\ntrue\nfalse\n", {"a": [True, False]}),
        ("a\n1e300\n1e-300\n", {"a": [1e300, 1e-300]}),
    ],
)
def test_tables_are_read(tmp_path: Path, text: str, columns: dict[str, list[Any]]) -> None:
    assert read_text(tmp_path, text).to_dict(as_series=False) == columns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,a\n1,2\n", "Several columns have the name 'a'"),
        ("a, a\n1,2\n", "Several columns have the name 'a'"),
        (",a\n0,2\n", r"Column 1 of .*data\.csv has no name; name it, or drop it .*index=False"),
        ("# nothing\n", r"data\.csv holds no rows of data"),
        ("a,b\n", r"data\.csv holds no rows of data"),
        ("a,b\n1,2\n3,4,5\n", r"data\.csv cannot be read, .*: found more fields than defined"),
        ('a,b\n1,"2\n3,4\n', r"data\.csv cannot be read, it may be damaged"),
        (b"a,b\n1,\xff\xfe\n", r"data\.csv cannot be read, .* utf-8"),
        (b"\xff\xfe,b\n1,2\n", r"data\.csv cannot be read, .*'utf-8' codec can't decode"),
        (b"a,\x00b\n1,2\n", r"data\.csv cannot be read: it is not a text file"),
    ],
)
def test_faults_are_said(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_text(tmp_path, text)


def test_gzipped_files_are_read_and_cut_ones_said(tmp_path: Path) -> None:
    path = tmp_path / "data.csv.gz"
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    path.write_bytes(packed)
    assert read(path).shape == (1000, 2)
    for content in (packed[:-12], packed[:10], b"a,b\n1,2\n"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"data\.csv\.gz cannot be read, it may be damaged or cut short"):
            read(path)
