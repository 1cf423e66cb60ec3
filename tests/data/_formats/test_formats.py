"""Kinds of files of tables beside .csv and .parquet, standard input, and queries."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data import read, scans

FRAME = pl.DataFrame({"a": [1, 2, 3], "b": [0.1, None, -1.5], "c": ["00501", "v", None], "d": [True, None, False]})
TEXT = b"a,b,c,d\n1,0.1,00501,true\n2,,v,\n3,-1.5,,false\n"


def columns(path: Path | str, **options: Any) -> dict[str, list[Any]]:
    frame = read(path, **options)
    assert isinstance(frame, pl.DataFrame)
    return frame.to_dict(as_series=False)


def in_blocks(path: Path) -> dict[str, list[Any]]:
    return pl.concat([block for _, block in scans.opened(path, block=2).blocks()]).to_dict(as_series=False)


@pytest.mark.parametrize("name", ["d.csv", "d.CSV", "d.txt", "d.dat", "d.data"])
def test_texts_are_read_whatever_they_are_called(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(TEXT)
    assert columns(tmp_path / name) == FRAME.to_dict(as_series=False)


def test_tabs_separate_in_a_tsv(tmp_path: Path) -> None:
    (tmp_path / "d.tsv").write_bytes(b"a, b\tc\nu, v\t3\n")
    assert columns(tmp_path / "d.tsv") == {"a, b": ["u, v"], "c": [3]}


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_packed_texts_are_read(tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    for name in (f"d.csv{suffix}", f"d.data{suffix}"):
        (tmp_path / name).write_bytes(pack(TEXT))
        assert columns(tmp_path / name) == FRAME.to_dict(as_series=False)


def zipped(**files: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return held.getvalue()


@pytest.mark.parametrize("name", ["d.csv.zip", "D.ZIP"])
def test_a_table_in_an_archive_is_read_where_it_is_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(zipped(d__csv=TEXT))
    assert columns(tmp_path / name) == FRAME.to_dict(as_series=False)
    (tmp_path / name).write_bytes(zipped(d__csv=TEXT, e__csv=TEXT))
    with pytest.raises(InputError, match=r"holds 2 files \(d\.csv, e\.csv\); expected one: unpack it, and give one"):
        read(tmp_path / name)


def test_what_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.csv.bz2").write_bytes(bz2.compress(b"1" * (2**26 + 2**16)))
    with pytest.raises(InputError, match=r"would take over 64 MB of memory, 200 times its size"):
        read(tmp_path / "d.csv.bz2")


def test_zstandard(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard")
    path = tmp_path / "d.csv.zst"
    path.write_bytes(zstandard.compress(TEXT))
    assert columns(path) == FRAME.to_dict(as_series=False)
    path.write_bytes(zstandard.compress(TEXT)[:-9])
    with pytest.raises(InputError, match=r"d\.csv\.zst cannot be read"):
        read(path)


def test_a_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("fastexcel", "zstandard", "compression.zstd", "duckdb"):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("d.csv.zst", "d.xlsx", "d.duckdb"):
        (tmp_path / name).write_bytes(TEXT)
    with pytest.raises(InputError, match=r"pip install .unnoise\[zstd\]"):
        read(tmp_path / "d.csv.zst")
    with pytest.raises(InputError, match=r"pip install 'unnoise\[excel\]'"):
        read(tmp_path / "d.xlsx")
    with pytest.raises(InputError, match=r"pip install 'unnoise\[query\]'"):
        read(tmp_path / "d.duckdb", query="from x")


@pytest.mark.parametrize(
    "write",
    [
        lambda frame, folder: frame.write_ipc(folder / "d.arrow"),
        lambda frame, folder: frame.write_ipc(folder / "d.feather", compression="lz4"),
        lambda frame, folder: frame.write_ipc_stream(folder / "d.arrow"),
        lambda frame, folder: frame.to_pandas().to_feather(folder / "d.feather"),
        lambda frame, folder: frame.write_ndjson(folder / "d.jsonl"),
        lambda frame, folder: (folder / "d.json").write_text(json.dumps(frame.to_dicts())),
    ],
)
def test_other_tables_are_read(tmp_path: Path, write: Callable[[pl.DataFrame, Path], None]) -> None:
    write(FRAME, tmp_path)
    (path,) = tmp_path.iterdir()
    assert columns(path) == FRAME.to_dict(as_series=False)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match=r"cannot be read"):
        read(path)
    with pytest.raises(InputError, match=r"--encoding \(encoding=\) says nothing; leave it out"):
        read(path, encoding="latin-1")


def test_sequences_of_fasta_are_read_with_their_names(tmp_path: Path) -> None:
    text = "; of a family\n>a/1-8 one\nAC-GU\nGGA\n\n>b >2\r\nacg\r\n"
    (tmp_path / "d.fasta").write_bytes(text.encode())
    with gzip.open(tmp_path / "e.fa.gz", "wb") as file:
        file.write(text.encode())
    for name in ("d.fasta", "e.fa.gz"):
        assert columns(tmp_path / name) == {"name": ["a/1-8 one", "b >2"], "sequence": ["AC-GUGGA", "acg"]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ACGU\n>a\nAC\n", "no sequences; expected a line that begins with >"),
        (">a\n>b\nAC\n", "no letters after the name 'a'"),
    ],
)
def test_what_is_no_fasta_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "d.fa").write_text(text)
    with pytest.raises(InputError, match=words):
        read(tmp_path / "d.fa")


def test_lists_in_cells_are_refused(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text('[{"a": [[1], [2]]}, {"a": [[3]]}]')
    with pytest.raises(InputError, match=r"Column 'a' of .* holds lists of lists or objects"):
        read(tmp_path / "d.json")


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".parquet", ".arrow"])
def test_objects_are_columns_of_their_fields(tmp_path: Path, suffix: str) -> None:
    """Also those within others, and where there is none."""
    frame = pl.DataFrame({"a": [1, 2], "at": [{"k": 3, "by": {"z": "u"}}, None], "b": [0.5, 1.5]})
    path = tmp_path / f"d{suffix}"
    write = {".json": frame.write_json, ".jsonl": frame.write_ndjson, ".parquet": frame.write_parquet}
    write.get(suffix, frame.write_ipc)(path)
    with pytest.warns(
        UserWarning, match=r"The objects in 'at', 'at.by' of .* are read as columns .* 'at.k', 'at.by.z'"
    ):
        assert columns(path) == {"a": [1, 2], "at.k": [3, None], "at.by.z": ["u", None], "b": [0.5, 1.5]}


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (None, None),
        (pd.Index([10, 30, 20]), "without a name"),
        (pd.Index(["u", "v", "w"], name="id"), "'id'"),
        (pd.RangeIndex(3, 6, name="n"), None),
    ],
)
def test_an_index_of_pandas_is_no_column(tmp_path: Path, index: pd.Index | None, said: str | None) -> None:
    frame = pd.DataFrame({"a": [1.5, 2.5, 4.0]}, index=index)
    frame.to_parquet(tmp_path / "d.parquet")
    for read_it in (columns, in_blocks):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            assert read_it(tmp_path / "d.parquet") == {"a": [1.5, 2.5, 4.0]}
        assert [f"({said}) is no column" in str(one.message) for one in found] == [True] * (said is not None)


class TestExcel:
    def written(self, path: Path, rows: list[list[Any]], more: str | None = None) -> Path:
        openpyxl = pytest.importorskip("openpyxl")
        pytest.importorskip("fastexcel")
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        if more is not None:
            book.create_sheet(more)
        book.save(path)
        return path

    def test_a_sheet_is_read(self, tmp_path: Path) -> None:
        rows = [["a", "b", "zip"], [1, 0.5, "00501"], [2, None, "NA"], [300, 2.5, "90210"]]
        path = self.written(tmp_path / "d.xlsx", rows)
        assert columns(path) == {"a": [1, 2, 300], "b": [0.5, None, 2.5], "zip": ["00501", None, "90210"]}
        assert columns(path, header="no")["x0"] == ["a", "1", "2", "300"]

    def test_other_sheets_are_said(self, tmp_path: Path) -> None:
        path = self.written(tmp_path / "d.xlsx", [["a"], [1], [2]], more="notes")
        with pytest.warns(UserWarning, match=r"holds 2 sheets, of which the first, 'Sheet', is read; .*: 'notes'"):
            assert columns(path) == {"a": [1, 2]}
        with pytest.raises(InputError, match="no rows of data in its sheet 'notes'"):
            read(path, sheet="notes")
        assert columns(path, sheet="Sheet") == {"a": [1, 2]}
        with pytest.raises(InputError, match="has no sheet 'data'; it has 'Sheet', 'notes'"):
            read(path, sheet="data")

    def test_text_has_no_sheets(self, tmp_path: Path) -> None:
        (tmp_path / "d.csv").write_bytes(TEXT)
        with pytest.raises(InputError, match=r"d.csv is of a kind for which --sheet \(sheet=\) says nothing"):
            read(tmp_path / "d.csv", sheet="a")

    def test_no_rows_are_said(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"holds no rows of data in its sheet 'Sheet'"):
            read(self.written(tmp_path / "d.xlsx", [["a", "b"]]))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(pack(TEXT))))
    assert columns("-") == FRAME.to_dict(as_series=False)
    with pytest.raises(InputError, match=r"^standard input is empty"):
        read("-")


def test_parquet_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    FRAME.write_parquet(content)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content.getvalue())))
    assert columns("-") == FRAME.to_dict(as_series=False)


def test_pickles_are_refused(tmp_path: Path) -> None:
    (tmp_path / "d.pkl").write_bytes(b"x")
    with pytest.raises(InputError, match=r"is a pickle, which could run code; write it as \.parquet or \.csv"):
        read(tmp_path / "d.pkl")


class TestQueries:
    def test_a_table_is_called_data(self, tmp_path: Path) -> None:
        pytest.importorskip("duckdb")
        (tmp_path / "d.csv").write_bytes(TEXT)
        found = columns(tmp_path / "d.csv", query="select c, a * 2 as twice from data where a < 3 order by a desc")
        assert found == {"c": ["v", "00501"], "twice": [4, 2]}

    def test_a_database(self, tmp_path: Path) -> None:
        duckdb = pytest.importorskip("duckdb")
        FRAME.write_parquet(tmp_path / "d.parquet")
        with duckdb.connect(str(tmp_path / "d.duckdb")) as connection:
            connection.sql("create table t as select range as i, range / 4 as q from range(4)")
        assert columns(tmp_path / "d.duckdb") == {"i": [0, 1, 2, 3], "q": [0, 0.25, 0.5, 0.75]}
        query = f"select a + i as s from t join '{tmp_path / 'd.parquet'}' on a = i order by a"
        assert columns(tmp_path / "d.duckdb", query=query) == {"s": [2, 4, 6]}
        with pytest.raises(InputError, match=r"DuckDB cannot run the query: .*nowhere"):
            read(tmp_path / "d.duckdb", query="from nowhere")
        with pytest.raises(InputError, match=r"DuckDB cannot run the query: .*read-only"):
            read(tmp_path / "d.duckdb", query="drop table t")

    def test_sqlite(self, tmp_path: Path) -> None:
        connection = sqlite3.connect(tmp_path / "d.db")
        connection.execute("create table t (zip text, x real)")
        connection.executemany("insert into t values (?, ?)", [("00501", 1.5), ("2", None)])
        connection.commit()
        assert columns(tmp_path / "d.db") == {"zip": ["00501", "2"], "x": [1.5, None]}
        assert columns(tmp_path / "d.db", query="select x * 2 y from t where x > 1") == {"y": [3.0]}
        connection.execute("create table other (a)")
        connection.execute("insert into other values (1), ('u')")
        connection.commit()
        connection.close()
        with pytest.raises(InputError, match=r"holds 2 tables \(t, other\); say what to read: --query"):
            read(tmp_path / "d.db")
        with pytest.raises(InputError, match=r"Column 'a' of .* holds values of several types"):
            read(tmp_path / "d.db", query="select a from other")
        with pytest.raises(InputError, match=r"SQLite cannot run the query: attempt to write a readonly database"):
            read(tmp_path / "d.db", query="delete from t")

    def test_arrays_have_no_queries(self, tmp_path: Path) -> None:
        np.save(tmp_path / "d.npy", np.zeros((2, 2)))
        with pytest.raises(InputError, match=r"--query \(query=\) says nothing; leave it out"):
            read(tmp_path / "d.npy", query="from data")


@pytest.mark.parametrize(
    "text",
    [
        '{"a": {"0": 1, "1": 2}, "b": {"0": "u", "1": null}}',
        '{"0": {"a": 1, "b": "u"}, "1": {"a": 2, "b": null}}',
        '{"a": [1, 2], "b": ["u", null]}',
        '{"columns": ["a", "b"], "index": [0, 1], "data": [[1, "u"], [2, null]]}',
        '{"count": 2, "results": [{"a": 1, "b": "u"}, {"a": 2, "b": null}]}',
        '{"a": 1, "b": "u"}\n{"a": 2, "b": null}\n',
    ],
)
def test_json_of_other_forms_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.json").write_text(text)
    assert columns(tmp_path / "d.json") == {"a": [1, 2], "b": ["u", None]}


@pytest.mark.parametrize("text", ['{"a": 1}', "[1, 2]", "{}", "[[1], [1, 2]]", '{"a": [1], "b": [1, 2]}'])
def test_json_without_a_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "d.json").write_text(text)
    with pytest.raises(InputError, match=r"d\.json holds no table; expected a list of objects"):
        read(tmp_path / "d.json")


def test_json_of_lists_has_columns_by_their_places(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text("[[1, 2], [3, 4]]")
    assert columns(tmp_path / "d.json") == {"x0": [1, 3], "x1": [2, 4]}


def test_lists_in_json_are_columns_if_they_are_of_one_length_and_texts_otherwise(tmp_path: Path) -> None:
    rows = [{"v": [0.5, 1.5], "tags": ["ä"]}, {"v": [2.5, 3.5], "tags": []}, {"v": None, "tags": ["a", "b"]}]
    (tmp_path / "d.json").write_text(json.dumps(rows))
    with pytest.warns(UserWarning, match="The lists in 'v' .* a column for each place|'tags' .* as texts"):
        found = columns(tmp_path / "d.json")
    assert found == {"v.0": [0.5, 2.5, None], "v.1": [1.5, 3.5, None], "tags": ['["ä"]', "[]", '["a", "b"]']}


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_lists_in_typed_files_are_read_as_in_json(suffix: str, tmp_path: Path) -> None:
    pair = pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2))
    frame, path = pl.DataFrame({"v": [[0.5, 1.5], [2.5, None]], "pair": pair}), tmp_path / f"d{suffix}"
    (frame.write_parquet if suffix == ".parquet" else frame.write_ipc)(path)
    with pytest.warns(UserWarning, match="The lists in 'v', 'pair' .* are read as a column for each place, v.0, ..."):
        found = columns(path)
    assert found == {"v.0": [0.5, 2.5], "v.1": [1.5, None], "pair.0": [1, 3], "pair.1": [2, 4]}
