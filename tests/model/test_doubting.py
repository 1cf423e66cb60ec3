"""Values that hardly go together are said, by how much rarer they are than by chance, and others are not."""

from __future__ import annotations

import math
import re
import warnings
from typing import Any

import numpy as np
import polars as pl
import pytest

from unnoise import DenoisingMarkovModel
from unnoise.model import doubting

N = 600
rng = np.random.default_rng(0)
SEX = rng.choice(["f", "m"], N)
AGE = rng.integers(18, 90, N)
FRAME = pl.DataFrame(
    {
        "sex": SEX,
        "pregnant": np.where((SEX == "f") & (rng.random(N) < 0.4), "yes", "no"),
        "size": np.round(np.where(SEX == "f", 20, 10) + rng.normal(0, 1, N), 1),
        "age": AGE,
        "income": [
            None if missing else 50 * age for age, missing in zip(AGE.tolist(), rng.random(N) < 0.1, strict=True)
        ],
    }
)


@pytest.fixture(scope="module")
def model() -> DenoisingMarkovModel:
    return DenoisingMarkovModel(quick=True).fit(FRAME)


def said(model: DenoisingMarkovModel, **given: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.sample(4, given=given, seed=0)
    return [str(one.message) for one in found]


@pytest.mark.parametrize(
    "given",
    [
        {"sex": "m", "pregnant": "yes"},
        {"sex": "m", "size": 20.3},
        {"sex": "m", "size": 20.3, "age": 40},
        {"age": 80, "income": 1000},
    ],
)
def test_what_no_row_has_together_is_said(model: DenoisingMarkovModel, given: dict[str, Any]) -> None:
    found = said(model, **given)
    assert len(found) == 1
    assert found[0].startswith(f"The values given for {', '.join(given)} hardly go together: such rows are ")


@pytest.mark.parametrize(
    "given",
    [
        {"sex": "f", "pregnant": "yes"},
        {"sex": "m", "size": 10.3, "pregnant": "no"},
        {"age": 80, "income": 4000},
        {"pregnant": "yes"},
        {"sex": "m", "income": None},
        {"sex": "m", "size": (19.0, None)},  # which is refused, or answered with an effective sample size
    ],
)
def test_what_rows_have_together_is_not(model: DenoisingMarkovModel, given: dict[str, Any]) -> None:
    try:
        assert not any("go together" in one for one in said(model, **given))
    except ValueError as error:
        assert "next to impossible" in str(error)  # noqa: PT017


@pytest.fixture(scope="module")
def gaps() -> DenoisingMarkovModel:
    weight = np.round(20 + 5 * (SEX == "f") + rng.normal(0, 1, N), 1)
    held = [None if sex == "m" else value for sex, value in zip(SEX, weight.tolist(), strict=True)]
    some = [None if missing else value for value, missing in zip(weight.tolist(), rng.random(N) < 0.3, strict=True)]
    return DenoisingMarkovModel(quick=True).fit(pl.DataFrame({"sex": SEX, "weight": held, "other": some}))


@pytest.mark.parametrize(
    ("given", "apart"),
    [
        ({"sex": "m", "weight": 24.0}, True),  # of which no man has one
        ({"sex": "f", "weight": 24.0}, False),
        ({"sex": "f", "weight": None}, True),
        ({"sex": "m", "weight": None}, False),
        ({"sex": "m", "other": None}, False),
        ({"sex": "m", "other": 20.1}, False),
    ],
)
def test_values_that_a_group_never_has_are_said(gaps: DenoisingMarkovModel, given: dict[str, Any], apart: bool) -> None:
    assert len(said(gaps, **given)) == apart


def test_rows_of_their_own_are_named(model: DenoisingMarkovModel) -> None:
    found = said(model, sex=["f", "m", "f", "m"], pregnant=["yes", "yes", "no", "yes"])
    assert "given for sex, pregnant in row 1 and 1 others hardly go together" in found[0]


def test_the_number_of_times_is_the_ratio_of_the_probabilities(
    model: DenoisingMarkovModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Said of any pair where nothing is too common; the scores of the model are the reference."""
    monkeypatch.setattr(doubting, "RARER", 1e-9)
    pair = {"sex": "m", "pregnant": "no"}
    row = pl.DataFrame({name: [pair.get(name, FRAME[name][0])] for name in FRAME.columns}, schema=FRAME.schema)
    joint, *alone = (float(model.score_samples(row, of=of)[0]) for of in (list(pair), *pair))
    times = re.search(r"such rows are (\d+) times", said(model, **pair)[0])
    assert times is not None
    assert int(times[1]) == round(math.exp(sum(alone) - joint))


def test_draws_are_the_same_with_and_without(model: DenoisingMarkovModel, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"sex": "f", "size": 20.3}
    rows = model.sample(4, given=given, seed=0)
    monkeypatch.setattr(doubting, "MOST_VALUES", 0)
    assert rows.equals(model.sample(4, given=given, seed=0))


def test_names_with_commas_are_names() -> None:
    frame = FRAME.select(pl.col("sex").alias("sex, at birth"), pl.col("pregnant").alias("a=b"))
    model = DenoisingMarkovModel(quick=True).fit(frame.with_columns(c=pl.Series(range(N)) % 3))
    found = said(model, **{"sex, at birth": "m", "a=b": "yes"})
    assert "given for sex, at birth, a=b hardly go together" in found[0]
    assert said(model) == []


def filled(model: DenoisingMarkovModel, frame: pl.DataFrame) -> list[str]:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.impute(frame, seed=0)
    return [str(one.message) for one in found]


def test_holes_of_a_group_that_never_has_a_value_are_said(gaps: DenoisingMarkovModel) -> None:
    other = [20.0, None, 20.1, 24]
    frame = pl.DataFrame({"sex": ["f", "m", "m", "f"], "weight": [None, None, None, 24.1], "other": other})
    (found,) = filled(gaps, frame)
    assert found.startswith("'weight' is filled in 67% of the rows that lack it though hardly any row like these has")
    assert "such as row 1;" in found
    assert not filled(gaps, frame.filter(pl.col("sex") == "f"))
    assert not filled(gaps, frame.with_columns(weight=pl.lit(24.0)))  # other is lacking by chance
