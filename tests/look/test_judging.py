from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from scipy import stats

from tests.look.conftest import LEVELS, ODD, fitted, people, small
from unnoise.data.factors import AngleFactor, CategoryFactor, CountFactor
from unnoise.look import judging
from unnoise.look.answers import Answers
from unnoise.look.asking import Fields
from unnoise.look.judging import frame_of, judged, own_row, unusual
from unnoise.model import DenoisingMarkovModel, defaults
from unnoise.testing import assert_frequencies, assert_probable


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


def test_many_cells_are_looked_at_in_parts_that_grow(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MANY", 1)
    monkeypatch.setattr(judging, "GROWTH", 2)
    looked: list[tuple[str, ...]] = []
    cells_of = judging._cells_of

    def counted(answers: Answers, row: Any, y: Any, groups: Any, draws: int, seed: int) -> Any:
        looked.extend(groups if draws == judging.FEW_DRAWS else ())
        yield from cells_of(answers, row, y, groups, draws, seed)

    monkeypatch.setattr(judging, "_cells_of", counted)
    own, most, sizes = row(answers, {}, whole(answers)), 0, []
    while True:
        found = judged(answers, answers.about, own, None, 0, ranked=False, most=most)
        sizes.append(len(found.cells))
        if not found.next:
            break
        most = found.next
    assert sizes == [0, 1, 2, 4]
    once = judged(Answers(fitted(), people()), answers.about, own, None, 0, ranked=False)
    assert {one.names: one.log_prob for one in found.cells} == {one.names: one.log_prob for one in once.cells}
    assert len(looked) == 2 * 4  # by either look once


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


def test_shares_of_draws_as_far_out_by_hand() -> None:
    """On either side, and with the value itself counted among them, so that none is ever 0."""
    count, level = (
        CountFactor.fit({"n": np.array([1, 2])}),
        CategoryFactor.fit({"n": np.array(["a", "b"], dtype=object)}),
    )
    draws = np.arange(19)
    assert [unusual(count, value, draws, str)[1] for value in (25, -1, 18, 9)] == [0.1, 0.1, 0.2, 1.0]
    letters = np.array(list("aaaaaaaabb") + ["c"] * 2 + ["d"] * 7, dtype=object)
    assert [unusual(level, value, letters, str)[1] for value in "ebda"] == [1 / 20, 5 / 20, 12 / 20, 1.0]


def test_cells_of_one_factor_have_draws_of_their_own() -> None:
    """The second number is the first and 100, nearly; both are wrong together, each given the other."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=200)
    x = np.stack([first, first + 100 + 0.01 * rng.normal(size=200)], axis=1)
    answers = Answers(DenoisingMarkovModel(quick=True, progress=False).fit(x), x)
    cells = judged(answers, answers.about, row(answers, {"v.x1": ["103.5"]}), None, 0, ranked=False).cells
    assert [cell.tail for cell in cells] == [0.02, 0.02]


def test_a_cell_behind_a_mask_is_weighed_exactly_and_drawn_by_few_evaluations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By small steps, as all cells of a wide row are drawn, 40 of them took hundreds of evaluations, and minutes."""
    monkeypatch.setattr(defaults, "ONE_BY_ONE", 0)  # a row of so many cells is drawn by small steps
    answers = Answers(small(), people())
    own, looks = row(answers, {}, whole(answers)), [0]
    for network in answers.model.denoiser_.children():
        network.register_forward_pre_hook(lambda *_: looks.__setitem__(0, looks[0] + 1))
    found = {cell.names[0]: cell for cell in judging._cells_of(answers, own, None, [("place",), ("age",)], 99, 0)}
    for network in answers.model.denoiser_.children():
        network._forward_pre_hooks.clear()
    assert looks[0] <= 12
    frame = frame_of(answers, own)
    shares = small().predict_proba(frame, "place")[0]
    level = sorted(LEVELS).index(frame["place"][0])
    assert found["place"].log_prob == pytest.approx(float(np.log(shares[level])), rel=1e-5)
    drawn = judging._drawn(answers, answers.schema.encode(frame), [("place",)], 20_000, 0)["place"]
    assert_frequencies(torch.tensor([int((drawn == one).sum()) for one in sorted(LEVELS)]), torch.tensor(shares))


def test_what_a_row_does_not_say_is_not_given_to_its_other_cells() -> None:
    """The second number is the first, nearly: given it the first is known, and where it is a hole it is not."""
    x = np.random.default_rng(0).normal(size=(400, 1)) * [1.0, 1.0]
    x[::5, 1] = np.nan
    answers = Answers(DenoisingMarkovModel(quick=True, progress=False).fit(x), x)

    def spread(fields: Fields) -> float:
        cells = judged(answers, answers.about, row(answers, fields, 1), None, 0, ranked=False).cells
        words = next(cell.expected for cell in cells if cell.names == ("x0",))
        low, high = map(float, words.removeprefix("nine of ten from ").split(" to "))
        return high - low

    assert spread({}) < 1 < 2 < spread({"v.x1": [""]})


def test_a_missing_cell_is_as_unusual_as_it_is_seldom_missing(answers: Answers) -> None:
    own = row(answers, {f"v.{ODD}": [""]}, whole(answers))
    cell = next(c for c in judged(answers, answers.about, own, None, 0, ranked=False).cells if c.names == (ODD,))
    assert (cell.words, cell.expected) == ("missing", "")
    assert cell.tail == pytest.approx(np.exp(cell.log_prob))


def test_of_many_cells_the_most_surprising_have_more_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "MANY", 1)
    x = np.random.default_rng(0).normal(size=(200, 2))
    answers = Answers(DenoisingMarkovModel(quick=True, progress=False).fit(x), x)
    cells = judged(answers, answers.about, row(answers, {"v.x0": ["50"], "v.x1": ["50"]}), None, 0, ranked=False).cells
    assert [cell.tail for cell in cells] == [2 / (judging.DRAWS + 1), 2 / (judging.FEW_DRAWS + 1)]


