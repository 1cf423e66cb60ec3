"""What to do next, from what was measured."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from unnoise import DenoisingMarkovModel
from unnoise.data import Schema
from unnoise.data.tabular import JudgedColumns
from unnoise.evaluation import MarginDistance
from unnoise.objectives import Denoising
from unnoise.report.advice import Advice, Names, _turns, advice
from unnoise.report.answer import Answer
from unnoise.report.measured import Assessment

KEYS = ("likelihood", "classifiers", "calibration", "copies", "margins", "pairs")
NAMES = Names("my model", "test.csv", "train.csv", "better")


def measured(
    *wrong: str, open_ones: tuple[str, ...] = (), ended: str = "all 100 steps done", **more: Any
) -> Assessment:
    """An assessment of 400 rows with some red answers, of a model whose validation was best at its last look."""
    params = {"steps": 100, "objective": Denoising(), **more.pop("params", {})}
    model = DenoisingMarkovModel(**params)
    rows = more.pop("rows", 400)
    frame = pd.DataFrame(
        {"angle": np.linspace(-179, 179, rows), "stars": np.arange(rows) % 5, "job": ["a", "b"] * (rows // 2)}
    )
    model.schema_ = more.pop("schema", None) or Schema.infer(frame)
    model.ended_, model.losses_ = ended, np.linspace(9.0, 1.0, 100)
    model.validation_losses_ = np.array(more.pop("looks", [[50, 3.0], [100, 2.0]]), dtype=float).reshape(-1, 2)
    columns = JudgedColumns.of(model.schema_)
    table = np.stack([frame["angle"], frame["stars"], frame["job"] == "b"], axis=1).astype(float)
    found = Assessment(model, range(rows), None, more.pop("train", object()), None, 0)
    found.columns, found.tables = columns, (table, table)
    answers = {key: None if key in open_ones else key not in wrong for key in KEYS}
    found.answers = [Answer(key, "?", "0", "So.", good) for key, good in answers.items()]
    for name, value in more.items():
        setattr(found, name, value)
    return found


def one(found: Assessment, key: str) -> Advice:
    """The advice of a key."""
    return next(advice for advice in advice_of(found) if advice.key == key)


def advice_of(found: Assessment) -> list[Advice]:
    return advice(found, NAMES)


def keys(found: Assessment) -> list[str]:
    return [one.key for one in advice_of(found)]


def test_a_good_model_is_used_first() -> None:
    found = measured(looks=[[50, 1.0], [100, 2.0]])
    assert keys(found) == ["use"]
    assert advice_of(found)[0].command == "unnoise sample 'my model' -n 1000 -o new.csv"
    assert keys(measured(open_ones=("calibration",), looks=[[50, 1.0], [100, 2.0]])) == ["use"]


def test_a_loss_that_still_falls_asks_for_time_where_time_ran_out_and_else_for_steps() -> None:
    out_of_time = measured("pairs", ended="ended at step 100 of 900", params={"time_limit": 125.0})
    command = one(out_of_time, "longer").command
    assert command == "unnoise fit train.csv -o 'my model' --resume --time 6m"
    assert "still fell" in one(out_of_time, "longer").why
    assert one(measured("pairs"), "longer").command.endswith("--resume --steps 300")
    both = one(measured("pairs", params={"time_limit": 60.0}), "longer").command
    assert both.endswith("--resume --steps 300 --time 3m"), "the time of the training would end the next one too"
    assert "longer" not in keys(measured("copies")), "copies need no more training"
    flat = measured("pairs", ended="stopped at step 100 of 900", looks=[[60, 1.0], [100, 2.0]])
    assert "longer" not in keys(flat)
    assert one(flat, "enough").command == ""


def test_copies_and_rows_learnt_by_heart_ask_for_more_rows() -> None:
    assert one(measured("copies"), "rows").command.endswith("--validation 0.2")
    early = measured(
        "likelihood", ended="stopped at step 90 of 900", looks=[[10, 1.0], [90, 4.0]], params={"steps": 900}
    )
    assert "by heart" in one(early, "rows").why


def test_a_mixture_that_is_beaten_wants_a_network_and_a_network_that_a_mixture_beats_is_told() -> None:
    quick = measured("pairs", params={"quick": True}, looks=[])
    assert one(quick, "network").command == "unnoise fit train.csv -o better"
    assert one(measured("likelihood", rivals={"mixture": None}), "quick").command.endswith("--quick")
    assert "quick" not in keys(measured("likelihood"))


@pytest.mark.parametrize(
    ("name", "kinds", "value", "kind", "why"),
    [
        ("angle", {}, None, "degrees", "may be angles"),
        ("stars", {}, 0.0, "ordered", "5 whole numbers"),
        ("stars", {"stars": "real"}, 0.0, "number", "keeps the shares of single ones"),
        ("job", {}, 0.0, "", ""),
    ],
)
def test_a_column_that_is_off_may_be_of_another_kind(
    name: str, kinds: dict[str, str], value: float | None, kind: str, why: str
) -> None:
    off = MarginDistance(name, name == "job", 0.3, 0.02, 0.005, value, 0.2, 0.5)
    frame = pd.DataFrame({"angle": np.linspace(-179, 179, 60), "stars": np.arange(60) % 5, "job": ["a", "b"] * 30})
    standing: Any = SimpleNamespace(margins=(off,))
    schema = Schema.infer(frame, kinds=kinds or None)
    found = measured("margins", standing=standing, schema=schema, params={"kinds": {"job": "category"} | kinds})
    told = [entry for entry in advice_of(found) if entry.key == "kind"]
    assert [entry.what for entry in told] == ([f"Say that {name} is {kind}."] if kind else [])
    for entry in told:
        assert why in entry.why
        assert f"--column {name}={kind}" in entry.command
        assert "--column job=category" in entry.command, "what was said is said again"
        assert entry.command.count(name) == 1


def test_what_holds_between_columns_can_be_kept() -> None:
    sentence = "a b <= c in all 400 rows: keep it with --constraint 'a b <= c'"
    told = one(measured("pairs", offers=[sentence]), "rule")
    assert told.why == "a b <= c in all 400 rows."
    assert told.command == "unnoise fit train.csv -o better --constraint 'a b <= c'"


def test_what_numbers_look_like_can_be_said() -> None:
    sentence = "columns 'lat', 'lon' look like places on the globe: model them so with --column lat,lon=latlon"
    told = one(measured("pairs", offers=[sentence]), "kind")
    assert told.what == "Say what columns are."
    assert told.why == "columns 'lat', 'lon' look like places on the globe."
    assert "--column lat,lon=latlon" in told.command


def test_what_is_not_measured_can_be() -> None:
    alone = measured(open_ones=("likelihood", "copies"), train=None)
    assert one(alone, "train").command == "unnoise evaluate 'my model' test.csv --train train.csv --report report.html"
    assert "60 held-out rows" in one(measured(rows=60), "test").why
    assert advice_of(measured(repeated=1.0))[0].key == "held out" or keys(measured(repeated=1.0))[0] == "use"
    assert "held out" in keys(measured(repeated=1.0))


def test_no_rows_held_out_while_training() -> None:
    assert one(measured("pairs", looks=[]), "validate").command.endswith("--validation 0.1")


def test_another_command_may_fit() -> None:
    found = measured("pairs", ended="ended at step 100 of 900", params={"time_limit": 60.0})
    told = next(one for one in advice(found, Names(fit="unnoise demo -o x")) if one.key == "longer")
    assert told.command == "unnoise demo -o x --time 3m"


def test_what_was_said_of_the_model_is_said_again() -> None:
    """Its conditions, in the table and beside it, and what must hold in every row."""
    frame = pd.DataFrame({"angle": np.linspace(-179, 179, 60), "stars": np.arange(60) % 5, "job": ["a", "b"] * 30})
    rule = {"constraints": "angle <= 180"}
    inside = measured("copies", schema=Schema.infer(frame, condition="job"), params=rule)
    options = "--condition job --constraint 'angle <= 180' --validation 0.2"
    assert one(inside, "rows").command == f"unnoise fit train.csv -o better {options}"
    beside = Schema.infer(frame[["angle", "stars"]], {"photo": np.arange(60) % 2})
    found = measured("copies", schema=beside, params={"constraints": ["a < b", "b < c"]})
    options = "--labels LABELS --constraint 'a < b' --constraint 'b < c' --validation 0.2"
    assert one(found, "rows").command == f"unnoise fit train.csv -o better {options}"


@pytest.mark.parametrize(
    ("low", "high", "turns"),
    [(-180.0, 179.5, True), (0.0, 359.9, True), (-175.0, 20.0, False), (-20.0, 175.0, False), (0.0, 200.0, False)],
)
def test_numbers_that_fill_a_whole_turn_may_be_angles(low: float, high: float, turns: bool) -> None:
    assert _turns(low, high) == turns


def test_a_command_says_how_its_files_are_read() -> None:
    names = Names("m", "test.xlsx", "train.xlsx", "better", data_options=("--sheet", "May", "--query", "q"))
    names = replace(names, train_options=("--sheet", "May"))
    found = measured("likelihood", open_ones=("copies",), looks=np.empty((0, 2)), train=None)
    told = {one.key: one.command for one in advice(found, names)}
    assert told["validate"] == "unnoise fit train.xlsx --sheet May -o better --validation 0.1"
    assert "m test.xlsx --train train.xlsx --sheet May --query q --report" in told["train"]
    longer = next(one for one in advice(measured("pairs"), names) if one.key == "longer")
    assert longer.command.startswith("unnoise fit train.xlsx --sheet May -o m --resume")
