"""Holes filled by draws or points, and probabilities of levels, against counts of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tests.toys.knowing import counts, holed, knowing, levels, share
from unnoise import DenoisingMarkovModel, InputError
from unnoise.model.filling import DRAWS, _middle
from unnoise.processes import Brownian, variance_preserving
from unnoise.spaces import Euclidean, Torus
from unnoise.testing import ImprobableError, assert_frequencies

B = ("p", "q", "r")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return levels()


@pytest.fixture(scope="module")
def model(table: pd.DataFrame) -> Any:
    return knowing(table)


def test_probabilities_of_a_column_given_the_rest_are_shares(table: Any, model: Any) -> None:
    rows = table[:30]
    truth = torch.stack(
        [share(table[(table["a"] == a) & (table["c"] == c)], "b", B) for a, c in zip(rows["a"], rows["c"], strict=True)]
    )
    found = model.predict_proba(rows, "b")
    np.testing.assert_allclose(found, truth, atol=2e-5)
    np.testing.assert_array_equal(model.predict_proba(rows.drop(columns="b"), "b"), found)
    assert model.schema_.levels("b") == B


def test_holes_beside_the_column_are_marginalised(table: Any, model: Any) -> None:
    rows = table[:30].assign(c=None)
    truth = torch.stack([share(table[table["a"] == a], "b", B) for a in rows["a"]])
    np.testing.assert_allclose(model.predict_proba(rows, "b"), truth, atol=2e-5)


def test_a_flag_says_something_of_the_other_columns() -> None:
    data = holed(levels())
    rows = pd.DataFrame({"b": [None, "q"], "c": ["u", "u"]})
    found = knowing(data).predict_proba(rows, "a")
    gone = data[data["b"].isna() & (data["c"] == "u")]
    here = data[(data["b"] == "q") & (data["c"] == "u")]
    truth = torch.stack([share(part, "a", ("x", "y")) for part in (gone, here)])
    np.testing.assert_allclose(found, truth, atol=2e-4)


def test_holes_are_filled_by_draws_and_nothing_else_changes(table: Any, model: Any) -> None:
    rows = table[:40].copy()
    rows.index = rows.index + 7
    rows.loc[rows.index[::2], "b"] = None
    rows.loc[rows.index[1::4], ["a", "c"]] = None
    drawn = model.impute(rows, draws=25, seed=0)
    assert len(drawn) == 25
    for frame in drawn:
        assert not frame.isna().any().any()
        assert frame.index.equals(rows.index)
        pd.testing.assert_frame_equal(frame.where(rows.notna()), rows.where(rows.notna(), np.nan), check_dtype=False)
    alike = (rows["a"] == "x") & (rows["c"] == "u") & rows["b"].isna()
    filled = pd.concat([frame[alike] for frame in drawn])
    truth = share(table[(table["a"] == "x") & (table["c"] == "u")], "b", B)
    assert_frequencies(counts(filled, "b", B), truth)
    with pytest.raises(ImprobableError):
        assert_frequencies(counts(filled, "b", B), share(table[table["a"] == "y"], "b", B))


def test_a_hole_tells_of_another_column() -> None:
    """That b is missing says that a is x, which fills a."""
    data = holed(levels())
    rows = pd.DataFrame({"a": [None] * 300, "b": [None] * 300, "c": ["u"] * 300})
    filled = knowing(data).impute(rows, seed=0)
    gone = data[data["b"].isna() & (data["c"] == "u")]
    assert not filled.isna().any().any()
    assert_frequencies(counts(filled, "a", ("x", "y")), share(gone, "a", ("x", "y")))


@pytest.mark.parametrize("point", ["mean", "mode"])
def test_points_are_the_likeliest_level(table: Any, model: Any, point: str) -> None:
    rows = table[:30].assign(b=None)
    likeliest = [table[(table["a"] == r.a) & (table["c"] == r.c)]["b"].mode()[0] for r in rows.itertuples()]
    assert model.impute(rows, point=point)["b"].tolist() == likeliest


def test_the_mean_of_numbers() -> None:
    rng = np.random.default_rng(0)
    a = np.arange(60) % 2
    table = pd.DataFrame({"n": 10 * a + rng.normal(size=60), "a": np.array(["x", "y"])[a]})
    rows = pd.DataFrame({"n": [np.nan, np.nan, 5.0], "a": ["x", "y", "x"]})
    means = [*table.groupby("a")["n"].mean(), 5.0]
    filled = knowing(table, kinds={"n": "real"}).impute(rows, point="mean")
    np.testing.assert_allclose(filled["n"], means, atol=0.02)
    filled = knowing(table).impute(rows, point="mean")  # the middle of a cell, of which there are seven
    np.testing.assert_allclose(filled["n"], means, atol=1.0)


def test_a_column_of_one_value_is_filled_with_it() -> None:
    table = levels(40).assign(one=3.0)
    with pytest.warns(UserWarning, match="a single value"):
        model = knowing(table)
    holed = table[:3].assign(one=[3.0, np.nan, 3.0])
    pd.testing.assert_frame_equal(model.impute(holed, seed=0), table[:3])


def test_rows_without_holes_come_back_as_they_are(table: Any, model: Any) -> None:
    with pytest.warns(UserWarning, match="no holes"):
        assert model.impute(table) is table


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ({"draws": 0}, "draws = 0"),
        ({"point": "median"}, "point = 'median'"),
        ({"point": "mean", "draws": 3}, "leave out draws"),
    ],
)
def test_wrong_wishes_are_refused(table: Any, model: Any, words: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        model.impute(table.assign(b=None), **words)


def test_a_column_without_levels_has_no_probabilities() -> None:
    table = pd.DataFrame({"n": np.arange(20.0), "a": ["x", "y"] * 10})
    with pytest.raises(InputError, match="finitely many levels"):
        knowing(table).predict_proba(table, "n")


def test_the_middle_of_draws_is_the_one_that_is_nearest_to_the_others() -> None:
    """Of angles cell by cell, of numbers their mean."""
    line, circle = variance_preserving(Euclidean(2)), Brownian(Torus(2))
    draws = torch.full((DRAWS, 2), 0.1) + 0.01 * torch.arange(DRAWS)[:, None]
    draws[3, 0], draws[5, 1] = -3.0, 3.0
    both = torch.cat([draws, draws.flip(1) + 0.2])  # of two rows
    middle = _middle(circle, both, n=2, means=True)
    assert (middle - torch.tensor([[0.18, 0.18], [0.38, 0.38]])).abs().max() < 0.02
    assert _middle(line, both, n=2, means=True).tolist() == both.view(2, DRAWS, 2).mean(1).tolist()
    assert (_middle(line, both, n=2, means=False) - middle).abs().max() < 0.02


def test_draws_of_numbers_lie_anywhere_in_their_cells() -> None:
    """A point is in the middle of its cell, a draw is not."""
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"a": rng.choice(["x", "y"], 3000), "b": rng.integers(0, 10_000, 3000)})
    model = DenoisingMarkovModel(quick=True, random_state=0).fit(data)
    cells = model.schema_.factors
    rows = pd.DataFrame({"a": ["x"] * 300, "b": pd.array([None] * 299 + [5], "Int64")})
    middles = {int(one) for part in cells.values() if "b" in part.columns for one in part.resolutions[-1]._middles}
    drawn = model.impute(rows, seed=0)["b"][:299]
    assert sum(int(one) in middles for one in drawn) < 60
    assert len(set(drawn)) > 250
