"""Numbers of several units: one scale with a stretch for each, texts again, and questions about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from unnoise import DenoisingMarkovModel
from unnoise._errors import InputError
from unnoise.data import Schema, read
from unnoise.data._written.forms import form
from unnoise.data._written.units import SeveralUnits, in_units_of

TEENS = range(11, 33)
TEXTS: dict[str, tuple[list[str], str]] = {
    "money": ([*(f"USD {i}.50" for i in TEENS), "EUR 7"], "[EUR 0: 7 to 7][USD 0.00: 11.5 to 32.5]"),
    "signs": ([*(f"${i},000" for i in TEENS), "€900", "€1,200"], "[$#,##0: 11000 to 32000][€#,##0: 900 to 1200]"),
    "weights": ([*(f"{900 + i} g" for i in TEENS), "1.5 kg", "3 kg"], "[0 g: 911 to 932][0.# kg: 1.5 to 3]"),
    "ages": (
        [*(f"{i} years" for i in TEENS), "1 year", "1 month", "7 months", "3 weeks"],
        "[0 weeks: 3 to 3][0 months| month: 1 to 7][0 years| year: 1 to 32]",
    ),
    "short ages": ([*(f"{i}y" for i in TEENS), "7m"], "[0m: 7 to 7][0y: 11 to 32]"),
    "flags": (
        [*(f"0.{i} U" for i in TEENS), "0.55", "1.20 J"],
        "[0.00: 0.55 to 0.55][0.00 J: 1.2 to 1.2][0.00 U: 0.11 to 0.32]",
    ),
    "stars": (
        [*(f"0.{i}" for i in TEENS), "0.55*", "1.20**"],
        "[0.00: 0.11 to 0.32][0.00*: 0.55 to 0.55][0.00**: 1.2 to 1.2]",
    ),
    "below zero": ([*(f"{i - 20}°C" for i in TEENS), "-7°F"], "[0°C: -9 to 12][0°F: -7 to -7]"),
    "shares": ([*(f"{i}%" for i in TEENS), "7"], "[0: 7 to 7][0%: 11 to 32]"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_are_numbers_of_stretches_apart_and_come_back(name: str) -> None:
    texts, pattern = TEXTS[name]
    found = in_units_of(pl.Series([*texts, *texts, None]))
    assert found is not None
    assert str(found) == pattern
    assert SeveralUnits.of(pattern) == found == form(pattern)
    numbers = found.numbers(pl.Series(texts))
    assert found.texts(numbers.to_numpy()).tolist() == texts
    assert numbers.n_unique() == len(set(texts))


@pytest.mark.parametrize(
    "texts",
    [
        [f"{i} kg" for i in TEENS],  # one unit
        [f"{i} kg" for i in range(9)] + ["3 g"],  # few
        [f"Room {i}" for i in TEENS] * 3 + ["Hall 7"],  # names of things
        [f"iPhone {i} Pro" for i in TEENS] * 3 + ["Pixel 7 Pro"],
        [f"INV {i}" for i in TEENS] + [f"CN {i}" for i in TEENS],  # ids, each once
        [f"0{i} kg" for i in TEENS] + ["5 g"],  # zeros that would be lost
        [f"{i}A" for i in TEENS] + ["5B"],  # seats
        [f"A{i}" for i in TEENS] + ["B5"],  # wells
        [f"{i}th" for i in TEENS] + ["1st", "2nd", "3rd"],
        [f"{i}" for i in TEENS] + ["<5", "50+"],  # limits
        [f"{i}-{i + 5}" for i in TEENS] + ["5 kg"],
        [f"{i} {'abcdefghi'[i % 9]}" for i in TEENS],  # of more units than are measured in
    ],
)
def test_other_texts_are_none(texts: list[str]) -> None:
    assert in_units_of(pl.Series(texts)) is None


def test_units_of_one_quantity_rise_and_ranges_go_over_them() -> None:
    weights = in_units_of(pl.Series(TEXTS["weights"][0]))
    assert weights is not None
    numbers = weights.numbers(pl.Series(["911 g", "932 g", "1.5 kg", "3 kg"])).to_list()
    assert numbers == sorted(numbers)
    assert weights.between("920 g", "3 kg") == (920, numbers[-1])
    assert weights.between(None, "1.5 kg") == (None, numbers[2])


@pytest.mark.parametrize(
    ("form", "low", "high", "fine"),
    [
        ("[0 g: 100 to 900][0.0 kg: 1 to 3]", "500 g", "2 kg", True),
        ("[0 g: 100 to 900][0.0 kg: 1 to 3]", "500 g", None, True),
        ("[0 g: 900 to 2000][0.0 kg: 1 to 3]", "950 g", "2.5 kg", True),  # all grams from 950 on, and no kilogram less
        ("[0 g: 900 to 2000][0.0 kg: 1 to 3]", "2.5 kg", None, True),
        ("[0 g: 900 to 2000][0.0 kg: 1 to 3]", "950 g", "1500 g", True),  # of what stands in grams
        ("[0 months: 1 to 23][0 years: 1 to 80]", None, "5 years", True),
        ("[0 g: 900 to 2000][0.0 kg: 1 to 3]", "950 g", "1.2 kg", False),  # 1,900 g lie between on the scale
        ("[0 g: 900 to 2000][0.0 kg: 1 to 3]", "1500 g", "2.5 kg", False),  # and 1 kg, too
        ("[0 g: 900 to 2000][0.0 kg: 1 to 3]", None, "1500 g", False),  # but not here
        ("[0 g: 900 to 2000][0.0 kg: 1 to 3]", "1.5 kg", None, False),
        ("[0 mg: 1 to 5][0 g: 1 to 9000][0.0 kg: 1 to 3]", "2 mg", "2 kg", False),
    ],
)
def test_ranges_over_units_whose_amounts_overlap_are_refused(form: str, low: str, high: str, fine: bool) -> None:
    weights = SeveralUnits.of(form)
    if fine:
        ends = [None if end is None else weights.numbers(pl.Series([end]))[0] for end in (low, high)]
        assert list(weights.between(low, high)) == ends
    else:
        with pytest.raises(InputError, match="whose units overlap in numbers of several units"):
            weights.between(low, high)


def test_a_unit_may_be_typed_in_other_words() -> None:
    ages = in_units_of(pl.Series(TEXTS["ages"][0]))
    assert ages is not None
    texts = ["12 y", "12 year", "12yrs", "12 years", "1 years", "2 mo", "2 weeks", "2 w", "3 parsecs"]
    numbers = ages.numbers(pl.Series(texts))
    assert ages.texts(numbers.head(8).to_numpy()).tolist() == [
        *["12 years"] * 4,
        *("1 year", "2 months", "2 weeks", "2 weeks"),
    ]
    assert numbers[8] is None


def test_ranges_of_other_units_stay_in_theirs() -> None:
    money = SeveralUnits.of("[EUR 0: 5 to 90][USD 0: 1 to 70]")
    euro, dollar = (money.numbers(pl.Series(texts)).to_list() for texts in (["EUR 20", "EUR 90"], ["USD 1", "USD 9"]))
    low, high = money.between("EUR 20", None)
    assert low == euro[0]
    assert high is not None
    assert euro[1] <= high < dollar[0]
    low, high = money.between(None, "USD 9")
    assert low is not None
    assert euro[1] < low <= dollar[0]
    assert high == dollar[1]
    for ends in (("EUR 5", "USD 9"), ("5", None), ("GBP 5", "GBP 7")):
        with pytest.raises(InputError, match=r"expected (one unit|numbers with a unit)"):
            money.between(*ends)


def test_numbers_beside_all_stretches_are_the_nearest_end_and_texts_far_off_are_none() -> None:
    money = SeveralUnits.of("[EUR 0: 5 to 90][USD 0: 1 to 70]")
    first = money.numbers(pl.Series(["USD 1"])).to_list()[0]
    assert money.texts(np.array([-1e6, 90 + 160, first - 160, 1e6])).tolist() == ["EUR 5", "EUR 90", "USD 1", "USD 70"]
    assert money.numbers(pl.Series(["EUR 1e3", "EUR 5000", "7", "eur 7"])).to_list() == [None] * 4


@pytest.mark.parametrize("pattern", ["[0: 1 to 2]", "[0 g: 1 to 2][kg: 1 to 2]", "[0 g: 1 to 2] [0 kg: 1 to 2]"])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(InputError, match="expected one of"):
        SeveralUnits.of(pattern)


def table(n: int = 400) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    size, abroad = rng.uniform(1, 9, n), rng.random(n) < 0.4
    price = [f"USD {100 * s:.0f}" if a else f"EUR {10 * s:.1f}" for s, a in zip(size, abroad, strict=True)]
    return pl.DataFrame({"size": size.round(2), "price": price})


@pytest.fixture(scope="module")
def schema() -> Schema:
    with pytest.warns(UserWarning, match="'price' holds numbers of several units, EUR 10.0 to EUR 89.8, USD 1"):
        found = Schema.infer(table())
    return Schema.from_config(json.loads(json.dumps(found.to_config())))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (89, "but row 0 holds '89'; expected numbers as then, with a unit"),
        ("USD 9e9", "held numbers of several units, EUR 10.0 to"),
        ([89, 90], "holds '89'"),
    ],
)
def test_numbers_without_a_unit_are_refused(schema: Schema, value: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        schema.given({"price": value}, 2)
    with pytest.raises(InputError, match="holds '3'"):
        schema.encode(table().with_columns(price=pl.Series([3] * 400)))


def test_what_is_given_is_written_and_said_as_the_column_is(schema: Schema) -> None:
    assert "numbers of several units, EUR 10.0 to EUR 89.8, USD 1" in schema.describe()
    said = schema.given({"price": ["USD 150", "EUR 15.0"]}, 2)
    x = schema.encode(table()).x
    x = {name: part[:2] for name, part in x.items()} if isinstance(x, dict) else x[:2]
    assert schema.written(x, said)["price"].to_list() == ["USD 150", "EUR 15.0"]


def test_samples_keep_the_numbers_of_each_unit_and_their_link() -> None:
    with pytest.warns(UserWarning, match="several units"):
        model = DenoisingMarkovModel(quick=True).fit(table())
    new = model.sample(2000, seed=0).with_columns(
        unit=pl.col("price").str.head(3), number=pl.col("price").str.slice(4).cast(pl.Float64)
    )
    dollars, euros = (new.filter(pl.col("unit") == unit) for unit in ("USD", "EUR"))
    assert len(dollars) + len(euros) == 2000
    assert dollars["number"].min() >= 100
    assert euros["number"].max() <= 90
    for some in (dollars, euros):
        assert np.corrcoef(some["size"], some["number"])[0, 1] > 0.9


def test_constraints_do_not_take_units_for_numbers() -> None:
    with pytest.warns(UserWarning, match="several units"), pytest.raises(InputError, match="make floats of all"):
        Schema.infer(table(), constraints=["price > 5"])


def test_words_stand_beside_units_and_signs_for_nothing_are_missing(tmp_path: Path) -> None:
    texts = TEXTS["money"][0] * 2
    with pytest.warns(UserWarning, match="several units"), pytest.warns(UserWarning, match="beside 'free'"):
        schema = Schema.infer(pl.DataFrame({"v": [*texts, "free"], "x": np.arange(len(texts) + 1) / 7}))
    assert list(schema.container.words("v")) == ["free"]
    path = tmp_path / "rows.csv"
    path.write_text("v,x\n" + "".join(f"{text},{i / 7}\n" for i, text in enumerate([*texts, "-", "n.a."])))
    with pytest.warns(UserWarning, match="is read as missing in 'v'"):
        frame = read(path)
    assert isinstance(frame, pl.DataFrame)
    assert frame["v"].to_list() == [*texts, None, None]
