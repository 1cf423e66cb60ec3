from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy.stats import binom, fisher_exact, norm
from sklearn.exceptions import ConvergenceWarning

from unnoise._errors import InputError
from unnoise.evaluation import classifier_test, energy_distance, two_sample
from unnoise.testing.statistics import FAILURE_RATE, ImprobableError, assert_mean


class NearestCentre:
    """A classifier that learns at once, so that the p-value can be judged on hundreds of draws."""

    def fit(self, rows: np.ndarray, labels: np.ndarray) -> None:
        self.centres = [rows[labels == side].mean(axis=0) for side in (0, 1)]

    def predict(self, rows: np.ndarray) -> np.ndarray:
        near, far = (np.linalg.norm(rows - centre, axis=1) for centre in reversed(self.centres))
        return (near < far).astype(int)


@pytest.fixture
def quick_classifier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_sample, "_new_classifier", lambda *_: NearestCentre())


def p_values_without_a_difference(draws: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    pairs = (rng.normal(size=(2, 60, 5)) for _ in range(draws))
    return np.array([classifier_test(x, y, folds=2).p_value for x, y in pairs])


@pytest.mark.parametrize("rows", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_one_law_is_not_told_apart(rows: int):
    found = classifier_test(*np.random.default_rng(0).normal(size=(2, rows, 1)))
    assert found.p_value > FAILURE_RATE
    bound = -norm.ppf(FAILURE_RATE) * 1.5  # 1.5 for what one fit of the classifier shares between rows
    assert abs(found.accuracy - 0.5) < bound * found.standard_error


def test_a_shift_is_found_and_a_larger_one_more():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 2))
    small, large = (classifier_test(x, rng.normal(size=(150, 2)) + shift) for shift in (1.0, 3.0))
    # the best classifier of two unit Gaussians d apart has accuracy Phi(d / 2)
    assert small.accuracy == pytest.approx(norm.cdf(np.sqrt(2) / 2), abs=0.08)
    assert large.accuracy == pytest.approx(norm.cdf(3 * np.sqrt(2) / 2), abs=0.03)
    assert large.p_value < small.p_value < FAILURE_RATE


def test_columns_in_any_units_and_constant_ones_make_no_difference():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(60, 3)), np.repeat([0, 1], 30)
    rows[:, 2] = 4.0
    plain, other = (
        two_sample._classify(two_sample._new_classifier(10, 200, 0, 60), rows * units, labels, rows * units)
        for units in ([1.0, 1.0, 1.0], [1e6, 1e-6, 1.0])
    )
    assert 0 < plain.sum() < 60
    assert (plain == other).mean() > 0.95


def test_rows_of_one_batch_may_stand_in_any_order():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(60, 2)), np.repeat([0, 1], 30)
    ours, shuffled, other = (two_sample._new_classifier(10, 50, seed, 60) for seed in (0, 0, 1))
    shuffled.set_params(shuffle=True)
    with pytest.warns(ConvergenceWarning):
        found = [one.fit(rows, labels).predict_proba(rows) for one in (ours, shuffled, other)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)
    assert abs(found[0] - found[2]).max() > 1e-3
    assert not ours.shuffle
    assert two_sample._new_classifier(10, 50, 0, 201).shuffle


@pytest.mark.parametrize("level", [0.05, 0.2])
@pytest.mark.usefixtures("quick_classifier")
def test_p_value_is_valid_and_not_idle(level: float):
    draws = 200
    rejections = int((p_values_without_a_difference(draws) <= level).sum())
    assert binom.sf(rejections - 1, draws, level) > FAILURE_RATE
    # counts are whole, so that the test rejects a little less often than it may
    assert binom.cdf(rejections, draws, level / 3) > FAILURE_RATE


