"""Draws of held-out rows given some of their columns: exact ones pass every check, others do not."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from unnoise import samplers
from unnoise._errors import InputError
from unnoise.evaluation import calibration
from unnoise.model import DenoisingMarkovModel, rival
from unnoise.model.posteriors import Drawn
from unnoise.networks import MLP
from unnoise.testing.statistics import FAILURE_RATE, assert_probable

KINDS = {"size": "real", "wind": "degrees", "price": "real", "rooms": "integer"}
QUICK = {"draws": 15, "density_draws": 5, "trials": 0}


def table(n: int, seed: int = 0) -> pd.DataFrame:
    """Levels, numbers, an angle, and holes that depend on the level."""
    rng = np.random.default_rng(seed)
    site = rng.choice(["a", "b", "c"], n)
    mean = pd.Series(site).map({"a": 0.0, "b": 4.0, "c": 8.0}).to_numpy()
    size = (mean + rng.normal(size=n)).round(1)
    wind = np.mod(40 * mean + 20 * rng.normal(size=n), 360)
    price = pd.Series(10 * size + rng.normal(size=n)).mask(rng.random(n) < np.where(site == "a", 0.5, 0.1))
    return pd.DataFrame({"site": site, "size": size, "wind": wind, "price": price})


@pytest.fixture(scope="module")
def model() -> DenoisingMarkovModel:
    """A mixture, which draws from its own conditional laws without error."""
    return rival(table(400), kinds={"wind": "degrees"}, time_limit=5)


@pytest.fixture(scope="module")
def rows(model: DenoisingMarkovModel) -> pd.DataFrame:
    """Rows of the model itself, for which its answers are exact."""
    return model.sample(200, seed=1)


@pytest.mark.parametrize("given", [["site"], ["price", "wind"], "size"])
def test_draws_of_an_exact_model_pass(model: Any, rows: pd.DataFrame, given: Any) -> None:
    found = calibration(model, rows, given=given, **QUICK)
    assert len(found.answers) == 5
    for answer in found.answers:
        assert_probable(answer.p_value, answer.question)


def test_a_model_of_shuffled_answers_is_seen(model: Any, rows: pd.DataFrame) -> None:
    """Every column by itself is as it should be, so that ranks and intervals see nothing of what is given."""
    shuffled = rows.assign(site=np.random.default_rng(0).permutation(rows["site"]))
    found = {answer.key: answer for answer in calibration(model, shuffled, given=["site"], **QUICK).answers}
    assert found["points"].p_value < FAILURE_RATE
    assert found["local"].p_value < FAILURE_RATE


def test_a_model_of_other_numbers_is_seen(model: Any, rows: pd.DataFrame) -> None:
    found = calibration(model, rows.assign(size=rows["size"] + 1.0), given=["site"], **QUICK)
    assert found.ranks.columns[0].name == "size"
    assert found.ranks.p_value < FAILURE_RATE


def test_columns_are_told_by_what_they_hold(model: Any, rows: pd.DataFrame) -> None:
    found = model.posteriors(rows, given=["wind", "site"], draws=4, density_draws=2, max_rows=50)
    assert found.names == ["size", "price"]
    assert found.given == ("wind", "site")
    assert found.draws.shape == (50, 4, 2)
    assert found.observations.shape == (50, 5)  # an angle on the circle, three levels
    assert found.log_probs.shape == (50, 2)
    assert np.isnan(found.truths[:, 1]).any()
    assert np.isnan(found.draws[..., 1]).any()
    other = model.posteriors(rows, of=["wind", "site"], given="size", draws=4, density_draws=0)
    assert other.names == ["site", "wind"]
    assert (other.categorical, other.periods) == ((0,), {1: 360.0})
    assert other.log_probs is None


def test_the_same_seed_gives_the_same_draws(model: Any, rows: pd.DataFrame) -> None:
    one, same, new = (model.posteriors(rows, given="site", draws=3, density_draws=0, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.draws, same.draws)
    assert not np.array_equal(one.draws, new.draws, equal_nan=True)


def test_rows_whose_truth_nobody_knows_are_left_out(model: Any, rows: pd.DataFrame) -> None:
    """`size` was never missing at fit, so a hole there is no value."""
    holed = rows.assign(size=rows["size"].mask(np.arange(len(rows)) < 30))
    with pytest.warns(UserWarning, match="30 of 200 rows are left out"):
        found = model.posteriors(holed, given="site", draws=2, density_draws=0)
    assert len(found) == 170
    assert not np.isnan(found.draws[..., 0]).any()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(model.posteriors(holed, given="size", draws=2, density_draws=0)) == 200
    with pytest.raises(InputError, match="got 0 held-out rows"), pytest.warns(UserWarning, match="left out"):
        model.posteriors(rows.assign(size=np.nan), given="site")


def test_nothing_given_is_refused(model: Any, rows: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"name columns, such as given=\['site'\]"):
        model.posteriors(rows)
    with pytest.raises(InputError, match="no column 'height'"):
        model.posteriors(rows, given="height")
    with pytest.raises(InputError, match="nothing is left"):
        model.posteriors(rows, given=list(rows.columns))


def network(columns: list[str], **more: Any) -> tuple[DenoisingMarkovModel, pd.DataFrame]:
    """A network that has hardly been trained, and rows that it drew given their level."""
    data = table(300)[["site", *columns]]
    data["rooms"] = np.random.default_rng(0).poisson(3, len(data))
    kinds = {name: kind for name, kind in KINDS.items() if name in data}
    small = {"network": partial(MLP, width=16, depth=1, embedding=16), "steps": 20, "batch_size": 32}
    model = DenoisingMarkovModel(condition="site", kinds=kinds, **small, **more).fit(data)
    return model, model.sample(100, given={"site": data["site"][:100].to_numpy()}, seed=7)


def test_rows_that_a_network_drew_are_like_its_draws() -> None:
    """However bad it is: with the condition alone given, truth and draws come from the same sampler."""
    model, rows = network(["size"], sampler=partial(samplers.Heun, steps=5))
    few = {"draws": 9, "trials": 0}
    for answer in calibration(model, rows, density_draws=2, **few).answers:
        assert_probable(answer.p_value, answer.question)
    rows["rooms"] += 2
    assert calibration(model, rows, density_draws=0, **few).ranks.p_value < FAILURE_RATE


@pytest.mark.slow
@pytest.mark.parametrize("roles", ["any", "joint"])
def test_holes_and_angles_that_a_network_drew_are_like_its_draws(roles: str) -> None:
    model, rows = network(["size", "wind", "price"], roles=roles, sampler=partial(samplers.Euler, steps=12))
    for answer in calibration(model, rows, **QUICK).answers:
        assert_probable(answer.p_value, answer.question)


def test_counts_of_draws_are_checked(model: Any, rows: pd.DataFrame) -> None:
    few = model.posteriors(rows, given="site", draws=2, density_draws=9)
    assert few.log_probs.shape == (200, 2)
    for more in ({"draws": 0}, {"max_rows": 0}, {"density_draws": -1}, {"draws": 2.5}):
        with pytest.raises(InputError, match="expected a whole number"):
            model.posteriors(rows, given="site", **more)


def test_the_first_draws_are_those_of_each_row() -> None:
    numbers = torch.arange(6)[:, None]
    found = Drawn({"a": numbers}, {"a": numbers > 2}, numbers + 10, per_row=3).first(2)
    assert found.x["a"][:, 0].tolist() == [0, 1, 3, 4]
    assert found.known["a"][:, 0].tolist() == [False, False, True, True]
    assert (found.cond[:, 0].tolist(), found.per_row) == ([10, 11, 13, 14], 2)


def test_rows_are_chosen_at_random_from_all(model: Any, rows: pd.DataFrame) -> None:
    of = {"of": "size", "given": "site", "draws": 1, "density_draws": 0}
    every = model.posteriors(rows, **of).truths[:, 0].tolist()
    few = model.posteriors(rows, **of, max_rows=20, seed=1).truths[:, 0].tolist()
    assert len(few) == 20
    assert set(few) <= set(every)
    assert max(every.index(one) for one in few) > 60
