"""A few rows of a table show what all rows show of its columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from unnoise.data import Schema
from unnoise.data.scans import Scan, opened
from unnoise.data.witnesses import witnesses

N = 400


@pytest.fixture
def table() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    rare = ["usual"] * N
    rare[377] = "rare"
    steps = 5 * rng.integers(1, 9, N)
    steps[311] = 22
    holes = [float(i % 7) for i in range(N)]
    fraction = [float(i % 5) for i in range(N)]
    holes[123], fraction[222] = None, 2.25
    numbers = rng.normal(size=N)
    return pl.DataFrame({"rare": rare, "steps": steps, "holes": holes, "fraction": fraction, "real": numbers})


def scan_of(table: pl.DataFrame, folder: Path) -> Scan:
    table.write_parquet(folder / "rows.parquet")
    scan = opened(folder / "rows.parquet", block=0)
    assert isinstance(scan, Scan)
    return scan


@pytest.mark.parametrize("size", [7, 50, 1000])
def test_rare_things_are_seen(size: int, table: pl.DataFrame, tmp_path: Path) -> None:
    rows, index = witnesses(scan_of(table, tmp_path), seed=0, n=20, size=size)
    assert rows.equals(table[index])
    assert 20 <= len(rows) <= 20 + 30
    assert (np.diff(index) > 0).all()
    assert {377, 311, 123, 222} <= set(index.tolist())
    for name in ("steps", "holes", "fraction", "real"):
        assert (rows[name].min(), rows[name].max()) == (table[name].min(), table[name].max())


def test_a_schema_of_them_reads_every_row(table: pl.DataFrame, tmp_path: Path) -> None:
    rows, _ = witnesses(scan_of(table, tmp_path), seed=0, n=20)
    found, whole = Schema.infer(rows), Schema.infer(table)
    found.encode(table)  # which would warn of values off a grid, and refuse unknown levels
    assert (found.missing, found.kinds) == (whole.missing, whole.kinds)
    assert found.levels("rare") == whole.levels("rare")


def test_the_sample_alone_misses_them(table: pl.DataFrame, tmp_path: Path) -> None:
    assert "rare" not in scan_of(table, tmp_path).sample(20, seed=0)["rare"]


def test_few_rows_are_all_there(table: pl.DataFrame, tmp_path: Path) -> None:
    rows, index = witnesses(scan_of(table, tmp_path), seed=0, n=N)
    assert rows.equals(table)
    assert index.tolist() == list(range(N))
