"""What is given: values of any form become states and come back bit for bit; ranges and sets hold."""

from __future__ import annotations

import datetime
import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from unnoise import _tree
from unnoise._errors import InputError
from unnoise.data import Among, Given, Range, Schema

N = 40
RNG = np.random.default_rng(0)
SHARES = RNG.dirichlet([2, 3, 4], N)
FRAME = pd.DataFrame(
    {
        "height": RNG.normal(170, 10, N).astype(np.float32),
        "age": RNG.integers(18, 90, N),
        "sex": RNG.choice(["F", "M"], N),
        "smoker": pd.array(RNG.random(N) < 0.3, dtype="boolean"),
        "calls": pd.array(RNG.poisson(3, N), dtype="Int16"),
        "lat": RNG.uniform(-80, 80, N),
        "lon": RNG.uniform(-170, 170, N),
        **{name: SHARES[:, i] for i, name in enumerate("abc")},
        "word": RNG.choice(["GAT", "CA"], N),
        "grade": RNG.integers(1, 5, N),
        "planet": 3,
        "where": RNG.choice(["u", "v"], N),
    }
)
FRAME.loc[[0, 1], "smoker"] = None
FRAME.loc[[1, 2], "calls"] = None
FRAME.loc[3, "word"] = None
NUMBERS = {"height": "real", "age": "integer"}
KINDS = NUMBERS | {
    "calls": "count",
    "lat,lon": "latlon",
    "word": "sequence",
    "a,b,c": "proportions",
    "grade": "ordered",
}


@pytest.fixture(scope="module")
def schema() -> Schema:
    with pytest.warns(UserWarning, match="1 column holds a single value"):
        return Schema.infer(FRAME, kinds=KINDS, condition="where")


def ask(schema: Schema, n: int = 3, **values: Any) -> Given:
    return schema.given({"where": "u", **values}, n)


def known_at(given: Given) -> dict[str, Any]:
    return {name: leaf.tolist() for name, leaf in _tree.leaves(given.known) if leaf.any()}


def states(schema: Schema) -> Any:
    """Those of the first three rows, all present."""
    encoded = schema.encode(FRAME.fillna({"smoker": True, "calls": 9, "word": "CA"}))
    return {name: leaf[:3] for name, leaf in encoded.x.items()}


# ---- values


def test_one_value_is_given_to_all_rows(schema: Schema) -> None:
    given = ask(schema, age=40, sex="M", smoker=True)
    assert known_at(given) == {
        "numbers": [[False, True]] * 3,
        "category": [[True, True]] * 3,
        "missing": [[True, False, False]] * 3,
    }
    encoded = schema.encode(FRAME.assign(age=40, sex="M", smoker=True)[:3])
    expected, width = encoded.x, encoded.jitter["numbers"][1]
    assert width > 0
    assert torch.equal(given.x["numbers"][:, 1], expected["numbers"][:, 1] + width / 2), "in the middle of its cell"
    assert torch.equal(given.x["category"], expected["category"])
    assert given.x["missing"][:, 0].tolist() == [0, 0, 0]
    assert given.within == {}
    assert given.cond.tolist() == [[1, 0]] * 3


def test_values_may_differ_by_row_and_be_left_out(schema: Schema) -> None:
    values = {"age": [20, 30, 40], "sex": ["F", None, "M"], "smoker": [None, False, True]}
    given = ask(schema, **values)
    assert known_at(given) == {
        "numbers": [[False, True]] * 3,
        "category": [[True, False], [False, True], [True, True]],
        "missing": [[False] * 3, [True, False, False], [True, False, False]],
    }
    frames = [pd.DataFrame(values), pl.DataFrame(values), pl.DataFrame(values).to_arrow()]
    arrays = {name: pd.Series(held) for name, held in values.items()}
    for other in [
        *frames,
        arrays,
        {**values, "age": torch.tensor([20, 30, 40])},
        {**values, "age": ["20", "30", "40"]},
    ]:
        conditioned = {"where": "u", **other} if isinstance(other, dict) else other
        if isinstance(other, pd.DataFrame):
            conditioned = other.assign(where="u")
        elif isinstance(other, pl.DataFrame):
            conditioned = other.with_columns(where=pl.lit("u"))
        elif not isinstance(other, dict):
            conditioned = pl.from_arrow(other).with_columns(where=pl.lit("u")).to_arrow()
        again = schema.given(conditioned, 3)
        for one, two in ((given.x, again.x), (given.known, again.known)):
            for (_, a), (_, b) in zip(_tree.leaves(one), _tree.leaves(two), strict=True):
                assert torch.equal(a, b)
        assert torch.equal(given.cond, again.cond)


