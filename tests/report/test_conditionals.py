"""The pair of columns that a report shows one given the other, and what the model is asked."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from small_models import EVIL, tiny

from unnoise import DenoisingMarkovModel, _tree, evaluate, samplers
from unnoise.evaluation import Bound
from unnoise.model.questions import Rows
from unnoise.report import Assessment, conditionals
from unnoise.report.conditionals import DRAWS, GROUPS, conditional, dependence
from unnoise.testing import assert_mean

FEW = Bound(draws=2)
QUICK = partial(samplers.Euler, steps=8)


def test_dependence_is_the_mutual_information_less_its_bias() -> None:
    """A fair bit and its copy, of which one in ten is wrong: log 2 - H(0.1) nats."""
    one, other = np.repeat([0, 0, 1, 1], [450, 50, 50, 450]), np.repeat([0, 1, 0, 1], [450, 50, 50, 450])
    wanted = math.log(2) + 0.1 * math.log(0.1) + 0.9 * math.log(0.9)
    nats, share = dependence(one, other)
    assert nats == pytest.approx(wanted - 1 / 2000)
    assert share == pytest.approx(nats / math.log(2))
    assert dependence(one, one)[0] == pytest.approx(math.log(2) - 1 / 2000)
    assert dependence(one, np.zeros_like(one)) == (pytest.approx(0), 0)


def test_independent_columns_have_none_on_average() -> None:
    rng = np.random.default_rng(0)
    found = [dependence(rng.integers(0, 4, 200), rng.integers(0, 8, 200))[0] for _ in range(200)]
    assert_mean(torch.tensor(found), 0.0, tolerance=0.003)  # the correction is of first order


def test_the_pair_that_depends_most_is_shown_but_no_copy() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 300), rng.integers(0, 4, 300)
    codes = {"a": a, "noise": rng.integers(0, 4, 300), "near a": np.where(rng.random(300) < 0.6, a, b), "copy": a}
    there = {name: np.ones(300, dtype=bool) for name in codes}
    assert conditionals._strongest(codes, there) in (("a", "near a"), ("near a", "copy"))
    assert conditionals._strongest({"a": a, "copy": a}, there) == ("a", "copy")
    assert conditionals._strongest({"a": a}, there) is None
    nowhere = {**there, "near a": np.zeros(300, dtype=bool), "copy": np.zeros(300, dtype=bool)}
    assert conditionals._strongest(codes, nowhere) == ("a", "noise"), "rows in which both are known"


def test_codes_are_quarters_of_numbers_and_frequent_levels() -> None:
    everywhere = np.ones(400, dtype=bool)
    assert np.bincount(conditionals._codes(np.arange(400.0)[::-1], everywhere)).tolist() == [100] * 4
    assert conditionals._codes(np.array(["c", "a", "a"], dtype=object), everywhere[:3]).tolist() == [1, 0, 0]
    many = np.array([f"{i:02}" for i in range(30)] + ["29"], dtype=object)
    codes = conditionals._codes(many, np.ones(31, dtype=bool))
    assert (codes[-1], codes.max()) == (0, conditionals.MOST_LEVELS)


class Oracle:
    """Stands for a model that knows that the second column is the first: draws what it is asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[Rows, Any]] = []

    def ask(self, rows: Rows, asked: Any) -> Any:
        self.seen.append((rows, asked))
        return _tree.map(lambda leaf: leaf[:, [0, 0, 2]] if leaf.shape[1] == 3 else leaf, rows.x)


def test_each_draw_is_given_the_value_of_a_row_of_its_group(
    of_table: Assessment, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle = Oracle()
    monkeypatch.setattr(DenoisingMarkovModel, "asker", lambda *_, **__: oracle.ask)
    found = conditional(of_table)
    assert (found.given, found.of) == (EVIL, "b")
    ((rows, asked),) = oracle.seen
    assert len(rows) == GROUPS * DRAWS
    assert asked.tolist() == [[False, True, True]] * len(rows), "all but the given column is asked"
    values = of_table.model.schema_.values(of_table.test.x)
    order = np.argsort(values[EVIL])
    scale = of_table.model.schema_.factors["numbers"].coordinates
    quarters = np.split(order, GROUPS)
    assert len(found.groups) == GROUPS
    for quarter, (words, (real, draws)) in zip(quarters, found.groups.items(), strict=True):
        np.testing.assert_array_equal(np.sort(real), np.sort(values["b"][quarter]))
        given = values[EVIL][quarter]
        wanted = (given - scale[0].mean) / scale[0].scale * scale[1].scale + scale[1].mean
        assert len(draws) == DRAWS
        assert {round(x, 2) for x in draws} == {round(x, 2) for x in wanted}, "every row of the group is given"
        assert f"{given.min():.4g} to {given.max():.4g}" in words


def levels(n: int, seed: int) -> pd.DataFrame:
    """A level that is the sign of a number in most rows, both with holes."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=n)
    level = np.where((a > 0) ^ (rng.random(n) < 0.05), "up", "down").astype(object)
    level[rng.random(n) < 0.1] = None
    return pd.DataFrame({"a": np.where(rng.random(n) < 0.2, np.nan, a), "b": rng.normal(size=n), "level": level})


def test_a_level_is_given_and_holes_are_left_out() -> None:
    model = tiny(steps=3, likelihood=FEW, sampler=QUICK, kinds={"a": "real"})
    found = evaluate(model.fit(levels(60, 0)), levels(80, 1))
    shown = conditional(found)
    assert (shown.given, shown.of) == ("level", "a")
    data = levels(80, 1)
    for words, (real, draws) in shown.groups.items():
        level = words.removeprefix("level = ")
        wanted = data.a[(data.level == level) & data.a.notna()]
        np.testing.assert_allclose(np.sort(real), np.sort(wanted), rtol=1e-5)
        assert 0 < len(draws) < DRAWS, "draws without a value are left out"
        assert np.isfinite(draws).all()
    assert sorted(shown.groups) == ["level = down", "level = up"]


def test_the_model_is_given_its_conditions_too() -> None:
    data = levels(60, 0).assign(group=["p", "q"] * 30)
    found = evaluate(tiny(steps=2, condition="group", likelihood=FEW, sampler=QUICK).fit(data), data)
    assert set(conditional(found).groups) == {"level = down", "level = up"}


def test_without_a_pair_or_answers_there_is_nothing_to_show() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 2))
    assert conditional(evaluate(tiny(steps=2, likelihood=FEW).fit(rows[:, :1]), rows[:, :1])) is None
    joint = tiny(steps=2, roles="joint", likelihood=FEW).fit(rows)
    assert conditional(evaluate(joint, rows)) is None


def test_of_a_column_that_another_one_tells_all_is_known() -> None:
    """Its share is of the smaller entropy, as two levels know all of themselves and half of four."""
    four = np.tile(np.arange(4), 5000)
    nats, share = dependence(four, four // 2)
    assert nats == pytest.approx(np.log(2), abs=1e-3)
    assert share == pytest.approx(1.0, abs=1e-3)
