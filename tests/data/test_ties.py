"""Columns that are others more often than by chance, and those that are not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from unnoise._errors import InputError
from unnoise.data._checked import built
from unnoise.data.base import listed
from unnoise.data.ties import Tie, ties_of

N = 3000


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def found(**columns: np.ndarray) -> list[tuple[str, tuple[str, ...]]]:
    return [(tie.target, tie.bases) for tie in ties_of(columns, {})]


def test_a_column_that_is_another_one_in_some_rows_is_tied_to_it() -> None:
    draw = rng()
    bill = draw.lognormal(8, 1, N).round(2)
    rows = draw.random(N) < 0.05
    paid = np.where(rows, bill, draw.lognormal(8, 1, N).round(2))
    (tie,) = ties_of({"bill": bill, "paid": paid}, {})
    assert (tie.target, tie.bases, tie.apart) == ("paid", ("bill",), ((),))
    assert tie.shares == (pytest.approx((bill == paid).mean(), abs=1e-4),)
    np.testing.assert_array_equal(tie.states({"bill": bill, "paid": paid}), bill == paid)


def test_what_chance_makes_is_no_tie() -> None:
    """Independent columns of few values, levels that are alike, and zeros of both."""
    draw = rng()
    ability = draw.normal(0, 3, N)
    first, last = (np.rint(10 + ability + draw.normal(0, 0.8, N)) for _ in range(2))
    assert (first == last).mean() > 0.3
    assert found(first=first, last=last) == []
    assert found(a=draw.integers(0, 30, N), b=draw.integers(0, 30, N)) == []
    gain, loss = (np.where(draw.random(N) < 0.7, 0, draw.integers(1, 10**6, N)) for _ in range(2))
    assert (gain == loss).mean() > 0.4
    assert found(gain=gain, loss=loss) == []
    assert found(x=draw.normal(size=N), y=draw.normal(size=N)) == []


def test_readings_that_are_repeated_are_ties_beyond_those_that_are_near() -> None:
    draw = rng()
    first = np.rint(draw.normal(130, 20, N)).astype(int)
    near = first + np.rint(draw.normal(0, 5, N)).astype(int)
    assert found(first=first, second=near) == []
    assert found(first=first, second=np.where(draw.random(N) < 0.2, first, near)) == [("second", ("first",))]


def test_common_values_of_both_are_told_apart() -> None:
    draw = rng()
    bill = np.where(draw.random(N) < 0.3, 0, draw.integers(1, 10**6, N))
    paid = np.where(draw.random(N) < 0.2, bill, np.where(draw.random(N) < 0.3, 0, draw.integers(1, 10**6, N)))
    (tie,) = ties_of({"bill": bill, "paid": paid}, {})
    assert tie.apart == ((0,),)
    np.testing.assert_array_equal(tie.states({"bill": bill, "paid": paid}), (bill == paid) & (bill > 0))


def test_chains_and_copies_have_as_many_ties_as_they_need() -> None:
    draw = rng()
    a, b, c = draw.integers(0, 10**6, (3, N))
    b = np.where(draw.random(N) < 0.3, a, b)
    assert found(a=a, b=b, c=np.where(draw.random(N) < 0.3, b, c)) == [("b", ("a",)), ("c", ("b",))]
    assert found(a=a, b=a, c=a) == [("b", ("a",)), ("c", ("a",))]
    both = np.where(draw.random(N) < 0.3, a, np.where(draw.random(N) < 0.3, b, c))
    ((_, _), (target, bases)) = found(a=a, b=b, c=both)
    assert (target, set(bases)) == ("c", {"a", "b"})


def test_holes_are_tied_to_nothing() -> None:
    draw = rng()
    a, b = draw.integers(1, 10**6, (2, N))
    present = {"a": draw.random(N) < 0.5, "b": draw.random(N) < 0.5}
    whole = present["a"] & present["b"]
    b = np.where(whole, b, a)  # whatever stands where nothing is
    assert ties_of({"a": a, "b": b}, present) == ()
    assert [tie.target for tie in ties_of({"a": a, "b": np.where(draw.random(N) < 0.3, a, b)}, present)] == ["b"]


def test_few_rows_and_few_ties_are_not_enough() -> None:
    draw = rng()
    a, b = draw.integers(1, 10**6, (2, N))
    rows = np.zeros(N, dtype=bool)
    rows[:20] = True
    assert found(a=a, b=np.where(rows, a, b)) == []
    rows[:60] = True
    assert found(a=a, b=np.where(rows, a, b)) == [("b", ("a",))]
    assert found(a=a[:9], b=a[:9]) == []
    assert ties_of({}, {}) == ()


def test_a_tie_is_described_and_read_again() -> None:
    tie = Tie("b", ("a", "c"), ((0.0, 5.0), ()), (0.25, 0.1))
    config = json.loads(
        json.dumps(listed({"target": "b", "bases": tie.bases, "apart": tie.apart, "shares": tie.shares}))
    )
    assert built(Tie, config) == tie
    with pytest.raises(InputError, match="expected one or more, each with its share"):
        Tie("b", ("a",), ((),), (0.2, 0.1))
    with pytest.raises(InputError, match="all different"):
        Tie("b", ("b",), ((),), (0.2,))