def test_a_frame_of_one_row_is_for_all(schema: Schema) -> None:
    given = schema.given(pl.DataFrame({"age": [40], "where": ["v"], "sex": [None]}), 2)
    assert known_at(given) == {"numbers": [[False, True]] * 2}
    assert given.cond.tolist() == [[0, 1]] * 2


def test_what_is_given_is_a_state_of_data(schema: Schema) -> None:
    given = ask(schema, lat=10.0, lon=[20.0, 30.0, 40.0], word="GAT")
    schema.process().check(given.x)
    assert known_at(given) == {
        "lat,lon": [True] * 3,
        "word": [[True] * 3] * 3,
        "missing": [[False, False, True]] * 3,
    }
    nothing = ask(schema)
    schema.process().check(nothing.x)
    assert known_at(nothing) == {}


def test_given_values_are_written_back_bit_by_bit(schema: Schema) -> None:
    third = np.float32(100 / 3 + 140)
    given = ask(
        schema,
        height=third,
        age=[20, None, 40],
        sex="M",
        lat=[1 / 3, None, 0.1],
        lon=[0.7, None, 3],
        word=["CA", None, "GAT"],
    )
    x = states(schema)
    plain, done = schema.decode(x, {"where": "u"}), schema.written(x, given)
    assert (done.dtypes == FRAME.dtypes).all()
    assert done["height"].tolist() == [third] * 3
    assert done["lat"].tolist() == [1 / 3, plain["lat"][1], 0.1]
    assert done["lon"].tolist() == [0.7, plain["lon"][1], 3.0]
    assert done["age"].tolist() == [20, plain["age"][1], 40]
    assert done["word"].tolist() == ["CA", plain["word"][1], "GAT"]
    assert done["sex"].tolist() == ["M"] * 3
    assert done["where"].tolist() == ["u"] * 3
    for name in ("calls", "smoker", "a", "b", "c", "grade", "planet"):
        assert done[name].tolist() == plain[name].tolist()


def test_missing_may_be_given(schema: Schema) -> None:
    given = ask(schema, smoker=None, calls=4)
    assert known_at(given) == {"count": [[True]] * 3, "missing": [[True, True, False]] * 3}
    assert given.x["missing"][:, :2].tolist() == [[1, 0]] * 3
    done = schema.written(states(schema), given)
    assert done["smoker"].isna().all()
    assert done["calls"].tolist() == [4, 4, 4]
    present = {name: leaf.clone() for name, leaf in states(schema).items()}
    present["missing"][:] = 1  # but a value was given
    assert schema.written(present, given)["calls"].tolist() == [4, 4, 4]
    assert schema.written(present, given)["word"].isna().all()


def test_constants_may_be_given(schema: Schema) -> None:
    for value in (3, "3", 3.0, [3, None, 3]):
        assert known_at(ask(schema, planet=value)) == {}


def test_a_model_of_one_factor_is_asked_with_tensors() -> None:
    data = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    schema = Schema.infer(data)
    given = schema.given({"x1": 0.1}, 2)
    assert given.known.tolist() == [[False, True, False]] * 2
    assert given.cond is None
    done = schema.written(torch.zeros(2, 3), given)
    assert done[:, 1].tolist() == [np.float32(0.1)] * 2
    assert schema.given(None, 2).known.any().item() is False


