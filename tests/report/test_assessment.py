"""The numbers of an assessment."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from small_models import BASELINES, EVIL, table, tiny

from unnoise import DenoisingMarkovModel, InputError, evaluate
from unnoise.evaluation import Bound
from unnoise.report import Assessment, Quantity, assessment
from unnoise.testing import FAILURE_RATE

KEYS = ("likelihood", "classifiers", "calibration", "copies", "margins", "pairs")


def test_a_table_is_measured_in_every_way(of_table: Assessment) -> None:
    names = ["exact", "bound"]
    parts = {"exact": ("prior", "volume", "units"), "bound": ("prior", "diffusion", "reconstruction", "units")}
    wanted = []
    for name in names:
        wanted += [f"{name}_{unit}" for unit in ("nats_per_row", "bits_per_dim", "monte_carlo_se")]
        wanted += [f"{name}_part_{part}" for part in parts[name]]
    baselines = ("gaussian", "gaussian_mixture", "kernel_density")
    wanted += [f"{name}_{unit}" for name in baselines for unit in ("nats_per_row", "bits_per_dim")]
    wanted += ["c2st_accuracy", "c2st_p_value", "energy_distance", "energy_distance_floor"]
    wanted += ["copying_ratio", "copying_near_share", "copying_near_share_held_out"]
    wanted += ["trees_auc", "trees_p_value"]
    wanted += [f"worst_{what}{part}" for what in ("margin", "pair") for part in ("", "_chance", "_p_value")]
    wanted += ["copying_mixed_ratio", "copying_nearer_train", "copying_duplicates", "copying_duplicates_held_out"]
    wanted += ["copying_rare", "copying_rare_held_out"]
    assert list(of_table.numbers) == wanted
    assert all(math.isfinite(figure.value) for figure in of_table.numbers.values())
    assert list(of_table.likelihoods) == ["unnoise, exact", "unnoise, lower bound", *BASELINES]
    assert of_table.seconds > 0


def test_numbers_of_a_likelihood_agree(model: DenoisingMarkovModel, of_table: Assessment) -> None:
    nats, bits = (of_table.numbers[f"exact_{unit}"] for unit in ("nats_per_row", "bits_per_dim"))
    assert bits.value == pytest.approx(-nats.value / (3 * math.log(2)))
    assert bits.standard_error == pytest.approx(nats.standard_error / (3 * math.log(2)))
    assert of_table.likelihoods["unnoise, exact"] == (nats.value, nats.standard_error)
    scores = model.score_samples(table(60, 1))
    assert nats.value == pytest.approx(scores.mean(), abs=0.2)  # dequantised by other noise
    assert nats.standard_error == pytest.approx(scores.std() / 60**0.5, rel=0.3)


def test_baselines_are_told_in_the_same_units(of_table: Assessment) -> None:
    """A Gaussian fitted to standardised rows, whose likelihood must count the change of variables."""
    train, test, jitter = table(200, 0), table(60, 1), np.random.default_rng(0)
    train["count"] += jitter.random(200)
    test["count"] += jitter.random(60)
    mean, covariance = train.mean().to_numpy(), np.cov(train.to_numpy().T)
    offset = test.to_numpy() - mean
    quadratic = np.einsum("ni,ij,nj->n", offset, np.linalg.inv(covariance), offset)
    expected = -0.5 * (quadratic + np.log(np.linalg.det(2 * np.pi * covariance))).mean()
    assert of_table.likelihoods["Gaussian"][0] == pytest.approx(expected, abs=0.1)


def test_measured_numbers_are_flat(of_table: Assessment) -> None:
    flat = of_table.measured()
    assert flat["c2st_accuracy_se"] == of_table.numbers["c2st_accuracy"].standard_error
    assert all(isinstance(value, float) for value in flat.values())


@pytest.mark.usefixtures("light_judges")
def test_the_same_seed_measures_the_same(model: DenoisingMarkovModel) -> None:
    first, again, other = (evaluate(model, table(30, 1), seed=seed, max_rows=12).measured() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_table_is_judged_beside_rivals_and_by_name(of_table: Assessment) -> None:
    details = of_table.details()
    assert list(details) == ["trust", "margins", "pairs", "regions", "rivals", "calibration"]
    assert [one["key"] for one in details["trust"]] == list(KEYS)
    assert sorted(one["name"] for one in details["margins"]) == sorted([EVIL, "b", "count"])
    assert len(details["pairs"]) == 3
    assert list(details["rivals"]) == ["Gaussian copula", "independent columns", "the training rows"]
    assert details["rivals"]["the training rows"]["copying_mixed_ratio"] == 0.0
    assert of_table.numbers["worst_margin"].value == details["margins"][0]["distance"]
    assert of_table.numbers["trees_auc"].value == of_table.standing.trees.auc
    assert of_table.numbers["copying_nearer_train"].value == of_table.standing.copying.nearer_train


def test_the_answer_about_likelihoods_is_of_the_same_rows(of_table: Assessment) -> None:
    answer = of_table.answers[0]
    ours, best = of_table.log_probs["unnoise, exact"], of_table.log_probs["Gaussian mixture"]
    assert answer.number == f"{(ours - best).mean():+.3g} nats per row"
    for name, (mean, _) in of_table.likelihoods.items():
        assert of_table.log_probs[name].mean() == pytest.approx(mean)


@pytest.mark.usefixtures("light_judges")
def test_another_model_is_judged_alike(model: DenoisingMarkovModel) -> None:
    found = evaluate(model, table(40, 1), rivals={"the same": model}, max_rows=30)
    assert list(found.rivals) == ["the same"]
    mean, error = found.rivals["the same"].log_prob
    exact = found.numbers["exact_nats_per_row"]
    assert mean == pytest.approx(exact.value, abs=0.2)  # dequantised by other noise
    assert error == pytest.approx(exact.standard_error, rel=0.3)
    assert "the same" in found.answers[0].sentence


@pytest.mark.usefixtures("light_judges")
def test_without_training_rows_there_is_nothing_to_compare_with(model: DenoisingMarkovModel) -> None:
    found = evaluate(model, table(20, 1))
    assert list(found.likelihoods) == ["unnoise, exact", "unnoise, lower bound"]
    assert "copying_ratio" not in found.numbers
    assert (found.rivals, found.standing.copying) == ({}, None)
    answers = {answer.key: answer for answer in found.answers}
    assert (answers["copies"].good, answers["copies"].number) == (None, "–")
    assert answers["likelihood"].good is None


@pytest.mark.usefixtures("light_judges")
def test_a_bound_stands_alone_and_of_many_rows_some_are_looked_at(model: DenoisingMarkovModel) -> None:
    found = evaluate(model, table(50, 1), likelihood=Bound(draws=2), max_rows=12)
    assert list(found.likelihoods) == ["unnoise, lower bound"]
    assert len(found.test) == len(found.samples) == 12


def test_images_are_measured_by_their_bound(of_images: Assessment) -> None:
    assert "exact_nats_per_row" not in of_images.numbers
    assert list(of_images.likelihoods) == ["unnoise, lower bound", *BASELINES]
    assert of_images.samples.shape == (20, 8, 8)
    assert [answer.key for answer in of_images.answers] == ["likelihood", "classifiers", "calibration", "copies"]
    assert list(of_images.details()) == ["trust", "calibration"]
    assert of_images.standing is None


def test_too_few_rows_are_refused(model: DenoisingMarkovModel) -> None:
    with pytest.raises(InputError, match="got 9 test rows; expected at least 10"):
        evaluate(model, table(9, 1))
    with pytest.raises(InputError, match="got 3 test rows"):
        evaluate(model, table(20, 1), max_rows=3)
    with pytest.raises(NotFittedError):
        evaluate(tiny(), table(20, 1))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (Quantity(0.123456), "0.1235"),
        (Quantity(-2.5, 0.0123, "nats per row"), "-2.5 ± 0.012 nats per row"),
        (Quantity(3.0, unit="bits"), "3 bits"),
    ],
)
def test_a_quantity_reads_well(number: Quantity, words: str) -> None:
    assert str(number) == words


def test_the_likelihood_is_the_one_that_score_says() -> None:
    """Also of numbers of which a state is a cell alone."""
    rows = pd.DataFrame({"price": np.random.default_rng(0).lognormal(5, 1, 120).round(2)})
    model = tiny(quick=True, network=None, sampler=None).fit(rows)
    found = evaluate(model, rows[:60])
    assert found.numbers["exact_nats_per_row"].value == pytest.approx(float(model.score_samples(rows[:60]).mean()))
    assert found.numbers["exact_part_detail"].value < -1


@pytest.mark.usefixtures("light_judges")
def test_trees_judge_more_rows_than_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of other rows is told from the data by trees, which of the rows that are scored could not tell it."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=900), "b": rng.choice(["u", "v"], 900)})
    model = DenoisingMarkovModel(quick=True).fit(frame.assign(a=frame["a"] + 0.6))
    few, more = (evaluate(model, frame, max_rows=rows) for rows in (30, 90))
    assert [len(result.log_probs["unnoise, exact"]) for result in (few, more)] == [30, 90]
    assert [len(result.tables[0]) for result in (few, more)] == [300, 900]
    assert more.numbers["trees_p_value"].value < FAILURE_RATE
    monkeypatch.setattr(assessment, "MORE", 1)
    assert evaluate(model, frame, max_rows=30).numbers["trees_p_value"].value > FAILURE_RATE


def test_few_rows_show_no_virtue(of_table: Assessment) -> None:
    assert True not in [answer.good for answer in of_table.answers]
    assert any("60 held-out rows are too few" in answer.sentence for answer in of_table.answers)
    assert of_table.repeated == 0.0
