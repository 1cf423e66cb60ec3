"""Conditions of every kind decide the law that is learnt, as their closed form says; to ignore them is to fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from unnoise import DenoisingMarkovModel, InputError, networks
from unnoise.data import Schema
from unnoise.denoisers import ClassifierFree
from unnoise.model import load_model
from unnoise.model.conditioning import conditioned

NOISE = 0.3
QUICK: dict[str, Any] = {
    "network": partial(networks.MLP, width=32, depth=2, embedding=32),
    "steps": 300,
    "batch_size": 128,
    "learning_rate": 1e-2,
    "warmup": 20,
    "ema": 0.95,
    "roles": "joint",
    "validation": 0,
}
CLOSE, FAR = 0.3, 0.6  # root mean squared distance of means from the closed form, in spreads of the data


def pixels(rng: np.random.Generator, n: int) -> tuple[Any, np.ndarray]:
    """A bright pixel, whose position decides the mean."""
    place = rng.integers(25, size=n)
    images = np.zeros((n, 1, 5, 5), dtype=np.uint8)
    images[np.arange(n), 0, place // 5, place % 5] = 255
    return images, place / 12 - 1


def draws(rng: np.random.Generator, n: int) -> tuple[Any, np.ndarray]:
    """Observations N(u, 1) of u ~ N(0, 1): what one knows of u has the mean sum / (m + 1)."""
    truth, counts = rng.normal(size=n), rng.integers(1, 6, size=n)
    sets = [u + rng.normal(size=m) for u, m in zip(truth, counts, strict=True)]
    return sets, np.array([one.sum() / (len(one) + 1) for one in sets])


def words(rng: np.random.Generator, n: int) -> tuple[Any, np.ndarray]:
    """The share of the letter A."""
    texts = ["".join(rng.choice(list("AB"), size=rng.integers(1, 6))) for _ in range(n)]
    return np.array(texts, dtype=object), np.array([2 * text.count("A") / len(text) - 1 for text in texts])


def numbers(rng: np.random.Generator, n: int) -> tuple[Any, np.ndarray]:
    seen = rng.normal(5.0, 2.0, size=(n, 3))
    return seen, (seen[:, 0] - seen[:, 2]) / 3


def winds(rng: np.random.Generator, n: int) -> tuple[Any, np.ndarray]:
    angle = rng.uniform(0, 360, n)
    return angle, np.sin(np.radians(angle))


def places(rng: np.random.Generator, n: int) -> tuple[Any, np.ndarray]:
    place = np.stack([rng.uniform(-80, 80, n), rng.uniform(-180, 180, n)], axis=1)
    return place, np.sin(np.radians(place[:, 0]))


def turns(rng: np.random.Generator, n: int) -> tuple[Any, np.ndarray]:
    from scipy.spatial.transform import Rotation

    matrices = Rotation.random(n, random_state=0).as_matrix()
    return matrices, 1.5 * matrices[:, 0, 1]


def shares(rng: np.random.Generator, n: int) -> tuple[Any, np.ndarray]:
    parts = rng.dirichlet(np.ones(3), n)
    return parts, 3 * (parts[:, 0] - parts[:, 1])


def calls(rng: np.random.Generator, n: int) -> tuple[Any, np.ndarray]:
    counts = rng.poisson(rng.gamma(1.0, 20.0, n))
    return counts, np.log1p(counts) - 2.5


ENCODERS = {
    "image": partial(networks.ImageEncoder, width=8),
    "set": partial(networks.SetEncoder, width=32),
    "sequence": partial(networks.TokenEncoder, width=16),
}
KINDS: dict[str, tuple[Callable[..., tuple[Any, np.ndarray]], str | None, dict[str, Any]]] = {
    "image": (pixels, None, {}),
    "set": (draws, None, {"steps": 300, "learning_rate": 5e-3}),
    "sequence": (words, "sequence", {"steps": 400, "learning_rate": 5e-3}),
    "vector": (numbers, None, {}),
    "angle": (winds, "degrees", {}),
    "latlon": (places, "latlon", {}),
    "rotation": (turns, "rotation", {}),
    "proportions": (shares, "proportions", {}),
    "count": (calls, "count", {}),
}
DEFAULT = ("image", "set")


def fitted(name: str, n: int = 1000, **changes: Any) -> tuple[Any, float]:
    """A model of x = mean + noise, whose mean the condition decides, and the spread of x."""
    make, kind, own = KINDS[name]
    rng = np.random.default_rng(0)
    y, mean = make(rng, n)
    x = (mean + NOISE * rng.normal(size=n))[:, None]
    kinds = None if kind is None else {"c": kind}
    encoders = {"c": ENCODERS[name]} if name in ENCODERS else None
    options = QUICK | own | {"kinds": kinds, "encoders": encoders} | changes
    return DenoisingMarkovModel(**options).fit(x, {"c": y}), float(x.std())


def distance(model: Any, spread: float, name: str, **how: Any) -> float:
    """Root mean squared, of the means of draws for 40 new conditions from the closed form."""
    y, mean = KINDS[name][0](np.random.default_rng(1), 40)
    each = [one for one in y for _ in range(50)]
    rows = model.sample(len(each), **({"y": {"c": each}} | how), steps=8, seed=0).reshape(len(mean), -1)
    return float(np.sqrt(np.mean((rows.mean(1) - mean) ** 2)) / spread)


@pytest.fixture(scope="module")
def of_pixels() -> tuple[Any, float]:
    return fitted("image")


@pytest.mark.parametrize("name", [n if n in DEFAULT else pytest.param(n, marks=pytest.mark.slow) for n in KINDS])
def test_the_law_given_a_condition_is_the_closed_form(name: str, request: pytest.FixtureRequest) -> None:
    model, spread = request.getfixturevalue("of_pixels") if name == "image" else fitted(name)
    assert distance(model, spread, name) < CLOSE
    assert distance(model, spread, name, y=None) > FAR, "draws that are told nothing must not pass"


class MeanAlone(networks.SetEncoder):
    """One that does not tell how many observations there are."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        there = x[..., :1]
        mean = (there * self.each(x[..., 1:])).sum(1) / there.sum(1).clamp(min=1)
        return self.every(torch.cat([mean, 0 * mean[:, :1]], -1))


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "works"), [(networks.SetEncoder, True), (MeanAlone, False)])
def test_given_m_observations_the_posterior_is_normal_with_variance_1_over_m_plus_1(encoder: Any, works: bool) -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=4000)
    sets = [u + rng.normal(size=m) for u, m in zip(truth, rng.choice([1, 3, 15], size=4000), strict=True)]
    own = {"steps": 800, "learning_rate": 5e-3, "encoders": {"c": partial(encoder, width=32)}}
    model = DenoisingMarkovModel(**QUICK | own).fit(truth[:, None], {"c": sets})
    mean, variance = [], []
    for count in (1, 3, 15):
        seen = np.full(count, 0.8) + np.linspace(-1, 1, count) * (count > 1)
        rows = model.sample(2000, y={"c": seen}, seed=0)[:, 0]
        mean.append(rows.mean() - seen.sum() / (count + 1))
        variance.append(rows.var() * (count + 1))
    good = np.abs(mean).max() < 0.2 and min(variance) > 0.7 and max(variance) < 2
    assert good == works


