"""CSV files as people write them."""

from __future__ import annotations

import contextlib
import gzip
import warnings
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data import Schema, read, scans


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
        ("a\tb\n1,5\tu\n2\tv\n", {"a": [1.5, 2.0], "b": ["u", "v"]}),
        ("a;b\n1.234,50;2\n5,5;3\n", {"a": [1234.5, 5.5], "b": [2, 3]}),
        ("a,b;c\n1,5;2\n", {"a,b": [1.5], "c": [2]}),
        ("a;b\n0,5E+03;2\n1,5;3\n", {"a": [500.0, 1.5], "b": [2, 3]}),
        ("a\n1.100,50\n950\n12,5\n1.100\n", {"a": [1100.5, 950.0, 12.5, 1100.0]}),
        ('a,b\n32",1\n40",2\n', {"a": ['32"', '40"'], "b": [1, 2]}),
        ('a,b,c\n"u, v",32",1\n"w",40",2\n', {"a": ["u, v", "w"], "b": ['32"', '40"'], "c": [1, 2]}),
        ('a,b\n"say \\"u, v\\"",1\n"w",2\n', {"a": ['say "u, v"', "w"], "b": [1, 2]}),
        ('a,b\n"C:\\u\\",1\n"w",2\n', {"a": ["C:\\u\\", "w"], "b": [1, 2]}),
        ("a,b,,\n1,u,,\n2,v,,\n", {"a": [1, 2], "b": ["u", "v"]}),
        ('a,b,,\n1,"u",,\n2,"v",,\n', {"a": [1, 2], "b": ["u", "v"]}),
        ('a,b\n1,"u",\n2,"v",\n', {"a": [1, 2], "b": ["u", "v"]}),
        ('a,b,c\n1,"u",\n2,"v",\n', {"a": [1, 2], "b": ["u", "v"], "c": [None, None]}),
        ("a,b\n01.2010,01.2010\n12.2011,1.5\n", {"a": ["01.2010", "12.2011"], "b": [1.201, 1.5]}),
        ("a b\n1 2\n3 -4.5e2\n", {"a": [1, 3], "b": [2.0, -450.0]}),
        ("  a   b\n  1   u\n 22 v\n", {"a": [1, 22], "b": ["u", "v"]}),
        ("who\nJohn Smith\nMary Jones\n", {"who": ["John Smith", "Mary Jones"]}),
        ("# x y\n1 2.5\n3 4\n", {"x": [1, 3], "y": [2.5, 4.0]}),
        ("# a note, of mine\nname,city\nann,rome\n", {"name": ["ann"], "city": ["rome"]}),
        ("#a,b\n1,u\n2,v\n", {"a": [1, 2], "b": ["u", "v"]}),
        ("a,b\n1,#N/A N/A\n1.#IND,2\n", {"a": [1, None], "b": [None, 2]}),
        ("a,b\n1,#REF!\n#NAME?,2\n3,#NUM!\n", {"a": [1, None, 3], "b": [None, 2, None]}),
        ("a,b\n1,2\n".encode("utf-16"), {"a": [1], "b": [2]}),
        ('a,"b\nc"\n1,2\n', {"a": [1], "b\nc": [2]}),
        ("\ufeff# one\na,b\n1,2\n", {"a": [1], "b": [2]}),
        ("#a,b,c\n1.5,2,u\n3,4,v\n", {"a": [1.5, 3.0], "b": [2, 4], "c": ["u", "v"]}),
        ("a\n1.5\nNone\n<NA>\n", {"a": [1.5, None, None]}),
        ("a\nTrue\nNA\nFALSE\n", {"a": [True, None, False]}),
        ("a,b\nTrue,1.5\n,2\nFalse,null\n", {"a": [True, None, False], "b": [1.5, 2.0, None]}),
        ("a\n0x10\nten\n", {"a": ["0x10", "ten"]}),
        ("0,1\n3,4\n", {"0": [3], "1": [4]}),
        ("a\n" + "1\n" * 500 + "0.5\n", {"a": [1.0] * 500 + [0.5]}),
        ("a,b\nNA,u\n1,\n", {"a": [None, 1], "b": ["u", None]}),
        ("# where it is from\n# when\nlat, lon\n1,2\n", {"lat": [1], "lon": [2]}),
        ("a\ntrue\nfalse\n", {"a": [True, False]}),
        ("a\n1e300\n1e-300\n", {"a": [1e300, 1e-300]}),
    ],
)
def test_tables_are_read(tmp_path: Path, text: str | bytes, columns: dict[str, list[Any]]) -> None:
    assert read_text(tmp_path, text).to_dict(as_series=False) == columns


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n", r"data\.csv holds no rows of data"),
        ("a,b\n", r"data\.csv holds no rows of data"),
        ("\n \n", r"data\.csv holds no rows of data"),
        ("a\n1,100\n2,200\n", "its first line has 1 fields and the next one 2"),
        (",a\n7,2\n", r"Column 1 of .*data\.csv has no name; name it, or drop it .*index=False"),
        (b"\xff\xfe,b\n1,2\n", r"line 2 holds the byte 0xa, which is no text in utf-16; pass --encoding"),
        ("a,b\n1,2\na,b\n3,4\n", r"The line of names of .* stands in row 1 again; drop it there"),
        (
            "age,sex\n" + "3,m\n" * 19 + "age,f\n",
            "may be names or data, as 'age' is a value of its column; pass",
        ),
        ("1 2\n3 4 5\n", r"holds several numbers in a line, as '3 4 5', but not as many in each"),
        ("a,b\n1,2\n3,4,5\n", r"data\.csv cannot be read, .*: row 1 has 3 fields; expected 2\."),
        ("a,b\n1,2\n3\n5,6\n", r"data\.csv cannot be read, .*: row 1 has 1 fields; expected 2\."),
        ("a,b\n1,2\n3\n5,6,7\n", r"data\.csv cannot be read, .*: row 1 has 1 fields; expected 2"),
        ("a,b\n1,u\rv\n2,w\n", r"data\.csv cannot be read, .*: row 1 has 1 fields"),
        ('a,b\n1,"2\n3,4\n', r"data\.csv cannot be read, it may be damaged .* row 0: unexpected end of data"),
        ('a,b\n1,"2\n3,4\n5,"6\n', r"data\.csv cannot be read, it may be damaged .* row 0: ',' expected after"),
        ('"a,b\n1,2\n', r"data\.csv cannot be read: unexpected end of data in the first line"),
        (
            b"a,b\n1,\xff\xfe\n",
            r"data\.csv cannot be read: line 2 holds the byte 0xff, .*; pass --encoding latin-1, .*8",
        ),
        (b"a,\x00b\n1,2\n", r"data\.csv cannot be read: it is not a text file"),
        (b"a,b\n1,u\x00v\n", r"data\.csv cannot be read: it is not a text file"),
    ],
)
def test_faults_are_said(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_text(tmp_path, text)


@pytest.mark.parametrize("number", ["$5,26.1", "1,000", "1_000", "15 %%", "1" * 40, "(3.5)"])
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


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("1.5,NA\n2,3\n", {"x0": [1.5, 2.0], "x1": [None, 3]}, "is read as data, as it holds numbers only, so"),
        ("1.5\n3\n", {"x0": [1.5, 3.0]}, "the columns are named x0; pass --header yes"),
        ("# 1 2\n1.5,2\n", {"x0": [1.5], "x1": [2]}, "the columns are named x0 to x1"),
        ("2019,2020\n5,4\n", {"x0": [2019, 5], "x1": [2020, 4]}, r"pass --header yes \(header='yes'\) if the first"),
        ("51,26;3\n4,5;2\n", {"x0": [51.26, 4.5], "x1": [3, 2]}, "numbers only"),
        (
            "5.1,3.5,setosa\n4.9,3.0,setosa\n",
            {"x0": [5.1, 4.9], "x1": [3.5, 3.0], "x2": ["setosa"] * 2},
            "holds 'setosa', a value of its column",
        ),
        ("5.1,versicolor\n4.9,setosa\n", {"x0": [5.1, 4.9], "x1": ["versicolor", "setosa"]}, "as it holds 5.1, so"),
        ("3,male\n1,female\n2,male\n", {"x0": [3, 1, 2], "x1": ["male", "female", "male"]}, "holds 'male', a value"),
        (",a\n0,2\n1,5\n", {"a": [2, 5]}, "first column of .* has no name and numbers the rows, so it is left out"),
        ("a,b\n1,?\n,u\n3, ?\n", {"a": [1, None, 3], "b": [None, "u", None]}, r"'\?' is read as missing in 'b' of"),
        ("a,b\n1,-\n.,2\n", {"a": [1, None], "b": [None, 2]}, r"is read as missing in '[ab]' of .*; replace it there"),
        ("a;b\n1,234;2\n5,678;3\n", {"a": [1.234, 5.678], "b": [2, 3]}, "read with a comma before .* --decimal ."),
        ("a;b;c\n1,5;1.234;0\n", {"a": [1.5], "b": [1.234], "c": [0]}, "read with a point before .* --decimal ,"),
        ("a\tb\n1,234\t2\n", {"a": ["1,234"], "b": [2]}, "look like numbers; .* --decimal says what it means"),
        ("a:b\n1:2\n", {"a:b": ["1:2"]}, r"read as one column, but each line holds ':' .* --separator ':'"),
    ],
)
@pytest.mark.filterwarnings("default")
def test_guesses_are_said(tmp_path: Path, text: str, columns: dict[str, list[Any]], message: str) -> None:
    with pytest.warns(UserWarning, match=message):
        assert read_text(tmp_path, text).to_dict(as_series=False) == columns


