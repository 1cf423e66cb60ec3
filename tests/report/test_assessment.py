"""The numbers of an assessment, and the page that shows them."""

from __future__ import annotations

import math
import re
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from unnoise import DenoisingMarkovModel, InputError, evaluate, samplers
from unnoise.evaluation.likelihood import Bound, ProbabilityFlow
from unnoise.networks import MLP
from unnoise.report.assessment import Assessment, Figure

EVIL = "<script>alert('x')</script> & \"co\""
BASELINES = ["Gaussian", "Gaussian mixture", "Kernel density"]


def tiny(**changes: Any) -> DenoisingMarkovModel:
    parts = {"network": partial(MLP, width=16, depth=1, embedding=16), "sampler": partial(samplers.Heun, steps=8)}
    return DenoisingMarkovModel(**{"steps": 20, "batch_size": 32, **parts, **changes})


def table(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    return pd.DataFrame({EVIL: 5 + a, "b": 100 * (a + rng.normal(size=n)), "count": rng.poisson(3, n)})


@pytest.fixture(scope="module")
def model() -> DenoisingMarkovModel:
    return tiny(likelihood=ProbabilityFlow(tolerance=1e-3)).fit(table(200, 0))


@pytest.fixture(scope="module")
def of_table(model: DenoisingMarkovModel) -> Assessment:
    return evaluate(model, table(60, 1), train=table(200, 0))


@pytest.fixture(scope="module")
def of_images() -> Assessment:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 17, (60, 8, 8), dtype=np.uint8), np.arange(60) % 3
    model = tiny(condition="digit", likelihood=Bound(draws=4)).fit(images[:40], labels[:40])
    return evaluate(model, images[40:], labels[40:], train=images[:40], train_y=labels[:40])


# ---- numbers


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
    wanted += ["copying_ratio", "copying_near_share"]
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


def test_the_same_seed_measures_the_same(model: DenoisingMarkovModel) -> None:
    first, again, other = (evaluate(model, table(30, 1), seed=seed, max_rows=12).measured() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_without_training_rows_there_is_nothing_to_compare_with(model: DenoisingMarkovModel) -> None:
    found = evaluate(model, table(20, 1))
    assert list(found.likelihoods) == ["unnoise, exact", "unnoise, lower bound"]
    assert "copying_ratio" not in found.numbers


def test_a_bound_stands_alone_and_of_many_rows_some_are_looked_at(model: DenoisingMarkovModel) -> None:
    found = evaluate(model, table(50, 1), likelihood=Bound(draws=2), max_rows=12)
    assert list(found.likelihoods) == ["unnoise, lower bound"]
    assert len(found.test) == len(found.samples) == 12


def test_images_are_measured_by_their_bound(of_images: Assessment) -> None:
    assert "exact_nats_per_row" not in of_images.numbers
    assert list(of_images.likelihoods) == ["unnoise, lower bound", *BASELINES]
    assert of_images.samples.shape == (20, 8, 8)


def test_too_few_rows_are_refused(model: DenoisingMarkovModel) -> None:
    with pytest.raises(InputError, match="got 9 test rows; at least 10 are needed to say anything about a model"):
        evaluate(model, table(9, 1))
    with pytest.raises(InputError, match="got 3 test rows"):
        evaluate(model, table(20, 1), max_rows=3)
    with pytest.raises(NotFittedError):
        evaluate(tiny(), table(20, 1))


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        (Figure(0.123456), "0.1235"),
        (Figure(-2.5, 0.0123, "nats per row"), "-2.5 ± 0.012 nats per row"),
        (Figure(3.0, unit="bits"), "3 bits"),
    ],
)
def test_a_figure_reads_well(figure: Figure, words: str) -> None:
    assert str(figure) == words


# ---- the page


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, titles of sections, and the text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.titles: list[str] = []
        self.words = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data
        if self.tags and self.tags[-1][0] == "h2" and data.strip():
            self.titles.append(data)


def written(found: Assessment, folder: Path) -> tuple[str, Page]:
    """The report in place of an old one."""
    (folder / "report.html").write_text("old")
    found.write(folder / "report.html", title=f"A report {EVIL}", command="unnoise evaluate model data.csv")
    assert [path.name for path in folder.iterdir()] == ["report.html"]
    source = (folder / "report.html").read_text(encoding="utf-8")
    return source, Page(source)


SECTIONS = ["New samples", "How likely is held-out data?", "Can samples be told from data?"]
SECTIONS += ["Are samples copies of the training data?", "From data to noise, and back", "Training"]
SECTIONS += ["The data and the model", "How this report was made"]


@pytest.mark.parametrize("kind", ["of_table", "of_images"])
def test_a_report_holds_everything_and_needs_nothing(kind: str, tmp_path: Path, request: Any) -> None:
    source, page = written(request.getfixturevalue(kind), tmp_path)
    assert source.startswith("<!doctype html>")
    assert list(dict.fromkeys(page.titles)) == SECTIONS
    images = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(images) >= 5
    assert all(image.startswith("data:image/png;base64,") for image in images)
    assert not re.search(r"""(src|href)=["'](?!data:|#)|url\(|@import|https?://""", source)
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe")]
    for words in (*BASELINES, "unnoise evaluate model data.csv", "Preserving", "MLP", f"A report {EVIL}"):
        assert words in page.words
    if kind == "of_table":
        assert EVIL in page.words.split("The data and the model")[-1], "names of columns are text, never markup"


def test_a_single_column_needs_no_pairs_and_no_filmstrip(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 1))
    _, page = written(evaluate(tiny().fit(rows), rows[:30]), tmp_path)
    assert "From data to noise, and back" not in page.titles
    assert "New samples" in page.titles
