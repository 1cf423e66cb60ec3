"""Rows, flags and the order in which they are asked."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import torch

from tests.toys.knowing import holed, levels
from unnoise.data import Schema
from unnoise.model.masks import negated
from unnoise.model.questions import Flags, Rows, drawn, filled, scored


@pytest.fixture(scope="module")
def schema() -> Schema:
    return Schema.infer(holed(levels()))  # b may be missing; the columns a, b, c are one leaf, flags another


def rows_of(schema: Schema, known: Any, flags: Any) -> Rows:
    x = {"category": torch.zeros(len(known), 3, dtype=torch.int64), "missing": torch.tensor(flags)[:, None]}
    return Rows(x, {"category": torch.tensor(known), "missing": torch.ones(len(known), 1, dtype=torch.bool)}, None)


class Recorded:
    """Answers with ones, and keeps what was asked and what was known."""

    def __init__(self, flag: int = 1) -> None:
        self.flag, self.asked, self.known, self.flags = flag, list[Any](), list[Any](), list[Any]()

    def __call__(self, rows: Rows, asked: Any) -> Any:
        self.asked.append({name: mask.tolist() for name, mask in asked.items()})
        self.flags.append(rows.x["missing"].tolist())
        self.known.append({name: mask.tolist() for name, mask in rows.known.items()})
        return {
            "category": torch.ones_like(rows.x["category"]),
            "missing": torch.full_like(rows.x["missing"], self.flag),
        }


def test_flags_are_drawn_first_and_what_they_say_is_missing_is_never_asked(schema: Schema) -> None:
    nothing = {"category": torch.zeros(1, 3, dtype=torch.bool), "missing": torch.zeros(1, 1, dtype=torch.bool)}
    rows = Rows(
        {"category": torch.zeros(1, 3, dtype=torch.int64), "missing": torch.zeros(1, 1, dtype=torch.int64)},
        nothing,
        None,
    )
    missing = Recorded(flag=1)
    drawn(rows, Flags(schema), missing)
    assert missing.asked == [
        {"category": [[False] * 3], "missing": [[True]]},
        {"category": [[True, False, True]], "missing": [[False]]},
    ]
    present = Recorded(flag=0)
    drawn(rows, Flags(schema), present)
    assert present.asked[1] == {"category": [[True, True, True]], "missing": [[False]]}


def test_a_place_of_which_a_part_is_missing_is_drawn_for_the_other_part() -> None:
    """Its latitude alone may be missing: then there still is a longitude."""
    places = pd.DataFrame({"lat": [1.0, None, 3.0, 4.0], "lon": [5.0, 6.0, 7.0, 8.0]})
    schema = Schema.infer(places, kinds={"lat,lon": "latlon"})
    known = schema.encode(places).known
    (place,) = [name for name in known if name != "missing"]
    nothing = {name: torch.zeros_like(mask[:1]) for name, mask in known.items()}
    rows = Rows({name: leaf[:1] for name, leaf in schema.encode(places).x.items()}, nothing, None)
    asked = []

    def ask(rows: Rows, cells: Any) -> Any:
        asked.append({name: mask.tolist() for name, mask in cells.items()})
        return rows.x | {"missing": torch.ones_like(rows.x["missing"])}

    found = drawn(rows, Flags(schema), ask)
    assert asked[1] == {place: [True], "missing": [[False]]}
    assert found.x["missing"].tolist() == [[1]]  # what it was drawn as


def test_holes_without_flags_are_filled_first_given_all_flags(schema: Schema) -> None:
    ask = Recorded()
    filled(rows_of(schema, [[False, False, True]], [1]), Flags(schema), ask)
    assert ask.asked == [
        {"category": [[True, False, False]], "missing": [[False]]},
        {"category": [[False, True, False]], "missing": [[False]]},
    ]
    assert ask.known[0]["missing"] == [[True]]  # that b is missing says something of a
    assert ask.flags == [[[1]], [[0]]]  # b is filled as if it were there
    assert ask.known[1]["category"] == [[True, False, True]]


def test_flags_are_scored_before_the_values_that_there_are(schema: Schema) -> None:
    flags = Flags(schema)
    rows = rows_of(schema, [[True, True, True], [True, False, True]], [0, 1])
    everything = {"category": torch.ones(2, 3, dtype=torch.bool), "missing": torch.ones(2, 1, dtype=torch.bool)}
    first, second = scored(rows, everything, flags)
    question = first[0].condition(first[1])
    assert question["asked"]["missing"].tolist() == [[True], [True]]
    assert not question["asked"]["category"].any()
    assert not question["given"]["category"].any()  # a value that is there would betray its flag
    question = second[0].condition(second[1])
    assert question["asked"]["category"].tolist() == [[True, True, True], [True, False, True]]
    assert question["given"]["missing"].all()


def test_a_question_that_asks_all_is_no_question() -> None:
    x, nothing = torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.bool)
    assert Rows(x, nothing, None).condition(negated(nothing)) is None
    cond = torch.ones(2, 1)
    assert Rows(x, nothing, cond).condition(negated(nothing)) is cond
