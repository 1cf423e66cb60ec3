"""Folders that older versions wrote still load: every name that they can hold leads to something of today."""

from __future__ import annotations

from pathlib import Path

import pytest

from unnoise import _renamed
from unnoise._config import _resolve, decode
from unnoise._errors import InputError
from unnoise._renamed import GONE, LAYOUTS, MOVED, Call, translated
from unnoise.heads import JointHead, V
from unnoise.objectives import VDM, times
from unnoise.processes import CTMC, edm, product, rates
from unnoise.spaces import Euclidean, Finite

NAMES = (Path(__file__).parent / "names_of_0_1_0.txt").read_text().split()  # what its models could be made of


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_old_leads_to_something(name: str) -> None:
    if name in MOVED or name not in {*LAYOUTS, *GONE}:
        assert callable(_resolve(MOVED.get(name, name), ()))


def test_the_table_holds_names_of_old_and_leads_to_names_of_today() -> None:
    assert set(NAMES) >= {*MOVED, *LAYOUTS, *GONE}
    assert not GONE.keys() & {*MOVED, *LAYOUTS}
    assert not MOVED.keys() & set(MOVED.values()), "a name is looked up once"
    assert {callable(_resolve(new, ())) for new in MOVED.values()} == {True}


def test_a_name_is_translated_wherever_it_stands() -> None:
    old, new = "unnoise.objectives.times:Uniform", "unnoise.objectives.times:UniformTimes"
    alone, made = {"name": old}, {"object": old, "fields": {}}
    config = {"dict": {"a": [alone, {"tuple": [made]}], "b": {"partial": alone, "arguments": [made], "keywords": {}}}}
    assert str(translated(config)) == str(config).replace(old, new)
    assert decode(translated(made)) == times.UniformTimes()
    with pytest.raises(InputError, match="which does not exist here: load it with the version that saved it"):
        decode(made)


def test_what_is_of_today_or_of_users_stays_as_it_is() -> None:
    config = {"dict": {"name": "Natural", "x": {"object": "theirs:Natural", "fields": {"name": 1}}, "y": [None, 0.5]}}
    assert translated(config) == config


def test_a_field_that_is_gone_may_only_have_had_its_default() -> None:
    old = {"object": "unnoise.objectives.vdm:VDM", "fields": {"pace": 1.0}}
    assert decode(translated(old)) == VDM()
    old["fields"]["pace"] = 3.0
    with pytest.raises(InputError, match=r"has pace = 3\.0, which this version does not have: train it anew, or load"):
        translated(old)


def test_what_a_function_returns_stands_for_what_was_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    name, function = "unnoise.objectives.times:Natural", "unnoise.objectives.steps:ddpm"
    monkeypatch.delitem(MOVED, name)
    monkeypatch.setitem(LAYOUTS, name, lambda fields: Call(function, fields))
    made = decode(translated({"object": name, "fields": {"steps": 7}}))
    assert made.times == times.WholeSteps(7)
    with pytest.raises(InputError, match="is not one that unnoise writes"):
        decode({"call": function, "keywords": {"steps": 7}})


@pytest.mark.parametrize("node", [{"name": "unnoise.old:Thing"}, {"object": "unnoise.old:Thing", "fields": {}}])
def test_what_has_no_heir_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch, node: dict) -> None:
    monkeypatch.setitem(_renamed.GONE, "unnoise.old:Thing", "train it anew with New")
    with pytest.raises(InputError, match="which this version does not have: train it anew with New, or load the model"):
        translated({"dict": {"a": node}})


def test_heads_of_old_are_called_with_a_process() -> None:
    fields = {"parts": {"dict": {"a": {"object": "unnoise.processes.gaussian_heads:V", "fields": {"sigma_data": 0.5}}}}}
    head = decode(translated({"object": "unnoise.processes.product:Joint", "fields": fields}))
    process = product({"a": edm(Euclidean(2)), "b": CTMC(Finite(2, 3), rates.Absorbing(3))})
    assert head(process) == JointHead({"a": V(process.parts["a"], 0.5), "b": process.parts["b"].head})
