"""A part of an image: what is kept is kept, what is drawn has the law given the rest, and a spoilt pixel surprises."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html import unescape
from typing import Any

import numpy as np
import pytest
from scipy import stats

from tests.look.conftest import HOST, Outline, small
from unnoise._errors import InputError
from unnoise.look import patches
from unnoise.look.answers import Answers
from unnoise.look.patches import DRAWS, Box, image_column, over, patches_of, redrawn, size_of, surprises
from unnoise.model import DenoisingMarkovModel
from unnoise.testing import ImprobableError, assert_probable

Client = Callable[..., Any]
SIZE = (3, 3)
COVARIANCE = 0.6 + 0.4 * np.eye(9)


@cache
def gaussian() -> Answers:
    """A mixture of one Gaussian, near to that of its rows: all pixels go together."""
    rows = np.random.default_rng(0).multivariate_normal(np.zeros(9), COVARIANCE, 4000, method="cholesky")
    # Of other seeds fifty laws may seem better than ten by a hair, and say less of what no row is like.
    model = DenoisingMarkovModel(quick=True, random_state=1, progress=False).fit(rows.reshape(-1, *SIZE))
    return Answers(model, rows[:5].reshape(-1, *SIZE))


def given_the_rest(image: np.ndarray) -> np.ndarray:
    """-log p of each pixel given the others, of the Gaussian."""
    precision = np.linalg.inv(COVARIANCE)
    variance = 1 / np.diag(precision)
    mean = image.ravel() - precision @ image.ravel() * variance
    return -stats.norm.logpdf(image.ravel(), mean, np.sqrt(variance))


def test_surprise_is_that_of_the_conditional_law() -> None:
    image = np.zeros(SIZE)
    image[1, 2] = 2.0
    found = surprises(gaussian(), image, patches_of(SIZE), None, seed=0)
    assert found == pytest.approx(given_the_rest(image), rel=0.2)
    assert found != pytest.approx(given_the_rest(np.zeros(SIZE)), rel=0.2)
    assert int(found.argmax()) == 5


def test_draws_follow_the_conditional_law() -> None:
    """Of the corner given the eight others; the law of the corner alone is another one."""
    image, corner = np.full(SIZE, 1.5), Box(0, 0, 1, 1).inside(SIZE)
    precision = np.linalg.inv(COVARIANCE)
    deviation = precision[0, 0] ** -0.5
    mean = -precision[0, 1:].sum() * 1.5 / precision[0, 0]
    draws = np.concatenate([redrawn(gaussian(), image, corner, None, seed) for seed in range(12)])
    assert (draws[:, ~corner] == 1.5).all()
    cells = draws[:, 0, 0]
    assert abs(cells.mean() - mean) < 0.25
    assert abs(cells.mean()) > 0.5
    assert_probable(stats.kstest(cells, "norm", (mean, deviation)).pvalue)
    with pytest.raises(ImprobableError):
        assert_probable(stats.kstest(cells, "norm").pvalue)


def test_the_parts_cover_an_image_once() -> None:
    for size in ((8, 8), (28, 28), (5, 31), (1, 1)):
        boxes = patches_of(size)
        assert sum(box.inside(size).astype(int) for box in boxes).tolist() == np.ones(size).tolist()
        assert len(boxes) <= 110


@pytest.mark.parametrize("shape", [(1, 4, 5), (3, 4, 5), (4, 5, 3), (4, 5, 1), (4, 5)])
def test_a_mask_lies_over_all_channels(shape: tuple[int, ...]) -> None:
    image = np.zeros(shape)
    assert size_of(image) == (4, 5)
    mask = np.broadcast_to(over(Box(1, 2, 3, 4).inside((4, 5)), image), shape)
    assert mask.sum() == 4 * image.size / 20


def test_all_or_nothing_is_no_part() -> None:
    answers = Answers(small("images"))
    image = np.zeros((4, 4), dtype=np.uint8)
    for box in (Box(0, 0, 4, 4), Box(2, 2, 2, 4)):
        with pytest.raises(InputError, match="Some pixels must be drawn and some kept"):
            redrawn(answers, image, box.inside((4, 4)), None, 0)


def test_only_models_of_images_have_the_page(client: Client, answers: Answers) -> None:
    assert image_column(answers, answers.about) is None
    reply = client(answers).get("part")
    assert (reply.status_code, "models of images" in reply.text) == (400, True)
    assert "Part of an image" not in client(answers).get("noise").text
    assert "Part of an image" in client(Answers(small("images"))).get("noise").text


@pytest.mark.parametrize("asked", [{"do": "keep", "top": "1", "right": "2", "is.digit": "2"}, {"seed": "3"}])
@pytest.mark.parametrize("has_data", [True, False])
def test_the_lines_of_python_draw_what_is_shown(
    client: Client, asked: dict[str, str], has_data: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rng = small("images"), np.random.default_rng(1)
    images, labels = rng.integers(0, 16, (5, 4, 4)).astype("uint8"), np.arange(5) % 3
    answers = Answers(model, images, labels) if has_data else Answers(model)
    text = client(answers).get("part", params=asked | {"row": "3"}).text
    (code,) = re.findall(r'aria-labelledby="python"><code>(.*?)</code>', text, re.DOTALL)
    monkeypatch.setattr("unnoise.load", lambda folder: model)
    monkeypatch.setattr("unnoise.data.files.read", lambda file: images)
    names: dict[str, Any] = {}
    exec(unescape(code), names)
    (drawn,) = (value for key, value in answers._kept.items() if key[0] == "part")
    np.testing.assert_array_equal(np.concatenate(names["drawn"]), drawn)
    assert len(drawn) == DRAWS


def test_surprise_comes_by_itself_and_is_told(client: Client) -> None:
    page = client(Answers(small("images")))
    first = Outline(page.get("part").text)
    (answer,) = (one for one in first.all("section") if one.get("id") == "answer")
    assert "Surprise" not in first.words
    more = Outline(page.get(f"http://{HOST}{answer['data-next']}").text)
    assert "The most surprising parts, given the rest" in more.words
    assert len([one for one in more.all("svg") if one["class"] == "picture"]) == 2


def test_surprise_of_a_patch_is_that_of_a_pixel_on_average_and_parts_have_seeds_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[int, int]] = []

    def log_probs(answers: Any, image: Any, hidden: Any, y: Any, seed: int) -> Any:
        asked.append((len(hidden), seed))
        return -6.0 * np.ones(len(hidden))

    monkeypatch.setattr(patches, "_log_probs", log_probs)
    boxes = [Box(0, 0, 2, 3), *[Box(0, 0, 1, 1)] * 29]
    assert surprises(gaussian(), np.zeros(SIZE), boxes, None, seed=7).tolist() == [1.0] + [6.0] * 29
    assert asked == [(25, 7), (5, 32)]
