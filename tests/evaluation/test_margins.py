from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, ks_2samp

from unnoise._errors import InputError
from unnoise.evaluation import margin_distances, margins, pair_distances
from unnoise.testing import FAILURE_RATE

NAN = float("nan")


def named(found, *names):
    """The entries of these columns."""
    return [next(one for one in found if one.name == name) for name in names]


def test_distances_by_hand() -> None:
    data = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, NAN], [0.0, 1.0, 1.0], [5.0, 2.0, 1.0]])
    samples = np.array([[0.0, 0.0, NAN], [5.0, 0.0, NAN], [6.0, 3.0, 1.0], [7.0, 3.0, NAN]])
    found = margin_distances(data, samples, categorical=[1], names=["gain", "level", "holed"])
    gain, level, holed = named(found, "gain", "level", "holed")
    assert (gain.distance, gain.value, gain.share, gain.share_of_samples) == (0.5, 0.0, 0.75, 0.25)
    # one half less of the levels 1 and 2, one half more of 3
    assert (level.distance, level.value, level.share, level.share_of_samples) == (0.5, 3.0, 0.0, 0.5)
    assert (holed.distance, holed.share, holed.share_of_samples) == (0.5, 0.75, 0.25)
    assert (gain.categorical, level.categorical) == (False, True)


def test_numbers_are_compared_as_scipy_compares_them() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(70, 2)).round(1), rng.normal(0.3, 2.0, size=(50, 2))
    found = margin_distances(x, y)
    assert [one.distance for one in named(found, "0", "1")] == pytest.approx(
        [ks_2samp(x[:, j], y[:, j]).statistic for j in (0, 1)]
    )


def test_a_number_that_never_repeats_has_no_atom() -> None:
    (found,) = margin_distances(*np.random.default_rng(0).normal(size=(2, 100, 1)))
    assert found.value is None


def test_missing_is_beyond_every_number() -> None:
    (found,) = margin_distances(np.array([[1.0], [2.0]]), np.array([[NAN], [NAN]]))
    assert found.distance == 1.0


def law(rng: np.random.Generator, rows: int) -> np.ndarray:
    """A wide number, one with an atom, a level that goes with it, a level of many values."""
    x = rng.normal(size=rows)
    atom = np.where(rng.random(rows) < 0.8, 0.0, x)
    return np.stack([x, atom, (atom > 0) + 0.0, rng.integers(0, 30, rows)], axis=1)


def test_p_values_hold_for_all_columns_together_and_chance_is_what_it_says() -> None:
    rng, draws = np.random.default_rng(0), 100
    found = [margin_distances(law(rng, 80), law(rng, 60), categorical=[2, 3], splits=19) for _ in range(draws)]
    blamed = int(np.sum([min(one.p_value for one in columns) <= 0.2 for columns in found]))
    assert binom.sf(blamed - 1, draws, 0.2) > FAILURE_RATE
    assert binom.cdf(blamed, draws, 0.05) > FAILURE_RATE
    for name in "0123":
        chance, distance = np.mean([(one.chance, one.distance) for (one,) in (named(c, name) for c in found)], axis=0)
        assert chance == pytest.approx(distance, rel=0.15)
    each = [one.p_value for columns in found for one in columns]  # uncorrected ones would be uniform
    assert np.mean(np.array(each) <= 0.2) < 0.15


def test_pairs_hold_their_rate_too() -> None:
    rng, draws = np.random.default_rng(1), 60
    found = [pair_distances(law(rng, 60), law(rng, 60), categorical=[2, 3], splits=19) for _ in range(draws)]
    blamed = int(np.sum([min(one.p_value for one in columns) <= 0.2 for columns in found]))
    assert binom.sf(blamed - 1, draws, 0.2) > FAILURE_RATE


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_broken_column_comes_first(place: int) -> None:
    rng = np.random.default_rng(0)
    data, samples = law(rng, 400), law(rng, 400)
    samples[:, place] = [samples[:, 0] + 0.5, samples[:, 1] + (samples[:, 1] == 0), 1 - samples[:, 2]][place]
    found = margin_distances(data, samples, categorical=[2, 3])
    assert found[0].name == str(place)
    assert found[0].p_value == 1 / 200
    assert found[0].distance > found[0].chance + 0.1
    if place == 1:
        assert found[0].value in (0.0, 1.0)
        assert abs(found[0].share - found[0].share_of_samples) > 0.7
    assert min(one.p_value for one in found[1:]) > 1 / 200


