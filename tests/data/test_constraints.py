"""What must hold between columns: charts, their inverses, and the questions that they change."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from unnoise._errors import InputError
from unnoise.data import Schema, _offers
from unnoise.data._relations import share_broken
from unnoise.data.charts import Gap, Limit, Sum
from unnoise.data.constraints import Chart, offered
from unnoise.data.offering import offered_by


def _frame(n: int = 400) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    low = rng.integers(0, 30, n)
    high = low + rng.integers(0, 9, n)
    price = np.round(rng.gamma(2.0, 10.0, n) + 0.01, 2)
    tax = np.round(rng.gamma(2.0, 10.0, n) + 0.01, 2)
    code = rng.integers(0, 3, n)
    return pl.DataFrame(
        {
            "low": low,
            "high": high,
            "top": high + rng.integers(0, 3, n),
            "a-x": price,
            "tax": tax,
            "total": np.round(price + tax, 2),
            "code": code,
            "place": np.array(["Bern", "Oslo", "Rome"], dtype=object)[code],
            "wait": rng.exponential(1.0, n),
        }
    ).with_columns(late=pl.col("wait") + pl.Series(rng.exponential(2.0, n)))


RULES = ["0 <= low <= high <= top", "total = a-x + tax", "code -> place", "a-x > 0", "wait < late"]


def _random(schema: Schema, n: int = 500) -> Any:
    """States at random, as of a model that knows nothing."""
    rng = torch.Generator().manual_seed(1)
    found = {}
    for name, factor in schema.factors.items():
        sizes = torch.tensor(factor.process().space.sizes) - 1
        found[name] = (torch.rand(n, len(sizes), generator=rng) * sizes).long()
    return found


def test_every_row_keeps_what_must_hold() -> None:
    schema = Schema.infer(_frame(), constraints=RULES)
    drawn = schema.decode(_random(schema), rng=torch.Generator().manual_seed(2))
    assert (drawn["low"] >= 0).all()
    assert (drawn["low"] <= drawn["high"]).all()
    assert (drawn["high"] <= drawn["top"]).all()
    assert np.abs(drawn["a-x"] + drawn["tax"] - drawn["total"]).max() < 1e-9
    assert (drawn["a-x"] > 0).all()
    assert (drawn["wait"] < drawn["late"]).all()
    assert set(drawn.select("code", "place").unique().rows()) == {(0, "Bern"), (1, "Oslo"), (2, "Rome")}
    free = Schema.infer(_frame())
    twin = free.decode(_random(free), rng=torch.Generator().manual_seed(2))
    assert not (twin["low"] <= twin["high"]).all()
    assert not (twin["wait"] < twin["late"]).all()


def test_rows_come_back() -> None:
    frame = _frame()
    schema = Schema.from_config(Schema.infer(frame, constraints=RULES).to_config())
    back = schema.decode(schema.encode(frame).x)
    exact = ["low", "high", "top", "code", "place"]
    assert back.select(exact).equals(frame.select(exact))
    assert "high - low: " in schema.describe()
    assert "total  follows: total = a-x + tax" in schema.describe()


def test_densities_are_in_the_units_of_the_data() -> None:
    """Summed over a grid of high - low given low, of a density of real numbers: the integral of p(late | wait)."""
    frame = _frame(2000).select("wait", "late")
    schema = Schema.infer(frame, constraints=["wait <= late"])
    factor = schema.factors["number"]
    gaps = np.linspace(-5, 60, 200_001)[1:]
    rows = pl.DataFrame({"wait": np.full(200_000, 1.0), "late": 1.0 + np.abs(gaps)})
    encoded = schema.encode(rows)
    cells = factor.resolutions[1]
    shares = np.array(cells.shares)
    index = cells._joined(encoded.x[:, 1:].numpy()) if len(cells.sizes) == 2 else encoded.x[:, 1].numpy()
    start = len(factor.resolutions[0].sizes)
    density = shares[index] * np.exp(encoded.detail[:, start].numpy())
    total = density[gaps > 0].sum() * (gaps[1] - gaps[0])
    assert abs(total - 1) < 0.03


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (["low < high"], "break"),
        (["low <= nothing"], "there is no column 'nothing'"),
        (["low"], "one comparison"),
        (["low <= low"], "with itself"),
        (["place <= code"], "holds no numbers"),
        (["place -> low"], "break"),
        (["wait -> place"], "too many"),
        (["low + high <= top"], "a sum in a comparison"),
        (["total = a-x + tax", "total = tax + a-x"], "follows from another"),
        (["total = "], "a column or a number on each side"),
        (["low <= high", "high <= top", "low <= top"], "leave out a constraint"),
    ],
)
def test_what_cannot_be_kept_is_said(rules: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Schema.infer(_frame(), constraints=rules)


def test_rows_that_break_it_are_named() -> None:
    frame = pl.DataFrame({"low": [1, 5, 2, 3], "high": [2, 4, 2, 1]})
    with pytest.raises(InputError, match=r"2 rows \(1, 3\) that break 'low <= high', such as low = 5, high = 4"):
        Schema.infer(frame, constraints=["low <= high"])


def test_given_values_are_measured_from_each_other() -> None:
    schema = Schema.infer(_frame(), constraints=RULES)
    known = schema.given({"low": 5, "high": 9, "total": 12.0, "tax": 2.0, "place": "Rome"}, 3)
    row = schema.written(known.x, known)
    assert row.select("low", "high", "place", "code").unique().rows() == [(5, 9, "Rome", 2)]
    assert row["a-x"].to_list() == [10.0] * 3
    assert row["total"].to_list() == [12.0] * 3
    for values, words in [
        ({"high": 9}, "without 'low'"),
        ({"low": 5, "high": 4}, "break"),
        ({"total": 5.0}, "all but one"),
        ({"a-x": -1.0}, "break"),
        ({"place": "Pisa"}, "no level"),
    ]:
        with pytest.raises(InputError, match=words), np.errstate(all="ignore"):
            schema.given(values, 2)


def test_holes_stay_holes() -> None:
    frame = _frame().select("low", "high", "wait").with_columns(high=pl.when(pl.col("low") > 3).then("high"))
    schema = Schema.infer(frame, constraints=["low <= high"])
    back = schema.decode(schema.encode(frame).x)
    assert back["high"].equals(frame["high"])
    with pytest.raises(InputError, match="'high' without low in row 2"):
        schema.encode(
            frame.with_columns(
                low=pl.Series([None if i == 2 else v for i, v in enumerate(frame["low"])]),
                high=pl.Series([30] * len(frame)),
            )
        )


def test_a_distance_that_never_varies_is_no_column() -> None:
    low = np.arange(50) % 7
    schema = Schema.infer(pl.DataFrame({"low": low, "high": low + 5}), constraints=["low <= high"])
    assert schema.columns_of_state == ("low",)
    assert "high = low + 5" in schema.describe()


def test_great_whole_numbers_keep_their_digits() -> None:
    low = np.array([0, 1, 2**63, 5] * 5, dtype=np.uint64)
    frame = pl.DataFrame({"low": low, "high": low + np.array([3, 2**62, 1, 0] * 5, dtype=np.uint64)})
    schema = Schema.infer(frame, constraints=["low <= high"])
    assert schema.decode(schema.encode(frame).x).equals(frame)


def test_an_empty_chart_changes_nothing() -> None:
    columns = {"a": np.array([1, 2])}
    assert not Chart()
    assert Chart().forward(columns, {})[0] == columns


def test_what_holds_is_offered_and_can_be_kept() -> None:
    frame = _frame()
    columns = {name: frame[name].to_numpy() for name in frame.columns if name not in ("wait", "late")}
    said = offered(columns)
    rules = [line.partition(" in all 400 rows")[0] for line in said]
    assert set(rules) == {"total = a-x + tax", "low <= high", "high <= top", "place -> code"}
    assert Schema.infer(frame, constraints=rules).chart.computed == {"total", "code"}
    rng = np.random.default_rng(3)
    assert not offered({name: rng.permutation(values) for name, values in columns.items()})


def test_columns_that_never_repeat_are_no_pair() -> None:
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=60) for name in "ab"}
    assert not offered(columns)


def test_numbers_that_hardly_vary_beside_large_ones_are_no_part_of_a_sum() -> None:
    rng = np.random.default_rng(0)
    start, parts = 1_700_000_000_000 + rng.integers(0, 10**9, 200), rng.integers(0, 7, 200)
    late = rng.permutation(parts)
    columns = {"tiny": 1e-300 * parts, "parts": parts, "id": 2**60 + late, "start": start, "end": start + late}
    said = [text for text, _ in _offers.offers(columns)]
    assert "start <= end" in said
    assert not [text for text in said if "id" in text or "=" in text.replace("<=", "")]
    assert "end = parts + start" in [text for text, _ in _offers.offers(columns | {"end": start + parts})]


@pytest.mark.filterwarnings("error")
def test_what_new_rows_break_is_counted_without_a_word_of_holes() -> None:
    day = np.arange(40) % 13
    columns = {"day": day, "again": np.where(day == 3, np.nan, day)}
    drawn = {"day": np.array([1, 2, 5, 4]), "again": np.array([1.0, 2.0, np.nan, 3.0])}
    assert share_broken("again = day", columns, drawn) == pytest.approx(1 / 3)


def _chart(bound: Limit, dtype: str = "int64", decimals: int | None = 0) -> Chart:
    """Of low <= high, and a bound of the greater one."""
    return Chart((Gap("high", "low", True, False, dtype, decimals),), (bound,))


@pytest.mark.parametrize(
    ("bound", "above", "strict", "low", "high"),
    [
        (10, False, False, 5, 10),
        (10, False, True, 5, 9),
        (9.5, False, False, 5, 9),
        (9.5, False, True, 5, 9),
        (1, True, False, -9, 1),
        (1, True, True, -9, 2),
        (0.5, True, False, -9, 1),
        (0.5, True, True, -9, 1),
    ],
)
def test_a_distance_that_leads_beyond_a_bound_ends_at_it(
    bound: float, above: bool, strict: bool, low: int, high: int
) -> None:
    """At the last whole number that keeps it, also where the bound is none."""
    gap = 8 if above else 9
    found = _chart(Limit("high", bound, above, strict)).back({"low": np.array([low]), "high": np.array([gap])})
    assert found["high"].tolist() == [high]


def test_real_distances_end_just_inside_a_strict_bound() -> None:
    columns = {"low": np.array([5.0, 1.0]), "high": np.array([9.0, 1.0])}
    found = _chart(Limit("high", 10.0, False, True), "float64", None).back(columns)["high"]
    assert found.tolist() == [np.nextafter(10.0, 0.0), 2.0]
    assert _chart(Limit("high", 10.0, False, True), "float64", 2).back(columns)["high"].tolist() == [9.99, 2.0]


CHART = Chart((Gap("high", "low", True, False, "int64", 0), Sum("total", ("low", "high"), (1, 1), 0, "int64", 0)))


def test_values_that_are_told_stand_in_the_place_of_those_that_follow() -> None:
    columns = {"low": np.array([1, 2]), "high": np.array([3, 4])}
    told = {"high": (np.array([7, 0]), np.array([True, False]))}
    found = CHART.back(columns, told)
    assert found["high"].tolist() == [7, 6]
    assert found["total"].tolist() == [8, 8]


def test_a_column_is_missing_where_one_is_that_it_is_measured_from() -> None:
    found = CHART.missing({"low": np.array([True, False, False]), "high": np.array([False, True, False])})
    assert found["low"].tolist() == [True, False, False]
    assert found["high"].tolist() == found["total"].tolist() == [True, True, False]


def test_what_follows_is_known_in_rows_that_have_all_of_its_sources() -> None:
    some = np.array([True, True, False]), np.array([True, False, False])
    held = {name: (np.array([1, 2, 3]), there) for name, there in zip(("low", "high"), some, strict=True)}
    chart = Chart((Sum("total", ("low", "high"), (1, 1), 0, "int64", 0),))
    found, among = chart.solved(held, 3, lambda name, values: values)
    assert found["total"][1].tolist() == [True, False, False]
    assert found["total"][0][0] == 2
    assert among == {}


def test_a_distance_that_is_given_needs_what_it_is_measured_from_as_given() -> None:
    chart = Chart((Gap("high", "low", True, False, "int64", 0),))
    chart.check_question(["high"], ["low"])
    chart.check_question(["high", "low"], [])
    with pytest.raises(InputError, match="got 'high' without 'low'"):
        chart.check_question(["low"], ["high"])


def test_what_is_modelled_says_what_is_not() -> None:
    assert CHART.closure(["total"]) == ("low", "high")
    assert CHART.closure(["low"]) == ("low",)


def test_shares_and_counters_are_offered_and_no_chance() -> None:
    rng = np.random.default_rng(0)
    a, b, c = rng.dirichlet([2, 3, 4], 60).T.round(3)
    percent = rng.integers(0, 101, 60)
    one_hot = np.eye(3, dtype=int)[rng.integers(0, 3, 60)].T
    columns = {"a": a, "b": b, "c": c, "z": rng.normal(size=60), "p": percent, "q": 100 - percent}
    columns |= dict(zip("uvw", one_hot, strict=True)) | {"d": 1 - a - b + 0.05}
    assert _offers.shares(columns) == [(["a", "b", "c"], 1), (["p", "q"], 100)]
    count = {"id": np.arange(1, 61), "back": np.arange(60)[::-1], "from": np.arange(60) + 5, "half": np.arange(60) / 2}
    assert _offers.counters(count) == ["id"]
    frame = pl.DataFrame({"id": count["id"], "a": a, "b": b, "c": c})
    shares, counter = offered_by(Schema.infer(frame), frame)
    assert shares == "a, b, c sum to 1 in all 60 rows: keep it by a network, with --column a,b,c=proportions"
    assert counter.endswith("leave it out with --column id=identifier")
    kinds = {"a,b,c": "proportions", "id": "identifier"}
    assert offered_by(Schema.infer(frame, kinds=kinds), frame) == []


def test_what_new_rows_break_is_said() -> None:
    """Of an order, a sum and a key, among rows without holes; and nothing of what they keep."""
    a, b = np.arange(60) % 7, np.arange(60) % 11
    frame = pl.DataFrame({"a": a, "b": b, "total": a + b, "code": 10 + a % 3, "name": [f"n{x % 3}" for x in a]})
    new = frame.with_columns(
        total=pl.when(pl.int_range(60) < 3).then(pl.lit(99)).otherwise("total"),
        name=pl.when(pl.int_range(60) < 15).then(pl.lit("n1")).otherwise("name"),
        b=pl.when(pl.int_range(60) % 2 == 0).then(None).otherwise("b"),
    )
    asked = []

    def draw(rows: pl.DataFrame) -> pl.DataFrame:
        asked.append(1)
        return rows

    schema = Schema.infer(frame)
    assert offered_by(schema, frame, lambda: draw(new)) == [
        "total = a + b in all 60 rows, but not in 3.3 % of new ones: keep it with --constraint 'total = a + b'",
        "name -> code in all 60 rows, but not in 18 % of new ones: keep it with --constraint 'name -> code'",
    ]
    assert len(asked) == 1
    assert offered_by(schema, frame, lambda: draw(frame)) == offered_by(schema, frame)
    free = pl.DataFrame({"a": a, "b": b})
    assert offered_by(Schema.infer(free), free, lambda: draw(free)) == []
    assert len(asked) == 2


def test_numbers_that_stand_for_something_are_said() -> None:
    rng = np.random.default_rng(0)
    coded = {
        "celsius": np.where(np.arange(300) % 20 == 0, -9999.0, rng.normal(15, 5, 300)),
        "answer": np.where(
            np.arange(300) % 15 == 0, 99, np.where(np.arange(300) % 15 == 1, 98, rng.integers(1, 6, 300))
        ),
    }
    plain = {
        "age": rng.integers(18, 100, 300),
        "year": rng.integers(1990, 2000, 300),
        "nines": np.arange(300) * 9,
        "once": np.where(np.arange(300) == 3, 999, rng.integers(0, 9, 300)),
        "far": np.where(np.arange(300) % 20 == 0, 5000, rng.integers(0, 9, 300)),
    }
    asked = rng.permutation([97, 77, 98] * 10 + list(range(11)) * 30)
    shares = {"celsius": ([-9999], 0.05), "answer": ([98, 99], None), "asked": ([77, 97, 98], 30 / 360)}
    found = _offers.codes(coded | plain | {"asked": asked})
    assert {name: values for name, values, _ in found} == {name: values for name, (values, _) in shares.items()}
    assert {name: share for name, _, share in found if name != "answer"} == {
        name: pytest.approx(share) for name, (_, share) in shares.items() if share
    }
    frame = pl.DataFrame(coded)
    said = offered_by(Schema.infer(frame), frame)
    assert (
        "celsius is -9999 in 5 % of rows, far from all other values: leave these cells empty if it stands for"
        in said[0]
    )
    assert said[1].startswith("answer is 98 or 99 in ")


def test_columns_that_are_others_again_are_offered_and_can_be_kept() -> None:
    rng = np.random.default_rng(0)
    a, code = np.round(rng.normal(20, 3, 200), 1), rng.integers(0, 7, 200)
    columns = {"celsius": a, "again": a, "kelvin": np.round(a + 273.1, 1), "code": code, "shifted": code - 3}
    texts = [text for text, _ in _offers.offers(columns)]
    assert texts == ["again = celsius", "kelvin = celsius + 273.1", "shifted = code - 3"]
    schema = Schema.infer(pl.DataFrame(columns), constraints=texts)
    assert schema.columns_of_state == ("celsius", "code")
    again = schema.decode(schema.encode(pl.DataFrame(columns)).x)
    assert again["again"].equals(again["celsius"])
    np.testing.assert_allclose(again["kelvin"] - again["celsius"], 273.1)
    assert (again["shifted"] == code - 3).all()
    broken = columns | {"again": np.where(np.arange(200) == 150, a + 0.1, a)}
    assert "again = celsius" not in [text for text, _ in _offers.offers(broken)]
