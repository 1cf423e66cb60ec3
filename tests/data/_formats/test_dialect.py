"""How tables of text are written, and what is made from them."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data import Schema, files, read, streams
from unnoise.data._formats.dialect import TRUTHS, Dialect, form_of
from unnoise.data._formats.reading import Reading

CELLS: dict[str, tuple[list[str], str | None]] = {
    "fixed decimals": (["19.00", "4.50", "-0.25"], "0.00"),
    "whole ones bare": (["19", "4.5", "0.25"], "0.##"),
    "as Python writes": (["19.0", "4.5"], None),
    "capitals": (["TRUE", "FALSE", "TRUE"], "TRUE"),
    "of Python": (["True", "False"], "True"),
    "small letters": (["true", "false"], None),
    "mixed": (["true", "FALSE"], None),
    "with exponents": (["1.50e3", "2.25e1"], "0.00e0"),
    "of C": (["1.0000E-03", "-2.5000E+01", "0.0000E+00", "3.1250E+100"], "0.0000E+00"),
    "of Fortran": (["1.5D+03", "-2.0D-01"], "0.0D+00"),
    "of Fortran below one": (["0.1500D+04", "-0.2500D-02"], "0.0000D+00;0.1"),
    "of digits as needed": (["1e-05", "2.5e-04", "3e+10"], "0.#e+00"),
    "with signs": (["+1.5E+02", "-1.5E+02"], "+0.0E+00"),
    "signed": (["+1.5", "-0.2", "0.0"], "+0.0;-0.0;0.0"),
    "signed whole": (["+3", "-2", "+0"], "+0;-0"),
    "of no steady exponents": (["1.5E02", "1.5E-2"], None),
    "of no steady form": (["1.5", "2.50"], None),
    "text": (["a", "b"], None),
    "whole numbers": (["1", "20"], None),
}


def opened(path: Path, text: str, **said: Any) -> tuple[pl.DataFrame, Dialect]:
    path.write_text(text, encoding="utf-8")
    frame, dialect, _ = files.read_with(path, Reading(**said))
    assert isinstance(frame, pl.DataFrame)
    assert dialect is not None
    return frame, dialect


def test_the_usual_exponents_are_those_of_the_file_without_the_d_of_fortran() -> None:
    forms = (("a", "0.0e+00"), ("b", "0.0E+00"), ("c", "0.0d+00"), ("d", "0.0D+00"))
    assert [form for _, form in Dialect(forms=forms).usual.forms] == ["0.0e+00", "0.0E+00", "0.0e+00", "0.0E+00"]


@pytest.mark.parametrize("name", CELLS)
def test_cells_come_back_as_they_were_written(name: str, tmp_path: Path) -> None:
    cells, form = CELLS[name]
    path = tmp_path / "rows.csv"
    text = "x,y\n" + "".join(f"{cell},{i}\n" for i, cell in enumerate(["", *cells]))
    frame, dialect = opened(path, text)
    assert dict(dialect.forms).get("x") == form
    files.write(frame, tmp_path / "new.csv", dialect=dialect)
    if form is not None or name in ("text", "as Python writes", "small letters", "whole numbers"):
        assert (tmp_path / "new.csv").read_text() == text
    assert read(tmp_path / "new.csv").equals(frame)  # type: ignore[arg-type]  # tables


@pytest.mark.parametrize(
    ("text", "said", "dialect"),
    [
        ("a;b\n1.234,50;1\n2,25;3\n", {}, Dialect(";", ",", forms=(("a", "#.##0,00"),))),
        ("a;b\n1,5;1\n0,123456789012;3\n", {}, Dialect(";", ",")),
        ("a;b\n1.5;1\n2.5;3\n", {}, Dialect(";")),
        ('a,b\n"1,234.50",1\n2.25,3\n', {"decimal": "."}, Dialect(",", ".", forms=(("a", "#,##0.00"),), told=True)),
        ('a,b\n"1,234",1\n"2,225",3\n', {"decimal": "."}, Dialect(",", ".", forms=(("a", "#,##0"),), told=True)),
        ("a;b\n1.234;1,5\n2.500;2,5\n", {}, Dialect(";", ",", forms=(("b", "0,0"),))),
        ("a\tb\n1,5\t1\n2,5\t3\n", {}, Dialect("\t", ",", forms=(("a", "0,0"),))),
    ],
)
@pytest.mark.filterwarnings("ignore:.*holds numbers such as 1.234")
def test_signs_and_forms_are_found(text: str, said: dict[str, str], dialect: Dialect, tmp_path: Path) -> None:
    frame, found = opened(tmp_path / "rows.csv", text, **said)
    if not dialect.forms:  # whose sign alone counts
        found = dataclasses.replace(found, forms=())
    assert found == dialect
    files.write(frame, tmp_path / "new.csv", dialect=found)
    again, _ = opened(tmp_path / "again.csv", (tmp_path / "new.csv").read_text(), like=found.reading)
    assert again.equals(frame)
    assert opened(tmp_path / "rows.csv", text, like=found.reading)[0].equals(frame)


def test_a_mark_and_an_encoding_come_back(tmp_path: Path) -> None:
    for encoding, said in (("utf-8-sig", None), ("utf-16", None), ("latin-1", "latin-1")):
        path = tmp_path / "rows.csv"
        path.write_text("gr\u00f6\u00dfe,b\n1.5,2\n2.5,3\n", encoding=encoding)
        frame, dialect, _ = files.read_with(path, Reading(encoding=said))
        assert dialect is not None
        assert dialect.encoding == encoding
        files.write(frame, tmp_path / "new.csv", overwrite=True, dialect=dialect)
        assert (tmp_path / "new.csv").read_bytes() == path.read_bytes()
        again, _, _ = files.read_with(tmp_path / "new.csv", Reading(like=dialect.reading))
        assert again.columns == ["gr\u00f6\u00dfe", "b"]  # type: ignore[union-attr]  # a table
    with pytest.raises(InputError, match=r"'\u20ac' cannot be written in latin-1; pass --encoding utf-8"):
        files.write(pl.DataFrame({"\u20ac": [1]}), tmp_path / "new.csv", overwrite=True, dialect=dialect)


def test_the_word_for_missing_comes_back_where_there_is_one(tmp_path: Path) -> None:
    path, new = tmp_path / "rows.csv", tmp_path / "new.csv"
    for text, word in (("a,b\n1.50,NA\nNA,u\n2.50,v\n", "NA"), ("a,b\n1.50,NA\n,u\n", ""), ("a,b\n1.50,-\n-,u\n", "")):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'(-|NA)' is read as missing")
            frame, dialect = opened(path, text)
        assert dialect.missing == word
        files.write(frame, new, overwrite=True, dialect=dialect)
        assert new.read_text() == (text if word else text.replace("NA", "").replace("\n-", "\n"))
    with streams.gathering(tmp_path / "both.csv", 2, dialect=Dialect(missing="NA")) as put:
        put(0, pl.DataFrame({"a": [2.5]}))
        put(1, pl.DataFrame({"a": [None]}, schema={"a": pl.Float64}))
    assert (tmp_path / "both.csv").read_text() == "a\n2.5\nNA\n"


def test_tabs_and_blanks_are_commas_in_a_csv(tmp_path: Path) -> None:
    assert opened(tmp_path / "rows.tsv", "a\tb\n1.5\tu\n2.5\tv\n")[1].separator == ","
    assert opened(tmp_path / "rows.tab", "a\tb\n1,5\tu\n2,5\tv\n")[1].separator == ";"
    assert opened(tmp_path / "rows.txt", "a b\n1.5 u\n2.5 v\n")[1].separator == ","


def test_a_file_like_another_is_read_like_it_unless_it_shows_otherwise(tmp_path: Path) -> None:
    like, path = Dialect(";", ",", told=True).reading, tmp_path / "rows.csv"
    assert opened(path, "a;b\n1.234;1,5\n2.500;2,5\n", like=like)[0]["a"].to_list() == [1234, 2500]
    with pytest.warns(UserWarning, match=r"numbers such as 1.234, which is read with a point"):
        assert opened(path, "a;b\n1.234;1\n2.500;2\n", like=like)[0]["a"].to_list() == [1.234, 2.5]
    assert opened(path, "a,b\n1.234,1\n2.500,2\n", like=like)[0]["a"].to_list() == [1.234, 2.5]
    assert opened(path, "a;b\n1.23;1,5\n2.50;2,5\n", like=like)[0]["a"].to_list() == [1.23, 2.5]


def test_what_is_filled_has_the_decimals_of_the_file_and_of_the_model() -> None:
    file = Dialect(";", ",", forms=(("a", "0,0"), ("b", "0,00"), ("c", "0,00"), ("t", "TRUE")))
    model = Dialect(",", forms=(("a", "0.000"), ("t", "True")))
    found = file.filling(model, ["a", "b", "t"])
    assert found == Dialect(";", ",", forms=(("a", "0,0##"), ("c", "0,00"), ("t", "TRUE")))
    assert file.filling(None, ["a", "b", "t"]).forms == (("c", "0,00"), ("t", "TRUE"))


def test_a_table_in_blocks_is_written_alike(tmp_path: Path) -> None:
    dialect = Dialect(";", ",", "utf-8-sig", (("a", "0,00"),))
    with streams.gathering(tmp_path / "new.csv", 2, dialect=dialect) as put:
        put(1, pl.DataFrame({"a": [2.5], "b": [0.5]}))
        put(0, pl.DataFrame({"a": [1.0], "b": [None]}, schema_overrides={"b": pl.Float64}))
    assert (tmp_path / "new.csv").read_text("utf-8") == "\ufeffa;b\n1,00;\n2,50;0,5\n"


def test_a_schema_keeps_it_and_damage_is_refused() -> None:
    frame = pl.DataFrame({"a": [1.0, 2.5, 3.5], "t": [True, False, True]})
    plain = Schema.infer(frame)
    dialect = Dialect(";", ",", "latin-1", (("a", "0,00"), ("t", "TRUE")))
    config = plain.to_config()
    config["container"] |= plain.container.written_in(dialect).to_config()
    assert Schema.from_config(config).container.dialect == dialect
    del config["container"]["dialect"]  # as of earlier versions
    assert Schema.from_config(config).container.dialect is None
    for name, odd in (
        ("separator", "ab"),
        ("decimal", ";"),
        ("encoding", "klingon"),
        ("forms", [["a"]]),
        ("missing", "x"),
    ):
        config["container"]["dialect"] = {
            "separator": ";",
            "decimal": None,
            "encoding": None,
            "forms": [],
            "missing": "",
            name: odd,
        }
        with pytest.raises(InputError, match="The schema of the model is damaged"):
            Schema.from_config(config)


def test_forms_are_kept_where_the_column_has_numbers() -> None:
    dialect = Dialect(forms=(("a", "0.00"), ("b", "TRUE"), ("c", "0.00")))
    frame = pl.DataFrame({"a": ["x"], "b": [1.5], "c": [True]})
    assert dialect.rendered(frame).equals(frame)
    assert form_of(pl.Series([None], dtype=pl.Float64), pl.Series([None], dtype=pl.String), None) is None
    assert sorted(TRUTHS) == ["TRUE", "True", "true"]


def test_a_form_is_that_of_all_rows() -> None:
    cells = ["19.00"] * 2000 + ["4.5"]
    assert form_of(pl.Series(cells).cast(pl.Float64), pl.Series(cells), None) is None
    cells = ["19.0"] * 2000 + ["4.25"]
    assert form_of(pl.Series(cells).cast(pl.Float64), pl.Series(cells), None) is None  # as it is written anyway
    cells = ["19"] * 2000 + ["4.25"]
    assert form_of(pl.Series(cells).cast(pl.Float64), pl.Series(cells), None) == "0.##"
    cells = ["0", "1.50", "12.25"] * 3
    assert form_of(pl.Series(cells).cast(pl.Float64), pl.Series(cells), None) == "0.##"  # 0 comes back as 0


def test_typed_numbers_have_the_sign_of_the_file() -> None:
    german = Dialect(";", ",")
    assert [german.number(text) for text in ("1,5", "-1.234,50", "2.5", "a,b", "1,2,3")] == [
        *("1.5", "-1234.50", "2.5", "a,b", "1,2,3")
    ]
    assert Dialect().number("1,5") == "1,5"