def test_without_a_condition_the_law_is_that_of_all_rows(of_pixels: tuple[Any, float]) -> None:
    model, spread = of_pixels
    for rows in (model.sample(2000, seed=0), model.sample(2000, y=np.zeros((1, 5, 5)), guidance=0, seed=0)):
        assert abs(rows.mean()) < CLOSE * spread
        assert abs(rows.std() / spread - 1) < CLOSE
    assert model.sample(2000, y=pixels(np.random.default_rng(0), 1)[0][0], seed=0).std() < FAR * spread


def test_guidance_goes_beyond_the_law_given_the_condition(of_pixels: tuple[Any, float]) -> None:
    """The mean of all rows is 0."""
    model, _ = of_pixels
    picture = np.zeros((1, 5, 5), dtype=np.uint8)
    picture[0, 3, 3] = 255
    none, half, plain, beyond = (model.sample(1000, y=picture, guidance=w, seed=0).mean() for w in (0, 0.5, 1, 2))
    assert none + 0.02 < half < plain - 0.02
    assert beyond > plain + 0.02


def test_scores_are_of_the_law_given_the_condition(of_pixels: tuple[Any, float]) -> None:
    model, _ = of_pixels
    y, mean = pixels(np.random.default_rng(1), 60)
    x = (mean + NOISE * np.random.default_rng(2).normal(size=60))[:, None]
    truth = -0.5 * ((x[:, 0] - mean) / NOISE) ** 2 - np.log(NOISE * np.sqrt(2 * np.pi))
    found, shuffled = (model.score_samples(x, {"c": one}) for one in (y, y[::-1]))
    assert abs(found.mean() - truth.mean()) < 0.3
    assert shuffled.mean() < truth.mean() - 1, "the scores of the wrong pictures must differ"