@pytest.mark.usefixtures("quick_classifier")
def test_the_check_of_p_values_sees_a_classifier_that_trains_on_held_out_rows(
    monkeypatch: pytest.MonkeyPatch,
):
    from sklearn.model_selection import StratifiedKFold

    split = StratifiedKFold.split

    def leaky(self: StratifiedKFold, x: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return ((np.arange(len(x)), held_out) for _, held_out in split(self, x, y))

    monkeypatch.setattr(StratifiedKFold, "split", leaky)
    p_values = p_values_without_a_difference(200)
    assert np.isfinite(p_values).all()
    assert binom.sf(int((p_values <= 0.2).sum()) - 1, 200, 0.2) < FAILURE_RATE


def test_exact_p_value_of_one_fold_is_fishers():
    rng = np.random.default_rng(0)
    for _ in range(20):
        labels = rng.permutation(np.repeat([0, 1], [9, 11]))
        guesses = np.where(rng.random(20) < 0.3, 1 - labels, labels)
        table = [[int(((guesses == g) & (labels == s)).sum()) for s in (1, 0)] for g in (1, 0)]
        assert two_sample._fisher(guesses, labels) == pytest.approx(fisher_exact(table, "greater").pvalue)


@pytest.mark.usefixtures("quick_classifier")
def test_both_sides_get_the_same_number_of_rows():
    rng = np.random.default_rng(0)
    found = classifier_test(rng.normal(size=(500, 2)), torch.randn(90, 2), max_rows=70)
    assert found.rows == 70
    assert "hidden layers of 20" in found.description
    wide = rng.normal(size=(2, 30, 64))
    assert "hidden layers of 128" in classifier_test(*wide).description
    assert "hidden layers of 640" in classifier_test(*wide, max_width=None).description


def test_bad_rows_are_named():
    with pytest.raises(InputError, match="the samples have 3 rows; expected at least 10"):
        classifier_test(np.zeros((20, 2)), np.zeros((3, 2)))
    with pytest.raises(InputError, match="the reference rows have 2 columns and the samples 3"):
        energy_distance(np.zeros((20, 2)), np.zeros((20, 3)))
    with pytest.raises(InputError, match="one row per example"):
        energy_distance(np.zeros(20), np.zeros(20))


DRAWS = 120


def energy_of_shifted_gaussians(shift: float) -> float:
    """2 E|X - Y| - 2 E|X - X'| for N(0, 1) and N(shift, 1): differences are normal with variance 2."""

    def mean_distance(mean: float) -> float:
        s = np.sqrt(2)
        return s * np.sqrt(2 / np.pi) * np.exp(-((mean / s) ** 2) / 2) + mean * (1 - 2 * norm.cdf(-mean / s))

    return float(2 * mean_distance(shift) - 2 * mean_distance(0.0))


@pytest.fixture(scope="module")
def without_difference() -> list[two_sample.EnergyDistance]:
    rng = np.random.default_rng(0)
    return [energy_distance(rng.normal(size=(80, 2)), rng.normal(size=(50, 2))) for _ in range(DRAWS)]


def column(found: list[two_sample.EnergyDistance], name: str) -> torch.Tensor:
    return torch.tensor([getattr(one, name) for one in found], dtype=torch.float64)


def test_energy_distance_of_one_law_is_zero_on_average(without_difference: list[two_sample.EnergyDistance]):
    assert_mean(column(without_difference, "value"))


def test_the_check_of_the_mean_sees_distances_to_oneself():
    """The V-statistic, which counts the distance 0 of a row to itself, is biased."""
    rng = np.random.default_rng(0)
    values = []
    for _ in range(DRAWS):
        x, y = rng.normal(size=(80, 2)), rng.normal(size=(50, 2))
        across, within_x, within_y = (
            two_sample._distance_sums(a, b).sum() / (len(a) * len(b)) for a, b in ((x, y), (x, x), (y, y))
        )
        values.append(2 * across - within_x - within_y)
    assert np.isfinite(values).all()
    with pytest.raises(ImprobableError):
        assert_mean(torch.tensor(values))


def test_floor_is_the_spread_of_exact_samples(without_difference: list[two_sample.EnergyDistance]):
    squares = column(without_difference, "value").square()
    bias = 0.2 * float(squares.mean())  # of variances that are taken from the rows themselves
    for name in ("floor", "standard_error"):
        stated = column(without_difference, name).square()
        assert_mean(stated - squares, tolerance=bias)
        with pytest.raises(ImprobableError):
            assert_mean(4 * stated - squares, tolerance=bias)


def test_energy_distance_of_shifted_gaussians_has_its_closed_form_and_its_standard_error():
    rng = np.random.default_rng(0)
    found = [energy_distance(rng.normal(size=(60, 1)), rng.normal(size=(60, 1)) + 1.0) for _ in range(DRAWS)]
    values, truth = column(found, "value"), energy_of_shifted_gaussians(1.0)
    assert_mean(values, truth)
    with pytest.raises(ImprobableError):
        assert_mean(values, 0.5 * truth)
    squares, stated = (values - truth).square(), column(found, "standard_error").square()
    bias = 0.2 * float(squares.mean())  # of variances that are taken from the rows themselves
    assert_mean(stated - squares, tolerance=bias)
    with pytest.raises(ImprobableError):
        assert_mean(4 * stated - squares, tolerance=bias)


def test_energy_distance_does_not_depend_on_the_block(monkeypatch: pytest.MonkeyPatch):
    x, y = np.random.default_rng(0).normal(size=(2, 50, 3))
    whole = energy_distance(x, y)
    monkeypatch.setattr(two_sample, "BLOCK", 7)
    blocks = energy_distance(x, y)
    assert blocks.value == pytest.approx(whole.value)
    assert blocks.floor == pytest.approx(whole.floor)