@pytest.mark.parametrize(
    ("text", "options", "columns"),
    [
        ("2019,2020\n5,4\n", {"header": "yes"}, {"2019": [5], "2020": [4]}),
        ("2019,2020\n5,4\n", {"names": ["2020", "2019"]}, {"2019": [5], "2020": [4]}),
        ("2019,2020\n5,4\n", {"header": "no"}, {"x0": [2019, 5], "x1": [2020, 4]}),
        ("2019,2020\n5,4\n", {"names": ["x0", "x1"]}, {"x0": [2019, 5], "x1": [2020, 4]}),
        ("a,b\nu,v\n", {"header": "no"}, {"x0": ["a", "u"], "x1": ["b", "v"]}),
        ("a:b\n1:2\n", {"separator": ":"}, {"a": [1], "b": [2]}),
        ("a b\nu v\n", {"separator": "space"}, {"a": ["u"], "b": ["v"]}),
        ("a\tb;c\n1\t2;3\n", {"separator": "tab"}, {"a": [1], "b;c": ["2;3"]}),
        ('a,b\n"1,234.5",2\n7,3\n', {"decimal": "."}, {"a": [1234.5, 7.0], "b": [2, 3]}),
        ('a,b\n"1,5",1.234\n"2",5\n', {"decimal": ","}, {"a": [1.5, 2.0], "b": [1234, 5]}),
        ("a;b\n1,234;2\n", {"decimal": "."}, {"a": [1234], "b": [2]}),
        ("a,b\ngr\u00fcn,1\n".encode("latin-1"), {"encoding": "latin-1"}, {"a": ["gr\u00fcn"], "b": [1]}),
        ("a,b\n\u20ac,1\n".encode("cp1252"), {"encoding": "cp1252"}, {"a": ["\u20ac"], "b": [1]}),
        ("a,b\n\u20ac,1\n".encode("utf-16-le"), {"encoding": "utf-16-le"}, {"a": ["\u20ac"], "b": [1]}),
        ("zip,b\n501, 2\n 1.50,NA\n", {"text": ["zip"]}, {"zip": ["501", "1.50"], "b": [2, None]}),
        ("zip,b\n?,2\n1,3\n", {"text": ["zip"]}, {"zip": ["?", "1"], "b": [2, 3]}),
    ],
)
def test_what_is_said_of_a_file_settles_it(
    tmp_path: Path, text: str | bytes, options: dict[str, Any], columns: dict[str, list[Any]]
) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    frame = read(path, **options)
    assert isinstance(frame, pl.DataFrame)
    assert frame.to_dict(as_series=False) == columns


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoding": "klingon"}, "got encoding = 'klingon'; expected the name of one, as utf-8, latin-1"),
        ({"encoding": "base64"}, "got encoding = 'base64'"),
        ({"separator": "ab"}, "got separator = 'ab'; expected one sign"),
        ({"decimal": ";"}, "got decimal = ';'; expected '.' or ','"),
        ({"header": True}, "got header = True; expected yes, no or auto"),
        ({"names": "ab"}, "got a text for names, text or marked; expected a list"),
        ({"encoding": "ascii"}, r"line 2 holds the byte 0xc3, which is no text in ascii; pass --encoding"),
    ],
)
def test_options_that_cannot_be_are_said(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    (tmp_path / "data.csv").write_text("a,b\n\u00fc,2\n")
    with pytest.raises(InputError, match=message):
        read(tmp_path / "data.csv", **options)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n# part two\n3,4\n", "The line '# part two' of .* is left out, as comments are"),
        ("a,b\n1,2\n3,4\n# x\n# y, z, u\n", "2 lines such as '# x' of .* are left out"),
        ("a;b;\n1;2;\n3;4;\n", None),
        ("a,b\n1,2,\r\n3,4,\r\n", None),
        ("a\tb\t\n1\t2\t\n3\t4\t", None),
    ],
)
def test_comments_and_ends_of_lines_are_no_data(tmp_path: Path, text: str, said: str | None) -> None:
    with contextlib.nullcontext() if said is None else pytest.warns(UserWarning, match=said):
        assert read_text(tmp_path, text).to_dict(as_series=False) == {"a": [1, 3], "b": [2, 4]}


