from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, fisher_exact

from unnoise._errors import InputError
from unnoise.evaluation import RegionCondition, differing_regions
from unnoise.evaluation.regions import _plain, _region
from unnoise.testing import FAILURE_RATE

NAN = float("nan")


def people(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Age, sex, job, and a wage that is missing for the young."""
    age, sex, job = rng.uniform(20, 80, rows), rng.integers(0, 2, rows), rng.integers(0, 5, rows)
    return np.stack([age, sex, job, np.where(age < 30, NAN, rng.lognormal(size=rows))], axis=1)


def found(data: np.ndarray, samples: np.ndarray, seed: int = 0) -> tuple:
    return differing_regions(data, samples, categorical=[1, 2], names=["age", "sex", "job", "wage"], seed=seed)


def test_a_region_that_samples_lack_is_found_with_its_bounds() -> None:
    """No old woman among the samples, though each column but sex and age by themselves hardly tells."""
    rng = np.random.default_rng(0)
    data, samples = people(rng, 3000), people(rng, 3000)
    old = (samples[:, 0] > 60) & (samples[:, 1] == 1)
    worst = found(data, samples[~old])[0]
    assert worst.p_value < FAILURE_RATE
    assert worst.share == pytest.approx(1 / 6, abs=0.03)
    assert worst.share_of_samples < 0.01
    bounds = {one.name: one for one in worst.conditions}
    assert bounds["age"].low == pytest.approx(60, abs=1.5)
    assert bounds["age"].high is None
    assert (bounds["sex"].level == 1) == bounds["sex"].is_level


def test_p_values_hold_for_all_regions_together_and_the_shares_of_a_tree_are_one() -> None:
    rng, blamed, draws = np.random.default_rng(1), 0, 60
    for seed in range(draws):
        regions = found(people(rng, 150), people(rng, 120), seed)
        blamed += min(one.p_value for one in regions) <= 0.2
        assert sum(one.share for one in regions) == pytest.approx(1.0)
        assert sum(one.share_of_samples for one in regions) == pytest.approx(1.0)
    assert binomtest(blamed, draws, 0.2, alternative="greater").pvalue > FAILURE_RATE


def test_what_is_missing_is_a_region() -> None:
    rng = np.random.default_rng(0)
    data, samples = people(rng, 1000), people(rng, 1000)
    samples[:, 3] = np.where(np.isnan(samples[:, 3]), 1.0, samples[:, 3])
    worst = found(data, samples)[0]
    gone = next(one for one in worst.conditions if one.name == "wage")
    assert math.isnan(gone.level)
    assert worst.p_value < FAILURE_RATE


def test_chance_and_the_test_of_one_region() -> None:
    one = _region((RegionCondition("x", 0.0),), 30, 100, 10, 80, 3)
    table = [[30, 70], [10, 70]]
    assert one.p_value == pytest.approx(6 * fisher_exact(table, "greater").pvalue)
    rng = np.random.default_rng(0)
    gaps = np.abs(rng.binomial(100, 40 / 180, 4000) / 100 - rng.binomial(80, 40 / 180, 4000) / 80)
    assert one.chance == pytest.approx(gaps.mean(), rel=0.05)


def test_a_level_says_that_it_is_none_of_the_others() -> None:
    is_a, not_b, old = (
        RegionCondition("x", level=0.0),
        RegionCondition("x", level=1.0, is_level=False),
        RegionCondition("y", 3.0),
    )
    assert _plain([not_b, old, is_a]) == (old, is_a)
    assert _plain([not_b, old]) == (not_b, old)


def test_the_seed_decides_and_few_rows_are_refused() -> None:
    rng = np.random.default_rng(0)
    data, samples = people(rng, 200), people(rng, 200)
    assert str(found(data, samples)) == str(found(data, samples)) != str(found(data, samples, 1))
    with pytest.raises(InputError, match="19 rows; expected at least 20"):
        found(data[:19], samples)
    with pytest.raises(InputError, match="without a column"):
        differing_regions(np.empty((30, 0)), np.empty((30, 0)))
