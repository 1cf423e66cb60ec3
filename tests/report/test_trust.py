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
    Copying,
    MarginDistance,
    Memorisation,
    PairDistance,
    RegionCondition,
    TableRegion,
    TreesTest,
)
from unnoise.report import trust
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


NEW = Copying(1.0, 0.1, 0.1, 0.02, 0.02, 0.5, 0.02, (1000, 1000))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"duplicates": 0.2}, "20 % of samples repeat a training row, of held-out rows 10 %"),
        ({"nearer_train": 0.6}, "60 % of samples lie nearer to a training row than to a held-out row"),
        ({"rare": 0.1}, "10 % of samples have a level that fewer than 3 training rows have, of held-out rows 2 %"),
    ],
)
def test_copies_are_bad_in_each_way(changes: dict, words: str) -> None:
    assert trust.copies(NEW, None).good
    found = trust.copies(dataclasses.replace(NEW, **changes), None)
    assert not found.good
    assert words in found.sentence


def test_fewer_copies_than_held_out_rows_are_no_copies() -> None:
    less = dataclasses.replace(NEW, duplicates=0.0, nearer_train=0.2, rare=0.0, ratio=float("inf"))
    found = trust.copies(less, None)
    assert found.good
    assert found.number == "duplicates 0 % (held-out 10 %)"
    assert trust.copies(NEW, None).number == "distance ratio 1, duplicates 10 % (held-out 10 %)"


def test_shares_are_compared_by_fishers_exact_test() -> None:
    from scipy.stats import fisher_exact

    for ours, theirs in [(12, 3), (9, 3), (3, 3), (0, 9)]:
        p_value = fisher_exact([[ours, 100 - ours], [theirs, 50 - theirs]], "greater").pvalue
        assert trust._more(ours / 100, 100, theirs / 50, 50) == bool(p_value <= trust.LEVEL)
    assert trust._more(0.12, 1000, 0.03, 1000)


def test_of_images_near_rows_are_counted() -> None:
    distances = np.zeros(100)
    near = Memorisation(1.0, 0.1, 0.01, 0.01, distances, distances)
    assert trust.copies(None, near).good
    assert not trust.copies(None, dataclasses.replace(near, near_share=0.3)).good
    assert trust.copies(None, None).good is None


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


def test_a_fault_is_a_fault_of_few_rows_too_and_a_virtue_is_not() -> None:
    good, bad = (trust.Answer("pairs", "?", "0.1", "So.", verdict) for verdict in (True, False))
    assert good.measured_on(100) == good
    assert good.measured_on(99).good is None
    assert "99 held-out rows are too few" in good.measured_on(99).sentence
    assert bad.measured_on(10, repeated=1.0) == bad
    assert good.measured_on(1000, repeated=0.5) == good
    assert good.measured_on(1000, repeated=0.8).sentence.startswith("80 % of these rows are training rows")


def test_rows_that_repeat_by_themselves_are_held_out_all_the_same() -> None:
    rng = np.random.default_rng(0)
    wide, narrow = rng.normal(size=(400, 2)), rng.integers(0, 3, (400, 2)).astype(float)
    assert trust.repeated(wide[:200], wide) == 1.0
    assert trust.repeated(wide[:200], wide[200:]) == 0.0
    assert trust.repeated(narrow[:200], narrow[200:]) == 0.0, "nine kinds of rows are in every set"


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


CHECKED = trust.Answer("calibration", "?", "4 checks", "So.", True)


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


def verdicts(ours: Standing, copied: Standing, test: np.ndarray) -> dict[str, trust.Answer]:
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
        repeated=trust.repeated(test, TRAIN),
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
