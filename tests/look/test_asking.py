from __future__ import annotations

from typing import Any

import pytest

from tests.look.conftest import LEVELS, ODD, fitted, small
from unnoise.cli.given import told
from unnoise.look.asking import Fields, Inquiry, inquiry
from unnoise.look.subjects import subjects


def asked(fields: Fields, kind: str = "") -> Inquiry:
    schema = (small(kind) if kind else fitted()).schema_
    return inquiry(schema, subjects(schema), fields)


@pytest.mark.parametrize(
    ("fields", "given"),
    [
        ({"is.place": ["港"]}, {"place": "港"}),
        ({"is.place": LEVELS[:2]}, {"place": set(LEVELS[:2])}),
        ({"is.age": ["40"]}, {"age": 40}),
        ({"is.age": ["40 | 41"]}, {"age": {40, 41}}),
        ({"from.age": ["30"], "to.age": ["40"]}, {"age": (30, 40)}),
        ({"is.age": ["30 .. 40"]}, {"age": (30, 40)}),
        ({"is.age": ["30.."]}, {"age": (30, None)}),
        ({"is.since": ["1971-03-04..1971-05-01"]}, {"since": ("1971-03-04", "1971-05-01")}),
        ({"from.age": [" 30"], "to.age": [""]}, {"age": (30, None)}),
        ({f"to.{ODD}": ["1e2"]}, {ODD: (None, 100.0)}),
        ({f"missing.{ODD}": ["1"]}, {ODD: None}),
        ({"is.since": ["1971-03-04"]}, {"since": "1971-03-04"}),
        ({"from.since": ["1971-03-04"]}, {"since": ("1971-03-04", None)}),
        ({"is.age": [""], "from.age": [""], "see": ["age"], "is.nothing": ["1"]}, {}),
    ],
)
def test_fields_become_what_sample_takes(fields: Fields, given: dict[str, Any]) -> None:
    found = asked(fields)
    assert found.ready, found.faults
    assert found.given == given


@pytest.mark.parametrize(
    "fields",
    [
        {"is.place": LEVELS[:2], "from.age": ["30"], "to.age": ["40"]},
        {f"missing.{ODD}": ["1"], "is.age": ["25|30"]},
        {"to.since": ["1971-03-04"], f"from.{ODD}": ["60.5"]},
    ],
)
def test_the_words_mean_the_same_on_the_command_line(fields: Fields) -> None:
    found, model = asked(fields), fitted()
    typed = told(list(found.words), model.schema_)
    one, other = (model.sample(40, given=dict(given), seed=3) for given in (found.given, typed))
    assert one.equals(other)


@pytest.mark.parametrize(
    ("fields", "name", "words"),
    [
        ({"from.age": ["9"], "to.age": ["3"]}, "age", "low at most high"),
        ({"is.age": [".."]}, "age", "expected"),
        ({"is.age": ["30..x"]}, "age", "got 'x' for the column 'age'; expected a number"),
        ({"is.age": ["forty"]}, "age", "got 'forty' for the column 'age'; expected a number"),
        ({"is.age": ["1e400"]}, "age", "expected a number"),
        ({"is.age": ["1||2"]}, "age", "a bar between two"),
        ({"is.place": ["nowhere"]}, "place", "has no level 'nowhere'"),
        ({"from.place": ["a"]}, "place", "holds no numbers"),
        ({"is.age": ["3"], "to.age": ["3"]}, "age", "exclude each other"),
        ({"missing.age": ["1"]}, "age", "cannot be given as missing"),
        ({"is.since": ["1971-13-04"]}, "since", "1971-13-04"),
        ({"is.age": ["9" * 5000]}, "age", "."),
    ],
)
def test_what_cannot_be_meant_is_said_beside_its_column(fields: Fields, name: str, words: str) -> None:
    found = asked({f"to.{ODD}": ["90"]} | dict(fields))
    assert not found.ready
    assert words in found.faults[name]
    assert set(found.faults) == {name}


def test_a_half_of_one_thing_is_refused() -> None:
    assert "together" in asked({"is.lat": ["10"]}, "places").faults["lat"]
    assert "nothing is left" not in str(asked({"is.lat": ["10"], "is.lon": ["20"]}, "places").faults)


def test_a_value_far_outside_the_data_is_warned_of() -> None:
    assert "far from what was seen" in asked({"is.age": ["900"]}).notes["age"]


def test_conditions_are_levels_again() -> None:
    assert asked({"is.digit": ["2"]}, "images").given == {"digit": 2}
    assert "one 'digit' at a time" in asked({"is.digit": ["1", "2"]}, "images").faults["digit"]


def test_letters_have_no_syntax() -> None:
    assert asked({"is.dna": ["ACGTA"]}, "letters").given == {"dna": "ACGTA"}
    assert "letters" in asked({"is.dna": ["AC|GT"]}, "letters").faults["dna"]