def test_colours_and_holes_at_the_end_are_data(tmp_path: Path) -> None:
    assert read_text(tmp_path, "a,b\n#ff0000,2\n#00ff00,4\n")["a"].to_list() == ["#ff0000", "#00ff00"]
    assert read_text(tmp_path, "a,b\n1,\n3,\n")["b"].to_list() == [None, None]
    with pytest.raises(InputError, match="row 1 has 2 fields; expected 3"):
        read_text(tmp_path, "a,b\n1,2,\n3,4\n".replace("a,b", "a,b,"))


def test_phone_numbers_keep_their_plus_and_signed_numbers_do_not(tmp_path: Path) -> None:
    frame = read_text(tmp_path, "tel,gain\n+4912345678,+1000000\n+4912345679,-5\n")
    assert frame.to_dict(as_series=False) == {"tel": ["+4912345678", "+4912345679"], "gain": [1000000, -5]}


def test_words_among_many_numbers_are_said_and_levels_of_digits_are_not(tmp_path: Path) -> None:
    rows = [f"{i if i % 3 else 'low'},{['1', '2', '3+'][i % 3]}" for i in range(60)]
    with pytest.warns(UserWarning, match=r"'a' holds numbers beside 'low', a value of its own") as said:
        Schema.infer(read_text(tmp_path, "\n".join(["a,b", *rows])))
    assert len(said) == 1


