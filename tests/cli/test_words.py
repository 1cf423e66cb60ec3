"""What is typed: names, kinds and times, each given once, and the command to type again."""

from __future__ import annotations

import shlex
import sys

import pytest

from unnoise import InputError
from unnoise.cli import words


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), (None, None)])
def test_durations_are_read(text: str | None, seconds: float | None) -> None:
    assert words.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "m10", "10 minutes", "0", "-3s", "nan", "inf", "1e999h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"got the time '.*'; expected a number of seconds, or .* as in 10m"):
        words.duration(text)


def test_the_command_line_can_be_typed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/unnoise", "fit", "my data.csv", "--column", "a=real", "--column", "b=real"])
    typed = "unnoise fit 'my data.csv' --column a=real --column b=real"
    assert words.command_line() == typed
    assert words.command_line("--resume") == f"{typed} --resume"
    monkeypatch.setattr(sys, "argv", ["unnoise", "fit", "--resume"])
    assert words.command_line("--resume") == "unnoise fit --resume"


def test_words_for_a_shell_are_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "it's; rm -rf $HOME"
    assert shlex.split(words.command("unnoise", "sample", name, "-n", 5)) == ["unnoise", "sample", name, "-n", "5"]
    monkeypatch.setattr(sys, "argv", ["unnoise", "fit", name, "--overwrite"])
    typed = words.command_line("--resume", without=("--overwrite",))
    assert shlex.split(typed) == ["unnoise", "fit", name, "--resume"]


@pytest.mark.parametrize(
    ("word", "match"),
    [
        ("", "got ''; expected a name or a value: is a variable unset"),
        ("--report=", "got '--report='; expected a name or a value"),
        ("caf\udce9.csv", r"got 'caf\\udce9.csv', which is no UTF-8 text; rename the file or the column"),
        ("a\0b", r"got 'a\\x00b', which is no UTF-8 text"),
    ],
)
def test_words_that_are_no_text_are_refused(word: str, match: str) -> None:
    words.check(["fit", "café.csv", "--given", "a=", "-o", "数据"])
    with pytest.raises(InputError, match=match):
        words.check(["fit", word])


def test_names_are_read_and_each_is_given_once() -> None:
    assert words.names("sex,age", "--condition") == ["sex", "age"]
    assert words.names(None, "--condition") is None
    assert words.kinds(["lat,lon=latlon", "a=b=real"]) == {"lat,lon": "latlon", "a=b": "real"}
    for wrong in ("sex,", ",", "a,,b"):
        with pytest.raises(InputError, match=r"got --condition '.*'; expected NAME,NAME"):
            words.names(wrong, "--condition")
    for twice in (
        lambda: words.names("sex,age,sex", "--condition"),
        lambda: words.kinds(["age=real", "sex=real", "sex=count"]),
        lambda: words.kinds(["sex,age=proportions", "sex=count"]),
    ):
        with pytest.raises(InputError, match="for 'sex' twice; give it once"):
            twice()


def test_an_option_that_changes_nothing_is_refused() -> None:
    words.refuse((False, "--a is for b"), (False, "--c is for d"))
    with pytest.raises(InputError, match=r"^--c is for d; leave it out$"):
        words.refuse((False, "--a is for b"), (True, "--c is for d"))
