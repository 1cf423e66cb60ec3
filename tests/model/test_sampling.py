"""Rows given what is known of them: their laws are those of the rows that agree with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.toys.knowing import counts, holed, knowing, levels, share
from unnoise import DenoisingMarkovModel, InputError
from unnoise.model import sampling
from unnoise.testing import ImprobableError, assert_frequencies

N = 800
B = ("p", "q", "r")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return levels()


@pytest.fixture(scope="module")
def model(table: pd.DataFrame) -> DenoisingMarkovModel:
    return knowing(table)


@pytest.mark.parametrize("given", [{"a": "x"}, {"c": "v"}, {"a": "y", "c": "u"}], ids=str)
def test_columns_that_are_given_condition_the_others(table: Any, model: Any, given: dict[str, str]) -> None:
    rows = model.sample(N, given=given, seed=0)
    assert all((rows[name] == value).all() for name, value in given.items())
    agree = table[np.logical_and.reduce([table[name] == value for name, value in given.items()])]
    assert_frequencies(counts(rows, "b", B), share(agree, "b", B))
    with pytest.raises(ImprobableError):
        assert_frequencies(counts(rows, "b", B), share(table, "b", B))  # as if nothing were given


def test_every_row_may_be_given_something_else(table: Any, model: Any) -> None:
    frame = pd.DataFrame({"a": ["x", "y"] * (N // 2), "c": [None, "u"] * (N // 2)})
    rows = model.sample(N, given=frame, seed=0)
    assert (rows["a"] == frame["a"]).all()
    assert (rows["c"][1::2] == "u").all()
    assert_frequencies(counts(rows[::2], "b", B), share(table[table["a"] == "x"], "b", B))
    assert_frequencies(counts(rows[1::2], "b", B), share(table[(table["a"] == "y") & (table["c"] == "u")], "b", B))
    drawn = table[table["a"] == "x"]
    assert_frequencies(counts(rows[::2], "c", ("u", "v")), share(drawn, "c", ("u", "v")))


def test_a_frame_says_how_many_rows_are_drawn(model: Any) -> None:
    frame = pd.DataFrame({"a": ["x", "y", "y"]})
    pd.testing.assert_frame_equal(model.sample(given=frame, seed=0), model.sample(3, given=frame, seed=0))
    assert model.sample(given=frame, seed=0)["a"].tolist() == ["x", "y", "y"]
    assert len(model.sample(given={"a": "x"}, seed=0)) == len(model.sample(seed=0)) == 1


def test_a_set_of_values_keeps_their_odds(table: Any, model: Any) -> None:
    rows = model.sample(N, given={"b": {"p", "q"}, "a": "x"}, seed=0)
    agree = table[(table["a"] == "x") & table["b"].isin(["p", "q"])]
    assert_frequencies(counts(rows, "b", B), share(agree, "b", B))
    for b in ("p", "q"):
        of_b = agree[agree["b"] == b]
        assert_frequencies(counts(rows[rows["b"] == b], "c", ("u", "v")), share(of_b, "c", ("u", "v")))


def test_each_row_may_have_its_own_values_beside_a_set(table: Any, model: Any) -> None:
    given = {"a": ["x", "y"] * 300, "b": {"q", "r"}}
    rows = model.sample(600, given=given, seed=0)
    for a, part in rows.groupby("a"):
        agree = table[(table["a"] == a) & table["b"].isin(["q", "r"])]
        assert_frequencies(counts(part, "b", B), share(agree, "b", B))


def test_a_row_that_cannot_be_is_named(table: Any, model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others have been drawn, so that it is not true that no draw lay inside."""
    monkeypatch.setattr(sampling, "MOST_TRIES", 8)
    sure = pd.DataFrame({"a": ["x"] * 20 + ["y"] * 20, "b": ["p"] * 20 + ["q"] * 20, "c": ["u", "v"] * 20})
    with pytest.raises(InputError, match="no draw for row 1 has b one of q"):
        knowing(sure).sample(2, given={"a": ["y", "x"], "b": {"q"}}, seed=0)


def test_a_rare_range_says_its_effective_sample_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MOST_TRIES", 100)
    table = pd.DataFrame({"n": np.r_[np.zeros(199), 100.0], "a": np.array(["x", "y"])[np.arange(200) % 2]})
    model = knowing(table)
    with pytest.warns(UserWarning, match=r"effective sample size of \d+"):
        rows = model.sample(4, given={"n": (90, None)}, seed=3)
    assert (rows["n"] > 90).all()
    assert (rows["a"] == "y").all()
    with pytest.raises(InputError, match="next to impossible"):
        model.sample(4, given={"n": (40, 60)}, seed=0)


def test_holes_come_as_often_as_in_the_data_and_depend_on_the_rest(table: Any) -> None:
    rows = (model := knowing(data := holed(table))).sample(N, seed=0)
    for a in ("x", "y"):
        gone, part = (one[one["a"] == a].assign(b=one["b"].isna()) for one in (data, rows))
        assert_frequencies(counts(part, "b", (True, False)), share(gone, "b", (True, False)))
    here = data[data["a"] == "x"].dropna()
    assert_frequencies(counts(rows[rows["a"] == "x"].dropna(), "b", B), share(here, "b", B))
    missing = model.sample(N, given={"b": None}, seed=0)
    assert missing["b"].isna().all()
    assert_frequencies(counts(missing, "a", ("x", "y")), share(data[data["b"].isna()], "a", ("x", "y")))
    present = model.sample(N, given={"b": "q"}, seed=0)
    assert_frequencies(counts(present, "a", ("x", "y")), share(data[data["b"] == "q"], "a", ("x", "y")))


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"z": 1}, "has no column 'z'"),
        ({"a": "w"}, "has no level 'w'"),
        ({"a": "x", "b": "p", "c": "u"}, "nothing is left to ask"),
        ({"a": ("x", "y")}, "a range .* needs numbers"),
        ({"a": None}, "cannot be given as missing"),
        (pd.DataFrame({"a": ["x"] * 3}), "3 rows as given"),
    ],
)
def test_what_cannot_be_given_is_refused(model: Any, given: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        model.sample(5, given=given, seed=0)


def test_a_model_of_the_joint_law_cannot_be_asked() -> None:
    rows = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) ** 2})
    model = DenoisingMarkovModel(roles="joint", steps=1, batch_size=4, kinds={"a": "real", "b": "real"}).fit(rows)
    with pytest.raises(InputError, match="roles='any'"):
        model.sample(2, given={"a": 1.0}, seed=0)


def test_a_range_within_a_cell_of_a_number_is_met_by_the_values_drawn() -> None:
    """Twenty whole numbers share four cells, and no middle of a cell is in this range."""
    table = pd.DataFrame({"n": np.arange(40) % 20, "a": np.array(["x", "y"])[np.arange(40) % 2]})
    model = knowing(table)
    rows = model.sample(60, given={"n": (4, 6)}, seed=0)
    assert set(rows["n"]) == {4, 5, 6}
    each = model.sample(60, given={"n": (4, 6), "a": ["x", "y", "x"] * 20}, seed=0)
    assert set(each["n"]) == {4, 5, 6}
