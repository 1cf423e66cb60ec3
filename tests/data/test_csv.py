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
        ('a,b\n"1",2.5\n"3","4"\n', {"a": [1, 3], "b": [2.5, 4.0]}),
        ('a,b\n"007",1\n8,2\n', {"a": ["007", "8"], "b": [1, 2]}),
        ("a,b\n007.5,+1\n8,2\n", {"a": [7.5, 8.0], "b": [1, 2]}),
        ("a\n9223372036854775808\n18446744073709551615\n", {"a": [2**63, 2**64 - 1]}),
        ("a,b\n9007199254740993,-9223372036854775808\n1,2\n", {"a": [2**53 + 1, 1], "b": [-(2**63), 2]}),
        ("\n\na,b\n\n1,2\n   \r\n3,4\n\n", {"a": [1, 3], "b": [2, 4]}),
        ("a\n1\n\n3\n", {"a": [1, None, 3]}),
        ("a,b\r1,2\r3,4\r", {"a": [1, 3], "b": [2, 4]}),
        ("a,b\n1,u\r\n2,v", {"a": [1, 2], "b": ["u", "v"]}),
        ('a,b\n1,"u\nv"\n2,"x ""y"""\n', {"a": [1, 2], "b": ["u\nv", 'x "y"']}),
        ("a;b\n1,5;2\n2;3\n", {"a": [1.5, 2.0], "b": [2, 3]}),
        ('"a,b,c";d\n1;2\n', {"a,b,c": [1], "d": [2]}),
        ("a|b\n1|2\n", {"a": [1], "b": [2]}),
        ('a,"b\nc"\n1,2\n', {"a": [1], "b\nc": [2]}),
        ("\ufeff# one\na,b\n1,2\n", {"a": [1], "b": [2]}),
        ("#a,b,c\n1.5,2,u\n3,4,v\n", {"a": [1.5, 3.0], "b": [2, 4], "c": ["u", "v"]}),
        ("1.5,NA\n2,3\n", {"x0": [1.5, 2.0], "x1": [None, 3]}),
        ("a\n1.5\nNone\n<NA>\n", {"a": [1.5, None, None]}),
        ("a\nTrue\nNA\nFALSE\n", {"a": [True, None, False]}),
        ("a,b\nTrue,1.5\n,2\nFalse,null\n", {"a": [True, None, False], "b": [1.5, 2.0, None]}),
        ("a,b\n1,?\n,u\n3, ?\n", {"a": [1, None, 3], "b": ["?", "u", "?"]}),
        ("a\n0x10\nten\n", {"a": ["0x10", "ten"]}),
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
        ("\n \n", r"data\.csv holds no rows of data"),
        ("a,b\n1,2\n3,4,5\n", r"data\.csv cannot be read, .*: row 1 has 3 fields; expected 2\."),
        ("a,b\n1,2\n3\n5,6\n", r"data\.csv cannot be read, .*: row 1 has 1 fields; expected 2\."),
        ("a,b\n1,2\n3\n5,6,7\n", r"data\.csv cannot be read, .*: row 1 has 1 fields; expected 2"),
        ("a,b\n1,u\rv\n2,w\n", r"data\.csv cannot be read, .*: row 1 has 1 fields"),
        ('a,b\n1,"2\n3,4\n', r"data\.csv cannot be read, it may be damaged .* row 0: unexpected end of data"),
        ('a,b\n1,"2\n3,4\n5,"6\n', r"data\.csv cannot be read, it may be damaged .* row 0: ',' expected after"),
        ('"a,b\n1,2\n', r"data\.csv cannot be read: unexpected end of data in the first line"),
        (b"a,b\n1,\xff\xfe\n", r"data\.csv cannot be read: line 2 holds the byte 0xff, .*; save it as UTF-8"),
        (b"\xff\xfe,b\n1,2\n", r"data\.csv cannot be read: it is not a text file in UTF-8"),
        (b"a,\x00b\n1,2\n", r"data\.csv cannot be read: it is not a text file"),
        (b"a,b\n1,u\x00v\n", r"data\.csv cannot be read: it is not a text file"),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", r"first line of .* may be names or data, as 5\.1 is a number; put a line"),
        ("3,male\n1,female\n2,male\n", "may be names or data, as 'male' is a value of its column"),
        ("a,b\n1,2\na,b\n3,4\n", "may be names or data, as 'a' is a value of its column"),
        ("a b\n1 2\n3 -4.5e2\n", r"holds several numbers in a line, as '1 2'; separate them by commas"),
    ],
)
def test_faults_are_said(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_text(tmp_path, text)


@pytest.mark.parametrize("number", ["$51.26", "1,000", "1_000", "15 %", "1" * 40, "(3.5)", "\u0661"])
def test_texts_that_look_like_numbers_are_said(tmp_path: Path, number: str) -> None:
    with pytest.warns(UserWarning, match=r"Column 'a' .* is text, such as '.*', but 90% or more .* like numbers"):
        assert read_text(tmp_path, f'a,b\n"{number}",1\n')["a"].to_list() == [number]


def test_the_cell_that_makes_numbers_text_is_said(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"is text, such as 'ten', but 90% or more .* like numbers"):
        read_text(tmp_path, "a,b\n" + "1,2\n" * 19 + "ten,2\n")
    read_text(tmp_path, "a,b\n" + "007,2\n" * 19 + "ten,2\n")


def test_gzipped_files_are_read_and_cut_ones_said(tmp_path: Path) -> None:
    path = tmp_path / "data.csv.gz"
    packed = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    path.write_bytes(packed)
    assert read(path).shape == (1000, 2)
    for content in (packed[:-12], packed[:10], b"a,b\n1,2\n"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"data\.csv\.gz cannot be read, it may be damaged or cut short"):
            read(path)
