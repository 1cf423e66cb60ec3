"""Tables that come in blocks hold the same rows as when they are read at once."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise.data import files
from unnoise.data.scans import Held, Scan, Source, opened

ROWS = pl.DataFrame(
    {
        "number": [0.5 * i for i in range(23)],
        "whole": range(23),
        "late": [None] * 20 + [1.5, 2.0, None],
        "text": [f"a, {i % 3}" for i in range(23)],
        "code": [f"{i:03}" for i in range(23)],
        "yes": [i % 2 == 0 for i in range(23)],
    }
)


def write(kind: str, folder: Path) -> Path:
    """The rows as one file, or as a folder of several."""
    if kind == "csv":
        ROWS.write_csv(folder / "rows.csv")
    elif kind == "parquet":
        ROWS.write_parquet(folder / "rows.parquet", row_group_size=5)
    else:
        suffix = kind.removeprefix("folder of ")
        for number, start in enumerate(range(0, 23, 9)):
            part = ROWS[start : start + 9]
            path = folder / f"part-{number}.{suffix}"
            part.write_csv(path) if suffix == "csv" else part.write_parquet(path)
        return folder
    return folder / f"rows.{kind}"


def together(source: Source, **options: int) -> Any:
    return pl.concat([block for _, block in source.blocks(**options)])


@pytest.mark.parametrize("size", [4, 10, 23, 100])
@pytest.mark.parametrize("kind", ["csv", "parquet", "folder of csv", "folder of parquet"])
def test_blocks_are_the_rows_of_the_table_in_order(kind: str, size: int, tmp_path: Path) -> None:
    source = opened(write(kind, tmp_path), block=3, large=10)
    assert isinstance(source, Scan)
    assert (len(source), list(source.columns)) == (23, ROWS.columns)
    blocks = dict(source.blocks(size=size))
    assert [len(block) for block in blocks.values()][:-1] == [size] * (len(blocks) - 1)
    assert list(blocks) == list(range(-(-23 // size)))
    assert pl.concat(list(blocks.values())).equals(ROWS)


def test_a_large_csv_file_has_the_types_of_a_small_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,c,d\n" + "1,01,true,5\n" * 9 + "2.5,2, ,NA\n" + "+3,x,FALSE, 7\n")
    small, large = opened(path), opened(path, large=10)
    assert isinstance(small, Held)
    assert together(large, size=2).equals(small.data)
    assert together(large).schema == {"a": pl.Float64, "b": pl.String, "c": pl.Boolean, "d": pl.Int64}


def test_exponents_of_fortran_are_numbers_in_blocks_too(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x,k\n1.5D+01,u\n-.25d1,v\n3.0,w\n")
    scan = opened(tmp_path / "rows.csv", block=2, large=0)
    assert isinstance(scan, Scan)
    assert scan["x"].to_list() == [15.0, -2.5, 3.0]


def test_processes_have_every_block_once(tmp_path: Path) -> None:
    source = opened(write("parquet", tmp_path), block=3)
    shares = [list(source.blocks(4, rank, 3)) for rank in range(3)]
    assert [[number for number, _ in share] for share in shares] == [[0, 3], [1, 4], [2, 5]]
    blocks = dict(pair for share in shares for pair in share)
    assert pl.concat([blocks[number] for number in sorted(blocks)]).equals(ROWS)


def test_a_sample_is_of_different_rows_and_reaches_all_of_them(tmp_path: Path) -> None:
    source = opened(write("folder of parquet", tmp_path))
    drawn = [source.sample(5, seed)["whole"].to_list() for seed in range(60)]
    assert all(len(set(rows)) == 5 and rows == sorted(rows) for rows in drawn)
    assert {row for rows in drawn for row in rows} == set(range(23))
    assert source.sample(99, 0).equals(ROWS)
    assert Held(ROWS).sample(5, 3).equals(source.sample(5, 3))


def test_other_data_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.arange(10.0).reshape(5, 2))
    source = opened(tmp_path / "rows.npy")
    assert (len(source), tuple(source.columns)) == (5, ())
    np.testing.assert_array_equal(np.concatenate([b for _, b in source.blocks(2)]), files.read(tmp_path / "rows.npy"))


def test_what_is_wrong_with_a_folder_is_said(tmp_path: Path) -> None:
    write("folder of csv", tmp_path)
    pl.DataFrame({"other": [1]}).write_csv(tmp_path / "part-9.csv")
    with pytest.raises(InputError, match=r"part-9\.csv has other columns than .*part-0\.csv"):
        opened(tmp_path)
    write("folder of parquet", tmp_path)
    with pytest.raises(InputError, match=r"both \.parquet and \.csv"):
        opened(tmp_path)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "rows.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(InputError, match="may be damaged"):
        opened(tmp_path / "cut")


def test_a_row_that_is_too_short_is_refused_and_blank_lines_are_not(tmp_path: Path) -> None:
    """They were rows with holes at their ends."""
    path = tmp_path / "rows.csv"
    path.write_text("a,b,c\n1,2,3\n\n4,5,6\n7,,\n")
    assert opened(path, block=1, large=1).sample(9, 0)["a"].drop_nulls().to_list() == [1, 4, 7]
    path.write_text("a,b,c\n1,2,3\n\n4,5\n6,7,8\n")
    with pytest.raises(InputError, match=r"rows\.csv cannot be read, .*: row 1 has 2 fields; expected 3"):
        opened(path, block=1, large=1)


def test_a_mark_is_missing_in_blocks_as_in_a_small_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,c\n" + "?,1.5,u\nv,?,?\n" * 9)
    with pytest.warns(UserWarning, match=r"'\?' is read as missing in 'a', 'b', 'c'"):
        small = files.read(path)
    with pytest.warns(UserWarning, match=r"'\?' is read as missing in 'a', 'b', 'c'"):
        large = opened(path, block=3, large=10)
    assert together(large).equals(small)
    with pytest.warns(UserWarning, match=r"'\?' is read as missing in 'b'"):
        kept = opened(path, block=3, large=10, text=["a", "c"])
    assert together(kept)["a"].to_list() == ["?", "v"] * 9


def test_processes_have_every_block_of_data_in_memory_once() -> None:
    shares = [list(Held(ROWS).blocks(4, rank, 3)) for rank in range(3)]
    assert [[number for number, _ in share] for share in shares] == [[0, 3], [1, 4], [2, 5]]
    blocks = dict(pair for share in shares for pair in share)
    assert pl.concat([blocks[number] for number in sorted(blocks)]).equals(ROWS)


def test_titles_and_comments_above_the_names_are_left_out_with_a_warning(tmp_path: Path) -> None:
    rows = "".join(f'{i},"u, v",{i / 8}\n' for i in range(50))
    path = tmp_path / "rows.csv"
    for above in ("# made by hand\n", "Sales of 2024\n\nall shops, in thousands\n", '"Sales, ""all"""\n'):
        path.write_text(f"{above}n,name,x\n{rows}", encoding="utf-8-sig")
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            scan = opened(path, block=0, large=0)
        assert [bool(re.search("above the names of .* (is|are) left out", str(one.message))) for one in said] == (
            [] if above.startswith("#") else [True]
        )
        assert scan.columns == ("n", "name", "x")
        assert scan.sample(50, 0).equals(
            pl.DataFrame({"n": range(50), "name": ["u, v"] * 50, "x": [i / 8 for i in range(50)]})
        )
