"""The answers at the top of a report, and when they are good."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from unnoise.data import Schema
from unnoise.data.tabular import JudgedColumns
from unnoise.evaluation import (
    ClassifierTest,
    MarginDistance,
    PairDistance,
    RegionCondition,
    TableRegion,
    TreesTest,
)
from unnoise.report import trust
from unnoise.report.answer import Answer
from unnoise.report.copies import repeated
from unnoise.report.rivals import Standing, judged

MLP = ClassifierTest(0.4855, 0.01, 0.58, 1000, "MLP")
TREES = TreesTest(0.5, 0.01, 0.4, 1000, "trees")
COLUMNS = JudgedColumns.of(Schema.infer(pd.DataFrame({"gain": [0.0, 0.5], "near": [0.0, 0.5], "job": ["a", "b"]})))


@pytest.mark.parametrize(("mlp", "trees", "words"), [(0.58, 0.4, ""), (1e-9, 0.4, "MLP"), (0.58, 1e-9, "trees")])
def test_cannot_tell_takes_both(mlp: float, trees: float, words: str) -> None:
    given = dataclasses.replace(MLP, p_value=mlp), dataclasses.replace(TREES, p_value=trees)
    found = trust.telling(*given)
    assert found.good == (words == "")
    assert found.number == "trees AUC 0.5, MLP accuracy 0.485"
    if words:
        assert f"told from held-out rows by {words}, p = 1e-09" in found.sentence
    else:
        assert found.sentence == "Neither trees nor an MLP can tell samples from 1,000 held-out rows; 0.5 is chance."


def test_without_a_table_the_classifier_is_alone() -> None:
    assert trust.telling(MLP, None).sentence.startswith("An MLP cannot tell samples from 1,000 held-out rows")
    assert not trust.telling(dataclasses.replace(MLP, p_value=1e-9), None).good


def test_the_worst_column_is_named_with_its_atom() -> None:
    worst = MarginDistance("gain", False, 0.353, 0.021, 0.005, 0.0, 0.917, 0.444)
    other = MarginDistance("job", True, 0.02, 0.02, 0.5, 1.0, 0.5, 0.52)
    found = trust.margin((worst, other), COLUMNS)
    assert not found.good
    assert found.number == "gain: 0.353 (by chance 0.021 on average, p = 0.005)"
    assert found.sentence == (
        "1 of 2 columns differ by more than chance, gain = 0: 0.917 in the data, 0.444 in the samples."
    )
    assert trust.margin((other,), COLUMNS).good
    assert trust.atom_words(other, COLUMNS) == "job = b: 0.500 in the data, 0.520 in the samples"
    assert trust.atom_words(dataclasses.replace(worst, value=None), COLUMNS) == ""


def test_the_worst_pair_is_named_with_its_correlations() -> None:
    worst = PairDistance("gain", "job", (0.8, 0.1), 0.7, 0.05, 0.005)
    found = trust.pair((worst, dataclasses.replace(worst, p_value=0.3)))
    assert (found.good, found.number) == (False, "gain, job: 0.7 (by chance 0.05 on average, p = 0.005)")
    assert found.sentence.endswith("correlation 0.80 in the data, 0.10 in the samples.")
    assert trust.pair((dataclasses.replace(worst, p_value=0.3, correlations=None),)).good


def test_likelihoods_are_compared_row_by_row() -> None:
    """Rows differ by far more than models, which pairs forgive."""
    rows = 100.0 * np.random.default_rng(0).normal(size=50)
    noise = 0.1 * np.random.default_rng(1).normal(size=50)
    given = {"unnoise, exact": rows, "Gaussian": rows - 5.0, "Kernel density": rows + 1.0 + noise}
    found = trust.likelihood(given, {"unnoise, exact"})
    assert not found.good
    assert "below the best rival, Kernel density" in found.sentence
    assert float(found.number.split()[0]) == pytest.approx(-1.0, abs=0.05)
    del given["Kernel density"]
    better = trust.likelihood(given, {"unnoise, exact"})
    assert (better.good, better.number) == (True, "+5 nats per row")
    alone = trust.likelihood({"unnoise, lower bound": rows}, {"unnoise, lower bound"})
    assert alone.good is None
    assert "Ours is a lower bound" in trust.likelihood({"unnoise, lower bound": rows, "other": rows}, set()).sentence


def test_regions_are_told_in_words() -> None:
    conditions = {
        "gain 2.5 to 4": RegionCondition("gain", 2.5, 4.0),
        "gain up to 4": RegionCondition("gain", None, 4.0),
        "gain above 2.5": RegionCondition("gain", 2.5),
        "gain missing": RegionCondition("gain", level=float("nan")),
        "gain not missing": RegionCondition("gain", level=float("nan"), is_level=False),
        "job = b": RegionCondition("job", level=1.0),
        "job not b": RegionCondition("job", level=1.0, is_level=False),
    }
    for words, condition in conditions.items():
        assert trust.region_words(TableRegion((condition,), 0.1, 0.2, 0.01, 0.5), COLUMNS) == words
    both = TableRegion((conditions["gain up to 4"], conditions["job not b"]), 0.1, 0.2, 0.01, 0.5)
    assert trust.region_words(both, COLUMNS) == "gain up to 4, job not b"


def test_a_pair_that_is_more_than_chance_is_named_before_a_larger_one_that_is_not() -> None:
    large, wrong = PairDistance("a", "b", None, 0.5, 0.3, 0.2), PairDistance("c", "d", None, 0.2, 0.1, 0.005)
    assert trust.pair((large, wrong)).number == "c, d: 0.2 (by chance 0.1 on average, p = 0.005)"


CHECKED = Answer("calibration", "?", "4 checks", "So.", True)


def correlated(n: int, seed: int) -> np.ndarray:
    """A number, its neighbour, and a level that goes with it."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n).round(2)
    return np.stack([a, (a + rng.normal(size=n)).round(2), (a + rng.normal(size=n) > 0) + 0.0], axis=1)


