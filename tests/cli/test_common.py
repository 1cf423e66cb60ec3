"""What all verbs share: exit codes, one sentence for what went wrong, help with an example."""

from __future__ import annotations

import io
import json
import logging
import math
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
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
        (InputError("names differ:\n- a\n- b\n"), 2, "names differ: - a - b"),
        (NonFiniteError("the loss is nan"), 1, "the loss is nan"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (SystemExit(0), 1, "stopped before the end: code that ran called sys.exit(0)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_an_error_becomes_one_line_and_an_exit_code(error: BaseException, code: int, sentence: str) -> None:
    result = outcome(raising(error))
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"unnoise: {sentence}\n")


def test_a_fault_of_unnoise_is_one_line_unless_asked_for_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNNOISE_TRACEBACK", raising=False)
    result = outcome(raising(KeyError("gone")))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(
        "unnoise: this is a fault of unnoise, please report it with the command (KeyError: "
    )
    assert result.stderr.endswith("UNNOISE_TRACEBACK=1 in the environment shows where it happened\n")
    monkeypatch.setenv("UNNOISE_TRACEBACK", "1")
    with pytest.raises(KeyError, match="gone"):
        outcome(raising(KeyError("gone")))


@pytest.mark.filterwarnings("default:beware")
def test_a_warning_becomes_one_line() -> None:
    before = warnings.showwarning
    result = outcome(lambda: warnings.warn("beware of\nthe dog", UserWarning, stacklevel=1))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "unnoise: warning: beware of the dog\n"
    assert warnings.showwarning is before


def test_what_a_library_logs_becomes_one_line() -> None:
    """Matplotlib logs two lines where the home of the user cannot be written to."""
    before, logger = logging.lastResort, logging.Logger("mkdir")

    def verb() -> None:
        logger.info("nothing")
        logger.warning("%s cannot be made:\nread-only", "the home")

    assert outcome(verb).stderr == "unnoise: warning: the home cannot be made: read-only\n"
    assert logging.lastResort is before


def test_a_folder_that_was_deleted_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MKL ended the process."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    result = outcome(lambda: print("it ran"))
    told = "unnoise: the folder that this runs in was deleted; go to another one, as by cd\n"
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", told)


def test_standard_input_is_read_once(tmp_path: Path) -> None:
    common.check_there(None, Path("-"), None, tmp_path)
    with pytest.raises(InputError, match="got - for several files, and standard input can be read once; name files"):
        common.check_there(None, Path("-"), tmp_path, Path("-"))


@pytest.mark.parametrize(("rank", "speaks"), [("0", True), ("1", False), (None, True)])
def test_of_several_processes_the_first_speaks(
    rank: str | None, speaks: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RANK", rank) if rank else monkeypatch.delenv("RANK", raising=False)
    common.say("working")
    common.result(False, {}, "done")
    assert capsys.readouterr() == (("done\n", "working\n") if speaks else ("", ""))


def test_a_result_is_printed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of one line, as `head -1`, left between the line and its end, where streams are not buffered."""
    heard: list[str] = []

    class Heard(io.StringIO):
        def write(self, text: str) -> int:
            heard.append(text)
            return len(text)

    monkeypatch.setattr(sys, "stdout", Heard())
    common.result(False, {}, "done")
    assert heard == ["done\n"]


class Full(io.StringIO):
    def flush(self) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("as_json", [True, False])
def test_a_result_that_cannot_be_printed_is_a_failure(as_json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    told = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr(sys, "stderr", told)
    with pytest.raises(typer.Exit) as caught:
        common.result(as_json, {"a": 1}, "words")
    assert caught.value.exit_code == 1
    sentence = "unnoise: the result could not be printed (No space left on device); the work is done\n"
    assert told.getvalue() == sentence


@pytest.mark.parametrize("stream", [None, Full()])
def test_where_nobody_listens_nothing_fails(stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    common.say("words")
    monkeypatch.setattr(sys, "stdout", None)
    common.result(False, {}, "words")


def test_what_a_stream_cannot_show_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    common.result(False, {}, "± caf\udce9.csv")
    assert raw.getvalue() == b"\\xb1 caf\\udce9.csv\n"


def test_a_result_is_strict_json(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    common.result(True, {"mean": np.float32(0.5), "ratio": math.inf, "pairs": {"a": (1, math.nan)}}, "words")
    out = capsys.readouterr().out
    assert json.loads(out) == {"mean": 0.5, "ratio": None, "pairs": {"a": [1, None]}}
    assert "Infinity" not in out


VERBS = ["fit", "sample", "impute", "score", "evaluate", "demo"]


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