def test_a_saved_model_gives_the_same_draws(of_pixels: tuple[Any, float], tmp_path: Path) -> None:
    model, _ = of_pixels
    y = pixels(np.random.default_rng(1), 5)[0]
    model.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.schema_ == model.schema_
    np.testing.assert_array_equal(again.sample(5, y=y, seed=0), model.sample(5, y=y, seed=0))
    np.testing.assert_array_equal(again.sample(5, y=y, guidance=2, seed=0), model.sample(5, y=y, guidance=2, seed=0))


TINY = {"steps": 2, "warmup": 0, "network": partial(networks.MLP, width=8, depth=1), "validation": 0}
IMAGES = np.random.default_rng(0).integers(0, 255, (30, 3, 6, 6), dtype=np.uint8)
LABELS = np.arange(30) % 3
ROWS = np.random.default_rng(1).normal(size=(30, 2))


@pytest.fixture(scope="module")
def of_two() -> DenoisingMarkovModel:
    return DenoisingMarkovModel(**TINY).fit(ROWS, {"image": IMAGES, "class": LABELS})


def test_several_conditions_are_given_by_name(of_two: DenoisingMarkovModel) -> None:
    assert list(of_two.schema_.conditions) == ["image", "class"]
    both = {"image": IMAGES[:4], "class": LABELS[:4]}
    rows = of_two.sample(4, y=both, seed=0)
    np.testing.assert_array_equal(rows, of_two.sample(4, given=both, seed=0))
    one = of_two.sample(4, y={"image": IMAGES[0], "class": 2}, given={"x0": 0.5}, seed=0)
    np.testing.assert_array_equal(one[:, 0], 0.5)
    assert of_two.score_samples(ROWS[:4], both).shape == (4,)
    assert of_two.schema_.describe().count("condition: ") == 2


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            {"image": IMAGES[:2, :, :5], "class": 1},
            "was given pictures of 3 x 5 x 6; the model was fitted on pictures of",
        ),
        (
            {"image": IMAGES[:2, 0], "class": 1},
            "was given pictures of 1 x 6 x 6; the model was fitted on pictures of 3 x",
        ),
        ({"image": IMAGES[:3], "class": 1}, "'image' was given 3 values; give one, or one for each of 2 rows"),
        ({"image": IMAGES[:2] * np.nan, "class": 1}, "'image' has a hole or an infinity in row 0"),
        ({"image": IMAGES[:2]}, "The condition 'class' was not given"),
        ({"image": IMAGES[:2], "class": 1, "size": 3}, "The model has no condition 'size'"),
        ({"image": "photo.png", "class": 1}, "'image' was given single values; the model was fitted on pictures"),
    ],
)
def test_what_is_given_is_refused_in_a_sentence(of_two: DenoisingMarkovModel, y: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        of_two.sample(2, y=y)


@pytest.mark.parametrize(
    ("y", "changes", "message"),
    [
        ({"c": IMAGES[:29]}, {}, "X has 30 rows, but the condition 'c' has 29"),
        ({"c": IMAGES.astype(float)[:, 0]}, {}, "may be grey pictures or sets of observations; say which"),
        ({"c": IMAGES}, {"kinds": {"x0": "image"}}, "'x0' is declared image, which only conditions are"),
        ({"c": IMAGES}, {"encoders": {"d": networks.ImageEncoder}}, "an encoder for 'd', which is no condition"),
        ({"c": IMAGES}, {"encoders": {"c": lambda *given: 3}}, "got int as the encoder of 'c'"),
        ({"c": IMAGES}, {"unconditional": 1.0}, "got unconditional = 1.0"),
        ({"c": IMAGES}, {"quick": True}, "a quick model does not have"),
        ([np.zeros(2)] * 29 + [np.zeros(0)], {}, "a set of no observations in row 29"),
    ],
)
def test_conditions_that_cannot_be_learnt_are_refused(y: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DenoisingMarkovModel(**TINY | changes).fit(ROWS, y)


def test_conditions_where_a_model_has_none_or_needs_them(of_two: DenoisingMarkovModel) -> None:
    plain = DenoisingMarkovModel(**TINY).fit(ROWS, LABELS)  # labels of other estimators are passed over
    with pytest.raises(InputError, match="y holds 'y', and the model has no conditions; leave y out"):
        plain.score_samples(ROWS, IMAGES)
    with pytest.raises(InputError, match="The model has no conditions; leave out `y`"):
        plain.sample(2, y=IMAGES[:2])
    with pytest.raises(InputError, match="this model has no conditions; fit it with conditions"):
        plain.sample(2, guidance=2.0)
    with pytest.raises(InputError, match="and y was not given"):
        of_two.score_samples(ROWS)
    sure = DenoisingMarkovModel(**TINY, unconditional=0).fit(ROWS, {"class": LABELS})
    assert sure.schema_.condition_width == LABELS.max() + 1
    with pytest.raises(InputError, match="The model is conditional on 'class': pass given="):
        sure.sample(2)
    with pytest.raises(InputError, match="was fitted with unconditional=0"):
        sure.sample(2, y={"class": 1}, guidance=2.0)


def test_a_condition_among_the_columns_is_needed_and_may_be_guided() -> None:
    model = DenoisingMarkovModel(**TINY, condition="x1", unconditional=0.1).fit(ROWS)
    rows = model.sample(3, given={"x1": 0.5}, guidance=2.0, seed=0)
    np.testing.assert_array_equal(rows[:, 1], 0.5)
    with pytest.raises(InputError, match="The model is conditional on 'x1'"):
        model.sample(3)
    told = DenoisingMarkovModel(**TINY, condition="x1").fit(ROWS)
    assert (model.schema_.condition_width, told.schema_.condition_width) == (2, 1), "columns are always told by default"


def test_sets_may_be_larger_than_those_of_the_training() -> None:
    sets = [np.arange(1.0 + i % 3) for i in range(30)]
    model = DenoisingMarkovModel(**TINY).fit(ROWS, {"c": sets, "d": LABELS[:, None] + [0.0, 1.0]})
    assert model.sample(2, y={"c": [np.arange(9.0), np.arange(2.0)], "d": [0.0, 1.0]}, seed=0).shape == (2, 2)


def test_questions_have_conditions_too() -> None:
    model = DenoisingMarkovModel(**TINY, roles="any").fit(ROWS, {"c": IMAGES})
    rows = model.sample(3, y=IMAGES[:3], given={"x0": 1.0}, guidance=2.0, seed=0)
    np.testing.assert_array_equal(rows[:, 0], 1.0)
    assert isinstance(model._guided(model.answering(), 2.0), ClassifierFree)


def test_a_network_without_encoders_is_the_backbone_itself() -> None:
    schema = Schema.infer(ROWS, {"c": ROWS}, optional=True)
    head = schema.process().head
    network = conditioned(partial(networks.MLP, width=8), schema, head, {})
    assert isinstance(network, networks.MLP)
    behind = conditioned(
        partial(networks.MLP, width=8), schema, head, {"c": lambda shape, size: torch.nn.Linear(*shape, size)}
    )
    assert isinstance(behind, networks.Conditioned)