def test_a_row_is_encoded_once_for_its_likelihood_and_once_for_its_cells(
    answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many cells it has, of which each asks for copies of it."""
    encode, asked = type(answers.schema).encode, []

    def counted(self: Any, data: Any, y: Any = None) -> Any:
        asked.append(len(data))
        return encode(self, data, y)

    own = row(answers, {})
    monkeypatch.setattr(type(answers.schema), "encode", counted)
    assert len(judged(answers, answers.about, own, None, 0, ranked=False).cells) == 4
    assert asked == [1, 1]


def test_other_rows_are_scored_with_their_own_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = np.zeros((30, 4, 4), dtype="uint8"), np.arange(30) % 3
    answers, asked = Answers(small("images"), images, labels), []

    def score(rows: Any, y: Any, seed: int) -> np.ndarray[Any, Any]:
        asked.append((len(rows), y.tolist()))
        return np.zeros(len(rows))

    monkeypatch.setattr(answers.model, "score_samples", score)
    assert judging._others(answers).shape == (30,)  # type: ignore[union-attr]
    assert asked == [(25, labels[:25].tolist()), (5, labels[25:].tolist())]


def test_angles_by_hand() -> None:
    """Around the half turn, where numbers jump."""
    factor = AngleFactor.fit({"n": np.array([-170.0, 170.0])})
    draws = np.array([179.0, -179, 178, -178, 177, -177, 176, -176, 180])
    words, tail = unusual(factor, 180.0, draws, str)
    assert tail == 1.0
    assert abs(float(words.removeprefix("around "))) == pytest.approx(180.0)
    assert unusual(factor, -177.5, draws, str)[1] == pytest.approx(5 / 10)
    assert unusual(factor, 0.0, draws, str)[1] == 1 / 10
