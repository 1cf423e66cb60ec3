"""What an assessment hands from one part to the next: the right rows, in the right order and in the right units."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from small_models import tiny

from unnoise import DenoisingMarkovModel, evaluate
from unnoise.evaluation import Bound, classifier_test, energy_distance, fit_baselines, memorisation
from unnoise.report import Assessment, Quantity, page_of, plots
from unnoise.testing import ImprobableError, assert_mean, assert_probable


def normal(n: int, seed: int) -> np.ndarray:
    """Real numbers, which need no noise of dequantisation."""
    return np.random.default_rng(seed).normal(size=(n, 2)) * [1.0, 30.0]


@pytest.fixture(scope="module")
def of_numbers() -> Assessment:
    model = tiny(steps=2).fit(normal(12, 0))
    return evaluate(model, normal(12, 1), train=normal(12, 0), likelihood=Bound(draws=2))


def test_baselines_are_fitted_on_the_training_rows_and_scored_on_the_others(of_numbers: Assessment) -> None:
    schema = of_numbers.model.schema_
    train, test = (schema.encode(rows).x.double().numpy() for rows in (normal(12, 0), normal(12, 1)))
    for label, baseline in fit_baselines(train, 0).items():
        wanted = baseline.score_samples(test).mean() + schema.log_volume
        assert of_numbers.likelihoods[label][0] == pytest.approx(wanted)


def test_samples_are_compared_with_held_out_rows_and_these_with_training_rows(of_numbers: Assessment) -> None:
    features, numbers = of_numbers.features, of_numbers.numbers
    test, samples = features(of_numbers.test.x), features(of_numbers.model.schema_.round_trip(of_numbers.samples))
    distance, copies = energy_distance(test, samples), memorisation(samples, test, features(of_numbers.train.x))
    wanted = {
        "c2st_accuracy": classifier_test(test, samples).accuracy,
        "energy_distance": distance.value,
        "energy_distance_floor": distance.floor,
        "copying_ratio": copies.ratio,
        "copying_near_share": copies.near_share,
        "copying_near_share_held_out": copies.held_out_near_share,
    }
    assert {name: numbers[name].value for name in wanted} == pytest.approx(wanted)
    assert numbers["copying_ratio"].standard_error == pytest.approx(copies.ratio_se)


def test_of_many_rows_some_are_chosen_at_random() -> None:
    """The first column counts the rows; a model that looked at the first ones would miss what comes later."""
    rows = np.stack([np.arange(400.0), np.random.default_rng(0).normal(size=400)], 1)
    model = tiny(steps=1).fit(rows)
    found = evaluate(model, rows, likelihood=Bound(draws=2), max_rows=40)
    chosen = torch.as_tensor(model.schema_.decode(found.test.x)[:, 0])
    assert_mean(chosen, 199.5)
    assert len(chosen.round().unique()) == 40
    with pytest.raises(ImprobableError):
        assert_mean(torch.arange(40.0), 199.5)


def test_perfect_samples_of_whole_numbers_are_not_told_from_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples lie anywhere in their cells and held-out rows on the edges, which a classifier would see at once."""
    rows = np.random.default_rng(0).integers(0, 2, (240, 3))
    model = tiny(steps=1, roles="joint").fit(rows)
    perfect = model.schema_.encode(rows[120:]).all(torch.Generator().manual_seed(1))[0]
    monkeypatch.setattr(DenoisingMarkovModel, "sample_states", lambda *_, **__: perfect)
    found = evaluate(model, rows[:120], likelihood=Bound(draws=2))
    assert_probable(found.numbers["c2st_p_value"].value, "perfect samples cannot be told from data")
    p_value = classifier_test(found.features(found.test.x), found.features(perfect)).p_value
    with pytest.raises(ImprobableError):
        assert_probable(p_value, "samples that were never rounded cannot be told from data")


SHARES = {"copying_near_share": 0.41, "copying_near_share_held_out": 0.02}


@pytest.fixture(scope="module")
def drawn(of_images: Assessment) -> tuple[dict[str, Any], str]:
    """What the figures of a report on images were given, by the name of the figure, and the report itself."""
    seen: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("class_grid", "neighbour_grid", "filmstrip", "image_grid", "calibration_curves"):

            def spy(*args: Any, name: str = name, **keywords: Any) -> Figure:
                seen[name] = (*args, keywords)
                return Figure(figsize=(1, 1))  # drawing is tested elsewhere

            patch.setattr(plots, name, spy)
        for name, share in SHARES.items():
            patch.setitem(of_images.numbers, name, Quantity(share))
        return seen, page_of(of_images).html()


def test_likelihoods_of_images_and_their_errors_are_told_in_bits(
    of_images: Assessment, drawn: tuple[dict[str, Any], str]
) -> None:
    bits = of_images.numbers["bound_bits_per_dim"]
    assert bits.standard_error == pytest.approx(of_images.likelihoods["unnoise, lower bound"][1] / (64 * math.log(2)))
    assert f"{bits.value:.3f} ± {bits.standard_error:.3f}" in drawn[1]
    assert "bits per dimension</th>" in drawn[1]
    assert "less is better" in drawn[1]


def test_the_least_likely_images_are_shown(of_images: Assessment, drawn: tuple[dict[str, Any], str]) -> None:
    log_prob = of_images.log_probs["unnoise, lower bound"]
    images = of_images.model.schema_.values(of_images.test.x)["x"]
    np.testing.assert_array_equal(drawn[0]["image_grid"][0], images[np.argsort(log_prob)])


def test_images_stand_under_their_class(of_images: Assessment, drawn: tuple[dict[str, Any], str]) -> None:
    groups, _ = drawn[0]["class_grid"]
    images = of_images.model.schema_.decode(of_images.samples, {"digit": np.arange(40, 60) % 3})
    assert list(groups) == ["0", "1", "2"]
    for digit, shown in groups.items():
        np.testing.assert_array_equal(shown, images[np.arange(40, 60) % 3 == int(digit)])


def test_samples_stand_above_their_nearest_training_images(
    of_images: Assessment, drawn: tuple[dict[str, Any], str]
) -> None:
    samples, neighbours, _ = drawn[0]["neighbour_grid"]
    train = of_images.model.schema_.values(of_images.train.x)["x"].astype(float)
    for sample, neighbour in zip(samples.astype(float), neighbours.astype(float), strict=True):
        distances = ((train - sample) ** 2).sum((1, 2))
        assert ((neighbour - sample) ** 2).sum() == distances.min()


def test_shares_of_near_copies_are_told_in_per_cent(drawn: tuple[dict[str, Any], str]) -> None:
    words = "41.0 % of samples are as near to a training row as the nearest 2.0 % of held-out rows"
    assert words in drawn[1]