def test_a_part_of_an_image_may_be_given() -> None:
    images = np.random.default_rng(0).normal(size=(9, 1, 4, 4))
    schema = Schema.infer(images)
    upper = np.where(np.arange(4)[:, None] < 2, images[0], np.nan)
    given = schema.given({"x": upper}, 3)
    assert torch.equal(given.known, torch.from_numpy(~np.isnan(upper)).expand(3, 1, 4, 4))
    done = schema.written(torch.zeros(3, 1, 4, 4), given)
    np.testing.assert_array_equal(done[:, :, :2], np.stack([images[0][:, :2]] * 3))
    np.testing.assert_allclose(done[:, :, 2:], schema.decode(torch.zeros(1, 1, 4, 4))[0, 0, 0, 0])
    assert torch.equal(schema.given({"x": images[:3]}, 3).x, schema.encode(images[:3]).x)


# ---- ranges and sets


@pytest.mark.parametrize(
    ("within", "holds", "words"),
    [
        (Range(2, 4), [False, True, True, True, False], "2 to 4"),
        (Range(None, 2), [True, True, False, False, False], "at most 2"),
        (Range(4, None), [False, False, False, True, True], "at least 4"),
        (Range(None, None), [True] * 5, "any number"),
        (Among((1, 3)), [True, False, True, False, False], "one of 1, 3"),
    ],
)
def test_ranges_and_sets_hold(within: Any, holds: list[bool], words: str) -> None:
    assert within.holds(np.array([1, 2, 3, 4, 5])).tolist() == holds
    assert str(within) == words


def test_ranges_and_sets_are_kept_in_the_types_of_the_columns(schema: Schema) -> None:
    given = ask(schema, age=(30, None), sex={"M"}, calls={"3", 4}, grade=(2, 3), smoker={False}, lat=(0, 10))
    assert given.within == {
        "age": Range(30, None),
        "sex": Among(("M",)),
        "calls": Among((4, 3)),
        "grade": Range(2, 3),
        "smoker": Among((False,)),
        "lat": Range(0, 10),
    }
    values = schema.values(schema.encode(FRAME).x)
    for name, within in given.within.items():
        assert within.holds(values[name]).dtype == bool
        assert 0 < within.holds(values[name]).sum() < N
    assert known_at(given) == {"missing": [[True, True, False]] * 3}  # in a range is present
    assert given.x["missing"].tolist() == [[0, 0, 0]] * 3
    assert set(given.columns) == {"where"}


@pytest.mark.parametrize(
    ("low", "high"), [("a", 3), (3, 2), (np.nan, 3), (0, np.inf), (True, 2), (None, [1])], ids=repr
)
def test_what_is_no_range_is_refused(low: Any, high: Any) -> None:
    with pytest.raises(InputError, match=r"got (low|high|the range) .*; expected"):
        Range(low, high)


@pytest.mark.parametrize("values", [(), (1, 1), [1, 2], "ab", None], ids=repr)
def test_what_is_no_set_is_refused(values: Any) -> None:
    with pytest.raises(InputError, match="got values = "):
        Among(values)


def test_floats_are_compared_in_their_own_type() -> None:
    third = np.float32(0.1)
    assert Range(0.1, 0.1).holds(np.array([third])).all()
    assert Among((float(third),)).holds(np.array([third])).all()


def test_a_range_of_one_number_is_that_number(schema: Schema) -> None:
    """No draw of a real number would ever be in it."""
    found = ask(schema, height=(171.5, 171.5), age=(40, 40), lat=(3, 3), calls=(2, None))
    assert {name: values.tolist() for name, (values, _) in found.columns.items() if name != "where"} == {
        "height": [171.5] * 3,
        "age": [40] * 3,
    }
    assert set(found.within) == {"lat", "calls"}


# ---- far from the data


@pytest.mark.parametrize("value", [900, [20, 900, 30], (900, None), (None, -900), {20, 900}])
def test_a_value_far_from_the_data_is_said(schema: Schema, value: Any) -> None:
    with pytest.warns(
        UserWarning, match=r"Column 'age' was given -?900(\.0)?, far from what was seen .*, 19 to 89; what"
    ):
        ask(schema, age=value)