@pytest.mark.parametrize("head", ["a,b,a,a.1", "a, b, a, a.1", "# a,b,a,a.1"])
def test_names_that_stand_twice_get_numbers_as_in_pandas(tmp_path: Path, head: str) -> None:
    with pytest.warns(UserWarning, match="Several columns of .* have the name 'a'; the later ones are read as 'a.1'"):
        frame = read_text(tmp_path, head + "\n1,2,3,4\n5,6,7,8\n")
    assert frame.to_dict(as_series=False) == {"a": [1, 5], "b": [2, 6], "a.2": [3, 7], "a.1": [4, 8]}


def test_a_title_above_the_table_is_told(tmp_path: Path) -> None:
    """The census is published with a first line that is no row: '|1x3 Cross validator'."""
    for title in (b"|1x3 Cross validator\n", b"Sales by month\n"):
        with pytest.raises(InputError, match="delete what stands above the table"):
            read_text(tmp_path, title + b"25, Private, 226802\n38, Public, 89814\n")


def test_a_mark_is_missing_in_text_unless_it_is_a_value_there(tmp_path: Path) -> None:
    """As for a model that knows which of its columns are text, and which of these lack the level '?'."""
    path = tmp_path / "data.csv"
    path.write_text("a,b,c\n?,?,007\nu,v,?\n")
    with pytest.warns(UserWarning, match=r"'\?' is read as missing in 'a', 'c'"):
        frame = read(path, text=["a", "b", "c"], marked=["a", "c"])
    assert frame.to_dict(as_series=False) == {"a": [None, "u"], "b": ["?", "v"], "c": ["007", None]}
    path.write_text("a,b\n?,x\n")
    with pytest.warns(UserWarning, match=r"'\?' is read as missing in 'a'"):
        assert read(path, text=["a", "b"], marked=["a"])["a"].to_list() == [None], "alone it tells no more"


