"""Where cells of numbers end: at atoms, at quantiles, and at gaps that no draw may fill."""

from __future__ import annotations

import numpy as np
import pytest

from unnoise.data import _cuts
from unnoise.data.resolution import Resolution

DRAWS = np.random.default_rng(0)


def cells_of(values: np.ndarray) -> tuple[np.ndarray, ...]:
    seen, counts = np.unique(values, return_counts=True)
    return _cuts.cells(seen if values.dtype.kind == "f" else seen.astype(np.uint64), counts, values.dtype.kind == "f")


@pytest.mark.parametrize("decimals", [2, None])
@pytest.mark.parametrize("rows", [1, 2, 3, 40])
def test_no_value_is_drawn_between_a_far_value_and_the_others(rows: int, decimals: int | None) -> None:
    measured = DRAWS.normal(70, 10, 600)
    measured = measured if decimals is None else measured.round(decimals)
    for values in (np.append(measured, [-999.0] * rows), np.append(measured, [999.0] * rows)):
        found = Resolution.fit(values, "x")
        shares = np.array(found.shares)
        there = np.concatenate([found._starts[:, None], found._ends[:, None]], 1).astype(float)
        there = found._values(there.astype(found._held)).astype(float)
        between = (np.abs(there) < 998).any(1) & ((np.abs(there) > 150).any(1) | (there < 0).any(1))
        alone = (np.abs(there) > 998).any(1)
        assert shares[alone].sum() == pytest.approx(rows / len(values), abs=1e-5)  # not the 8 rows of a cell
        assert shares[between].sum() == (pytest.approx(rows / len(values), abs=1e-5) if rows < 3 else 0.0)
        assert np.isfinite(found.log_detail(np.array([-400.0, 400.0]), "x")).all()


def total(found: Resolution, values: np.ndarray) -> float:
    """The sum of the law over values, with the shares of the data for the cells."""
    shares = np.array(found.shares) / sum(found.shares)
    cells = found._cells(found._points(values, "x")[0])
    return float((shares[cells] * np.exp(found.log_detail(values, "x"))).sum())


def test_two_clusters_are_two_and_the_law_sums_to_one() -> None:
    values = np.concatenate([DRAWS.normal(0, 1, 400), DRAWS.normal(100, 1, 400)])
    found = Resolution.fit(values, "x")
    assert not ((found._starts < 50) & (found._ends > 50)).any()
    whole = Resolution.fit(values.round(2), "x")
    assert total(whole, np.arange(-30_000, 60_000) / 100) == pytest.approx(1.0, abs=1e-5)
    grid = np.linspace(-200, 400, 600_001)
    assert total(found, grid) * (grid[1] - grid[0]) == pytest.approx(1.0, abs=5e-3)


@pytest.mark.parametrize(
    "values",
    [DRAWS.random(4000), DRAWS.normal(size=4000), DRAWS.lognormal(0, 2, 4000), DRAWS.integers(0, 9000, 4000)],
    ids=["uniform", "normal", "lognormal", "whole"],
)
def test_cells_of_one_cluster_meet(values: np.ndarray) -> None:
    """Tails and chance leave no gap: between two cells lies nothing."""
    _, wide, starts, ends = cells_of(values)
    assert len(starts) == pytest.approx(500, abs=3)
    between = wide[:-1] | wide[1:]
    after = np.nextafter(ends, np.inf) if values.dtype.kind == "f" else ends + np.uint64(1)
    assert (starts[1:] == after[:-1])[between].mean() > 0.99


def test_few_whole_numbers_stay_exact() -> None:
    firsts, wide, starts, ends = cells_of(np.array([0, 1, 2, 1000]))
    assert firsts.tolist() == [0, 1, 2, 3]
    assert not wide.any()
    assert starts.tolist() == ends.tolist() == [0, 1, 2, 1000]


def test_coarse_states_hold_equal_shares() -> None:
    assert _cuts.coarse(np.full(64, 1 / 64)) == tuple(range(0, 64, 2))
    assert _cuts.coarse(np.array([0.5, *[0.5 / 32] * 32]))[:3] == (0, 1, 3)


def test_one_real_number_of_many_that_differ_is_no_atom() -> None:
    _, wide, starts, ends = cells_of(np.arange(5.0))
    assert wide.all()
    assert (starts[1:] == np.nextafter(ends[:-1], np.inf)).all()