def test_a_real_number_far_from_the_data_is_said_with_what_was_seen(schema: Schema) -> None:
    low, high = FRAME["height"].min(), FRAME["height"].max()
    with pytest.warns(UserWarning, match=f"was given 300.0, far from what was seen .*, {low:g} to {high:g}; what"):
        ask(schema, height=300.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ask(schema, height=high + 0.9 * (high - low), age=(0, None))


def test_a_count_far_from_the_data_is_said(schema: Schema) -> None:
    most = int(FRAME["calls"].max())
    with pytest.warns(UserWarning, match=f"Column 'calls' was given 400, far from what was seen .*, 0 to {most}; what"):
        ask(schema, calls=400)
    ask(schema, calls=2 * most)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (-5, "was given -5, beyond what was seen when the model was fitted, 1 to 99;"),
        (105, "was given 105, beyond what was seen when the model was fitted, 1 to 99;"),
        (250, "was given 250, far from what was seen when the model was fitted, 1 to 99;"),
        ([1, 50], "was given 50, between 5 and 97, where nothing was when the model was fitted;"),
        (102, None),
        ([5, 97], None),
        ((-9, 150), None),
        ({2, 98}, None),
    ],
)
def test_a_number_of_a_table_where_there_is_none_is_said(value: Any, said: str | None) -> None:
    frame = pl.DataFrame({"code": [1, 2, 3, 4, 5, 97, 98, 99] * 5, "sex": ["f", "m"] * 20})
    fitted = Schema.infer(frame)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        fitted.given({"code": value}, 2)
    assert [str(one.message).partition(" what the")[0] for one in found] == (
        [] if said is None else [f"Column 'code' {said}"]
    )


def test_a_date_far_from_the_data_is_said_as_dates() -> None:
    frame = pl.DataFrame({"day": ["2020-01-01", "2020-02-01", "2020-02-07"], "pay": ["$1.00", "$2.00", "$1,000.50"]})
    schema = Schema.infer(frame)
    with pytest.warns(UserWarning, match="given 1990-03-01, far from .*, 2020-01-01 to 2020-02-07; what"):
        schema.given({"day": "1990-03-01"}, 1)
    with pytest.warns(UserWarning, match=r"given \$9,000\.00, far from .*, \$1\.00 to \$1,000\.50; what"):
        schema.given({"pay": 9000}, 1)


def test_models_that_did_not_keep_what_was_seen_say_nothing() -> None:
    config = Schema.infer(np.array([[1.0], [2.5], [3.0]])).to_config()
    for key in ("low", "high"):
        del config["factors"][0]["coordinates"][0][key]
    old = Schema.from_config(config)
    assert old.factors["numbers"].seen("x0") is None
    old.given({"x0": 1e6}, 1)
    config = Schema.infer(np.array([[1], [2], [3]]), kinds={"x0": "count"}).to_config()
    del config["factors"][0]["highs"]
    Schema.from_config(config).given({"x0": 10**6}, 1)


