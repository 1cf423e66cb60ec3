from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import norm

from unnoise._errors import InputError
from unnoise.evaluation import copying
from unnoise.evaluation.copying import _nearest, _scaled
from unnoise.testing import ImprobableError, assert_probable
from unnoise.testing.statistics import assert_mean

NAN = float("nan")


def law(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Two numbers, of which one is missing at times, and two levels."""
    numbers = rng.normal(size=(rows, 2)) * [1.0, 1000.0]
    numbers[:, 1] = np.where(rng.random(rows) < 0.2, NAN, numbers[:, 1])
    return np.concatenate([numbers, rng.integers(0, 4, (rows, 2))], axis=1)


LEVELS = [2, 3]


def test_distances_by_hand() -> None:
    """A number in widths of its range, 1 for a level that differs, and missing is far from every number."""
    known = np.array([[0.0], [4.0]])
    scaled = _scaled(known, known, np.array([[1.0], [NAN]]))
    width = 4.0 * 0.98  # from 1 % to 99 % of two values
    np.testing.assert_allclose(scaled[1][:, 0], [-1.0 / width, 10.0])
    rows = (scaled[1], np.array([[0.0, 1.0], [NAN, 0.0]]))
    found, which = _nearest(rows, (scaled[0], np.array([[0.0, 1.0], [0.0, 0.0]])))
    np.testing.assert_allclose(found, [1.0 / width, 10.0 - 2.0 / width + 1.0])
    assert which.tolist() == [0, 1]


def test_fresh_rows_are_new_and_copies_are_not() -> None:
    rng = np.random.default_rng(0)
    train, held_out, fresh = (law(rng, 300) for _ in range(3))
    new = copying(fresh, held_out, train, categorical=LEVELS)
    assert new.ratio == pytest.approx(1.0, abs=0.2)
    assert (new.duplicates, new.held_out_duplicates) == (0.0, 0.0)
    assert_probable(2 * norm.sf(abs(new.nearer_train - 0.5) / new.nearer_train_se))
    copies = copying(train[:200], held_out, train, categorical=LEVELS)
    assert (copies.ratio, copies.duplicates, copies.nearer_train) == (0.0, 1.0, 1.0)
    with pytest.raises(ImprobableError):
        assert_probable(2 * norm.sf(abs(copies.nearer_train - 0.5) / copies.nearer_train_se))
    half = copying(np.concatenate([train[:100], fresh[:100]]), held_out, train, categorical=LEVELS)
    assert half.duplicates == 0.5


def test_blurred_copies_tell_who_was_in_the_training_data() -> None:
    rng = np.random.default_rng(0)
    train, held_out = law(rng, 300), law(rng, 300)
    blurred = train + rng.normal(size=train.shape) * [0.05, 50.0, 0.0, 0.0]
    found = copying(blurred, held_out, train, categorical=LEVELS)
    assert found.duplicates == 0.0
    assert found.ratio < 0.5
    assert found.nearer_train > 0.9


def test_the_error_of_the_share_is_that_of_many_draws_of_the_data() -> None:
    """Samples lie close together, so that many have the same nearest row."""
    rng = np.random.default_rng(0)
    found = [copying(0.3 * rng.normal(size=(60, 1)), *rng.normal(size=(2, 30, 1))) for _ in range(300)]
    shares = torch.tensor([one.nearer_train for one in found], dtype=torch.float64)
    errors = torch.tensor([one.nearer_train_se for one in found], dtype=torch.float64)
    assert_mean(shares, 0.5)
    assert_mean(errors**2 - (shares - 0.5) ** 2, tolerance=0.15 * float((errors**2).mean()))
    with pytest.raises(ImprobableError):  # as if all samples were independent
        assert_mean(0.25 / 60 - (shares - 0.5) ** 2, tolerance=0.15 * float((errors**2).mean()))


def test_repeats_count_where_held_out_rows_repeat_too() -> None:
    train = np.array([[0.0], [0.0], [1.0], [2.0]])
    found = copying([[0.0], [0.5]], [[0.0], [1.0], [1.0], [3.0]], train)
    assert (found.duplicates, found.held_out_duplicates) == (0.5, 0.75)
    assert copying([[0.0]], [[0.0]], train).ratio == 1.0
    assert copying([[0.5]], [[0.0]], np.zeros((2, 1))).ratio == float("inf")
    assert copying([[NAN]], [[0.0]], [[NAN], [0.0]]).duplicates == 1.0
    assert copying([[-0.0]], [[1.0]], [[0.0], [0.0]]).duplicates == 1.0


def test_rare_levels_by_hand() -> None:
    """The levels 1 and 2 have two training rows and none."""
    train = np.array([[0.0], [0.0], [0.0], [1.0], [1.0]])
    found = copying([[0.0], [1.0], [2.0], [0.0]], [[0.0], [1.0]], train, categorical=[0])
    assert (found.rare, found.held_out_rare) == (0.5, 0.5)
    assert copying([[0.0], [1.0]], [[0.0]], train).rare == 0.0, "numbers have no levels"


def test_training_rows_are_cut_to_as_many_as_held_out_ones() -> None:
    rng = np.random.default_rng(0)
    train, held_out, fresh = rng.normal(size=(2000, 1)), rng.normal(size=(100, 1)), rng.normal(size=(400, 1))
    found = copying(fresh, held_out, train)
    assert_probable(2 * norm.sf(abs(found.nearer_train - 0.5) / found.nearer_train_se))
    assert found.rows == (400, 100)


def test_a_column_of_any_kind_is_compared() -> None:
    empty, same = np.full((9, 1), NAN), np.ones((9, 1))
    assert copying(empty, empty, empty).ratio == copying(same, same, same).ratio == 1.0
    assert copying(empty, empty, empty, categorical=[0]).duplicates == 1.0


def test_other_columns_are_refused() -> None:
    with pytest.raises(InputError, match="the held-out rows have 2 columns and the training rows 1"):
        copying([[0.0]], [[0.0, 1.0]], [[0.0]])
