"""Simpler models beside ours, judged alike."""

from __future__ import annotations

import numpy as np
import pytest

from unnoise.evaluation import ClassifierTest
from unnoise.report import rivals, trust
from unnoise.report.rivals import indicators, judged, rivals_of

NAN = float("nan")
CANNOT = ClassifierTest(0.5, 0.02, 0.5, 100, "an MLP that cannot tell")


def law(rng: np.random.Generator, rows: int) -> np.ndarray:
    """A number, a level that goes with it, a number that goes with neither."""
    x = rng.normal(size=rows)
    return np.stack([x, (x > 0) + 0.0, rng.normal(size=rows)], axis=1)


def test_each_rival_keeps_what_it_says() -> None:
    """All keep margins; the copula keeps the dependence, and the training rows copy."""
    rng = np.random.default_rng(0)
    train, test = law(rng, 800), law(rng, 400)
    found = {}
    for rival in rivals_of(train, seed=0):
        samples = rival.sample(400, seed=1)
        assert rival.score_samples() is None
        more = {"names": ["x", "level", "y"], "categorical": [1], "seed": 0}
        standing = judged(samples, test, train, classifier=CANNOT, **more)
        found[rival.name] = trust.believable(standing), standing
    assert {name: good["margin"] for name, (good, _) in found.items()} == dict.fromkeys(found, True)
    copula, independent, copies = (found[name] for name in found)
    assert not independent[0]["pair"]
    assert (independent[1].pairs[0].first, independent[1].pairs[0].second) == ("x", "level")
    assert not independent[0]["trees"]
    assert copies[0] == {"trees": True, "classifier": True, "margin": True, "pair": True, "copying": False}
    assert copies[1].copying.duplicates == 1.0
    assert copula[0]["copying"]
    # of a level that a number tells for sure, a Gaussian of normal scores keeps a part
    assert copula[1].pairs[0].distance < 0.7 * independent[1].pairs[0].distance


def test_training_rows_are_drawn_once_each() -> None:
    rows = np.arange(6.0)[:, None]
    drawn = rivals.TrainingRows(rows).sample(4, seed=0)
    assert len(set(drawn[:, 0])) == 4
    assert sorted(rivals.TrainingRows(rows).sample(9, seed=0)[:, 0]) == list(range(6))


def test_indicators_by_hand() -> None:
    """The mean of the data where a number is missing, an indicator for each level of the data, the rarer one last."""
    data = np.array([[1.0, 2.0], [3.0, 2.0], [NAN, 0.0]])
    found = indicators(np.array([[NAN, 0.0], [5.0, NAN]]), data, [1])
    np.testing.assert_array_equal(found, [[2, 1, 0, 1, 0], [5, 0, 0, 0, 1]])


def test_a_classifier_of_its_own_is_made_where_none_is_given() -> None:
    rng = np.random.default_rng(0)
    test = law(rng, 40)
    standing = judged(
        test + 9.0, test, None, names=["x", "level", "y"], categorical=[], seed=0, log_prob=np.arange(4.0)
    )
    assert standing.classifier.accuracy > 0.9
    assert standing.copying is None
    assert standing.log_prob == pytest.approx((1.5, np.arange(4).std() / 2))


def test_of_many_columns_the_pairs_of_the_first_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "MOST_COLUMNS", 2)
    test = law(np.random.default_rng(0), 20)
    standing = judged(test, test, None, names=["x", "level", "y"], categorical=[1], seed=0, classifier=CANNOT)
    assert [(one.first, one.second) for one in standing.pairs] == [("x", "level")]
    assert len(standing.margins) == 3


def test_the_seed_decides_how_a_copula_ranks_equal_values() -> None:
    train = law(np.random.default_rng(0), 60)
    first, again, other = (rivals_of(train, seed=seed)[0].model.correlation for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_seed_decides_which_training_rows_are_drawn() -> None:
    rows = rivals.TrainingRows(np.arange(50.0)[:, None])
    first, again, other = (rows.sample(9, seed=seed)[:, 0].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_indicators_are_of_the_levels_that_are_there_most_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rivals, "MOST_INDICATORS", 1)
    found = indicators(np.array([[7.0], [8.0]]), np.array([[7.0], [8.0], [8.0]]), [0])
    np.testing.assert_array_equal(found, [[0, 0], [1, 0]])
