from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, mannwhitneyu

from unnoise._errors import InputError
from unnoise.evaluation import classifier_test, trees, trees_test
from unnoise.testing import FAILURE_RATE, ImprobableError, assert_probable

ROWS = 300


def draws(seed: int, rows: int = ROWS) -> np.ndarray:
    """A number with an atom at 0, a level of three, a number that goes with the level and is missing at times."""
    rng = np.random.default_rng(seed)
    gain = np.where(rng.random(rows) < 0.9, 0.0, rng.lognormal(size=rows))
    level = rng.integers(0, 3, rows)
    tied = np.where(rng.random(rows) < 0.3, np.nan, 2.0 * level + rng.normal(size=rows))
    return np.stack([gain, level, tied], axis=1)


def shifted(rows: np.ndarray) -> np.ndarray:
    return rows + np.array([0.0, 0.0, 1.0])


def displaced(rows: np.ndarray) -> np.ndarray:
    """The atom at 0 lies a little beside it, which no histogram shows."""
    return np.where((rows == 0) & [True, False, False], 1e-3, rows)


def smeared(rows: np.ndarray) -> np.ndarray:
    """Half of the atom is not exactly 0, as samples of a smooth model have it."""
    noise = 0.01 * np.abs(np.random.default_rng(9).normal(size=len(rows)))
    return rows + np.stack([noise * (np.arange(len(rows)) % 2), 0 * noise, 0 * noise], axis=1)


def broken(rows: np.ndarray) -> np.ndarray:
    """Each column is as it was, but none goes with another."""
    return np.random.default_rng(9).permuted(rows, axis=0)


def filled(rows: np.ndarray) -> np.ndarray:
    """What was missing is 0."""
    return np.nan_to_num(rows)


def test_one_law_is_not_told_apart() -> None:
    found = trees_test(draws(0), draws(1), categorical=[1])
    assert_probable(found.p_value)
    assert found.auc < 0.6
    assert found.rows == ROWS


@pytest.mark.parametrize("twin", [shifted, displaced, smeared, broken, filled])
def test_a_broken_twin_is_told(twin) -> None:
    found = trees_test(draws(0), twin(draws(1)), categorical=[1])
    assert found.auc > 0.55
    with pytest.raises(ImprobableError):
        assert_probable(found.p_value)


def test_trees_tell_atoms_that_a_smooth_classifier_does_not() -> None:
    reference, samples = np.nan_to_num(draws(0)), smeared(np.nan_to_num(draws(1)))
    assert_probable(classifier_test(reference, samples).p_value)
    with pytest.raises(ImprobableError):
        assert_probable(trees_test(reference, samples).p_value)


def test_levels_are_no_numbers() -> None:
    """Every other of twelve levels is more frequent, and every other one never occurs."""
    rng = np.random.default_rng(0)
    few = rng.integers(0, 12, (400, 1)), 2 * rng.integers(0, 6, (400, 1))
    assert trees_test(*few, categorical=[0]).auc == pytest.approx(0.75, abs=0.04)  # half of the rows are told for sure


class Threshold:
    """A classifier that learns at once, so that the p-value can be judged on hundreds of draws."""

    def __init__(self, **_: object) -> None:
        self.direction = 0.0

    def fit(self, rows: np.ndarray, labels: np.ndarray) -> Threshold:
        self.direction = rows[labels == 1].mean() - rows[labels == 0].mean()
        return self

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        return self.direction * rows[:, 0]


@pytest.mark.parametrize("leaky", [False, True])
def test_p_values_are_valid_and_see_a_classifier_that_trains_on_held_out_rows(monkeypatch, leaky: bool) -> None:
    import sklearn.ensemble
    import sklearn.model_selection

    monkeypatch.setattr(sklearn.ensemble, "HistGradientBoostingClassifier", Threshold)
    if leaky:
        split = sklearn.model_selection.StratifiedKFold.split
        every = lambda self, x, y: ((held, held) for _, held in split(self, x, y))  # noqa: E731
        monkeypatch.setattr(sklearn.model_selection.StratifiedKFold, "split", every)
    rng = np.random.default_rng(0)
    found = [trees_test(*rng.normal(size=(2, 30, 1)), folds=2).p_value for _ in range(200)]
    rejections = int(np.sum(np.array(found) <= 0.2))
    assert (binom.sf(rejections - 1, 200, 0.2) > FAILURE_RATE) != leaky
    assert binom.cdf(rejections, 200, 0.2 / 3) > FAILURE_RATE


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    """By hand: of the pairs (2, 1), (2, 3), (3, 1), (3, 3) two are in order and one is a tie."""
    assert trees._auc(np.array([1.0, 3.0, 2.0, 3.0]), np.array([0, 0, 1, 1])) == (1 + 1 + 0.5) / 4
    scores, labels = np.random.default_rng(0).integers(0, 5, 40).astype(float), np.arange(40) % 2
    wanted = mannwhitneyu(scores[labels == 1], scores[labels == 0]).statistic / 400
    assert trees._auc(scores, labels) == pytest.approx(wanted)
    assert trees._mann_whitney(np.zeros(4), np.array([0, 0, 1, 1])) == 1.0


def test_rows_that_nobody_can_tell_apart() -> None:
    found = trees_test(np.full((20, 2), np.nan), np.full((30, 2), np.nan), categorical=[1])
    assert (found.auc, found.p_value, found.rows) == (0.5, 1.0, 20)


@pytest.mark.parametrize("twin", [pytest.param(smeared, marks=pytest.mark.slow), broken])
def test_another_scorer_finds_the_same(twin, scorer) -> None:
    """The same trees on the same rows in other folds, whose areas differ by the spread of fits."""
    import pandas as pd

    reference, samples = draws(0, 600), twin(draws(1, 600))
    frames = [scorer.tidy(pd.DataFrame(rows, columns=["a", "b", "c"]), ["b"]) for rows in (reference, samples)]
    auc, _ = scorer.c2st(frames[0], frames[1], frames[0], ["b"], seed=0)
    assert trees_test(reference, samples, categorical=[1]).auc == pytest.approx(auc, abs=0.03)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"categorical": [2]}, "a place of categorical = 2"),
        ({"categorical": 1}, "expected the places of columns, from 0 to 1"),
        ({"folds": 1}, "got folds = 1"),
        ({"seed": -1}, "got seed = -1"),
    ],
)
def test_what_cannot_be_is_refused(options: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        trees_test(np.zeros((20, 2)), np.zeros((20, 2)), **options)


def test_bad_rows_are_refused() -> None:
    with pytest.raises(InputError, match="the samples hold infinity in 1 rows, first in row 3"):
        trees_test(np.zeros((20, 1)), np.where(np.arange(20) == 3, np.inf, 0.0)[:, None])
    with pytest.raises(InputError, match="the samples have 3 rows; expected at least 10"):
        trees_test(np.zeros((20, 2)), np.zeros((3, 2)))