@pytest.mark.parametrize(("levels", "pair"), [((), ("0", "1")), ((1,), ("0", "1")), ((0, 1), ("0", "1"))])
def test_a_broken_dependence_comes_first_though_margins_agree(levels: tuple[int, ...], pair: tuple[str, str]) -> None:
    rng = np.random.default_rng(0)
    data = rng.integers(0, 3, (400, 3)).astype(float)
    data[:, 1] = np.where(rng.random(400) < 0.6, data[:, 0], data[:, 1])
    samples = rng.permuted(data, axis=0)
    assert margin_distances(data, samples, categorical=levels)[0].distance == 0.0
    found = pair_distances(data, samples, categorical=levels)
    assert (found[0].first, found[0].second) == pair
    assert found[0].p_value == 1 / 200
    assert found[0].distance > 0.2 > found[1].distance
    assert found[1].p_value > 1 / 200


def test_correlations_are_numpys_over_rows_that_have_both() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 40, 3)) + 1e6
    x[:, 1] = np.where(rng.random(40) < 0.3, NAN, x[:, 1] + x[:, 0] - 1e6)
    for one in pair_distances(x, y, splits=1):
        i, j = int(one.first), int(one.second)
        wanted = [np.corrcoef(part[~np.isnan(part[:, [i, j]]).any(1)][:, [i, j]].T)[0, 1] for part in (x, y)]
        assert one.correlations == pytest.approx(wanted)
        assert one.distance == pytest.approx(abs(wanted[0] - wanted[1]))


def test_a_column_that_does_not_vary_correlates_with_nothing() -> None:
    x = np.stack([np.arange(20.0), np.full(20, 3.0), np.full(20, NAN)], axis=1)
    assert all(one.correlations == (0.0, 0.0) for one in pair_distances(x, x, splits=1))


def test_tables_by_hand() -> None:
    """A level goes with a number below the median in the data, and above it in the samples."""
    data = np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 3.0], [1.0, 4.0]])
    samples = np.array([[1.0, 1.0], [1.0, 2.0], [0.0, 3.0], [0.0, 4.0]])
    (found,) = pair_distances(data, samples, categorical=[0])
    assert found.distance == 1.0
    assert found.correlations is None
    (holed,) = pair_distances([[0, 0], [0, NAN], [1, 0], [1, 0]], [[0, 0], [0, 0], [1, 0], [1, NAN]], categorical=[0])
    assert holed.distance == 0.5  # one row less with a number, one more without, for each level


def test_one_column_has_no_pairs_and_rare_levels_share_a_row() -> None:
    assert pair_distances(np.zeros((4, 1)), np.zeros((4, 1))) == ()
    codes = margins._table_codes(np.repeat(np.arange(40.0), np.arange(40, 0, -1)), True)
    assert codes.max() == margins.MOST_LEVELS
    assert np.bincount(codes)[:3].tolist() == [40, 39, 38]


def test_other_seeds_split_otherwise_and_the_same_alike() -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 30, 2))
    assert margin_distances(x, y) == margin_distances(x, y)
    assert margin_distances(x, y) != margin_distances(x, y, seed=1)
    assert pair_distances(x, y) == pair_distances(x, y)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="got 1 names for 2 columns"):
        margin_distances(np.zeros((4, 2)), np.zeros((4, 2)), names=["a"])
    with pytest.raises(InputError, match="the samples hold infinity"):
        margin_distances(np.zeros((4, 1)), np.full((4, 1), np.inf))
    with pytest.raises(InputError, match="expected at least one column"):
        margin_distances(np.zeros((4, 0)), np.zeros((4, 0)))


def test_another_scorer_finds_the_same_distances(scorer) -> None:
    import pandas as pd

    rng = np.random.default_rng(0)
    sides = [law(rng, 300), law(rng, 200)]
    for rows in sides:
        rows[:, 0] = np.where(rng.random(len(rows)) < 0.1, NAN, rows[:, 0])
    frames = [scorer.tidy(pd.DataFrame(rows, columns=list("abcd")), ["c", "d"]) for rows in sides]
    found = {one.name: one.distance for one in margin_distances(*sides, categorical=[2, 3], names=list("abcd"))}
    assert found == pytest.approx(scorer.shape(*frames, ["c", "d"]))
    few = [frame[["a", "b"]] for frame in frames]
    (one,) = pair_distances(*(rows[:, :2] for rows in sides))
    assert one.distance == pytest.approx(scorer.pair(*few, [], dict.fromkeys("ab", np.zeros(0))))