# ---- refused

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"nope": 1}, "The model has no column 'nope'; its columns are height, age, sex, .*, planet, where"),
    "level": ({"sex": "Q"}, "Column 'sex' has no level 'Q'; the levels are F, M"),
    "levels": ({"sex": {"F", "Q"}}, "Column 'sex' has no level 'Q'; the levels are F, M"),
    "grade": ({"grade": 7}, "Column 'grade' has no level 7; the levels are 1, 2, 3, 4"),
    "letters": ({"word": "XY"}, "Column 'word' holds 'X' in row 0; the fitted letters are ACGT"),
    "never missing": ({"age": None}, r"Column 'age' was there in every row .* cannot be given as missing \(None\)"),
    "never missing, NaN": ({"age": np.nan}, r"cannot be given as missing \(None\)"),
    "range of levels": ({"sex": ("F", "M")}, r"'sex' is modelled as category, and a range \(low, high\) needs numbers"),
    "range of truths": ({"smoker": (0, 1)}, r"'smoker' is modelled as category, and a range"),
    "range of texts": ({"word": ("A", "B")}, r"'word' is modelled as sequence, and a range"),
    "empty range": ({"age": (40, 30)}, r"'age' was given the range \(40, 30\); expected .*, low at most high"),
    "range of what": ({"age": ("a", 3)}, r"the range \('a', 3\); expected \(low, high\), both finite numbers or None"),
    "range of truth": ({"age": (True, 3)}, "both finite numbers or None"),
    "range to NaN": ({"age": (np.nan, 3)}, "both finite numbers or None"),
    "empty set": ({"sex": set()}, r"'sex' was given set\(\); expected a set of one or more of its values"),
    "set with a hole": ({"sex": {"F", None}}, "expected a set of one or more of its values"),
    "too few": ({"age": [1, 2]}, "Column 'age' was given 2 values; give one value, or one for each of 3 rows"),
    "too deep": ({"age": [[1], [2], [3]]}, r"'age' was given an array of shape \(3, 1\); give one value"),
    "ragged": ({"age": [[1], [2, 3], 4]}, r"Column 'age' holds \[1\]: an argument must be a string or a real number"),
    "arrays": ({"age": [np.zeros((2, 3)), np.zeros((2, 4))]}, "Column 'age' was given values that form no array"),
    "text": ({"age": "old"}, "Column 'age' holds numbers, but 'old' was given"),
    "fraction": ({"age": 40.5}, "Column 'age' was given 40.5; expected a finite number of the type int64"),
    "too large": ({"calls": 2**15}, "Column 'calls' was given 32768; expected a finite number of the type int16"),
    "negative": ({"calls": -1}, "Column 'calls' is declared a count, but holds -1 in row 0"),
    "infinite": ({"height": np.inf}, "Column 'height' was given inf; expected a finite number of the type float32"),
    "half a place": ({"lat": 3.0}, "got column 'lat' without column 'lon'; together they are one latlon: name all"),
    "half a place in a row": ({"lat": 3.0, "lon": [1, 2, None]}, "got a part of columns 'lat', 'lon' in row 2; toget"),
    "half a whole": ({"a": 0.2, "b": 0.3}, "got columns 'a', 'b' without column 'c'"),
    "no whole": ({"a": 0.2, "b": 0.3, "c": 0.6}, r"Row 0 of columns 'a', 'b', 'c' sums to 1\.1; expected 1"),
    "another constant": ({"planet": 4}, "Column 'planet' was always 3 when the model was fitted, but row 0 holds 4"),
    "a range of constants": (
        {"planet": (3, 4)},
        "Column 'planet' was always 3 and is not modelled, so it can be given no range and no set; leave it out",
    ),
    "never missing constant": ({"planet": None}, r"Column 'planet' was there in every row .* missing \(None\)"),
    "condition": ({"where": "w"}, "Condition 'where' has no level 'w'; the levels are u, v"),
    "no condition": (
        {"where": None},
        "Condition 'where' is not modelled, so it cannot be missing or in a set; give it",
    ),
    "a set of conditions": ({"where": {"u"}}, "cannot be missing or in a set; give it a value, or one for each row"),
}


