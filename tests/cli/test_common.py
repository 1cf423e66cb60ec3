"""What all verbs share: exit codes, one sentence for what went wrong, help with an example."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from unnoise import InputError, NonFiniteError
from unnoise.cli import common


def outcome(verb: Callable[[], None]) -> Result:
    """How a command line whose only verb this is ends."""
    app = typer.Typer()
    app.command()(common.reports_errors(verb))
    return CliRunner().invoke(app, [], catch_exceptions=False)


def raising(error: BaseException) -> Callable[[], None]:
    def verb() -> None:
        raise error

    return verb


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (InputError("got 3; expected 4"), 2, "got 3; expected 4"),
        (InputError("names differ:\n- a\n- b\n"), 2, "names differ: - a - b"),
        (NonFiniteError("the loss is nan"), 1, "the loss is nan"),
        (OSError(28, "No space left on the disk"), 1, "[Errno 28] No space left on the disk"),
        (MemoryError(), 1, "MemoryError"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_an_error_becomes_one_line_and_an_exit_code(error: BaseException, code: int, sentence: str) -> None:
    result = outcome(raising(error))
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"unnoise: {sentence}\n")


def test_a_mistake_in_the_program_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError if False else KeyError, match="gone"):
        outcome(raising(KeyError("gone")))


@pytest.mark.filterwarnings("default:beware")
def test_a_warning_becomes_one_line() -> None:
    before = warnings.showwarning
    result = outcome(lambda: warnings.warn("beware of\nthe dog", UserWarning, stacklevel=1))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "unnoise: warning: beware of the dog\n"
    assert warnings.showwarning is before


@pytest.mark.parametrize(("rank", "speaks"), [("0", True), ("1", False), (None, True)])
def test_of_several_processes_the_first_speaks(
    rank: str | None, speaks: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", rank) if rank else monkeypatch.delenv("RANK", raising=False)
    common.say("working")
    common.result(False, {}, "done")
    assert capsys.readouterr() == (("done\n", "working\n") if speaks else ("", ""))


def test_a_result_is_strict_json(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    common.result(True, {"mean": np.float32(0.5), "ratio": math.inf, "pairs": {"a": (1, math.nan)}}, "words")
    out = capsys.readouterr().out
    assert json.loads(out) == {"mean": 0.5, "ratio": None, "pairs": {"a": [1, None]}}
    assert "Infinity" not in out


def test_pairs_are_read() -> None:
    assert common.pairs(["a=1", "b,c=x=y"], "--given") == {"a": "1", "b": "x=y", "c": "x=y"}
    assert common.pairs(None, "--given") == {}
    for wrong in ("a", "a=", "=1", ""):
        with pytest.raises(InputError, match=f"got --given '{wrong}'; expected NAME=VALUE, as in --given age=40"):
            common.pairs([wrong], "--given")


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), (None, None)])
def test_durations_are_read(text: str | None, seconds: float | None) -> None:
    assert common.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "m10", "10 minutes", "0", "-3s", "nan", "inf", "1e999h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"got the time '.*'; expected a number of seconds, or .* as in 10m"):
        common.duration(text)


def test_the_command_line_can_be_typed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/unnoise", "fit", "my data.csv", "--column", "a=real", "--column", "b=real"])
    typed = "unnoise fit 'my data.csv' --column a=real --column b=real"
    assert common.command_line() == typed
    assert common.command_line("--resume") == f"{typed} --resume"
    monkeypatch.setattr(sys, "argv", ["unnoise", "fit", "--resume"])
    assert common.command_line("--resume") == "unnoise fit --resume"


VERBS = ["fit", "sample", "score", "evaluate", "demo"]


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example_that_is_a_command(verb: str, run: Callable[..., Result]) -> None:
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert re.search(rf"Examples?:\s+unnoise {verb} \S+", result.stdout)
    for option in ("--seed", "--json", "--overwrite", "--device"):
        assert option in result.stdout


def test_help_lists_the_verbs(run: Callable[..., Result]) -> None:
    words = run("--help").stdout
    assert all(re.search(rf"^\W*{verb}\b", words, re.MULTILINE) for verb in VERBS)
    assert "unnoise fit data.csv -o model" in words


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["sample", "model"], "Missing option"),
        (["sample", "model", "-o", "x.csv", "-n", "0"], "-n"),
        (["sample", "model", "-o", "x.csv", "--seed", "-1"], "--seed"),
        (["fit"], "Missing argument"),
        (["score", "m", "d", "-o", "x.csv", "--likelihood", "guess"], "'guess' is not one of 'exact', 'bound'"),
        (["bake"], "No such command"),
    ],
)
def test_wrong_usage_ends_with_2(words: list[str], what: str, run: Callable[..., Any]) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert what in result.stderr


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "unnoise", "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "noising process" in done.stdout
    assert done.stderr == ""
