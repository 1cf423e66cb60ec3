from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.look.conftest import LEVELS, ODD, fitted, people, small
from unnoise.look.answers import Answers, ByColumn, Stopped
from unnoise.look.asking import Inquiry, inquiry

GIVEN = {"is.place": LEVELS[:2], "from.age": ["30"], "to.age": ["40"]}


def question(answers: Answers, fields: dict[str, list[str]]) -> Inquiry:
    return inquiry(answers.schema, answers.about, fields)


def test_rows_are_those_of_sample(answers: Answers) -> None:
    asked = question(answers, GIVEN)
    rows = answers.rows(asked, 30, seed=5)
    assert rows.rows.equals(fitted().sample(30, given=dict(asked.given), seed=5))
    assert answers.rows(asked, 30, seed=5) is rows
    assert not answers.rows(asked, 30, seed=6).rows.equals(rows.rows)


def test_columns_know_their_holes(answers: Answers) -> None:
    rows = answers.rows(Inquiry(), 200, seed=0)
    column = rows.rows[ODD]
    assert rows.missing(ODD) == pytest.approx(column.null_count() / 200)
    assert rows.values(ODD).tolist() == column.drop_nulls().to_list()
    ages, sizes = rows.together(["age", ODD])
    assert len(ages) == len(sizes) == 200 - column.null_count()


def test_the_data_that_meet_a_question(answers: Answers) -> None:
    data = people()
    inside = data.filter(pl.col("place").is_in(LEVELS[:2]) & pl.col("age").is_between(30, 40))
    alike = answers.alike(question(answers, GIVEN))
    assert alike is not None
    assert sorted(alike.columns["age"].tolist()) == sorted(inside["age"].to_list())
    gone = answers.alike(question(answers, {f"missing.{ODD}": ["1"]}))
    assert gone is not None
    assert len(gone) == data[ODD].null_count()
    rare = question(answers, {"is.age": ["30"], "is.place": ["港"]})
    assert answers.alike(rare) is None  # too few
    assert answers.support(rare) == len(data.filter((pl.col("age") == 30) & (pl.col("place") == "港")))
    assert answers.alike(Inquiry()) is None
    assert answers.support(Inquiry()) is None


def test_probabilities_are_exact_where_values_are_fixed(answers: Answers) -> None:
    asked = question(answers, {"is.age": ["33"]})
    found = answers.probabilities(asked, "place", 50, 0)
    truth = fitted().predict_proba(pl.DataFrame({"age": [33]}), "place")[0]
    np.testing.assert_allclose(found, truth)
    assert answers.probabilities(asked, "age", 50, 0) is None
    assert answers.probabilities(question(answers, {"is.place": ["港"]}), "place", 50, 0) is None


def test_probabilities_given_nothing_or_a_range(answers: Answers) -> None:
    nothing = answers.probabilities(Inquiry(), "place", 50, 0)
    assert nothing is not None
    shares = [float((people()["place"] == level).mean()) for level in sorted(LEVELS)]
    np.testing.assert_allclose(nothing, shares, atol=0.02)  # the mixture's own margins are those of its data
    asked = question(answers, {"from.age": ["30"], "to.age": ["40"]})
    ages = answers.rows(asked, 60, 0).rows.select("age")
    np.testing.assert_allclose(
        answers.probabilities(asked, "place", 60, 0), fitted().predict_proba(ages, "place").mean(0)
    )


def test_without_data_the_model_stands_beside_itself() -> None:
    answers = Answers(fitted())
    assert len(answers.beside(20)) == 20
    assert answers.alike(question(answers, GIVEN)) is None


def test_drawing_ends_when_nobody_waits() -> None:
    answers = Answers(small())
    answers.rows(Inquiry(), 4, 0)
    answers.stop.set()
    with pytest.raises(Stopped):
        answers.rows(Inquiry(), 5, 0)
    answers.stop.clear()
    assert len(answers.rows(Inquiry(), 5, 0)) == 5
    assert not any(network._forward_pre_hooks for network in answers.model.denoiser_.children())


def test_few_answers_are_kept(answers: Answers) -> None:
    for i in range(40):
        answers.kept(i, lambda i=i: i)
    assert answers.known(0) is None
    assert answers.known(39) == 39


def test_rows_beside_a_question_are_others_than_its_own() -> None:
    """Of the same noise they would be the same where nothing is fixed."""
    answers = Answers(fitted())
    assert not answers.beside(20).rows.equals(answers.rows(Inquiry(), 20, seed=0).rows)


def test_a_hole_meets_no_range_whatever_stands_there(answers: Answers) -> None:
    rows = ByColumn(None, {"age": np.array([35, 35, 60])}, {"age": np.array([True, False, True])})
    asked = question(answers, {"from.age": ["30"], "to.age": ["40"]})
    assert answers.meets(asked, rows).tolist() == [True, False, False]