@pytest.mark.parametrize(("values", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_given_is_refused(schema: Schema, values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ask(schema, **values)


def test_conditions_are_needed(schema: Schema) -> None:
    with pytest.raises(InputError, match="The model is conditional on 'where': pass given="):
        schema.given({"age": 40}, 3)


@pytest.mark.parametrize("given", [3, "age=40", [("age", 40)], np.zeros(3)])
def test_what_is_neither_a_dict_nor_a_frame_is_refused(schema: Schema, given: Any) -> None:
    with pytest.raises(InputError, match=r"given is of type .*; expected a dict or a DataFrame"):
        schema.given(given, 3)


def test_a_frame_of_another_length_is_refused(schema: Schema) -> None:
    with pytest.raises(InputError, match=r"got a frame of 2 rows as given; expected 1, for all, or n = 3"):
        schema.given(pl.DataFrame({"age": [1, 2], "where": ["u", "v"]}), 3)
    with pytest.raises(InputError, match=r"The model has no column 'more'"):
        schema.given(pl.DataFrame({"more": [1], "where": ["u"]}), 3)


def test_pixels_have_no_range() -> None:
    schema = Schema.infer(np.random.default_rng(0).normal(size=(9, 4, 4)))
    with pytest.raises(InputError, match="Column 'x' holds an array in each row; a range or a set is of single values"):
        schema.given({"x": (0, 1)}, 3)


@pytest.mark.parametrize(
    ("ends", "inside"),
    [
        ((350, 10), [True, True, False, False, True, True]),
        ((-10, 10), [True, True, False, False, True, True]),
        ((355, 365), [True, True, False, False, False, True]),
        ((10, 350), [False, False, True, True, True, False]),
        ((0, 360), [True] * 6),
        ((-720, 720), [True] * 6),
        ((None, 90), [True, True, True, False, False, False]),
    ],
)
def test_ranges_of_angles_go_round(ends: tuple[float | None, float], inside: list[bool]) -> None:
    wind = np.array([0.0, 5.0, 90.0, 180.0, 350.0, 355.0])
    frame = pl.DataFrame({"wind": wind, "lat": wind / 8, "lon": np.mod(wind + 180, 360) - 180})
    schema = Schema.infer(frame, kinds={"wind": "degrees", "lat,lon": "latlon"})
    for name in ("wind", "lon"):
        asked = schema.given({name: ends}, 1).within[name]
        if None not in ends:
            assert asked.holds(frame[name].to_numpy()).tolist() == inside, name
    assert schema.given({"wind": ends}, 1).within["wind"].holds(wind).tolist() == inside
    with pytest.raises(InputError, match="low at most high"):
        schema.given({"lat": (40, 10)}, 1)


@pytest.mark.parametrize(
    ("ends", "inside"),
    [
        (("22:00", "01:30"), [True, True, False, True]),
        (("01:30", "22:00"), [False, True, True, False]),
        (("22:00", None), [False, False, False, True]),
    ],
)
def test_ranges_of_times_go_over_midnight(ends: tuple[str, str | None], inside: list[bool]) -> None:
    times = ["00:15", "01:30", "12:00", "23:10"]
    for frame in (pl.DataFrame({"t": times}), pl.DataFrame({"t": [datetime.time.fromisoformat(t) for t in times]})):
        schema = Schema.infer(frame)
        within = schema.given({"t": ends}, 1).within["t"]
        assert within.holds(schema.container.split(frame)["t"]).tolist() == inside
    days = Schema.infer(pl.DataFrame({"d": ["2024-01-01", "2024-01-02", "2024-01-05"]}))
    with pytest.raises(InputError, match=r"the range \(2024-01-05, 2024-01-01\); expected \(low, high\), low at most"):
        days.given({"d": ("2024-01-05", "2024-01-01")}, 1)


@pytest.mark.parametrize(
    ("ends", "inside"),
    [(("S", "M"), ["S", "M"]), ((None, "M"), ["S", "M"]), (("M", None), ["M", "L"]), (("L", "L"), ["L"])],
)
def test_ranges_of_ordered_levels_are_those_between(ends: tuple[str | None, str | None], inside: list[str]) -> None:
    schema = Schema.infer(pl.DataFrame({"size": ["S", "L", "M"] * 3}), kinds={"size": "S < M < L"})
    levels = np.array(["S", "M", "L"], dtype=object)
    assert levels[schema.given({"size": ends}, 1).within["size"].holds(levels)].tolist() == inside
    with pytest.raises(InputError, match=r"range \(L, S\); expected \(low, high\) in the order .* S < M < L"):
        schema.given({"size": ("L", "S")}, 1)
    with pytest.raises(InputError, match="'size' has no level 'XL'"):
        schema.given({"size": ("S", "XL")}, 1)
