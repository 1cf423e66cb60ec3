"""The two pages of help of every verb."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import typer

from unnoise.cli import app, manual

VERBS = sorted(typer.main.get_command(app).commands)
ROWS, COLUMNS = 50, 80  # of a screen
SMALL = 24  # rows of a small one


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """What a verb prints on a screen of 80 columns."""
    from typer.testing import CliRunner

    runner = CliRunner(env={"COLUMNS": str(COLUMNS), "NO_COLOR": "1"})
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    return lambda *words: runner.invoke(app, words, catch_exceptions=False)


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_fits_a_screen(verb, told) -> None:
    done = told(verb, "--help")
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert len(lines) <= ROWS
    assert max(map(len, lines)) <= COLUMNS
    examples = [i for i, line in enumerate(lines, 1) if line.startswith("  unnoise ")]
    assert examples
    assert max(examples) <= SMALL, "a small screen, scrolled up, shows what the verb does and the examples"


@pytest.mark.parametrize("verb", VERBS)
def test_all_of_it_explains_every_option(verb, told) -> None:
    short, long = told(verb, "--help").stdout, told(verb, manual.ALL).stdout
    options = [one for one in typer.main.get_command(app).commands[verb].params if one.param_type_name == "option"]
    for option in options:
        name = option.opts[-1]
        assert re.search(rf"{name}\b", short), name  # explained or named
        explained = re.search(rf"^  (-\w, )?{name}\b[^\n]*\n?[^\n]*\w", long, re.MULTILINE)
        assert explained, name
    assert len(long) >= len(short) - 200


@pytest.mark.parametrize("columns", [1, 10, 40])
def test_a_narrow_screen_gets_a_page(columns, told, monkeypatch) -> None:
    """Below 26 columns the page was a traceback."""
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = told("sample", "--help").stdout
    assert "as many as --given-file" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80


def test_what_is_missing_is_told_below_the_usage_of_the_page(told) -> None:
    usage = "Usage: unnoise score MODEL DATA -o FILE [OPTIONS]"
    assert told("score", "model").stderr.startswith(f"{usage}\n")
    assert told("score", "--help").stdout.startswith(f"{usage}\n")


def test_an_example_is_shown_to_each_kind_of_user(told) -> None:
    shown = told("fit", "--help").stdout
    assert "unnoise fit quakes.csv -o model --column lat,lon=latlon  # places" in shown
    assert "SIGTERM" not in shown
    assert "SIGTERM" in told("fit", manual.ALL).stdout


def test_a_page_says_choices_defaults_and_what_is_needed(told) -> None:
    shown = told("score", "--help").stdout
    assert shown.startswith("Usage: unnoise score MODEL DATA -o FILE [OPTIONS]") or "score MODEL DATA -o FILE" in shown
    assert "--likelihood exact|bound" in shown
    assert re.search(r"--seed N\s+The same seed gives the same result. \[default: 0\]", shown)
    assert "--overwrite  " in shown  # a flag, which takes no value
