"""Simulation-based calibration and the coverage of central intervals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from linear import posterior

from unnoise._errors import InputError
from unnoise.evaluation import interval_coverage, rank_calibration
from unnoise.testing.statistics import FAILURE_RATE, assert_probable


@pytest.mark.parametrize("check", [rank_calibration, interval_coverage])
def test_an_exact_posterior_passes(check) -> None:
    for seed in range(3):
        draws, truths, _ = posterior("exact", seed=seed)
        assert_probable(check(draws, truths).p_value)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("narrow", "draws are too narrow"), ("wide", "draws are too wide"), ("shifted", "draws are too high")],
)
def test_ranks_see_a_wrong_posterior(kind: str, words: str) -> None:
    found = rank_calibration(*posterior(kind)[:2], names=["a", "b"])
    assert found.p_value < FAILURE_RATE
    assert {one.words for one in found.columns} == {words}
    assert found.columns[0].curve.outside.any()


@pytest.mark.parametrize(
    ("kind", "words"), [("narrow", "intervals are too narrow"), ("wide", "intervals are too wide")]
)
def test_intervals_see_a_wrong_width(kind: str, words: str) -> None:
    found = interval_coverage(*posterior(kind)[:2])
    assert found.p_value < FAILURE_RATE
    assert found.columns[0].words == words


def test_intervals_hold_the_share_of_truths_that_they_do() -> None:
    """Three truths of four draws in the middle, one outside."""
    draws = np.tile(np.array([1.0, 2.0, 3.0, 4.0]), (12, 1))[..., None]
    truths = np.array([2.5] * 9 + [0.0] * 3)[:, None]
    curve = interval_coverage(draws, truths).columns[0].curve
    np.testing.assert_allclose(curve.level, [0, 0.2, 0.6, 1])
    np.testing.assert_allclose(curve.share, [0, 0.75, 0.75, 1])


@pytest.mark.parametrize("check", [rank_calibration, interval_coverage])
def test_a_posterior_that_ignores_what_was_seen_is_not_seen(check) -> None:
    """As the page says: others see it."""
    assert_probable(check(*posterior("blind")[:2]).p_value)


def test_one_wrong_column_of_many_is_named() -> None:
    draws, truths, _ = posterior("exact", columns=5)
    draws[:, :, 3] += 0.5
    found = rank_calibration(torch.from_numpy(draws), torch.from_numpy(truths), names=list("abcde"))
    assert found.columns[0].name == "d"
    assert found.p_value == found.columns[0].p_value < FAILURE_RATE < found.columns[1].p_value


def angles(shift: float, spread: float, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Around a mean that lies anywhere on the circle, in degrees."""
    rng = np.random.default_rng(0)
    mean = rng.uniform(0, 360, (n, 1))
    draws = mean[:, None] + shift + spread * 30 * rng.normal(size=(n, 20, 1))
    return np.mod(draws, 360), np.mod(mean + 30 * rng.normal(size=(n, 1)), 360)


def test_angles_are_ranked_around_their_mean() -> None:
    assert_probable(rank_calibration(*angles(0, 1), periods={0: 360.0}).p_value)
    turned = angles(30, 1)
    assert rank_calibration(*turned, periods={0: 360.0}).p_value < FAILURE_RATE
    assert rank_calibration(*angles(0, 2), periods={0: 360.0}).columns[0].words == "draws are too wide"
    assert rank_calibration(*angles(0, 2), periods={0: 360.0}).p_value < FAILURE_RATE