TRAIN, TEST, FRESH = (correlated(400, seed) for seed in (0, 1, 2))


def standing(samples: np.ndarray, test: np.ndarray) -> Standing:
    """How samples stand; the MLP cannot tell."""
    return judged(samples, test, TRAIN, names=["gain", "near", "job"], categorical=[2], seed=0, classifier=MLP)


@pytest.fixture(scope="module")
def copied() -> Standing:
    """How the training rows stand."""
    return standing(TRAIN, TEST)


def verdicts(ours: Standing, copied: Standing, test: np.ndarray) -> dict[str, Answer]:
    """What is said of samples of a model as likely as its rival."""
    rows = np.random.default_rng(0).normal(size=len(test))
    found = trust.Evidence(
        log_probs={"unnoise, exact": rows, "mixture": rows - 0.1},
        own={"unnoise, exact"},
        classifier=MLP,
        near=None,
        standing=ours,
        columns=COLUMNS,
        rivals={"the training rows": copied},
        rows=len(test),
        scored=len(test),
        repeated=repeated(test, TRAIN),
    )
    return {answer.key: answer for answer in trust.answers(found, CHECKED)}


TWINS = {
    "good": (FRESH, set()),
    "a wrong column": (np.maximum(FRESH, [-9.0, -0.5, 0.0]), {"margins", "pairs", "classifiers"}),
    "a wrong pair": (np.stack([FRESH[:, 0], FRESH[::-1, 1], FRESH[:, 2]], 1), {"pairs", "classifiers"}),
    "copies": (TRAIN, {"copies"}),
}


@pytest.mark.parametrize("twin", TWINS)
def test_each_fault_makes_its_own_answers_red_and_leaves_the_others_green(twin: str, copied: Standing) -> None:
    """Samples that are new rows of the law, and three broken twins of them."""
    broken, red = TWINS[twin]
    told = verdicts(copied if twin == "copies" else standing(broken, TEST), copied, TEST)
    assert list(told) == ["likelihood", "classifiers", "calibration", "copies", "margins", "pairs"]
    assert {key for key, answer in told.items() if answer.good is False} == red
    assert {key for key, answer in told.items() if answer.good} == told.keys() - red
    assert told["classifiers"].beside.startswith("trees AUC: the training rows 0.")
    assert ", mixture " in told["likelihood"].beside


def test_rows_of_the_training_prove_nothing(copied: Standing) -> None:
    told = verdicts(standing(FRESH, TRAIN[:200]), copied, TRAIN[:200])
    assert True not in [answer.good for answer in told.values()]
    assert "of these rows are training rows" in told["pairs"].sentence


def test_a_model_that_is_worse_by_no_more_than_two_errors_is_as_good() -> None:
    """Gaps of mean -1 and an error of 1 / 2 or 1 / 4."""
    rows = np.random.default_rng(0).normal(size=64)
    for spread, good in ((4.0, True), (2.0, False)):
        gaps = -1.0 + spread * np.tile([1.0, -1.0], 32)
        assert trust.likelihood({"unnoise, exact": rows + gaps, "other": rows}, {"unnoise, exact"}).good == good
