"""Numbers as digits: every value comes back on its grid, and the whole law sums to one."""

from __future__ import annotations

import numpy as np
import pytest

from unnoise import InputError
from unnoise.data.resolution import Resolution

DRAWS = np.random.default_rng(0)
GRIDS = {
    "hours": DRAWS.integers(1, 100, 500) * 0.25,
    "cents": np.round(DRAWS.exponential(30.0, 4000), 2),
    "negative": DRAWS.integers(-300, -20, 900),
    "small": DRAWS.integers(-100, 100, 900).astype(np.int8),
    "unsigned": np.uint64(2**63) + DRAWS.integers(0, 1000, 4000).astype(np.uint64),
    "signed": 2**60 + DRAWS.integers(0, 500, 3000),
    "few": np.array([3, 1, 4, 1, 5]),
}


@pytest.mark.parametrize("values", GRIDS.values(), ids=GRIDS)
def test_values_come_back_in_their_cells_and_on_their_grid(values: np.ndarray) -> None:
    found = Resolution.fit(values, "x")
    digits = found.encode(values, "x")
    for place in (0.0, 0.5, 0.999):
        back = found.decode(digits, place)
        assert back.dtype == values.dtype
        assert np.array_equal(found.encode(back, "x"), digits)
        assert back.min() >= values.min()
        assert back.max() <= values.max()


def test_few_values_are_exact_and_shares_are_kept() -> None:
    values = np.where(np.arange(4000) % 50 < 46, 0, np.arange(4000) % 59 * 1000 + 1000)
    found = Resolution.fit(values, "gain")
    assert np.array_equal(found.decode(found.encode(values, "gain")), values)
    assert "; 0 in 92 % of rows" in str(found)


def total(found: Resolution, values: np.ndarray, width: float = 1.0) -> float:
    """The sum of the law over values, with the shares of the data for the cells."""
    cells = found._cells(found._points(values, "x")[0])
    shares = np.array(found.shares) / sum(found.shares)
    return float((shares[cells] * np.exp(found.log_detail(values, "x"))).sum() * width)


@pytest.mark.parametrize("values", [DRAWS.poisson(3, 500) ** 3, DRAWS.integers(0, 5000, 800)], ids=["atoms", "spread"])
def test_the_law_of_whole_numbers_sums_to_one(values: np.ndarray) -> None:
    found = Resolution.fit(values, "x")
    assert total(found, np.arange(-300_000, 300_000)) == pytest.approx(1.0, abs=1e-6)
    assert total(found, np.arange(values.min(), values.max() + 1)) < 1 - 1e-5  # without what was never seen


def test_the_law_of_rain_is_an_atom_and_a_density() -> None:
    values = np.where(DRAWS.random(3000) < 0.3, 0.0, DRAWS.exponential(size=3000))
    found = Resolution.fit(values, "x")
    grid = np.linspace(-20, 60, 2_000_001)
    grid = grid[np.abs(grid) > 1e-9]
    atom = found.shares[0] * np.exp(found.log_detail(np.zeros(1), "x"))[0]
    assert atom == pytest.approx((values == 0).mean(), abs=1e-3)
    assert atom + total(found, grid, grid[1] - grid[0]) == pytest.approx(1.0, abs=2e-3)


def test_the_mean_of_digits() -> None:
    found = Resolution.fit(np.array([0, 10, 20, 0, 10, 20]), "x")
    laws = np.array([[0.5, 0.0, 0.5], [0.0, 0.1, 0.9]])
    assert found.decode(found.mean_digits([laws])).tolist() == [10, 20]


def test_fractions_among_whole_numbers_are_refused() -> None:
    with pytest.raises(InputError, match=r"holds whole numbers, but row 1 holds 2\.5"):
        Resolution.fit(np.array([1.0, 2.0, 3.0, 1.0]), "x").encode(np.array([1.0, 2.5]), "x")


def test_every_value_of_a_cell_is_drawn_alike() -> None:
    found = Resolution.fit(np.arange(4000), "x")
    start, end = int(found._starts[7]), int(found._ends[7])
    count = end - start + 1
    assert count > 4
    digits = np.repeat(found.encode(np.array([start]), "x"), count, axis=0)
    assert found.decode(digits, (np.arange(count) + 0.5) / count).tolist() == list(range(start, end + 1))


def test_a_mean_between_two_values_is_the_nearer_one() -> None:
    found = Resolution.fit(np.array([0, 10, 20, 0, 10, 20]), "x")
    laws = np.array([[0.7, 0.3, 0.0], [0.0, 0.7, 0.3], [0.4, 0.6, 0.0]])
    assert found.decode(found.mean_digits([laws])).tolist() == [0, 10, 10]
