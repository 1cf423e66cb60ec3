"""Rows encoded into files are those encoded in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from unnoise import _tree
from unnoise.data import Encoded, Schema
from unnoise.data.mapped import Mapped, mapped
from unnoise.data.scans import Scan, opened

N = 57


@pytest.fixture
def frame() -> pl.DataFrame:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({"a": rng.normal(size=N), "sex": rng.choice(["f", "m"], N), "age": rng.integers(0, 9, N)})
    frame = frame.with_columns(count=pl.Series([0] * 50 + [40_000, 3, 70_000, 1, 2, 3, 4]))
    return frame.with_columns(pl.when(pl.Series(rng.random(N) < 0.7)).then(pl.col("sex")).alias("sex"))


def scan_of(frame: pl.DataFrame, folder: Path) -> Scan:
    frame.write_parquet(folder / "rows.parquet")
    scan = opened(folder / "rows.parquet", block=0)
    assert isinstance(scan, Scan)
    return scan


@pytest.mark.parametrize(("kinds", "condition"), [({}, ()), ({"count": "count"}, ("age",)), ({"age": "integer"}, ())])
@pytest.mark.parametrize("size", [10, 100])
def test_batches_and_digest_are_those_of_memory(
    size: int, kinds: dict[str, str], condition: tuple[str, ...], frame: pl.DataFrame, tmp_path: Path
) -> None:
    if size < N:  # what stands in holes depends on the block
        frame = frame.with_columns(pl.col("sex").fill_null("f"))
    schema = Schema.infer(frame, kinds=kinds, condition=condition)
    ours, theirs = mapped(schema, scan_of(frame, tmp_path), None, tmp_path / "rows", size), schema.encode(frame)
    assert len(ours) == len(theirs) == N
    assert ours.digest() == theirs.digest()
    indices = torch.tensor([56, 3, 3, 50, 0])
    for one, other in zip(batch(ours, indices), batch(theirs, indices), strict=True):
        assert [name for name, _ in _tree.leaves(one)] == [name for name, _ in _tree.leaves(other)]
        for (_, a), (_, b) in zip(_tree.leaves(one), _tree.leaves(other), strict=True):
            assert (a is b is None) or (a.dtype == b.dtype and torch.equal(a, b))
    if size > N:
        known = dict(_tree.leaves(ours.known_at(indices)))
        assert all(torch.equal(known[name], leaf) for name, leaf in _tree.leaves(theirs.known_at(indices)))


def batch(data: Mapped | Encoded, indices: torch.Tensor) -> tuple[object, object]:
    return data.batch(indices, torch.Generator().manual_seed(1))


def test_without_some_rows_the_others_stand_as_in_memory(frame: pl.DataFrame, tmp_path: Path) -> None:
    frame = frame.with_columns(pl.col("sex").fill_null("f"))
    schema = Schema.infer(frame)
    ours, theirs = mapped(schema, scan_of(frame, tmp_path), None, tmp_path / "rows", size=10), schema.encode(frame)
    for out in ([0, 1, 9, 30, 56], [3], [50, 51]):  # each time of those that are left
        gone = torch.tensor([i for i in out if i < len(theirs)])
        ours, theirs = ours.without(gone), theirs.without(gone)
        assert len(ours) == len(theirs)
        assert ours.digest() == theirs.digest()
        for (_, a), (_, b) in zip(*(_tree.leaves(d.rows(torch.arange(len(d))).x) for d in (ours, theirs)), strict=True):
            assert torch.equal(a, b)


def test_files_of_the_same_data_are_used_again(frame: pl.DataFrame, tmp_path: Path) -> None:
    schema, scan = Schema.infer(frame), scan_of(frame, tmp_path)
    first = mapped(schema, scan, None, tmp_path / "rows").digest()
    made = (tmp_path / "rows" / "0.npy").stat().st_ino
    assert mapped(schema, scan, None, tmp_path / "rows").digest() == first
    assert (tmp_path / "rows" / "0.npy").stat().st_ino == made
    other = scan_of(frame[::-1], tmp_path)
    assert mapped(schema, other, None, tmp_path / "rows").digest() != first


def test_whole_numbers_are_short_where_they_fit(frame: pl.DataFrame, tmp_path: Path) -> None:
    schema = Schema.infer(frame, kinds={"count": "count"})
    held = dict(_tree.leaves(mapped(schema, scan_of(frame, tmp_path), None, tmp_path / "rows", size=10).held["x"]))
    assert held["category"].dtype == np.int16
    assert held["count"].dtype == np.int32
    assert held["count"].ravel().tolist() == frame["count"].to_list()


def test_a_hole_is_known_as_one(frame: pl.DataFrame) -> None:
    known = Schema.infer(frame).encode(frame).known_at(torch.arange(N))
    assert known["category"][:, 0].tolist() == frame["sex"].is_not_null().to_list()


def test_conditions_beside_a_table_are_read_block_by_block(frame: pl.DataFrame, tmp_path: Path) -> None:
    """Also where the largest sets stand in no row that the schema was made of."""
    frame, rng = frame.select("a", "age"), np.random.default_rng(1)
    y = {
        "sets": [rng.normal(size=1 + row // 8) for row in range(N)],
        "photo": rng.integers(0, 9, (N, 4, 4)),
        "place": pl.Series([row % 3 for row in range(N)]),
    }
    some = {"sets": y["sets"][:20], "photo": y["photo"][:20], "place": y["place"][:20]}
    schema = Schema.infer(frame[:20], some, optional=True).holding(y)
    ours, theirs = mapped(schema, scan_of(frame, tmp_path), y, tmp_path / "rows", 10), schema.encode(frame, y)
    assert ours.digest() == theirs.digest()
    assert schema.condition_width == 8 * 2 + 16 + schema.conditions["place"].width + 1