def mixed(levels: float, holes: float, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """A column of two levels and one of atoms with holes, whose shares may be others in the draws."""
    rng = np.random.default_rng(0)

    def rows(share: float, gone: float, *shape: int) -> np.ndarray:
        number = np.where(rng.random(shape) < 0.5, 0.0, rng.normal(size=shape))
        return np.stack([rng.random(shape) < share, np.where(rng.random(shape) < gone, np.nan, number)], -1)

    return rows(levels, holes, n, 15), rows(0.3, 0.2, n)


def test_levels_and_holes_are_ranked_with_ties_at_random() -> None:
    assert_probable(rank_calibration(*mixed(0.3, 0.2), categorical=[0]).p_value)
    found = rank_calibration(*mixed(0.6, 0.2), categorical=[0], names=["level", "gain"])
    assert found.p_value < FAILURE_RATE
    assert found.columns[0].name == "level"
    found = rank_calibration(*mixed(0.3, 0.6), categorical=[0], names=["level", "gain"])
    assert found.p_value < FAILURE_RATE
    assert found.columns[0].name == "gain"


def test_levels_have_no_intervals() -> None:
    draws, truths = mixed(0.3, 0.2)
    (one,) = interval_coverage(draws, truths, categorical=[0], names=["level", "gain"]).columns
    assert one.name == "gain"
    with pytest.raises(InputError, match="levels alone"):
        interval_coverage(draws, truths, categorical=[0, 1])


@pytest.mark.parametrize(
    ("draws", "truths", "more", "words"),
    [
        (np.zeros((9, 5, 1)), np.zeros((9, 1)), {}, "expected at least 10"),
        (np.zeros((20, 5, 2)), np.zeros((20, 1)), {}, "truths of 1 columns"),
        (np.zeros((19, 5, 1)), np.zeros((20, 1)), {}, "for 20 truths"),
        (np.zeros((20, 0, 1)), np.zeros((20, 1)), {}, r"expected \(truths, draws, columns\)"),
        (np.full((20, 5, 1), np.inf), np.zeros((20, 1)), {}, "the draws hold infinity"),
        ("draws", np.zeros((20, 1)), {}, "the draws are .draws.; expected rows of numbers"),
        (np.zeros((20, 5, 1)), np.zeros((20, 1)), {"categorical": [1]}, "a place of categorical"),
        (np.zeros((20, 5, 1)), np.zeros((20, 1)), {"periods": {0: -1.0}}, r"periods\[0\]"),
        (np.zeros((20, 5, 1)), np.zeros((20, 1)), {"periods": 360.0}, "a dict from the place"),
        (np.zeros((20, 5, 1)), np.zeros((20, 1)), {"names": ["a", "b"]}, "2 names for 1 columns"),
        (np.zeros((20, 5, 1)), np.zeros((20, 1)), {"level": 0.0}, "got level"),
        (np.zeros((20, 5, 1)), np.zeros((20, 1)), {"seed": -1}, "got seed"),
    ],
)
def test_bad_input_is_named(draws, truths, more, words) -> None:
    with pytest.raises(InputError, match=words):
        rank_calibration(draws, truths, **more)


def test_of_several_columns_the_p_value_and_the_band_are_those_of_one_times_their_number() -> None:
    draws, truths, _ = posterior("exact", columns=4)
    draws[:, :, 2] += 0.2
    (alone,) = rank_calibration(draws[:, :, 2:3], truths[:, 2:3], level=0.01).columns
    found = next(one for one in rank_calibration(draws, truths, level=0.01).columns if one.name == "column 2")
    assert alone.p_value < 0.25
    assert found.p_value == pytest.approx(4 * alone.p_value)
    assert (alone.curve.rate, found.curve.rate) == (0.01, 0.0025)


def test_levels_do_not_count_among_the_intervals() -> None:
    draws, truths, _ = posterior("narrow", n=60)
    level = np.zeros((60, 20, 1)), np.zeros((60, 1))
    beside = np.concatenate([draws, level[0]], -1), np.concatenate([truths, level[1]], -1)
    alone = interval_coverage(draws, truths).p_value
    assert interval_coverage(*beside, categorical=[2]).p_value == alone
    assert 0 < alone < 0.3


def test_intervals_of_an_odd_number_of_draws_begin_with_the_two_ranks_in_the_middle() -> None:
    draws = np.tile(np.array([1.0, 2.0, 3.0]), (12, 1))[..., None]
    truths = np.array([1.5] * 4 + [2.5] * 5 + [0.0] * 3)[:, None]
    curve = interval_coverage(draws, truths).columns[0].curve
    np.testing.assert_allclose(curve.level, [0, 0.5, 1])
    np.testing.assert_allclose(curve.share, [0, 0.75, 1])


def test_the_seed_decides_the_order_of_ties() -> None:
    same = np.zeros((20, 5, 1)), np.zeros((20, 1))
    ranks = [rank_calibration(*same, seed=seed).ranks for seed in (0, 0, 1)]
    np.testing.assert_array_equal(ranks[0], ranks[1])
    assert not np.array_equal(ranks[0], ranks[2])
