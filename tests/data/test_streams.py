"""Rows that come in groups end in one whole file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from unnoise._errors import InputError
from unnoise._places import ROWS
from unnoise.data import files
from unnoise.data.streams import appending, gathering, seed_of

GROUPS = [np.arange(12.0).reshape(3, 2, 2) + 100 * i for i in range(4)]
WHOLE = np.concatenate(GROUPS)


@pytest.mark.parametrize("suffix", ROWS)
def test_groups_end_in_one_file_in_their_order(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{suffix}"
    with appending(path) as append:
        for group in GROUPS:
            append(group)
        assert not path.exists()
    found = files.read(path)
    if suffix == ".npy":
        np.testing.assert_array_equal(found, WHOLE)
    else:
        assert isinstance(found, pl.DataFrame)
        assert found.columns == ["x0", "x1", "x2", "x3"]
        np.testing.assert_array_equal(found.to_numpy(), WHOLE.reshape(12, 4))
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_an_array_is_the_same_to_the_byte_as_numpys_own(dtype: type, tmp_path: Path) -> None:
    with appending(tmp_path / "ours.npy") as append:
        for group in GROUPS:
            append(group.astype(dtype).transpose(0, 2, 1))  # which is not contiguous
    np.save(tmp_path / "theirs.npy", np.ascontiguousarray(WHOLE.astype(dtype).transpose(0, 2, 1)))
    assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()


def test_a_count_of_many_digits_finds_room_in_the_header(tmp_path: Path) -> None:
    with appending(tmp_path / "rows.npy") as append:
        append(np.zeros((1, 1), dtype=np.int8))
        append(np.ones((12_345_678, 1), dtype=np.int8))
    found = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert found.shape == (12_345_679, 1)
    assert (found[0], found[1], found[-1]) == (0, 1, 1)


@pytest.mark.parametrize("suffix", ROWS)
def test_a_fault_on_the_way_leaves_the_old_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_text("old")

    def work() -> None:
        with appending(path, overwrite=True) as append:
            append(GROUPS[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("name", "said"), [("rows.txt", "of no type that can be written"), ("there.npy", "exists")])
def test_a_file_that_cannot_be_written_is_refused_before_the_work(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "there.npy").touch()
    with pytest.raises(InputError, match=said), appending(tmp_path / name):
        pytest.fail("no work is done")


@pytest.mark.parametrize("suffix", ROWS)
def test_blocks_in_any_order_end_in_the_file_of_all_rows(suffix: str, tmp_path: Path) -> None:
    whole, path = tmp_path / f"whole{suffix}", tmp_path / f"rows{suffix}"
    rows, groups = WHOLE.reshape(12, 4), [group.reshape(3, 4) for group in GROUPS]
    files.write(rows, whole)
    with gathering(path, 4) as put:
        for number in (2, 0, 3, 1):
            put(number, groups[number])
        assert not path.exists()
    if suffix == ".parquet":
        assert pl.read_parquet(path).equals(pl.read_parquet(whole))
    else:
        assert path.read_bytes() == whole.read_bytes()
    assert sorted(tmp_path.iterdir()) == sorted([path, whole])


def test_blocks_of_tables_keep_their_types(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, None, 3, 4], "b": ["x", "y, z", None, "x"], "c": [0.1, 1e-20, 2.0, None]})
    levels = pl.Series("d", ["p", "q", "p", None], dtype=pl.Enum(["p", "q"]))
    frame = frame.with_columns(levels, levels.cast(pl.String).cast(pl.Categorical).alias("e"))
    with gathering(tmp_path / "rows.parquet", 2) as put:
        put(0, frame[:2])
        put(1, frame[2:])
    found = pl.read_parquet(tmp_path / "rows.parquet")
    assert found.equals(frame)
    assert found.schema == frame.schema
    files.write(frame, tmp_path / "whole.csv")
    with gathering(tmp_path / "rows.csv", 2) as put:
        put(1, frame[2:])
        put(0, frame[:2])
    assert (tmp_path / "rows.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("count", [1, 2])
def test_a_fault_between_blocks_leaves_the_old_file(count: int, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("old")

    def work() -> None:
        with gathering(path, count, overwrite=True) as put:
            put(0, GROUPS[0])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_blocks_have_seeds_of_their_own() -> None:
    assert seed_of(7, 0) == 7
    assert len({seed_of(seed, number) for seed in range(10) for number in range(10)}) == 100
