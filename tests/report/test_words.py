"""Numbers of a report stand as the file writes them: dates as dates, durations as durations, money as money."""

from __future__ import annotations

import datetime as dt
import html
import re
from functools import partial

import numpy as np
import polars as pl
import pytest
from matplotlib import font_manager

from unnoise import DenoisingMarkovModel
from unnoise._errors import InputError
from unnoise.data import Schema
from unnoise.data.tabular import JudgedColumns
from unnoise.evaluation import RegionCondition, TableRegion
from unnoise.look.subjects import subjects
from unnoise.report import charts, markup, plots, trust, views
from unnoise.report.measured import Assessment
from unnoise.report.plots._style import families
from unnoise.report.sections.shown import Shown


def rooms(n: int = 200) -> pl.DataFrame:
    """Nights in a hotel, in the forms in which people keep them, each from end to end."""
    rng, along = np.random.default_rng(0), np.linspace(0.0, 1.0, n)
    minutes = rng.permutation(np.rint(1439 * along).astype(int))
    waited, price = rng.permutation(300 + np.rint(35_700 * along)).astype(int), rng.permutation(np.rint(1e4 * along))
    arrival = pl.Series(rng.permutation(18_628 + np.rint(900 * along)).astype(int)).cast(pl.Int32).cast(pl.Date)
    nights = pl.Series(rng.integers(1, 12, n))
    return pl.DataFrame(
        {
            "arrival": arrival,
            "departure": arrival.dt.offset_by(nights.cast(pl.String) + "d"),
            "waited": [f"{t // 3600}h {t // 60 % 60:02d}m" for t in waited],
            "price": [f"€{cents / 100:.2f}" for cents in price],
            "discount": [f"{share:.1f}%" for share in rng.permutation(80 * along)],
            "clock": [f"{t // 60:02d}:{t % 60:02d}" for t in minutes],
            "year": 1990 + rng.integers(0, 30, n),
        }
    )


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema.infer(rooms())


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("arrival", ("2021-01-01", "2023-06-20")),
        ("waited", ("0h 05m", "10h 00m")),
        ("price", ("€0.00", "€100.00")),
        ("discount", ("0.0%", "80.0%")),
        ("clock", ("00:00", "23:59")),
        ("year", ("1990", "2019")),
    ],
)
def test_a_histogram_is_written_as_the_data_are(schema: Schema, name: str, ends: tuple[str, str]) -> None:
    values = schema.container.split(rooms())[name].astype(np.float64)
    panel = charts.column(name, values, values, partial(views.word, schema.word, name))
    found = [html.unescape(words) for words in re.findall(r'quiet">(.*?)</text>', panel.inside)]
    assert tuple(found) == ends
    form = re.sub(r"\d+", r"\\d+", re.escape(ends[0]))
    bars = [html.unescape(words) for words in re.findall(r"<title>(.*?): \d", panel.inside)]
    assert len(bars) > 5
    assert all(re.fullmatch(f"{form}( to {form})?", words) for words in bars)
    assert re.search(f"{form} \\({form} to {form}\\) in the data", panel.words)


def test_frequent_values_have_bars_in_their_own_words(schema: Schema) -> None:
    values = np.repeat([0.0, 19.99, 250.0], [300, 200, 100])
    panel = charts.column("price", values, values, partial(views.word, schema.word, "price"))
    assert re.findall(r"<title>(.*?): ", panel.inside) == ["€0.00", "€19.99", "€250.00"]


def test_regions_and_values_that_differ_are_written_as_the_data_are(schema: Schema) -> None:
    columns = JudgedColumns.of(schema)
    assert columns is not None
    assert columns.words("arrival", 18_628.0) == "arrival = 2021-01-01"
    day = RegionCondition("arrival", 18_629.5, None)  # from the third of January on
    money = RegionCondition("price", None, 12.341)
    region = TableRegion((day, money), 0.1, 0.2, 0.1, 0.5)
    assert trust.region_words(region, columns) == "arrival above 2021-01-02, price up to €12.34"


def test_axes_of_pairs_are_written_as_the_data_are(schema: Schema) -> None:
    columns = schema.container.split(rooms())
    figure = plots.pairs(columns, columns, ["arrival", "price"], schema.word)
    figure.canvas.draw()
    (axes,) = figure.axes[:1]
    across, up = ([label.get_text() for label in axis.get_ticklabels()] for axis in (axes.xaxis, axes.yaxis))
    assert all(re.fullmatch(r"202\d-\d\d-\d\d", words) for words in across if words)
    assert all(re.fullmatch(r"-?€\d+\.00", words) for words in up if words)
    assert len(across) > 1 < len(up)
    both = plots.pair(("arrival", "year"), *[(columns["arrival"], columns["year"])] * 2, schema.word)
    both.canvas.draw()
    assert re.match(r"20\d\d-", both.axes[1].xaxis.get_ticklabels()[1].get_text())


def test_a_column_that_is_kept_beside_another_is_told_and_drawn_as_itself() -> None:
    """It is modelled by the distance, which is no date."""
    held = rooms().with_columns(pl.Series("price", [None, *rooms()["price"][1:]]))
    model = DenoisingMarkovModel(quick=True, progress=False, constraints="arrival <= departure").fit(held)
    schema = model.schema_
    assert "departure - arrival in days: " in schema.describe()
    assert "1970" not in schema.describe() + str(subjects(schema))
    test = schema.encode(held)
    drawn = Shown(Assessment(model, test, test.x, None, None, 0)).seen(test.x, test.known)
    (found,) = (columns["departure"] for columns in drawn.values() if "departure" in columns)
    told = schema.container.split(held)
    np.testing.assert_allclose(found, told["departure"], atol=60)  # within a cell of the arrival
    price = next(columns["price"] for columns in drawn.values() if "departure" in columns)
    assert np.flatnonzero(np.isnan(price)).tolist() == [0], "what is missing in one column is no hole in others"
    with pytest.raises(InputError, match="departure 2040-01-01 to 2040-02-01, so such a row is next to impossible"):
        model.sample(2, given={"departure": (dt.date(2040, 1, 1), dt.date(2040, 2, 1))})


def test_words_from_right_to_left_do_not_turn_what_stands_beside_them() -> None:
    assert markup.text("שם העמודה = 1: 0.080") == "\u2068שם העמודה\u2069 = 1: 0.080"
    assert markup.text("age, عمر المريض: <b") == "age, \u2068عمر المريض\u2069: &lt;b"
    assert markup.text("größe = 1") == "größe = 1"


def test_figures_fall_back_to_fonts_of_the_machine_for_other_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    class Font:
        name = "Noto Sans CJK JP"

    monkeypatch.setattr(font_manager.fontManager, "ttflist", [Font()])
    assert families.__wrapped__() == ["DejaVu Sans", "Noto Sans CJK JP"]
