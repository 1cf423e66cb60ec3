"""Columns of pandas.cut: intervals come back as they were, in samples, in holes and from saved models."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from unnoise._errors import InputError
from unnoise.data import Schema, _intervals

INTERVALS = {
    "whole": (pd.cut([3, 40, 18, 33], [0, 18, 30, 50]), pd.Interval(0, 18), ["(0, 18]", "(18, 30]", "(30, 50]"]),
    "real": (pd.cut([0.1, 0.5, 0.2, 0.7], [0.1, 0.4, 1], right=False), pd.Interval(0.1, 0.4, "left"), None),
    "holes": (pd.cut([3, 40, 99, 33], [0, 18, 50]), pd.Interval(0, 18), ["(0, 18]", "(18, 50]"]),
    "days": (pd.cut(pd.to_datetime(["2020-01-02", "2020-05-02", "2020-01-03", "2020-03-01"]), 2), None, None),
}


@pytest.mark.parametrize("kind", INTERVALS)
def test_levels_of_intervals_come_back(kind: str) -> None:
    cut, one, words = INTERVALS[kind]
    frame = pd.DataFrame({"v": cut, "n": [1.0, 2.0, 4.0, 3.0]})
    schema = Schema.infer(frame)
    back = Schema.from_config(json.loads(json.dumps(schema.to_config())))
    pd.testing.assert_frame_equal(back.decode(back.encode(frame).x), frame)
    assert words is None or back.container.layout[0].categories == tuple(words)
    if one is not None:
        level = back.container.layout[0].categories[0]
        assert back.given({"v": one}, 2).columns["v"][0].tolist() == [level] * 2
        assert back.container.told({"v": {one}}) == {"v": {level}}


def test_holes_in_levels_of_intervals_are_filled_in_their_type() -> None:
    frame = pd.DataFrame({"v": pd.cut([3, 40, 99, 33], [0, 18, 50]), "n": [1.0, 2.0, 4.0, 3.0]})
    schema = Schema.infer(frame)
    filled = schema.filled(frame, schema.encode(frame.assign(v=frame["v"].fillna(frame["v"][1]))).x)
    assert filled["v"].dtype == frame["v"].dtype
    assert filled["v"].tolist() == [pd.Interval(0, 18), *[pd.Interval(18, 50)] * 3]


@pytest.mark.parametrize(
    "change", [{"intervals": "interval[object, right]"}, {"categories": ["0 to 18", "18 to 50"]}, {"type": "object"}]
)
def test_damaged_intervals_are_refused(change: dict[str, Any]) -> None:
    config = Schema.infer(pd.DataFrame({"v": pd.cut([3, 40, 30], [0, 18, 50]), "n": [1.0, 2.0, 4.0]})).to_config()
    config["container"]["layout"][0] |= change
    with pytest.raises(InputError, match="schema"):
        Schema.from_config(json.loads(json.dumps(config)))


def test_levels_that_a_column_lacks_are_said() -> None:
    texts = pd.Series(["(0, 18]", "(18, 50]"]).to_numpy(dtype=object)
    with pytest.raises(InputError, match=r"lacks \(18, 50\]; give it the levels of the training"):
        _intervals.in_levels(texts, pd.CategoricalDtype(pd.IntervalIndex.from_breaks([0, 18])))
