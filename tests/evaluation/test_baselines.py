from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.datasets import make_moons
from sklearn.neighbors import KernelDensity

from unnoise._errors import InputError
from unnoise.evaluation import Baseline, _fits, fit_baselines, independent_log_prob

NAMES = ["Gaussian", "Gaussian mixture", "Kernel density"]


@pytest.fixture(scope="module")
def moons() -> np.ndarray:
    return make_moons(800, noise=0.1, random_state=0)[0]


@pytest.fixture(scope="module")
def fitted(moons: np.ndarray) -> dict[str, Baseline]:
    return fit_baselines(moons)


UNITS, OFFSET = np.array([1e4, 1e-3]), np.array([1e5, 7.0])


@pytest.fixture(scope="module")
def fitted_in_other_units(moons: np.ndarray) -> dict[str, Baseline]:
    return fit_baselines(moons * UNITS + OFFSET)


def test_a_gaussian_is_recovered_by_the_gaussian_and_by_the_mixture():
    rng = np.random.default_rng(0)
    law = multivariate_normal([5.0, -3.0, 0.0], [[4.0, 1.5, 0.0], [1.5, 1.0, 0.2], [0.0, 0.2, 0.3]])
    train, test = law.rvs(2000, rng), law.rvs(2000, rng)
    baselines = fit_baselines(train)
    assert list(baselines) == NAMES
    # a fit of p numbers to n rows loses about p / (2 n) nats on new rows, here 9 / 4000
    for name, loss in [("Gaussian", 0.01), ("Gaussian mixture", 0.02), ("Kernel density", 0.3)]:
        gap = law.logpdf(test).mean() - baselines[name].score_samples(test).mean()
        assert -0.005 < gap < loss, name


@pytest.mark.parametrize("name", NAMES)
def test_density_integrates_to_one(fitted: dict[str, Baseline], name: str):
    x, y = np.linspace(-4, 5, 181), np.linspace(-4, 4.5, 181)
    grid = np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)
    log_mass = logsumexp(fitted[name].score_samples(grid)) + np.log((x[1] - x[0]) * (y[1] - y[0]))
    assert log_mass == pytest.approx(0.0, abs=2e-3)


@pytest.mark.parametrize("name", NAMES)
def test_units_shift_the_log_density_by_their_jacobian(
    moons: np.ndarray, fitted: dict[str, Baseline], fitted_in_other_units: dict[str, Baseline], name: str
):
    plain = fitted[name].score_samples(moons[:50])
    other = fitted_in_other_units[name].score_samples(moons[:50] * UNITS + OFFSET)
    np.testing.assert_allclose(other, plain - np.log(UNITS).sum(), atol=1e-3)


def test_flexible_baselines_find_two_moons(fitted: dict[str, Baseline]):
    fresh = make_moons(800, noise=0.1, random_state=1)[0]
    gaussian, mixture, kernels = (baseline.score_samples(fresh).mean() for baseline in fitted.values())
    assert mixture > gaussian + 0.5
    assert mixture > kernels - 0.1
    assert kernels > gaussian + 0.5


def test_validation_keeps_few_rows_from_being_learnt_by_heart():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(60, 4)), rng.normal(size=(2000, 4))
    truth = multivariate_normal(np.zeros(4)).logpdf(test).mean()
    for name, baseline in fit_baselines(train).items():
        assert truth - baseline.score_samples(test).mean() < 0.8, name


def test_the_seed_decides(moons: np.ndarray, fitted: dict[str, Baseline]):
    again, other = fit_baselines(moons, rng_seed=0), fit_baselines(moons, rng_seed=1)
    for name in NAMES:
        assert fitted[name].description == again[name].description
        np.testing.assert_array_equal(fitted[name].score_samples(moons), again[name].score_samples(moons))
    assert not np.array_equal(*(fit["Gaussian mixture"].score_samples(moons) for fit in (fitted, other)))


def test_kernels_agree_with_scikit_learn_and_with_themselves_in_blocks(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    centres, rows = rng.normal(size=(80, 3)), rng.normal(size=(55, 3)) * 3
    kernels = _fits.Kernels(centres, np.eye(3), 0.4)
    expected = KernelDensity(bandwidth=0.4).fit(centres).score_samples(rows)
    np.testing.assert_allclose(kernels.log_density(rows), expected, atol=1e-10)
    monkeypatch.setattr(_fits, "BLOCK_NUMBERS", 800)
    np.testing.assert_allclose(kernels.log_density(rows), expected, atol=1e-10)
    assert kernels.log_density(rows[:0]).shape == (0,)


def test_far_away_rows_have_a_finite_log_density(fitted: dict[str, Baseline]):
    for baseline in fitted.values():
        assert np.isfinite(baseline.score_samples(np.array([[1e5, -1e5]]))).all()


def test_large_tables_are_subsampled_and_say_so(monkeypatch: pytest.MonkeyPatch, moons: np.ndarray):
    monkeypatch.setattr(_fits, "MOST_MIXTURE_ROWS", 300)
    monkeypatch.setattr(_fits, "MOST_KERNELS", 200)
    baselines = fit_baselines(moons)
    assert "fitted on 300 of 800 rows" in baselines["Gaussian mixture"].description
    assert "on 200 of 800 rows" in baselines["Kernel density"].description


def test_large_mixtures_are_not_tried(monkeypatch: pytest.MonkeyPatch, moons: np.ndarray):
    monkeypatch.setattr(_fits, "MOST_OPERATIONS", 0)
    assert "1 full-covariance component" in fit_baselines(moons)["Gaussian mixture"].description


def test_bad_rows_are_named():
    rows = np.random.default_rng(0).normal(size=(30, 3))
    with pytest.raises(InputError, match=r"column 2 of the training rows is constant"):
        fit_baselines(np.concatenate([rows[:, :2], np.full((30, 1), 7.0)], axis=1))
    with pytest.raises(InputError, match=r"have 9 rows; expected at least 10"):
        fit_baselines(rows[:9])
    rows[4, 1] = np.nan
    with pytest.raises(InputError, match=r"first in row 4"):
        fit_baselines(rows)
    rows[4, 1] = 0.0
    with pytest.raises(InputError, match=r"the test rows have 2 columns; expected the 3 columns that this"):
        fit_baselines(rows)["Gaussian"].score_samples(rows[:, :2])


STATES = np.random.default_rng(0).integers(0, 3, size=(20, 2))


def test_every_site_has_its_own_frequencies_with_one_added_to_each() -> None:
    row = [2, 0]
    shares = [(np.sum(STATES[:, site] == state) + 1) / (len(STATES) + 3) for site, state in enumerate(row)]
    assert independent_log_prob(STATES, np.array([row]))[0] == pytest.approx(np.log(shares).sum(), rel=1e-12)


def test_the_probabilities_of_all_rows_sum_to_one() -> None:
    rows = np.array(list(itertools.product(range(3), repeat=2)))
    assert np.exp(independent_log_prob(STATES, rows)).sum() == pytest.approx(1.0, rel=1e-12)


def test_a_state_that_was_never_seen_is_possible() -> None:
    assert np.isfinite(independent_log_prob(STATES, np.array([[3, 0]]))).all()
