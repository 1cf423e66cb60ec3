"""Coverage of balls around points of reference."""

from __future__ import annotations

import numpy as np
import pytest
from linear import posterior

from unnoise._errors import InputError
from unnoise.evaluation import point_coverage
from unnoise.evaluation.calibration import tarp
from unnoise.testing.statistics import FAILURE_RATE, assert_probable


@pytest.mark.parametrize("columns", [1, 4])
def test_an_exact_posterior_passes(columns: int) -> None:
    for seed in range(3):
        assert_probable(point_coverage(*posterior("exact", columns=columns, seed=seed)).p_value)


@pytest.mark.parametrize("kind", ["narrow", "wide", "blind"])
def test_a_wrong_posterior_is_seen(kind: str) -> None:
    found = point_coverage(*posterior(kind))
    assert found.p_value < FAILURE_RATE
    assert found.curve.outside.any()
    assert ("narrow" in found.words) == (kind == "narrow")


def test_a_shift_is_seen_from_references_on_one_side() -> None:
    """The mean of all truths cannot tell the sides, so a point far off in the direction of the shift is needed."""
    draws, truths, x = posterior("shifted")
    found = point_coverage(draws, truths, x, references=np.full(truths.shape, 9.0))
    assert found.p_value < FAILURE_RATE
    right = point_coverage(*posterior("exact"), references=np.full(truths.shape, 9.0))
    assert_probable(right.p_value)


def test_references_that_know_nothing_of_what_was_seen_do_not_see_that_it_is_ignored() -> None:
    draws, truths, _ = posterior("blind")
    assert_probable(point_coverage(draws, truths).p_value)


def test_references_are_earlier_truths_with_like_observations() -> None:
    x = np.repeat([0.0, 5.0], 20)[:, None]
    truths = np.arange(40.0)[:, None]
    points = tarp._of_earlier(truths, x, np.random.default_rng(0))
    own, first = points[:, 0] == truths[:, 0], points[:, 0] == 0
    assert not own[1:].any()
    alike = (points[:, 0] >= 20) == (x[:, 0] > 0)
    assert (~alike).sum() <= 2  # the first of each kind has none of its own before it
    assert first.sum() < 20


def test_no_reference_knows_its_row_or_later_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever order and blocks: each truth is passed on to rows that come after it."""
    monkeypatch.setattr(tarp, "BLOCK", 7)
    truths, rng = np.arange(1.0, 31.0)[:, None], np.random.default_rng(0)
    order = np.random.default_rng(0).permutation(30)
    points = tarp._of_earlier(truths, np.zeros((30, 0)), rng)[:, 0]
    place = np.empty(31)
    place[0], place[order + 1] = -1, np.arange(30)  # the first row has the mean, 0
    assert (place[points.astype(int)] < place[1:]).all()


def test_levels_angles_and_holes_have_distances() -> None:
    rng = np.random.default_rng(0)

    def rows(mean: np.ndarray, share: float) -> np.ndarray:
        level = (rng.random(mean.shape) < share).astype(float)
        angle = np.mod(360 * mean + 20 * rng.normal(size=mean.shape), 360)
        return np.stack([level, angle, np.where(rng.random(mean.shape) < share, np.nan, level)], -1)

    x = rng.random((300, 1))
    kinds = {"categorical": [0], "periods": {1: 360.0}}
    repeated = np.repeat(x, 15, axis=1)
    truths = rows(x, 0.3)[:, 0]
    assert_probable(point_coverage(rows(repeated, 0.3), truths, x, **kinds).p_value)
    shuffled = rows(rng.permutation(repeated), 0.3)
    assert point_coverage(shuffled, truths, x, **kinds).p_value < FAILURE_RATE


def test_bad_input_is_named() -> None:
    draws, truths, x = posterior("exact", n=20)
    with pytest.raises(InputError, match="19 observations for 20 truths"):
        point_coverage(draws, truths, x[:19])
    with pytest.raises(InputError, match=r"references of shape \(20, 1\)"):
        point_coverage(draws, truths, x, references=x[:, :1])
