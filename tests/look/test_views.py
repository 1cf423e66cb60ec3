"""Pictures: their numbers, their words, and that names cannot break out of them."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from tests.look.conftest import LEVELS, ODD, fitted, people, small
from unnoise.look import columns, drawing, pairs, views, wholes
from unnoise.look.answers import Answers, read
from unnoise.look.asking import Inquiry
from unnoise.look.drawing import ALIKE, DATA, MODEL, Plate, Side
from unnoise.look.noise import HIDDEN, journey
from unnoise.model import DenoisingMarkovModel

NASTY = '<img src=x onerror="alert(1)">'


def scene(kind: str = "") -> views.Scene:
    model = small(kind) if kind else fitted()
    answers = Answers(model)
    data = read(model.schema_, people()) if kind in ("", "table") else answers.beside(30)
    return views.Scene(
        model.schema_, [(DATA, "data", data), (MODEL, "model", answers.rows(Inquiry(), 40, 0))], lambda name: None
    )


def parsed(panel: Plate) -> list[ElementTree.Element]:
    """The pictures of a panel, which are well-formed."""
    return [ElementTree.fromstring(found) for found in re.findall(r"<svg.*?</svg>", str(panel.drawing), re.DOTALL)]


def side(look: str, *values: Any) -> Side:
    return Side(look, look, tuple(np.asarray(one) for one in values))


def test_the_numbers_of_a_histogram_are_shares_of_rows() -> None:
    rng = np.random.default_rng(0)
    held = {DATA: rng.normal(size=500), ALIKE: rng.normal(1, 1, 50), MODEL: rng.normal(2, 1, 200)}
    panel = columns.histogram("x", [side(look, values) for look, values in held.items()], drawing.plain, (-4.0, 6.0))
    assert panel.header == ("x", *held)
    assert len(panel.rows) == 36
    for i, values in enumerate(held.values(), 1):
        shares, _ = np.histogram(values, np.linspace(-4, 6, 37))
        assert [row[i] for row in panel.rows] == [drawing.percent(n / len(values)) for n in shares.tolist()]
    (picture,) = parsed(panel)
    classes = [part.get("class") for part in picture]
    assert [name for name in classes if name and "steps" in name] == ["steps data", "steps alike", "steps model"]


def test_bars_have_the_exact_probabilities_where_they_are_known() -> None:
    texts = np.array(["a", "b", "b", "b"], dtype=object)
    sides = [side(DATA, texts), side(MODEL, texts)]
    counted, exact = (str(columns.bars("x", sides, ["a", "b"], one).drawing) for one in (None, np.array([0.3, 0.7])))
    assert re.findall(r'number">([^<]*)</td>', counted) == ["75 %", "75 %", "25 %", "25 %"]
    assert re.findall(r'number">([^<]*)</td>', exact) == ["75 %", "70 %", "25 %", "30 %"]
    turned = columns.bars("x", sides, ["a", "b"], np.array([0.6, 0.4]))
    assert turned.caption.startswith("The model most often says a;")  # though the data say b


def test_many_levels_are_folded_away() -> None:
    texts = np.array([f"level {i}" for i in range(30)], dtype=object)
    drawn = str(columns.bars("x", [side(MODEL, texts)], texts.tolist()).drawing)
    assert f"{30 - columns.MOST_LEVELS} more levels" in drawn
    assert all(level in drawn for level in texts)


@pytest.mark.parametrize("kind", ["", "table", "images", "angles", "places", "letters"])
def test_every_kind_of_column_has_pictures(kind: str) -> None:
    found = scene(kind)
    names = list(found.schema.columns_of_state)
    panels = views.pictures(found, names)
    assert all(panel.caption and panel.drawing for panel in panels)
    assert [panel for panel in panels if parsed(panel)] or kind == "images"
    shown = " ".join(panel.title for panel in panels)
    assert all(name in shown for name in names)


def test_pairs_are_drawn_by_what_they_are() -> None:
    found, about = scene(), Answers(fitted()).about
    assert "correlation" in views.pair(found, about, "age", ODD).caption
    table = views.pair(found, about, "place", "age")
    assert "deeper" in table.caption
    angles, places = scene("angles"), scene("places")
    assert "densest" in views.pair(angles, Answers(small("angles")).about, "phi", "psi").caption
    assert "equator" in views.pair(places, Answers(small("places")).about, "lat", "lon").caption


def test_tails_of_letters_are_not_cut_off() -> None:
    """As of the g in fnlwgt, below the axis of a scatter of points."""
    found = [views.pair(scene(), Answers(fitted()).about, "age", ODD), *views.pictures(scene(), ["age", "since"])]
    for picture in (picture for panel in found for picture in parsed(panel)):
        bottom = float(picture.get("viewBox", "").split()[3])
        upright = [part for part in picture.iter("text") if part.get("transform") is None]
        assert max(float(part.get("y", "nan")) for part in upright) <= bottom - 3


def test_correlations_and_shares_are_right() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 80))
    panel = pairs.scatter(("x", "y"), [side(MODEL, x, x + y)], (drawing.plain, drawing.plain))
    assert panel.rows == ((MODEL, "80", f"{np.corrcoef(x, x + y)[0, 1]:.2f}"),)
    one, other = np.array(["a", "a", "b", "b"], dtype=object), np.array([1, 2, 2, 2])
    table = pairs.shares(("one", "other"), [side(MODEL, one, other)], (drawing.plain, drawing.plain))
    assert table.header == ("other", "a", "b")
    assert table.rows == (("1", "25 %", "0 %"), ("2", "25 %", "50 %"))


def test_the_map_keeps_areas() -> None:
    """Equal areas of the globe have equal areas of the picture: the Jacobian over cos(latitude) is constant."""
    h, (latitude, longitude) = 1e-4, np.meshgrid(np.linspace(-80, 80, 9), np.linspace(-170, 170, 9))
    (x_n, y_n), (x_s, y_s) = (pairs.equal_earth(latitude + d, longitude) for d in (h, -h))
    (x_e, y_e), (x_w, y_w) = (pairs.equal_earth(latitude, longitude + d) for d in (h, -h))
    area = (x_e - x_w) * (y_s - y_n) - (x_n - x_s) * (y_w - y_e)
    ratio = area / np.cos(np.radians(latitude))
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-5)


def test_a_torus_has_every_row_once() -> None:
    rng = np.random.default_rng(0)
    angles = rng.uniform(-180, 180, (2, 400))
    panel = pairs.torus(("phi", "psi"), [side(MODEL, *angles)], 360.0, (-180.0, -180.0))
    (picture,) = parsed(panel)
    counts = np.histogram2d(*angles, bins=[np.linspace(-180, 180, 37)] * 2)[0]
    assert sum("cell" in (part.get("class") or "") for part in picture) == np.count_nonzero(counts)


def test_letters_are_as_high_as_they_tell() -> None:
    letters, shares = wholes.frequencies(["AC", "AG", "A"])
    assert letters == ["-", "A", "C", "G"]
    np.testing.assert_allclose(shares, [[0, 1, 0, 0], [1 / 3, 0, 1 / 3, 1 / 3]])
    picture = ElementTree.fromstring(str(wholes.logo(["AC", "AG", "AT", "AA"], "four", list("ACGT"), 2.0)))
    heights = {
        part.text: float(re.findall(r"scale\(1 ([\d.]+)\)", part.get("transform", ""))[0]) for part in picture[1:]
    }
    assert heights == {"A": pytest.approx(wholes.LOGO / 11.5, abs=0.01)}  # the second place tells nothing


def test_logos_stand_on_one_scale_whose_highest_place_fills_it() -> None:
    """Of letters that one side alone has, too; the rest of the picture would be empty."""
    sides = [side(DATA, ["AK", "CK", "GL", "TL"]), side(MODEL, ["AK", "CK", "GL", "TM"])]
    panel = wholes.sequences("x", sides)
    assert f"{np.log2(7) - 1:.2g} bits at the highest" in panel.caption  # seven letters, two of them there
    tall = [
        sum(
            float(one)
            for one in re.findall(r"translate\(21 .*?scale\(1 ([\d.]+)\)", ElementTree.tostring(picture).decode())
        )
        for picture in parsed(panel)
    ]
    told = [np.log2(7) - 1.5, np.log2(7) - 1]  # of the model, which has three at the second place, and of the data
    np.testing.assert_allclose(np.array(tall) * 11.5 / wholes.LOGO, np.array(told) / told[1], atol=0.01)


def test_images_carry_words() -> None:
    values = np.random.default_rng(0).integers(0, 255, (3, 5, 5)).astype("uint8")
    drawn = str(wholes.images("x", [side(DATA, values), side(MODEL, values)]).drawing)
    assert re.findall(r'alt="([^"]*)"', drawn) == [f"{look}, {i}" for look in (MODEL, DATA) for i in (1, 2, 3)]


def test_names_cannot_break_out() -> None:
    numbers, texts = np.arange(20.0), np.array([NASTY] * 20, dtype=object)
    word = lambda value: NASTY  # noqa: E731
    panels = [
        columns.histogram(NASTY, [Side(MODEL, NASTY, (numbers,))], word),
        columns.bars(NASTY, [Side(MODEL, NASTY, (texts,))], [NASTY]),
        pairs.scatter((NASTY, NASTY), [Side(MODEL, NASTY, (numbers, numbers))], (word, word)),
        pairs.shares((NASTY, NASTY), [Side(MODEL, NASTY, (texts, numbers))], (word, word)),
        pairs.torus((NASTY, NASTY), [Side(MODEL, NASTY, (numbers, numbers))], 360.0, (0.0, 0.0)),
        pairs.world((NASTY, NASTY), [Side(MODEL, NASTY, (numbers, numbers))]),
        wholes.sequences(NASTY, [Side(MODEL, NASTY, (texts,))]),
        wholes.images(NASTY, [Side(MODEL, NASTY, (np.ones((2, 3, 3)),))]),
    ]
    for panel in panels:
        assert "onerror=&#34;" in str(panel.drawing) or "onerror" not in str(panel.drawing)
        assert "<img src=x" not in str(panel.drawing)


def test_columns_that_come_first_are_shown_and_the_last() -> None:
    about = Answers(fitted()).about
    assert views.default_seen(about, ["age"]) == ["place", "since", ODD]
    assert LEVELS[0] in about["place"].levels


def places(panel: Plate, look: str) -> list[tuple[float, float]]:
    """Where the dots of a side are in a picture."""
    (picture,) = parsed(panel)
    (path,) = [part for part in picture if part.get("class") == f"dots {look}"]
    return [(float(x), float(y)) for x, y in re.findall(r"M([\d.]+) ([\d.]+)h0", path.get("d", ""))]


def test_what_is_higher_is_drawn_higher() -> None:
    x = np.arange(60.0)
    (left, low), *_, (right, high) = places(
        pairs.scatter(("x", "y"), [side(MODEL, x, x)], (drawing.plain, drawing.plain)), MODEL
    )
    assert left < right
    assert low > high  # as pictures count from the top
    cell = np.array([-175.0, -170.0]), np.array([175.0, 100.0])  # at the left, and one of them at the top
    (picture,) = parsed(pairs.torus(("phi", "psi"), [side(MODEL, *cell)], 360.0, (-180.0, -180.0)))
    drawn = {float(part.get("x", "")): float(part.get("y", "")) for part in picture if "cell" in part.get("class", "")}
    assert drawn[min(drawn)] == min(drawn.values()) == pytest.approx(22, abs=1)


def test_the_table_of_two_columns_has_the_shares_of_the_model_and_depths_are_of_both_sides() -> None:
    data = side(DATA, np.array(["a"] * 4, dtype=object), np.array([1] * 4))
    model = side(MODEL, np.array(["a", "a", "b", "b"], dtype=object), np.array([1, 2, 2, 2]))
    panel = pairs.shares(("one", "other"), [data, model], (drawing.plain, drawing.plain))
    assert panel.rows == (("1", "25 %", "0 %"), ("2", "25 %", "50 %"))
    deepest = [max(float(cell.get("fill-opacity", 0)) for cell in picture) for picture in parsed(panel)]
    assert deepest == [1.0, pytest.approx(0.5**0.5, abs=0.01)]


def test_the_probabilities_that_are_known_are_drawn() -> None:
    found = replace(scene(), exact=lambda name: np.array([0.125, 0.25, 0.625]))
    (panel,) = views.pictures(found, ["place"])
    numbers = re.findall(r'number">([^<]*)</td>', str(panel.drawing))
    assert {"62 %", "25 %", "12 %"} == set(numbers[1::2])


def test_words_of_an_axis_do_not_run_into_each_other_and_stand_inside() -> None:
    """As dates do, which are long; a letter is about six units wide."""
    days = 18_628.0 + np.arange(900.0)

    def word(day: float) -> str:
        return f"{np.datetime64(int(day), 'D')}"

    sides = [side(MODEL, days, days)]
    for panel in (columns.histogram("since", sides, word), pairs.scatter(("since", "until"), sides, (word, word))):
        (picture,) = parsed(panel)
        right = float(picture.get("viewBox", "").split()[2])
        texts = [part for part in picture.iter("text") if part.get("class") == "tick"]
        low = max(float(part.get("y", "nan")) for part in texts)
        across = [part for part in texts if float(part.get("y", "nan")) == low]
        assert len(across) >= 2
        ends = sorted(spans(part) for part in across)
        assert all(first[1] < second[0] for first, second in pairwise(ends))
        assert all(start >= 0 and end <= right + 1 for start, end in map(spans, texts))


def spans(part: ElementTree.Element) -> tuple[float, float]:
    """From where to where a text reaches."""
    x, width = float(part.get("x", "nan")), 6.2 * len(part.text or "")
    before = {"start": 0.0, "middle": width / 2, "end": width}[part.get("text-anchor", "")]
    return x - before, x - before + width


def test_a_column_that_is_modelled_by_a_distance_says_so_and_stays_a_date() -> None:
    """In the list of columns and under noise; times of a day near midnight are drawn."""
    rng = np.random.default_rng(0)
    start = pl.Series(rng.integers(18_000, 18_900, 200)).cast(pl.Int32).cast(pl.Date)
    frame = pl.DataFrame(
        {
            "from": start,
            "until": start.dt.offset_by(pl.Series(rng.integers(1, 9, 200)).cast(pl.String) + "d"),
            "at": pl.Series(rng.integers(0, 1440, 200) * 60 * 10**9).cast(pl.Time),
        }
    )
    answers = Answers(DenoisingMarkovModel(quick=True, progress=False, constraints="from <= until").fit(frame), frame)
    assert answers.about["until"].words.startswith("until - from in days: ")
    noisy = journey(answers, 0, 8, 0.3, seed=0).noisy["until"]
    assert all(words in (HIDDEN, *(f"from + {days}" for days in range(1, 9))) for words in noisy)
    held = answers.rows(Inquiry(), 40, 0)
    panels = views.pictures(views.Scene(answers.schema, [(MODEL, "model", held)], lambda name: None), ["until", "at"])
    assert "1970" not in str(panels)
    assert panels[1].rows[0][0].startswith("00:")