def columns_of(tmp_path: Path, text: str | bytes) -> dict[str, list[Any]]:
    return read_text(tmp_path, text).to_dict(as_series=False)


def test_a_line_for_spreadsheets_says_what_separates(tmp_path: Path) -> None:
    assert columns_of(tmp_path, "sep=;\r\na;b\r\n1,5;2\r\n") == {"a": [1.5], "b": [2]}
    assert columns_of(tmp_path, "sep=|\na|b\n1|2\n") == {"a": [1], "b": [2]}


@pytest.mark.parametrize("end", ["Total,,18,9", "p9,Grand total,3,4", "p9,p,9,18"])
def test_a_last_row_of_totals_is_said(tmp_path: Path, end: str) -> None:
    text = "name,kind,a,b\n" + "".join(f"p{i},k,{i + 0.5},{i % 5}\n" for i in range(6))
    end = end.replace("9,18", "18,10")
    with pytest.warns(
        UserWarning, match=r"The last row of .* looks like totals \(.*\), but is read as data; delete it"
    ):
        assert len(columns_of(tmp_path, text + end + "\n")["a"]) == 7
    assert len(columns_of(tmp_path, text + "p9,k,18,9\n")["a"]) == 7


@pytest.mark.parametrize("below", [",,,\nSource: the office,,,\n", "* estimated,,,\n"])
def test_notes_below_the_table_hide_no_totals(tmp_path: Path, below: str) -> None:
    """As statistical offices write them; without notes a row of few values is one of holes."""
    text = "name,kind,a,b\n" + "".join(f"p{i},k,{i + 0.5},{i % 5}\n" for i in range(6)) + "Total,,18,10\n"
    with pytest.warns(UserWarning, match="notes|totals") as said:
        read_text(tmp_path, text + below)
    notes, totals = (str(one.message) for one in said)
    assert "look like notes ('" + below.strip(",\n").partition(",")[0] in notes
    assert totals.startswith("The last row above them looks like totals (Total)")
    for holes in (",,3.5,\n", "p0,,,\n"):
        with warnings.catch_warnings(action="error"):
            read_text(tmp_path, text.partition("Total")[0] + holes)


