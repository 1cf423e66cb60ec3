"""What --json prints is what docs/schemas says; the fixture `run` checks that of every command of the tests."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer
from json_schema import FOLDER, KEYWORDS, faults, of

from unnoise.cli import app

PAGE = FOLDER.parent / "command-line.md"
VERBS = sorted(
    name
    for name, verb in typer.main.get_command(app).commands.items()
    if any(one.name == "json" for one in verb.params)
)


def table(verb: str) -> str:
    """What the page says of a verb: one row for every key."""
    schema = of(verb)
    rows = ["| key | type | meaning |", "|---|---|---|"]
    for name, part in schema["properties"].items():
        kinds = [part["type"]] if isinstance(part["type"], str) else part["type"]
        absent = "" if name in schema["required"] else ", may be absent"
        rows.append(f"| `{name}` | {' or '.join(kinds)}{absent} | {part['description']} |")
    if schema["additionalProperties"]:
        rows.append(
            f"| ... | {' or '.join(schema['additionalProperties']['type'])} | "
            f"{schema['additionalProperties']['description']} |"
        )
    return "\n".join(rows)


def test_every_verb_has_a_schema_and_no_other_is_there() -> None:
    assert sorted(path.name.removesuffix(".schema.json") for path in FOLDER.iterdir()) == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_a_schema_uses_what_is_checked_and_the_page_says_the_same(verb: str) -> None:
    schema = of(verb)
    assert schema.keys() <= KEYWORDS
    assert set(schema["required"]) <= schema["properties"].keys()
    assert table(verb) in PAGE.read_text(encoding="utf-8"), table(verb)
    assert f"(schemas/{verb}.schema.json)" in PAGE.read_text(encoding="utf-8")


def test_what_verbs_print_is_foreseen(run, data: Path, model: Path, tmp_path: Path, monkeypatch) -> None:
    """Of the quick ones; the tests of the others run theirs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "holes.csv").write_text("a,b\n1,\n,2\n3,4\n")
    (tmp_path / "my_space.py").write_text("from unnoise.spaces import Sphere\n\ndef ball():\n    return Sphere(2)\n")
    for words in (
        ("sample", model, "-n", 3, "-o", "new.csv"),
        ("score", model, data / "rows.csv", "-o", "scores.csv", "--likelihood", "bound"),
        ("impute", model, "holes.csv", "-o", "filled.csv", "--point", "mean"),
        ("check", "my_space:ball", "--draws", 1000),
        ("doctor", "--no-compile"),
    ):
        done = run(*words, "--json")
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout).keys() >= set(of(words[0])["required"])


def wrong(**changes: object) -> dict[str, object]:
    return {"output": "new.csv", "rows": 3, "seed": 0, **changes}


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (wrong(), None),
        (wrong(rows="3"), r"\$\.rows is '3', and should be integer"),
        (wrong(rows=True), r"\$\.rows is True"),
        (wrong(rows=0), r"\$\.rows is 0, below 1"),
        (wrong(more=1), r"\$\.more is not foreseen"),
        ({"output": "new.csv", "rows": 3}, r"\$ has no seed"),
        ([], r"\$ is \[\], and should be object"),
    ],
)
def test_what_is_not_foreseen_is_seen(value: object, fault: str | None) -> None:
    found = list(faults(value, of("sample")))
    assert found == [] if fault is None else any(re.match(fault, one) for one in found)


def test_a_keyword_that_nothing_checks_is_seen() -> None:
    assert list(faults(1, {"type": "integer", "multipleOf": 2}))
