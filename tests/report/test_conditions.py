"""Is a model with conditions as sure as it should be, given them?"""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small_models import EVIL, tiny

from unnoise import samplers
from unnoise.evaluation import Posteriors, calibration
from unnoise.report import Assessment, Page, conditions
from unnoise.report.answer import LEVEL
from unnoise.report.conditions import CHECKS, QUESTION, answer, calibrated, show_calibration


def found(spread: float, columns: int = 2) -> Any:
    """Draws that are as spread as they should be, or not."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, columns))
    draws = x[:, None] + spread * rng.normal(size=(100, 9, columns))
    names = [EVIL, *(f"column {place}" for place in range(1, columns))]
    told = Posteriors(draws, x + rng.normal(size=x.shape), x, names=names, given=("u",))
    return calibration(told, trials=0, level=LEVEL / CHECKS)


def test_the_answer_is_red_if_a_check_is() -> None:
    good, bad = (answer(found(spread)) for spread in (1.0, 0.3))
    assert good.good
    assert good.question == QUESTION
    assert good.sentence == "No check of 100 held-out rows, 9 draws each given u, sees more than chance."
    assert good.beside == "a perfect model: p above 0.001"
    assert good.number.startswith("4 checks, least p = 0.")
    assert not bad.good
    assert "are too narrow" in bad.sentence
    assert answer(None).good is None


def test_the_page_shows_questions_answers_and_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {}
    monkeypatch.setattr(Page, "figure", lambda self, figure, caption: shown.update(figure=figure, caption=caption))
    page = Page("a page")
    show_calibration(page, found(0.3, columns=8))
    html = page.html()
    assert html.count("<script>") == 1
    assert html.count('<td class="number bad"') >= 3
    assert "checks see a difference: what it says of one row is not to be believed" in html
    assert "given u" in html
    assert [axes.get_title().split("\n")[0] for axes in shown["figure"].axes] == [
        "ranks",
        "coverage",
        "points of reference",
    ]
    assert len(shown["figure"].axes[0].get_legend().get_texts()) == conditions.MOST_CURVES
    assert "the worst 6 columns" in shown["caption"]
    page = Page("a page")
    show_calibration(page, found(1.0))
    assert "None of 4 checks sees more than chance" in page.html()
    assert '<td class="number bad"' not in page.html()


def test_nothing_is_measured_where_nothing_is_given() -> None:
    plain: Any = SimpleNamespace(schema_=SimpleNamespace(conditions={}))
    assert calibrated(plain, np.zeros((40, 2)), None, 0) is None


def test_a_model_without_conditions_is_judged_given_the_column_that_tells_most(of_table: Assessment) -> None:
    assert of_table.calibration is not None
    assert of_table.calibration.given == (of_table.pair.given,)
    assert of_table.pair.given not in of_table.calibration.names


def test_a_model_with_conditions_is_judged_by_them() -> None:
    """A model that has hardly been trained says nothing of the condition, which decides nearly all."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 120)
    rows = 5.0 * label[:, None] + rng.normal(size=(120, 2))
    more = {"kinds": {"x0": "real", "x1": "real"}, "condition": "label", "sampler": partial(samplers.Heun, steps=6)}
    model = tiny(steps=2, **more).fit(rows[:60], label[:60].astype(str))
    found = calibrated(model, rows[60:], label[60:].astype(str), 0)
    assert (found.rows, found.given, found.names) == (60, ("label",), ("x0", "x1"))
    assert [one.key for one in found.answers] == ["ranks", "intervals", "density", "points", "local"]
    assert not answer(found).good


def test_an_assessment_holds_it(of_images: Assessment) -> None:
    assert of_images.calibration is not None
    assert of_images.calibration.given == ("digit",)
    (found,) = (one for one in of_images.answers if one.key == "calibration")
    assert found == answer(of_images.calibration).measured_on(20)
    assert [one["key"] for one in of_images.details()["calibration"]] == ["ranks", "intervals", "density", "points"]


def test_a_cause_why_it_cannot_be_judged_is_a_warning() -> None:
    rows, label = np.random.default_rng(0).normal(size=(40, 2)), ["a", "b"] * 20
    model = tiny(steps=2, condition="label").fit(rows, label)
    with pytest.warns(UserWarning, match="calibration is not judged: got 9 held-out rows"):
        assert calibrated(model, rows[:9], label[:9], 0) is None


def test_images_are_judged_by_some_of_their_numbers() -> None:
    rng = np.random.default_rng(0)
    images, label = rng.normal(size=(60, 1, 9, 9)), ["a", "b"] * 30
    model = tiny(steps=2, condition="label", sampler=partial(samplers.Heun, steps=12)).fit(images, label)
    drawn = model.posteriors(images, label, draws=2, density_draws=0)
    assert drawn.draws.shape == (60, 2, 64)
    assert drawn.observations.shape[1] == 2
    assert drawn.given == ("label",)


def test_what_the_checks_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five together call a perfect model bad as often as any other question does."""
    monkeypatch.setattr(conditions, "calibration", lambda *rows, **options: (rows, options))
    model: Any = SimpleNamespace(schema_=SimpleNamespace(conditions={"u": None}))
    rows, options = calibrated(model, "rows", "y", 2**32 + 5)  # type: ignore[misc]
    assert rows == (model, "rows", "y")
    assert options == {
        "draws": 9,
        "density_draws": 4,
        "max_rows": 200,
        "trials": 0,
        "level": LEVEL / CHECKS,
        "seed": 5,
    }