def test_numbers_whose_sum_is_none_are_no_totals(tmp_path: Path) -> None:
    text = "a,b\n" + "".join(f"{i}e307,{2 * i}e307\n" for i in range(1, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert columns_of(tmp_path, text)["a"][-1] == 7e307
        assert columns_of(tmp_path, "a,b\ninf,1\n-inf,2\n3,3\n4,4\n5,5\n6,6\n")["a"][0] == float("inf")


def test_points_that_may_group_thousands_are_said_where_no_comma_tells(tmp_path: Path) -> None:
    with pytest.warns(
        UserWarning, match=r"holds numbers such as 9\.395, which is read with a point before its fraction"
    ):
        assert columns_of(tmp_path, "a;b\n9.395;1\n950;2\n")["a"] == [9.395, 950]
    assert columns_of(tmp_path, "a;b\n9.395;1\n9.5;2\n")["a"] == [9.395, 9.5]


def test_columns_of_fixed_widths_and_mixed_units_are_said(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="is read as one column, but each line holds several blanks in a row"):
        columns_of(tmp_path, "name        k  l\nNew York    1  x\nRome        2\n")
    weights = "".join(f"0{i + 1} g,1\n{i + 0.5} kg,2\n" for i in range(20))  # zeros that numbers would lose
    with pytest.warns(UserWarning, match="'w' .* is text, such as .* look like numbers"):
        columns_of(tmp_path, "w,k\n" + weights)
    phones = "".join(f"+49 30 {i:06},1\n" for i in range(30))
    assert len(columns_of(tmp_path, "w,k\n" + phones)["w"]) == 30


def test_utf_32_is_found(tmp_path: Path) -> None:
    assert columns_of(tmp_path, "a,b\n1,\u00e9\n".encode("utf-32")) == {"a": [1], "b": ["\u00e9"]}


def test_levels_are_numbers_where_these_are_written_as_their_cells(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a,b,c\n1,1.5,3.10\n10,2.25,3.1\n,,\n")
    frame = read(path, levels=["a", "b", "c"])
    assert frame.to_dict(as_series=False) == {  # type: ignore[union-attr]
        "a": [1, 10, None],
        "b": [1.5, 2.25, None],
        "c": ["3.10", "3.1", None],
    }
    scan = scans.opened(path, block=2, large=1, levels=["a", "b", "c"])
    assert pl.concat([block for _, block in scan.blocks()]).equals(frame)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "columns", "warning"),
    [
        ("name,age,pay\n,years,EUR\n", {"name": "u", "age": 1, "pay": 0.5}, r"The first row of .* \('years', 'EUR'\)"),
        ("age,pay\nyears,EUR\nwhole,\n", {"age": 1, "pay": 0.5}, r"The first 2 rows of .* stand over numbers"),
        ("k,day,age\nid,yyyy-mm-dd,years\n", {"k": "u", "day": "2024-01-02", "age": 1}, "'yyyy-mm-dd', 'years'"),
        ("age\nyears\n", {"age": 1}, "stands over numbers, as units do, and is left out"),
    ],
)
def test_units_above_numbers_are_left_out(text: str, columns: dict[str, Any], warning: str, tmp_path: Path) -> None:
    line = ",".join(map(str, columns.values())) + "\n"
    with pytest.warns(UserWarning, match=warning):
        frame = read_text(tmp_path, text + 6 * line)
    assert frame.rows() == 6 * [tuple(columns.values())]


@pytest.mark.parametrize("row", ["u,many", "u,-", "u,3", "v,years"])
@pytest.mark.filterwarnings("ignore:.*looks like numbers", "ignore:'-' is read", "ignore:.*is text")
def test_a_first_row_that_may_be_data_stays(row: str, tmp_path: Path) -> None:
    assert read_text(tmp_path, f"name,age\n{row}\n" + "u,1\nv,2\n" * 5).height == 11


def test_a_first_row_of_dates_that_no_other_row_has_stays(tmp_path: Path) -> None:
    rows = "".join(f"2024-01-{i:02},2024-02-{i:02},u\n" for i in range(10, 20))
    assert read_text(tmp_path, "a,b,k\n2024-08-18,2024-08-21,u\n" + rows).height == 11


def test_a_name_that_is_a_value_of_its_column_stands_over_numbers_all_the_same(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"is read as names, though 'yes' is a value of its column; pass --header"):
        assert columns_of(tmp_path, "x,yes\n1,yes\n2.5,no\n") == {"x": [1, 2.5], "yes": ["yes", "no"]}


def test_names_of_rows_as_r_writes_them(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="has no name and numbers the rows, so it is left out"):
        frame = read_text(tmp_path, '"a","k"\n"1",2.5,"u"\n"2",3.5,"v"\n')
    assert frame.to_dict(as_series=False) == {"a": [2.5, 3.5], "k": ["u", "v"]}
    with pytest.raises(InputError, match=r"Column 1 of .* has no name"):
        read_text(tmp_path, "a\tk\nMazda\t2\tu\nFiat\t3\tv\n")
    with pytest.raises(InputError, match="its first line has 1 fields and the next one 2; delete what stands above"):
        read_text(tmp_path, "A title\n\na,b\n1,2\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("drink,age\nNone,1\nwine,2\nbeer,3\n", ["'None' is read as missing in 'drink'"]),
        ("land,k,age\nNA,u,\nDE,NA,2\nZA,v,3\n", ["'NA' is read as missing in 'land', 'k'"]),
        ("land,k,age\nNA,u,1\nDE,NA,2\nZA,v,3\n", []),  # as R writes
        ("land,age\nNA,\nDE,NA\nZA,3\n", []),
        ("land,age\nN/A,1\nDE,2\nZA,3\n", []),
    ],
)
def test_words_for_missing_that_may_be_values_are_said(text: str, said: list[str], tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = read_text(tmp_path, text)
    assert [str(one.message).partition(" of ")[0] for one in caught] == said
    assert frame.to_series(0).null_count() == 1


def test_last_rows_of_nothing_are_said(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    rows = "1,u\n2,v\n3,u\n4,v\n"
    assert read_text(tmp_path, f"a,b\n1,\n{rows}").height == 5
    assert read_text(tmp_path, f"a,b\n{rows},\n1,v\n,\n").height == 7
    assert not recwarn
    with pytest.warns(UserWarning, match=r"The last rows of .* hold nothing \(2\), and are read as rows of missing"):
        assert read_text(tmp_path, f"a,b\n{rows},\n,\n").height == 6


def test_a_first_line_of_numbers_with_decimal_commas_is_data(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="is read as data, as it holds numbers only"):
        frame = read_text(tmp_path, "1.100,50;0\n1.101,50;1\n")
    assert frame.to_dict(as_series=False) == {"x0": [1100.5, 1101.5], "x1": [0, 1]}


def test_signs_without_width_are_none(tmp_path: Path) -> None:
    frame = read_text(tmp_path, "a,k\n1.5\u200b,\u200eu\n\ufeff2.5,u\n")
    assert frame.to_dict(as_series=False) == {"a": [1.5, 2.5], "k": ["u", "u"]}


def test_texts_that_become_one_number_are_said(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    read_text(tmp_path, "a,b,c\n" + "2.5,3.10,1\n3,3.90,2.0\n3.0,4.25,3\n")
    assert not recwarn
    with pytest.warns(UserWarning, match=r"'v' holds 3.1 and 3.10, which are read as one number; declare it category"):
        read_text(tmp_path, "v,b\n" + "".join(f"3.{i},{i}\n" for i in range(1, 13)))


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (["5E3", "1E10", "12"], "holds 5E3, which is read as the number 5000"),
        (["12", "3e4"], "holds 3e4, which is read as the number 30000"),
        (["1.5E3", "2E4"], None),
        (["1E+03", "2E4"], None),
        (["1E3", "2E-4"], None),
    ],
)
def test_numbers_that_may_be_codes_are_said(
    codes: list[str], said: str | None, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    text = "v,b\n" + "".join(f"{code},{i}\n" for i, code in enumerate(codes * 3))
    (tmp_path / "data.csv").write_text(text)
    read(tmp_path / "data.csv", names=["v", "b"])  # as a model does
    read(tmp_path / "data.csv", levels=["v"])
    assert not recwarn
    read_text(tmp_path, text)
    assert [str(one.message) for one in recwarn] == (
        [f"Column 'v' {said}; declare it category (--column v=category) if such texts are codes."] if said else []
    )


def test_a_name_that_is_a_pattern_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"named '\^a.\*\$', which polars takes for a pattern of names; rename it"):
        Schema.infer(read_text(tmp_path, "^a.*$,b\nu,1\nv,2\n"))


def test_points_group_thousands_where_another_column_has_both_signs(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    frame = read_text(tmp_path, "sales;sold\n1.234,50;9.517\n99,25;1.035\n7,00;968\n")
    assert frame.to_dict(as_series=False) == {"sales": [1234.5, 99.25, 7.0], "sold": [9517, 1035, 968]}
    assert not recwarn.list


def test_a_name_that_is_a_value_of_its_column_stands_over_words_that_come_again(tmp_path: Path) -> None:
    rows = "".join(f"{agree},{level}\n" for agree in ("agree", "disagree") for level in ("low", "high") * 3)
    with pytest.warns(UserWarning, match="is read as names, though 'agree' is a value of its column"):
        frame = read_text(tmp_path, f"agree,level\n{rows}")
    assert frame.columns == ["agree", "level"]
    with pytest.warns(UserWarning, match="is read as data, as it holds 'agree', a value of its column"):
        assert read_text(tmp_path, f"agree,low\n{rows}").columns == ["x0", "x1"]


def test_units_stand_over_numbers_with_decimal_commas_too(tmp_path: Path) -> None:
    rows = "".join(f"{i},5;{i * 3},25;OK\n" for i in range(8))
    with pytest.warns(UserWarning, match=r"The first row of .* \('\[s\]', '\[mV\]', '\[-\]'\) stands over numbers"):
        frame = read_text(tmp_path, f"t;v;flag\n[s];[mV];[-]\n{rows}")
    assert frame.schema == {"t": pl.Float64, "v": pl.Float64, "flag": pl.String}
    assert frame.height == 8


@pytest.mark.parametrize("end", ["Total rows: 8,,\n", ',,\n"Source: us, 2024",,\n* estimated,,\n'])
def test_notes_below_numbers_are_left_out(end: str, tmp_path: Path) -> None:
    rows = "".join(f"{i},{i * 3}.25,OK\n" for i in range(8))
    with pytest.warns(
        UserWarning, match=r"The last .*(Total rows: 8|Source: us, 2024).* left out, as notes below numbers"
    ):
        frame = read_text(tmp_path, f"n,v,flag\n{rows}{end}")
    assert frame.schema == {"n": pl.Int64, "v": pl.Float64, "flag": pl.String}
    assert frame.height == 8


def test_fields_between_several_blanks_may_have_blanks_in_them(tmp_path: Path) -> None:
    rows = "".join(f"{i:<8d}{name:<12s}{i / 8:7.3f}\n" for i, name in enumerate(["New York", "Rome", "La Paz", "Oslo"]))
    frame = read_text(tmp_path, f"ID      TOWN NAME    VALUE\n{rows}")
    assert frame.to_dict(as_series=False) == {
        "ID": [0, 1, 2, 3],
        "TOWN NAME": ["New York", "Rome", "La Paz", "Oslo"],
        "VALUE": [0.0, 0.125, 0.25, 0.375],
    }


def test_rows_that_end_early_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="first line has 3 fields and the next one 2; end rows with as many signs if"):
        read_text(tmp_path, "a,b,comment\n1,2\n3,4,late\n")
