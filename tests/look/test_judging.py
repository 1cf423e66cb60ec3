from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from scipy import stats

from tests.look.conftest import LEVELS, ODD, fitted, people
from unnoise.data.factors import AngleFactor, CategoryFactor, CountFactor
from unnoise.look.answers import Answers
from unnoise.look.asking import Fields
from unnoise.look.judging import frame_of, judged, own_row, unusual
from unnoise.testing import assert_probable


def row(answers: Answers, fields: Fields, start: int = 0) -> Any:
    return own_row(answers, answers.about, fields, start)


def whole(answers: Answers) -> int:
    """A row without holes."""
    return int(answers.data.rows[ODD].is_not_null().arg_max())  # type: ignore[union-attr]


def test_a_row_begins_as_the_data_have_it(answers: Answers) -> None:
    for start in range(6):
        assert frame_of(answers, row(answers, {}, start)).equals(people()[start : start + 1])


def test_what_is_written_takes_its_place(answers: Answers) -> None:
    start = whole(answers)
    own = row(answers, {"v.age": ["61"], "v.place": ["港"], f"v.{ODD}": [""], "v.since": ["1971-01-02"]}, start)
    assert not own.faults
    (found,) = frame_of(answers, own).to_dicts()
    assert (found["age"], found["place"], found[ODD], str(found["since"])) == (61, "港", None, "1971-01-02")


@pytest.mark.parametrize(("name", "text"), [("age", "x"), ("age", "1.5"), ("place", "nowhere"), ("since", "soon")])
def test_what_cannot_stand_there_is_said_beside_it(answers: Answers, name: str, text: str) -> None:
    assert set(row(answers, {f"v.{name}": [text]}).faults) == {name}


@pytest.mark.parametrize("hole", [False, True])
def test_likelihoods_are_those_of_the_model(answers: Answers, hole: bool) -> None:
    own = row(answers, {f"v.{ODD}": [""]} if hole else {}, whole(answers))
    found, frame = judged(answers, answers.about, own, None, 0), frame_of(answers, own)
    assert found.log_prob == pytest.approx(fitted().score_samples(frame)[0])
    names = list(fitted().schema_.columns_of_state)
    assert sorted(cell.names[0] for cell in found.cells) == sorted(names)
    for cell in found.cells:
        given = [name for name in names if name not in cell.names]
        assert cell.log_prob == pytest.approx(fitted().score_samples(frame, of=list(cell.names), given=given)[0])
    others = fitted().score_samples(people()[:100])
    assert found.rank == pytest.approx((others < found.log_prob).mean())


def test_the_cell_that_was_changed_is_the_surprising_one(answers: Answers) -> None:
    start = int(((people()["age"] - 45).abs() + people()[ODD].is_null().cast(int) * 99).arg_min() or 0)
    own = row(answers, {f"v.{ODD}": ["300"]}, start)
    cells = judged(answers, answers.about, own, None, 0, ranked=False).cells
    assert cells[0].names in ((ODD,), ("age",))
    assert cells[0].tail is not None
    assert cells[0].tail < 0.05
    before = judged(answers, answers.about, row(answers, {}, start), None, 0, ranked=False).cells
    assert next(cell for cell in before if cell.names == (ODD,)).tail > 0.05  # type: ignore[operator]


def p_values(factor: Any, draw: Any, n: int = 400, draws: int = 19) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(0)
    return np.array([unusual(factor, draw(rng, 1)[0], draw(rng, draws), str)[1] for _ in range(n)])


@pytest.mark.parametrize(
    ("factor", "draw"),
    [
        (CountFactor.fit({"n": np.array([1, 2])}), lambda rng, n: rng.poisson(3.0, n)),
        (CategoryFactor.fit({"n": np.array(list("abc"), dtype=object)}), lambda rng, n: rng.choice(list("abc"), n)),
        (AngleFactor.fit({"n": np.array([-170.0, 170.0])}), lambda rng, n: (180 + rng.normal(0, 20, n)) % 360 - 180),
    ],
)
def test_a_value_like_its_draws_is_seldom_called_unusual(factor: Any, draw: Any) -> None:
    """The share of draws as far out is a p-value: at most a tenth of them are at most a tenth."""

    def claim(found: np.ndarray[Any, Any]) -> None:
        small = int((found <= 0.1).sum())
        assert_probable(float(stats.binom.sf(small - 1, len(found), 0.1)), "a p-value is at most 0.1 once in ten")

    claim(p_values(factor, draw))
    with pytest.raises(AssertionError):
        claim(p_values(factor, draw) / 4)


def test_no_generator_is_touched(answers: Answers) -> None:
    before = torch.random.get_rng_state()
    judged(answers, answers.about, row(answers, {}), None, 0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_row_of_the_model_where_there_are_no_data() -> None:
    answers = Answers(fitted())
    own = row(answers, {"v.age": ["30"]}, start=3)
    base = fitted().sample(1, seed=3).with_columns(pl.lit(30).cast(pl.Int64).alias("age"))
    assert frame_of(answers, own).equals(base)
    assert set(own.texts) == {"place", "age", "since", ODD}
    assert own.texts["place"] in LEVELS
